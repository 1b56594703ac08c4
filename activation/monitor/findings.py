"""What an unknown scan means, once its fingerprint was looked up here. Pure.

Findings are told scan by scan. Incidents are booked by group: the codes of one batch that
nobody exported, and the codes of one package. Of a group each serial is booked once.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from ...codegen import times
from ...codegen.ledger.changes import Incident
from ...codegen.ledger.records import PackageRow
from ...codegen.locate import Found
from ...codegen.ranges import serials
from ...codegen.ranges.lifecycle import State, live
from ...codegen.ranges.serials import Range, Ranges
from ..client.wire import UnknownScan

LEAK = "leak-found"  # kind of incident
RANGES = 50  # an incident names at most; with more, the nearest are told as one


class FindingKind(StrEnum):
    """What an unknown scan turns out to be, the most serious first."""

    NEVER_EXPORTED = "never-exported"
    NOT_ACTIVE = "not-active"
    ACTIVE_HERE = "active-here"
    NOT_OURS = "not-ours"


@dataclass(frozen=True)
class Finding:
    """One unknown scan. What is ours has batch, serial and state.

    A code has package, contact and unit if it was scanned after it was exported.
    """

    finding: FindingKind
    first: datetime
    last: datetime
    count: int
    batch: str | None = None
    serial: int | None = None
    package: str | None = None
    contact: str | None = None
    unit: str | None = None
    state: State | None = None


Packages = Mapping[str, PackageRow]
Group = tuple[str, str | None]  # batch, and package of what was exported


def classify(scan: UnknownScan, found: Found | None, packages: Packages) -> Finding:
    """What `scan` is, `found` being whose code it is."""
    first, last = times.parse(scan.first), times.parse(scan.last)
    if found is None:
        return Finding(FindingKind.NOT_OURS, first, last, scan.count)
    standing = found.standing
    package = packages[standing.package] if standing.package else None
    if package is not None and first < _exported(package, packages):
        # Whoever got it later has nothing to do with this scan.
        package = None
    kind = FindingKind.NOT_ACTIVE
    if live(standing):
        kind = FindingKind.ACTIVE_HERE
    elif package is None:
        kind = FindingKind.NEVER_EXPORTED
    return Finding(
        finding=kind,
        first=first,
        last=last,
        count=scan.count,
        batch=found.batch,
        serial=found.serial,
        package=package.package if package else None,
        contact=package.contact if package else None,
        unit=found.unit if package else None,
        state=standing.state,
    )


def _exported(package: PackageRow, packages: Packages) -> datetime:
    """When the codes of `package` were first exported: a reprint's were before."""
    while package.supersedes:
        package = packages[package.supersedes]
    return package.begun_at


def leaks(findings: Iterable[Finding]) -> dict[Group, list[Finding]]:
    """The findings that are leaks, by group, the groups in order."""
    found: defaultdict[Group, list[Finding]] = defaultdict(list)
    for one in findings:
        if one.finding in (FindingKind.NEVER_EXPORTED, FindingKind.NOT_ACTIVE):
            found[one.batch or "", one.package].append(one)
    return dict(sorted(found.items(), key=lambda item: (item[0][1] or "", item[0][0])))


def incidents(findings: Iterable[Finding], booked: Sequence[str]) -> list[Incident]:
    """The incidents to book, beside those whose details are `booked`."""
    told: list[Incident] = []
    known = _known(booked)
    for group, ones in leaks(findings).items():
        before = serials.union(known.get(group, []))
        new = serials.subtract(serials.union(_at(one) for one in ones), before)
        fresh = [one for one in ones if serials.subtract([_at(one)], before)]
        if fresh:
            told.append(Incident(LEAK, _detail(group, coarse(new), fresh)))
    return told


def _at(one: Finding) -> Range:
    return Range(one.serial or 1, one.serial or 1)


def _detail(group: Group, where: Ranges, ones: Sequence[Finding]) -> str:
    """The serials come last: an alarm on a phone is cut."""
    batch, package = group
    kind = "not active" if package else "never exported"
    to = f"package {package} of contact {ones[0].contact}, " if package else ""
    named = ",".join(map(str, where))
    return f"{kind}: {amount(ones)}, {to}batch {batch}, serials {named}"


def amount(ones: Sequence[Finding]) -> str:
    """How many codes were scanned, and how often."""
    codes, scans = len(ones), sum(one.count for one in ones)
    return f"{codes:,} code{'s' * (codes != 1)}, {scans:,} scan{'s' * (scans != 1)}"


_DETAIL = re.compile(
    r"(?:never exported|not active): [0-9,]+ codes?, [0-9,]+ scans?,"
    r"(?: package (\S{1,64}) of contact \S+,)? batch (\S{1,64}), serials ([0-9,-]+)",
    re.ASCII,
)


def _known(details: Iterable[str]) -> dict[Group, list[Range]]:
    found: defaultdict[Group, list[Range]] = defaultdict(list)
    for detail in details:
        if match := _DETAIL.fullmatch(detail):
            package, batch, named = match.groups()
            found[batch, package] += serials.parse(named, serials.LAST)
    return found


def coarse(ranges: Ranges, most: int = RANGES) -> Ranges:
    """At most `most` ranges that hold all of `ranges`: the narrowest gaps are closed."""
    if len(ranges) <= most:
        return ranges
    gaps = [after.first - before.last for before, after in pairwise(ranges)]
    widest = sorted(sorted(range(len(gaps)), key=lambda at: -gaps[at])[: most - 1])
    edges = [0, *(at + 1 for at in widest), len(ranges)]
    return tuple(
        Range(ranges[start].first, ranges[stop - 1].last) for start, stop in pairwise(edges)
    )

"""What an unknown scan means, once its fingerprint was looked up here. Pure.

There is a finding per scan. Incidents are booked by group: the codes of one batch that
nobody exported, and the codes of one package. In a group each serial is booked once.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from ...codegen import times
from ...codegen.ledger.changes import Incident, IncidentFacts
from ...codegen.ledger.records import PackageRow
from ...codegen.lookup import Found
from ...codegen.ranges import serials
from ...codegen.ranges.lifecycle import State, live
from ...codegen.ranges.serials import Range, Ranges
from ...codegen.relations import CodeRelations
from ...codegen.result import counted
from ..client.wire import UnknownScan

LEAK = "leak-found"  # kind of incident
MAX_RANGES = 50  # in an incident; where there are more, the narrowest gaps are closed


class FindingKind(StrEnum):
    """What an unknown scan turns out to be, the most serious first."""

    NEVER_EXPORTED = "never-exported"
    NOT_ACTIVE = "not-active"
    ACTIVE_HERE = "active-here"
    NOT_OURS = "not-ours"


@dataclass(frozen=True)
class ScanFinding:
    """What one unknown scan is. A code of ours has batch, serial and state.

    It has package, contact and unit as well if it was scanned after it was exported. `belongs`:
    what is on the same item, and what that lies in.
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
    belongs: CodeRelations = field(default_factory=CodeRelations)


Packages = Mapping[str, PackageRow]
Group = tuple[str, str | None]  # batch, and package if the codes were exported


def classify(scan: UnknownScan, found: Found | None, packages: Packages) -> ScanFinding:
    """What `scan` is; `found` is the code of this home that has its fingerprint."""
    first, last = times.parse(scan.first), times.parse(scan.last)
    if found is None:
        return ScanFinding(FindingKind.NOT_OURS, first, last, scan.count)
    standing = found.standing
    package = packages[standing.package] if standing.package else None
    if package is not None and first < _exported(package, packages):
        # The contact who got the code later has nothing to do with this scan.
        package = None
    kind = FindingKind.NOT_ACTIVE
    if live(standing):
        kind = FindingKind.ACTIVE_HERE
    elif package is None:
        kind = FindingKind.NEVER_EXPORTED
    return ScanFinding(
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
    """When the codes of `package` were first exported: for a reprint, in an earlier package."""
    while package.supersedes:
        package = packages[package.supersedes]
    return package.begun_at


def leaks(findings: Iterable[ScanFinding]) -> dict[Group, list[ScanFinding]]:
    """The findings that are leaks, by group, the groups in order."""
    groups: defaultdict[Group, list[ScanFinding]] = defaultdict(list)
    for finding in findings:
        if finding.finding in (FindingKind.NEVER_EXPORTED, FindingKind.NOT_ACTIVE):
            groups[finding.batch or "", finding.package].append(finding)
    return dict(sorted(groups.items(), key=lambda item: (item[0][1] or "", item[0][0])))


def incidents(findings: Iterable[ScanFinding], booked: Iterable[Incident]) -> list[Incident]:
    """The incidents to book, beside those that are `booked`."""
    made: list[Incident] = []
    known = _known(booked)
    for group, members in leaks(findings).items():
        before = serials.union(known.get(group, []))
        new = serials.subtract(serials.union(_at(finding) for finding in members), before)
        fresh = [finding for finding in members if serials.subtract([_at(finding)], before)]
        if fresh:
            made.append(_incident(group, coarse(new), fresh))
    return made


def _at(finding: ScanFinding) -> Range:
    return Range(finding.serial or 1, finding.serial or 1)


def _incident(group: Group, ranges: Ranges, findings: Sequence[ScanFinding]) -> Incident:
    """The serials come last in the sentence: an alarm on a phone is cut."""
    batch, package = group
    contact = findings[0].contact
    kind = "not active" if package else "never exported"
    to = f"package {package} of contact {contact}, " if package else ""
    named = ",".join(map(str, ranges))
    return Incident(
        LEAK,
        f"{kind}: {amount(findings)}, {to}batch {batch}, serials {named}",
        IncidentFacts(
            batch=batch,
            package=package,
            contact=contact,
            serials=ranges,
            codes=len(findings),
            scans=_scans(findings),
        ),
    )


def amount(findings: Sequence[ScanFinding]) -> str:
    """How many codes were scanned, and how often."""
    return numbers(len(findings), _scans(findings))


def numbers(codes: int, scans: int) -> str:
    """So many codes, so many scans."""
    return f"{counted(codes, 'code')}, {counted(scans, 'scan')}"


def _scans(findings: Sequence[ScanFinding]) -> int:
    return sum(finding.count for finding in findings)


def _known(booked: Iterable[Incident]) -> dict[Group, list[Range]]:
    """The serials that are booked already, by group."""
    known: defaultdict[Group, list[Range]] = defaultdict(list)
    for incident in booked:
        facts = incident.facts or _facts_of(incident.detail)
        if facts is not None and facts.batch is not None:
            known[facts.batch, facts.package] += facts.serials or ()
    return known


# Incidents that were booked before incidents had facts say the same in their sentence alone.
_DETAIL = re.compile(
    r"(?:never exported|not active): [0-9,]+ codes?, [0-9,]+ scans?,"
    r"(?: package (\S{1,64}) of contact \S+,)? batch (\S{1,64}), serials ([0-9,-]+)",
    re.ASCII,
)


def _facts_of(detail: str) -> IncidentFacts | None:
    match = _DETAIL.fullmatch(detail)
    if match is None:
        return None
    package, batch, named = match.groups()
    return IncidentFacts(batch=batch, package=package, serials=serials.from_text(named))


def coarse(ranges: Ranges, most: int = MAX_RANGES) -> Ranges:
    """At most `most` ranges that hold all of `ranges`: the narrowest gaps are closed."""
    if len(ranges) <= most:
        return ranges
    gaps = [after.first - before.last for before, after in pairwise(ranges)]
    widest = sorted(sorted(range(len(gaps)), key=lambda at: -gaps[at])[: most - 1])
    edges = [0, *(at + 1 for at in widest), len(ranges)]
    return tuple(
        Range(ranges[start].first, ranges[stop - 1].last) for start, stop in pairwise(edges)
    )

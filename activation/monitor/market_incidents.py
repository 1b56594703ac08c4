"""Which findings in the market become incidents, and when again. Pure.

Incidents are booked by group: the codes of one batch and package, of diverted ones also of one
dealer and one place where they were scanned. A group is booked again for serials that were not
booked, and once its scans are ten times as many as were booked.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...codegen import times
from ...codegen.ledger.changes import Incident, IncidentFacts
from ...codegen.ranges import regions, serials
from ...codegen.ranges.serials import Range, Ranges
from .findings import coarse, numbers
from .judged import MarketFinding, MarketKind

GROWN = 10  # times as many scans as were booked
# Findings of other kinds are told, and are no incident.
INCIDENTS: Mapping[MarketKind, str] = {
    MarketKind.STOPPED: "scans-stopped",
    MarketKind.COPIED: "copied",
    MarketKind.DIVERTED: "diverted",
}
MARKET_KINDS = tuple(INCIDENTS.values())

# Batch and package; dealer and place of diverted codes.
_Group = tuple[str | None, ...]


def market_incidents(
    findings: Iterable[MarketFinding], booked: Mapping[str, Sequence[Incident]]
) -> Iterator[Incident]:
    """The incidents to book, beside those that are `booked`, by kind."""
    groups: defaultdict[tuple[MarketKind, _Group], list[MarketFinding]] = defaultdict(list)
    for found in findings:
        if found.finding in INCIDENTS:
            groups[found.finding, _group(found)].append(found)
    for (kind, group), members in groups.items():
        known = [
            change.facts
            for change in booked.get(INCIDENTS[kind], ())
            if change.facts and _group_of(kind, change.facts) == group
        ]
        before = serials.union(part for facts in known for part in facts.serials or ())
        fresh = [found for found in members if serials.subtract(found.serials, before)]
        scans = sum(facts.scans or 0 for facts in known)
        if known and sum(found.scans for found in members) >= GROWN * max(scans, 1):
            yield _incident(kind, members, (), f"{GROWN} times as many scans as before: ")
        elif fresh:
            yield _incident(kind, fresh, before)


def _group(found: MarketFinding) -> _Group:
    key = found.batch, found.package
    return (*key, found.dealer, found.seen_in) if found.finding is MarketKind.DIVERTED else key


def _group_of(kind: MarketKind, facts: IncidentFacts) -> _Group:
    key = facts.batch, facts.package
    return (*key, facts.dealer, facts.region) if kind is MarketKind.DIVERTED else key


def _incident(
    kind: MarketKind, members: Sequence[MarketFinding], before: Ranges, begin: str = ""
) -> Incident:
    """What is new of a group. The serials come last in the sentence: alarms are cut."""
    first = members[0]
    new = coarse(serials.subtract(serials.union(_all(members)), before))
    codes = sum(_codes(found, before) for found in members)
    scans = sum(found.scans for found in members)
    facts = IncidentFacts(
        batch=first.batch,
        package=first.package,
        contact=first.contact,
        unit=_one(found.unit for found in members),
        serials=new,
        codes=codes,
        scans=scans,
        dealer=_one(found.dealer for found in members),
        carton=_one(found.carton for found in members),
        region=first.seen_in,
        since=times.format_utc(min(found.first for found in members)),
    )
    words = [
        _begun(kind, members),
        f"package {first.package} of contact {first.contact}" if first.package else "",
        f"dealer {facts.dealer}" if facts.dealer else "",
        f"carton {facts.carton}" if facts.carton else "",
        f"batch {first.batch}",
        f"serials {','.join(map(str, new))}",
    ]
    what = begin + numbers(codes, scans)
    return Incident(INCIDENTS[kind], ", ".join([what, *filter(None, words)]), facts)


def _begun(kind: MarketKind, members: Sequence[MarketFinding]) -> str:
    first = members[0]
    if kind is MarketKind.STOPPED:
        return " and ".join(sorted({found.answered or "" for found in members}))
    if kind is MarketKind.COPIED:
        return f"{max(found.allowed or 1 for found in members):,} allowed"
    said = regions.shown(first.seen_in or "")
    return f"seen in {said}, meant for {regions.shown(first.region or '')}"


def _all(members: Iterable[MarketFinding]) -> Iterator[Range]:
    return (part for found in members for part in found.serials)


def _codes(found: MarketFinding, before: Ranges) -> int:
    """All of a finding, or those of it that were not booked before."""
    new = serials.subtract(found.serials, before)
    return found.codes if new == found.serials else serials.count(new)


def _one(values: Iterable[str | None]) -> str | None:
    """The value that all of them have."""
    found = set(values)
    return found.pop() if len(found) == 1 else None

"""Scans in the market, told to people: by package and dealer, the most serious first."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice

from ...codegen.ranges import regions, serials
from ...codegen.ranges.lifecycle import State
from ...codegen.relations import CodeRelations
from .findings import numbers
from .judged import MarketFinding, MarketKind

SHOWN = 20  # groups of each kind
CARTONS = 3  # of a group that are named

_HEADS = {
    MarketKind.STOPPED: "STOPPED codes were scanned: stolen or scrapped goods may be on sale",
    MarketKind.COPIED: "COPIED? one code in many hands",
    MarketKind.DIVERTED: "DIVERTED (窜货): scanned outside their region",
    MarketKind.ACTIVE_HERE: "scanned, active here, refused by the backend",
    MarketKind.NOT_VALID: "scanned before or after their time",
}
_DO = {
    MarketKind.STOPPED: "find out who sells them; they stay stopped until an order wakes them",
    MarketKind.COPIED: "unless many hands are meant (max_scans): mintmark freeze BATCH"
    " --serials ...",
    MarketKind.DIVERTED: "ask the dealer; what a code belongs to: mintmark locate BATCH:SERIAL",
}


def head(kind: MarketKind, codes: int) -> str:
    """The line that says what was found."""
    return f"{_HEADS[kind]}: {codes:,}"


def groups(kind: MarketKind, findings: Sequence[MarketFinding]) -> Iterator[str]:
    """The findings of a kind, by group, and what to do."""
    found: defaultdict[tuple[str, ...], list[MarketFinding]] = defaultdict(list)
    for item in findings:
        if item.finding is kind:
            found[_key(item)].append(item)
    for key in islice(sorted(found), SHOWN):
        yield from _group(found[key])
    if len(found) > SHOWN:
        yield f"  and {len(found) - SHOWN:,} more groups: see --json"
    if kind in _DO:
        yield f"  {_DO[kind]}"


def _key(found: MarketFinding) -> tuple[str, ...]:
    parts = found.package, found.contact, found.batch, found.unit, found.dealer
    more = _answer(found), found.region if found.seen_in else None, found.seen_in
    return tuple(part or "" for part in (*parts, *more))


def _group(members: Sequence[MarketFinding]) -> Iterator[str]:
    first = members[0]
    names = ("package", "contact", "unit", "batch", "dealer")
    whose = ((name, getattr(first, name)) for name in names)
    yield "  " + "  ".join(f"{name} {value}" for name, value in whose if value)
    ranges = serials.union(part for found in members for part in found.serials)
    amount = numbers(sum(item.codes for item in members), sum(item.scans for item in members))
    span = min(item.first for item in members), max(item.last for item in members)
    begin, end = (f"{time:%Y-%m-%d %H:%M}" for time in span)
    when = begin if begin == end else f"{begin} to {end}"
    said = f"serials {serials.describe(ranges)} ({_what(members)}): {amount}, {when}"
    yield f"    {said}"
    if first.seen_in:
        meant = regions.shown(first.region or "")
        yield f"    seen in {regions.shown(first.seen_in)}, meant for {meant}"
    yield from _cartons(members)


def _what(members: Sequence[MarketFinding]) -> str:
    first = members[0]
    if answer := _answer(first):
        return answer
    allowed = {item.allowed for item in members if item.allowed}
    return f"{min(allowed):,} allowed" if allowed else first.state.value


def _answer(found: MarketFinding) -> str | None:
    """What a refused scan was answered, and whether the code was woken since."""
    woken = found.finding is MarketKind.STOPPED and found.state is State.ACTIVE
    return f"{found.answered} then, active now" if woken else found.answered


def _cartons(members: Sequence[MarketFinding]) -> Iterator[str]:
    """In which cartons and pallets they lie."""
    of: defaultdict[str, int] = defaultdict(int)
    for found in members:
        if way := _way(found.belongs):
            of[way] += found.codes
    ranked = sorted(of.items(), key=lambda item: (-item[1], item[0]))
    for way, codes in ranked[:CARTONS]:
        yield f"    {codes:,} {way}"
    if more := sum(codes for _, codes in ranked[CARTONS:]):
        yield f"    {more:,} in others: see --json"


def _way(belongs: CodeRelations) -> str:
    return "  ".join(place.text() for place in belongs.within)

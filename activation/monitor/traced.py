"""What a trace found, told to people by package and unit, and to programs scan by scan."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from ...codegen.ranges import serials
from ...codegen.ranges.lifecycle import State
from ...codegen.result import Result
from . import traced_market
from .findings import FindingKind, ScanFinding, amount
from .judged import MarketFinding, MarketKind

SHOWN = 20  # lines for people, of each kind
WAYS = 3  # cartons, pallets and dealers of a group that are named


@dataclass(frozen=True)
class Behind:
    """Codes of a batch that are active here alone; how many such orders wait or were refused."""

    batch: str
    codes: int
    queued: int
    refused: int

    def line(self, order: str = "an activation") -> str:
        """What a person can do about it."""
        what = f"batch {self.batch}  codes: {self.codes:,}; "
        if self.queued:
            return f"{what}{order} is queued, send it: mintmark deliver"
        if self.refused:
            return f"{what}{order} was refused: mintmark orders list --status refused"
        return f"{what}compare both sides: mintmark reconcile {self.batch}"


@dataclass(frozen=True)
class Traced(Result):
    """What the scans are. Counts are of different codes.

    `findings` hold codes that are not ours only if the request wants `every`. `incidents`:
    how many this run booked. `cut`: the backend had more scans than a reading takes. `lacking`:
    addresses that the backend does not offer. `unjudged`: regions of scans that say nothing.
    """

    scans: int
    never_exported: int
    not_active: int
    active_here: int
    not_ours: int
    incidents: int
    cut: bool
    findings: tuple[ScanFinding, ...]
    behind: tuple[Behind, ...]
    market: tuple[MarketFinding, ...] = ()
    behind_refused: tuple[Behind, ...] = ()
    lacking: tuple[str, ...] = ()
    unjudged: int = 0

    @property
    def reads(self) -> bool:
        """Whether nothing was booked."""
        return not self.incidents

    def lines(self) -> Iterator[str]:
        """By finding, the most serious first; by package and unit within."""
        if not self.scans and not self.market:
            yield "no unknown scans"
        if self.never_exported:
            yield f"LEAK: scanned before it was exported: {self.never_exported:,}"
            yield from self._groups(FindingKind.NEVER_EXPORTED)
        yield from self._in_market(MarketKind.STOPPED)
        if self.not_active:
            yield f"scanned, exported, not active: {self.not_active:,}"
            yield from self._groups(FindingKind.NOT_ACTIVE)
        yield from self._in_market(MarketKind.COPIED)
        yield from self._in_market(MarketKind.DIVERTED)
        yield from self._active_here()
        yield from self._in_market(MarketKind.NOT_VALID)
        if self.not_ours:
            yield f"scanned, no code of ours (guessed, misread, foreign): {self.not_ours:,}"
        yield from self._limits()

    def _active_here(self) -> Iterator[str]:
        if self.active_here:
            yield f"scanned, active here, unknown to the backend: {self.active_here:,}"
            for batch in self.behind[:SHOWN]:
                yield f"  {batch.line()}"
        if self.behind_refused:
            yield traced_market.head(MarketKind.ACTIVE_HERE, self._codes(MarketKind.ACTIVE_HERE))
            for batch in self.behind_refused[:SHOWN]:
                yield f"  {batch.line('an order')}"

    def _in_market(self, kind: MarketKind) -> Iterator[str]:
        if codes := self._codes(kind):
            yield traced_market.head(kind, codes)
            yield from traced_market.groups(kind, self.market)

    def _codes(self, kind: MarketKind) -> int:
        return sum(found.codes for found in self.market if found.finding is kind)

    def _limits(self) -> Iterator[str]:
        """What this trace could not see, and what it did."""
        if self.cut:
            yield "there are more than a single reading takes"
        if self.unjudged:
            yield f"regions that could not be judged: {self.unjudged:,}; see docs/trace.md"
        if self.lacking:
            named = ", ".join(self.lacking)
            yield f"the backend does not offer {named}: what these would show is not told"
        if self.incidents:
            yield f"booked as incidents: {self.incidents} new"

    def records(self) -> Iterator[dict[str, Any]]:
        """The JSON object: what belongs to a code stands beside what it is."""
        for record in super().records():
            lists = {
                key: [found | found.pop("belongs") for found in record[key]]
                for key in ("findings", "market")
            }
            counts = {kind.value.replace("-", "_"): self._codes(kind) for kind in _COUNTED}
            yield record | counts | lists

    def _groups(self, kind: FindingKind) -> Iterator[str]:
        groups: defaultdict[tuple[str, ...], list[ScanFinding]] = defaultdict(list)
        for found in self.findings:
            if found.finding is kind:
                key = found.package, found.contact, found.batch, found.unit, found.state
                groups[tuple(str(part or "") for part in key)].append(found)
        for group in islice(sorted(groups), SHOWN):
            yield from _group(group, groups[group])
        if len(groups) > SHOWN:
            yield f"  and {len(groups) - SHOWN:,} more groups: see --json"
        if any(found.finding is kind and found.state in _OPEN for found in self.findings):
            yield f"  {_DO[kind]}"


_COUNTED = (*(MarketKind.STOPPED, MarketKind.COPIED, MarketKind.DIVERTED, MarketKind.NOT_VALID),)
_OPEN = (State.SEALED, State.PACKAGED)  # codes that are frozen or void need nothing more
_DO = {
    FindingKind.NEVER_EXPORTED: "end them: mintmark void BATCH --serials ... --reason stolen",
    FindingKind.NOT_ACTIVE: "unless the printer tested them: mintmark freeze BATCH --serials ...",
}


def _group(key: Sequence[str], findings: Sequence[ScanFinding]) -> Iterator[str]:
    """Two lines: the package or batch of the codes, and how they were scanned."""
    package, contact, batch, unit, state = key
    to = f"package {package}  contact {contact}  " if package else ""
    yield f"  {to}{f'unit {unit}  ' if unit else ''}batch {batch}"
    ranges = serials.of(found.serial or 1 for found in findings)
    first, last = (f"{time:%Y-%m-%d %H:%M}" for time in _between(findings))
    when = first if first == last else f"{first} to {last}"
    yield f"    serials {serials.describe(ranges)} ({state}): {amount(findings)}, {when}"
    ways = Counter(way for found in findings if (way := _way(found))).most_common()
    for way, count in ways[:WAYS]:
        yield f"    {count:,} {way}"
    if more := sum(count for _, count in ways[WAYS:]):
        yield f"    {more:,} in others: see --json"


def _way(found: ScanFinding) -> str:
    """In which carton and pallet a code is, and whose they are; empty if it lies in nothing."""
    belongs = found.belongs
    places = [place.text() for place in belongs.within]
    said = [f"{key}={value}" for key, value in belongs.inherited.items()]
    return "  ".join([*places, *said])


def _between(findings: Sequence[ScanFinding]) -> tuple[datetime, datetime]:
    return min(found.first for found in findings), max(found.last for found in findings)

"""What scans in the market mean, by the books of this home: stopped, copied, diverted.

A refused scan is a code, a repeat is a code; of scans by region the backend names a part of the
codes, so their findings count at least what there is.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from ...codegen import times
from ...codegen.ledger.changes import Ordered
from ...codegen.ledger.records import PackageRow
from ...codegen.ledger.view import View
from ...codegen.lookup import Found, standing
from ...codegen.ranges import regions, serials
from ...codegen.ranges.aggregation import CodeRef
from ...codegen.ranges.attributes import to_json
from ...codegen.ranges.lifecycle import State
from ...codegen.ranges.serials import Ranges
from ...codegen.relations import CodeRelations, relations
from ..client.wire import RefusedScan, RegionScans, Repeat
from .market import MarketReading

# What a scan is answered for a code whose time has not come, or is over.
_NOT_VALID = frozenset({"not_yet", "expired"})
PAGE = 1_000


class MarketKind(StrEnum):
    """What scans of our codes turn out to be, the most serious first."""

    STOPPED = "stopped"
    COPIED = "copied"
    DIVERTED = "diverted"
    ACTIVE_HERE = "active-here"
    NOT_VALID = "not-valid"


@dataclass(frozen=True)
class MarketFinding:
    """What scans of a code are, or of codes of one carton in one region.

    `answered`: what the backend answered a refused scan. `allowed`: how many scans a copied code
    allows. `region` is where diverted codes belong, `seen_in` where they were scanned.
    `belongs`: what the first of the codes lies in.
    """

    finding: MarketKind
    batch: str
    serials: Ranges
    codes: int
    scans: int
    first: datetime
    last: datetime
    state: State
    answered: str | None = None
    allowed: int | None = None
    package: str | None = None
    contact: str | None = None
    unit: str | None = None
    dealer: str | None = None
    region: str | None = None
    seen_in: str | None = None
    belongs: CodeRelations = field(default_factory=CodeRelations)

    @property
    def carton(self) -> str | None:
        """The nearest code that they lie in."""
        within = self.belongs.within
        return f"{within[0].batch}:{within[0].serial}" if within else None


@dataclass(frozen=True)
class Judged:
    """The findings, the most serious first, and how many regions could not be judged.

    Such a region is one that the backend told, of codes with a `region`; one of both names no
    place that is known here.
    """

    findings: tuple[MarketFinding, ...]
    unjudged: int


def judge(view: View, reading: MarketReading, copied_scans: int) -> Judged:
    """What `reading` means; codes of other homes, and those that are all right, are left out."""
    sizes = {row.batch: row.quantity for row in view.batches()}
    refused = [row for row in reading.refused if row.serial <= sizes.get(row.batch, 0)]
    repeats = [row for row in reading.repeats if row.serial <= sizes.get(row.batch, 0)]
    told = [(batch, row) for batch, row in reading.regions if row.last <= sizes.get(batch, 0)]
    refs = {CodeRef(row.batch, row.serial) for row in refused} | {row.ref for row in repeats}
    refs |= {CodeRef(batch, serial) for batch, row in told for serial in row.examples}
    books = _Books(view, refs)
    findings = [books.refused(row) for row in refused]
    findings += books.copied(repeats, copied_scans)
    unjudged = 0
    for batch, row in told:
        found, unknown = books.diverted(batch, row)
        findings += found
        unjudged += unknown
    order = list(MarketKind)
    findings.sort(key=lambda found: (order.index(found.finding), found.batch, found.serials))
    return Judged(tuple(findings), unjudged)


class _Books:
    """What the books say of the codes that were read."""

    def __init__(self, view: View, refs: Iterable[CodeRef]) -> None:
        self.view = view
        self.codes: Mapping[CodeRef, Found] = standing(view, refs)
        self.own = {ref: to_json(code.standing.attributes) for ref, code in self.codes.items()}
        self.belongs = relations(view, self.own)
        self.packages: Mapping[str, PackageRow] = {row.package: row for row in view.packages()}
        self._changed: dict[str, Mapping[int, datetime]] = {}

    def refused(self, scan: RefusedScan) -> MarketFinding:
        """A scan of a known code that was not answered as genuine."""
        ref, last = CodeRef(scan.batch, scan.serial), times.parse(scan.last)
        kind = MarketKind.NOT_VALID if scan.state in _NOT_VALID else MarketKind.STOPPED
        if self._good(ref, last) and self._changed_at(ref) <= last:
            kind = MarketKind.ACTIVE_HERE
        span = times.parse(scan.first), last
        return self._finding(kind, [ref], (1, scan.count), span, answered=scan.state)

    def copied(self, repeats: Iterable[Repeat], beyond: int) -> Iterator[MarketFinding]:
        """The codes that were scanned more often than they allow, by more than `beyond`."""
        for row in repeats:
            allowed = self._allowed(row.ref)
            if row.scans > allowed + beyond:
                span, counts = _span(row), (1, row.scans)
                yield self._finding(MarketKind.COPIED, [row.ref], counts, span, allowed=allowed)

    def diverted(self, batch: str, row: RegionScans) -> tuple[list[MarketFinding], int]:
        """The codes of a range that may not be in a region; 1 if that cannot be judged."""
        groups: defaultdict[tuple[Any, ...], list[CodeRef]] = defaultdict(list)
        unknown = inside = 0
        for serial in row.examples:
            ref = CodeRef(batch, serial)
            region = self._worth(ref, "region")
            verdict = None if region is None else regions.covers(region, row.region)
            unknown += region is not None and verdict is None
            inside += verdict is not False
            if verdict is False:
                groups[self._group(ref, row.region)].append(ref)
        whole = len(groups) == 1 and not inside
        found = []
        for key, refs in groups.items():
            counts = (row.codes, row.scans) if whole else (len(refs), len(refs))
            kind, seen = MarketKind.DIVERTED, key[-1]
            found.append(self._finding(kind, refs, counts, _span(row), seen_in=seen))
        return found, min(unknown, 1)

    def _group(self, ref: CodeRef, told: str) -> tuple[Any, ...]:
        """What the codes of a finding have in common; where they were seen comes last."""
        region = self._worth(ref, "region") or ""
        code, seen = self.codes[ref], regions.outside(region, told)
        within = self.belongs[ref].within
        carton = (within[0].batch, within[0].serial) if within else None
        dealer = self._worth(ref, "dealer")
        return code.standing.package, code.unit, dealer, region, carton, seen

    def _finding(
        self,
        kind: MarketKind,
        refs: Sequence[CodeRef],
        counts: tuple[int, int],
        span: tuple[datetime, datetime],
        **said: Any,  # noqa: ANN401
    ) -> MarketFinding:
        ref = refs[0]
        code = self.codes[ref]
        package = self.packages.get(code.standing.package or "")
        return MarketFinding(
            finding=kind,
            batch=ref.batch,
            serials=serials.of(ref.serial for ref in refs),
            codes=counts[0],
            scans=counts[1],
            first=span[0],
            last=span[1],
            state=code.standing.state,
            package=package.package if package else None,
            contact=package.contact if package else None,
            unit=code.unit,
            dealer=self._worth(ref, "dealer"),
            region=self._worth(ref, "region"),
            belongs=self.belongs[ref],
            **said,
        )

    # --- single facts

    def _worth(self, ref: CodeRef, key: str) -> str | None:
        """An attribute of the code, or of what it lies in; windows are of campaigns, not of places.

        Nor is it known at what hour a scan was made.
        """
        value = self.own[ref].get(key, self.belongs[ref].inherited.get(key))
        return None if value is None else str(value)

    def _allowed(self, ref: CodeRef) -> int:
        """How many scans the code allows: the most that it says, and one for each label of it.

        A window may allow more while it holds, and the scans of that time stay counted.
        """
        package = self.packages.get(self.codes[ref].standing.package or "")
        own = self.own[ref]
        inside = [value["attributes"] for value in own.values() if isinstance(value, dict)]
        said = (held.get("max_scans") or 1 for held in (own, *inside))
        return max(package.copies if package else 1, *map(int, said))

    def _good(self, ref: CodeRef, then: datetime) -> bool:
        """Whether the code is active by the books now, and was valid at `then`."""
        begin, end = (self.own[ref].get(key) for key in ("effective_at", "expires_at"))
        early = begin is not None and then < times.parse(str(begin))
        late = end is not None and then >= times.parse(str(end))
        return self.codes[ref].standing.state is State.ACTIVE and not early and not late

    def _changed_at(self, ref: CodeRef) -> datetime:
        """When the last order over the code was booked."""
        if ref.batch not in self._changed:
            self._changed[ref.batch] = dict(self._changes(ref.batch))
        return self._changed[ref.batch].get(ref.serial, self._beginning)

    def _changes(self, batch: str) -> Iterator[tuple[int, datetime]]:
        """Of each code that was read and is active: when orders over it were booked, ascending."""
        ours = serials.of(
            ref.serial
            for ref, code in self.codes.items()
            if ref.batch == batch and code.standing.state is State.ACTIVE
        )
        after = ""
        while page := self.view.orders(batch, None, after, PAGE):
            for row in page:
                if isinstance(row.change, Ordered):
                    for piece in serials.intersect(ours, row.touched):
                        for serial in range(piece.first, piece.last + 1):
                            yield serial, row.ordered_at
            after = page[-1].order

    @cached_property
    def _beginning(self) -> datetime:
        return self.view.home().made_at


def _span(row: Repeat | RegionScans) -> tuple[datetime, datetime]:
    return times.parse(row.first_scan), times.parse(row.last_scan)

"""Reports: the standing of every code."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from .codes import offline
from .ledger.records import BatchRow
from .ledger.view import View
from .mint_result import booked_bits, purpose
from .mint_sscc import SsccBlock, block_of
from .ranges import values, windows
from .ranges.attributes import Value, to_json
from .ranges.lifecycle import State
from .ranges.serials import Range, Ranges, count, union
from .result import Result
from .station.station import Station

MOST_SCHEDULED = 1_000  # orders


@dataclass(frozen=True)
class BatchSummary:
    """A batch in a list."""

    batch: str
    quantity: int
    product: str | None
    ref: str | None
    role: str
    pair_of: str | None
    sscc: SsccBlock | None
    minted_at: datetime
    states: Mapping[State, int]
    unacknowledged: int
    refused: int
    without_receipt: int


@dataclass(frozen=True)
class BatchList(Result):
    """All batches, oldest first."""

    reads = True

    batches: tuple[BatchSummary, ...]

    def lines(self) -> Iterator[str]:
        """A line per batch."""
        if not self.batches:
            yield "no batches; mint one: mintmark mint --quantity 10000"
        for row in self.batches:
            states = ", ".join(
                f"{count:,} {state.value}" for state, count in row.states.items() if count
            )
            waiting = f"  {row.unacknowledged:,} unacknowledged" if row.unacknowledged else ""
            if row.without_receipt:
                waiting += f"  {row.without_receipt:,} packaged without receipt"
            role = "" if row.role == "item" else f"  {row.role}"
            role += f"  SSCC {row.sscc.extension}.{row.sscc.prefix}" if row.sscc else ""
            role += f"  on the items of {row.pair_of}" if row.pair_of else ""
            name = f"{row.product or '-'}{role}"
            yield f"{row.batch}  {row.quantity:>11,}  {name}  ({states}){waiting}"


@dataclass(frozen=True)
class PairedBatch:
    """Another batch whose codes are on the same items, serial by serial."""

    batch: str
    role: str


@dataclass(frozen=True)
class RangeShown:
    """Serials of the same standing. `holding`: the names of the windows that hold now."""

    serials: Ranges
    state: State
    package: str | None
    attributes: Mapping[str, Value]
    reason: str | None
    holding: tuple[str, ...]

    def text(self) -> str:
        """A line of text."""
        extra = "  ".join(
            f"{key}={windows.describe(key, value)}" for key, value in self.attributes.items()
        )
        if self.holding:
            extra += f"  now: {', '.join(self.holding)}"
        notes = "  ".join(filter(None, (self.package, self.reason, extra)))
        serials = f"{self.serials[0].first:>11} - {self.serials[0].last:<11}"
        return f"  {serials} {self.state.value:<9} {notes}".rstrip()


@dataclass(frozen=True)
class BatchShown(Result):
    """The standing of every code of a batch. `next` is the `--after` of the next page.

    `pairs`: the other batches on the same items, `pair_of` or not. `associated`: how many codes
    lie in a carton, a pallet or another code.
    `offline_bits` and `offline_seconds`: the work of a thief of fingerprint key and fingerprint
    file, as the batch was minted; `…_today`: now that more codes of that length are issued.
    `scheduled`: how many codes orders wait for that are booked later.
    """

    reads = True

    batch: str
    quantity: int
    product: str | None
    ref: str | None
    role: str
    pair_of: str | None
    pairs: tuple[PairedBatch, ...]
    sscc: SsccBlock | None
    associated: int
    scheduled: int
    states: Mapping[State, int]
    reserved: int
    unacknowledged: int
    refused: int
    without_receipt: int
    offline_bits: float
    offline_seconds: float
    offline_bits_today: float
    offline_seconds_today: float
    ranges: tuple[RangeShown, ...]
    next: int | None

    def lines(self) -> Iterator[str]:
        """The trouble first, then the sums, then the ranges."""
        yield f"batch {self.batch}  {self.quantity:,} codes  {self.product or ''}".rstrip()
        yield from purpose(self.role, None, self.sscc)
        yield from (f"  pair     on the items of {p.batch}, {p.role}" for p in self.pairs)
        if self.unacknowledged:
            yield f"  {self.unacknowledged:,} codes wait for the backend: mintmark deliver"
        if self.refused:
            yield f"  {self.refused:,} codes in orders the backend refused: mintmark orders list"
        if self.without_receipt:
            yield f"  {self.without_receipt:,} packaged without receipt: mintmark package list"
        for state, codes in self.states.items():
            yield f"  {state.value:<9} {codes:>13,}"
        if self.scheduled:
            yield f"  {self.scheduled:,} codes wait for scheduled orders: mintmark orders list"
        if self.reserved:
            yield f"  of the sealed, {self.reserved:,} are reserved by an export under way"
        yield f"  a thief of the fingerprints needed, at issue, {offline.told(self.offline_bits)}"
        if self.associated:
            yield f"  {self.associated:,} lie in other codes: mintmark locate {self.batch}:SERIAL"
        at_issue, today = (
            offline.words(time) for time in (self.offline_seconds, self.offline_seconds_today)
        )
        if today != at_issue:
            yield f"  and needs {today} today, as more codes of this length are issued"
        yield from (row.text() for row in self.ranges)
        if self.next is not None:
            yield f"  more: mintmark batch show {self.batch} --after {self.next}"


def batch_list(station: Station) -> BatchList:
    """All batches."""
    with station.ledger.read() as view:
        return BatchList(tuple(_summary(view, row) for row in view.batches()))


def _summary(view: View, row: BatchRow) -> BatchSummary:
    unacknowledged, refused = view.waiting(row.batch)
    return BatchSummary(
        batch=row.batch,
        quantity=row.quantity,
        product=row.product,
        ref=row.ref,
        role=row.role,
        pair_of=row.pair_of,
        sscc=block_of(row),
        minted_at=row.minted_at,
        states=view.counts(row.batch),
        unacknowledged=unacknowledged,
        refused=refused,
        without_receipt=sum(view.without_receipt(row.batch).values()),
    )


def batch_show(station: Station, batch: str, after: int, limit: int) -> BatchShown:
    """A batch, and `limit` of its ranges from serial `after + 1` on. Raises `NotFound`."""
    with station.ledger.read() as view:
        row = view.batch(batch)
        summary = _summary(view, row)
        tiles = view.tiles(batch, after=after, limit=limit)
        reserved = view.reserved(batch)
        pairs = tuple(PairedBatch(other.batch, other.role) for other in view.partners(batch))
        associated = view.associated(batch)
        waiting = view.scheduled("waiting", MOST_SCHEDULED, batch=batch)
        # A guess has a length, and meets codes of that length alone.
        issued = view.issued_of_length(row.length)
    entropy, bits = booked_bits(row)
    today = min(bits, round(entropy - math.log2(max(issued, 1)), 2))
    ranges = tuple(
        RangeShown(
            (Range(tile.serials.first, tile.serials.last),),
            tile.value.state,
            tile.value.package,
            to_json(tile.value.attributes),
            tile.value.reason,
            values.holding(tile.value.attributes, station.now()),
        )
        for tile in tiles
    )
    last = tiles[-1].serials.last if tiles else row.quantity
    return BatchShown(
        batch=batch,
        quantity=row.quantity,
        product=row.product,
        ref=row.ref,
        role=row.role,
        pair_of=row.pair_of,
        pairs=pairs,
        sscc=summary.sscc,
        associated=associated,
        scheduled=count(union([piece for kept in waiting for piece in kept.change.serials])),
        states=summary.states,
        reserved=reserved,
        unacknowledged=summary.unacknowledged,
        refused=summary.refused,
        without_receipt=summary.without_receipt,
        offline_bits=bits,
        offline_seconds=offline.seconds(bits),
        offline_bits_today=today,
        offline_seconds_today=offline.seconds(today),
        ranges=ranges,
        next=last if last < row.quantity else None,
    )

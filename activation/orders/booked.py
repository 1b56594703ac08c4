"""Orders as the ledger has them: shown, listed, cancelled if none was sent, judged if repeated.

An order given twice under one id is booked once. The second time it is an answer to a sender
that missed the first; but if later orders have changed its codes since, that answer must say so:
somebody who wants these codes frozen again hears of an order that was done last week.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...codegen import ids
from ...codegen.errors import Refused, UsageError
from ...codegen.ledger.changes import Associated, Ordered, Settled
from ...codegen.ledger.records import OrderRow
from ...codegen.ledger.view import View
from ...codegen.ranges import serials, windows
from ...codegen.ranges.aggregation import CodeRanges, Packing
from ...codegen.ranges.attributes import Value, patch
from ...codegen.ranges.lifecycle import Action, Standing, State
from ...codegen.ranges.serials import Ranges
from ...codegen.result import Result
from ...codegen.station.station import Station
from . import packed
from .doubts import doubts
from .orders import ACKNOWLEDGED, CANCELLED, QUEUED, REFUSED
from .parts import booked_parts

# The states in which an order leaves codes; an assignment leaves them in any.
LEAVES = {
    Action.ACTIVATE: (State.ACTIVE,),
    Action.FREEZE: (State.FROZEN,),
    Action.UNFREEZE: (State.PACKAGED, State.ACTIVE),
    Action.REVOKE: (State.PACKAGED,),
    Action.VOID: (State.VOID,),
    Action.UNVOID: (State.SEALED, State.PACKAGED),
    Action.ASSIGN: tuple(State),
}


def undone(view: View, row: OrderRow) -> Ranges:
    """The serials that the order changed, and that are not as it left them: state or attributes.

    Of an association they are the children of its first batch that lie elsewhere.
    """
    if isinstance(row.change, Associated):
        part = row.change.children[0]
        links = view.parents(part.batch, part.serials)
        return serials.join(packed.astray(row.change, part, links))
    tiles = view.select(row.batch, row.touched)
    return serials.join(tile.serials for tile in tiles if not _stands(tile.value, row))


def _stands(standing: Standing, row: OrderRow) -> bool:
    change = row.range_order
    if standing.state not in LEAVES[change.action]:
        return False
    try:
        return patch(standing.attributes, change.attributes) == standing.attributes
    except Refused:  # no room for them any more
        return False


def told(ranges: Ranges) -> str:
    """What to tell who repeated an order that is `undone` on `ranges`."""
    return (
        f"booked before, and not done again: {serials.count(ranges):,} of its codes have changed"
        f" since ({serials.describe(ranges, 3)})"
    )


@dataclass(frozen=True)
class OrderShown(Result):
    """An order as the ledger has it.

    Of an association `batch` and `serials` are those of its first children, `children` are all,
    and `applied_count` counts them. `parents` is None of any other order, and if children leave
    whatever they are in.
    """

    reads = True

    order: str
    batch: str
    action: Action | Packing
    serials: Ranges
    status: str
    applied_count: int
    skipped_count: int
    attributes: Mapping[str, Value]
    count: int | None
    from_state: State | None
    reason: str | None
    line: str | None
    attempts: int
    detail: str | None
    in_doubt: bool = False
    parents: CodeRanges | None = None
    children: tuple[CodeRanges, ...] = ()
    each: int | None = None
    parents_count: int = 0

    @classmethod
    def of(cls, row: OrderRow, *, in_doubt: bool) -> "OrderShown":
        """From the ledger's row. `in_doubt`: the backend may have it, whatever it said last."""
        change = row.change
        return cls(
            order=change.order,
            batch=change.batch,
            action=change.action,
            serials=change.serials if isinstance(change, Ordered) else row.touched,
            status=row.status,
            applied_count=row.applied_count,
            skipped_count=row.skipped_count,
            attributes=change.attributes if isinstance(change, Ordered) else {},
            count=change.count if isinstance(change, Ordered) else None,
            from_state=change.from_state if isinstance(change, Ordered) else None,
            reason=change.reason,
            line=change.line,
            attempts=row.attempts,
            detail=row.detail,
            in_doubt=in_doubt,
            **_packing(change),
        )

    def summary(self) -> str:
        """A line for a list."""
        ranges = serials.describe(self.serials, 3)
        if self.children:
            more = f" and of {len(self.children) - 1} more batches" if self.children[1:] else ""
            ranges += f"{more} {_PREPOSITION[self.action]} {_named(self.parents)}"
        doubt = f"  in doubt: mintmark reconcile {self.batch}" if self.in_doubt else ""
        line = f"{self.order}  {self.status:<12}  {self.action.value:<8}  {self.batch}  {ranges}"
        return line + doubt

    def lines(self) -> Iterator[str]:
        """All of it."""
        yield self.summary()
        if self.children:
            yield from self._packed()
        else:
            yield f"  codes     {self.applied_count:,} changed, {self.skipped_count:,} skipped"
        for key, value in self.attributes.items():
            yield f"  {key:<9} {windows.describe(key, value)}"
        if self.reason:
            yield f"  reason    {self.reason}"
        yield f"  line      {self.line}, {self.attempts} deliveries tried"
        if self.detail:
            yield f"  backend   {self.detail}"

    def _packed(self) -> Iterator[str]:
        each = f", {self.each:,} in each" if self.each else ""
        yield f"  children  {self.applied_count:,}{each}"
        for part in self.children:
            yield f"            {_named(part)}"
        if self.parents:
            yield f"  parents   {self.parents_count:,}: {_named(self.parents)}"


# Of which word a list says what children join, or leave.
_PREPOSITION: Mapping[Action | Packing, str] = {
    Packing.ASSOCIATE: "into",
    Packing.DISSOCIATE: "out of",
}


def _named(part: CodeRanges | None) -> str:
    if part is None:
        return "whatever they are in"
    return f"{part.batch}:{serials.describe(part.serials, 3)}"


def _packing(change: Ordered | Associated) -> dict[str, Any]:
    """The fields of `OrderShown` that an association has."""
    if not isinstance(change, Associated):
        return {}
    counted = len(change.parents) if change.parents else 0
    return {
        "parents": change.parents,
        "children": change.children,
        "each": change.each,
        "parents_count": counted,
    }


@dataclass(frozen=True)
class OrderList(Result):
    """Orders, oldest first."""

    reads = True

    orders: tuple[OrderShown, ...]

    def lines(self) -> Iterator[str]:
        """A line per order."""
        if not self.orders:
            yield "no orders"
        for order in self.orders:
            yield order.summary()


def show(station: Station, order: str) -> OrderShown:
    """An order. Raises `NotFound`."""
    with station.ledger.read() as view:
        return shown(view, [view.order(order)])[0]


def shown(view: View, rows: Sequence[OrderRow]) -> tuple[OrderShown, ...]:
    """The orders of these rows."""
    told = any(row.settled_at and row.detail for row in rows)
    doubted = {doubt.order for doubt in doubts(view)} if told else set()
    return tuple(OrderShown.of(row, in_doubt=row.order in doubted) for row in rows)


def check_status(status: str | None) -> str | None:
    """`status`, if it is known. Raises `UsageError`."""
    known = (QUEUED, ACKNOWLEDGED, REFUSED, CANCELLED)
    if status is not None and status not in known:
        raise UsageError(
            f"unknown status {ids.shown(status, name=True)}", f"known: {', '.join(known)}"
        )
    return status


def cancel(station: Station, order: str) -> OrderShown:
    """Cancel a queued order that no backend can have seen, with those that its request made.

    The ledger keeps what they changed; the opposite order changes it back. Raises `Refused` if
    a delivery of any of them was tried.
    """
    with station.ledger.read() as view:
        parts = [row.order for row in booked_parts(view, order)]
    others = f", with {len(parts) - 1} more of the same request" if len(parts) > 1 else ""
    settled = (Settled(part, CANCELLED, f"cancelled here{others}") for part in parts)
    station.ledger.commit(station.author, *settled)
    return show(station, order)

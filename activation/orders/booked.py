"""Orders as the ledger has them: what to show of them, and judged if they are repeated.

An order given twice under one id is booked once. The second time it is an answer to a sender
that missed the first; but if later orders have changed its codes since, that answer must say so:
somebody who wants these codes frozen again hears of an order that was done last week.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...codegen.errors import Refused
from ...codegen.ledger.changes import Associated, Ordered
from ...codegen.ledger.records import OrderRow, ScheduledRow
from ...codegen.ledger.view import View
from ...codegen.ranges import serials, windows
from ...codegen.ranges.aggregation import CodeRanges, Packing
from ...codegen.ranges.attributes import Value, patch
from ...codegen.ranges.lifecycle import Action, Standing, State
from ...codegen.ranges.serials import Ranges
from ...codegen.result import Result
from . import packed
from .orders import SCHEDULED, at_time
from .scheduled import WAITING

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
    whatever they are in. `at`: when it is to be booked, or was, if it is given for later; what it
    changes is counted when it is booked. `late`: how late it was booked, in words.
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
    at: datetime | None = None
    late: str | None = None

    @classmethod
    def of(cls, row: OrderRow, *, in_doubt: bool, kept: ScheduledRow | None = None) -> "OrderShown":
        """From the ledger's row. `in_doubt`: the backend may have it, whatever it said last.

        `kept`: as it was scheduled before.
        """
        change = row.change
        return cls(
            at=kept.at if kept else None,
            late=kept.detail if kept else None,
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

    @classmethod
    def of_scheduled(cls, row: ScheduledRow) -> "OrderShown":
        """From the ledger's row of an order that waits, or that ended before it was booked."""
        change = row.change
        return cls(
            order=row.order,
            batch=row.batch,
            action=change.action,
            serials=change.serials,
            status=SCHEDULED if row.status == WAITING else row.status,
            applied_count=0,
            skipped_count=0,
            attributes=change.attributes,
            count=change.count,
            from_state=change.from_state,
            reason=change.reason,
            line=change.line,
            attempts=0,
            detail=row.detail,
            at=row.at,
        )

    def summary(self) -> str:
        """A line for a list."""
        ranges = serials.describe(self.serials, 3)
        if self.children:
            more = f" and of {len(self.children) - 1} more batches" if self.children[1:] else ""
            ranges += f"{more} {_PREPOSITION[self.action]} {_named(self.parents)}"
        doubt = f"  in doubt: mintmark reconcile {self.batch}" if self.in_doubt else ""
        line = f"{self.order}  {self.status:<12}  {self.action.value:<8}  {self.batch}  {ranges}"
        return line + (at_time(self.at) if self.status == SCHEDULED else "") + doubt

    def lines(self) -> Iterator[str]:
        """All of it."""
        yield self.summary()
        if self.at is not None:
            late = f": {self.late}" if self.late else ""
            yield f"  scheduled {self.at.isoformat(' ', 'minutes')}{late}"
        if self.children:
            yield from self._packed()
        elif self.at is None or self.applied_count:
            yield f"  codes     {self.applied_count:,} changed, {self.skipped_count:,} skipped"
        for key, value in self.attributes.items():
            yield f"  {key:<9} {windows.describe(key, value)}"
        if self.reason:
            yield f"  reason    {self.reason}"
        yield f"  line      {self.line}, {self.attempts} deliveries tried"
        if self.detail:
            never_booked = self.at is not None and not self.applied_count
            yield f"  {'ended' if never_booked else 'backend':<9} {self.detail}"

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
    """Orders, oldest first. `scheduled`: how many others wait for their time."""

    reads = True

    orders: tuple[OrderShown, ...]
    scheduled: int = 0

    def lines(self) -> Iterator[str]:
        """A line per order."""
        if not self.orders:
            yield "no orders"
        for order in self.orders:
            yield order.summary()
        if self.scheduled:
            more = "mintmark orders list --status scheduled"
            yield f"{self.scheduled:,} more wait for their time: {more}"

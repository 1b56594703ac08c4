"""Orders as the ledger has them: shown, listed, and cancelled if none was sent."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...codegen.errors import UsageError
from ...codegen.ledger.changes import Settled
from ...codegen.ledger.records import OrderRow
from ...codegen.ranges import serials
from ...codegen.ranges.attributes import Value
from ...codegen.ranges.lifecycle import Action, State
from ...codegen.ranges.serials import Ranges
from ...codegen.result import Result
from ...codegen.station.station import Station
from .orders import ACKNOWLEDGED, CANCELLED, QUEUED, REFUSED


@dataclass(frozen=True)
class OrderShown(Result):
    """An order as the ledger has it."""

    order: str
    batch: str
    action: Action
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

    @classmethod
    def of(cls, row: OrderRow) -> "OrderShown":
        """From the ledger's row."""
        change = row.change
        return cls(
            order=change.order,
            batch=change.batch,
            action=change.action,
            serials=change.serials,
            status=row.status,
            applied_count=row.applied_count,
            skipped_count=row.skipped_count,
            attributes=change.attributes,
            count=change.count,
            from_state=change.from_state,
            reason=change.reason,
            line=change.line,
            attempts=row.attempts,
            detail=row.detail,
        )

    def summary(self) -> str:
        """A line for a list."""
        ranges = serials.describe(self.serials, 3)
        return f"{self.order}  {self.status:<12}  {self.action.value:<8}  {self.batch}  {ranges}"

    def lines(self) -> Iterator[str]:
        """All of it."""
        yield self.summary()
        yield f"  codes     {self.applied_count:,} changed, {self.skipped_count:,} skipped"
        for key, value in self.attributes.items():
            yield f"  {key:<9} {value}"
        if self.reason:
            yield f"  reason    {self.reason}"
        yield f"  line      {self.line}, {self.attempts} deliveries tried"
        if self.detail:
            yield f"  backend   {self.detail}"


@dataclass(frozen=True)
class OrderList(Result):
    """Orders, oldest first."""

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
        return OrderShown.of(view.order(order))


def check_status(status: str | None) -> str | None:
    """`status`, if it is known. Raises `UsageError`."""
    known = (QUEUED, ACKNOWLEDGED, REFUSED, CANCELLED)
    if status is not None and status not in known:
        raise UsageError(f"unknown status {status[:40]!r}", f"known: {', '.join(known)}")
    return status


def cancel(station: Station, order: str) -> OrderShown:
    """Cancel a queued order that no backend can have seen.

    The ledger keeps what the order changed; the opposite order changes it back. Raises
    `Refused` if a delivery was tried.
    """
    station.ledger.commit(station.author, Settled(order, CANCELLED, "cancelled here"))
    return show(station, order)

"""Range orders: booked in the ledger first, then delivered to the scan backend.

A booked order is never rolled back. It stays `queued` (unacknowledged) until the
backend settles it; what the backend refuses is told, and healed by the next order.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..codegen import ids, serials
from ..codegen.attributes import Value
from ..codegen.errors import UsageError
from ..codegen.ledger.changes import Ordered, Settled
from ..codegen.ledger.rows import OrderRow
from ..codegen.ledger.view import View
from ..codegen.lifecycle import Action, Reason, State
from ..codegen.result import Result
from ..codegen.selection import RANGES_AN_ORDER, read_text
from ..codegen.serials import Range, Ranges
from ..codegen.station.station import DEFAULT_LINE, Station

if TYPE_CHECKING:
    from ..codegen.ledger.ledger import Committed

_ORDER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
ACKNOWLEDGED, QUEUED, REFUSED, CANCELLED = "acknowledged", "queued", "refused", "cancelled"


@dataclass(frozen=True)
class OrderRequest:
    """An order as asked for: serials by text, by unit or by package; exactly one of them."""

    action: Action
    batch: str
    serials: str | None = None
    unit: str | None = None
    package: str | None = None
    attributes: Mapping[str, Value] = field(default_factory=dict)
    count: int | None = None
    from_state: State | None = None
    strict: bool = False
    reason: str | None = None
    line: str | None = None
    order: str | None = None
    dry_run: bool = False


@dataclass(frozen=True)
class OrderResult(Result):
    """What an order did here, and whether the backend has it."""

    order: str
    batch: str
    serials: Ranges
    applied: Ranges
    skipped: Ranges
    action: Action
    delivery: str | None
    dry_run: bool = False
    detail: str | None = None

    @property
    def exit_code(self) -> int:
        """75 while the backend has not answered, 3 where it said no."""
        return {QUEUED: 75, REFUSED: 3}.get(self.delivery or "", 0)

    def lines(self) -> Iterator[str]:
        """What happened, and what to do where the backend is not through."""
        would = "would " if self.dry_run else ""
        codes = serials.count(self.applied)
        yield f"{would}{self.action.value} {codes:,} codes of batch {self.batch}"
        yield f"  applied  {serials.describe(self.applied)}"
        if self.skipped:
            void = serials.count(self.skipped)
            yield f"  skipped  {serials.describe(self.skipped)} ({void:,} void)"
        if self.dry_run:
            yield "  nothing was changed"
            return
        yield f"  order    {self.order}"
        yield f"  backend  {self.delivery}{f': {self.detail}' if self.detail else ''}"
        if self.delivery == QUEUED:
            yield "  the order is booked here; send it with: mintmark deliver"
        if self.delivery == REFUSED:
            yield f"  it is booked here, not there: mintmark orders show {self.order}"


def place(station: Station, request: OrderRequest) -> "tuple[Ordered, Committed]":
    """Book the order in the ledger, signed by the line. Dry runs change nothing.

    Raises `UsageError` for a malformed request, `NotFound` for unknown batches, units
    and packages, `Refused` where a state or a guard says no.
    """
    line = station.line(request.line or DEFAULT_LINE)
    _check(request)
    with station.ledger.read() as view:
        where = _resolve(view, request)
    change = Ordered(
        order=request.order or station.new_order_id(),
        batch=request.batch,
        action=request.action,
        serials=where,
        skip_void=not request.strict,
        count=request.count,
        from_state=request.from_state,
        attributes=dict(request.attributes),
        reason=request.reason,
        line=line.name,
    )
    author = station.author_of(line)
    return change, station.ledger.commit(author, change, dry_run=request.dry_run)[0]


def _check(request: OrderRequest) -> None:
    named = [name for name in (request.serials, request.unit, request.package) if name]
    if len(named) != 1:
        raise UsageError(
            "an order needs its serials named once",
            "give one of --serials, --unit and --package; for the whole batch: --serials all",
        )
    if request.order is not None and not _ORDER_ID.fullmatch(request.order):
        raise UsageError(
            "an order id is 1 to 64 letters, digits, dots, hyphens and underscores",
            "leave --order out to have one made",
        )
    if request.action is Action.VOID:
        reasons = ", ".join(reason.value for reason in Reason)
        if request.reason is None:
            raise UsageError("voiding needs a reason", f"--reason {reasons}")
        if request.reason not in set(Reason):
            raise UsageError(f"unknown reason {request.reason[:40]!r}", f"known: {reasons}")
    if request.action is Action.ASSIGN and not request.attributes:
        raise UsageError("nothing to assign", "give for example --set region=X")


def _resolve(view: View, request: OrderRequest) -> Ranges:
    batch = view.batch(request.batch)
    if request.unit:
        unit = view.unit(ids.fold(request.unit))
        where: Ranges = (Range(unit.first, unit.last),)
        owner = view.package(unit.package).batch
    elif request.package:
        package = view.package(ids.fold(request.package))
        where, owner = package.serials, package.batch
    else:
        where, owner = serials.parse(read_text(request.serials or ""), batch.quantity), batch.batch
    if owner != batch.batch:
        raise UsageError(f"that unit or package belongs to batch {owner}", "name its own batch")
    if len(where) > RANGES_AN_ORDER:
        raise UsageError(
            f"{len(where):,} ranges; one order takes at most {RANGES_AN_ORDER:,}",
            "split the list into several orders",
        )
    return where


# --- looking at orders -------------------------------------------------------------


@dataclass(frozen=True)
class OrderShown(Result):
    """One order as the books have it."""

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
        """One line for a list."""
        where = serials.describe(self.serials, 3)
        return f"{self.order}  {self.status:<12}  {self.action.value:<8}  {self.batch}  {where}"

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
        """A line an order."""
        if not self.orders:
            yield "no orders"
        for order in self.orders:
            yield order.summary()


def show(station: Station, order: str) -> OrderShown:
    """One order. Raises `NotFound`."""
    with station.ledger.read() as view:
        return OrderShown.of(view.order(order))


def check_status(status: str | None) -> str | None:
    """`status` if it is one. Raises `UsageError`."""
    known = (QUEUED, ACKNOWLEDGED, REFUSED, CANCELLED)
    if status is not None and status not in known:
        raise UsageError(f"unknown status {status[:40]!r}", f"known: {', '.join(known)}")
    return status


def cancel(station: Station, order: str) -> OrderShown:
    """Cancel a queued order that no backend can have seen.

    The ledger keeps what it booked; the codes go back by an order of the other way.
    Raises `Refused` where a delivery was tried.
    """
    station.ledger.commit(station.author, Settled(order, CANCELLED, "cancelled here"))
    return show(station, order)

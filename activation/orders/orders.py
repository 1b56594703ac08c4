"""Range orders: booked in the ledger first, then delivered to the scan backend.

A booked order is never rolled back. It stays `queued` (unacknowledged) until the
backend settles it; what the backend refuses is told, and healed by the next order.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from ...codegen import ids, policy
from ...codegen.errors import NotFound, Refused, UsageError
from ...codegen.ledger.changes import Ordered, Settled
from ...codegen.ledger.records import OrderRow
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.attributes import Value
from ...codegen.ranges.lifecycle import Action, Reason, State, passed_over
from ...codegen.ranges.selection import RANGES_PER_ORDER
from ...codegen.ranges.serials import Range, Ranges
from ...codegen.result import Result
from ...codegen.serials_file import read_text
from ...codegen.station.station import DEFAULT_LINE, Station

if TYPE_CHECKING:
    from ...codegen.ledger.ledger import Committed

_ORDER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
REASON_CHARS = 500  # as many as the API takes
ACKNOWLEDGED, QUEUED, REFUSED, CANCELLED = "acknowledged", "queued", "refused", "cancelled"


@dataclass(frozen=True)
class OrderRequest:
    """An order as asked for: serials by text, unit, package or scanned codes; one of them.

    `codes` are the first and the last code of a reel, in either order. `tolerance`: by how
    many the codes that change may differ from `count`.
    """

    action: Action
    batch: str
    serials: str | None = None
    unit: str | None = None
    package: str | None = None
    codes: tuple[str, str] | None = field(default=None, repr=False)
    attributes: Mapping[str, Value] = field(default_factory=dict)
    count: int | None = None
    tolerance: int | None = None
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
    attributes: Mapping[str, Value] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """75 while the backend has not answered, 6 where it said no."""
        # Not 3: that means nothing changed, and the order is booked here.
        return {QUEUED: 75, REFUSED: 6}.get(self.delivery or "", 0)

    def lines(self) -> Iterator[str]:
        """What happened, and what to do where the backend is not through."""
        would = "would " if self.dry_run else ""
        codes = serials.count(self.applied)
        yield f"{would}{self.action.value} {codes:,} codes of batch {self.batch}"
        yield f"  applied  {serials.describe(self.applied)}"
        if self.skipped:
            void = serials.count(self.skipped)
            yield f"  skipped  {serials.describe(self.skipped)} ({void:,} void)"
        for key, value in self.attributes.items():
            yield f"  set      {key} = {value}" if value is not None else f"  remove   {key}"
        if self.dry_run:
            yield "  nothing was changed"
            return
        yield f"  order    {self.order}"
        yield f"  backend  {self.delivery}{f': {self.detail}' if self.detail else ''}"
        if self.delivery == QUEUED:
            yield "  the order is booked here; send it with: mintmark deliver"
        if self.delivery == REFUSED:
            yield f"  it is booked here, not there: mintmark orders show {self.order}"


def book(
    station: Station, request: OrderRequest, claim: tuple[str, datetime] | None = None
) -> "tuple[Ordered, Committed]":
    """Book the order in the ledger, signed by the line. Dry runs change nothing.

    `claim`: for the courier that is about to send it, see `Courier.claim`.

    Raises `UsageError` for a malformed request, `NotFound` for unknown batches, units
    and packages, `Refused` where a state or a guard says no.
    """
    line = station.line(request.line or DEFAULT_LINE)
    _check(request)
    if request.codes:
        from . import by_code

        where: Ranges = (by_code.between(station, request.batch, request.codes),)
    else:
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
    if request.tolerance:
        with station.ledger.read() as view:
            change = replace(change, count=_near(view, change, request.tolerance))
    guard = policy.guard(station.config, change)
    (done,) = station.ledger.commit(
        author, change, guard=guard, dry_run=request.dry_run, claim=claim
    )
    return change, done


def _near(view: View, change: Ordered, tolerance: int) -> int:
    """How many codes the order would change, if that is near what was counted."""
    try:
        # What moved since it was booked must not make it another order.
        would = view.order(change.order).change.count or 0
    except NotFound:
        would = sum(
            len(tile.serials)
            for tile in view.select(change.batch, change.serials)
            if not (change.skip_void and passed_over(tile.value.state, change.action))
        )
    if abs(would - (change.count or 0)) > tolerance:
        raise Refused(
            f"{would:,} codes would change, not {change.count:,} give or take {tolerance:,}",
            "count the reel again, and scan its first and its last code",
            count=would,
        )
    return would


def _check(request: OrderRequest) -> None:
    ways = (request.serials, request.unit, request.package, request.codes)
    if len([way for way in ways if way]) != 1:
        raise UsageError(
            "an order needs its serials named once",
            "give one of --serials, --unit and --package; for the whole batch: --serials all",
        )
    if request.tolerance and request.count is None:
        raise UsageError("--tolerance needs --count", "say how many codes were counted")
    if request.order is not None and not _ORDER_ID.fullmatch(request.order):
        raise UsageError(
            "an order id is 1 to 64 letters, digits, dots, hyphens and underscores",
            "leave --order out to have one made",
        )
    if len(request.reason or "") > REASON_CHARS:
        raise UsageError(
            f"the reason is longer than {REASON_CHARS} characters", "say it in a sentence"
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
    if len(where) > RANGES_PER_ORDER:
        raise UsageError(
            f"{len(where):,} ranges; one order takes at most {RANGES_PER_ORDER:,}",
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

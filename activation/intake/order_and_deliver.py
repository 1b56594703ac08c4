"""The commands `activate` … `assign`: book the order, then try to deliver it at once."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ...codegen.progress import Progress
from ...codegen.ranges import serials
from ...codegen.ranges.lifecycle import Action, State
from ...codegen.ranges.serials import Ranges
from ...codegen.station.station import Station
from ..away.desk import COMMAND, AwayDesk, InQueue
from ..client.connect import connected
from ..delivery.deliver import Courier
from ..orders.booked import undone
from ..orders.group import notes, place
from ..orders.group_result import GroupResult, worst
from ..orders.matching import every_state
from ..orders.orders import QUEUED, REFUSED, SCHEDULED, OrderRequest, OrderResult
from ..orders.parts import booked_parts
from ..orders.placed import Placed, PlacedOrder
from ..orders.scheduled import WAITING
from ..orders.selection import ByConditions
from ..orders.where_result import WhereOrder, WhereResult

if TYPE_CHECKING:
    from ..away.answers import QueuedHere
    from ..away.intent import WrittenOrder

    Ordering = OrderResult | GroupResult | WhereResult | QueuedHere


def book_and_deliver(
    station: Station,
    request: OrderRequest,
    progress: Progress,
    notify: Callable[[str], None] = lambda _: None,
) -> "Ordering":
    """Book `request`, and send what is queued for its batches; `notify` takes notes on it.

    The line never waits for a backend that is away: the order stays queued. Nor for the ledger of
    a shared home: the order waits at this station then.
    """
    desk = AwayDesk(station, COMMAND, notify)
    request = replace(request, order=desk.order_id(request.order))
    # Around all of it: an address that can't be used is reported before anything is booked.
    with connected(station) as client:
        courier = None if client is None else Courier(station, client, progress)

        def book() -> "Ordering":
            # Of a request for many batches each claim by itself would be another wait for the disk.
            claims = courier and request.is_group and not request.dry_run
            placed = place(station, request, courier.claim() if courier and claims else None)
            detail = None if request.dry_run else deliver(courier, placed)
            return outcome(station, request, placed, detail)

        result = take(desk, station, request, book)
    for note in result.notes:
        notify(f"note: {note}")
    return result


def take(
    desk: AwayDesk, station: Station, request: OrderRequest, book: "Callable[[], Ordering]"
) -> "Ordering":
    """What `book` returns, or the answer of an order that waits at this station."""
    if request.dry_run:
        return book()  # it books nothing, nor what waits

    def write() -> "WrittenOrder":
        # Here: few orders ever wait, and each command would pay.
        from ..away.written import write_range

        return write_range(request, station.config.home_id, station.config.time_zone)

    done = desk.take(write, book)
    if not isinstance(done, InQueue):
        return done
    from ..away.answers import range_waits

    return range_waits(station, request, done)


def deliver(courier: Courier | None, placed: Placed) -> str | None:
    """Send what is queued of these orders' batches, in turn.

    Returns why something stays queued, if it does.
    """
    if courier is None:
        return "no backend is configured"
    detail = None
    if len(placed.batches) > 1:
        courier.presume(placed.batches)
    left = {order.change.order for order in placed.orders if order.is_booked}
    for batch in placed.batches:
        report = courier.deliver(batch=batch)
        detail = report.detail or detail
        left -= {*report.delivered, *report.refused}
        if report.away:
            break
    if len(placed.orders) > 1:  # one alone was not claimed
        courier.let_go(left)
    return detail


def outcome(
    station: Station, request: OrderRequest, placed: Placed, undelivered: str | None
) -> "Ordering":
    """The result of what was booked; `undelivered`: why something of it is queued, if it is."""
    told = (*notes(station, request, placed), *_without_product(station, request, placed))
    orders = tuple(_result(station, request, order, undelivered) for order in placed.orders)
    group = placed.group
    if group is None:
        return replace(orders[0], notes=told)
    result = GroupResult(
        order=group.order,
        action=request.action,
        orders=orders,
        items_count=group.items,
        applied_count=sum(serials.count(order.applied) for order in orders),
        skipped_count=sum(serials.count(order.skipped) for order in orders),
        delivery=worst(order.delivery for order in orders),
        dry_run=request.dry_run,
        repeated=orders[0].repeated,
        changed=group.changed,
        notes=told,
        at=orders[0].at,
    )
    if isinstance(request.selection, ByConditions):
        return _by_conditions(result, request, request.selection, placed)
    return result


def _without_product(station: Station, request: OrderRequest, placed: Placed) -> Iterator[str]:
    """A sentence for each order that was to bring the product alone, and was refused."""
    first = placed.orders[0]
    if request.action is not Action.ACTIVATE or request.dry_run or not first.is_booked:
        return
    told = {order.change.order for order in placed.orders}
    with station.ledger.read() as view:
        for row in booked_parts(view, first.change.order):
            if row.order not in told and row.status == REFUSED:
                yield (
                    f"{row.applied_count:,} of these codes have no product at the backend:"
                    f" {row.order} was refused: {row.detail}"
                )


def _by_conditions(
    group: GroupResult, request: OrderRequest, selected: ByConditions, placed: Placed
) -> WhereResult:
    states = Counter[State]()
    for order in placed.orders:
        states.update(order.states)
    booked = group.repeated or not group.dry_run
    return WhereResult(
        codes=group.applied_count,
        dry_run=group.dry_run,
        attributes=request.attributes,
        orders=tuple(
            WhereOrder.of(order, every_state(one.states), booked=booked)
            for order, one in zip(group.orders, placed.orders, strict=True)
        ),
        notes=group.notes,
        order=group.order if booked else None,
        action=group.action,
        where=selected.where.texts(),
        states=every_state(states),
        items_count=group.items_count,
        applied_count=group.applied_count,
        skipped_count=group.skipped_count,
        delivery=group.delivery,
        repeated=group.repeated,
        changed=group.changed,
        at=group.at,
    )


def _result(
    station: Station, request: OrderRequest, placed: PlacedOrder, undelivered: str | None
) -> OrderResult:
    delivery, detail = _of_schedule(request, placed), placed.detail
    changed: Ranges = ()
    change = placed.change
    with station.ledger.read() as view:
        wanted = placed.is_booked and (placed.repeated or not request.dry_run)
        row = view.order(change.order) if wanted else None
        if row and placed.repeated:
            changed = undone(view, row)
    if row and not request.dry_run:
        delivery, detail = row.status, row.detail or (undelivered if row.status == QUEUED else None)
    return OrderResult(
        order=change.order,
        batch=change.batch,
        serials=change.serials,
        applied=placed.applied,
        skipped=placed.skipped,
        action=change.action,
        delivery=delivery,
        dry_run=request.dry_run,
        detail=detail,
        attributes=change.attributes,
        repeated=placed.repeated,
        undone=changed,
        at=request.at.astimezone(station.config.time_zone) if request.at else None,
        scheduled=placed.scheduled,
    )


def _of_schedule(request: OrderRequest, placed: PlacedOrder) -> str | None:
    """What stands for the delivery of an order that waits for its time, or ended before it."""
    if request.dry_run:
        return None
    return SCHEDULED if placed.scheduled == WAITING else placed.scheduled

"""The commands `activate` … `assign`: book the order, then try to deliver it at once."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...codegen.ledger.changes import Ordered
from ...codegen.progress import Progress
from ...codegen.ranges.serials import Ranges
from ...codegen.station.station import Station
from ..client.connect import connected
from ..delivery.deliver import deliver
from ..orders.booked import undone
from ..orders.orders import QUEUED, OrderRequest, OrderResult, book, notes

if TYPE_CHECKING:
    from ...codegen.ledger.ledger import Committed


def book_and_deliver(
    station: Station,
    request: OrderRequest,
    progress: Progress,
    notify: Callable[[str], None] = lambda _: None,
) -> OrderResult:
    """Book `request`, and send what is queued for its batch; `notify` takes notes on it.

    The line never waits for a backend that is away: the order stays queued.
    """
    # Around all of it: an address that can't be used is reported before anything is booked.
    with connected(station) as client:
        order, booked = book(station, request)
        detail = None
        if not request.dry_run:
            detail = deliver(station, client, batch=request.batch, progress=progress).detail
    result = outcome(station, request, order, booked, detail)
    for note in result.notes:
        notify(f"note: {note}")
    return result


def outcome(
    station: Station,
    request: OrderRequest,
    order: Ordered,
    booked: "Committed",
    undelivered: str | None,
) -> OrderResult:
    """The result of an order that was booked; `undelivered`: why it is queued, if it is."""
    delivery = detail = None
    changed: Ranges = ()
    with station.ledger.read() as view:
        row = view.order(order.order) if booked.repeated or not request.dry_run else None
        if row and booked.repeated:
            changed = undone(view, row)
    if row and not request.dry_run:
        delivery, detail = row.status, row.detail or (undelivered if row.status == QUEUED else None)
    return OrderResult(
        order=order.order,
        batch=request.batch,
        serials=order.serials,
        applied=booked.applied,
        skipped=booked.skipped,
        action=request.action,
        delivery=delivery,
        dry_run=request.dry_run,
        detail=detail,
        attributes=order.attributes,
        repeated=booked.repeated,
        undone=changed,
        notes=notes(station, request, booked.applied),
    )

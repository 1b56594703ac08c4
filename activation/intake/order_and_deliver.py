"""The commands `activate` … `assign`: book the order, then try to deliver it at once."""

from typing import TYPE_CHECKING

from ...codegen.ledger.changes import Ordered
from ...codegen.station.station import Station
from ..client.connect import connected
from ..delivery.deliver import deliver
from ..delivery.upload import Progress
from ..orders.orders import QUEUED, OrderRequest, OrderResult, book

if TYPE_CHECKING:
    from ...codegen.ledger.ledger import Committed


def place_and_deliver(station: Station, request: OrderRequest, progress: Progress) -> OrderResult:
    """Book `request`, send what is queued for its batch, and say what became of it.

    The line never waits for a backend that is away: the order stays queued.
    """
    # Around all of it: an address that can't be used is told before anything is booked.
    with connected(station) as client:
        order, placed = book(station, request)
        detail = None
        if not request.dry_run:
            detail = deliver(station, client, batch=request.batch, progress=progress).detail
    return outcome(station, request, order, placed, detail)


def outcome(
    station: Station,
    request: OrderRequest,
    order: Ordered,
    placed: "Committed",
    undelivered: str | None,
) -> OrderResult:
    """What became of an order; `undelivered` says why one still queued is."""
    delivery = detail = None
    if not request.dry_run:
        with station.ledger.read() as view:
            row = view.order(order.order)
        delivery, detail = row.status, row.detail or (undelivered if row.status == QUEUED else None)
    return OrderResult(
        order=order.order,
        batch=request.batch,
        serials=order.serials,
        applied=placed.applied,
        skipped=placed.skipped,
        action=request.action,
        delivery=delivery,
        dry_run=request.dry_run,
        detail=detail,
        attributes=order.attributes,
    )

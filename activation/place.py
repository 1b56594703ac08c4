"""The commands `activate` … `assign`: book the order, then try to deliver it at once."""

from ..codegen.station.station import Station
from .connect import connect
from .deliver import Tick, deliver
from .orders import QUEUED, OrderRequest, OrderResult, place


def place_and_deliver(station: Station, request: OrderRequest, tick: Tick) -> OrderResult:
    """Book `request`, send what is queued for its batch, and say what became of it.

    The line never waits for a backend that is away: the order stays queued.
    """
    order, placed = place(station, request)
    delivery = detail = None
    if not request.dry_run:
        sent = deliver(station, connect(station), batch=request.batch, tick=tick)
        with station.ledger.read() as view:
            row = view.order(order.order)
        delivery, detail = row.status, row.detail or (sent.detail if row.status == QUEUED else None)
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
    )

"""`associate` and `dissociate`: book the order, then try to deliver it at once."""

from collections.abc import Callable

from ...codegen.progress import Progress
from ...codegen.station.station import Station
from ..association import packing
from ..association.outcome import PackingResult, outcome
from ..association.packing import PackingRequest
from ..client.connect import connected
from ..delivery.deliver import deliver
from .line_courier import LineCourier


def pack_and_deliver(
    station: Station,
    request: PackingRequest,
    progress: Progress,
    notify: Callable[[str], None] = lambda _: None,
) -> PackingResult:
    """Book `request`, and send what is queued for its batches; `notify` takes notes on it.

    The line never waits for a backend that is away: the order stays queued.
    """
    # Around all of it: an address that can't be used is reported before anything is booked.
    with connected(station) as client:
        packed = packing.book(station, request)
        detail = None
        if packed.is_new:
            detail = deliver(station, client, batch=packed.change.batch, progress=progress).detail
    result = outcome(station, packed, detail)
    for note in result.notes:
        notify(f"note: {note}")
    return result


def book_and_send(station: Station, request: PackingRequest, courier: LineCourier) -> PackingResult:
    """The same in a stream."""
    claim = courier.claim()
    packed = packing.book(station, request, claim)
    if claim and packed.is_new:
        courier.send([packed.change])
    return outcome(station, packed, courier.reason)

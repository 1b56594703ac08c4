"""`associate` and `dissociate`: book the order, then try to deliver it at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...codegen.errors import EnvironmentFailure
from ...codegen.progress import Progress
from ...codegen.ranges.aggregation import Packing
from ...codegen.station.station import Station
from ..association import packing
from ..association.options import PackingOptions, joined, left
from ..association.outcome import PackingResult, outcome
from ..association.packing import PackingRequest
from ..away.answers import QueuedHere, packing_waits
from ..away.desk import COMMAND, AwayDesk, InQueue
from ..away.intent import WrittenOrder
from ..away.written import no_codes, of_options, write_packed, write_packing
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


def order_packing(
    station: Station,
    options: PackingOptions,
    action: Packing,
    progress: Progress,
    notify: Callable[[str], None] = lambda _: None,
) -> PackingResult | QueuedHere:
    """What the options of `associate` or `dissociate` ask for, as `pack_and_deliver`.

    If the ledger of a shared home does not answer, the order waits at this station.
    """
    desk = AwayDesk(station, COMMAND, notify)
    options = replace(options, order=desk.order_id(options.order))
    known: list[PackingRequest] = []

    def book() -> PackingResult:
        request = (joined if action is Packing.ASSOCIATE else left)(station, options)
        known.append(request)
        return pack_and_deliver(station, request, progress, notify)

    def write() -> WrittenOrder:
        fields = of_options(options, action) if options.codes is None else None
        return write_either(options.order or "", fields, known, station.config.home_id)

    done = desk.take(write, book)
    return packing_waits(action, done) if isinstance(done, InQueue) else done


def write_either(
    order: str, fields: Mapping[str, Any] | None, known: Sequence[PackingRequest], home: str
) -> WrittenOrder:
    """An order of packing by its fields, or, if those name codes, by what they were found to be.

    `known`: the request that they became, if the books told; `fields`: None if they name codes.
    """
    try:
        if fields is None:
            raise no_codes()
        return write_packing(order, fields, home)
    except EnvironmentFailure:
        if not known:
            raise
        return write_packed(replace(known[0], order=order))


def book_and_send(station: Station, request: PackingRequest, courier: LineCourier) -> PackingResult:
    """The same in a stream."""
    claim = courier.claim()
    packed = packing.book(station, request, claim)
    if claim and packed.is_new:
        courier.send([packed.change])
    return outcome(station, packed, courier.reason)

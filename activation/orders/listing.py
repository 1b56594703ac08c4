"""Orders as a person asks for them: one of them, a list, and the end of one that was not sent."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from operator import itemgetter

from ...codegen import ids
from ...codegen.errors import Refused, UsageError
from ...codegen.ledger.changes import ScheduleEnded, Settled
from ...codegen.ledger.records import OrderRow, ScheduledRow
from ...codegen.ledger.view import View
from ...codegen.station.station import Station
from .booked import OrderList, OrderShown
from .doubts import doubts
from .orders import ACKNOWLEDGED, CANCELLED, QUEUED, REFUSED, SCHEDULED
from .parts import MEMBERS, booked_parts, member_id
from .scheduled import BOOKED, WAITING, parts


def show(station: Station, order: str) -> OrderShown:
    """An order, also one that is scheduled. Raises `NotFound`."""
    with station.ledger.read() as view:
        kept = view.scheduled_order(order)
        if kept is not None and kept.status != BOOKED:
            return _local(station, OrderShown.of_scheduled(kept))
        (found,) = shown(view, [view.order(order)])
    return _local(station, found)


def _local(station: Station, order: OrderShown) -> OrderShown:
    """The same with its time in the home's zone."""
    at = order.at
    return replace(order, at=at.astimezone(station.config.time_zone)) if at else order


def listed(station: Station, batch: str | None, status: str | None, limit: int) -> OrderList:
    """Orders, oldest first; those that are scheduled by their time. Raises `NotFound`."""
    with station.ledger.read() as view:
        batch = view.batch(batch).batch if batch else None
        kept: Iterable[ScheduledRow] = ()
        if status in (SCHEDULED, REFUSED, CANCELLED):
            kept = view.scheduled(WAITING if status == SCHEDULED else status, limit, batch=batch)
        rows = view.orders(batch=batch, status=status, limit=limit) if status != SCHEDULED else ()
        others = view.waiting_for_time(batch) if status is None else 0
        found = [(row.seq, OrderShown.of_scheduled(row)) for row in kept]
        found += zip((row.seq for row in rows), shown(view, rows), strict=True)
    if status != SCHEDULED:
        found.sort(key=itemgetter(0))
    return OrderList(tuple(_local(station, order) for _, order in found[:limit]), others)


def shown(view: View, rows: Sequence[OrderRow]) -> tuple[OrderShown, ...]:
    """The orders of these rows."""
    told = any(row.settled_at and row.detail for row in rows)
    doubted = {doubt.order for doubt in doubts(view)} if told else set()
    any_kept = bool(view.scheduled(limit=1))
    return tuple(
        OrderShown.of(
            row,
            in_doubt=row.order in doubted,
            kept=view.scheduled_order(row.order) if any_kept else None,
        )
        for row in rows
    )


def check_status(status: str | None) -> str | None:
    """`status`, if it is known. Raises `UsageError`."""
    known = (QUEUED, ACKNOWLEDGED, REFUSED, CANCELLED, SCHEDULED)
    if status is not None and status not in known:
        raise UsageError(
            f"unknown status {ids.shown(status, name=True)}", f"known: {', '.join(known)}"
        )
    return status


def cancel(station: Station, order: str) -> OrderShown:
    """Cancel a queued order that no backend can have seen, with those that its request made.

    The ledger keeps what they changed; the opposite order changes it back. Raises `Refused` if
    a delivery of any of them was tried. One that is scheduled waits no more, and changed nothing.
    """
    with station.ledger.read() as view:
        kept = tuple(parts(view, order))
        booked = tuple(_booked(view, order, kept))
    waiting = [row.order for row in kept if row.status == WAITING]
    if not waiting and not booked:
        if kept[0].status == REFUSED:
            raise Refused(
                f"order {order} was refused at its time, and changed nothing",
                f"see why: mintmark orders show {order}",
            )
        return show(station, order)  # cancelled before
    more = len(waiting) + len(booked) - 1
    detail = f"cancelled here{f', with {more} more of the same request' if more else ''}"
    station.ledger.commit(
        station.author,
        *(ScheduleEnded(part, CANCELLED, detail) for part in waiting),
        *(Settled(part, CANCELLED, detail) for part in booked),
    )
    return show(station, order)


def _booked(view: View, order: str, kept: Sequence[ScheduledRow]) -> Iterator[str]:
    """The ids of the orders that the request `order` has become; `kept`: what was scheduled of it.

    Raises `NotFound` if there is no such request.
    """
    if not kept or (len(kept) == 1 and kept[0].status == BOOKED):
        yield from (row.order for row in booked_parts(view, order))
        return
    yield from (row.order for row in kept if row.status == BOOKED)
    # Those that only bring the product: they were not scheduled, and have the next numbers.
    others = (member_id(order, number) for number in range(len(kept) + 1, MEMBERS + 1))
    yield from takewhile(view.is_booked, others)

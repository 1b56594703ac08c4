"""Orders that are booked later: kept under their id until their time, and then booked or not.

A scheduled order is checked for what will not change: its batch, its serials, its attributes. What
its codes may do is asked when it is booked.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select

from .. import ids, times
from ..errors import Refused, UsageError
from . import _agreed, _events, _orders, _sql, _tables, chain
from ._from_row import to_time
from ._prepared import Prepared, inserting
from ._sql import NOTHING, Touched
from .chain import Event
from .changes import Change, Ordered, Scheduled, ScheduleEnded
from .records import ScheduledRow

WAITING, BOOKED = "waiting", "booked"
_HINT = "see: mintmark orders list"
# What booking may add to the attributes of a scheduled order: what follows from its batch.
GAINED = ("max_scans", "product")
_s, _e = _tables.scheduled.c, _tables.events.c


def schedule(change: Scheduled, connection: Connection, event: Event) -> Touched:
    """Keep the order until its time."""
    try:
        times.parse_utc(change.at)
    except ValueError:
        raise UsageError("an order is scheduled for a time in UTC, to the microsecond") from None
    _orders.check_order(as_ordered(change))
    _sql.check_within(_sql.batch_row(connection, change.batch), change.serials)
    for table in (_tables.orders, _tables.scheduled):
        _sql.require_unused(connection, table, "order_id", change.order)
    row = {
        "order_id": change.order, "seq": event.seq, "batch": change.batch, "at": change.at,
        "status": WAITING, "ended_at": None, "detail": None, "digest": _digest(as_ordered(change)),
    }  # fmt: skip
    inserting(_tables.scheduled, *row).run(connection, row)
    return NOTHING


def end(change: ScheduleEnded, connection: Connection, event: Event) -> Touched:
    """Note how a scheduled order ended."""
    if change.status not in _tables.ENDED:
        raise UsageError(f"a scheduled order ends as one of: {', '.join(_tables.ENDED)}")
    row = _sql.find(connection, _tables.scheduled, "order_id", change.order, _HINT)
    if row.status != WAITING:
        raise Refused(
            f"the scheduled order {change.order} is {row.status} already",
            f"see: mintmark orders show {change.order}",
        )
    _sql.update(
        connection, _tables.scheduled, "order_id", change.order,
        status=change.status, detail=change.detail, ended_at=event.at,
    )  # fmt: skip
    return NOTHING


def check_booked(change: Ordered, connection: Connection, event: Event) -> None:
    """Raises `Refused` if the id of `change` is that of a scheduled order that is not booked now.

    It is booked now by a `ScheduleEnded` of the same commit, and as it was scheduled.
    """
    row = _agreed.row(connection, _tables.scheduled, "order_id", change.order)
    if row is None:
        return
    if row.status != BOOKED or row.ended_at != event.at:
        raise _taken(row)
    if row.digest not in map(_digest, _without_gains(change)):
        raise Refused(
            f"order {change.order} is booked as it was scheduled, and this says something else",
            f"see it: mintmark orders show {change.order}",
        )


def _without_gains(change: Ordered) -> Iterator[Ordered]:
    """`change`, and what it may have been before booking added to its attributes."""
    for gained in ((), *((key,) for key in GAINED), GAINED):
        kept = {key: value for key, value in change.attributes.items() if key not in gained}
        yield replace(change, attributes=kept)


def _digest(change: Ordered) -> str:
    # A replay has the rows and no events, so the row has to tell what was scheduled.
    _, body = chain.encode(change)
    return hashlib.sha256(chain.canonical(body)).hexdigest()


def check_together(changes: tuple[Change, ...]) -> None:
    """Raises `ValueError` for a schedule that ends as booked, and no order after it that is."""
    for at, change in enumerate(changes):
        if isinstance(change, ScheduleEnded) and change.status == BOOKED:
            orders = (later.order for later in changes[at:] if isinstance(later, Ordered))
            if change.order not in orders:
                raise ValueError("a scheduled order is booked together with its order")


def as_ordered(change: Scheduled) -> Ordered:
    """The order that is to be booked."""
    return Ordered(**{item.name: getattr(change, item.name) for item in fields(Ordered)})


def refuse_taken(order: str, connection: Connection) -> None:
    """Raises `Refused` if `order` is the id of a scheduled order, however it ended."""
    row = _agreed.row(connection, _tables.scheduled, "order_id", order)
    if row is not None:
        raise _taken(row)


def _taken(row: Any) -> Refused:  # noqa: ANN401 - a row
    at = times.format_utc(times.parse_utc(row.at), "auto")
    state = f"waits for {at}" if row.status == WAITING else f"was scheduled, and is {row.status}"
    return Refused(
        f"the order {ids.shown(row.order_id)} {state}: its id is taken",
        f"see it: mintmark orders show {row.order_id}",
        "give a new order another id",
    )


# --- reading -----------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _query() -> Select[Any]:
    events = (column.label(f"event_{column.name}") for column in _tables.events.columns)
    return select(_tables.scheduled, *events).join(_tables.events, _e.seq == _s.seq)


WHOLE = Prepared(lambda: _query().where(_agreed.is_row(_tables.scheduled, bindparam("number"))))
_DUE = Prepared(
    lambda: (
        _query()
        .where(_s.status == WAITING, _s.at <= bindparam("now"))
        .order_by(_s.at, _s.seq)
        .limit(bindparam("most"))
    )
)


def _make(row: Row[Any]) -> ScheduledRow:
    change = _events.make_event(row, "event_").change
    told = row.order_id, row.batch, row.at
    if not isinstance(change, Scheduled) or (change.order, change.batch, change.at) != told:
        raise _agreed.damaged(_tables.scheduled)
    return ScheduledRow(
        order=row.order_id,
        seq=row.seq,
        batch=row.batch,
        at=times.parse_utc(row.at),
        status=row.status,
        ended_at=to_time(row.ended_at),
        detail=row.detail,
        change=change,
    )


def find(connection: Connection, order: str) -> ScheduledRow | None:
    """The scheduled order, or None."""
    row = _agreed.joined(connection, _tables.scheduled, "order_id", order, WHOLE)
    return None if row is None else _make(row)


def listed(
    connection: Connection, batch: str | None, status: str | None, limit: int
) -> tuple[ScheduledRow, ...]:
    """Scheduled orders by their time."""
    query = _query()
    if batch is not None:
        query = query.where(_s.batch == batch)
    if status is not None:
        query = query.where(_s.status == status)
    found = connection.execute(query.order_by(_s.at, _s.seq).limit(limit))
    return tuple(_make(row) for row in found)


def count_waiting(connection: Connection, batch: str | None) -> int:
    """How many orders wait for their time; those that name `batch`, or all."""
    query = select(func.count()).where(_s.status == WAITING)
    query = query if batch is None else query.where(_s.batch == batch)
    return connection.scalar(query) or 0


def due(connection: Connection, now: datetime, limit: int) -> tuple[ScheduledRow, ...]:
    """The waiting orders whose time has come, the earliest first."""
    found = _DUE.all(connection, now=times.format_utc(now), most=limit)
    return tuple(map(_make, found))

"""The outbox: queued orders, and the state of their delivery."""

from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Text,
    bindparam,
    exists,
    func,
    null,
    or_,
    select,
    union_all,
    update,
)

from .. import times
from ..ranges import serials
from ..ranges.serials import Range
from . import _agreed, _events, _pairs, _tables
from ._columns import Number
from ._elsewhere import unknown
from ._from_row import to_time
from ._prepared import Prepared, inserting, set_row
from ._words import tells, told
from .changes import Associated, Ordered
from .records import OrderRow

_o, _d, _e = _tables.orders.c, _tables.deliveries.c, _tables.events.c
_more = _tables.order_batches.c
_HINT = "see: mintmark orders list"


@lru_cache(maxsize=1)
def _query() -> Select[Any]:
    # Made once: to put it together costs more than to run it.
    return (
        select(
            _tables.orders,
            *(column.label(f"event_{column.name}") for column in _tables.events.columns),
            func.coalesce(_d.attempts, 0).label("attempts"),
            _d.next_attempt,
            _d.detail.label("last_failure"),
            _d.holder,
            _d.held_until,
        )
        .join(_tables.events, _e.seq == _o.seq)
        .outerjoin(_tables.deliveries, _d.order_id == _o.order_id)
    )


def _make(row: Row[Any]) -> OrderRow:
    event = _events.make_event(row, "event_")
    change = event.change
    if not isinstance(change, Ordered | Associated) or (change.order, change.batch) != (
        row.order_id,
        row.batch,
    ):
        raise _agreed.damaged(_tables.orders)
    return OrderRow(
        order=row.order_id,
        seq=row.seq,
        batch=row.batch,
        status=row.status,
        change=change,
        ordered_at=event.time,
        skipped=_pairs.from_text(row.skipped),
        applied_count=row.applied,
        skipped_count=row.skipped_count,
        settled_at=to_time(row.settled_at),
        detail=row.last_failure if row.status == "queued" else row.detail,
        attempts=row.attempts,
        next_attempt=to_time(row.next_attempt),
        holder=row.holder,
        held_until=to_time(row.held_until),
    )


def find(connection: Connection, order_id: str) -> OrderRow | None:
    """The order, or None."""
    row = _agreed.joined(connection, _tables.orders, "order_id", order_id, WHOLE)
    return None if row is None else _make(row)


WHOLE = Prepared(lambda: _query().where(_agreed.is_row(_tables.orders, bindparam("number"))))


def order(connection: Connection, order_id: str) -> OrderRow:
    """The order. Raises `NotFound`."""
    found = find(connection, order_id)
    if found is None:
        raise unknown(connection, "order_id", order_id, _HINT)
    return found


def orders(
    connection: Connection, batch: str | None, status: str | None, after: str, limit: int
) -> tuple[OrderRow, ...]:
    """Orders by number, beginning after order `after`."""
    query = _query()
    if batch is not None:
        query = query.where(names(batch))
    if status is not None:
        query = query.where(_o.status == status)
    if after:
        query = query.where(_o.seq > order(connection, after).seq)
    return tuple(_make(row) for row in connection.execute(query.order_by(_o.seq).limit(limit)))


def oldest(connection: Connection, batch: str) -> OrderRow | None:
    """The queued order that names `batch` and was booked first."""
    row = _OLDEST.first(connection, batch=batch)
    return None if row is None else _make(row)


def _oldest_query() -> Select[Any]:
    batch = bindparam("batch", type_=Text())
    further = select(_more.seq).where(_more.batch == batch)
    its = or_(_o.batch == batch, _o.seq.in_(further))
    return _query().where(its, _o.status == "queued").order_by(_o.seq).limit(1)


_OLDEST = Prepared(_oldest_query)


def newest(connection: Connection, batch: str | None, status: str) -> str | None:
    """The order with that status that was booked last, of `batch` or of all."""
    query = select(_o.order_id).where(_o.status == status).order_by(_o.seq.desc()).limit(1)
    found: str | None = connection.scalar(query if batch is None else query.where(names(batch)))
    return found


def names(batch: str) -> ColumnElement[bool]:
    """That an order names `batch`; an association may name several."""
    further = select(_more.seq).where(_more.batch == batch)
    return or_(_o.batch == batch, _o.seq.in_(further))


def last(connection: Connection, batch: str) -> int:
    """The number of the last order that names `batch`, or 0."""
    own = select(func.max(_o.seq, type_=Number())).where(_o.batch == batch)
    further = select(func.max(_more.seq, type_=Number())).where(_more.batch == batch)
    return max(int(connection.scalar(query) or 0) for query in (own, further))


def codes(connection: Connection, batch: str, status: str) -> int:
    """How many different codes of `batch` the orders with that status touched.

    An association touches its children and its parents.
    """
    pieces: list[Range] = []
    for row in connection.execute(_query().where(_o.status == status, names(batch))):
        found = _make(row)
        if isinstance(found.change, Associated):
            parts = (part for part in found.change.parts if part.batch == batch)
            pieces += (piece for part in parts for piece in part.serials)
        else:
            pieces += found.touched
    return serials.count(serials.union(pieces))


def giving_dealers(connection: Connection, since: datetime) -> tuple[OrderRow, ...]:
    """Orders of ranges that set or took a dealer: queued, or acknowledged at `since` or later."""
    dealer = tells(_e.body, "attributes", "dealer").is_not(None)
    other = _tables.events.alias("settling").c
    settled = select(told(other.body, "order")).where(
        other.type == "Settled", other.at >= times.format_utc(since)
    )
    waiting = connection.execute(_query().where(_o.status == "queued", dealer))
    # Without the status, SQLite looks each of the settled up, and not every one of that status.
    done = connection.execute(_query().where(_o.order_id.in_(settled), dealer))
    rows = (_make(row) for row in (*waiting, *done))
    return tuple(row for row in rows if row.status in ("queued", "acknowledged"))


def due(connection: Connection, now: datetime, limit: int) -> tuple[OrderRow, ...]:
    """The oldest queued orders that may be tried now, oldest first.

    Each is the oldest of every batch that it names.
    """
    values = {"now": times.format_utc(now), "most": limit}
    return tuple(_make(row) for row in _DUE.all(connection, **values))


def _due_query() -> Select[Any]:
    now, most = bindparam("now", type_=Text()), bindparam("most", type_=Integer())
    return (
        _query()
        .where(_o.seq.in_(_due()))
        .where(or_(_d.next_attempt.is_(None), _d.next_attempt <= now))
        .where(or_(_d.holder.is_(None), _d.held_until <= now))
        .order_by(_o.seq)
        .limit(most)
    )


_DUE = Prepared(_due_query)


def _due() -> Select[Any]:
    """The numbers of the queued orders before which none of their batches has another."""
    orders, more = _tables.orders.alias(), _tables.order_batches.alias()
    o, m = orders.c, more.c
    # Each minimum along an index: what is queued may be a day's work.
    own = select(o.batch, func.min(o.seq).label("seq")).where(o.status == "queued")
    further = select(m.batch, func.min(m.seq)).where(m.status == "queued")
    each = union_all(own.group_by(o.batch), further.group_by(m.batch)).subquery()
    oldest = (
        select(each.c.batch, func.min(each.c.seq).label("seq")).group_by(each.c.batch).cte("oldest")
    )
    behind = select(oldest.c.batch).where(oldest.c.seq < o.seq).correlate(orders)
    waits = exists().where(m.order_id == o.order_id, m.batch.in_(behind)).correlate(orders)
    found = select(o.seq).where(o.seq.in_(select(oldest.c.seq)))
    return found.where(o.batch.not_in(behind), ~waits)


def claim(
    connection: Connection, order_id: str, holder: str, until: datetime, now: datetime
) -> bool:
    """Hold a queued order until `until`, and count an attempt. False if another holds it.

    Raises `NotFound`.
    """
    found = order(connection, order_id)
    held = found.holder not in (None, holder) and (found.held_until or now) > now
    if found.status != "queued" or held:
        return False
    values = {
        "attempts": found.attempts + 1, "holder": holder, "held_until": times.format_utc(until),
    }  # fmt: skip
    _note(connection, order_id, values)
    return True


def is_held(connection: Connection, order_id: str, holder: str, until: datetime) -> bool:
    """Whether `holder` holds the order until just then."""
    found = order(connection, order_id)
    return (found.holder, found.held_until) == (holder, until)


def was_attempted(
    connection: Connection, order_id: str, next_attempt: datetime | None, detail: str | None
) -> bool:
    """Whether just this is noted of an order's last attempt."""
    query = select(_d.next_attempt, _d.detail).where(_d.order_id == order_id)
    row = connection.execute(query).first()
    wanted = (next_attempt and times.format_utc(next_attempt), detail)
    return row is not None and tuple(row) == wanted


def prolong(connection: Connection, order_id: str, holder: str, until: datetime) -> bool:
    """Hold an order until `until`, if `holder` holds it still. It counts no attempt."""
    found = order(connection, order_id)
    if found.status != "queued" or found.holder != holder:
        return False
    _note(connection, order_id, {"held_until": times.format_utc(until)})
    return True


def hold_new(connection: Connection, order_id: str, holder: str, until: datetime) -> None:
    """`claim` of an order that this very transaction booked: there is nothing to look up."""
    values = {"holder": holder, "held_until": times.format_utc(until)}
    row = {"order_id": order_id, "attempts": 1} | values
    inserting(_tables.deliveries, *row).run(connection, row)


def attempted(
    connection: Connection, order_id: str, next_attempt: datetime | None, detail: str | None
) -> None:
    """An attempt failed: why, and when to try again (None: at once)."""
    values = {
        "next_attempt": next_attempt and times.format_utc(next_attempt),
        "detail": detail,
    }
    order(connection, order_id)
    _note(connection, order_id, values, attempts=1)


def release(connection: Connection, order_id: str, holder: str) -> None:
    """Let go of an order, if `holder` still holds it."""
    _RELEASE.run(connection, {"order": order_id, "by": holder})


_RELEASE = Prepared(
    lambda: (
        update(_tables.deliveries)
        .where(_d.order_id == bindparam("order"), _d.holder == bindparam("by"))
        .values(holder=null(), held_until=null())
    )
)


def _note(connection: Connection, order_id: str, values: dict[str, Any], **first: int) -> None:
    """Set `values` of the state of a delivery; if it has none yet, `first` too."""
    row = _agreed.row_id(connection, _tables.deliveries, "order_id", order_id)
    if row is None:
        added = {"order_id": order_id} | first | values
        inserting(_tables.deliveries, *added).run(connection, added)
    else:
        set_row(connection, _tables.deliveries, row, values)

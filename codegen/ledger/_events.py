"""Reading the events of the chain."""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, or_, select

from .. import times
from ..errors import IntegrityError
from . import _tables, chain
from ._columns import BRING_BACK
from ._prepared import Prepared
from ._words import told
from .chain import Event

_e = _tables.events.c
_NAMES = tuple(column.name for column in _tables.events.c)
LAST = Prepared(lambda: select(_tables.events).order_by(_e.seq.desc()).limit(1))
STAMP = Prepared(
    lambda: select(_e.hash, _e.at).where(_e.seq == bindparam("seq")), pins={"seq": "seq"}
)


def after(connection: Connection, seq: int, limit: int) -> tuple[Event, ...]:
    """Events with a number above `seq`, in order."""
    return _all(connection, _after(seq).limit(limit))


def incidents(connection: Connection, kind: str, seq: int) -> tuple[Event, ...]:
    """The incidents of that kind with a number above `seq`, in order."""
    of_kind = told(_e.body, "kind") == kind
    return _all(connection, _after(seq).where(_e.type == "Incident", of_kind))


def troubles(connection: Connection, seq: int, limit: int) -> tuple[Event, ...]:
    """Incidents and refusals of the backend with a number above `seq`, in order."""
    status = told(_e.body, "status")
    trouble = or_(_e.type == "Incident", and_(_e.type == "Settled", status == "refused"))
    return _all(connection, _after(seq).where(trouble).limit(limit))


def between(connection: Connection, start: datetime, end: datetime) -> Iterator[Event]:
    """Events from `start` on and before `end`, by their times; read as it is consumed."""
    query = select(_tables.events).where(
        _e.at >= times.format_utc(start), _e.at < times.format_utc(end)
    )
    query = query.order_by(_e.at, _e.seq).execution_options(yield_per=1_000)
    with connection.execute(query) as rows:
        yield from map(make_event, rows)


def head(connection: Connection) -> tuple[int, str]:
    """Number and hash of the last event; 0 and `GENESIS` if there is none."""
    event = last(connection)
    return (0, chain.GENESIS) if event is None else (event.seq, event.hash)


def hash_at(connection: Connection, seq: int) -> str | None:
    """The hash of the event with this number; None if there is none."""
    row = STAMP.first(connection, seq=seq)
    return None if row is None else str(row.hash)


def last(connection: Connection) -> Event | None:
    """The last event, if there is one."""
    row = LAST.first(connection)
    return None if row is None else _last(row)


@lru_cache(maxsize=2)
def _last(row: Row[Any]) -> Event:
    # An order asks for the head twice, and to digest an event takes as long as to read it.
    return make_event(row)


def last_by(connection: Connection, key_id: str) -> Event | None:
    """The last event that the key signed, if there is one."""
    query = select(_tables.events).where(_e.key_id == key_id).order_by(_e.seq.desc()).limit(1)
    row = connection.execute(query).first()
    return None if row is None else make_event(row)


def make_event(row: Row[Any], prefix: str = "") -> Event:
    """The event of a row; the columns' names begin with `prefix`.

    Raises `IntegrityError` for an event whose content is not what was hashed.
    """
    event = Event(*[getattr(row, prefix + name) for name in _NAMES])
    if not chain.is_whole(event):
        raise IntegrityError(
            f"event {event.seq} was changed: its content does not match its hash", BRING_BACK
        )
    return event


def holds(connection: Connection, digest: str) -> bool:
    """Whether some event has this hash: it is the last one's, or an event follows it."""
    if head(connection)[1] == digest:
        return True
    query = select(_e.seq).where(_e.previous == digest, _e.seq > 1)
    return connection.execute(query).first() is not None


def _after(seq: int) -> Select[Any]:
    return select(_tables.events).where(_e.seq > seq).order_by(_e.seq)


def _all(connection: Connection, query: Select[Any]) -> tuple[Event, ...]:
    return tuple(make_event(row) for row in connection.execute(query))

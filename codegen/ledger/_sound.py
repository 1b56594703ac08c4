"""What no replay shows: whether the file is whole, and whether `deliveries` can be as it is."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, select, type_coerce
from sqlalchemy.types import NullType

from .. import times
from ..errors import IntegrityError
from . import _events, _postgresql_shape, _tables
from ._columns import BRING_BACK, Held

_MEND = "ask whoever runs the database what was done to it"
# Nobody holds an order for so long, or waits so long for the next attempt.
AHEAD = timedelta(days=1)
# Sending overwrites the time, and heeds none that lies so far ahead.
_SEND = "check the clock of this machine, then send what is queued: mintmark deliver"
_d, _o = _tables.deliveries.c, _tables.orders.c


def check_file(connection: Connection) -> None:
    """Raises `IntegrityError` with what SQLite's own check of file and indexes says first.

    PostgreSQL has no such check that every role may run, and its pages may bear checksums of its
    own: there its catalogue is compared with the tables as this program made them.
    """
    if connection.dialect.name != "sqlite":
        what = _postgresql_shape.difference(connection)
        if what is not None:
            raise IntegrityError(f"the database was changed by hand: {what}", _MEND, BRING_BACK)
        return
    for said in connection.exec_driver_sql("PRAGMA integrity_check").scalars():
        # Values that a row may not have are named when rows are compared.
        if said != "ok" and not str(said).startswith("CHECK constraint failed"):
            what = " ".join(str(said).removeprefix("*** in database main ***").split())[:120]
            raise IntegrityError(f"the file is damaged: SQLite says: {what}", BRING_BACK)


def check_deliveries(connection: Connection, now: datetime) -> None:
    """Raises `IntegrityError` naming the first row that cannot be.

    `now`: a clock that is behind the books does not make their times wrong.
    """
    latest = max(times.format_utc(now + AHEAD), _latest(connection))
    for row in _deliveries(connection):
        where = f"table deliveries, order_id {str(row['order_id'])[:40]}"
        what = _wrong(row)
        if what is not None:
            raise IntegrityError(f"{where}: {what}", BRING_BACK)
        name = _ahead(row, latest)
        if name is not None:
            what = f"{name} lies more than a day ahead: a clock was wrong, or the file is damaged"
            raise IntegrityError(f"{where}: {what}", _SEND, BRING_BACK)


def _latest(connection: Connection) -> str:
    """A day after the last event, as a column has it; empty without one."""
    last = _events.last(connection)
    return "" if last is None else times.format_utc(last.time + AHEAD)


def _deliveries(connection: Connection) -> Iterator[RowMapping]:
    """The rows as they lie there, and `booked`, the status of the order, if there is one."""
    columns = [type_coerce(column, NullType()).label(column.name) for column in _d]
    status = type_coerce(_o.status, NullType()).label("booked")
    query = select(*columns, status).outerjoin(_tables.orders, _o.order_id == _d.order_id)
    with connection.execute(query.execution_options(yield_per=1_000)) as rows:
        yield from rows.mappings()


def _wrong(row: RowMapping) -> str | None:
    for column in _d:
        if isinstance(column.type, Held) and not column.type.accepts(row[column.name]):
            return f"{column.name} holds what cannot stand there"
    if row["booked"] is None:
        return "there is no such order"
    if row["attempts"] < 1 or row["booked"] == "cancelled":
        return "it was never tried, or cancelled after it was"
    if (row["holder"] is None) != (row["held_until"] is None):
        return "somebody holds it for no time, or nobody for some time"
    return None


def _ahead(row: RowMapping, latest: str) -> str | None:
    """The column whose time lies after `latest`. Of a settled order nobody reads them."""
    if row["booked"] != "queued":
        return None
    names = ("held_until", "next_attempt")
    return next((name for name in names if row[name] is not None and row[name] > latest), None)

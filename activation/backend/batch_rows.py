"""A batch's row, found by its name."""

from typing import Any

from sqlalchemy import Connection, Row, select

from . import tables
from .problems import Problem


def row(connection: Connection, batch: str, *, lock: bool = False) -> Row[Any] | None:
    """`lock`: until the end of the transaction nobody else changes anything of the batch."""
    query = select(tables.batches).where(tables.batches.c.batch == batch)
    return connection.execute(query.with_for_update() if lock else query).first()


def known(connection: Connection, batch: str, *, lock: bool = False) -> Row[Any]:
    """As `row`. Raises `Problem` not-found."""
    found = row(connection, batch, lock=lock)
    if found is None:
        raise Problem("not-found", "register the batch first")
    return found

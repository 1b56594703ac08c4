"""Every row of a ledger, as it lies there, into another: in pieces, whichever engines they are."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Table, func, insert, null, select, text, type_coerce
from sqlalchemy.types import NullType

from ..progress import Progress
from . import _tables

_PIECE = 2_000  # rows in memory at once
# Who is about to send an order, and until when: nobody any more, where it arrives.
_CLAIM = ("holder", "held_until")


def copy_rows(source: Connection, target: Connection, progress: Progress) -> None:
    """Copy all tables into the empty tables of `target`; claims on deliveries are let go.

    `progress("copy", done, total)`: rows. Events are the same byte for byte. Memory does not
    grow with the ledger. Raises what the engines raise.
    """
    tables = _tables.metadata.sorted_tables
    total, done = sum(_count(source, table) for table in tables), 0
    for table in tables:
        put = _copy if target.dialect.name == "postgresql" else _insert
        for piece in _pieces(source, table):
            put(target, table, piece)
            done += len(piece)
            progress("copy", done, total)
    if target.dialect.name == "postgresql":
        # Its planner would take every table for an empty one until it has looked at them.
        target.execute(text("ANALYZE"))


def _count(connection: Connection, table: Table) -> int:
    return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def _pieces(connection: Connection, table: Table) -> Iterator[Sequence[Sequence[Any]]]:
    claims = {name for name in _CLAIM if table.name == "deliveries"}
    columns: list[Any] = [
        null() if column.name in claims else type_coerce(column, NullType())
        for column in table.columns
    ]
    query = select(*columns).select_from(table).order_by(*table.primary_key.columns)
    with connection.execute(query.execution_options(yield_per=_PIECE)) as found:
        yield from found.partitions()


def _insert(connection: Connection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    names = [column.name for column in table.columns]
    statement = insert(table)
    connection.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])


def _copy(connection: Connection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    driver: Any = connection.connection.dbapi_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as out:
        for row in rows:
            out.write_row(row)

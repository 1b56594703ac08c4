"""What is said of an id that is not there: whose it is, if it is the id of something else."""

from typing import Any

from sqlalchemy import Column, Connection, RowMapping, Table, select

from .. import ids
from ..errors import NotFound
from . import _tables

# Columns that people know by another name.
SPOKEN = {"key_id": "key", "order_id": "order", "scan_in": "scan-in"}
_IDS: tuple[tuple[Table, str], ...] = (
    (_tables.batches, "batch"),
    (_tables.packages, "package"),
    (_tables.units, "unit"),
    (_tables.orders, "order_id"),
    (_tables.scheduled, "order_id"),
    (_tables.scan_ins, "scan_in"),
    (_tables.contacts, "contact"),
    (_tables.keys, "key_id"),
    (_tables.homes, "home"),
)


def unknown(connection: Connection, name: str, value: str, hint: str) -> NotFound:
    """The error for a `value` that no row has in its column `name`."""
    wanted = SPOKEN.get(name, name)
    for table, column in _IDS:
        row = None if column == name else _row(connection, table.c[column], value)
        if row is not None:
            kind = SPOKEN.get(column, column)
            return NotFound(
                f"{row[column]} is {_a(kind)}, not {_a(wanted)}",
                _way(connection, row, kind, wanted) or hint,
            )
    return NotFound(f"no {wanted} {ids.shown(value)} in this ledger", hint)


def _row(connection: Connection, column: Column[Any], value: str) -> RowMapping | None:
    query = select(column.table)
    if column.table is not _tables.contacts:
        query = query.where(column.in_({value, ids.fold(value), value.strip().lower()}))
        return connection.execute(query).mappings().first()
    # What was folded as an id is no spelling of a contact's any more: li has become 11.
    rows = connection.execute(query).mappings()
    return next((row for row in rows if ids.fold(row["contact"]) == ids.fold(value)), None)


def _way(connection: Connection, row: RowMapping, kind: str, wanted: str) -> str | None:
    """How to get from what was named to what was wanted."""
    if wanted in row:
        return f"name its {wanted}: {row[wanted]}"
    if kind == "unit" and wanted == "batch":
        packages = _tables.packages.c
        query = select(packages.batch).where(packages.package == row["package"])
        return f"name its batch: {connection.scalar(query)}"
    lists = {
        ("batch", "package"): "package list --batch {}",
        ("batch", "unit"): "package list --batch {}",
        ("batch", "order"): "orders list --batch {}",
        ("package", "unit"): "package show {}",
    }
    command = lists.get((kind, wanted))
    return f"see: mintmark {command.format(row[kind])}" if command else None


def _a(kind: str) -> str:
    return f"{'an' if kind == 'order' else 'a'} {kind}"

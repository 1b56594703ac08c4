"""Finding the one row that bears a key: by two indexes, which must agree, and in the row itself.

One index would be enough if files were never damaged. But a key that a flipped bit hides in
its index would be taken for new: the same order booked twice, the same batch minted twice. Each
index is a b-tree of its own, and the row lies in a third. Whatever one damaged page says, the
others contradict; what they disagree about is refused. Adding a row asks both indexes likewise:
both are unique.

PostgreSQL has no such indexes: its servers check what they read from the disk, and its files are
no station's. A row is named by its primary key there.
"""

from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Table,
    bindparam,
    select,
    text,
)

from ..errors import IntegrityError
from ._columns import BRING_BACK
from ._prepared import POSTGRESQL, Prepared
from ._words import RowId, key_of

# SQLite's own index of a column, as it numbers them; the other is made by `_tables`.
_OWN = {"ref": 2}


def row_id(connection: Connection, table: Table, name: str, value: str) -> int | str | None:
    """What names the row of `table` whose column `name` is `value` (see `RowId`), or None.

    Raises `IntegrityError` if the two indexes do not agree.
    """
    if connection.dialect.name == POSTGRESQL:
        found = row(connection, table, name, value)
        return None if found is None else str(getattr(found, key_of(table).name))
    ((own, again),) = _both(table.name, name).raw(connection, value=value)
    if own != again:
        raise damaged(table)
    return None if own is None else int(own)


def row(connection: Connection, table: Table, name: str, value: str) -> Any:  # noqa: ANN401 - a row
    """That row, or None. Raises `IntegrityError` if it bears another key, or as above."""
    if connection.dialect.name == POSTGRESQL:
        return bearing(table, name).first(connection, value=value)
    number = row_id(connection, table, name, value)
    if number is None:
        return None
    found = _by_number(table).first(connection, number=number)
    if found is None or getattr(found, name) != value:
        raise damaged(table)
    return found


def is_row(table: Table, number: BindParameter[Any]) -> ColumnElement[bool]:
    """That it is the row that this names."""
    found: ColumnElement[bool] = RowId(table) == number
    return found


def joined(connection: Connection, table: Table, name: str, value: str, query: Prepared) -> Any:  # noqa: ANN401 - a row
    """That row as `query` reads it, by `is_row` and `number`; `name` is the primary key.

    PostgreSQL is asked nothing but `query`.
    """
    number: int | str | None = value
    if connection.dialect.name != POSTGRESQL:
        number = row_id(connection, table, name, value)
        if number is None:
            return None
    found = query.first(connection, number=number)
    if found is None and connection.dialect.name == POSTGRESQL:
        return None
    if found is None or getattr(found, name) != value:
        raise damaged(table)
    return found


@lru_cache(maxsize=32)
def bearing(table: Table, name: str) -> Prepared:
    """The row whose column `name` is `value`: what PostgreSQL is asked."""
    pins = {name: "value"}
    return Prepared(lambda: select(table).where(table.c[name] == bindparam("value")), pins=pins)


@lru_cache(maxsize=32)
def _by_number(table: Table) -> Prepared:
    return Prepared(lambda: select(table).where(is_row(table, bindparam("number"))))


@lru_cache(maxsize=32)
def _both(table: str, name: str) -> Prepared:
    indexes = f"sqlite_autoindex_{table}_{_OWN.get(name, 1)}", f"{table}_by_{name}_again"
    one, other = (
        f"(SELECT rowid FROM {table} INDEXED BY {index} WHERE {name} = :value)"  # noqa: S608 - names of ours
        for index in indexes
    )
    return Prepared(lambda: text(f"SELECT {one}, {other}"))


def damaged(table: Table) -> IntegrityError:
    """The error for a table whose parts contradict each other."""
    return IntegrityError(
        f"the ledger file is damaged: table {table.name} and its indexes do not agree;"
        " nothing was changed",
        BRING_BACK,
    )

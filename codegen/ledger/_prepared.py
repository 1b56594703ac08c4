"""Statements of the hot path: put together once, compiled once, and run by the driver.

SQLAlchemy takes some 40 microseconds for a statement that it knows, and as many again to put it
together; SQLite takes five. An order takes fifty statements while a line waits. What a statement
says stays SQLAlchemy's, and so do the transaction around it and the types of its columns: a value
that cannot stand in a column raises here as it does there.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import ClauseElement, Connection, Table, bindparam, insert, literal_column
from sqlalchemy import update as update_of
from sqlalchemy.dialects.sqlite import pysqlite

AT_ONCE = 1_000  # rows taken from the driver
_DIALECT = pysqlite.dialect()
Reader = Callable[[Any], Any] | None


class Prepared:
    """The statement that `make` puts together when it is first run.

    Its values are bound by name; those that `make` gave a value keep it. Each method raises
    `KeyError` for one that is missing. A list of values (`IN`) has no place here: its length would
    change the statement.
    """

    def __init__(self, make: Callable[[], Any], keys: Sequence[str] | None = None) -> None:
        self._make, self._keys = make, keys

    @cached_property
    def _statement(self) -> ClauseElement:
        statement: ClauseElement = self._make()
        return statement

    @cached_property
    def _compiled(self) -> tuple[str, tuple[tuple[str | None, Any], ...]]:
        """(its text, (the name of a value or None, else the value itself) in order)."""
        keys = None if self._keys is None else list(self._keys)
        compiled: Any = self._statement.compile(dialect=_DIALECT, column_keys=keys)
        binds = ((name, compiled.binds[name]) for name in compiled.positiontup or ())
        return str(compiled), tuple(
            (name, None) if bind.required else (None, bind.value) for name, bind in binds
        )

    def _bound(self, values: Mapping[str, object]) -> list[object]:
        return [known if name is None else values[name] for name, known in self._compiled[1]]

    @cached_property
    def _row(self) -> Callable[[Iterable[Any]], Any]:
        """What makes a row with names of what the driver gives."""
        columns = tuple(getattr(self._statement, "selected_columns", ()))
        names = [column.key for column in columns]
        kind = namedtuple("Row", names)  # type: ignore[misc]  # noqa: PYI024 - columns tell the fields
        readers = [column.type.dialect_impl(_DIALECT) for column in columns]
        reads: list[Reader] = [each.result_processor(_DIALECT, None) for each in readers]

        def made(values: Iterable[Any]) -> Any:  # noqa: ANN401 - a named tuple
            return kind(
                *[
                    value if read is None else read(value)
                    for read, value in zip(reads, values, strict=True)
                ]
            )

        return made

    def all(self, connection: Connection, **values: object) -> list[Any]:
        """The rows of a SELECT: tuples whose fields are its columns."""
        return list(map(self._row, self._fetched(connection, values)))

    def each(self, connection: Connection, **values: object) -> Iterator[Any]:
        """The same, read as they are consumed: there may be millions."""
        sql, _ = self._compiled
        with closing(_driver(connection).cursor()) as cursor:
            cursor.execute(sql, self._bound(values))
            passed(sql)
            while some := cursor.fetchmany(AT_ONCE):
                yield from map(self._row, some)

    def first(self, connection: Connection, **values: object) -> Any:  # noqa: ANN401 - a named tuple
        """The first of these rows, or None."""
        found = self._fetched(connection, values)
        return self._row(found[0]) if found else None

    def raw(self, connection: Connection, **values: object) -> list[tuple[Any, ...]]:
        """The rows of a SELECT of text, as the driver gives them."""
        return self._fetched(connection, values)

    def run(self, connection: Connection, values: Mapping[str, object]) -> int:
        """Run a statement that writes; how many rows it touched."""
        sql, _ = self._compiled
        with closing(_driver(connection).cursor()) as cursor:
            cursor.execute(sql, self._bound(values))
            touched: int = cursor.rowcount
        passed(sql)
        return touched

    def run_many(self, connection: Connection, rows: Iterable[Mapping[str, object]]) -> None:
        """The same for many rows."""
        sql, _ = self._compiled
        bound = list(map(self._bound, rows))
        with closing(_driver(connection).cursor()) as cursor:
            cursor.executemany(sql, bound)
        passed(sql)

    def _fetched(self, connection: Connection, values: Mapping[str, object]) -> list[Any]:
        sql, _ = self._compiled
        # Closed at once: a cursor that Ctrl-C left open would hold the write lock.
        with closing(_driver(connection).cursor()) as cursor:
            cursor.execute(sql, self._bound(values))
            found: list[Any] = cursor.fetchall()
        passed(sql)
        return found


def passed(sql: str) -> None:
    """Nothing: tests count statements here, and stop the world."""


def _driver(connection: Connection) -> Any:  # noqa: ANN401 - a connection of the driver
    return connection.connection.dbapi_connection


@lru_cache(maxsize=64)
def inserting(table: Table, *keys: str) -> Prepared:
    """An INSERT of these columns, bound by their names."""
    return Prepared(lambda: insert(table), keys)


def set_row(
    connection: Connection, table: Table, number: int, values: Mapping[str, object]
) -> None:
    """Set `values` in the row of `table` with the rowid `number`."""
    bound = {f"to_{key}": value for key, value in values.items()}
    _updating(table, *values).run(connection, {"number_": number, **bound})


@lru_cache(maxsize=64)
def _updating(table: Table, *keys: str) -> Prepared:
    numbered = literal_column(f"{table.name}.rowid") == bindparam("number_")
    # Within VALUES a column's own name is taken by SQLAlchemy.
    values = {key: bindparam(f"to_{key}", type_=table.c[key].type) for key in keys}
    return Prepared(lambda: update_of(table).where(numbered).values(values))

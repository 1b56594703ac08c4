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
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import ClauseElement, Connection, Dialect, Table, TextClause, bindparam, insert
from sqlalchemy import update as update_of
from sqlalchemy.dialects.sqlite import pysqlite
from sqlalchemy.sql import visitors

from ._words import RowId, key_of

if TYPE_CHECKING:
    from ._trips import Trips
    from ._wire import Statement, Values

POSTGRESQL = "postgresql"

AT_ONCE = 1_000  # rows taken from the driver
Reader = Callable[[Any], Any] | None


def ahead(connection: Connection, asked: Iterable["Asked"]) -> None:
    """Ask PostgreSQL in one trip what will be asked soon; nothing on SQLite."""
    if connection.dialect.name == POSTGRESQL:
        from . import _trips

        questions = [prepared.question(connection, values) for prepared, values in asked]
        _trips.of(connection).ahead(questions)


def send(connection: Connection) -> None:
    """Have PostgreSQL run what is queued. Raises what the driver raises for it."""
    if connection.dialect.name == POSTGRESQL:
        from . import _trips

        _trips.of(connection).flush()


class Prepared:
    """The statement that `make` puts together when it is first run.

    `postgresql` puts it together for PostgreSQL, where that takes other words. Its values are bound
    by name; those that `make` gave a value keep it. Each method raises `KeyError` for one that is
    missing. A list of values (`IN`) has no place here: its length would change the statement.
    `pins` says of columns that they hold a value in every row that is read or written: column →
    the name of that value. It is all one table's, then (see `_trips`).
    """

    def __init__(
        self,
        make: Callable[[], Any],
        keys: Sequence[str] | None = None,
        *,
        postgresql: Callable[[], Any] | None = None,
        pins: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._make, self._keys, self._pins = make, keys, pins
        self._makes = {"postgresql": postgresql or make}
        self._known: dict[str, _Compiled] = {}

    def _of(self, connection: Connection) -> "_Compiled":
        name = connection.dialect.name
        known = self._known.get(name)
        if known is None:
            statement = self._makes.get(name, self._make)()
            known = self._known[name] = _Compiled(statement, self._keys, self._pins, name)
        return known

    def all(self, connection: Connection, **values: object) -> list[Any]:
        """The rows of a SELECT: tuples whose fields are its columns."""
        this = self._of(connection)
        if this.trips is not None:
            return this.trips(connection).ask(this.statement, this.bound(values))
        return list(map(this.row, _fetched(this, connection, values)))

    def each(self, connection: Connection, **values: object) -> Iterator[Any]:
        """The same, read as they are consumed: there may be millions."""
        this = self._of(connection)
        if this.trips is not None:
            yield from this.trips(connection).each(this.statement, this.bound(values))
            return
        with closing(_driver(connection).cursor()) as cursor:
            cursor.execute(this.sql, this.bound(values))
            passed(this.sql)
            while some := cursor.fetchmany(AT_ONCE):
                yield from map(this.row, some)

    def first(self, connection: Connection, **values: object) -> Any:  # noqa: ANN401 - a named tuple
        """The first of these rows, or None."""
        this = self._of(connection)
        if this.trips is not None:
            found = this.trips(connection).ask(this.statement, this.bound(values))
            return found[0] if found else None
        found = _fetched(this, connection, values)
        return this.row(found[0]) if found else None

    def raw(self, connection: Connection, **values: object) -> list[tuple[Any, ...]]:
        """The rows of a SELECT of text, as the driver gives them."""
        this = self._of(connection)
        if this.trips is not None:
            return this.trips(connection).ask(this.statement, this.bound(values))
        return _fetched(this, connection, values)

    def run(self, connection: Connection, values: Mapping[str, object]) -> None:
        """Run a statement that writes. On PostgreSQL it waits for the next trip: see `_trips`."""
        this = self._of(connection)
        if this.trips is not None:
            this.trips(connection).write(this.statement, [this.bound(values)])
            return
        with closing(_driver(connection).cursor()) as cursor:
            cursor.execute(this.sql, this.bound(values))
        passed(this.sql)

    def run_many(self, connection: Connection, rows: Iterable[Mapping[str, object]]) -> None:
        """The same for many rows."""
        this = self._of(connection)
        bound = list(map(this.bound, rows))
        if this.trips is not None:
            this.trips(connection).write(this.statement, bound)
            return
        with closing(_driver(connection).cursor()) as cursor:
            cursor.executemany(this.sql, bound)
        passed(this.sql)

    def question(
        self, connection: Connection, values: Mapping[str, object]
    ) -> "tuple[Statement, Values]":
        """What `_trips` asks, and then remembers."""
        this = self._of(connection)
        return this.statement, this.bound(values)

    def known(self, connection: Connection, **values: object) -> list[Any] | None:
        """The rows, if `_trips` has them; never on SQLite."""
        this = self._of(connection)
        if this.trips is None:
            return None
        return this.trips(connection).known(this.statement, this.bound(values))


class _Compiled:
    """A statement as one of the drivers takes it."""

    def __init__(
        self,
        statement: ClauseElement,
        keys: Sequence[str] | None,
        pins: Mapping[str, str],
        name: str,
    ) -> None:
        self._statement, self._pins, self._dialect = statement, pins, _dialect(name)
        # Where a connection keeps what it has yet to send; None for a database in this process.
        self.trips: Callable[[Connection], Trips] | None = None
        if name == POSTGRESQL:
            from ._trips import of

            self.trips = of
        compiled: Any = statement.compile(
            dialect=self._dialect, column_keys=None if keys is None else list(keys)
        )
        self.sql = str(compiled)
        binds = ((name, compiled.binds[name]) for name in compiled.positiontup or ())
        # (the name of a value or None, else the value itself) in order
        self._binds: tuple[tuple[str | None, Any], ...] = tuple(
            (name, None) if bind.required else (None, bind.value) for name, bind in binds
        )

    def bound(self, values: Mapping[str, object]) -> tuple[object, ...]:
        """The values in order."""
        return tuple([known if name is None else values[name] for name, known in self._binds])

    @cached_property
    def statement(self) -> "Statement":
        """The statement as `_trips` takes it."""
        from ._wire import Statement

        row = self.row if hasattr(self._statement, "selected_columns") else tuple
        at = {name: place for place, (name, _) in reversed([*enumerate(self._binds)])}
        pins = {column: at[name] for column, name in self._pins.items()}
        return Statement(self.sql.encode(), self._tables(), pins, row)

    def _tables(self) -> frozenset[str] | None:
        """The tables that it writes, or else reads; None if its text alone tells."""
        written = getattr(self._statement, "table", None)
        if isinstance(written, Table):
            return frozenset((written.name,))
        parts = list(visitors.iterate(self._statement))
        if any(isinstance(part, TextClause) for part in parts):
            return None
        return frozenset(part.name for part in parts if isinstance(part, Table))

    @cached_property
    def row(self) -> Callable[[Iterable[Any]], Any]:
        """What makes a row with names of what the driver gives."""
        columns = tuple(getattr(self._statement, "selected_columns", ()))
        names = [column.key for column in columns]
        kind = namedtuple("Row", names)  # type: ignore[misc]  # noqa: PYI024 - columns tell the fields
        readers = [column.type.dialect_impl(self._dialect) for column in columns]
        reads: list[Reader] = [each.result_processor(self._dialect, None) for each in readers]

        def made(values: Iterable[Any]) -> Any:  # noqa: ANN401 - a named tuple
            return kind(
                *[
                    value if read is None else read(value)
                    for read, value in zip(reads, values, strict=True)
                ]
            )

        return made


Asked = tuple[Prepared, Mapping[str, object]]


def passed(sql: str) -> None:
    """Nothing: tests count statements here, and stop the world."""


def _fetched(this: _Compiled, connection: Connection, values: Mapping[str, object]) -> list[Any]:
    # Closed at once: a cursor that Ctrl-C left open would hold the write lock.
    with closing(_driver(connection).cursor()) as cursor:
        cursor.execute(this.sql, this.bound(values))
        found: list[Any] = cursor.fetchall()
    passed(this.sql)
    return found


@lru_cache(maxsize=2)
def _dialect(name: str) -> Dialect:
    if name != POSTGRESQL:
        return pysqlite.dialect()
    from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

    # Values as libpq itself takes them.
    made: Dialect = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
    return made


def _driver(connection: Connection) -> Any:  # noqa: ANN401 - a connection of the driver
    return connection.connection.dbapi_connection


@lru_cache(maxsize=64)
def inserting(table: Table, *keys: str) -> Prepared:
    """An INSERT of these columns, bound by their names."""
    return Prepared(lambda: insert(table), keys, pins={key: key for key in keys})


def set_row(
    connection: Connection, table: Table, number: int | str, values: Mapping[str, object]
) -> None:
    """Set `values` in the row of `table` with the rowid, or primary key, `number`."""
    bound = {f"to_{key}": value for key, value in values.items()}
    _updating(table, *values).run(connection, {"number_": number, **bound})


@lru_cache(maxsize=64)
def _updating(table: Table, *keys: str) -> Prepared:
    numbered = RowId(table) == bindparam("number_")
    # Within VALUES a column's own name is taken by SQLAlchemy.
    values = {key: bindparam(f"to_{key}", type_=table.c[key].type) for key in keys}
    key = key_of(table).name
    pins = {} if key in keys else {key: "number_"}
    return Prepared(lambda: update_of(table).where(numbered).values(values), pins=pins)

"""Words of SQL that the two databases spell differently: one element each, compiled for either."""

from typing import Any

from sqlalchemy import ColumnElement, Table, Text, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from ._columns import Number


class RowId(ColumnElement[Any]):
    """What names a row of `table`: SQLite's rowid; on PostgreSQL the primary key, a single text."""

    inherit_cache = False

    def __init__(self, table: Table) -> None:
        self.table = table


class total(FunctionElement[int]):  # noqa: N801 - a function of SQL
    """The sum of whole numbers, as a whole number; NULL over no rows."""

    name = "total"
    type = Number()
    inherit_cache = True


class smaller(FunctionElement[int]):  # noqa: N801 - as above
    """The smaller of two numbers of a row."""

    name = "smaller"
    type = Number()
    inherit_cache = True


class greater(FunctionElement[int]):  # noqa: N801 - as above
    """The greater of two numbers of a row."""

    name = "greater"
    type = Number()
    inherit_cache = True


class told(FunctionElement[str]):  # noqa: N801 - as above
    """The text under a key in a column of JSON; NULL if none is. `path`: keys, words of ours."""

    name = "told"
    type = Text()
    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], *path: str) -> None:
        super().__init__(column, *(literal_column(f"'{key}'") for key in path))


class tells(told):  # noqa: N801 - as above
    """The same, for asking whether something is there: also a null is."""

    name = "tells"
    inherit_cache = True


@compiles(RowId, "sqlite")
def _(element: RowId, compiler: Any, **_: object) -> str:  # noqa: ANN401, ARG001 - SQLAlchemy's form
    return f"{element.table.name}.rowid"


@compiles(RowId, "postgresql")
def _(element: RowId, compiler: Any, **more: Any) -> str:  # noqa: ANN401 - as above
    return str(compiler.process(key_of(element.table), **more))


@compiles(total, "sqlite")
def _(element: total, compiler: Any, **more: Any) -> str:  # noqa: ANN401 - as above
    return f"sum({compiler.process(element.clauses, **more)})"


@compiles(total, "postgresql")
def _(element: total, compiler: Any, **more: Any) -> str:  # noqa: ANN401 - as above
    # The sum of BIGINT is NUMERIC, which the driver gives as a Decimal.
    return f"CAST(sum({compiler.process(element.clauses, **more)}) AS BIGINT)"


@compiles(smaller, "sqlite")
def _(element: smaller, compiler: Any, **more: Any) -> str:  # noqa: ANN401 - as above
    return f"min({compiler.process(element.clauses, **more)})"


@compiles(smaller, "postgresql")
def _(element: smaller, compiler: Any, **more: Any) -> str:  # noqa: ANN401 - as above
    return f"least({compiler.process(element.clauses, **more)})"


@compiles(greater, "sqlite")
def _(element: greater, compiler: Any, **more: Any) -> str:  # noqa: ANN401 - as above
    return f"max({compiler.process(element.clauses, **more)})"


@compiles(greater, "postgresql")
def _(element: greater, compiler: Any, **more: Any) -> str:  # noqa: ANN401 - as above
    return f"greatest({compiler.process(element.clauses, **more)})"


@compiles(told, "sqlite")
def _(element: told, compiler: Any, **more: Any) -> str:  # noqa: ANN401 - as above
    return f"json_extract({', '.join(_dotted(element, compiler, **more))})"


@compiles(tells, "sqlite")
def _(element: tells, compiler: Any, **more: Any) -> str:  # noqa: ANN401 - as above
    return f"json_type({', '.join(_dotted(element, compiler, **more))})"


@compiles(told, "postgresql")
def _(element: told, compiler: Any, **more: Any) -> str:  # noqa: ANN401 - as above
    # JSON and not JSONB, which would refuse numbers and texts that it cannot hold itself.
    return _path(element, compiler, "->>", **more)


@compiles(tells, "postgresql")
def _(element: tells, compiler: Any, **more: Any) -> str:  # noqa: ANN401 - as above
    return f"({_path(element, compiler, '->', **more)})::TEXT"


def _dotted(element: told, compiler: Any, **more: Any) -> tuple[str, str]:  # noqa: ANN401 - as above
    column, *path = (compiler.process(clause, **more) for clause in element.clauses)
    keys = ".".join(key.strip("'") for key in path)
    return column, f"'$.{keys}'"


def _path(element: told, compiler: Any, last: str, **more: Any) -> str:  # noqa: ANN401 - as above
    column, *way, key = (compiler.process(clause, **more) for clause in element.clauses)
    steps = "".join(f" -> {step}" for step in way)
    # An escaped NUL is sound JSON, and yet no text that PostgreSQL would hold.
    return f"(CAST(replace({column}, '\\u0000', '\\ufffd') AS JSON){steps} {last} {key})"


def key_of(table: Table) -> ColumnElement[Any]:
    """The only column of the primary key of `table`."""
    (key,) = table.primary_key.columns
    found: ColumnElement[Any] = key
    return found

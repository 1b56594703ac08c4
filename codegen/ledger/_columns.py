"""What may stand in a column, held when it is read: SQLite itself takes anything anywhere.

On PostgreSQL text is compared byte by byte, as SQLite does it: a list that a database sorted by
the rules of a language would not be the list that was replayed. Numbers have 64 bits there.

A value of another type or form was not written by this program: the file was damaged, or
somebody was in it by hand. Reading it raises `IntegrityError`, which names the column and
quotes nothing.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Float, Integer, MetaData, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.util import constructor_copy

from ..errors import IntegrityError

BRING_BACK = "bring ledger.db back from your copy of the home"
# What JSON holds exactly, and the events are JSON.
LARGEST = 2**53
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_HEX = re.compile(r"(?:[0-9a-f]{2})+", re.ASCII)


def misplaced(where: str) -> IntegrityError:
    """The error for a value that cannot stand in the column `where`."""
    return IntegrityError(f"the ledger holds in {where} what cannot stand there", BRING_BACK)


class Held:
    """A column's type that knows what may stand there; `null`: nothing may, too."""

    where = ""
    null = True
    render_bind_cast = True  # where a driver has to be told: PostgreSQL guesses types

    def adapt(self, cls: Any, **more: Any) -> Any:  # noqa: ANN401, ARG002 - SQLAlchemy's form
        """Its own kind: a dialect's own type would not hold what is read."""
        return constructor_copy(self, type(self), **more)

    def holds(self, value: Any) -> bool:  # noqa: ANN401 - whatever lies in the file
        """Whether `value`, which is not None, may stand here."""
        raise NotImplementedError

    def accepts(self, value: Any) -> bool:  # noqa: ANN401 - as above
        """Whether `value` may stand here."""
        return self.null if value is None else self.holds(value)

    def result_processor(self, dialect: Any, coltype: object) -> Callable[[Any], Any]:  # noqa: ANN401, ARG002 - SQLAlchemy's form
        """What SQLAlchemy calls for each value read. It raises `IntegrityError`."""
        holds, null, where = self.holds, self.null, self.where

        def read(value: Any) -> Any:  # noqa: ANN401 - as above
            if null if value is None else holds(value):
                return value
            raise misplaced(where)

        return read


# The arguments of a type are its fields: SQLAlchemy tells by them whether two are the same.


class HeldText(Held, String):
    """Text; one of `words` if they are given."""

    def __init__(self, where: str = "", words: tuple[str, ...] = (), *, null: bool = True) -> None:
        super().__init__()
        self.where, self.words, self.null = where, words, null

    def holds(self, value: Any) -> bool:  # noqa: ANN401 - as above
        """Whether `value` is such a text."""
        return type(value) is str and (not self.words or value in self.words)


class Moment(HeldText):
    """A time in UTC, as `times.format_utc` writes it."""

    def holds(self, value: Any) -> bool:  # noqa: ANN401 - as above
        """Whether `value` is a time that there is."""
        if type(value) is not str or _MOMENT.fullmatch(value) is None:
            return False
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return False
        return True


class Hex(HeldText):
    """Bytes, in lower-case hex."""

    def holds(self, value: Any) -> bool:  # noqa: ANN401 - as above
        """Whether `value` is bytes in hex."""
        return type(value) is str and _HEX.fullmatch(value) is not None


class Number(Held, Integer):
    """A whole number that JSON holds exactly."""

    def __init__(self, where: str = "", *, null: bool = True) -> None:
        super().__init__()
        self.where, self.null = where, null

    def holds(self, value: Any) -> bool:  # noqa: ANN401 - as above
        """Whether `value` is such a number."""
        return type(value) is int and -LARGEST < value < LARGEST


class Fraction(Held, Float[float]):
    """A number."""

    def __init__(self, where: str = "", *, null: bool = True) -> None:
        super().__init__()
        self.where, self.null = where, null

    def holds(self, value: Any) -> bool:  # noqa: ANN401 - as above
        """Whether `value` is a number."""
        return type(value) in (int, float)


@compiles(HeldText, "postgresql")
def _(_: HeldText, compiler: object, **more: object) -> str:  # noqa: ARG001 - SQLAlchemy's form
    # Of a column, or of a value that is passed.
    return 'TEXT COLLATE "C"' if "type_expression" in more else "TEXT"


@compiles(Number, "postgresql")
def _(_: Number, compiler: object, **more: object) -> str:  # noqa: ARG001 - as above
    return "BIGINT"


@compiles(Fraction, "postgresql")
def _(_: Fraction, compiler: object, **more: object) -> str:  # noqa: ARG001 - as above
    return "DOUBLE PRECISION"


def name_all(metadata: MetaData) -> None:
    """Tell every column's type where it stands, and whether it may be empty there."""
    for table in metadata.tables.values():
        for column in table.columns:
            if isinstance(column.type, Held):
                column.type.where = f"{table.name}.{column.name}"
                column.type.null = bool(column.nullable)

"""Tables of a profile's document, read key by key: each value of its type, no key left over.

Every refusal is a `UsageError` with the detail `key`, as in `sheet.page`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from enum import StrEnum
from typing import Any, TypeVar

from .geometry import wrong

Choice = TypeVar("Choice", bound=StrEnum)

_MAX_LENGTH = 1_000


class Table:
    """A table; `done` refuses the keys that were not read."""

    def __init__(self, value: object, path: str) -> None:
        if not isinstance(value, Mapping):
            wrong(path, "this is a table of keys and values")
        self._value: Mapping[str, Any] = value
        self._path = path
        self._read: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def key(self, key: str) -> str:
        """The key with the tables it lies in."""
        return f"{self._path}.{key}" if self._path else key

    def take(self, key: str, default: object) -> Any:  # noqa: ANN401 - any value of a document
        """The value as it is."""
        self._read.add(key)
        return self._value.get(key, default)

    def table(self, key: str) -> "Table":
        """A table inside; if it is missing, an empty table."""
        return Table(self.take(key, {}), self.key(key))

    def text(self, key: str, default: str) -> str:
        """A string."""
        value = self.take(key, default)
        if type(value) is not str or len(value) > _MAX_LENGTH:
            wrong(self.key(key), "this is a string")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self.take(key, default)
        if type(value) is not bool:
            wrong(self.key(key), "this is true or false")
        return value

    def whole(self, key: str, default: int) -> int:
        """A whole number."""
        value = self.take(key, default)
        if type(value) is not int:
            wrong(self.key(key), "this is a whole number")
        return value

    def length(self, key: str, default: float) -> float:
        """A number."""
        return self._number(key, self.take(key, default))

    def pair(self, key: str, default: tuple[float, float] | None) -> tuple[float, float]:
        """Two numbers; required if there is no default."""
        value = self.take(key, default)
        if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
            wrong(self.key(key), "two numbers in mm are needed: [across, down]")
        return self._number(key, value[0]), self._number(key, value[1])

    def choice(self, key: str, kind: type[Choice], default: Choice) -> Choice:
        """One of an enumeration's values."""
        return self._choice(key, kind, self.text(key, default.value))

    def choices(self, key: str, kind: type[Choice]) -> tuple[Choice, ...]:
        """Some of an enumeration's values, each once."""
        value = self.take(key, ())
        if not isinstance(value, Sequence) or isinstance(value, str):
            wrong(self.key(key), "this is a list")
        found = tuple(self._choice(key, kind, item) for item in value)
        if len(set(found)) != len(found):
            wrong(self.key(key), "a value is there twice")
        return found

    def done(self) -> None:
        """Refuse keys that do not exist."""
        for key in self._value:
            if key not in self._read:
                known = ", ".join(sorted(self._read))
                wrong(self.key(str(key)[:40]), "there is no such key", f"known here: {known}")

    def _number(self, key: str, value: object) -> float:
        if type(value) not in {int, float} or not abs(float(str(value))) < 1e6:
            wrong(self.key(key), "this is a number")
        return float(str(value))

    def _choice(self, key: str, kind: type[Choice], value: object) -> Choice:
        known = [item.value for item in kind]
        if value not in known:
            wrong(self.key(key), f"this is one of {', '.join(known)}")
        return kind(value)


def plain(value: object) -> object:
    """`value` in the types of a document: enumerations as text, tuples as lists."""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


def section(value: Any, leave: Sequence[str] = (), **instead: object) -> dict[str, object]:  # noqa: ANN401 - any dataclass
    """A dataclass as a table; None is left out."""
    found = {
        field.name: plain(getattr(value, field.name))
        for field in fields(value)
        if field.name not in leave
    } | instead
    return {key: item for key, item in found.items() if item is not None}

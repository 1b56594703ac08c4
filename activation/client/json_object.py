"""Reading foreign JSON: every key is checked before its value is used. Pure."""

import re
from typing import Any, TypeVar

from ...codegen import times
from ...codegen.errors import UsageError
from ...codegen.ranges import attributes, windows
from ...codegen.ranges.attributes import Value
from ...codegen.ranges.serials import Ranges, from_pairs

LISTED = 1_000  # entries of a list in an answer, at most
SERIAL_MAX = 999_999_999_999

T = TypeVar("T")
_HEX = re.compile(r"(?:[0-9a-f]{2})+", re.ASCII)


class MalformedAnswer(ValueError):
    """An answer that is not of the agreed form. Names the faulty part, never quotes it."""


def is_serial(value: object) -> bool:
    """Whether a JSON value is a serial."""
    return type(value) is int and 1 <= value <= SERIAL_MAX


class JsonObject:
    """A JSON object, read key by key. Every method raises `MalformedAnswer`.

    Keys that nobody reads are passed over: a later backend may send more.
    """

    def __init__(self, data: object) -> None:
        if not isinstance(data, dict):
            raise MalformedAnswer("not a JSON object")
        self._data: dict[str, Any] = data

    def get(self, key: str, kind: type[T]) -> T:
        """The value of `key`, exactly of type `kind`."""
        value = self._data.get(key)
        if type(value) is not kind:
            raise MalformedAnswer(f"{key} is missing or of the wrong type")
        return value

    def maybe(self, key: str, kind: type[T]) -> T | None:
        """As `get`; None if the key is absent or null."""
        return None if self._data.get(key) is None else self.get(key, kind)

    def number(self, key: str) -> int:
        """A whole number from 0 to `SERIAL_MAX`."""
        value = self.get(key, int)
        if not 0 <= value <= SERIAL_MAX:
            raise MalformedAnswer(f"{key} is out of bounds")
        return value

    def word(self, key: str, kind: type[T]) -> T:
        """A member of the enumeration `kind`."""
        try:
            return kind(self.get(key, str))  # type: ignore[call-arg]
        except ValueError:
            raise MalformedAnswer(f"{key} is an unknown word") from None

    def hex(self, key: str, size: int) -> str:
        """`size` bytes in lower-case hex, as text."""
        value = self.get(key, str)
        if len(value) != 2 * size or _HEX.fullmatch(value) is None:
            raise MalformedAnswer(f"{key} is not {size} bytes of hex")
        return value

    def time(self, key: str) -> str:
        """An RFC 3339 time, as text."""
        value = self.get(key, str)
        try:
            times.parse(value)
        except ValueError:
            raise MalformedAnswer(f"{key} is no time") from None
        return value

    def ranges(self, key: str) -> Ranges:
        """Ascending ranges, from pairs; at most `LISTED`."""
        try:
            return from_pairs(self._data.get(key), LISTED)
        except UsageError:
            raise MalformedAnswer(f"{key} is no list of ranges") from None

    def values(self, key: str) -> dict[str, Value]:
        """Attributes: an object of texts and numbers, and of windows in their one spelling."""
        values = dict(self.get(key, dict))
        held = {name: value for name, value in values.items() if windows.is_window(name)}
        if not all(type(value) in (str, int) for name, value in values.items() if name not in held):
            raise MalformedAnswer(f"{key} holds more than text and numbers")
        try:
            checked = attributes.check_booked(held)
        except UsageError:
            raise MalformedAnswer(f"{key} holds no well-formed window") from None
        if None in checked.values():
            raise MalformedAnswer(f"{key} holds a window that is null")
        return values | checked

"""Reading the JSON of an archive: each value has its type and lies within its bounds.

Every function raises `ValueError` or `TypeError` without quoting the value, which may be a
secret; the caller names the file that is not well formed.
"""

import json
import re
from typing import TypeVar

T = TypeVar("T")


def load(data: bytes, limit: int, *, fractions: bool = False) -> dict[str, object]:
    """The JSON object in `data`, at most `limit` bytes; without `fractions` numbers are whole."""
    if len(data) > limit:
        raise ValueError
    value = json.loads(
        data.decode("utf-8"),
        parse_float=_fraction if fractions else _refuse,
        parse_constant=_refuse,
        parse_int=_integer,
    )
    return typed(value, dict)


def _refuse(_text: str) -> object:
    raise ValueError


def _fraction(text: str) -> float:
    if len(text) > 24:
        raise ValueError
    return float(text)


def _integer(text: str) -> int:
    if len(text) > 16:
        raise ValueError
    return int(text)


def typed(value: object, kind: type[T]) -> T:
    """`value`, if it is exactly of `kind`."""
    # bool is an int; a manifest's true is not 1.
    if type(value) is not kind:
        raise TypeError
    return value


def text(value: object, pattern: re.Pattern[str]) -> str:
    """`value`, if it is text that `pattern` matches whole."""
    if not pattern.fullmatch(typed(value, str)):
        raise ValueError
    return typed(value, str)


def whole(value: object, least: int, most: int) -> int:
    """`value`, if it is an integer between the bounds, both included."""
    if not least <= typed(value, int) <= most:
        raise ValueError
    return typed(value, int)


def items(value: object, most: int) -> list[object]:
    """`value`, if it is a list of at most `most` items."""
    if len(typed(value, list)) > most:
        raise ValueError
    return typed(value, list)

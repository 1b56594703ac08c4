"""Rows of the database as the frozen dataclasses of `records`."""

from dataclasses import fields
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Row

from .. import times

R = TypeVar("R")


def make(kind: type[R], row: Row[Any], **more: object) -> R:
    """`row` as `kind`, `more` in place of its columns; columns ending in `_at` become times."""
    known: Any = kind  # a class has a hash, which `type[R]` does not tell
    values = {
        name: to_time(getattr(row, name)) if is_time else getattr(row, name)
        for name, is_time in _fields(known)
        if name not in more
    }
    return kind(**values, **more)


def to_time(text: str | None) -> datetime | None:
    """A column's time. Raises `ValueError`."""
    return None if text is None else times.parse_utc(text)


@lru_cache(maxsize=64)
def _fields(kind: Any) -> tuple[tuple[str, bool], ...]:  # noqa: ANN401 - a dataclass
    return tuple((item.name, item.name.endswith("_at")) for item in fields(kind))

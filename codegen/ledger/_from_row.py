"""Rows of the database as the frozen dataclasses of `records`."""

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Row

from .. import times

R = TypeVar("R")


def make(kind: type[R], row: Row[Any], **more: object) -> R:
    """`row` as `kind`, `more` in place of its columns; columns ending in `_at` become times."""
    columns = row._mapping  # noqa: SLF001 - SQLAlchemy's public name
    values = {
        item.name: to_time(columns[item.name]) if item.name.endswith("_at") else columns[item.name]
        for item in _fields(kind)
        if item.name not in more
    }
    return kind(**values, **more)


def to_time(text: str | None) -> datetime | None:
    """A column's time. Raises `ValueError`."""
    return None if text is None else times.parse_utc(text)


def _fields(kind: Any) -> Iterable[Any]:  # noqa: ANN401 - a dataclass
    return fields(kind)

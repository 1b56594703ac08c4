"""Ranges as rows hold them: JSON pairs in a column, or the columns `first` and `last`."""

import json
from collections.abc import Iterable

from ..errors import IntegrityError
from ..ranges import serials
from ..ranges.serials import Range, Ranges
from . import chain
from ._columns import BRING_BACK, misplaced


def to_text(ranges: Iterable[Range]) -> str:
    """Ranges as a column holds them."""
    return chain.canonical(serials.to_pairs(ranges)).decode()


def from_text(text: str) -> Ranges:
    """The inverse of `to_text`. Raises `IntegrityError`."""
    try:
        return tuple(Range(first, last) for first, last in json.loads(text))
    except (ValueError, TypeError, RecursionError):
        raise IntegrityError("the ledger holds serials that are none", BRING_BACK) from None


def of_row(first: int, last: int, table: str) -> Range:
    """The serials of a row of `table`. Raises `IntegrityError`."""
    try:
        return Range(first, last)
    except ValueError:
        raise misplaced(f"{table}.last") from None

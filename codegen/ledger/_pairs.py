"""Ranges as a column holds them: JSON pairs."""

import json
from collections.abc import Iterable

from ..errors import IntegrityError
from ..ranges import serials
from ..ranges.serials import Range, Ranges
from . import chain
from ._columns import BRING_BACK


def to_text(ranges: Iterable[Range]) -> str:
    """Ranges as a column holds them."""
    return chain.canonical(serials.to_pairs(ranges)).decode()


def from_text(text: str) -> Ranges:
    """The inverse of `to_text`. Raises `IntegrityError`."""
    try:
        return tuple(Range(first, last) for first, last in json.loads(text))
    except (ValueError, TypeError, RecursionError):
        raise IntegrityError("the ledger holds serials that are none", BRING_BACK) from None

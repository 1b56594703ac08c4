"""A condition as it was written, with its values read: what may be asked of which key. Pure.

Raises `UsageError` throughout, which quotes no value.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from .. import ids
from ..errors import UsageError
from . import windows
from .attributes import KNOWN, MAX_SCANS, UNLIMITED, layer
from .lifecycle import State
from .where_text import Relation, WrittenCondition, spelt

FACTS = ("state", "package", "unit", "contact", "minted_at", "batch", "window")
IDS = ("package", "unit", "batch", "contact")  # what has to exist
CERTAIN = ("state", "batch", "minted_at")  # what every code has
TIMES = ("minted_at", "produced_at", "effective_at", "expires_at", "scanned_in")
FREE = "produced_at"  # the only one of them that may be any text
_EQUAL = frozenset({Relation.IS, Relation.IS_NOT, Relation.IN})
_NUMBER = re.compile(r"[+-]?\d{1,30}(?:\.\d{1,30})?", re.ASCII)
TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class TimeSpan:
    """From `first` until just before `end`: a day, or a moment."""

    first: datetime
    end: datetime


# What a text of a day or a time means; its name is for errors. Raises `UsageError`.
ReadTime = Callable[[str, str], TimeSpan]
Operand = str | Decimal | TimeSpan


@dataclass(frozen=True)
class Condition:
    """A condition on `key`: `operands` are the values, read. None: `key=` or `key!=`."""

    written: WrittenCondition
    operands: tuple[Operand, ...]

    @property
    def key(self) -> str:
        """What it is about."""
        return self.written.key

    @property
    def is_order(self) -> bool:
        """Whether it asks which of two is the greater."""
        return self.written.relation not in _EQUAL

    def text(self) -> str:
        """As it may be written."""
        relation = self.written.relation
        values = ",".join(map(spelt, self.written.values))
        between = f" {relation} " if relation is Relation.IN else relation.value
        return f"{self.key}{between}{values}"


def condition(written: WrittenCondition, read_time: ReadTime) -> Condition:
    """The condition of a text, its values read."""
    key = written.key
    _check_key(key)
    is_order = written.relation not in _EQUAL
    if is_order and len(written.values) != 1:
        raise UsageError(f"{key} is compared with several values", "write one")
    if key in IDS:
        folded = tuple(_id(key, value) for value in written.values)
        written = WrittenCondition(key, written.relation, folded)
    if not written.values and key in CERTAIN:
        raise UsageError(f"every code has a {key}", f"write {key}=…, or leave it out")
    if is_order and key in (*IDS, "state", "window"):
        raise UsageError(f"{key} has no order", f"write {key}=…, {key}!=… or {key} in …")
    return Condition(
        written,
        tuple(_operand(key, value, read_time, is_order=is_order) for value in written.values),
    )


def _check_key(key: str) -> None:
    if key in FACTS:
        return
    if windows.is_window(key):
        raise UsageError(
            "a condition reads what holds without a window", "has it one: --where window=NAME"
        )
    try:
        layer(key)
    except UsageError:
        raise UsageError(
            f"unknown in a condition: {ids.shown(key, name=True)}",
            f"known: {', '.join((*FACTS, *KNOWN))}",
            "your own keys begin with native., property. or activity.",
        ) from None


def _id(key: str, value: str) -> str:
    return value.strip().lower() if key == "contact" else ids.fold(value)


def _operand(key: str, value: str, read_time: ReadTime, *, is_order: bool) -> Operand:
    if key == "state":
        return _state(value)
    if key == "window":
        return _window(value)
    if key in TIMES:
        return _time(key, value, read_time, is_order=is_order)
    if key in KNOWN and KNOWN[key][1] is int:
        return _scans(key, value)
    if not is_order:
        return value
    decimal = number(value)
    if decimal is None:
        raise no_order(key, "a number")
    return decimal


def _state(value: str) -> State:
    try:
        return State(value.strip().lower())
    except ValueError:
        raise UsageError(
            f"unknown state {ids.shown(value, name=True)}", f"known: {', '.join(State)}"
        ) from None


def _window(value: str) -> str:
    if windows.NAME.fullmatch(value) is None:
        raise UsageError("a window's name is 1 to 32 small letters, digits, - and _")
    return value


def _time(key: str, value: str, read_time: ReadTime, *, is_order: bool) -> Operand:
    try:
        span = read_time(value, key)
    except UsageError:
        if key == FREE and not is_order:
            return value
        raise
    # A day's end, as it is booked, is the first moment of the next.
    if key == "expires_at" and span.end - span.first > timedelta(hours=1):
        return TimeSpan(span.first + TICK, span.end + TICK)
    return span


def _scans(key: str, value: str) -> Decimal:
    if value.strip().lower() in UNLIMITED:
        return Decimal(MAX_SCANS)
    if re.fullmatch(r"\d{1,9}", value, re.ASCII) is None:
        raise UsageError(f"{key} is a whole number", f"write for example {key}=2")
    return Decimal(value)


def number(text: str) -> Decimal | None:
    """A plain decimal number; None for any other text."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def no_order(key: str, wanted: str) -> UsageError:
    """The error for a text that is neither greater nor less."""
    return UsageError(
        f"{key} is compared with a text that is not {wanted}, and text has no order",
        f"list what you mean: {key} in a,b; or narrow it by another condition",
    )

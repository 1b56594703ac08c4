"""The result of a command: its fields are the JSON keys, `lines` is the text for people."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar

from .ranges.serials import Range
from .times import format_utc


@dataclasses.dataclass(frozen=True)
class Result:
    """The base of every command's result. One that is `live` comes bit by bit, as it is read."""

    live: ClassVar[bool] = False

    @property
    def reads(self) -> bool:
        """Whether the command changed nothing: to answer was all its work."""
        return False

    def lines(self) -> Iterator[str]:
        """The lines of the text for people."""
        raise NotImplementedError

    @property
    def exit_code(self) -> int:
        """0 if all is done; 75 if it is booked here and the backend still has to answer."""
        return 0

    def records(self) -> Iterator[dict[str, Any]]:
        """The JSON objects, printed one per line. Only `locate -` has more than one."""
        yield to_json({field.name: getattr(self, field.name) for field in dataclasses.fields(self)})


def counted(number: int, noun: str) -> str:
    """`1 code`, `2,000 codes`: for nouns whose plural ends in -s alone."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def to_json(value: Any) -> Any:  # noqa: ANN401 - any field of any result
    """`value` in JSON's types: ranges become pairs, dataclasses objects, times RFC 3339."""
    for kind, plain in _PLAIN:
        if isinstance(value, kind):
            return plain(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(to_json(key)): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


_PLAIN: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (Range, Range.pair),
    (Enum, lambda value: value.value),
    (Path, str),
    (datetime, lambda value: format_utc(value, "auto")),
)

"""Findings of `doctor`: rooms make findings of their own, and it collects them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from .station.station import Station


class Level(StrEnum):
    """How bad a finding is, the worst first."""

    ERROR = "error"
    WARNING = "warning"
    OK = "ok"


ERROR, WARNING, OK = Level


@dataclass(frozen=True)
class Finding:
    """The outcome of a check."""

    level: Level
    check: str
    message: str
    hint: str = ""


Check = Callable[[Station], Iterator[Finding]]

"""Findings of `doctor`: rooms make findings of their own, and it collects them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .station.station import Station

ERROR, WARNING, OK = "error", "warning", "ok"


@dataclass(frozen=True)
class Finding:
    """The outcome of a check. `level` is error, warning or ok."""

    level: str
    check: str
    message: str
    hint: str = ""


Check = Callable[[Station], Iterator[Finding]]

"""How far the readings of a backend got: `trace.json` in the home."""

import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ...codegen import notes, times
from ...codegen.result import to_json

NAME = "trace.json"  # in the home; if it is lost, the next reading is a long one
DAY = timedelta(days=1)
_BYTES = 10_000
_MEMBERS = frozenset({"backend", "after", "whole", "refused", "repeats", "batch"})


@dataclass(frozen=True)
class ReadUpTo:
    """Where the next reading of a backend begins, and when one last began at the beginning.

    `after`: of unknown scans, `refused`: of refused scans, `repeats`: behind that code; `batch`:
    behind that batch, of scans by region.
    """

    backend: str
    after: int
    whole: datetime
    refused: int = 0
    repeats: str | None = None
    batch: str | None = None

    def usable(self, backend: str, now: datetime) -> bool:
        """Whether a reading may begin there: of this backend, and begun anew not long ago."""
        return self.backend == backend and timedelta(0) <= now - self.whole < DAY


def load(home: Path) -> ReadUpTo | None:
    """The mark that was kept; None if there is none that can be read."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept = notes.read(home / NAME, _BYTES, _MEMBERS)
        numbers, texts = (kept["after"], kept["refused"]), (kept["repeats"], kept["batch"])
        if (
            isinstance(kept["backend"], str)
            and all(type(number) is int and number >= 0 for number in numbers)
            and all(text is None or isinstance(text, str) for text in texts)
        ):
            return ReadUpTo(
                *(kept["backend"], numbers[0], times.parse(kept["whole"]), numbers[1]), *texts
            )
    return None


def keep(home: Path, mark: ReadUpTo) -> None:
    """Keep `mark` for the next reading. If that fails, the next reading is a long one."""
    with contextlib.suppress(OSError):
        notes.write(home / NAME, to_json(mark))

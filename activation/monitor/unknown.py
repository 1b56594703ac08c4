"""The backend's unknown scans, read from the mark of the last reading on.

A backend lists them oldest first, by when each was first noted; a scan of the same code
later does not move it. So a reading may begin behind a page whose scans are all settled:
noted more than a day ago. Younger scans are read again each time: they count in the window
of guesses, and a backend with several workers may show a scan a moment later than its
successor. Once a day everything is read, for a new backend begins its numbers at 1.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ...codegen import notes, times
from ...codegen.lookup import Found
from ...codegen.result import to_json
from ..client import trial_scans
from ..client.protocol import Client
from ..client.wire import UnknownScan

NAME = "trace.json"  # in the home; if it is lost, the next reading is a long one
DAY = timedelta(days=1)
_BYTES = 10_000
PAGES = 300  # a reading ends there: three times what the reference backend keeps


@dataclass(frozen=True)
class ReadUpTo:
    """The cursor at which the next reading of a backend begins, and when one last began at 0."""

    backend: str
    after: int
    whole: datetime


@dataclass(frozen=True)
class Reading:
    """Unknown scans, each fingerprint once. `cut`: there were more than `PAGES` pages."""

    scans: tuple[UnknownScan, ...]
    mark: ReadUpTo
    cut: bool


def read(client: Client, backend: str, mark: ReadUpTo | None, now: datetime) -> Reading:
    """The scans from `mark` on; all of them without a mark, or if it is too old to be used.

    Raises `Away` and `Declined`.
    """
    usable = mark is not None and mark.backend == backend and timedelta(0) <= now - mark.whole < DAY
    begin = mark if mark is not None and usable else ReadUpTo(backend, 0, now)
    found: dict[bytes, UnknownScan] = {}
    after: int | None = begin.after
    settled, still = begin.after, True
    for _ in range(PAGES):
        if after is None:
            break
        page = client.unknown_scans(after)
        found.update((scan.fingerprint, scan) for scan in page.scans)
        still = still and all(now - times.parse(scan.first) > DAY for scan in page.scans)
        after = page.next
        if still and after is not None:
            settled = after
    return Reading(
        tuple(found.values()), ReadUpTo(backend, settled, begin.whole), after is not None
    )


def without_trials(
    home: Path, scans: Sequence[UnknownScan], codes: Sequence[Found | None], now: datetime
) -> list[tuple[UnknownScan, Found | None]]:
    """The scans, each with the code that it is of, without those that `backend check` made.

    A code of ours is told all the same, whoever has noted its fingerprint.
    """
    own = trial_scans.noted(home, now)
    pairs = zip(scans, codes, strict=True)
    return [(scan, code) for scan, code in pairs if code or scan.fingerprint not in own]


def load(home: Path) -> ReadUpTo | None:
    """The mark that was kept; None if there is none that can be read."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept = notes.read(home / NAME, _BYTES, {"backend", "after", "whole"})
        backend, after = kept["backend"], kept["after"]
        if isinstance(backend, str) and type(after) is int and after >= 0:
            return ReadUpTo(backend, after, times.parse(kept["whole"]))
    return None


def keep(home: Path, mark: ReadUpTo) -> None:
    """Keep `mark` for the next reading. If that fails, the next reading is a long one."""
    with contextlib.suppress(OSError):
        notes.write(home / NAME, to_json(mark))

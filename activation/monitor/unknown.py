"""The backend's unknown scans, read from the mark of the last reading on.

A backend lists them oldest first, by when each was first noted; a scan of the same code
later does not move it. So a reading may begin behind a page whose scans are all settled:
noted more than a day ago. Younger scans are read again each time: they count in the window
of guesses, and a backend with several workers may show a scan a moment later than its
successor. Once a day everything is read, for a new backend begins its numbers at 1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from ...codegen import times
from ...codegen.lookup import Found
from ..client import trial_scans
from ..client.protocol import Client
from ..client.wire import UnknownScan
from .marks import DAY, ReadUpTo

PAGES = 300  # a reading ends there: three times what the reference backend keeps


class _Noted(Protocol):
    @property
    def first(self) -> str:
        """When it was first noted."""


S = TypeVar("S", bound=_Noted)
S_co = TypeVar("S_co", bound=_Noted, covariant=True)


class _Page(Protocol[S_co]):
    @property
    def scans(self) -> tuple[S_co, ...]:
        """In the order in which they were first noted."""

    @property
    def next(self) -> int | None:
        """The cursor of the next page."""


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
    usable = mark is not None and mark.usable(backend, now)
    begin = mark if mark is not None and usable else ReadUpTo(backend, 0, now)
    pages = read_pages(client.unknown_scans, begin.after, now)
    scans, settled, cut = pages or ([], begin.after, False)
    found = {scan.fingerprint: scan for scan in scans}
    return Reading(tuple(found.values()), replace(begin, after=settled), cut)


def read_pages(
    page_after: Callable[[int], _Page[S] | None], begin: int, now: datetime
) -> tuple[list[S], int, bool] | None:
    """The scans after cursor `begin`, where the next reading may begin, and whether it was cut.

    None if the backend does not offer them.
    """
    found: list[S] = []
    after: int | None = begin
    settled, still = begin, True
    for _ in range(PAGES):
        if after is None:
            break
        page = page_after(after)
        if page is None:
            return None
        found += page.scans
        still = still and all(now - times.parse(scan.first) > DAY for scan in page.scans)
        after = page.next
        if still and after is not None:
            settled = after
    return found, settled, after is not None


def without_trials(
    home: Path, scans: Sequence[UnknownScan], codes: Sequence[Found | None], now: datetime
) -> list[tuple[UnknownScan, Found | None]]:
    """The scans, each with the code that it is of, without those that `backend check` made.

    A code of ours is told all the same, whoever has noted its fingerprint.
    """
    own = trial_scans.noted(home, now)
    pairs = zip(scans, codes, strict=True)
    return [(scan, code) for scan, code in pairs if code or scan.fingerprint not in own]

"""What this station remembers of the ledger that it shares: a witness of its commits.

A standby that took over without the last commits, or a database brought back from a backup, may
go on as if nothing had happened; a station that saw more than it holds says so. Under the head
lock of every commit, before anything is booked:

1. The ledger must hold the head that is remembered (`seen_head`).
2. If it does not, that is booked as an `older-copy` incident, once: the sign is in the books
   then, open for all stations until a person decides.
3. While a sign is open, orders are booked as ever; no batch is, and no package. The lost head
   stays remembered: if the database that holds it comes back, nothing was wrong with it.
4. Once it is decided, what is booked next is remembered in its place.

Incidents alone are not compared: with them people decide.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from ..errors import IntegrityError
from ..ledger.changes import BatchMinted, Change, ExportBegun, Incident, IncidentFacts, Packaged
from ..ledger.ledger import Author, Ledger
from ..ledger.memory import HeadLost
from ..ledger.view import View
from . import copy_signs
from .seen_head import NAME, Head, SeenHead

_WAITING = (BatchMinted, ExportBegun, Packaged)


class Sharing(Protocol):
    """A station, as far as it is one."""

    @property
    def home(self) -> Path:
        """Its folder."""

    @property
    def ledger(self) -> Ledger:
        """The books that it shares."""

    @property
    def author(self) -> Author:
        """Who books for it."""


class Remembered:
    """The memory of a station; see `ledger.memory.Memory`."""

    def __init__(self, station: Sharing) -> None:
        self._station = station
        self._seen = SeenHead(station.home / NAME)
        self._remember: Callable[[Head], None] = self._seen.saw

    def newest(self) -> Head | None:
        """The newest head that was seen."""
        return self._seen.newest()

    def opened(self, view: View) -> None:
        """Remember the head of a ledger that holds what is remembered."""
        if self._is_held(view):
            self._seen.saw(view.head())

    def look(self) -> None:
        """Book that the head was lost, if it was."""
        with self._station.ledger.read() as view:
            held = self._is_held(view)
        if not held:
            self.lost()

    def compare(self, view: View, changes: Sequence[Change]) -> None:
        """Steps 1, 3 and 4. Raises `HeadLost`; `IntegrityError` for what waits for a decision."""
        if _are_incidents(changes):
            return
        newest = self._seen.newest()
        lost = None if self._is_held(view) else newest
        if lost is not None and not copy_signs.is_known(view, lost[1]):
            raise HeadLost
        heads = copy_signs.open_heads(view) if lost or _waits(changes) else []
        if heads and _waits(changes):
            raise IntegrityError(copy_signs.lost_sentence(heads[-1]), *copy_signs.SHARED_HINTS)
        self._remember = self._seen.saw if lost is None else self._seen.begin_again
        if lost is not None and lost[1] in heads:
            self._remember = _nothing

    def lost(self) -> None:
        """Step 2."""
        newest = self._seen.newest()
        with self._station.ledger.read() as view:
            known = newest is None or copy_signs.is_known(view, newest[1])
        if newest is not None and not known:
            detail = f"this station has seen head {newest[1][:16]}, which the ledger does not hold"
            facts = IncidentFacts(head=newest[1])
            incident = Incident(copy_signs.NOTICED, detail, facts)
            self._station.ledger.commit(self._station.author, incident)

    def booked(self, seq: int, digest: str, changes: Sequence[Change]) -> None:
        """Remember an event that was booked through this station, after it was compared."""
        if not _are_incidents(changes):
            self._remember((seq, digest))

    def close(self) -> None:
        """Let it reach the disk for good."""
        self._seen.close()

    def _is_held(self, view: View) -> bool:
        newest = self._seen.newest()
        return newest is None or view.hash_at(newest[0]) == newest[1]


def _nothing(head: Head) -> None:
    """Remember what was remembered."""


def _waits(changes: Sequence[Change]) -> bool:
    return any(isinstance(change, _WAITING) for change in changes)


def _are_incidents(changes: Sequence[Change]) -> bool:
    return all(isinstance(change, Incident) for change in changes)

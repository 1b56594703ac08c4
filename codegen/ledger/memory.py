"""What somebody outside of a shared ledger remembers of it, asked at every commit.

A database that came back without its last commits is consistent in itself: only what lies outside
of it can tell (`station/older_copy.py`).
"""

from collections.abc import Sequence
from typing import Protocol

from .changes import Change
from .view import View


class HeadLost(Exception):
    """The ledger does not hold the head that is remembered: `commit` has it booked, and goes on."""


class Memory(Protocol):
    """Remembers the newest head that was seen."""

    def newest(self) -> tuple[int, str] | None:
        """Number and hash of the newest head that was seen."""

    def compare(self, view: View, changes: Sequence[Change]) -> None:
        """Raises `HeadLost`, or what forbids `changes`; under the write lock, before them."""

    def lost(self) -> None:
        """Book that the head was lost, and remember the head that is."""

    def booked(self, seq: int, digest: str, changes: Sequence[Change]) -> None:
        """Event `seq` has the hash `digest`, and is in the books for good."""

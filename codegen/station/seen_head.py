"""The newest head of a shared ledger that this station has seen, remembered in its own folder.

A database that was restored from a backup, or a standby that took over without the last
commits, is consistent in itself. Each station remembers what it was told, and so is a witness:
`older_copy` says what follows.

The file is one line of a fixed length, with a checksum, written in place: within a sector of
the disk, and a few microseconds for each commit. A crash of the process loses nothing. A crash of
the machine may leave an earlier line, or none that holds: then the next commit writes it anew,
and what is lost is one witness of several, for a moment. It reaches the disk for good when the
home is closed.
"""

import contextlib
import hashlib
import os
import re
import threading
from pathlib import Path
from typing import IO

from ..files import create, open_own

NAME = "seen-head"
Head = tuple[int, str]
_LINE = re.compile(rb"(\d{16}) ([0-9a-f]{64}) ([0-9a-f]{16})\n")
_LENGTH = 99


class SeenHead:
    """The file at `path`. Several processes may write it: the newest head stays."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._newest: Head | None = None
        self._lock = threading.Lock()

    def newest(self) -> Head | None:
        """Number and hash of the newest head seen; None if there is none, or it is unreadable."""
        if self._newest is None:
            try:
                with open_own(self._path) as file:
                    self._newest = _parsed(file.read(_LENGTH + 1))
            except FileNotFoundError:
                return None
        return self._newest

    def saw(self, head: Head) -> None:
        """Remember `head`, unless a newer one is remembered. A full disk is no reason to fail."""
        with self._lock, contextlib.suppress(OSError):
            self._newest = max(head, self._newest or head)
            self._newest = max(self._newest, self._written() or head)
            if self._newest == head:
                self._write(head)

    def begin_again(self, head: Head) -> None:
        """Remember `head`, also in place of a newer one, which was lost and is booked as lost."""
        with self._lock, contextlib.suppress(OSError):
            self._newest = head
            self._write(head)

    def close(self) -> None:
        """Let it reach the disk for good."""
        with self._lock:
            if self._file is not None:
                with contextlib.suppress(OSError), self._file as file:
                    os.fsync(file.fileno())
                self._file = None

    def _write(self, head: Head) -> None:
        file = self._opened()
        file.seek(0)
        file.write(_line(head))

    def _written(self) -> Head | None:
        """What the file says now: another process of this station may have seen more."""
        file = self._opened()
        file.seek(0)
        return _parsed(file.read(_LENGTH + 1))

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            with contextlib.suppress(FileExistsError):
                create(self._path).close()
            # Without a buffer, so that each line is one write.
            self._file = self._path.open("r+b", buffering=0)
        assert self._file is not None  # noqa: S101 - for the type checker
        return self._file


def _parsed(data: bytes) -> Head | None:
    found = _LINE.fullmatch(data)
    if found is None:
        return None
    head = int(found[1]), found[2].decode("ascii")
    return head if _line(head) == data else None


def _line(head: Head) -> bytes:
    said = f"{head[0]:016d} {head[1]}"
    check = hashlib.sha256(said.encode("ascii")).hexdigest()[:16]
    return f"{said} {check}\n".encode("ascii")

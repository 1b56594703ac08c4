"""A file written once, from start to end: its digest is known, and the disk is kept busy.

Without `EARLY`, a mint would generate codes for a minute with an idle disk, and then wait
for the disk.
"""

import hashlib
import os
from concurrent.futures import Executor, Future
from typing import BinaryIO

EARLY = 67_108_864  # bytes written until they are sent to the disk


class Hashed:
    """Writes to `file`, which is empty. `background` has one thread, and ends before `file`."""

    def __init__(self, file: BinaryIO, background: Executor) -> None:
        self._file, self._background = file, background
        self._hash = hashlib.sha256()
        self._waiting = 0
        self._syncing: Future[None] | None = None
        self.fileno = file.fileno

    @property
    def digest(self) -> str:
        """SHA-256 of what was written so far, lower-case hex."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> int:
        """Append `data`. Raises `OSError`, also for what was written before."""
        self._hash.update(data)
        self._waiting += len(data)
        if self._waiting >= EARLY and (self._syncing is None or self._syncing.done()):
            self._settle()
            self._syncing = self._background.submit(os.fsync, self.fileno())
            self._waiting = 0
        return self._file.write(data)

    def flush(self) -> None:
        """Hand over what is buffered."""
        self._settle()
        self._file.flush()

    def _settle(self) -> None:
        # The system tells of a failed write once: whoever asked must pass it on.
        if self._syncing is not None:
            self._syncing.result()

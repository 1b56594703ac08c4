"""A file written once, from start to end, hashed on the way, with the disk kept busy.

Without `EARLY`, a mint would generate codes for a minute with an idle disk, and then wait
for the disk.
"""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import BinaryIO

EARLY = 67_108_864  # bytes written until they are sent to the disk in the background


class Hashed:
    """Writes to `file`, which is empty.

    `background` has a single thread, and is shut down before `file` is closed. `grew(n)` is called
    after every n bytes more.
    """

    def __init__(
        self,
        file: BinaryIO,
        background: Executor,
        grew: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._file, self._background, self._grew = file, background, grew
        self._hash = hashlib.sha256()
        self._waiting = 0
        self._syncing: Future[None] | None = None
        self.fileno = file.fileno

    @property
    def digest(self) -> str:
        """SHA-256 of what was written so far, lower-case hex."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> int:
        """Append `data`. Raises `OSError`, also for data written by an earlier call."""
        self._hash.update(data)
        self._waiting += len(data)
        if self._waiting >= EARLY and (self._syncing is None or self._syncing.done()):
            self._settle()
            self._syncing = self._background.submit(os.fsync, self.fileno())
            self._waiting = 0
        written = self._file.write(data)
        self._grew(written)
        return written

    def flush(self) -> None:
        """Hand the buffer to the operating system. Raises `OSError` as `write` does."""
        self._settle()
        self._file.flush()

    def _settle(self) -> None:
        # The system reports a failed write once, to the call that finds it: it must not get lost.
        if self._syncing is not None:
            self._syncing.result()

"""The delivery lock: only one process at a time sends the orders of a batch.

The operating system locks a file, so a killed process gives the lock back at once, and a
clock that jumps takes it from nobody. It holds among the processes of a machine, as the
ledger's own locks do.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

MOMENT = 0.05  # seconds: a lock file that is just being removed looks taken


@contextlib.contextmanager
def delivery_lock(work: Path, batch: str) -> Iterator[bool]:
    """Whether this process may send orders of `batch` inside the block."""
    path = work / f"deliver-{batch}.lock"
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=MOMENT, poll_interval=MOMENT / 5)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        # While the lock is held: a process that waits for it then sees that the file is another.
        # Windows removes no open file; there the lock does it itself when it is released.
        if os.name == "posix":
            path.unlink(missing_ok=True)
        lock.release()

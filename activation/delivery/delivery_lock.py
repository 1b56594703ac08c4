"""The delivery lock: only one process at a time sends the orders of a batch.

An order that names several batches takes the lock of each.

The operating system locks a file, so a killed process gives the lock back at once, and a
clock that jumps takes it from nobody. It holds among the processes of a machine, as the
ledger's own locks do.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
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


@contextlib.contextmanager
def delivery_locks(work: Path, batches: Iterable[str]) -> Iterator[bool]:
    """Whether this process may send orders that name `batches` inside the block."""
    with contextlib.ExitStack() as stack:
        # In one order for all: two that each hold what the other wants would both give up.
        yield all(stack.enter_context(delivery_lock(work, batch)) for batch in sorted(set(batches)))

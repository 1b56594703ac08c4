"""A hot folder is watched by one process at a time."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from ...codegen.errors import Refused

LOCK = ".mintmark.lock"


@contextlib.contextmanager
def only_watcher(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process. Raises `Refused` if another has it."""
    lock = FileLock(folder / LOCK, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise Refused(f"{folder} is watched already", "stop the other process first") from None
    try:
        yield
    finally:
        lock.release()

"""Standard input as it comes: a scanner's port or a pipe stays open, and is read meanwhile."""

import errno
import functools
import os
import select
import stat
import sys
from collections.abc import Callable

READ_BYTES = 65_536
GATHERED_BYTES = 1_048_576


def reader() -> Callable[[int], bytes]:
    """A function that returns at most n bytes, as soon as there are some; none at the end."""
    descriptor = _descriptor()
    if descriptor is None:
        return sys.stdin.buffer.read
    # Not through Python's buffer: it waits for more, and a thread that reads holds its lock.
    return functools.partial(_read, descriptor)


def is_live() -> bool:
    """Whether more may come after a while: a terminal, a port or a pipe, and no file."""
    descriptor = _descriptor()
    return descriptor is not None and not stat.S_ISREG(os.fstat(descriptor).st_mode)


def opened(limit: int) -> bytes | Callable[[int], bytes]:
    """The first `limit` bytes of a file; what `reader` returns for a terminal, port or pipe."""
    return reader() if is_live() else sys.stdin.buffer.read(limit)


def whole(limit: int) -> bytes:
    """All of it, up to `limit` bytes. A port or terminal that goes meanwhile is an `OSError`."""
    descriptor = _descriptor()
    if descriptor is None:
        return sys.stdin.buffer.read(limit)
    found = bytearray()
    while len(found) < limit and (
        data := _awaited(descriptor, min(READ_BYTES, limit - len(found)))
    ):
        found += data
    return bytes(found)


def available() -> bytes:
    """What there is, up to 1 MiB, once there is anything; none at the end."""
    descriptor = _descriptor()
    if descriptor is None:
        return sys.stdin.buffer.read(GATHERED_BYTES)
    found = data = _read(descriptor, READ_BYTES)
    while data and len(found) < GATHERED_BYTES and _is_ready(descriptor):
        data = _read(descriptor, READ_BYTES)
        found += data
    return found


def _descriptor() -> int | None:
    try:
        return sys.stdin.fileno()
    except (OSError, ValueError, AttributeError):
        return None


def _read(descriptor: int, size: int) -> bytes:
    try:
        return _awaited(descriptor, size)
    except OSError as error:
        # A port that was unplugged, or a terminal that was closed, ends like a file.
        if error.errno in {errno.EIO, errno.ENXIO}:
            return b""
        raise


def _awaited(descriptor: int, size: int) -> bytes:
    """What there is, once there is anything, also where another program made reads not wait."""
    while True:
        try:
            return os.read(descriptor, size)
        except BlockingIOError:
            select.select([descriptor], [], [])


def _is_ready(descriptor: int) -> bool:
    try:
        return bool(select.select([descriptor], [], [], 0)[0])
    except (OSError, ValueError):
        return False  # Windows can ask sockets only

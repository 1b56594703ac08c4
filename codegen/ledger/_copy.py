"""A ledger that cannot be opened where it lies, read from a copy in memory.

SQLite opens a database with a write-ahead log by making two files beside it: it answers nothing
on a full disk, or in a folder that may only be read. `immutable=1` would leave out what waits in
the log, and reads torn pages if somebody writes after all. So the file and its log are read as
bytes, put together as SQLite would (https://www.sqlite.org/walformat.html), and opened in memory.
It takes as much memory as the ledger is long, a few times that for a moment. No file is made.
"""

import hashlib
import sqlite3
import struct
from pathlib import Path

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import QueuePool, StaticPool

_TRIES = 5
_HEADER, _FRAME = struct.Struct(">8I"), struct.Struct(">6I")
_MAGIC = 0x377F0682  # the last bit says that checksums read words as big-endian ones
_MASK = 0xFFFFFFFF


def bytes_of(path: Path) -> bytes | None:
    """The ledger at `path` with its log, as of one moment; None if it cannot be had.

    Two readings must agree: what one read while a page was written, the next finds otherwise.
    """
    log, journal = (path.with_name(path.name + ending) for ending in ("-wal", "-journal"))
    before = b""
    for _ in range(_TRIES):
        try:
            waiting, data = _read(log), path.read_bytes()
        except OSError:
            return None
        # A copy without a log is written in place: half-done until its journal is gone.
        if journal.exists():
            return None
        now = hashlib.sha256(b"%d " % len(waiting) + waiting + data).digest()
        if now == before:
            return merged(data, waiting)
        before = now
    return None


def _read(log: Path) -> bytes:
    try:
        return log.read_bytes()
    except FileNotFoundError:
        return b""


def merged(data: bytes, log: bytes) -> bytes:
    """`data`, a database, with every transaction that `log` holds whole; without a log of its own.

    A frame counts if its checksum, which goes on from the frame before, is right, and a
    transaction if its last frame counts.
    """
    pages = bytearray(data)
    waiting: dict[int, bytes] = {}
    for number, length, page in _frames(log):
        waiting[number] = page
        if length:
            size = len(page)
            pages[length * size :] = bytes(max(0, length * size - len(pages)))
            for at, content in waiting.items():
                if at <= length:
                    pages[(at - 1) * size : at * size] = content
            waiting = {}
    if pages[18:20] == b"\2\2":
        # A database in memory has no log.
        pages[18:20] = b"\1\1"
    return bytes(pages)


def _frames(log: bytes) -> list[tuple[int, int, bytes]]:
    """(page number, pages of the database if a transaction ends here or 0, content) of frames."""
    if len(log) < _HEADER.size:
        return []
    magic, _, size, _, *salt, one, other = _HEADER.unpack_from(log)
    order = ">" if magic & 1 else "<"
    sums = _checksum(order, log[: _HEADER.size - 8], (0, 0))
    if magic | 1 != _MAGIC | 1 or sums != (one, other) or size < 512:
        return []
    found = []
    for start in range(_HEADER.size, len(log) - size - _FRAME.size + 1, size + _FRAME.size):
        number, length, *salts, one, other = _FRAME.unpack_from(log, start)
        page = log[start + _FRAME.size : start + _FRAME.size + size]
        sums = _checksum(order, log[start : start + 8] + page, sums)
        if salts != salt or sums != (one, other) or not number:
            break
        found.append((number, length, page))
    return found


def _checksum(order: str, data: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    one, other = sums
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for first, second in zip(words, words, strict=True):
        one = (one + first + other) & _MASK
        other = (other + second + one) & _MASK
    return one, other


def to_migrate(data: bytes) -> tuple[Engine, sqlite3.Connection]:
    """An engine whose only connection holds `data`, and that connection."""
    connection = _opened(data)
    return create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool), connection


def to_read(data: bytes) -> Engine:
    """An engine whose connections each hold `data`, and write nothing."""
    engine = create_engine("sqlite://", creator=lambda: _opened(data), poolclass=QueuePool)

    @event.listens_for(engine, "connect")
    def opened(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA query_only=ON").close()

    return engine


def _opened(data: bytes) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.deserialize(data)
    return connection

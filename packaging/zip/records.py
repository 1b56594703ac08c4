"""The records of any ZIP archive, read leniently, to say what a refused archive is.

Nothing here accepts anything: what `reader.entries` refuses stays refused. A record is
believed only where the directory and the entry's own header say the same (APPNOTE 4.3.7, 4.3.12),
so that one changed byte is not taken for the habit of another program. What is read is
bounded: the directory to 64 MiB, a header to 512 bytes.
"""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

CENTRAL = struct.Struct("<4sBBHHHHHLLLHHHHHLL")
LOCAL = struct.Struct("<4sHHHHHLLLHH")
END = struct.Struct("<4sHHHHLLH")
_END64 = struct.Struct("<4sQHHLLQQQQ")
_LOCATOR = struct.Struct("<4sLQL")
_MAX_COMMENT = 0xFFFF
_MAX_DIRECTORY = 64 << 20
_MAX_HEADER = 512
_FULL, _FULL16 = 0xFFFFFFFF, 0xFFFF
_FARTHEST = (1 << 63) - 1  # where a file can be read; ZIP64 has twice as many offsets

ZIP64, AES = 0x0001, 0x9901


class EndRecord(NamedTuple):
    """The last end record. `at`: its offset, or that of the ZIP64 end record.

    `behind`: bytes behind its comment; negative if the comment is cut short. `start`, `length`
    and `entries` are the directory's.
    """

    at: int
    start: int
    length: int
    entries: int
    comment: int
    disks: bool
    behind: int


class EntryHeader(NamedTuple):
    """What the directory's record and the entry's own header both hold.

    `extra`: its extra fields, id -> bytes; None if they do not fill their place.
    """

    name: bytes
    needed: int
    flags: int
    method: int
    time: int
    date: int
    extra: dict[int, bytes] | None
    extra_bytes: int


class ListedEntry(NamedTuple):
    """An entry: its record in the directory, and its own header if that can be read.

    `begin` and `stop`: offsets of its header, and of what follows its data.
    """

    central: EntryHeader
    local: EntryHeader | None
    begin: int
    stop: int


def size_of(file: BinaryIO) -> int:
    """Its length in bytes."""
    return file.seek(0, os.SEEK_END)


def read(file: BinaryIO, at: int, length: int) -> bytes:
    """Up to `length` bytes at `at`; fewer where the file ends, none where no file can have any."""
    if not 0 <= at <= _FARTHEST:
        return b""
    file.seek(at)
    return file.read(length)


def end_of(file: BinaryIO) -> EndRecord | None:
    """The end record that lies last; None if there is none where one may lie."""
    size = size_of(file)
    start = max(0, size - END.size - _MAX_COMMENT)
    tail = read(file, start, size - start)
    place = tail.rfind(b"PK\5\6", 0, max(0, len(tail) - END.size + 4))
    if place < 0:
        return None
    _, disk, first, here, count, length, at, comment = END.unpack_from(tail, place)
    end_at = start + place
    behind = size - end_at - END.size - comment
    disks = bool(disk or first or here != count)
    if _FULL in (length, at) or count == _FULL16:
        end_at, at, length, count = _large(file, end_at) or (end_at, at, length, count)
    return EndRecord(end_at, at, length, count, comment, disks, behind)


def _large(file: BinaryIO, end_at: int) -> tuple[int, int, int, int] | None:
    locator = read(file, max(0, end_at - _LOCATOR.size), _LOCATOR.size)
    if end_at < _LOCATOR.size or not locator.startswith(b"PK\6\7"):
        return None
    start = _LOCATOR.unpack(locator)[2]
    record = read(file, start, _END64.size) if start < end_at else b""
    if len(record) < _END64.size or not record.startswith(b"PK\6\6"):
        return None
    *_, count, length, at = _END64.unpack(record)
    return start, at, length, count


class UnreadableError(Exception):
    """The directory is not where the end record says, or holds something else than records."""


def entries_of(file: BinaryIO, end: EndRecord, limit: int) -> Iterator[ListedEntry]:
    """The entries that the directory names, at most `limit`, in its order.

    Raises `UnreadableError`, after the last that can be read.
    """
    if max(end.entries - limit, end.length - _MAX_DIRECTORY, 0):
        raise UnreadableError
    if end.start + end.length != end.at:
        raise UnreadableError
    data, at, count = read(file, end.start, end.length), 0, 0
    while at < len(data) and count < end.entries:
        header, begin, packed, at = _central(data, at)
        yield _listed(file, header, begin, packed)
        count += 1
    if at < len(data) or count < end.entries:
        raise UnreadableError


def _central(data: bytes, at: int) -> tuple[EntryHeader, int, int, int]:
    """The record at `at`, the offset and packed size that it gives, and where it ends."""
    if at + CENTRAL.size > len(data) or not data.startswith(b"PK\1\2", at):
        raise UnreadableError
    _, _, _, needed, flags, method, time, date, _, packed, size, *rest = CENTRAL.unpack_from(
        data, at
    )
    name_bytes, extra_bytes, comment, _, _, _, begin = rest
    at += CENTRAL.size
    name = data[at : at + name_bytes]
    extra = _fields(data[at + name_bytes : at + name_bytes + extra_bytes])
    at += name_bytes + extra_bytes + comment
    if at > len(data):
        raise UnreadableError
    _, packed, begin = _sizes(extra, size, packed, begin)
    return (
        EntryHeader(name, needed, flags, method, time, date, extra, extra_bytes),
        begin,
        packed,
        at,
    )


def _listed(file: BinaryIO, central: EntryHeader, begin: int, packed: int) -> ListedEntry:
    local, length = _local(read(file, begin, _MAX_HEADER))
    stop = begin + length + packed
    return ListedEntry(central, local, begin, stop)


def _local(data: bytes) -> tuple[EntryHeader | None, int]:
    """The header that `data` begins with, and its length; None and 0 if there is none."""
    if len(data) < LOCAL.size or not data.startswith(b"PK\3\4"):
        return None, 0
    _, needed, flags, method, time, date, _, _, _, name_bytes, extra_bytes = LOCAL.unpack_from(data)
    middle = LOCAL.size + name_bytes
    stop = middle + extra_bytes
    extra = _fields(data[middle:stop]) if stop <= len(data) else None
    name = data[LOCAL.size : middle]
    return EntryHeader(name, needed, flags, method, time, date, extra, extra_bytes), stop


def _fields(extra: bytes) -> dict[int, bytes] | None:
    """Id -> content of the extra fields; None unless they fill `extra` exactly."""
    fields, at = {}, 0
    while at + 4 <= len(extra):
        number, length = struct.unpack_from("<HH", extra, at)
        fields[number] = extra[at + 4 : at + 4 + length]
        at += 4 + length
    return fields if at == len(extra) else None


def _sizes(
    extra: dict[int, bytes] | None, size: int, packed: int, begin: int
) -> tuple[int, int, int]:
    """Size, packed size and offset, with the values of the ZIP64 field in their places."""
    values, large = [size, packed, begin], (extra or {}).get(ZIP64, b"")
    for index, value in enumerate(values):
        if value == _FULL and len(large) >= 8:
            values[index] = struct.unpack_from("<Q", large)[0]
            large = large[8:]
    return values[0], values[1], values[2]


def cut_short(file: BinaryIO, limit: int) -> tuple[str, int] | None:
    """Where an archive ends too early, and how many bytes it needs at least; None if it is whole.

    Its headers are followed from the first byte, up to `limit` of them; None also if they
    lead astray, which is damage of another kind.
    """
    size, at = size_of(file), 0
    for name, stop in _walk(file, limit):
        if stop > size:
            return name, stop
        at = stop
    ends = END.size
    if read(file, at, 4) == b"PK\6\6":
        ends += _END64.size + _LOCATOR.size
    return ("its directory", at + ends) if at + ends > size else None


def _walk(file: BinaryIO, limit: int) -> Iterator[tuple[str, int]]:
    """(What it is, the offset behind it) of each entry, and of each record of the directory."""
    at = 0
    for _ in range(2 * limit):
        data = read(file, at, _MAX_HEADER)
        if data.startswith(b"PK\1\2") and len(data) >= CENTRAL.size:
            length = CENTRAL.size + sum(CENTRAL.unpack_from(data)[11:14])
            if length > _MAX_HEADER:
                return
            at += length
            yield "its directory", at
            continue
        header, length = _local(data)
        if header is None or length > _MAX_HEADER:
            if header is None and data.startswith((b"PK\3\4", b"PK\1\2")):
                yield "a header", at + LOCAL.size  # which is cut off
            return
        at += length + _packed(data, header)
        yield printable(header.name), at


def _packed(data: bytes, header: EntryHeader) -> int:
    packed, size = LOCAL.unpack_from(data)[7:9]
    return _sizes(header.extra, size, packed, 0)[1]


def printable(name: bytes) -> str:
    """A name for an error: its ASCII characters, the others as question marks, and not too long."""
    text = name.decode("ascii", "replace")
    return "".join(c if " " <= c <= "~" else "?" for c in text)[:100]

"""Reading a package strictly: our own parser of WinZip AE-2, apart from the writer's.

In a ZIP archive names, sizes, dates and the directory are readable and unauthenticated,
and readers differ in what they make of contradictions. So this one accepts a single
form: entries without gaps from the first byte, the directory right behind them, nothing
after it, every local header equal to what the directory says, every entry AES-256 AE-2.

Sizes are bounded before anything is read, and no byte is decrypted before the HMAC over
all of its entry was checked (that reads a large entry twice).
"""

import hmac
import os
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from ...codegen.errors import IntegrityError
from ...codegen.secret import Secret
from .deflate import settle

MAX_ENTRIES = 300_100  # a picture a code, a file a unit, and a few
DEFLATED, STORED = 8, 0

_CHUNK = 1 << 20
_HELD = 16 << 20  # bytes of an entry that is read once and held
_NAME = re.compile(r"[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_-]+)*", re.ASCII)
_NAME_BYTES = 100
_CENTRAL = struct.Struct("<4sBBHHHHHLLLHHHHHLL")
_LOCAL = struct.Struct("<4sHHHHHLLLHH")
_END = struct.Struct("<4sHHHHLLH")
_END64 = struct.Struct("<4sQHHLLQQQQ")
_LOCATOR = struct.Struct("<4sLQL")
_FULL = 0xFFFFFFFF
_ZIP64_LIMIT = (1 << 31) - 1  # from there on the writer moves sizes to the ZIP64 field
_COUNT_LIMIT = 0xFFFF
_DATE = 0x21  # 1980-01-01
_VERSIONS = (20, 45, 51)
_ATTRIBUTES = (0, 0o600 << 16)
# WinZip AE specification: salt and password verifier before the data, tag behind it.
_SALT, _VERIFIER, _TAG, _ROUNDS = 16, 2, 10, 1_000


@dataclass(frozen=True)
class Entry:
    """An entry whose headers were checked. `size` is only a claim until it was read."""

    name: str
    method: int
    size: int
    packed: int
    start: int


@dataclass(frozen=True)
class Keys:
    """What a password makes of an entry's salt; `fits` is the two-byte verifier's word."""

    cipher: bytes
    tag: bytes
    fits: bool

    def __repr__(self) -> str:
        return "Keys('***')"


def broken(what: str) -> IntegrityError:
    """The error for a file that is not the package that left the station."""
    return IntegrityError(
        f"the archive is not as it was made: {what}",
        "compare its SHA-256 with the handoff letter, and copy it again from the source",
    )


def entries(file: BinaryIO) -> tuple[Entry, ...]:
    """The entries of the archive in `file`, in the order of their bytes.

    Raises `IntegrityError` for anything but the one form described above.
    """
    size = file.seek(0, os.SEEK_END)
    at, length, count = _directory(file, size)
    directory = _read(file, at, length)
    found: list[Entry] = []
    seen: set[str] = set()
    position = expected = 0
    for _ in range(count):
        entry, header_at, position = _central(directory, position)
        if header_at != expected:
            raise broken(f"{entry.name} does not begin where the entry before it ends")
        header = _local(entry)
        if _read(file, header_at, len(header)) != header:
            raise broken(f"the headers of {entry.name} contradict each other")
        if entry.name.lower() in seen:
            raise broken(f"{entry.name} is there twice")
        seen.add(entry.name.lower())
        found.append(
            Entry(entry.name, entry.method, entry.size, entry.packed, header_at + len(header))
        )
        expected = header_at + len(header) + entry.packed
    if position != length or expected != at:
        raise broken("there is data outside its entries")
    return tuple(found)


def _read(file: BinaryIO, at: int, length: int) -> bytes:
    file.seek(at)
    data = file.read(length)
    if len(data) != length:
        raise broken("it is cut short")
    return data


def _directory(file: BinaryIO, size: int) -> tuple[int, int, int]:
    """Offset, length and number of entries of the central directory."""
    if size < _END.size:
        raise broken("it is cut short")
    end_at = size - _END.size
    sign, disk, first_disk, here, count, length, at, comment = _END.unpack(
        _read(file, end_at, _END.size)
    )
    if sign != b"PK\5\6" or comment or disk or first_disk or here != count:
        raise broken("it does not end like an archive; it was cut short, or added to")
    if at + length != end_at:
        end_at, length, at, count = _directory64(file, end_at, (length, at, count))
    if count > MAX_ENTRIES or length > count * (_CENTRAL.size + _NAME_BYTES + 64):
        raise broken("its directory is too large")
    if at + length != end_at:
        raise broken("there is data outside its entries")
    return at, length, count


def _directory64(
    file: BinaryIO, end_at: int, short: tuple[int, int, int]
) -> tuple[int, int, int, int]:
    """The ZIP64 end records: where they begin, and length, offset, number of the directory.

    `short`: the same of the end record proper, as far as its fields reach.
    """
    start = end_at - _LOCATOR.size - _END64.size
    record = _END64.unpack(_read(file, start, _END64.size)) if start >= 0 else (b"",)
    if record[0] != b"PK\6\6":
        raise broken("there is data outside its entries")
    _, rest, made, needed, disk, first_disk, here, count, length, at = record
    locator = _read(file, start + _END64.size, _LOCATOR.size)
    if (
        (rest, made, needed, disk, first_disk) != (_END64.size - 12, 45, 45, 0, 0)
        or here != count
        or short != (min(length, _FULL), min(at, _FULL), min(count, 0xFFFF))
        or not (count > _COUNT_LIMIT or max(length, at) > _ZIP64_LIMIT)
        or locator != _LOCATOR.pack(b"PK\6\7", 0, start, 1)
    ):
        raise broken("its end records contradict each other")
    return start, length, at, count


def _central(directory: bytes, at: int) -> tuple[Entry, int, int]:
    """The directory record at `at`: its entry, its local header's offset, the next record."""
    if at + _CENTRAL.size > len(directory):
        raise broken("its directory is cut short")
    (sign, version, system, needed, flags, method, time, date, crc, packed, size, *rest) = (
        _CENTRAL.unpack_from(directory, at)
    )
    name_bytes, extra_bytes, comment, disk, internal, external, header_at = rest
    if sign != b"PK\1\2" or name_bytes > _NAME_BYTES or extra_bytes > 64:
        raise broken("its directory cannot be read")
    at += _CENTRAL.size
    name = directory[at : at + name_bytes].decode("ascii", "replace")
    if not _NAME.fullmatch(name):
        raise broken("an entry's name is not a plain one")
    if method != 99:
        raise broken(f"{name} is not encrypted")
    extra = directory[at + name_bytes : at + name_bytes + extra_bytes]
    size, packed, header_at, aes = _large(name, extra, size, packed, header_at)
    inner = struct.unpack_from("<H", aes, 9)[0] if len(aes) == 11 else -1
    if inner not in (DEFLATED, STORED) or aes != _aes(inner):
        raise broken(f"{name} is not encrypted with AES-256 (AE-2)")
    if (
        (flags, time, date, crc, comment, disk, internal, system) != (1, 0, _DATE, 0, 0, 0, 0, 0)
        or {version, needed} - set(_VERSIONS)
        or external not in _ATTRIBUTES
        or packed < _SALT + _VERIFIER + _TAG
    ):
        raise broken(f"the directory's record of {name} was altered")
    return Entry(name, inner, size, packed, 0), header_at, at + name_bytes + extra_bytes


def _large(
    name: str, extra: bytes, size: int, packed: int, header_at: int
) -> tuple[int, int, int, bytes]:
    """Sizes and offset with their ZIP64 values put in; then the rest of `extra`."""
    values = [size, packed, header_at]
    full = [index for index, value in enumerate(values) if value == _FULL]
    if full:
        width = 8 * len(full)
        if len(extra) < 4 + width or extra[:4] != struct.pack("<HH", 1, width):
            raise broken(f"the directory's record of {name} was altered")
        for place, index in enumerate(full):
            values[index] = struct.unpack_from("<Q", extra, 4 + 8 * place)[0]
        extra = extra[4 + width :]
    return values[0], values[1], values[2], extra


def _aes(method: int) -> bytes:
    """The extra field 0x9901: AE-2, vendor AE, strength 3 (256 bits), the true method."""
    return struct.pack("<HHH2sBH", 0x9901, 7, 2, b"AE", 3, method)


def _local(entry: Entry) -> bytes:
    """The only local header that agrees with the directory."""
    zip64 = struct.pack("<HHQQ", 1, 16, entry.size, entry.packed)
    large = max(entry.size, entry.packed) > _ZIP64_LIMIT
    sizes = (_FULL, _FULL) if large else (entry.packed, entry.size)
    name, extra = entry.name.encode("ascii"), zip64 + _aes(entry.method)
    return (
        _LOCAL.pack(b"PK\3\4", 20, 1, 99, 0, _DATE, 0, *sizes, len(name), len(extra)) + name + extra
    )


def unlock(file: BinaryIO, entry: Entry, password: Secret) -> Keys:
    """The keys of `entry`; look at `fits` before using them."""
    return stretch(head(file, entry), password)


def head(file: BinaryIO, entry: Entry) -> bytes:
    """Salt and verifier of `entry`, for `stretch`."""
    return _read(file, entry.start, _SALT + _VERIFIER)


def stretch(head: bytes, password: Secret) -> Keys:
    """The keys of the entry with that head: a millisecond, in which other threads run."""
    settle()
    # Twice as fast as hashlib's.
    kdf = PBKDF2HMAC(SHA1(), 66, head[:_SALT], _ROUNDS)  # noqa: S303 - WinZip's choice
    material = kdf.derive(password.reveal())
    fits = hmac.compare_digest(material[64:], head[_SALT:])
    return Keys(material[:32], material[32:64], fits)


def content(file: BinaryIO, entry: Entry, keys: Keys) -> Iterator[bytes]:
    """The plain bytes of `entry`, at most `entry.size`, in pieces of about 1 MiB.

    Raises `IntegrityError` before the first piece if the tag is wrong, and at the end if
    the bytes are more or fewer than `entry.size`.
    """
    start = entry.start + _SALT + _VERIFIER
    length = entry.packed - _SALT - _VERIFIER - _TAG
    held = _read(file, start, length) if length <= _HELD else None
    tag = hmac.new(keys.tag, digestmod="sha1")
    for piece in _pieces(file, start, length, held):
        tag.update(piece)
    if not hmac.compare_digest(tag.digest()[:_TAG], _read(file, start + length, _TAG)):
        raise broken(f"{entry.name} is damaged or was altered")
    plain = _decrypted(_pieces(file, start, length, held), keys.cipher)
    return _exactly(entry, _inflated(entry, plain) if entry.method == DEFLATED else plain)


def _pieces(file: BinaryIO, start: int, length: int, held: bytes | None) -> Iterator[bytes]:
    for at in range(0, length, _CHUNK):
        if held is None:
            yield _read(file, start + at, min(_CHUNK, length - at))
        else:
            yield held[at : at + _CHUNK]


def _decrypted(pieces: Iterator[bytes], key: bytes) -> Iterator[bytes]:
    """AES-CTR with WinZip's counter: little-endian, from 1. Pieces are of whole blocks."""
    # CTR made of single blocks, because no mode of the library counts little-endian.
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
    used = 1
    for piece in pieces:
        blocks = -(-len(piece) // 16)
        counter = np.zeros((blocks, 2), "<u8")
        counter[:, 0] = np.arange(used, used + blocks, dtype=np.uint64)
        used += blocks
        stream = np.frombuffer(block.update(counter.tobytes()), np.uint8)[: len(piece)]
        yield (np.frombuffer(piece, np.uint8) ^ stream).tobytes()


def _inflated(entry: Entry, pieces: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(-15)
    for piece in pieces:
        rest = piece
        while rest and not unpacker.eof:
            try:
                yield unpacker.decompress(rest, _CHUNK)
            except zlib.error:
                raise broken(f"{entry.name} cannot be inflated") from None
            rest = unpacker.unconsumed_tail
        if unpacker.unused_data or (rest and unpacker.eof):
            raise broken(f"{entry.name} holds data behind its end")
    # zlib may have taken all input and still hold a long match back.
    while not unpacker.eof and (held := unpacker.decompress(b"", _CHUNK)):
        yield held
    if not unpacker.eof:
        raise broken(f"{entry.name} is cut short")


def _exactly(entry: Entry, pieces: Iterator[bytes]) -> Iterator[bytes]:
    left = entry.size
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            break
        yield piece
    if left:
        raise broken(f"{entry.name} is not as long as the directory says")

"""Reading a package strictly: our own parser of WinZip AE-2, apart from the writer's.

In a ZIP archive names, sizes, dates and the directory are readable and unauthenticated,
and readers differ in how they resolve contradictions. So this reader accepts a single form.
`entries` checks what can be seen without the password:

1. The end records are the last bytes, and the directory lies directly in front of them.
2. Number and length of the directory's records are bounded before they are read.
3. Every entry is AES-256 AE-2, under a plain name, and no record says anything else.
4. Entries lie without gaps from the first byte to the directory, in its order.
5. Every local header is what follows from the directory, byte for byte.
6. No name is there twice, whatever its case, and no salt.

`unlock` and `content` give the plain bytes of an entry:

7. No byte is decrypted before the HMAC over the whole entry was checked (that reads a large
   entry twice).
8. No more bytes are inflated than the directory says, and not fewer.
"""

import hmac
import os
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ...codegen.errors import IntegrityError
from ...codegen.secret import Secret
from .keys import SALT, VERIFIER, StretchedKeys, stretch

MAX_ENTRIES = 300_100  # a picture per code, a file per unit, and a few
DEFLATED, STORED = 8, 0

_CHUNK = 1 << 20
_MAX_HELD = 16 << 20  # bytes of an entry that is read once and held
PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_-]+)*", re.ASCII)
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
_TAG = 10


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry whose headers were checked. `size` is only a claim until it was read.

    `size` and `packed` are its bytes before and after it was deflated and encrypted; `start`
    is the offset of the 16 bytes of `salt` in the archive; `number` counts its entries from 0.
    """

    name: str
    method: int
    size: int
    packed: int
    start: int
    salt: bytes
    number: int


@dataclass(frozen=True)
class Keys:
    """What a password makes of an entry's salt.

    `fits`: the two-byte verifier agrees, which a wrong password reaches once in 65,536 times.
    """

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

    Raises `IntegrityError` if rules 1 to 6 do not hold.
    """
    size = file.seek(0, os.SEEK_END)
    directory_at, length, count = _directory(file, size)
    directory = _read(file, directory_at, length)
    found: list[Entry] = []
    position = header_at = 0
    for _ in range(count):
        record = _central(directory, position)
        # 4. No gaps.
        if record.header_at != header_at:
            raise broken(f"{record.name} does not begin where the entry before it ends")
        entry = _entry(file, record, len(found))
        found.append(entry)
        position, header_at = record.end, entry.start + entry.packed
    if position != length or header_at != directory_at:
        raise broken("there is data outside its entries")
    _require_unique(found)
    return tuple(found)


def _entry(file: BinaryIO, record: "_Record", number: int) -> Entry:
    """The entry of a record, with its salt."""
    header = _local(record)
    data = _read(file, record.header_at, len(header) + SALT)
    # 5. The local header.
    if not data.startswith(header):
        raise broken(f"the headers of {record.name} contradict each other")
    start = record.header_at + len(header)
    salt = data[len(header) :]
    return Entry(record.name, record.method, record.size, record.packed, start, salt, number)


def _require_unique(found: list[Entry]) -> None:
    names: set[str] = set()
    salts: set[bytes] = set()
    for entry in found:
        # 6. Names and salts.
        if entry.name.lower() in names:
            raise broken(f"{entry.name} is there twice")
        names.add(entry.name.lower())
        # With the same password and salt, AE-2 gives two entries the same key stream: the XOR
        # of their ciphertexts is the XOR of their plain texts, and known text in the first
        # (a README, a header line) reads the second. A writer that repeats a salt has a
        # broken source of randomness, so nothing that it wrote may leave.
        if entry.salt in salts:
            raise broken(f"{entry.name} has the salt, and so the key stream, of another entry")
        salts.add(entry.salt)


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
    # 1. The end records.
    end_at = size - _END.size
    sign, disk, first_disk, here, count, length, at, comment = _END.unpack(
        _read(file, end_at, _END.size)
    )
    if sign != b"PK\5\6" or comment or disk or first_disk or here != count:
        raise broken("it does not end like an archive; it was cut short, added to or altered there")
    if at + length != end_at:
        end_at, length, at, count = _directory64(file, end_at, (length, at, count))
    # 2. Bounds.
    if count > MAX_ENTRIES or length > count * (_CENTRAL.size + _NAME_BYTES + 64):
        raise broken("its directory is too large")
    if at + length != end_at:
        raise broken("there is data outside its entries")
    return at, length, count


def _directory64(
    file: BinaryIO, end_at: int, short: tuple[int, int, int]
) -> tuple[int, int, int, int]:
    """Offset of the ZIP64 end records; length, offset and number of records of the directory.

    `short`: the last three as the end record gives them, cut to the width of its fields.
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


class _Record(NamedTuple):
    """A record of the directory; `header_at` and `end`: offsets of its local header, its end."""

    name: str
    method: int
    size: int
    packed: int
    header_at: int
    end: int


def _central(directory: bytes, at: int) -> _Record:
    """The directory's record at `at`."""
    if at + _CENTRAL.size > len(directory):
        raise broken("its directory is cut short")
    (sign, version, system, needed, flags, method, time, date, crc, packed, size, *rest) = (
        _CENTRAL.unpack_from(directory, at)
    )
    name_bytes, extra_bytes, comment, disk, internal, external, header_at = rest
    if sign != b"PK\1\2" or name_bytes > _NAME_BYTES or extra_bytes > 64:
        raise broken("its directory cannot be read")
    at += _CENTRAL.size
    # 3. A plain name, AES-256 AE-2, and nothing else.
    name = directory[at : at + name_bytes].decode("ascii", "replace")
    if not PLAIN_NAME.fullmatch(name):
        raise broken("an entry's name is not a plain one")
    if method != 99:
        raise broken(f"its directory does not say that {name} is encrypted")
    extra = directory[at + name_bytes : at + name_bytes + extra_bytes]
    size, packed, header_at, aes = _large(name, extra, size, packed, header_at)
    inner = struct.unpack_from("<H", aes, 9)[0] if len(aes) == 11 else -1
    if inner not in (DEFLATED, STORED) or aes != _aes(inner):
        raise broken(f"its directory does not say that {name} is AES-256 (AE-2)")
    if (
        (flags, time, date, crc, comment, disk, internal, system) != (1, 0, _DATE, 0, 0, 0, 0, 0)
        or {version, needed} - set(_VERSIONS)
        or external not in _ATTRIBUTES
        or packed < SALT + VERIFIER + _TAG
    ):
        raise broken(f"the directory's record of {name} was altered")
    return _Record(name, inner, size, packed, header_at, at + name_bytes + extra_bytes)


def _large(
    name: str, extra: bytes, size: int, packed: int, header_at: int
) -> tuple[int, int, int, bytes]:
    """Sizes and offset with their ZIP64 values put in, and the rest of `extra`."""
    values = [size, packed, header_at]
    full = [index for index, value in enumerate(values) if value == _FULL]
    if full:
        width = 8 * len(full)
        if len(extra) < 4 + width or extra[:4] != struct.pack("<HH", 1, width):
            raise broken(f"the directory's record of {name} was altered")
        for position, index in enumerate(full):
            values[index] = struct.unpack_from("<Q", extra, 4 + 8 * position)[0]
        extra = extra[4 + width :]
    return values[0], values[1], values[2], extra


def _aes(method: int) -> bytes:
    """The extra field 0x9901: AE-2, vendor AE, strength 3 (256 bits), the true method."""
    return struct.pack("<HHH2sBH", 0x9901, 7, 2, b"AE", 3, method)


def _local(record: _Record) -> bytes:
    """The only local header that agrees with the directory."""
    zip64 = struct.pack("<HHQQ", 1, 16, record.size, record.packed)
    large = max(record.size, record.packed) > _ZIP64_LIMIT
    sizes = (_FULL, _FULL) if large else (record.packed, record.size)
    name, extra = record.name.encode("ascii"), zip64 + _aes(record.method)
    return (
        _LOCAL.pack(b"PK\3\4", 20, 1, 99, 0, _DATE, 0, *sizes, len(name), len(extra)) + name + extra
    )


def unlock(file: BinaryIO, entry: Entry, password: Secret) -> Keys:
    """The keys of `entry`; look at `fits` before using them."""
    found = head(file, entry)
    return keys_of(found, stretch(found[:SALT], password))


def head(file: BinaryIO, entry: Entry) -> bytes:
    """Salt and verifier of `entry`."""
    return _read(file, entry.start, SALT + VERIFIER)


def keys_of(head: bytes, stretched: StretchedKeys) -> Keys:
    """The keys of the entry with that head, of what its salt was stretched to."""
    fits = hmac.compare_digest(stretched.salt + stretched.verifier, head)
    return Keys(stretched.cipher, stretched.tag, fits)


def content(file: BinaryIO, entry: Entry, keys: Keys) -> Iterator[bytes]:
    """The plain bytes of `entry`, at most `entry.size`, in pieces of about 1 MiB.

    Raises `IntegrityError` before the first piece if the tag is wrong, and at the end if
    the bytes are more or fewer than `entry.size`.
    """
    start, length = _ciphertext(entry)
    held = _read(file, start, length) if length <= _MAX_HELD else None
    # 7. The tag, before anything is decrypted: what was altered never reaches the inflater. AE-2
    # keeps 80 bits of it, so without the password a forgery passes once in 2^80 tries. Whoever
    # has the password can make right tags; against them stands the manifest's signature.
    if not _tag_agrees(file, entry, keys, held):
        raise broken(f"{entry.name} is damaged or was altered")
    plain = _decrypted(_pieces(file, start, length, held), keys.cipher)
    return _exactly(entry, _inflated(entry, plain) if entry.method == DEFLATED else plain)


def opens(file: BinaryIO, entry: Entry, keys: Keys) -> bool:
    """Whether `keys` are right for `entry`, by its tag: of wrong ones, one in 2^80 is.

    Reads all of the entry and decrypts nothing.
    """
    return keys.fits and _tag_agrees(file, entry, keys, None)


def _ciphertext(entry: Entry) -> tuple[int, int]:
    """Offset and length of what stands between verifier and tag."""
    return entry.start + SALT + VERIFIER, entry.packed - SALT - VERIFIER - _TAG


def _tag_agrees(file: BinaryIO, entry: Entry, keys: Keys, held: bytes | None) -> bool:
    start, length = _ciphertext(entry)
    tag = hmac.new(keys.tag, digestmod="sha1")
    for piece in _pieces(file, start, length, held):
        tag.update(piece)
    return hmac.compare_digest(tag.digest()[:_TAG], _read(file, start + length, _TAG))


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
    # 8. Not a byte more, not a byte less.
    left = entry.size
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            break
        yield piece
    if left:
        raise broken(f"{entry.name} is not as long as the directory says")

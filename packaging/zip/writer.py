"""Writing the package: a WinZip AES-256 archive (AE-2), streamed through pyzipper.

Everything an archive shows without its password is neutral: ASCII names, a fixed date,
no comment, no CRC of plain text (AE-2 leaves it 0).
"""

import hashlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

from ...codegen.ids import random_symbols
from ...codegen.secret import Secret
from .deflate import LAST
from .deflate import deflate as deflated
from .keys import KeysAhead, KnownKeys
from .pyzipper_hooks import AE2ZipFile, EntryInfo

# AE-2 stretches a password by a mere 1,000 rounds, so it carries its strength itself.
PASSWORD_SYMBOLS = 21  # 5 bits each: 105 bits
_GROUP = 4

_HASHED_AT_ONCE = 1 << 16  # bytes: of fewer, handing them to a thread takes longer


def new_password(entropy: Callable[[int], bytes]) -> Secret:
    """An unpack password of 105 random bits, `XXXX-XXXX-XXXX-XXXX-XXXX-X`.

    Crockford's alphabet, upper case: nothing to confuse when it is read aloud. The
    hyphens are part of it.
    """
    symbols = random_symbols(PASSWORD_SYMBOLS, entropy)
    groups = [symbols[at : at + _GROUP] for at in range(0, len(symbols), _GROUP)]
    return Secret("-".join(groups).encode("ascii"))


class Written(NamedTuple):
    """An entry as written: size and hash are those of its plain bytes."""

    name: str
    bytes: int
    sha256: str


class ArchiveWriter:
    """Entries in sequence, into an empty seekable binary file that the caller owns.

    As a context manager it finishes the archive, or after an exception leaves the file
    as it is: unusable, for the caller to remove. `entries`: how many there will be, if that is
    known. `written` grows with every entry.
    """

    def __init__(self, file: BinaryIO, password: Secret, entries: int | None = None) -> None:
        self._keys = KeysAhead(password, entries)
        self._hasher = ThreadPoolExecutor(1, thread_name_prefix="mintmark-hash")
        self._zip = AE2ZipFile(file, self._keys)
        self.written: list[Written] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._keys.close()
        self._hasher.shutdown(cancel_futures=True)
        if kind is None:
            self._zip.close()
        else:
            self._zip.abandon()

    @property
    def keys(self) -> KnownKeys:
        """The keys of its entries."""
        return self._keys.known

    def entry(self, name: str, *, deflate: bool = True) -> "EntryWriter":
        """Begin the next entry; the entry before must have been closed."""
        info = EntryInfo(name, deflated=deflate)
        handle = self._zip.open(info, "w", force_zip64=True)
        return EntryWriter(handle, info, self.written, self._hasher, deflate=deflate)

    def add(self, name: str, data: bytes, *, deflate: bool = True) -> Written:
        """Write a whole entry at once."""
        with self.entry(name, deflate=deflate) as entry:
            entry.write(data)
        return self.written[-1]


class EntryWriter:
    """An entry being written. Another thread hashes its plain bytes while it is encrypted."""

    def __init__(
        self,
        handle: BinaryIO,
        info: EntryInfo,
        written: list[Written],
        hasher: ThreadPoolExecutor,
        *,
        deflate: bool,
    ) -> None:
        self._handle, self._info, self._written = handle, info, written
        self._deflate = deflate
        self._hasher, self._hash = hasher, hashlib.sha256()
        self._hashed: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            if self._deflate:
                self._handle.write(LAST)
            self._handle.close()
            if self._hashed is not None:
                self._hashed.result()
            self._written.append(
                Written(self._info.filename, self._info.plain_size, self._hash.hexdigest())
            )

    def write(self, data: bytes | memoryview, packed: bytes | None = None) -> None:
        """Append `data`; in a deflated entry with its deflated form, if that was made."""
        waited = self._hashed
        if len(data) >= _HASHED_AT_ONCE:
            self._hashed = self._hasher.submit(self._hash.update, data)
        self._info.plain_size += len(data)
        if self._deflate and packed is None:
            packed = deflated(data)
        self._handle.write(data if packed is None else packed)
        if waited is not None:
            waited.result()  # so that no more than two pieces wait to be hashed
        if len(data) < _HASHED_AT_ONCE:
            self._hash.update(data)

"""Writing the package: a WinZip AES-256 archive (AE-2), streamed through pyzipper.

Everything an archive shows without its password is neutral: ASCII names, one fixed date,
no comment, no CRC of plain text (AE-2 leaves it 0).
"""

import hashlib
from collections.abc import Callable
from types import TracebackType
from typing import BinaryIO, Self

import pyzipper
from isal import isal_zlib
from pyzipper import zipfile as pyzipper_zipfile
from pyzipper import zipfile_aes

from ..codegen.ids import random_symbols
from ..codegen.secret import Secret

# AE-2 stretches a password by a mere 1,000 rounds, so it carries its strength itself.
PASSWORD_SYMBOLS = 21  # 5 bits each: 105 bits
_GROUP = 4

DATE = (1980, 1, 1, 0, 0, 0)
CHUNK = 1 << 20  # pyzipper is slow on small writes
_DEFLATE_LEVEL = 1


def new_password(entropy: Callable[[int], bytes]) -> Secret:
    """An unpack password of 105 random bits, `XXXX-XXXX-XXXX-XXXX-XXXX-X`.

    Crockford's alphabet, upper case: nothing to confuse when it is read aloud. The
    hyphens are part of it.
    """
    symbols = random_symbols(PASSWORD_SYMBOLS, entropy)
    groups = [symbols[at : at + _GROUP] for at in range(0, len(symbols), _GROUP)]
    return Secret("-".join(groups).encode("ascii"))


class _IsalWriteFile(pyzipper_zipfile._ZipWriteFile):  # type: ignore[misc]  # noqa: SLF001
    """Deflate by ISA-L: five times as fast as zlib's level 1, and smaller."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if self._zinfo.compress_type == pyzipper.ZIP_DEFLATED:
            self._compressor = isal_zlib.compressobj(_DEFLATE_LEVEL, isal_zlib.DEFLATED, -15)


class _ZipFile(pyzipper.AESZipFile):  # type: ignore[misc]
    zipwritefile_cls = _IsalWriteFile


class ArchiveWriter:
    """Entries one after the other, into an empty seekable binary file the caller owns.

    As a context manager it finishes the archive, or after an exception leaves the file
    as it is: unusable, for the caller to remove.
    """

    def __init__(self, file: BinaryIO, password: Secret) -> None:
        self._zip = _ZipFile(
            file,
            "w",
            compression=pyzipper.ZIP_DEFLATED,
            encryption=pyzipper.WZ_AES,
            encryption_kwargs={"nbits": 256, "force_wz_aes_version": zipfile_aes.WZ_AES_V2},
        )
        self._zip.setpassword(password.reveal())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._zip.close()
        else:
            # Without a file, closing it (at the latest by the collector) does nothing.
            self._zip.fp = None

    def entry(self, name: str, *, deflate: bool = True) -> "EntryWriter":
        """Begin the next entry; the one before must have been closed."""
        info = zipfile_aes.AESZipInfo(name, DATE)
        info.create_system = 0  # the same bytes from every system
        info.compress_type = pyzipper.ZIP_DEFLATED if deflate else pyzipper.ZIP_STORED
        return EntryWriter(self._zip.open(info, "w", force_zip64=True))

    def add(self, name: str, data: bytes, *, deflate: bool = True) -> None:
        """A whole entry at once."""
        with self.entry(name, deflate=deflate) as entry:
            entry.write(data)


class EntryWriter:
    """One entry being written. `size` and `sha256` are those of the plain bytes so far."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle
        self._pending: list[bytes] = []
        self._waiting = 0
        self._hash = hashlib.sha256()
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._flush()
            self._handle.close()

    @property
    def sha256(self) -> str:
        """Of the bytes written so far, hex."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        """Append `data`."""
        self._hash.update(data)
        self.size += len(data)
        self._pending.append(data)
        self._waiting += len(data)
        if self._waiting >= CHUNK:
            self._flush()

    def _flush(self) -> None:
        self._handle.write(b"".join(self._pending))
        self._pending, self._waiting = [], 0

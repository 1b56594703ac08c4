"""Writing the package: a WinZip AES-256 archive (AE-2), streamed through pyzipper.

Everything an archive shows without its password is neutral: ASCII names, one fixed date,
no comment, no CRC of plain text (AE-2 leaves it 0).
"""

import hashlib
import hmac
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

import pyzipper
from Cryptodome.Cipher import AES
from Cryptodome.Util import Counter
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from pyzipper import zipfile as pyzipper_zipfile
from pyzipper import zipfile_aes

from ...codegen.ids import random_symbols
from ...codegen.secret import Secret
from . import deflate as deflating

# AE-2 stretches a password by a mere 1,000 rounds, so it carries its strength itself.
PASSWORD_SYMBOLS = 21  # 5 bits each: 105 bits
_GROUP = 4

DATE = (1980, 1, 1, 0, 0, 0)
_SALT, _ROUNDS = 16, 1_000  # WinZip AE specification
_KEYS_AHEAD = 32


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


class _Encrypter(zipfile_aes.AESZipEncrypter):  # type: ignore[misc]
    """pyzipper's, with keys that were stretched ahead and OpenSSL's HMAC."""

    def __init__(self, salt: bytes, material: bytes) -> None:
        # Not the base's: it would stretch the password here and now, in the writing thread.
        self.salt = salt
        self.encpwdverify = material[64:]
        self.aes_strength, self.force_wz_aes_version = 3, zipfile_aes.WZ_AES_V2
        counter = Counter.new(nbits=128, little_endian=True)
        self.encrypter = AES.new(material[:32], AES.MODE_CTR, counter=counter)
        self.hmac = hmac.new(material[32:64], digestmod="sha1")


class _Encrypters:
    """Gives an encrypter for each entry; the next ones are made ahead, in threads.

    Stretching takes a millisecond (WinZip AE: PBKDF2, 1,000 rounds, a salt of its own for
    every entry), which is what an archive of small entries waits for.
    """

    def __init__(self, password: Secret) -> None:
        self._password = password
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="mintmark-keys")
        self._ahead: deque[Future[tuple[bytes, bytes]]] = deque()
        self._given = 0

    def __call__(self) -> _Encrypter:
        ready = self._ahead.popleft().result() if self._ahead else self._stretch()
        self._given += 1
        # Few for few entries, so that a small archive makes none in vain.
        while len(self._ahead) < min(self._given // 2, _KEYS_AHEAD):
            self._ahead.append(self._threads.submit(self._stretch))
        return _Encrypter(*ready)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def _stretch(self) -> tuple[bytes, bytes]:
        salt = os.urandom(_SALT)
        deflating.settle()
        # Twice as fast as hashlib's.
        kdf = PBKDF2HMAC(SHA1(), 66, salt, _ROUNDS)  # noqa: S303 - WinZip's choice
        return salt, kdf.derive(self._password.reveal())


class _WriteFile(pyzipper_zipfile._ZipWriteFile):  # type: ignore[misc]  # noqa: SLF001
    """An entry that takes its bytes together with their deflated form."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._compressor = None

    def write_packed(self, size: int, packed: bytes | memoryview) -> None:
        """`packed` is what goes in; `size` bytes is what comes out."""
        # AE-2 keeps no CRC, so none is computed.
        self._file_size += size
        packed = self._encrypter.encrypt(packed)
        self._compress_size += len(packed)
        self._fileobj.write(packed)


class _ZipFile(pyzipper.AESZipFile):  # type: ignore[misc]
    zipwritefile_cls = _WriteFile

    def __init__(self, file: BinaryIO, encrypters: _Encrypters) -> None:
        super().__init__(file, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES)
        self._encrypters = encrypters

    def get_encrypter(self) -> _Encrypter:
        """For the entry that begins."""
        return self._encrypters()


class ArchiveWriter:
    """Entries one after the other, into an empty seekable binary file the caller owns.

    As a context manager it finishes the archive, or after an exception leaves the file
    as it is: unusable, for the caller to remove. `written` grows with every entry.
    """

    def __init__(self, file: BinaryIO, password: Secret) -> None:
        self._encrypters = _Encrypters(password)
        self._hasher = ThreadPoolExecutor(1, thread_name_prefix="mintmark-hash")
        self._zip = _ZipFile(file, self._encrypters)
        self.written: list[Written] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._encrypters.close()
        self._hasher.shutdown(cancel_futures=True)
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
        handle = self._zip.open(info, "w", force_zip64=True)
        return EntryWriter(handle, self.written, self._hasher, deflate=deflate)

    def add(self, name: str, data: bytes, *, deflate: bool = True) -> Written:
        """A whole entry at once."""
        with self.entry(name, deflate=deflate) as entry:
            entry.write(data)
        return self.written[-1]


class EntryWriter:
    """One entry being written. Its plain bytes are hashed beside, while it is encrypted."""

    def __init__(
        self,
        handle: _WriteFile,
        written: list[Written],
        hasher: ThreadPoolExecutor,
        *,
        deflate: bool,
    ) -> None:
        self._handle, self._written, self._deflated = handle, written, deflate
        self._hasher, self._hash = hasher, hashlib.sha256()
        self._hashed: Future[None] | None = None
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
            if self._deflated:
                self._handle.write_packed(0, deflating.LAST)
            self._handle.close()
            if self._hashed is not None:
                self._hashed.result()
            name = self._handle._zinfo.filename  # noqa: SLF001 - as it was opened
            self._written.append(Written(name, self.size, self._hash.hexdigest()))

    def write(self, data: bytes | memoryview, packed: bytes | None = None) -> None:
        """Append `data`; in a deflated entry with its deflated form, if that was made."""
        waited, self._hashed = self._hashed, self._hasher.submit(self._hash.update, data)
        self.size += len(data)
        if self._deflated and packed is None:
            packed = deflating.deflate(data)
        self._handle.write_packed(len(data), data if packed is None else packed)
        if waited is not None:
            waited.result()  # so that no more than two pieces wait to be hashed

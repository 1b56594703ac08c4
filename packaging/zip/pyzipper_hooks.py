"""All that this package relies on in pyzipper beside its documented `AESZipFile` (0.4.0).

pyzipper documents no way to bring keys of our own, but its hooks have documented duties:

1. `AESZipFile.get_encrypter()` gives a `BaseZipEncrypter` for each entry that is opened.
2. `update_zipinfo(info)` is called before the local header is written.
3. `encryption_header()` stands in front of the entry's data.
4. `encrypt(data)` is called for all data in order, `flush()` for what stands behind it.
5. `finalize_zipinfo(info)` is called at the end, with the sizes as pyzipper counted them, and
   before the local header is written again; what it changes stands in all headers.
6. An archive whose `fp` is None is closed without a write.

Reasons: pyzipper would stretch the password in the writing thread, a millisecond for each
entry, and it would deflate by zlib. So an entry is handed over as if it were stored, in the
deflated form that isal made of it, and hook 5 puts the method and the size right.

tests/packaging/zip/test_pyzipper_hooks.py fails when pyzipper changes any of this.
"""

import hmac
from collections.abc import Callable
from typing import BinaryIO

import pyzipper
from Cryptodome.Cipher import AES
from Cryptodome.Util import Counter
from pyzipper import zipfile_aes

from .keys import StretchedKeys

DATE = (1980, 1, 1, 0, 0, 0)
_VENDOR, _AE2, _AES256 = zipfile_aes.WZ_AES_VENDOR_ID, zipfile_aes.WZ_AES_V2, 3
_TAG = 10  # bytes of the HMAC that AE-2 keeps


class EntryInfo(zipfile_aes.AESZipInfo):  # type: ignore[misc]
    """The directory's record of an entry.

    `plain_size` is the number of bytes before they were deflated; it may grow until the
    entry is closed. The bytes that pyzipper is given are the deflated ones.
    """

    __slots__ = ("method", "plain_size")

    def __init__(self, name: str, *, deflated: bool) -> None:
        super().__init__(name, DATE)
        self.create_system = 0  # type: ignore[misc] # the same bytes from every system
        self.compress_type = pyzipper.ZIP_STORED  # type: ignore[misc] # do not deflate twice
        self.method = pyzipper.ZIP_DEFLATED if deflated else pyzipper.ZIP_STORED
        self.plain_size = 0


class AE2Encrypter(zipfile_aes.BaseZipEncrypter):  # type: ignore[misc]
    """WinZip AE-2 with AES-256, of keys that were stretched before; HMAC by OpenSSL."""

    def __init__(self, keys: StretchedKeys) -> None:
        super().__init__()
        self._header = keys.salt + keys.verifier
        counter = Counter.new(nbits=128, little_endian=True)
        self._cipher = AES.new(keys.cipher, AES.MODE_CTR, counter=counter)
        self._hmac = hmac.new(keys.tag, digestmod="sha1")

    def update_zipinfo(self, zipinfo: EntryInfo) -> None:
        """Hook 2: the extra field 0x9901. AE-2 leaves the CRC of the plain bytes 0."""
        zipinfo.wz_aes_vendor_id = _VENDOR
        zipinfo.wz_aes_version = _AE2
        zipinfo.wz_aes_strength = _AES256

    def encryption_header(self) -> bytes:
        """Hook 3."""
        return self._header

    def encrypt(self, data: bytes | memoryview) -> bytes:
        """Hook 4."""
        encrypted: bytes = self._cipher.encrypt(data)
        self._hmac.update(encrypted)
        return encrypted

    def flush(self) -> bytes:
        """Hook 4: the authentication tag."""
        return self._hmac.digest()[:_TAG]

    def finalize_zipinfo(self, zipinfo: EntryInfo) -> None:
        """Hook 5."""
        zipinfo.compress_type = zipinfo.method
        zipinfo.file_size = zipinfo.plain_size


class AE2ZipFile(pyzipper.AESZipFile):  # type: ignore[misc]
    """An archive written into `file`; `next_keys` is called once for every entry."""

    def __init__(self, file: BinaryIO, next_keys: Callable[[], StretchedKeys]) -> None:
        super().__init__(file, "w", encryption=pyzipper.WZ_AES)
        self._next_keys = next_keys

    def get_encrypter(self) -> AE2Encrypter:
        """Hook 1."""
        return AE2Encrypter(self._next_keys())

    def abandon(self) -> None:
        """Hook 6: nothing more is written, not even by the garbage collector's `close`."""
        self.fp = None

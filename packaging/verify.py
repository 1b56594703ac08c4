"""`verify`: an archive is exactly what its signer made, or it says what differs.

It needs no ledger. Order: the archive's form; the password; the signature; the entries
against the manifest; then every data file, byte by byte: its hash, and that its rows are
what serials, profile and template make of its codes. A file is read in pieces.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..codegen.errors import IntegrityError
from ..codegen.secret import Secret
from ..codegen.serials import Range, Ranges
from ..codegen.template import payload
from . import manifest as manifests
from . import qr, signature, unzip
from .dummy import all_dummies
from .formats.text import codes_of
from .manifest import (
    ATTACHED_BYTES,
    MANIFEST_BYTES,
    README_NAME,
    SIGNED_NAMES,
    Attached,
    DataFile,
    Manifest,
)
from .unique import Hashes, Repeats, hashes
from .unzip import broken

Keys = Mapping[str, bytes]

_LONGEST_ROW = 4_096
# codegen.spec: upper-case unreserved characters of RFC 3986.
_CODES = re.compile(rb"[A-Z0-9\-._~]*")


@dataclass(frozen=True)
class Verified:
    """What was proved. `trusted`: the key is one of those given to `verify`.

    `unique`: no code is in it twice; false where it holds too many to look.
    """

    package: str
    batch: str
    serials: Ranges
    rows: int
    files: int
    key_id: str
    public_key: str
    trusted: bool
    test: bool
    unique: bool
    manifest_sha256: str


def verify(
    archive: Path,
    password: Secret,
    trusted: Keys | None,
    stations: Keys | None = None,
) -> Verified:
    """Check `archive` from its first byte to its last.

    `trusted`: key id → Ed25519 public key of those who may sign packages; `stations`:
    of those who may sign test packages only. Without `trusted` the signature is checked
    against its own key, which proves that the package is whole, not who made it.

    Raises `IntegrityError` for a wrong password, a damaged, altered or foreign archive;
    `OSError` where it cannot be read.
    """
    with archive.open("rb") as file:
        return _Check(file, password).run(trusted, stations or {})


class _Check:
    """One archive, open."""

    def __init__(self, file: BinaryIO, password: Secret) -> None:
        self._file = file
        self._password = password
        self._entries = {entry.name: entry for entry in unzip.entries(file)}

    def run(self, trusted: Keys | None, stations: Keys) -> Verified:
        self._password_fits()
        data = self._small(SIGNED_NAMES[0], MANIFEST_BYTES)
        signed = signature.parse(self._small(SIGNED_NAMES[1], signature.SIGNATURE_BYTES))
        test = signature.check(data, signed)
        believed = _believed(signed, trusted, stations, test=test)
        manifest = manifests.parse(data)
        if manifest.test is not test:
            raise broken("it is signed as a test package but says it is none, or the reverse")
        self._listed(manifest)
        self._attached(manifest.readme)
        payloads = {
            picture.serial: qr.read(self._attached(picture)) for picture in manifest.samples
        }
        return Verified(
            package=manifest.package,
            batch=manifest.batch,
            serials=manifest.serials,
            rows=manifest.quantity,
            files=len(manifest.files),
            key_id=signed.key_id,
            public_key=signed.public_key.hex(),
            trusted=believed,
            test=test,
            unique=self._data(manifest, payloads),
            manifest_sha256=hashlib.sha256(data).hexdigest(),
        )

    def _password_fits(self) -> None:
        """Tell a wrong password from a damaged entry: it opens nothing at all."""
        names = [name for name in (*SIGNED_NAMES, README_NAME) if name in self._entries]
        if len(names) != 3:
            raise broken("it holds no manifest, signature or README, so it is no package of ours")
        if not any(self._unlock(name).fits for name in names):
            raise IntegrityError(
                "wrong password: it opens nothing in this archive",
                "type it as given: capital letters and hyphens",
                "is it the password of another package?",
            )

    def _unlock(self, name: str) -> unzip.Keys:
        return unzip.unlock(self._file, self._entries[name], self._password)

    def _content(self, name: str) -> Iterator[bytes]:
        keys = self._unlock(name)
        if not keys.fits:
            raise broken(f"{name} is damaged, or encrypted with another password")
        return unzip.content(self._file, self._entries[name], keys)

    def _small(self, name: str, limit: int) -> bytes:
        if self._entries[name].size > limit:
            raise broken(f"{name} is too large")
        return b"".join(self._content(name))

    def _listed(self, manifest: Manifest) -> None:
        """The archive's entries are those of the manifest, in its order."""
        listed = manifest.entry_names()
        for name in self._entries:
            if name not in set(listed):
                raise broken(f"{name} is in it, but not in the manifest")
        for name in listed:
            if name not in self._entries:
                raise broken(f"{name} is missing")
        if list(self._entries) != listed:
            raise broken("its entries are not in the manifest's order")
        for item in manifest.listed():
            if self._entries[item.name].size != item.bytes:
                raise broken(f"{item.name} is not as long as the manifest says")

    def _attached(self, item: Attached) -> bytes:
        data = self._small(item.name, ATTACHED_BYTES)
        if hashlib.sha256(data).hexdigest() != item.sha256:
            raise broken(f"{item.name} is not the file that was signed")
        return data

    def _data(self, manifest: Manifest, payloads: Mapping[int | None, str]) -> bool:
        """Every data file; whether no code is there twice could be told."""
        repeats = Repeats(manifest.quantity)
        shown = set()
        for file in manifest.files:
            for serials, codes in self._codes(manifest, file):
                repeats.add(codes, manifest.code_length)
                for serial in payloads:
                    if serial is not None and serials.first <= serial <= serials.last:
                        _same_payload(manifest, serials, codes, serial, payloads[serial])
                        shown.add(serial)
        if shown != set(payloads):
            raise broken("a sample shows a serial that is not in the package")
        suspects = repeats.suspects()
        if len(suspects):
            self._compare(manifest, suspects)
        return repeats.possible

    def _codes(self, manifest: Manifest, file: DataFile) -> Iterator[tuple[Range, bytes]]:
        """The codes of a data file, whose bytes and rows are checked on the way."""
        digest = hashlib.sha256()
        header = manifest.profile.header_row()
        line_end = manifest.profile.line_end.encode("ascii")
        serial, rest, begun = file.first, b"", False
        for piece in self._content(file.name):
            digest.update(piece)
            rest += piece
            if not begun and len(rest) >= len(header):
                if not rest.startswith(header):
                    raise broken(f"{file.name} does not begin with the profile's columns")
                rest, begun = rest[len(header) :], True
            cut = rest.rfind(line_end) + len(line_end) if begun and line_end in rest else 0
            rows, rest = rest[:cut], rest[cut:]
            if len(rest) > _LONGEST_ROW:
                raise broken(f"{file.name} has a row that is too long")
            if rows:
                last = serial + rows.count(line_end) - 1
                if last > file.last:
                    raise broken(f"{file.name} has more rows than the manifest says")
                yield Range(serial, last), _codes_of(manifest, file, serial, rows)
                serial = last + 1
        if rest or not begun or serial != file.last + 1:
            raise broken(f"{file.name} has fewer rows than the manifest says")
        if not hmac.compare_digest(digest.hexdigest(), file.sha256):
            raise broken(f"{file.name} is not the file that was signed")

    def _compare(self, manifest: Manifest, suspects: Hashes) -> None:
        """Read again, and compare the codes whose hashes are equal."""
        length = manifest.code_length
        seen: dict[bytes, int] = {}
        for file in manifest.files:
            for serials, codes in self._codes(manifest, file):
                for index in np.flatnonzero(np.isin(hashes(codes, length), suspects)):
                    code = codes[index * length : (index + 1) * length]
                    serial = serials.first + int(index)
                    if code in seen:
                        raise IntegrityError(
                            f"serials {seen[code]} and {serial} carry the same code",
                            "do not print this package; keep it, and tell the people who made it",
                        )
                    seen[code] = serial


def _believed(
    signed: signature.Signature, trusted: Keys | None, stations: Keys, *, test: bool
) -> bool:
    """Whether the key may sign such a package; False if nobody said whose keys may."""
    if trusted is None:
        return False
    allowed = {**stations, **trusted} if test else trusted
    if allowed.get(signed.key_id) != signed.public_key:
        station = stations.get(signed.key_id) == signed.public_key
        raise IntegrityError(
            "the package is signed by the station, which may sign test packages only"
            if station
            else f"the package is signed by a key that is not trusted here: {signed.key_id}",
            "ask the custodian who made it; print nothing from it until then",
        )
    return True


def _codes_of(manifest: Manifest, file: DataFile, serial: int, rows: bytes) -> bytes:
    """The codes in whole rows. Raises `IntegrityError` naming the first wrong row."""
    length, profile = manifest.code_length, manifest.profile
    codes = codes_of(serial, rows, length, profile, manifest.template)
    if codes is None:
        line_end = profile.line_end.encode("ascii")
        for at, row in enumerate(rows.split(line_end)[:-1], serial):
            if codes_of(at, row + line_end, length, profile, manifest.template) is None:
                break
        raise broken(f"{file.name}: the row where serial {at} is due is not as the profile says")
    last = serial + len(codes) // length - 1
    if not _CODES.fullmatch(codes):
        raise broken(f"{file.name}: a code of serials {serial}-{last} has symbols no code has")
    if manifest.test and not all_dummies(Range(serial, last), codes, length):
        raise broken(f"{file.name}: a test package holds codes that are no dummies")
    return codes


def _same_payload(
    manifest: Manifest, serials: Range, codes: bytes, serial: int, shown: str
) -> None:
    begin = (serial - serials.first) * manifest.code_length
    code = codes[begin : begin + manifest.code_length].decode("ascii")
    expected = payload(manifest.template, code)
    if not hmac.compare_digest(expected.encode("ascii"), shown.encode("utf-8")):
        raise broken(f"the QR sample does not show the code of serial {serial}")

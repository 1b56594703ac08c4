"""`verify`: an archive is exactly what its signer made, or it says what differs.

It needs no ledger. Order: the archive's form; the password; the signature; the entries
against the manifest; then every unit, byte by byte: its entries' hashes, and that they
are what its format makes of serials, profile, template and codes. Small units are read in
threads, large ones in pieces.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ...codegen.codes.template import payload
from ...codegen.errors import IntegrityError, UsageError
from ...codegen.ranges.serials import Ranges
from ...codegen.secret import Secret
from ...codegen.workers.pool import WorkerKind as WorkKind
from ...codegen.workers.pool import Workers
from ..formats.dummy import all_dummies
from ..formats.format import Codes, Format, Unit
from ..formats.registry import format_for
from ..formats.sampling import Chosen, every
from ..package import manifest as manifests
from ..package import signature
from ..package.manifest import (
    ATTACHED_BYTES,
    MANIFEST_BYTES,
    README_NAME,
    SIGNED_NAMES,
    Attached,
    DataFile,
    Manifest,
    pictures_digest,
)
from ..symbols import sample
from ..zip import reader
from ..zip.reader import broken
from .unique import Hashes, Repeats, hashes

Keys = Mapping[str, bytes]

# Is handed all (serials, codes) of an archive, in its order, and hands them on.
CodeFilter = Callable[[Iterator[Codes]], Iterator[Codes]]

# Which of all serials are read more closely.
Choose = Callable[[Ranges], Chosen]

_SMALL = 16 << 20  # bytes of a unit that a thread reads whole


@dataclass(frozen=True)
class Verified:
    """What was proved. `trusted`: the key is one of those given to `verify`.

    `unique`: no code is in it twice; false where it holds too many to look. `decoded` of
    `symbols` were read by another decoder: of text, the sample that goes with it.
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
    symbols: int
    decoded: int
    manifest_sha256: str


def verify(  # noqa: PLR0913, PLR0917 - an archive, and how far it is believed and looked at
    archive: Path,
    password: Secret,
    trusted: Keys | None,
    stations: Keys | None = None,
    code_filter: CodeFilter = iter,
    choose: Choose = lambda _: every,
) -> Verified:
    """Check `archive` from its first byte to its last.

    `trusted`: key id → Ed25519 public key of those who may sign packages; `stations`:
    of those who may sign test packages only. Without `trusted` the signature is checked
    against its own key, which proves that the package is whole, not who made it. All codes go
    `code_filter` a further examination, and what that raises is raised. `choose` says which of
    the package's symbols another decoder reads, by default all of them.

    Raises `IntegrityError` for a wrong password, a damaged, altered or foreign archive;
    `OSError` where it cannot be read.
    """
    with archive.open("rb") as file:
        return _Check(archive, file, password, code_filter, choose).run(trusted, stations or {})


class _Check:
    """One archive, open."""

    def __init__(
        self, path: Path, file: BinaryIO, password: Secret, code_filter: CodeFilter, choose: Choose
    ) -> None:
        self._path, self._file = path, file
        self._password, self._through, self._choose = password, code_filter, choose
        self._chosen: Chosen = every
        self._entries = {entry.name: entry for entry in reader.entries(file)}

    def run(self, trusted: Keys | None, stations: Keys) -> Verified:
        self._password_fits()
        data = self._small(SIGNED_NAMES[0], MANIFEST_BYTES)
        signed = signature.parse(self._small(SIGNED_NAMES[1], signature.SIGNATURE_BYTES))
        test = signature.check(data, signed)
        believed = _believed(signed, trusted, stations, test=test)
        manifest = manifests.parse(data)
        if manifest.test is not test:
            raise broken("it is signed as a test package but says it is none, or the reverse")
        form = _format(manifest)
        self._listed(manifest, form)
        self._attached(manifest.readme)
        payloads = {
            picture.serial: sample.read(self._attached(picture)) for picture in manifest.samples
        }
        drawn = manifest.profile.pictures or not manifest.profile.has_rows
        if drawn:
            self._chosen = self._choose(manifest.serials)
        decoded = sum(len(self._chosen(piece)) for piece in manifest.serials) if drawn else 0
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
            unique=self._data(manifest, form, payloads),
            symbols=manifest.quantity if drawn else len(payloads),
            decoded=decoded or len(payloads),
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

    def _unlock(self, name: str) -> reader.Keys:
        return reader.unlock(self._file, self._entries[name], self._password)

    def _content(
        self, file: BinaryIO, name: str, keys: reader.Keys | None = None
    ) -> Iterator[bytes]:
        keys = keys or reader.unlock(file, self._entries[name], self._password)
        if not keys.fits:
            raise broken(f"{name} is damaged, or encrypted with another password")
        return reader.content(file, self._entries[name], keys)

    def _small(self, name: str, limit: int) -> bytes:
        if self._entries[name].size > limit:
            raise broken(f"{name} is too large")
        return b"".join(self._content(self._file, name))

    def _listed(self, manifest: Manifest, form: Format) -> None:
        """The archive's entries are those of the manifest, in its order."""
        listed: dict[str, int | None] = {}
        for unit, file in manifest.units():
            names = form.names(unit)
            listed[next(names)] = file.bytes
            listed |= dict.fromkeys(names)
        listed |= {item.name: item.bytes for item in manifest.attached()}
        listed |= dict.fromkeys(SIGNED_NAMES)
        for name in self._entries:
            if name not in listed:
                raise broken(f"{name} is in it, but not in the manifest")
        for name in listed:
            if name not in self._entries:
                raise broken(f"{name} is missing")
        if list(self._entries) != list(listed):
            raise broken("its entries are not in the manifest's order")
        for name, size in listed.items():
            if size is not None and self._entries[name].size != size:
                raise broken(f"{name} is not as long as the manifest says")

    def _attached(self, item: Attached) -> bytes:
        data = self._small(item.name, ATTACHED_BYTES)
        if hashlib.sha256(data).hexdigest() != item.sha256:
            raise broken(f"{item.name} is not the file that was signed")
        return data

    def _data(self, manifest: Manifest, form: Format, payloads: Mapping[int | None, str]) -> bool:
        """Every unit; whether no code is there twice could be told."""
        repeats = Repeats(manifest.quantity)
        shown = set()
        for serials, codes in self._through(self._codes(manifest, form)):
            repeats.add(codes, manifest.code_length)
            for serial in payloads:
                if serial is not None and (code := _code_of(serial, serials, codes)) is not None:
                    _same_payload(manifest, code, serial, payloads[serial])
                    shown.add(serial)
        if shown != set(payloads):
            raise broken("a sample shows a serial that is not in the package")
        suspects = repeats.suspects()
        if len(suspects):
            self._compare(manifest, form, suspects)
        return repeats.possible

    def _codes(self, manifest: Manifest, form: Format) -> Iterator[Codes]:
        """All codes, unit by unit, every one of them checked on the way."""
        units = list(manifest.units())
        small = all(self._size(form, unit) <= _SMALL for unit, _ in units)
        with Workers(WorkKind.THREADS if small and len(units) > 1 else WorkKind.INLINE) as workers:

            def read(item: tuple[Unit, DataFile]) -> Iterator[Codes] | list[Codes]:
                codes = _OneUnit(self, manifest, form, *item).codes()
                return list(codes) if small else codes

            for codes in workers.map(read, units):
                yield from codes

    def _size(self, form: Format, unit: Unit) -> int:
        return sum(self._entries[name].size for name in form.names(unit))

    def _compare(self, manifest: Manifest, form: Format, suspects: Hashes) -> None:
        """Read again, and compare the codes whose hashes are equal."""
        length = manifest.code_length
        seen: dict[bytes, int] = {}
        for serials, codes in self._codes(manifest, form):
            for index in np.flatnonzero(np.isin(hashes(codes, length), suspects)):
                code = codes[index * length : (index + 1) * length]
                serial = _serial_at(int(index), serials)
                if code in seen:
                    raise IntegrityError(
                        f"serials {seen[code]} and {serial} carry the same code",
                        "do not print this package; keep it, and tell the people who made it",
                    )
                seen[code] = serial


class _OneUnit:
    """The entries of a unit being read, perhaps beside others: it opens the file anew."""

    def __init__(
        self, check: _Check, manifest: Manifest, form: Format, unit: Unit, listed: DataFile
    ) -> None:
        self._check, self._manifest, self._form = check, manifest, form
        self._unit, self._listed = unit, listed
        self._hashes: list[str] = []
        self._bytes = 0

    def codes(self) -> Iterator[Codes]:
        """Its codes, in pieces; when the last was taken, the unit is proved."""
        manifest, done = self._manifest, 0
        with self._check._path.open("rb") as file:  # noqa: SLF001 - a part of it
            files = self._files(file)
            for serials, codes in self._form.read(self._unit, files, self._check._chosen):  # noqa: SLF001
                _proper(manifest, serials, codes)
                done += len(codes) // manifest.code_length
                yield serials, codes
            for _, rest in files:
                for _ in rest:
                    pass
        if done != len(self._unit.serials):
            raise broken(f"{self._listed.name} has fewer rows than the manifest says")
        self._signed()

    def _files(self, file: BinaryIO) -> Iterator[tuple[str, Iterator[bytes]]]:
        for name, keys in self._unlocked(file):
            digest = hashlib.sha256()
            pieces = self._hashed(digest, self._check._content(file, name, keys))  # noqa: SLF001
            yield name, pieces
            for _ in pieces:  # what the format left
                pass
            self._hashes.append(digest.hexdigest())

    def _unlocked(self, file: BinaryIO) -> Iterator[tuple[str, reader.Keys]]:
        """The entries' names and keys; those of the next ones are stretched meanwhile."""
        check = self._check
        names = list(self._form.names(self._unit))
        heads = (reader.head(file, check._entries[name]) for name in names)  # noqa: SLF001
        with Workers(WorkKind.THREADS if len(names) > 1 else WorkKind.INLINE) as workers:
            keys = workers.map(lambda head: reader.stretch(head, check._password), heads)  # noqa: SLF001
            yield from zip(names, keys, strict=True)

    def _hashed(self, digest: "hashlib._Hash", pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            digest.update(piece)
            if self._hashes:
                self._bytes += len(piece)
            yield piece

    def _signed(self) -> None:
        listed, pictures = self._listed, self._listed.pictures
        if not hmac.compare_digest(self._hashes[0], listed.sha256):
            raise broken(f"{listed.name} is not the file that was signed")
        found = (len(self._hashes) - 1, self._bytes, pictures_digest(self._hashes[1:]))
        if pictures and found != (pictures.count, pictures.bytes, pictures.sha256):
            raise broken(f"the pictures of {listed.name} are not those that were signed")


def _format(manifest: Manifest) -> Format:
    try:
        return format_for(manifest.layout)
    except UsageError:
        raise broken("no format writes what its manifest describes") from None


def _proper(manifest: Manifest, serials: Ranges, codes: bytes) -> None:
    """The codes have the batch's symbols, and are dummies if they must be."""
    where = f"serials {serials[0].first}-{serials[-1].last}"
    if codes.translate(None, manifest.symbols.encode("ascii")) and not manifest.test:
        raise broken(f"a code of {where} has symbols no code has")
    at, length = 0, manifest.code_length
    for piece in serials if manifest.test else ():
        part = codes[at : at + len(piece) * length]
        if not all_dummies(piece, part, length):
            raise broken(f"{where}: a test package holds codes that are no dummies")
        at += len(part)


def _serial_at(index: int, serials: Ranges) -> int:
    for piece in serials:
        if index < len(piece):
            return piece.first + index
        index -= len(piece)
    raise IndexError


def _code_of(serial: int, serials: Ranges, codes: bytes) -> bytes | None:
    """The code of a serial, if it is among these."""
    at = 0
    length = len(codes) // sum(map(len, serials))
    for piece in serials:
        if piece.first <= serial <= piece.last:
            begin = (at + serial - piece.first) * length
            return codes[begin : begin + length]
        at += len(piece)
    return None


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


def _same_payload(manifest: Manifest, code: bytes, serial: int, shown: str) -> None:
    expected = payload(manifest.template, code.decode("ascii"))
    if not hmac.compare_digest(expected.encode("ascii"), shown.encode("utf-8")):
        raise broken(f"the QR sample does not show the code of serial {serial}")

"""Packages made with fixed randomness, and the means to forge them."""

import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mintmark.codegen.ranges.serials import Range, ordered
from mintmark.codegen.secret import Secret
from mintmark.packaging.package.job import PackJob
from mintmark.packaging.package.manifest import Manifest, dump
from mintmark.packaging.package.pack import Packed, pack
from mintmark.packaging.package.signature import ManifestSigner, sign
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.zip import reader
from mintmark.packaging.zip.writer import ArchiveWriter, new_password

BEIJING = timezone(timedelta(hours=8))
SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def signer(seed: int, key_id: str) -> ManifestSigner:
    """A signing key out of nothing."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return ManifestSigner(key_id, key.public_key().public_bytes_raw(), key.sign)


@dataclass(frozen=True)
class Made:
    """A package and all that made it."""

    path: Path
    job: PackJob
    packed: Packed
    password: Secret
    codes: dict[int, str]
    signer: ManifestSigner

    @property
    def trusted(self) -> dict[str, bytes]:
        return {self.signer.key_id: self.signer.public_key}

    def entries(self) -> dict[str, bytes]:
        """Name → plain bytes, in the archive's order."""
        with self.path.open("rb") as file:
            return {
                entry.name: b"".join(
                    reader.content(file, entry, reader.unlock(file, entry, self.password))
                )
                for entry in reader.entries(file)
            }

    def rebuild(self, path: Path, entries: dict[str, bytes] | list[tuple[str, bytes]]) -> Path:
        """An archive of `entries` under the right password."""
        pairs = entries.items() if isinstance(entries, dict) else entries
        with path.open("w+b") as file, ArchiveWriter(file, self.password) as archive:
            for name, data in pairs:
                archive.add(name, data)
        return path

    def forge(
        self,
        path: Path,
        entries: dict[str, bytes],
        manifest: Manifest,
        by: ManifestSigner | None = None,
    ) -> Path:
        """`entries`, with `manifest` signed anew, by default with the trusted key."""
        data = dump(manifest)
        new = entries | {
            "manifest.json": data,
            "manifest.sig": sign(data, by or self.signer, test=manifest.test),
        }
        return self.rebuild(path, new)

    def with_data(self, path: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
        """A data file changed, and manifest and signature made to match it."""
        import hashlib

        entries = self.entries()
        entries[name] = change(entries[name])
        digest = hashlib.sha256(entries[name]).hexdigest()
        files = tuple(
            replace(file, bytes=len(entries[name]), sha256=digest) if file.name == name else file
            for file in self.packed.manifest.files
        )
        return self.forge(path, entries, replace(self.packed.manifest, files=files))


@dataclass
class Maker:
    """Makes packages under a folder; every call takes a fresh file name."""

    folder: Path
    made: int = 0
    random: Random = field(default_factory=lambda: Random(7))

    def job(self, **changes: object) -> PackJob:
        units = iter(range(1, 10**8))
        fields = {
            "package": "K7QM-9X2C4DEF",
            "batch": "K7QM-3T9A2BCD",
            "home": "K7QM-0123456789AB",
            "contact_id": "wang-fang",
            "contact_name": "王芳",
            "serials": (Range(1, 25),),
            "length": 16,
            "template": "https://q.example.cn/{code}",
            "profile": builtin("csv"),
            "unit_size": 10,
            "unit_id": lambda: f"K7QM-{next(units):08d}",
            "created": datetime(2026, 11, 22, 15, 30, tzinfo=BEIJING),
        }
        fields |= changes
        fields["serials"] = ordered(fields["serials"])
        fields["profile"] = fields["profile"].of_size(fields.pop("unit_size"))
        return PackJob(**fields)

    def __call__(
        self,
        *,
        by: ManifestSigner | None = None,
        symbols: str = SYMBOLS,
        codes: dict[int, str] | None = None,
        chunk: int = 7,
        **changes: object,
    ) -> Made:
        job = self.job(**changes)
        if codes is None:
            codes = {
                serial: "".join(self.random.choices(symbols, k=job.length))
                for piece in job.serials
                for serial in range(piece.first, piece.last + 1)
            }
        self.made += 1
        path = self.folder / f"{self.made}.zip"
        password = new_password(self.random.randbytes)
        key = by or signer(1, "custodian")
        packed = pack(path, source(codes, chunk), job, password, key)
        return Made(path, job, packed, password, codes, key)


def source(codes: dict[int, str], chunk: int = 7) -> Callable[[Range], Iterator[tuple[int, bytes]]]:
    """Codes in pieces of an awkward size."""

    def give(piece: Range) -> Iterator[tuple[int, bytes]]:
        for first in range(piece.first, piece.last + 1, chunk):
            serials = range(first, min(first + chunk, piece.last + 1))
            yield first, "".join(codes[serial] for serial in serials).encode("ascii")

    return give


@pytest.fixture(scope="session")
def maker(tmp_path_factory) -> Maker:
    return Maker(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="session")
def made(maker) -> Made:
    """25 codes in three files; nobody changes it in place."""
    return maker()


@pytest.fixture(scope="session")
def seven_zip() -> str:
    path = shutil.which("7z") or shutil.which("7zz")
    if path is None:
        pytest.skip("no 7-Zip here")
    return path


@pytest.fixture(scope="session")
def keys():
    """Makes signers: `keys(seed, key_id)`."""
    return signer


@pytest.fixture(scope="session")
def give():
    """Makes sources from codes."""
    return source


@pytest.fixture(scope="session")
def split_archive():
    """Cuts an archive's bytes into (local header, content) pairs, directory, end record."""

    def split(data: bytes) -> tuple[list[tuple[bytes, bytes]], bytes, bytes]:
        end = data[-22:]
        _, _, _, _, count, length, at, _ = struct.unpack("<4sHHHHLLH", end)
        import io

        entries = reader.entries(io.BytesIO(data))
        assert len(entries) == count
        parts, position = [], 0
        for entry in entries:
            stop = entry.start + entry.packed
            parts.append((data[position : entry.start], data[entry.start : stop]))
            position = stop
        return parts, data[at : at + length], end

    return split

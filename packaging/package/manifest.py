"""The manifest (manifest.json, RFC 8785): what a package holds, and its bytes.

Bytes of others are read by `manifest_reading`.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import rfc8785

from ...codegen.ranges.serials import Range, Ranges, count, to_pairs
from ..formats.format import PackageLayout, PackageUnit, SecondCode
from ..profiles.profile import Profile

FORMAT = "mintmark-package/2"
EARLIER = "mintmark-package/1"  # without role, pairs, copies and labels
MANIFEST_BYTES = 32 << 20
MAX_FILES = 100_000
ATTACHED_BYTES = 1 << 20
MAX_COPIES = 1_000_000
MAX_PAIRS = 100
CODE_SYMBOLS = 64
SIGNED_NAMES = ("manifest.json", "manifest.sig")
README_NAME = "README.txt"


@dataclass(frozen=True)
class Pictures:
    """A unit's further entries, one picture per code; `sha256` is their `pictures_digest`."""

    count: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class DataFile:
    """A data file, which is one unit: the serials `first`..`last`, `rows` of them."""

    name: str
    unit: str
    rows: int
    first: int
    last: int
    bytes: int
    sha256: str
    pictures: Pictures | None = None


@dataclass(frozen=True)
class Attached:
    """README.txt, or a sample picture, which shows the symbol of `serial`."""

    name: str
    bytes: int
    sha256: str
    serial: int | None = None


@dataclass(frozen=True)
class SecondSigned:
    """The second code of each label: what it looks like, and the picture of the first of them."""

    code: SecondCode
    sample: Attached


class Partner(NamedTuple):
    """A batch whose codes are on the same items, serial by serial, and its role."""

    batch: str
    role: str


@dataclass(frozen=True)
class Manifest:
    """The contents of manifest.json; `created` is RFC 3339 with an offset.

    `role` of the batch: None in manifests of format 1, which name neither role nor `pairs` nor
    `copies`. Each code is on `copies` labels. `second`: the other code on each label of a pair.
    """

    package: str
    batch: str
    home: str
    test: bool
    created: str
    contact_id: str
    contact_name: str
    profile: Profile
    template: str
    code_length: int
    symbols: str
    serials: Ranges
    files: tuple[DataFile, ...]
    samples: tuple[Attached, ...]
    readme: Attached
    role: str | None = None
    pairs: tuple[Partner, ...] = ()
    copies: int = 1
    second: SecondSigned | None = None

    @property
    def quantity(self) -> int:
        """How many codes are in it."""
        return count(self.serials)

    @property
    def labels(self) -> int:
        """How many labels are printed of it."""
        return self.quantity * self.copies

    @property
    def layout(self) -> PackageLayout:
        """What its format needs to know."""
        return PackageLayout(
            package=self.package,
            batch=self.batch,
            length=self.code_length,
            symbols=self.symbols,
            template=self.template,
            profile=self.profile,
            copies=self.copies,
            second=None if self.second is None else self.second.code,
        )

    def units(self) -> Iterator[tuple[PackageUnit, DataFile]]:
        """The units with their data files, in order."""
        for index, file in enumerate(self.files):
            yield PackageUnit(index, file.unit, Range(file.first, file.last)), file

    def attached(self) -> tuple[Attached, ...]:
        """The entries after the units that the manifest lists: the samples, then README.txt."""
        second = () if self.second is None else (self.second.sample,)
        return (*self.samples, *second, self.readme)


def pictures_digest(hashes: Iterable[str]) -> str:
    """SHA-256, hex, over the concatenated SHA-256 digests (32 bytes) of pictures, in order."""
    return hashlib.sha256(b"".join(map(bytes.fromhex, hashes))).hexdigest()


def sample_name(serial: int | None, *, second: bool = False) -> str:
    """The entry of the QR sample of `serial`, or of its second code."""
    return f"qr/sample-{serial}{'-pair' * second}.png"


def dump(manifest: Manifest) -> bytes:
    """The bytes of manifest.json."""
    document: dict[str, Any] = {
        "format": FORMAT if manifest.role is not None else EARLIER,
        "package": manifest.package,
        "batch": manifest.batch,
        "home": manifest.home,
        "test": manifest.test,
        "created": manifest.created,
        "contact": {"id": manifest.contact_id, "name": manifest.contact_name},
        "profile": {"name": manifest.profile.name} | manifest.profile.document(),
        "template": manifest.template,
        "code_length": manifest.code_length,
        "symbols": manifest.symbols,
        "quantity": manifest.quantity,
        "serials": to_pairs(manifest.serials),
        "files": [asdict(file) for file in manifest.files],
        "samples": [asdict(sample) for sample in manifest.samples],
        "readme": {
            "name": manifest.readme.name,
            "bytes": manifest.readme.bytes,
            "sha256": manifest.readme.sha256,
        },
    }
    if manifest.role is not None:
        document |= {
            "role": manifest.role,
            "pairs": [partner._asdict() for partner in manifest.pairs],
            "copies": manifest.copies,
            "labels": manifest.labels,
            "second": None if manifest.second is None else _second_table(manifest.second),
        }
    return rfc8785.dumps(document)


def _second_table(second: SecondSigned) -> dict[str, Any]:
    return {
        "batch": second.code.batch,
        "template": second.code.template,
        "code_length": second.code.length,
        "symbols": second.code.symbols,
        "sample": asdict(second.sample),
    }

"""The manifest (manifest.json, RFC 8785): what a package holds.

A manifest is refused unless it serialises back to the same bytes and is consistent.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple

import rfc8785

from ...codegen.codes import template as templates
from ...codegen.errors import IntegrityError, UsageError
from ...codegen.ranges.serials import Range, Ranges, count, from_pairs, pieces, to_pairs
from ..formats.format import PackageLayout, PackageUnit, SecondCode
from ..profiles.profile import MAX_PICTURES, Profile
from ..profiles.profile import parse as parse_profile
from .fields import items, load, text, typed, whole

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

_ID = re.compile(r"[0-9A-Z-]{1,40}", re.ASCII)
_ROLE = re.compile(r"[a-z]{1,20}", re.ASCII)
_HEX32 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_./-]{1,100}", re.ASCII)
_TEXT = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
# codegen.spec: upper-case unreserved characters of RFC 3986.
_SYMBOLS = re.compile(r"[A-Z0-9\-._~]{2,40}", re.ASCII)
_PROFILE_TEXT = re.compile(r"[\x00-\x7f]{1,60}")


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


def parse(data: bytes) -> Manifest:
    """The manifest in the bytes of a manifest.json from an archive.

    Raises `IntegrityError` if it is too long, lacks a field, holds more than `dump` writes,
    or contradicts itself: rows, names and serials of the files must be those that serials
    and profile make.
    """
    try:
        found = _manifest(load(data, MANIFEST_BYTES, fractions=True))
        is_canonical = dump(found) == data
    except (KeyError, TypeError, ValueError, UsageError, RecursionError):
        raise IntegrityError("the package's manifest is not well formed") from None
    if not is_canonical:
        raise IntegrityError("the package's manifest is not in canonical form")
    _consistent(found)
    return found


def _manifest(document: dict[str, object]) -> Manifest:
    if document["format"] not in {FORMAT, EARLIER}:
        raise IntegrityError(
            "the package was made in a format this version does not know",
            "use the version of mintmark that made it, or a newer one",
        )
    contact = typed(document["contact"], dict)
    created = text(document["created"], _TEXT)
    serials = from_pairs(document["serials"], MAX_FILES)
    if datetime.fromisoformat(created).tzinfo is None or not serials:
        raise ValueError
    return Manifest(
        package=text(document["package"], _ID),
        batch=text(document["batch"], _ID),
        home=text(document["home"], _ID),
        test=typed(document["test"], bool),
        created=created,
        contact_id=text(contact["id"], _TEXT),
        contact_name=text(contact["name"], _TEXT),
        profile=_profile(typed(document["profile"], dict)),
        template=templates.check(typed(document["template"], str)),
        code_length=whole(document["code_length"], 1, CODE_SYMBOLS),
        symbols=_symbols(text(document["symbols"], _SYMBOLS)),
        serials=serials,
        files=tuple(_file(item) for item in items(document["files"], MAX_FILES)),
        samples=tuple(_attached(item, sample=True) for item in items(document["samples"], 100)),
        readme=_attached(document["readme"], sample=False),
        **(_new_members(document) if document["format"] == FORMAT else {}),
    )


def _new_members(document: dict[str, object]) -> dict[str, Any]:
    """What format 1 did not have; `labels` follows from the others."""
    return {
        "role": text(document["role"], _ROLE),
        "pairs": tuple(map(_partner, items(document["pairs"], MAX_PAIRS))),
        "copies": whole(document["copies"], 1, MAX_COPIES),
        "second": _second(document["second"]),
    }


def _second(value: object) -> SecondSigned | None:
    if value is None:
        return None
    item = typed(value, dict)
    code = SecondCode(
        text(item["batch"], _ID),
        whole(item["code_length"], 1, CODE_SYMBOLS),
        _symbols(text(item["symbols"], _SYMBOLS)),
        templates.check(typed(item["template"], str)),
    )
    return SecondSigned(code, _attached(item["sample"], sample=True))


def _partner(value: object) -> Partner:
    item = typed(value, dict)
    return Partner(text(item["batch"], _ID), text(item["role"], _ROLE))


def _profile(value: dict[str, object]) -> Profile:
    name = text(value["name"], _PROFILE_TEXT)
    return parse_profile(name, {key: item for key, item in value.items() if key != "name"})


def _symbols(value: str) -> str:
    if len(set(value)) != len(value):
        raise ValueError
    return value


def _file(value: object) -> DataFile:
    item = typed(value, dict)
    return DataFile(
        name=text(item["name"], _NAME),
        unit=text(item["unit"], _ID),
        rows=whole(item["rows"], 1, 10**9),
        first=whole(item["first"], 1, 10**12),
        last=whole(item["last"], 1, 10**12),
        bytes=whole(item["bytes"], 1, 10**12),
        sha256=text(item["sha256"], _HEX32),
        pictures=_pictures(item["pictures"]),
    )


def _pictures(value: object) -> Pictures | None:
    if value is None:
        return None
    item = typed(value, dict)
    return Pictures(
        count=whole(item["count"], 1, 10**9),
        bytes=whole(item["bytes"], 1, 10**12),
        sha256=text(item["sha256"], _HEX32),
    )


def _attached(value: object, *, sample: bool) -> Attached:
    item = typed(value, dict)
    return Attached(
        name=text(item["name"], _NAME),
        bytes=whole(item["bytes"], 1, ATTACHED_BYTES),
        sha256=text(item["sha256"], _HEX32),
        serial=whole(item["serial"], 1, 10**12) if sample else None,
    )


def _consistent(manifest: Manifest) -> None:
    """Names, serials and rows of the files are those that serials and profile make."""
    profile = manifest.profile
    if profile.pictures and manifest.quantity > MAX_PICTURES:
        raise IntegrityError("the manifest lists more pictures than a package may hold")
    ranges = pieces(manifest.serials, profile.unit_size)
    for index, file in enumerate(manifest.files):
        piece = next(ranges, None)
        if (
            piece is None
            or (file.first, file.last, file.rows) != (*piece.pair(), len(piece))
            or file.name != profile.unit_name(index, file.unit)
            or (file.pictures is not None) is not profile.pictures
        ):
            raise IntegrityError(f"the manifest contradicts itself at its file {index + 1}")
    if next(ranges, None) is not None:
        raise IntegrityError("the manifest lists too few files for its serials")
    if manifest.readme.name != README_NAME or any(
        sample.name != sample_name(sample.serial) for sample in manifest.samples
    ):
        raise IntegrityError("the manifest names a file otherwise than the format does")
    if [sample.serial for sample in manifest.samples[:1]] != [manifest.serials[0].first]:
        raise IntegrityError("the manifest lists no QR sample of its first serial")
    if manifest.second is not None:
        shown, first = manifest.second.sample, manifest.serials[0].first
        if (shown.serial, shown.name) != (first, sample_name(first, second=True)):
            raise IntegrityError("the manifest lists no QR sample of its first second code")
    listed: tuple[DataFile | Attached, ...] = (*manifest.files, *manifest.attached())
    names = [item.name.lower() for item in listed]
    if len(set(names)) != len(names):
        raise IntegrityError("the manifest lists a name twice")

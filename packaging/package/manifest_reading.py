"""The manifest of somebody's archive: refused unless it is well formed and consistent.

It serialises back to the same bytes, so that nothing is in it that is not read.
"""

import re
from datetime import datetime
from typing import Any

from ...codegen.codes import template as templates
from ...codegen.errors import IntegrityError, UsageError
from ...codegen.ranges.serials import from_pairs, pieces
from ..formats.format import SecondCode
from ..profiles.profile import MAX_PICTURES, Profile
from ..profiles.profile import parse as parse_profile
from .fields import items, load, text, typed, whole
from .manifest import (
    ATTACHED_BYTES,
    CODE_SYMBOLS,
    EARLIER,
    FORMAT,
    MANIFEST_BYTES,
    MAX_COPIES,
    MAX_FILES,
    MAX_PAIRS,
    README_NAME,
    Attached,
    DataFile,
    Manifest,
    Partner,
    Pictures,
    SecondSigned,
    dump,
    sample_name,
)

_ID = re.compile(r"[0-9A-Z-]{1,40}", re.ASCII)
_ROLE = re.compile(r"[a-z]{1,20}", re.ASCII)
_HEX32 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_./-]{1,100}", re.ASCII)
_TEXT = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
# codegen.spec: upper-case unreserved characters of RFC 3986.
_SYMBOLS = re.compile(r"[A-Z0-9\-._~]{2,40}", re.ASCII)
_PROFILE_TEXT = re.compile(r"[\x00-\x7f]{1,60}")


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

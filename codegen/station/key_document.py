"""The form of a key file: a JSON object with a `format`, its fields, and nothing else."""

import json
import re
from pathlib import Path

from ..errors import IntegrityError, NotFound
from ..files import open_own
from ..notes import CHECK, with_check

KEY_FILE_BYTES = 16_384
SIGNING, FINGERPRINT = "mintmark-signing-key/1", "mintmark-fingerprint-key/1"
SEALING = "mintmark-sealing-key/1"
CUSTODIAN, PUBLIC = "mintmark-custodian-key/1", "mintmark-custodian-public/1"
KINDS = {
    SIGNING: "the key of a line or platform, or a station's",
    FINGERPRINT: "a fingerprint key",
    SEALING: "the key that a station is sent secrets under",
    CUSTODIAN: "a custodian's private key",
    PUBLIC: "a custodian's public key",
}


def load(path: Path, form: str, fields: set[str], *, own: bool = False) -> dict[str, str]:
    """The document at `path`. All its values are texts but `kdf`, which may be anything.

    `own`: it is a file of the home, and so no pipe, which a custodian may name. Raises `NotFound`
    without the file, `IntegrityError` if it is not of that form or does not have exactly these
    fields.
    """
    try:
        with open_own(path) if own else path.open("rb") as file:
            data = file.read(KEY_FILE_BYTES + 1)
    except FileNotFoundError:
        hint = (
            "bring the key for this command, then take it away again; or name it: --custodian-key F"
            if form == CUSTODIAN
            else "name the right file, or bring it back"
        )
        raise NotFound(f"no key file at {path}", hint) from None
    try:
        document = json.loads(data) if len(data) <= KEY_FILE_BYTES else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise damaged(path) if own else _no_key(path, form)
    found = next((kind for kind in KINDS if kind == document.get("format")), None)
    if found not in (None, form):
        raise _of_another_kind(path, found, form)
    if found is None or set(document) != {"format", *fields}:
        raise damaged(path)
    texts = (value for name, value in document.items() if name != "kdf")
    if not all(isinstance(value, str) for value in texts):
        raise damaged(path)
    return document


def load_checked(path: Path, form: str, fields: set[str]) -> dict[str, str]:
    """As `load`, for a document with a checksum, which is not among the result's fields."""
    document = load(path, form, {*fields, CHECK}, own=True)
    plain = {name: value for name, value in document.items() if name != CHECK}
    if with_check(plain) != document:
        raise damaged(path)
    return plain


def from_hex(path: Path, text: object, size: int) -> bytes:
    """`size` bytes. Raises `IntegrityError` unless `text` is their hex in small letters."""
    if not isinstance(text, str) or not re.fullmatch(rf"[0-9a-f]{{{size * 2}}}", text, re.ASCII):
        raise damaged(path)
    return bytes.fromhex(text)


def _of_another_kind(path: Path, found: str, wanted: str) -> IntegrityError:
    error = f"{path} is {KINDS[found]}, not {KINDS[wanted]}"
    if (found, wanted) == (CUSTODIAN, PUBLIC):
        return IntegrityError(
            error, f"give {path.name}.pub; the private key stays with its custodian"
        )
    if (found, wanted) == (PUBLIC, CUSTODIAN):
        private = path.with_name(path.name.removesuffix(".pub"))
        named = private.name if private.is_file() and private != path else "the private key's file"
        return IntegrityError(error, f"give {named}, which its custodian keeps")
    return IntegrityError(error, f"give the file of {KINDS[wanted]}")


def _no_key(path: Path, form: str) -> IntegrityError:
    return IntegrityError(
        f"{path} is no key file, or a damaged one",
        f"give the file of {KINDS[form]}; if it was one, bring it back from your copy",
    )


def damaged(path: Path) -> IntegrityError:
    """The error for a key file that is not as it was written."""
    return IntegrityError(f"the key file {path} is damaged", "bring it back from your copy")

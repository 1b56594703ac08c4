"""Signed JSON: RFC 8785 bytes, read back strictly, and Ed25519 (RFC 8032) over a label.

A label says what is signed, so that a signature over one kind of document never passes
for another's. What is read back must serialise to the very bytes it was read from: one
document, one form.
"""

import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ..errors import IntegrityError

Sign = Callable[[bytes], bytes]
# Key id → Ed25519 public key, 32 bytes: the keys whose signature is believed.
Keys = Mapping[str, bytes]

SIGNATURE_BYTES = 64
HEADER_LABEL = b"mintmark/core-header/1\n"
WRAPS_LABEL = b"mintmark/wraps/1\n"
RECORD_LABEL = b"mintmark/mint-record/1\n"


def dump(document: Mapping[str, Any]) -> bytes:
    """The RFC 8785 bytes of `document`."""
    return rfc8785.dumps(dict(document))


def load(data: bytes, types: Mapping[str, tuple[type, ...]], what: str) -> dict[str, Any]:
    """The JSON object in `data`: exactly the keys of `types`, each value of one of its types.

    `bool` never passes for `int`. The caller bounds the size. Raises `IntegrityError`
    naming `what`, and quoting nothing, for anything else and for bytes that are not the
    object's RFC 8785 form.
    """
    try:
        document = json.loads(data)
        same = hmac.compare_digest(rfc8785.dumps(document), data)
    except (ValueError, RecursionError):
        raise damaged(what) from None
    if not same or not isinstance(document, dict) or set(document) != set(types):
        raise damaged(what)
    if any(type(document[key]) not in allowed for key, allowed in types.items()):
        raise damaged(what)
    return document


def verify(keys: Keys, key_id: str, signature: bytes, message: bytes, what: str) -> None:
    """Raises `IntegrityError` unless `signature` over `message` is by the key `key_id`."""
    public = keys.get(key_id)
    if public is None:
        raise IntegrityError(
            f"{what} is signed by a key this home does not know",
            "was it brought from another home?",
        )
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        raise IntegrityError(
            f"the signature of {what} does not hold", "bring the file back from a copy"
        ) from None


def attach(document: Mapping[str, object], label: bytes, sign: Sign) -> bytes:
    """The RFC 8785 bytes of `document` with a member `signature`, hex, added.

    Signed is the label and the RFC 8785 bytes without that member.
    """
    return dump({**document, "signature": sign(label + dump(document)).hex()})


def detach(document: dict[str, Any], label: bytes, what: str) -> tuple[bytes, bytes]:
    """Takes `signature` out of `document`; returns it and the message that was signed."""
    signature = unhex(document.pop("signature"), SIGNATURE_BYTES, what)
    return signature, label + dump(document)


def unhex(text: object, size: int, what: str) -> bytes:
    """`size` bytes from lower-case hex. Raises `IntegrityError` naming `what`."""
    try:
        raw = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        raise damaged(what) from None
    if len(raw) != size or raw.hex() != text:
        raise damaged(what)
    return raw


def damaged(what: str) -> IntegrityError:
    """The error for a file that is not what its format says."""
    return IntegrityError(
        f"{what} is damaged, or not in a form this version reads",
        "bring the file back from a copy; a newer mintmark may have made it",
    )

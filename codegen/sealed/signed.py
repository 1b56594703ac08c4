"""Signed JSON: RFC 8785 bytes, read back strictly, and Ed25519 (RFC 8032) with a label.

signature = Ed25519(label ‖ RFC 8785 bytes of the document without its member `signature`)

The label names the kind of document. Without it, a signature over a core header would hold
for any other document of the same bytes, and the station's key signs several kinds. RFC 8032
has contexts for this (section 5.1, Ed25519ctx), which few libraries offer. A label does the
same: each ends in its only line feed, so none is the beginning of another.

What is read back must serialise to the very bytes it was read from. JSON leaves the order of
members, doubled members, escapes and the form of numbers open (RFC 8259, sections 4, 6 and 7),
so that two readers could see two documents under the same signature: the first of two equal
members, or the last. RFC 8785 leaves a single form (section 3.2), and any other is refused. So
is a number that is not an integer: no document here has a member for it.

Accepted: a signature says who signed, not when. An older document of the same batch, put
back, is as valid as it was.
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
# Key id → Ed25519 public key, 32 bytes: the keys whose signatures are believed.
Keys = Mapping[str, bytes]

SIGNATURE_BYTES = 64
HEADER_LABEL = b"mintmark/core-header/1\n"
WRAPS_LABEL = b"mintmark/wraps/1\n"
RECORD_LABEL = b"mintmark/mint-record/1\n"


def dump(document: Mapping[str, Any]) -> bytes:
    """The RFC 8785 bytes of `document`."""
    return rfc8785.dumps(dict(document))


def load(data: bytes, types: Mapping[str, tuple[type, ...]], what: str) -> dict[str, Any]:
    """The JSON object in `data`: exactly the members of `types`, each of a type allowed there.

    `bool` never passes for `int`. The caller bounds the size. Raises `IntegrityError`
    naming `what`, and quoting nothing, for anything else and for bytes that are not the
    object's RFC 8785 form.
    """
    # ValueError: not UTF-8, not JSON, an integer of too many digits, or a value that RFC 8785
    # has no form for (a lone surrogate, NaN, an integer beyond 2^53: sections 3.2.2.2 and 3.2.2.3).
    # RecursionError: brackets within brackets.
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
    """Raises `IntegrityError` unless `signature` over `message` is by the key `key_id` of `keys`.

    `key_id` comes from the document: it only chooses among the keys that the caller believes.
    """
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

    What is signed: the label, then the RFC 8785 bytes without that member.
    """
    return dump({**document, "signature": sign(label + dump(document)).hex()})


def detach(document: dict[str, Any], label: bytes, what: str) -> tuple[bytes, bytes]:
    """Takes `signature` out of `document`; returns it and the message that was signed.

    Raises `IntegrityError` naming `what` for a signature that is not 64 bytes in hex.
    """
    signature = unhex(document.pop("signature"), SIGNATURE_BYTES, what)
    return signature, label + dump(document)


def unhex(text: object, size: int, what: str) -> bytes:
    """`size` bytes from lower-case hex. Raises `IntegrityError` naming `what` for any other text.

    `bytes.fromhex` also takes capitals and white space: a value must have a single form.
    """
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

"""An intent: an order that a line gave while the ledger was out of reach. Pure.

It is a JSON object (RFC 8785), a file each:

    format, home, number, previous, at, line, key_id    in the clear
    sealed                                              all that anybody wrote, encrypted
    signature                                           by the line's key, over everything else

`number` counts the intents of this station from 1; `previous` is the hash of the one before, so
that none can be taken out, or change its place, unnoticed. `at` is when it was asked, by the
station's clock.

Sealed, because nothing can be looked up now: an order's id, a reason or an attribute may be a code,
typed where something else belongs. Whether it is one is asked when the order is booked, and until
then no file says it in the clear. The key is made of the station's own, so that no other home and
no copy of this folder can read it: AES-256-GCM, the clear part being what is authenticated with it.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ...codegen import times
from ...codegen.ledger.ledger import Actor
from ...codegen.result import to_json
from ...codegen.secret import Secret

FORMAT = "mintmark away intent 1"
FIRST = "0" * 64  # what stands for the intent before the first
INTENT_BYTES = 4_194_304
# A signature made here can be mistaken for no other signature of the same key.
_LABEL = b"mintmark away intent 1\0"
_KEY_INFO = b"mintmark away queue 1"
_NONCE_BYTES = 12
_CLEAR = frozenset({"format", "home", "number", "previous", "at", "line", "key_id"})
_SEALED = frozenset({"order", "kind", "fields", "operator", "os_user", "host"})
# A larger number than any file has, and exact in every JSON.
_MOST = 10**12

PublicOf = Callable[[str, str], bytes]  # the public key of a line: its name, its key id


@dataclass(frozen=True)
class WrittenOrder:
    """An order as it is written down: `kind` is range or packing, `fields` are JSON values.

    `order` is its id, by which it is booked once, however often it is tried.
    """

    order: str
    kind: str
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Intent:
    """An order that waits, who gave it, and when. `hash` is that of its file."""

    number: int
    previous: str
    at: datetime
    line: str
    key_id: str
    actor: Actor
    written: WrittenOrder
    hash: str = ""


def alike(one: WrittenOrder, other: WrittenOrder) -> bool:
    """Whether both say the same, one of them perhaps read back."""
    return _dumps(vars(one)) == _dumps(vars(other))


def _dumps(value: object) -> bytes:
    return bytes(rfc8785.dumps(to_json(value)))


class NoIntent(Exception):
    """Bytes that are no intent as it was written here."""


def queue_key(station_key: Secret) -> Secret:
    """The key of this station's queue, from the 32 private bytes of its signing key (RFC 5869)."""
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_KEY_INFO)
    return Secret(derived.derive(station_key.reveal()))


def mark_of(key: Secret, order: str) -> str:
    """What finds an order in the queue by its id, and does not tell it: 16 hex digits."""
    return hmac.new(key.reveal(), b"mark\0" + order.encode("utf-8"), hashlib.sha256).hexdigest()[
        :16
    ]


def hash_of(data: bytes) -> str:
    """The hash of an intent's file."""
    return hashlib.sha256(data).hexdigest()


def encode(
    intent: Intent, home: str, key: Secret, nonce: bytes, sign: Callable[[bytes], bytes]
) -> bytes:
    """The bytes of the file. `nonce`: 12 random bytes; `sign`: with the line's key."""
    clear = {
        "format": FORMAT,
        "home": home,
        "number": intent.number,
        "previous": intent.previous,
        "at": times.format_utc(intent.at),
        "line": intent.line,
        "key_id": intent.key_id,
    }
    said = {
        "order": intent.written.order,
        "kind": intent.written.kind,
        "fields": dict(intent.written.fields),
        **vars(intent.actor),
    }
    data = _dumps(said)
    sealed = nonce + AESGCM(key.reveal()).encrypt(nonce, data, _dumps(clear))
    document = {**clear, "sealed": base64.b64encode(sealed).decode("ascii")}
    signature = sign(_LABEL + _dumps(document))
    return _dumps({**document, "signature": signature.hex()})


def decode(data: bytes, home: str, key: Secret, public_of: PublicOf) -> Intent:
    """The intent of a file's bytes. Raises `NoIntent`, and what `public_of` raises."""
    document = _document(data)
    clear = {name: document[name] for name in _CLEAR}
    if clear["format"] != FORMAT or clear["home"] != home:
        raise NoIntent
    public = public_of(clear["line"], clear["key_id"])
    signed = {name: value for name, value in document.items() if name != "signature"}
    try:
        signature = bytes.fromhex(document["signature"])
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _LABEL + _dumps(signed))
        sealed = base64.b64decode(document["sealed"], validate=True)
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        said = json.loads(AESGCM(key.reveal()).decrypt(nonce, rest, _dumps(clear)))
        at = times.parse_utc(clear["at"])
    except (InvalidSignature, InvalidTag, ValueError):
        raise NoIntent from None
    if set(said) != _SEALED or not isinstance(said["fields"], dict):
        raise NoIntent
    return Intent(
        number=clear["number"],
        previous=clear["previous"],
        at=at,
        line=clear["line"],
        key_id=clear["key_id"],
        actor=Actor(said["operator"], said["os_user"], said["host"]),
        written=WrittenOrder(said["order"], said["kind"], said["fields"]),
        hash=hash_of(data),
    )


def _document(data: bytes) -> dict[str, Any]:
    """The members of a file, each of its type. Raises `NoIntent`."""
    try:
        document = json.loads(data) if len(data) <= INTENT_BYTES else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or set(document) != _CLEAR | {"sealed", "signature"}:
        raise NoIntent
    number = document["number"]
    texts = (value for name, value in document.items() if name != "number")
    if type(number) is not int or not 1 <= number < _MOST:
        raise NoIntent
    if not all(isinstance(text, str) for text in texts):
        raise NoIntent
    return document

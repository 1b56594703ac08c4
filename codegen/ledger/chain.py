"""The audit chain: an event's form, its hash, its signature. Pure; no database, no clock.

An event is the canonical JSON (RFC 8785) of `actor, at, body, key_id, previous, seq,
type`. Its hash is the SHA-256 of these bytes, hex; `previous` is the hash of the event
before it, `GENESIS` for the first. The acting key signs `LABEL` and the 32 hash bytes
(Ed25519, RFC 8032). `docs/formats/ledger.md` says the same for other programs.
"""

import hashlib
import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .. import times
from ..errors import IntegrityError, UsageError
from ..ranges.aggregation import CodeRanges
from ..ranges.corrections import CorrectedEntry
from ..ranges.receipts import ReceiptEntry
from ..ranges.serials import Ranges, from_pairs, to_pairs
from . import changes
from .changes import Change

GENESIS = "0" * 64
# A signature made here can be mistaken for no other signature of the same key.
LABEL = b"mintmark ledger event 1\0"
TYPES: Mapping[str, type[Any]] = types.MappingProxyType(
    {kind.__name__: kind for kind in get_args(Change)}
)


@dataclass(frozen=True)
class Actor:
    """Who acted: the operator named, the OS user, the host."""

    operator: str
    os_user: str
    host: str


@dataclass(frozen=True)
class Author:
    """An actor with a key: `sign` returns the 64-byte Ed25519 signature of a message."""

    actor: Actor
    key_id: str
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True)
class Event:
    """A row of the chain. `body` is canonical JSON, `hash` and `signature` are hex."""

    seq: int
    type: str
    at: str
    operator: str
    os_user: str
    host: str
    key_id: str
    body: str
    previous: str
    hash: str
    signature: str

    @property
    def actor(self) -> Actor:
        """Who acted."""
        return Actor(self.operator, self.os_user, self.host)

    @property
    def time(self) -> datetime:
        """When, as the acting machine's clock had it."""
        return times.parse_utc(self.at)

    @property
    def change(self) -> Change:
        """What changed. Raises `IntegrityError` for a body that is no change."""
        try:
            body = json.loads(self.body)
        except (ValueError, RecursionError):
            raise IntegrityError(f"event {self.seq} was changed: its body can't be read") from None
        return decode(self.type, body)


def canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """RFC 8785 bytes. Raises `UsageError` for what JSON can't hold; quotes nothing."""
    try:
        return bytes(rfc8785.dumps(value))
    except rfc8785.CanonicalizationError:
        raise _not_json() from None


def _not_json() -> UsageError:
    return UsageError(
        "a text or a number here cannot be written down as JSON",
        "texts must be valid Unicode, numbers smaller than 2 to the 53",
    )


@dataclass(frozen=True)
class Unsealed:
    """What an event says, before it is known which event it follows; `body` is canonical."""

    type: str
    body: str


def draft(change: Change) -> Unsealed:
    """What an event of `change` says. Raises `UsageError` for what no event can hold."""
    kind, body = encode(change)
    text = canonical(body).decode()
    if canonical(json.loads(text)).decode() != text:
        raise UsageError(f"a {kind} cannot hold these values")
    return Unsealed(kind, text)


def seal(seq: int, change: Change | Unsealed, at: datetime, author: Author, previous: str) -> Event:
    """The event of `change`, hashed and signed."""
    said = change if isinstance(change, Unsealed) else draft(change)
    event = Event(
        seq=seq,
        type=said.type,
        at=times.format_utc(at),
        operator=author.actor.operator,
        os_user=author.actor.os_user,
        host=author.actor.host,
        key_id=author.key_id,
        body=said.body,
        previous=previous,
        hash="",
        signature="",
    )
    digest = _digest(event)
    return replace(event, hash=digest.hex(), signature=author.sign(LABEL + digest).hex())


def check(event: Event, previous: str, public_key: bytes) -> None:
    """Raises `IntegrityError` unless `event` follows `previous` and its key signed it.

    `public_key` is the 32-byte Ed25519 key of `event.key_id`. The message says what is
    wrong, without naming the event.
    """
    check_content(event, previous)
    check_signature(event, public_key)


def check_content(event: Event, previous: str) -> None:
    """The half of `check` that needs no key: the event is whole and follows `previous`."""
    try:
        whole = is_whole(event) and canonical(json.loads(event.body)).decode() == event.body
    except (TypeError, ValueError, AttributeError, RecursionError, UsageError):
        whole = False
    if not whole:
        raise IntegrityError("was changed: its content does not match its hash")
    if event.previous != previous:
        raise IntegrityError("does not follow the event before it")


def is_whole(event: Event) -> bool:
    """Whether the content has the hash that the event names. Costs a hash, however long it is."""
    try:
        return _digest(event).hex() == event.hash
    except (TypeError, ValueError, AttributeError, RecursionError, UsageError):
        return False


def check_signature(event: Event, public_key: bytes) -> None:
    """The half of `check` that needs the key. `check_content` comes first."""
    try:
        signature, message = bytes.fromhex(event.signature), LABEL + bytes.fromhex(event.hash)
        # Other spellings of the same bytes were not written here.
        signature = signature if signature.hex() == event.signature else b""
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, TypeError, ValueError):
        raise IntegrityError(
            f"was changed or forged: it is not signed by key {event.key_id}"
        ) from None


def _digest(event: Event) -> bytes:
    # The body is spliced in as it stands: it may be megabytes, and it is canonical already,
    # as it was made so, or checked to be so when read.
    actor = {"host": event.host, "operator": event.operator, "os_user": event.os_user}
    tail = {"key_id": event.key_id, "previous": event.previous, "seq": event.seq}
    head = _flat({"actor": actor, "at": event.at})
    body = '"body":' + event.body
    parts = (head[:-1], body, _flat(tail | {"type": event.type})[1:])
    try:
        return hashlib.sha256(",".join(parts).encode()).digest()
    except UnicodeEncodeError:
        raise _not_json() from None


def _flat(value: dict[str, Any]) -> str:
    """`canonical`, for texts and whole numbers under ASCII names that are sorted, and quicker.

    An order digests four events while everybody waits. Raises `TypeError`.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# --- bodies --------------------------------------------------------------------------


def encode(change: Change) -> tuple[str, dict[str, Any]]:
    """The event's type and body. Ranges become pairs, enums their values.

    Raises `UsageError` for field values that `decode` would not give back.
    """
    kind, body = type(change).__name__, _body(change)
    try:
        same = decode(kind, body) == change
    except IntegrityError:
        same = False
    if not same:
        raise UsageError(f"a {kind} cannot hold these values")
    return kind, body


def decode(kind: str, body: object) -> Change:
    """The change of an event. No unknown field, each of its type.

    A field that the event lacks, because it is older than the field, has its default.
    Raises `IntegrityError`, naming the field and quoting nothing.
    """
    if kind not in TYPES:
        raise IntegrityError(f"an event of the unknown type {kind[:40]!r}")
    change: Change = _record(TYPES[kind], body, kind)
    return change


# Found out when a type is first met: of forty a command meets four.
@cache
def _hints(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - a dataclass
    known = get_type_hints(kind, vars(changes))
    return {item.name: known[item.name] for item in fields(kind)}


@cache
def _required(kind: Any) -> frozenset[str]:  # noqa: ANN401 - a dataclass
    return frozenset(
        item.name
        for item in fields(kind)
        if item.default is MISSING and item.default_factory is MISSING
    )


# What is None in these is left out: an incident without facts has the bytes it always had.
_SPARSE = (changes.Incident, changes.IncidentFacts)
_PARTS = (
    changes.Unit,
    changes.StoredObject,
    ReceiptEntry,
    CorrectedEntry,
    changes.IncidentFacts,
    CodeRanges,
)


def _body(value: Any) -> dict[str, Any]:  # noqa: ANN401 - a dataclass
    kind: Any = type(value)
    body = {name: _plain(getattr(value, name)) for name in _hints(kind)}
    if isinstance(value, _SPARSE):
        return {name: item for name, item in body.items() if item is not None}
    return body


def _plain(value: Any) -> Any:  # noqa: ANN401 - any field value
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping):
        return dict(value)
    if value and isinstance(value, tuple) and isinstance(value[0], str):
        return list(value)
    if isinstance(value, tuple):
        parts = value and not hasattr(value[0], "pair")
        return [_body(item) for item in value] if parts else to_pairs(value)
    if isinstance(value, _PARTS):
        return _body(value)
    return value


def _record(kind: Any, body: object, path: str) -> Any:  # noqa: ANN401 - a dataclass
    hints = _hints(kind)
    required = _required(kind)
    if not isinstance(body, dict) or not required <= set(body) <= set(hints):
        raise IntegrityError(f"{path} does not have the fields of a {kind.__name__}")
    if kind in _SPARSE and None in body.values():
        raise IntegrityError(f"{path} has a field without a value, which is left out")
    return kind(**{name: _value(hints[name], body[name], f"{path}.{name}") for name in body})


def _value(hint: Any, value: Any, path: str) -> Any:  # noqa: ANN401 - any field value
    inner = get_args(hint)
    if type(None) in inner:
        if value is None:
            return None
        (hint,) = (item for item in inner if item is not type(None))
        inner = get_args(hint)
    if hint == Ranges:
        return _ranges(value, path)
    if hint in _PARTS:
        return _record(hint, value, path)
    if get_origin(hint) is tuple and isinstance(value, list):
        read = _scalar if inner[0] is str else _record
        return tuple(read(inner[0], item, path) for item in value)
    return _scalar(hint, value, path)


def _scalar(hint: Any, value: Any, path: str) -> Any:  # noqa: ANN401 - any field value
    if get_origin(hint) is Mapping:
        plain = isinstance(value, dict) and all(
            item is None or type(item) in (str, int, dict) for item in value.values()
        )
        if plain:
            return dict(value)
    elif hint is float and type(value) in (int, float):
        # RFC 8785 writes 1.0 as 1.
        return float(value)
    elif type(value) is hint:
        return value
    elif issubclass(hint, StrEnum) and isinstance(value, str) and value in list(hint):
        return hint(value)
    raise IntegrityError(f"{path} is not of its type")


def _ranges(value: object, path: str) -> Ranges:
    try:
        ranges = from_pairs(value, len(value) if isinstance(value, list) else 0)
    except UsageError:
        ranges = ()
    if to_pairs(ranges) != value:
        raise IntegrityError(f"{path} are not ascending, separate ranges")
    return ranges

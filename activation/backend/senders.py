"""Who may call what a line calls: signatures checked (RFC 9421), and what each key may do.

The algorithm follows from the stored key, never from the message. A signature is good
for minutes and for one request: its nonce is kept as long as it would be good.
"""

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import http_sf
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageVerifier,
    InvalidSignature,
    MappingKeyResolver,
)
from http_message_signatures.algorithms import ED25519, HMAC_SHA256, HTTPSignatureAlgorithm

from ...codegen.errors import MintmarkError, UsageError
from ...codegen.invocation import secret_file, utc_now
from ...codegen.ledger.ledger import Ledger
from ...codegen.ranges.attributes import Layer, layer
from ...codegen.ranges.lifecycle import Action
from ...codegen.times import format_utc
from ..client.signing import COMPONENTS, TAG, VALID
from .problems import Problem

if TYPE_CHECKING:
    from starlette.requests import Request

SKEW: Final = timedelta(seconds=60)  # by how much a sender's clock may be ahead
HEADER_BYTES: Final = 4_096
NONCE_CHARS: Final = 128
FILE_BYTES: Final = 1_048_576


@dataclass(frozen=True)
class Sender:
    """A key, and what it may do. None: without limit. `batches` are patterns as of a shell."""

    key_id: str
    name: str
    algorithm: type[HTTPSignatureAlgorithm]
    key: Ed25519PublicKey | bytes = field(repr=False)
    actions: frozenset[Action] | None = None
    batches: tuple[str, ...] | None = None
    layers: frozenset[Layer] | None = None
    upload: bool = True

    def permit(self, batch: str, *, upload: bool = False) -> None:
        """Raises `Problem` forbidden where the batch, or uploading, is not this sender's."""
        if self.batches is not None and not any(fnmatchcase(batch, p) for p in self.batches):
            raise _forbidden(f"batch {batch} is not one of this key's")
        if upload and not self.upload:
            raise _forbidden("this key may not upload fingerprints")

    def permit_order(self, batch: str, action: Action, attributes: Iterable[str]) -> None:
        """Raises `Problem` forbidden for what this sender may not order."""
        self.permit(batch)
        if self.actions is not None and action not in self.actions:
            raise _forbidden(f"this key may not order {action.value}")
        for key in attributes:
            if self.layers is not None and layer(key) not in self.layers:
                raise _forbidden(f"this key may not set attributes of the layer of {key}")


# Who this machine is, where the server was told to trust it.
LOOPBACK: Final = Sender("loopback", "loopback", HMAC_SHA256, b"")


class Senders(Protocol):
    """Where keys are looked up."""

    def __call__(self, key_id: str) -> Sender | None:
        """The sender with this key, or None for a stranger."""
        ...

    def close(self) -> None:
        """Let go of what it reads from."""
        ...


class HomeSenders:
    """The lines of a home on this machine, as its ledger has them at this moment."""

    def __init__(self, home: Path) -> None:
        self._ledger = Ledger.open(home / "ledger.db", utc_now)

    def close(self) -> None:
        """See `Senders`."""
        self._ledger.close()

    def __call__(self, key_id: str) -> Sender | None:
        """See `Senders`. A key revoked a moment ago is a stranger's."""
        with self._ledger.read() as view:
            rows = {row.key_id: row for row in view.roster("line") if not row.revoked}
        row = rows.get(key_id)
        if row is None:
            return None
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(row.sign_public))
        return Sender(row.key_id, row.name, ED25519, key)


class FileSenders:
    """Keys and scopes from a TOML file, read again when it changes: see docs/signing.md.

    Raises `UsageError` for a file that is malformed. One that becomes malformed while the
    server runs lets nobody in.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._senders: Mapping[str, Sender] = {}
        self._read()

    def __call__(self, key_id: str) -> Sender | None:
        """See `Senders`."""
        try:
            self._read()
        except MintmarkError:
            return None
        return self._senders.get(key_id)

    def close(self) -> None:
        """See `Senders`: there is nothing open."""

    def _read(self) -> None:
        try:
            status = self._path.stat()
            if (stamp := (status.st_mtime_ns, status.st_size)) == self._stamp:
                return
            data = self._path.read_bytes() if status.st_size <= FILE_BYTES else None
        except OSError as error:
            raise UsageError(f"{self._path} cannot be read: {error.strerror}") from None
        if data is None:
            raise UsageError(f"{self._path} is larger than a megabyte")
        self._senders, self._stamp = parse(data, self._path), stamp


def parse(data: bytes, path: Path) -> dict[str, Sender]:
    """The senders of a `lines.toml`. Raises `UsageError`, naming the line's name."""
    try:
        tables = tomllib.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        raise UsageError(f"{path} is not TOML in UTF-8", "see docs/signing.md") from None
    lines = tables.get("line")
    if set(tables) != {"line"} or not isinstance(lines, list):
        raise UsageError(f"{path} holds tables [[line]] and nothing else", "see docs/signing.md")
    senders = [_sender(table, path) for table in lines]
    found = {sender.key_id: sender for sender in senders}
    if len(found) != len(senders):
        raise UsageError(f"{path}: a key_id stands there twice")
    return found


_TEXTS = ("name", "key_id", "algorithm")
_LISTS = ("actions", "batches", "layers")


def _sender(table: object, path: Path) -> Sender:
    if not isinstance(table, dict):
        raise UsageError(f"{path} holds tables [[line]] and nothing else", "see docs/signing.md")
    where = f"{path}: line {str(table.get('name'))[:32]!r}"
    known = {*_TEXTS, *_LISTS, "public_key", "secret_file", "upload"}
    if unknown := set(table) - known:
        raise UsageError(f"{where}: unknown key {min(unknown)[:32]!r}", "see docs/signing.md")
    if not all(isinstance(table.get(name), str) and table[name] for name in _TEXTS):
        raise UsageError(f"{where}: {', '.join(_TEXTS)} are texts, and needed")
    for name in _LISTS:
        items = table.get(name, [])
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise UsageError(f"{where}: {name} is a list of texts")
    if not isinstance(table.get("upload", True), bool):
        raise UsageError(f"{where}: upload is true or false")
    algorithm, key = _key(table, where, path.parent)
    try:
        actions = frozenset(map(Action, table["actions"])) if "actions" in table else None
        layers = frozenset(map(Layer, table["layers"])) if "layers" in table else None
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None
    batches = tuple(table["batches"]) if "batches" in table else None
    upload = table.get("upload", True)
    return Sender(table["key_id"], table["name"], algorithm, key, actions, batches, layers, upload)


def _key(
    table: Mapping[str, Any], where: str, folder: Path
) -> tuple[type[HTTPSignatureAlgorithm], Ed25519PublicKey | bytes]:
    if table["algorithm"] == "ed25519" and "secret_file" not in table:
        try:
            public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(table["public_key"]))
        except (KeyError, TypeError, ValueError):
            raise UsageError(f"{where}: public_key is 64 hex digits") from None
        return ED25519, public
    if table["algorithm"] == "hmac-sha256" and "public_key" not in table:
        secret = secret_file(folder / str(table.get("secret_file", "")))
        if len(secret.reveal()) < 32:
            raise UsageError(f"{where}: the secret has less than 32 bytes")
        return HMAC_SHA256, secret.reveal()
    raise UsageError(
        f"{where}: algorithm is ed25519, with public_key, or hmac-sha256, with secret_file"
    )


@dataclass(frozen=True)
class Signed:
    """A good signature. `until`: how long its nonce is kept."""

    sender: Sender
    nonce: str
    until: datetime


class _Message:
    """What the library asks a request for."""

    def __init__(self, request: "Request") -> None:
        scope = request.scope
        self.method: str = scope["method"]
        self.headers = request.headers
        path = (scope.get("raw_path") or scope["path"].encode()).decode("ascii")
        query = scope["query_string"].decode("ascii")
        host = request.headers.get("host", "")
        self.url = f"{scope['scheme']}://{host}{path}" + (f"?{query}" if query else "")


class _Verifier(HTTPMessageVerifier):
    """The library's, by our clock; it tells a wrong time from a wrong signature."""

    def __init__(self, sender: Sender, now: datetime) -> None:
        keys = MappingKeyResolver(public_keys={sender.key_id: sender.key}, private_keys={})
        super().__init__(signature_algorithm=sender.algorithm, key_resolver=keys)
        self._now = now

    def validate_created_and_expires(self, sig_input: Any, max_age: object = None) -> None:  # noqa: ANN401, ARG002 - the library's
        created, expires = sig_input.params.get("created"), sig_input.params.get("expires")
        if type(created) is not int or (expires is not None and type(expires) is not int):
            raise InvalidSignature("no time of creation")
        at = self._now.timestamp()
        over = created + VALID.total_seconds()
        over = over if expires is None else min(over, expires)
        if not created - SKEW.total_seconds() <= at <= over:
            raise InvalidSignature("not at this time")


def verify(request: "Request", body: bytes, senders: Senders, now: datetime) -> Signed:
    """Who signed `request`, whose content is `body`, in a way that is good at `now`.

    Raises `Problem` unauthorised; it tells a stranger no more than the server's time.
    Whether the nonce is fresh is the caller's to find out.
    """
    try:
        sender = senders(_key_id(request))
        if sender is None:
            raise InvalidSignature("a stranger's key")
        (found,) = _Verifier(sender, now).verify(
            _Message(request), expect_tag=TAG, require_components=COMPONENTS, body=body
        )
        nonce = found.nonce
        if nonce is None or not 16 <= len(nonce) <= NONCE_CHARS:
            raise InvalidSignature("no nonce")
    except (HTTPMessageSignaturesException, ValueError):
        raise unauthorised(now) from None
    digest = hashlib.sha256(nonce.encode("ascii")).hexdigest()
    return Signed(sender, digest, now + VALID + 2 * SKEW)


def _key_id(request: "Request") -> str:
    """The key the one signature of the request names; not yet believed."""
    fields = [request.headers.getlist(name) for name in ("signature-input", "signature")]
    if any(sum(map(len, lines)) > HEADER_BYTES or len(lines) != 1 for lines in fields):
        raise InvalidSignature("not one signature")
    try:
        labels: Any = http_sf.parse(fields[0][0].encode("ascii"), tltype="dictionary")
        ((_, parameters),) = labels.values()
        return str(parameters["keyid"])
    except (ValueError, KeyError, TypeError):
        raise InvalidSignature("not one signature") from None


def unauthorised(now: datetime) -> Problem:
    """The refusal; a sender whose clock is wrong learns it from the time."""
    return Problem(
        "unauthorised",
        "sign the request afresh, for the name this backend is called by, with a key that it "
        "knows and a clock that is right",
        server_time=format_utc(now, "seconds"),
    )


def _forbidden(detail: str) -> Problem:
    return Problem("forbidden", detail)

"""Who may send what a line sends, and what each key may do.

Keys come from the home on this machine, or from a file. `signatures` checks that a request
was signed with one of them.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures.algorithms import ED25519, HMAC_SHA256, HTTPSignatureAlgorithm

from ...codegen.errors import MintmarkError, UsageError
from ...codegen.invocation import secret_file, utc_now
from ...codegen.ledger.ledger import Ledger
from ...codegen.ranges.aggregation import Packing
from ...codegen.ranges.attributes import Layer, layer
from ...codegen.ranges.lifecycle import Action
from .problems import Problem

FILE_BYTES: Final = 1_048_576


@dataclass(frozen=True)
class Sender:
    """A key, and what it may do. None: no limit. `batches` are patterns as in a shell."""

    key_id: str
    name: str
    algorithm: type[HTTPSignatureAlgorithm]
    key: Ed25519PublicKey | bytes = field(repr=False)
    actions: frozenset[Action | Packing] | None = None
    batches: tuple[str, ...] | None = None
    layers: frozenset[Layer] | None = None
    upload: bool = True

    def permit(self, batch: str, *, upload: bool = False) -> None:
        """Raises `Problem` forbidden for a batch, or an upload, that the key is not for."""
        if self.batches is not None and not any(fnmatchcase(batch, p) for p in self.batches):
            raise _forbidden(f"batch {batch} is not one of this key's")
        if upload and not self.upload:
            raise _forbidden("this key may not upload fingerprints")

    def permit_order(self, batch: str, action: Action, attributes: Iterable[str]) -> None:
        """Raises `Problem` forbidden for what this sender may not order."""
        self.permit(batch)
        self._permit_action(action)
        for key in attributes:
            if self.layers is not None and layer(key) not in self.layers:
                raise _forbidden(f"this key may not set attributes of the layer of {key}")

    def permit_packing(self, batches: Iterable[str], action: Packing) -> None:
        """Raises `Problem` forbidden unless the key is for each of the batches, and for this."""
        for batch in batches:
            self.permit(batch)
        self._permit_action(action)

    def _permit_action(self, action: Action | Packing) -> None:
        if self.actions is not None and action not in self.actions:
            raise _forbidden(f"this key may not order {action.value}")


# Every request from this machine, if the server was started to trust it.
LOOPBACK: Final = Sender("loopback", "loopback", HMAC_SHA256, b"")


class Senders(Protocol):
    """Looks keys up."""

    def __call__(self, key_id: str) -> Sender | None:
        """The sender with this key, or None if the key is not known."""
        ...

    def close(self) -> None:
        """Close what it reads from."""
        ...


class HomeSenders:
    """The lines of a home on this machine, as its ledger has them at this moment."""

    def __init__(self, home: Path) -> None:
        self._ledger = Ledger.open(home / "ledger.db", utc_now)

    def close(self) -> None:
        """See `Senders`."""
        self._ledger.close()

    def __call__(self, key_id: str) -> Sender | None:
        """See `Senders`. A key revoked a moment ago is not known any more."""
        with self._ledger.read() as view:
            rows = {row.key_id: row for row in view.roster("line") if not row.revoked}
        row = rows.get(key_id)
        if row is None:
            return None
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(row.sign_public))
        return Sender(row.key_id, row.name, ED25519, key)


class FileSenders:
    """Keys and scopes from a TOML file, read again when it changes: see docs/signing.md.

    Raises `UsageError` for a malformed file. If the file becomes malformed while the server
    runs, nobody is let in.
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
    """The senders of a `lines.toml`. Raises `UsageError`, which names the line."""
    try:
        tables = tomllib.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        raise UsageError(f"{path} is not TOML in UTF-8", "see docs/signing.md") from None
    lines = tables.get("line")
    if set(tables) != {"line"} or not isinstance(lines, list):
        raise UsageError(f"{path} holds tables [[line]] and nothing else", "see docs/signing.md")
    senders = [_sender(table, path) for table in lines]
    by_key = {sender.key_id: sender for sender in senders}
    if len(by_key) != len(senders):
        raise UsageError(f"{path}: a key_id stands there twice")
    return by_key


_TEXTS = ("name", "key_id", "algorithm")
_LISTS = ("actions", "batches", "layers")


def _sender(table: object, path: Path) -> Sender:
    if not isinstance(table, dict):
        raise UsageError(f"{path} holds tables [[line]] and nothing else", "see docs/signing.md")
    line = f"{path}: line {str(table.get('name'))[:32]!r}"
    known = {*_TEXTS, *_LISTS, "public_key", "secret_file", "upload"}
    if unknown := set(table) - known:
        raise UsageError(f"{line}: unknown key {min(unknown)[:32]!r}", "see docs/signing.md")
    if not all(isinstance(table.get(name), str) and table[name] for name in _TEXTS):
        raise UsageError(f"{line}: {', '.join(_TEXTS)} are texts, and needed")
    for name in _LISTS:
        items = table.get(name, [])
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise UsageError(f"{line}: {name} is a list of texts")
    if not isinstance(table.get("upload", True), bool):
        raise UsageError(f"{line}: upload is true or false")
    algorithm, key = _key(table, line, path.parent)
    try:
        actions = frozenset(map(_action, table["actions"])) if "actions" in table else None
        layers = frozenset(map(Layer, table["layers"])) if "layers" in table else None
    except ValueError as error:
        raise UsageError(f"{line}: {error}") from None
    batches = tuple(table["batches"]) if "batches" in table else None
    upload = table.get("upload", True)
    return Sender(table["key_id"], table["name"], algorithm, key, actions, batches, layers, upload)


def _action(text: str) -> Action | Packing:
    return Packing(text) if text in set(Packing) else Action(text)


def _key(
    table: Mapping[str, Any], line: str, folder: Path
) -> tuple[type[HTTPSignatureAlgorithm], Ed25519PublicKey | bytes]:
    if table["algorithm"] == "ed25519" and "secret_file" not in table:
        try:
            public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(table["public_key"]))
        except (KeyError, TypeError, ValueError):
            raise UsageError(f"{line}: public_key is 64 hex digits") from None
        return ED25519, public
    if table["algorithm"] == "hmac-sha256" and "public_key" not in table:
        secret = secret_file(folder / str(table.get("secret_file", "")))
        if len(secret.reveal()) < 32:
            raise UsageError(f"{line}: the secret has less than 32 bytes")
        return HMAC_SHA256, secret.reveal()
    raise UsageError(
        f"{line}: algorithm is ed25519, with public_key, or hmac-sha256, with secret_file"
    )


def _forbidden(detail: str) -> Problem:
    return Problem("forbidden", detail)

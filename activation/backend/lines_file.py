"""`lines.toml`: the keys of lines and platforms, and what each may do. See docs/signing.md."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures.algorithms import ED25519, HMAC_SHA256, HTTPSignatureAlgorithm

from ...codegen.errors import UsageError
from ...codegen.invocation import secret_file
from ...codegen.ranges import windows
from ...codegen.ranges.aggregation import Packing
from ...codegen.ranges.attributes import VALIDITY, Layer, Value, check
from ...codegen.ranges.lifecycle import Action
from ..client.wire import Party
from .sender import SCAN_IN, Sender

_SEE: Final = "see docs/signing.md"
_TEXTS: Final = ("name", "key_id", "algorithm")
# Which lists of texts a table may have.
_LISTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"line": ("actions", "batches", "layers"), "platform": ("actions", "batches", "parties")}
)
_KEYS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        kind: frozenset({*_TEXTS, *lists, "public_key", "secret_file", "attributes"})
        | ({"upload"} if kind == "line" else set())
        for kind, lists in _LISTS.items()
    }
)
_PARTIES: Final = frozenset(Party) - {Party.CONSUMER}
_ACTIONS: Final = frozenset({*Action, *Packing, SCAN_IN})

T = TypeVar("T")


def parse(data: bytes, path: Path) -> dict[str, Sender]:
    """The senders of a `lines.toml`. Raises `UsageError`, which names the table."""
    try:
        tables = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):  # also for a number of 5,000 digits
        raise UsageError(f"{path} is not TOML in UTF-8", _SEE) from None
    whole = bool(tables) and set(tables) <= set(_LISTS)
    if not whole or not all(isinstance(found, list) for found in tables.values()):
        raise _no_tables(path)
    senders = [_sender(kind, table, path) for kind in tables for table in tables[kind]]
    by_key = {sender.key_id: sender for sender in senders}
    if len(by_key) != len(senders):
        raise UsageError(f"{path}: a key_id stands there twice")
    return by_key


def _no_tables(path: Path) -> UsageError:
    return UsageError(f"{path} holds tables [[line]] and [[platform]], and nothing else", _SEE)


def _sender(kind: str, table: object, path: Path) -> Sender:
    if not isinstance(table, dict):
        raise _no_tables(path)
    where = f"{path}: {kind} {str(table.get('name'))[:32]!r}"
    _check_form(kind, table, where)
    algorithm, key = _key(table, where, path.parent)
    platform = kind == "platform"
    # A platform takes nothing in unless that stands there: most of them only scan.
    actions = _set(table, "actions", where, _action, {SCAN_IN} if platform else _ACTIONS)
    return Sender(
        key_id=table["key_id"],
        name=table["name"],
        algorithm=algorithm,
        key=key,
        actions=frozenset[str]() if platform and actions is None else actions,
        batches=tuple(table["batches"]) if "batches" in table else None,
        layers=_set(table, "layers", where, Layer, set(Layer)),
        upload=table.get("upload", True),
        line=not platform,
        platform=platform,
        parties=_set(table, "parties", where, Party, _PARTIES),
        attributes=_attributes(table["attributes"], where) if "attributes" in table else None,
    )


def _check_form(kind: str, table: Mapping[str, Any], where: str) -> None:
    if unknown := set(table) - _KEYS[kind]:
        raise UsageError(f"{where}: unknown key {min(unknown)[:32]!r}", _SEE)
    if not all(isinstance(table.get(name), str) and table[name] for name in _TEXTS):
        raise UsageError(f"{where}: {', '.join(_TEXTS)} are texts, and needed")
    for name in _LISTS[kind]:
        items = table.get(name, [])
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise UsageError(f"{where}: {name} is a list of texts")
    if not isinstance(table.get("upload", True), bool):
        raise UsageError(f"{where}: upload is true or false")


def _set(
    table: Mapping[str, Any],
    name: str,
    where: str,
    read: Callable[[str], T],
    allowed: "set[T] | frozenset[T]",
) -> frozenset[T] | None:
    """The words of this list; None if it is not there."""
    if name not in table:
        return None
    try:
        found = frozenset(map(read, table[name]))
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None
    if strange := sorted(map(str, found - allowed)):
        raise UsageError(f"{where}: {name} holds no {strange[0]}", _SEE)
    return found


def _action(text: str) -> str:
    if text == SCAN_IN:
        return text
    return Packing(text) if text in set(Packing) else Action(text)


def _attributes(values: object, where: str) -> Mapping[str, Value]:
    """The attributes that the key may set, each with its value: texts and numbers."""
    if not isinstance(values, dict):
        raise UsageError(f'{where}: attributes is a table, such as {{dealer = "D7"}}')
    barred = [key for key in values if key in VALIDITY or windows.is_window(key)]
    if barred:
        raise UsageError(f"{where}: attributes holds no {barred[0][:32]!r}", _SEE)
    if values.get("dealer") == "":
        raise UsageError(f"{where}: attributes holds an empty dealer, who takes nothing in", _SEE)
    try:
        return check(values)
    except UsageError as error:
        raise UsageError(f"{where}: {error.message}", *error.hints) from None


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
        return HMAC_SHA256, _secret(table.get("secret_file"), where, folder)
    raise UsageError(
        f"{where}: algorithm is ed25519, with public_key, or hmac-sha256, with secret_file"
    )


def _secret(name: object, where: str, folder: Path) -> bytes:
    if not isinstance(name, str) or not name:
        raise UsageError(f"{where}: secret_file names a file, and is needed")
    try:
        secret = secret_file(folder / name).reveal()
    except (OSError, ValueError):  # a folder, a name that no file can have
        raise UsageError(f"{where}: secret_file is no file that can be read", _SEE) from None
    if len(secret) < 32:
        raise UsageError(f"{where}: the secret has less than 32 bytes")
    return secret

"""A part of a batch becomes an object: under a fresh key at every attempt.

| an attempt | leaves |
| --- | --- |
| answered well | the object, which the ledger may name |
| refused, lost or cut | an orphan or nothing: its success is unknown, and nobody names its key |
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

from ..away import VaultAway
from .parts import Uploaded
from .record import file_digest
from .store import ObjectStore

TRIES = 3
KEY_BYTES = 16


def upload(  # noqa: PLR0913, PLR0917 - what an object is made of
    store: ObjectStore,
    folder: str,
    part: str,
    source: bytes | Path,
    entropy: Callable[[int], bytes],
    sha256: str | None = None,
) -> Uploaded:
    """`source` as a new object below `folder`; `sha256` is its digest, if that is known.

    Raises `VaultAway` after `TRIES` attempts, and what the store refuses with.
    """
    if isinstance(source, bytes):
        size, sha256 = len(source), hashlib.sha256(source).hexdigest()
    else:
        size, sha256 = source.stat().st_size, sha256 or file_digest(source)
    for _ in range(TRIES - 1):
        try:
            return _attempt(store, folder, part, source, entropy, size, sha256)
        except (VaultAway, FileExistsError):
            continue
    try:
        return _attempt(store, folder, part, source, entropy, size, sha256)
    except FileExistsError:
        raise VaultAway("the store holds other objects than it was sent") from None


def _attempt(  # noqa: PLR0913, PLR0917 - as above
    store: ObjectStore,
    folder: str,
    part: str,
    source: bytes | Path,
    entropy: Callable[[int], bytes],
    size: int,
    sha256: str,
) -> Uploaded:
    key = f"{folder}/{part}-{entropy(KEY_BYTES).hex()}"
    try:
        if isinstance(source, bytes):
            store.put(key, source)
            kept = store.read(key, 0, size + 1) == source
        else:
            store.put_file(key, source)
            kept = store.size(key) == size
    except FileNotFoundError:
        kept = False
    if not kept:
        raise VaultAway("the store lost or cut an object that it said it had", "repeat the command")
    return Uploaded(part, key, size, sha256)

"""A store is tried before a home relies on it: what it must keep, and what nobody relies on.

It must give back at once, and whole, what it was told to keep, also in parts, and list and remove
it. Whether of several clients that make one key at once just one is told that it did differs from
server to server, and two in turn do not show it; it is told, and nothing depends on it.

A key that may not remove is a good one for a station: then what is tried stays, and that is told.
"""

import contextlib
import hashlib
import secrets
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier

from ..away import OutOfReach
from ..errors import EnvironmentFailure, MintmarkError, Refused
from .store import ObjectStore

RACERS = 8
PARTED = 9_000_000  # bytes: in S3 two parts


@dataclass(frozen=True)
class StoreProbe:
    """What was seen of a store that can hold a vault.

    `exclusive`: of several that made one key at once, one was told that it did. `removes`: what was
    tried is gone again.
    """

    exclusive: bool
    removes: bool
    sentence: str


def probe(store: ObjectStore) -> StoreProbe:
    """Try `store`, in a folder of its own that is removed again.

    Raises `Refused` for what cannot hold a vault, and whatever the store raises.
    """
    folder = f"probe/{secrets.token_hex(16)}"
    try:
        _keeps(store, folder)
        _parts(store, folder)
        winners, stays = _race(store, folder)
        removes = _lists_and_removes(store, folder)
    finally:
        with contextlib.suppress(MintmarkError, OSError):
            for found in list(store.list(folder)):
                store.delete(found.key)
    exclusive = winners == 1 and stays
    how = (
        "one of several that make an object at once is told so"
        if exclusive
        else f"{winners} of {RACERS} that made one object at once were told so"
        if winners != 1
        else "it lets what is there be made again"
    )
    left = "" if removes else f"; this key may not remove there, and {folder} stays"
    sentence = f"{store.address} can hold the vault: {how}; nothing relies on that{left}"
    return StoreProbe(exclusive, removes, sentence)


def _keeps(store: ObjectStore, folder: str) -> None:
    for number in range(4):
        key, data = f"{folder}/{number}/object", secrets.token_bytes(100_000)
        store.put(key, data)
        firsts = (0, 50, 90_000)
        asked: tuple[tuple[object, object], ...] = (
            (store.size(key), len(data)),
            (store.read(key, 0, len(data)), data),
            (store.read(key, 40_000, 17), data[40_000:40_017]),
            (store.read(key, 99_990, 100), data[99_990:]),
            (store.read(key, 100_000, 10), b""),
            (store.read_many(key, firsts, 16), [data[at : at + 16] for at in firsts]),
        )
        _hold(all(found == wanted for found, wanted in asked), "gives back other bytes than it got")


def _parts(store: ObjectStore, folder: str) -> None:
    data, key = secrets.token_bytes(PARTED), f"{folder}/parts/object"
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "object"
        path.write_bytes(data)
        store.put_file(key, path)
    digest = hashlib.sha256()
    for first in range(0, PARTED, 1_000_000):
        digest.update(store.read(key, first, 1_000_000))
    whole = digest.digest() == hashlib.sha256(data).digest()
    _hold(whole and store.size(key) == PARTED, "does not keep what is sent in parts")


def _race(store: ObjectStore, folder: str) -> tuple[int, bool]:
    """How many were told that they made the object, and whether it stayed what it was then."""
    key, start = f"{folder}/race/object", Barrier(RACERS)
    tries = [bytes([number]) * 1_000 for number in range(RACERS)]

    def make(data: bytes) -> bool:
        start.wait()
        return _made(lambda: store.put(key, data))

    with ThreadPoolExecutor(RACERS) as pool:
        winners = sum(pool.map(make, tries))
    there = store.read(key, 0, 2_000)
    _hold(there in tries, "mixes what several send at once")
    again = _made(lambda: store.put(key, b"\xff" * 1_000))
    return winners, not again and store.read(key, 0, 2_000) == there


def _made(put: Callable[[], None]) -> bool:
    try:
        put()
    except (FileExistsError, MintmarkError):
        return False
    return True


def _lists_and_removes(store: ObjectStore, folder: str) -> bool:
    """Whether this key may remove."""
    keys = {found.key for found in store.list(folder)}
    wanted = {f"{folder}/{name}/object" for name in ("0", "1", "2", "3", "parts", "race")}
    _hold(keys == wanted, "does not list what it keeps")
    _hold(
        {found.key for found in store.list(f"{folder}/1")} == {f"{folder}/1/object"}, "lists more"
    )
    try:
        for key in keys:
            store.delete(key)
            store.delete(key)
    except OutOfReach:
        raise
    except EnvironmentFailure:
        return False
    with contextlib.suppress(FileNotFoundError):
        store.size(f"{folder}/0/object")
        _hold(False, "keeps what was removed")  # noqa: FBT003 - it was found
    _hold(not list(store.list(folder)), "lists what was removed")
    return True


def _hold(found: bool, what: str) -> None:  # noqa: FBT001 - what must hold
    if not found:
        raise Refused(f"the store {what}: no vault can lie there", "use another store")

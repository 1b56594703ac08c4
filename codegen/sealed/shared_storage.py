"""The vault of a shared home: the parts of batches are objects of a store, which the ledger names.

1. The ledger says which object is a part, how long it is, and its digest; the store is only asked
   for its bytes. An object that is gone or cut is the store's fault, and told as that.
2. Small parts are compared with their digest as they come. Of the codes and the fingerprints every
   frame is checked by whoever reads it (`batch`, `record`); a run is compared when it is fetched
   (`run_cache`).
3. Runs are read here, from the cache: all of a run if it pays, else ranges of it from the store.
"""

import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from ..away import VaultAway
from ..errors import IntegrityError
from .ahead import Span, in_turn
from .early import EarlyUploads, Hashing
from .header import PREAMBLE_BYTES
from .parts import SUFFIXES, Uploaded
from .run_cache import RunCache
from .store import ObjectStore
from .stores import belongs
from .upload import upload

if TYPE_CHECKING:
    from .distant_run import DistantRun
    from .runs import OpenRun, Prefixes, PrefixSource

BLOCK = 4_194_304  # bytes fetched at a time
SMALL = 262_144  # bytes: parts and beginnings up to this size are kept in memory, a few of them
KEPT = 64
PAYS = 4  # a run is fetched once a quarter of it was read, or would be
_Answer = TypeVar("_Answer")
_PARTS = {str(suffix): part for part, suffix in SUFFIXES._asdict().items()}


class StoredRow(Protocol):
    """What the ledger says of an object: bytes, and SHA-256 in hex."""

    @property
    def key(self) -> str:
        """The key in the store."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def sha256(self) -> str:
        """SHA-256, hex."""


Objects = Callable[[str], Mapping[str, StoredRow]]


class SharedStorage:
    """See `parts.Storage`.

    `objects(batch)` returns part → its row, as the ledger has it; `open_store()` the store, which
    belongs to the home `home`; `entropy(k)` k random bytes. Up to `limit` bytes of runs are kept in
    `folder`.
    """

    def __init__(  # noqa: PLR0913 - all it depends on, by name
        self,
        folder: Path,
        *,
        home: str,
        open_store: Callable[[], ObjectStore],
        objects: Objects,
        entropy: Callable[[int], bytes],
        limit: int,
    ) -> None:
        self.home, self._open, self._objects, self._entropy = home, open_store, objects, entropy
        self.cache = RunCache(folder, limit)
        self._rows: dict[str, Mapping[str, StoredRow]] = {}
        self._small: dict[tuple[str, int, int], bytes] = {}
        self._distant: dict[str, DistantRun] = {}

    @cached_property
    def store(self) -> ObjectStore:
        """The store. Raises `UsageError` or `EnvironmentFailure` for settings that lead to none."""
        return self._open()

    @cached_property
    def own(self) -> ObjectStore:
        """The store, asked once whether it is this home's. Raises `Refused`, `VaultAway`."""
        belongs(self.store, self.home)
        return self.store

    def row(self, name: str) -> StoredRow:
        """What the ledger says of the part. Raises `FileNotFoundError`."""
        batch, part = _of(name)
        rows = self._rows.get(batch)
        # Wraps are made anew now and then, by any station; what else there is stays.
        if rows is None or part not in rows or part == "wraps":
            rows = self._rows[batch] = dict(self._objects(batch))
        if part not in rows:
            raise FileNotFoundError(2, "not in the books", name)
        return rows[part]

    def know(self, batch: str) -> None:
        """Ask the ledger about the objects of `batch` now, if it was not asked yet."""
        if not self._rows.get(batch):
            self._rows[batch] = dict(self._objects(batch))

    def size(self, name: str) -> int:
        """As `Storage.size`: what the ledger says."""
        return self.row(name).size

    def version(self, name: str) -> object:
        """As `Storage.version`."""
        with contextlib.suppress(FileNotFoundError):
            return self.row(name).key
        return None

    def knows(self, batch: str) -> bool:
        """As `Storage.knows`."""
        return bool(self._rows.get(batch) or self._objects(batch))

    def names(self) -> list[str]:
        """As `Storage.names`: of what is kept here."""
        folder = self.cache.folder
        return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))

    def read(self, name: str, first: int, size: int) -> bytes:
        """As `Storage.read`."""
        row = self.row(name)
        if row.size <= SMALL and _of(name)[1] in ("wraps", "record"):
            return self._kept(name, row, 0, row.size)[first : first + size]
        if first == 0 and size <= PREAMBLE_BYTES:
            return self._kept(name, row, 0, size)
        return self._read(name, row, first, size)

    def read_many(self, name: str, firsts: Iterable[int], size: int) -> list[bytes]:
        """As `Storage.read_many`."""
        key = self.row(name).key
        return self._asked(name, lambda: self.store.read_many(key, firsts, size))

    def read_each(self, name: str, spans: Iterable[Span]) -> Iterator[bytes]:
        """As `Storage.read_each`: some are read ahead."""
        return in_turn(partial(self._read, name, self.row(name)), spans)

    def digest(self, name: str, progress: Callable[[int], None]) -> str:
        """As `Storage.digest`: of the object, not of what is kept here."""
        digest = hashlib.sha256()
        for block in self._blocks(name):
            digest.update(block)
            progress(len(block))
        return digest.hexdigest()

    def put(self, name: str, data: bytes) -> Uploaded:
        """As `Storage.put`."""
        batch, part = _of(name)
        return upload(self.own, f"{self.home}/{batch}", part, data, self._entropy)

    def early(self, batch: str) -> EarlyUploads:
        """Sends parts of a batch that is being made. Raises `Refused`, `VaultAway`."""
        store = self.own

        def send(part: str, blocks: Iterator[bytes]) -> Uploaded:
            key, seen = f"{self.home}/{batch}/{part}-{secrets.token_hex(16)}", Hashing(blocks)
            store.put_blocks(key, seen)
            if store.size(key) != seen.size:
                raise VaultAway("the store lost or cut an object")
            return Uploaded(part, key, seen.size, seen.sha256)

        return EarlyUploads(send)

    def upload(self, batch: str, part: str, path: Path, sha256: str) -> Uploaded:
        """The file at `path`, whose digest is `sha256`, as a new object."""
        return upload(self.own, f"{self.home}/{batch}", part, path, self._entropy, sha256)

    @contextlib.contextmanager
    def run(self, name: str) -> "Iterator[OpenRun]":
        """As `Storage.run`: it is compared with its digest, once by each process."""
        with self._opened(name, exact=True) as file:
            yield file

    def source(self, name: str) -> "PrefixSource":
        """As `Storage.source`."""
        from .stored_run import StoredRun

        return StoredRun(self, name)

    def look_up(self, name: str, prefixes: "Prefixes") -> list[tuple[int, int]]:
        """As `Storage.look_up`."""
        from .runs import lookup

        distant = self.far(name, len(prefixes))
        if distant is not None:
            return distant.look_up(prefixes)
        with self._opened(name, exact=False) as file:
            return sorted(lookup(file, prefixes))

    def far(self, name: str, asked: int) -> "DistantRun | None":
        """The run in the store, if it is not here, and if reading ranges of it is less to read."""
        from .distant_run import DistantRun
        from .runs import ENTRY_BYTES

        row = self.row(name)
        if self.cache.has(name, row.size):
            return None
        distant = self._distant.get(row.key)
        if distant is None:
            read = partial(self._read, name, row)
            distant = self._distant[row.key] = DistantRun(read, row.size // ENTRY_BYTES)
        pays = (distant.cost + distant.estimate(asked)) * PAYS > row.size
        return None if pays else distant

    @contextlib.contextmanager
    def _opened(self, name: str, *, exact: bool) -> "Iterator[OpenRun]":
        row, blocks = self.row(name), partial(self._blocks, name)
        with self.cache.opened(name, row.size, row.sha256, blocks, exact=exact) as file:
            yield file

    def _blocks(self, name: str) -> Iterator[bytes]:
        """All bytes of the object, in order."""
        row = self.row(name)
        firsts = range(0, row.size, BLOCK)
        spans = ((first, min(BLOCK, row.size - first)) for first in firsts)
        return in_turn(partial(self._read, name, row), spans)

    def _kept(self, name: str, row: StoredRow, first: int, size: int) -> bytes:
        """Some bytes that are asked for again and again; a whole part is compared first."""
        found = self._small.get((row.key, first, size))
        if found is None:
            found = self._read(name, row, first, size)
            if size == row.size and not hmac.compare_digest(
                hashlib.sha256(found).hexdigest(), row.sha256
            ):
                raise _other(name)
            if len(self._small) >= KEPT:
                self._small.pop(next(iter(self._small)))
            self._small[row.key, first, size] = found
        return found

    def _read(self, name: str, row: StoredRow, first: int, size: int) -> bytes:
        data = self._asked(name, lambda: self.store.read(row.key, first, size))
        if len(data) != min(size, max(0, row.size - first)):
            raise _other(name)
        return data

    def _asked(self, name: str, ask: Callable[[], _Answer]) -> _Answer:
        try:
            return ask()
        except FileNotFoundError:
            pass
        # A folder whose share is not mounted is empty, and nothing is gone.
        belongs(self.store, self.home)
        raise IntegrityError(
            f"{name} is gone from {self.store.address}",
            "bring the object back from a copy or an older version of the bucket",
            file=name,
        )


def _of(name: str) -> tuple[str, str]:
    """(batch, part) of a file's name."""
    batch, dot, suffix = name.partition(".")
    return batch, _PARTS[dot + suffix]


def _other(name: str) -> IntegrityError:
    return IntegrityError(
        f"{name} in the store is not what the ledger names",
        "bring the object back from a copy or an older version of the bucket",
        file=name,
    )

"""The vault (密封库): the sealed batches of a home, five parts each.

`<batch>.sealed`: the codes. `.fingerprints`: 16 bytes per code. `.run`: sorted prefixes, for
uniqueness and `locate`. `.wraps.json`: the data key, sealed to each custodian. `.mint.json`:
the mint record, which is published last: without it there is no batch.
"""

import hmac
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from .. import ids
from ..away import VaultAway
from ..codes.fingerprint import SIZE
from ..errors import IntegrityError, NotFound
from ..ranges.serials import Range
from ..secret import Secret
from .batch import Reader, by_frame, within
from .folder import Folder
from .header import CoreHeader, is_batch_id
from .parts import SUFFIXES, Parts, Storage, Uploaded
from .record import RECORD_BYTES, MintRecord, read_record
from .signed import Keys, Sign
from .wrap import WRAPS_BYTES, Recipient, Wraps, read_wraps, wrap

if TYPE_CHECKING:
    from .runs import PrefixSource, Run
    from .shared_storage import SharedStorage


AWAY = 60.0  # seconds


class Vault:
    """The batches of a home: in the folder of a station, or as objects that the ledger names.

    `folder` is the station's own: its batches lie there, or what it keeps at hand of `shared`.
    `station_keys`: key id → Ed25519 public key of every station of the home, retired ones
    too. Methods that take a batch raise `NotFound` if there is no batch of that id, and
    `IntegrityError` if a part of it is missing or is not what the station signed; of a shared
    home also `VaultAway` and `EnvironmentFailure` as `store.ObjectStore` does.
    """

    def __init__(self, folder: Path, shared: "SharedStorage | None" = None) -> None:
        self.folder, self.shared = folder, shared
        self.storage: Storage = shared or Folder(folder)
        self._away_until = 0.0
        self._seen: dict[str, tuple[tuple[object, ...], tuple[CoreHeader, MintRecord]]] = {}

    @property
    def is_shared(self) -> bool:
        """Whether the batches are objects of a store, and files are kept here only for a while."""
        return self.shared is not None

    def parts(self, batch: str) -> Parts:
        """The paths of the files of `batch` in the station's folder, whether they exist or not.

        Raises `NotFound` for a text that is no batch id.
        """
        if not is_batch_id(batch):
            raise NotFound(f"no batch {ids.shown(batch)} here", "see: mintmark batch list")
        return Parts(*(self.folder / f"{batch}{suffix}" for suffix in SUFFIXES))

    def batches(self) -> list[str]:
        """The ids of all batches published in this folder, sorted; none of a shared home."""
        if self.is_shared:
            return []
        ending = str(SUFFIXES.record)
        names = self.storage.names()
        stems = [name.removesuffix(ending) for name in names if name.endswith(ending)]
        return [stem for stem in stems if is_batch_id(stem)]

    def reader(self, batch: str, station_keys: Keys) -> Reader:
        """The sealed batch with its header verified, still locked."""
        name = self.parts(batch).sealed.name
        size = self._size(batch, name)
        read, read_each = self.storage.read, self.storage.read_each
        reader = Reader(partial(read, name), size, station_keys, partial(read_each, name))
        if reader.header.batch != batch:
            raise IntegrityError(
                f"the sealed file of batch {batch} holds batch {reader.header.batch}",
                "its name was changed: give every file its own name back",
            )
        return reader

    def unseal(
        self,
        batch: str,
        station_keys: Keys,
        wrap_keys: Keys,
        key_id: str,
        private: X25519PrivateKey,
    ) -> Reader:
        """The sealed batch, unlocked by the custodian `key_id` with the key `private`.

        `wrap_keys`: public keys of all who may have wrapped, stations included. Raises
        `IntegrityError`, naming the custodians who could open it, for any other key.
        """
        wraps = self.wraps(batch, station_keys, wrap_keys)
        return self.reader(batch, station_keys).unlock(wraps.open(key_id, private))

    def wraps(self, batch: str, station_keys: Keys, wrap_keys: Keys) -> Wraps:
        """The verified wraps: the custodians to whom the batch is sealed.

        `wrap_keys`: public keys of all who may have wrapped, stations included.
        """
        header = self.reader(batch, station_keys).header
        name = self.parts(batch).wraps.name
        self._size(batch, name)
        return read_wraps(self.storage.read(name, 0, WRAPS_BYTES + 1), header, wrap_keys)

    def rewrap(
        self,
        header: CoreHeader,
        data_key: Secret,
        recipients: Sequence[Recipient],
        wrapped_by: str,
        sign: Sign,
    ) -> Uploaded | None:
        """Replace the wraps: from now on the batch is sealed to `recipients`.

        Of a shared home: once the ledger names the object that is returned. `wrap` says what that
        does not take away.
        """
        data = wrap(data_key, header, recipients, wrapped_by, sign)
        return self.storage.put(self.parts(header.batch).wraps.name, data)

    def record(self, batch: str, station_keys: Keys) -> MintRecord:
        """The mint record, verified."""
        return self._described(batch, station_keys)[1]

    def fingerprints(
        self, batch: str, serials: Range, station_keys: Keys
    ) -> Iterator[tuple[int, bytes]]:
        """(first serial, fingerprints) of `serials`, 16 bytes per code, at most a frame at a time.

        Each frame's worth is checked against the mint record before any of it is yielded: a
        backend gets the fingerprints that were minted. Raises `UsageError` outside the batch.
        """
        header, record = self._described(batch, station_keys)
        within(serials, header)
        name = self.parts(batch).fingerprints.name
        self._size(batch, name)
        return self._fingerprints(name, serials, header, record)

    def _fingerprints(
        self, name: str, serials: Range, header: CoreHeader, record: MintRecord
    ) -> Iterator[tuple[int, bytes]]:
        pieces = list(by_frame(serials, header))
        size = header.frame_size * SIZE
        spans = [(frame * size, header.count(frame) * SIZE) for frame, _ in pieces]
        blocks = self.storage.read_each(name, spans)
        for (frame, piece), block in zip(pieces, blocks, strict=True):
            start = frame * header.frame_size
            record.check_fingerprints(frame, block)
            yield piece.first, block[(piece.first - 1 - start) * SIZE : (piece.last - start) * SIZE]

    def run(self, batch: str) -> "AbstractContextManager[Run]":
        """The run, mapped as long as the block lasts."""
        name = self.parts(batch).run.name
        self._size(batch, name)
        return self._run(name)

    @contextmanager
    def _run(self, name: str) -> "Iterator[Run]":
        # Here, as below: it brings numpy, and an order reads fingerprints and no run.
        from .runs import Run

        with self.storage.run(name) as opened, Run(opened) as run:
            yield run

    def source(self, batch: str) -> "PrefixSource":
        """The run as something that knows prefixes; nothing is asked of it yet."""
        return self.storage.source(self.parts(batch).run.name)

    def find(self, batch: str, fingerprints: bytes, station_keys: Keys) -> list[tuple[int, int]]:
        """Which of the concatenated `fingerprints` are in the batch: (position, serial)."""
        from .runs import ENTRY_BYTES, prefixes_of

        header, record = self._description(batch, station_keys)
        parts = self.parts(batch)
        if self._size(batch, parts.run.name) != header.quantity * ENTRY_BYTES:
            raise IntegrityError(
                f"the run of batch {batch} was cut or added to", "bring it back from a copy"
            )
        asked = prefixes_of(fingerprints, record.prefix_bits)
        hits = self.storage.look_up(parts.run.name, asked)
        if any(not 1 <= serial <= header.quantity for serial, _ in hits):
            raise _disagree(batch)
        name = parts.fingerprints.name
        self._size(batch, name)
        stored = self.storage.read_many(name, ((serial - 1) * SIZE for serial, _ in hits), SIZE)
        found = []
        for (serial, position), digest in zip(hits, stored, strict=True):
            if len(digest) != SIZE or prefixes_of(digest, record.prefix_bits)[0] != asked[position]:
                raise _disagree(batch)
            wanted = fingerprints[position * SIZE : (position + 1) * SIZE]
            if hmac.compare_digest(digest, wanted):
                found.append((position, serial))
        return sorted(found)

    def lists(self, batch: str, fingerprints: bytes) -> bool:
        """Whether the run of `batch` lists one of the concatenated `fingerprints`.

        Quick: it reads neither header nor record, and compares what a run keeps of a
        fingerprint. Raises `IntegrityError` and `OSError` for a run that cannot be read, and
        `VaultAway` at once for a minute after a store did not answer: every order may ask.
        """
        from .runs import prefixes_of

        if monotonic() < self._away_until:
            raise VaultAway("the store of the vault did not answer a moment ago")
        name = self.parts(batch).run.name
        try:
            return bool(self.storage.look_up(name, prefixes_of(fingerprints)))
        except VaultAway:
            self._away_until = monotonic() + AWAY
            raise

    def verify(
        self,
        batch: str,
        station_keys: Keys,
        wrap_keys: Keys,
        progress: Callable[[int], None] = lambda _: None,
    ) -> MintRecord:
        """Check every byte; `progress(n)` is called after every n bytes more.

        The tags of the frames are not checked, because that takes a custodian; the digests
        cover the same bytes. Raises `IntegrityError` for the first file that is not what the
        station signed.
        """
        _, record = self._described(batch, station_keys)
        self.wraps(batch, station_keys, wrap_keys)
        for part, digest in record.digests.items():
            name = f"{batch}.{part}"
            self._size(batch, name)
            if not hmac.compare_digest(self.storage.digest(name, progress), digest):
                raise IntegrityError(
                    f"{name} is not the file that was minted",
                    "bring it back from a copy",
                    file=name,
                )
        return record

    def _description(self, batch: str, station_keys: Keys) -> tuple[CoreHeader, MintRecord]:
        """The same, kept while neither part is changed: a line asks for each carton."""
        parts, version = self.parts(batch), self.storage.version
        found = self._seen.get(batch)
        now = (version(parts.sealed.name), version(parts.record.name), *sorted(station_keys))
        if found is None or None in now or found[0] != now:
            found = self._seen[batch] = now, self._described(batch, station_keys)
        return found[1]

    def _described(self, batch: str, station_keys: Keys) -> tuple[CoreHeader, MintRecord]:
        header = self.reader(batch, station_keys).header
        name = self.parts(batch).record.name
        self._size(batch, name)
        data = self.storage.read(name, 0, RECORD_BYTES + 1)
        return header, read_record(data, header, station_keys)

    def _size(self, batch: str, name: str) -> int:
        try:
            return self.storage.size(name)
        except FileNotFoundError:
            pass
        if not self.storage.knows(batch):
            raise NotFound(f"no batch {batch} in the vault", "see: mintmark batch list")
        raise IntegrityError(
            f"{name} is missing from the vault", "bring it back from a copy", file=name
        )


def _disagree(batch: str) -> IntegrityError:
    return IntegrityError(
        f"the run and the fingerprints of batch {batch} do not agree",
        "bring them back from a copy; which of them is damaged: mintmark doctor",
    )

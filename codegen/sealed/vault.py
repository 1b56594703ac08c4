"""The vault (密封库): the sealed batches of a home, five files each.

`<batch>.sealed`: the codes. `.fingerprints`: 16 bytes per code. `.run`: sorted prefixes, for
uniqueness and `locate`. `.wraps.json`: the data key, sealed to each custodian. `.mint.json`:
the mint record, which is published last: without it there is no batch.
"""

import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from .. import ids
from ..codes.fingerprint import SIZE
from ..errors import IntegrityError, NotFound
from ..files import file_version, open_own, write_atomically
from ..ranges.serials import Range
from ..secret import Secret
from .batch import Reader, by_frame, within
from .header import CoreHeader, is_batch_id
from .record import RECORD_BYTES, MintRecord, file_digest, read_record
from .signed import Keys, Sign
from .wrap import WRAPS_BYTES, Recipient, Wraps, read_wraps, wrap

if TYPE_CHECKING:
    from .runs import Run


class Parts(NamedTuple):
    """The five files of a batch, in the order they are published."""

    sealed: Path
    fingerprints: Path
    run: Path
    wraps: Path
    record: Path


SUFFIXES = Parts(*map(Path, (".sealed", ".fingerprints", ".run", ".wraps.json", ".mint.json")))


class Folder:
    """Storage in a local folder: only operations that an object store has too."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def size(self, name: str) -> int:
        """Bytes in the file `name`. Raises `FileNotFoundError`."""
        return (self.path / name).stat().st_size

    def read(self, name: str, first: int, size: int) -> bytes:
        """`size` bytes of the file `name` from offset `first`, fewer at its end."""
        with open_own(self.path / name) as file:
            file.seek(first)
            return file.read(size)

    def read_many(self, name: str, firsts: Iterable[int], size: int) -> list[bytes]:
        """`size` bytes of the file `name` from each offset; ascending offsets are fastest."""
        with open_own(self.path / name, buffering=0) as file:
            found = []
            for first in firsts:
                file.seek(first)
                found.append(file.read(size))
            return found

    def put(self, name: str, data: bytes) -> None:
        """Make or replace the file `name`: after a crash it is the old file or the new file."""
        write_atomically(self.path / name, data)

    def names(self) -> list[str]:
        """The names of all files, hidden ones left out."""
        return sorted(path.name for path in self.path.iterdir() if not path.name.startswith("."))


class Vault:
    """The batches in a folder.

    `station_keys`: key id → Ed25519 public key of every station of the home, retired ones
    too. Methods that take a batch raise `NotFound` if there is no batch of that id, and
    `IntegrityError` if a file of it is missing or is not what the station signed.
    """

    def __init__(self, folder: Path) -> None:
        self.storage = Folder(folder)
        self._seen: dict[str, tuple[tuple[object, ...], tuple[CoreHeader, MintRecord]]] = {}

    def parts(self, batch: str) -> Parts:
        """The paths of the files of `batch`, whether they exist or not.

        Raises `NotFound` for a text that is no batch id.
        """
        if not is_batch_id(batch):
            raise NotFound(f"no batch {ids.shown(batch)} here", "see: mintmark batch list")
        return Parts(*(self.storage.path / f"{batch}{suffix}" for suffix in SUFFIXES))

    def batches(self) -> list[str]:
        """The ids of all published batches, sorted."""
        ending = str(SUFFIXES.record)
        names = self.storage.names()
        stems = [name.removesuffix(ending) for name in names if name.endswith(ending)]
        return [stem for stem in stems if is_batch_id(stem)]

    def reader(self, batch: str, station_keys: Keys) -> Reader:
        """The sealed batch with its header verified, still locked."""
        name = self.parts(batch).sealed.name
        size = self._size(batch, name)
        reader = Reader(
            lambda first, count: self.storage.read(name, first, count), size, station_keys
        )
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
    ) -> None:
        """Replace the wraps: from now on the batch is sealed to `recipients`.

        `wrap` says what that does not take away.
        """
        data = wrap(data_key, header, recipients, wrapped_by, sign)
        self.storage.put(self.parts(header.batch).wraps.name, data)

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
        for frame, piece in by_frame(serials, header):
            start = frame * header.frame_size
            count = header.count(frame)
            block = self.storage.read(name, start * SIZE, count * SIZE)
            record.check_fingerprints(frame, block)
            yield piece.first, block[(piece.first - 1 - start) * SIZE : (piece.last - start) * SIZE]

    def run(self, batch: str) -> "Run":
        """The run, mapped; close it."""
        # Here, as below: it brings numpy, and an order reads fingerprints and no run.
        from .runs import Run

        path = self.parts(batch).run
        self._size(batch, path.name)
        return Run(path)

    def find(self, batch: str, fingerprints: bytes, station_keys: Keys) -> list[tuple[int, int]]:
        """Which of the concatenated `fingerprints` are in the batch: (position, serial)."""
        from .runs import lookup, prefixes_of

        header, record = self._description(batch, station_keys)
        with self.run(batch) as run:
            if len(run) != header.quantity:
                raise IntegrityError(
                    f"the run of batch {batch} was cut or added to", "bring it back from a copy"
                )
        path = self.parts(batch).run
        asked = prefixes_of(fingerprints, record.prefix_bits)
        hits = sorted(lookup(path, asked))
        if any(not 1 <= serial <= header.quantity for serial, _ in hits):
            raise _disagree(batch)
        name = self.parts(batch).fingerprints.name
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
        fingerprint. Raises `IntegrityError` and `OSError` for a run that cannot be read.
        """
        from .runs import Run, prefixes_of

        with Run(self.parts(batch).run) as run:
            return len(run.lookup(prefixes_of(fingerprints))[0]) > 0

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
        parts = self.parts(batch)
        digests = {
            parts.sealed: record.sealed_sha256,
            parts.fingerprints: record.fingerprints_sha256,
            parts.run: record.run_sha256,
        }
        for path, digest in digests.items():
            self._size(batch, path.name)
            if not hmac.compare_digest(file_digest(path, progress), digest):
                raise IntegrityError(
                    f"{path.name} is not the file that was minted",
                    "bring it back from a copy",
                    file=path.name,
                )
        return record

    def _description(self, batch: str, station_keys: Keys) -> tuple[CoreHeader, MintRecord]:
        """The same, kept while neither file is changed: a line asks for each carton."""
        parts = self.parts(batch)
        found = self._seen.get(batch)
        now = (file_version(parts.sealed), file_version(parts.record), *sorted(station_keys))
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
        if not any(other.startswith(f"{batch}.") for other in self.storage.names()):
            raise NotFound(f"no batch {batch} in the vault", "see: mintmark batch list")
        raise IntegrityError(
            f"{name} is missing from the vault", "bring it back from a copy", file=name
        )


def _disagree(batch: str) -> IntegrityError:
    return IntegrityError(
        f"the run and the fingerprints of batch {batch} do not agree",
        "bring them back from a copy; which of them is damaged: mintmark doctor",
    )

"""The files of a batch become objects of a shared home's store, and objects become a batch.

`adopt` books a batch that a crash left complete, its files under their own names in the station's
folder:

| a crash | leaves | and the next `recover` |
| --- | --- | --- |
| before the commit | the same, and objects that nobody names | begins again |
| after it | the files of a batch that is booked | removes all but the run, which is kept at hand |
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from .away import VaultAway
from .errors import EnvironmentFailure, Refused
from .history import known
from .ledger.changes import BatchMinted, Stored, StoredObject
from .ledger.records import BatchRow
from .ledger.view import View
from .progress import Progress
from .sealed.early import EarlyUploads
from .sealed.parts import Parts, Uploaded
from .sealed.record import MintRecord, file_digest
from .sealed.shared_storage import SharedStorage
from .station.station import Station

ROUNDS = 100
# An object that nobody names may be removed a day after it was made: what is older is not booked.
FRESH = timedelta(hours=18)


def shared_of(station: Station) -> SharedStorage:
    """Where the batches of a shared home lie. Raises `ValueError` for another home."""
    if station.vault.shared is None:
        raise ValueError("the vault of this home is a folder")
    return station.vault.shared


def store_parts(  # noqa: PLR0913, PLR0917 - all it may be told
    station: Station,
    batch: str,
    files: Parts,
    progress: Progress = lambda *_: None,
    early: EarlyUploads | None = None,
    record: MintRecord | None = None,
) -> tuple[StoredObject, ...]:
    """The five `files`, each as a new object of the store; nobody names them yet.

    Those that went `early`, and were not changed since, are taken as they are. `record` has the
    digests of three of them.

    Raises `VaultAway` if the store does not answer, `Refused` if it is another home's.
    """
    shared, total = shared_of(station), sum(path.stat().st_size for path in files)
    found, done = [], 0
    digests = {} if record is None else record.digests
    for part, path in files._asdict().items():
        digest = digests.get(part) or file_digest(path)
        sent = early.uploaded(part, digest) if early else None
        found.append(StoredObject(*(sent or shared.upload(batch, part, path, digest))))
        done += found[-1].size
        progress("store", done, total)
        station.failpoint(f"stored {part}")
    return tuple(found)


def is_fresh(station: Station, view: View, began: datetime) -> bool:
    """Whether objects made since `began`, by the ledger's clock, are there for sure.

    To be asked under the lock: a process may stand still before any of its steps.
    """
    return (view.clock() or station.now()) - began < FRESH


def name_objects(station: Station, batch: str, stored: Sequence[Uploaded], began: datetime) -> None:
    """Book `stored`, made since `began`, as parts of `batch`. Raises `VaultAway` if too late."""

    def guard(view: View) -> None:
        if not is_fresh(station, view, began):
            raise VaultAway(
                "it took so long that the store may have removed what was sent",
                "repeat the command; nothing was changed",
            )

    objects = tuple(StoredObject(*each) for each in stored)
    station.ledger.commit(station.author, Stored(batch, objects), guard=guard)


def keep(station: Station, batch: str, files: Parts) -> None:
    """Keep the run of a batch that is booked, and remove its other files."""
    shared = shared_of(station)
    if files.run.exists():
        shared.cache.keep(files.run, station.vault.parts(batch).run.name)
    station.failpoint("kept")
    for path in (files.sealed, files.fingerprints, files.wraps, files.record):
        path.unlink(missing_ok=True)


def adopt(station: Station, change: BatchMinted) -> None:
    """Book the batch of `change` with new objects; its files are whole, and lie in the folder.

    Raises `Refused` if a code of it is in another batch, `OutOfReach` with nothing booked.
    """
    files, compared = station.vault.parts(change.batch), set[str]()
    stored: tuple[StoredObject, ...] = ()
    began = station.ledger.clock()
    for _ in range(ROUNDS):
        with station.ledger.read() as view:
            others = _further(view, compared)
        if change.batch in {row.batch for row in others}:
            return
        _refuse_met(station, files, others)
        compared.update(row.batch for row in others)
        if not stored:
            began = station.ledger.clock()
            stored = store_parts(station, change.batch, files)
        objects = Stored(change.batch, stored)

        def guard(view: View) -> None:
            if _further(view, compared):
                raise _FurtherMint
            if not is_fresh(station, view, began):  # noqa: B023 - called in this round
                raise _TooOld

        try:
            station.ledger.commit(station.author, change, objects, guard=guard)
        except _FurtherMint:
            continue
        except _TooOld:
            stored = ()
            continue
        return
    raise EnvironmentFailure("other mints keep coming first", "repeat the command")


class _FurtherMint(Exception):
    """A batch was booked that is not compared yet, perhaps this one."""


class _TooOld(Exception):
    """The objects may have been removed."""


def _further(view: View, compared: set[str]) -> list[BatchRow]:
    return [row for row in view.batches() if row.batch not in compared]


def _refuse_met(station: Station, files: Parts, others: Sequence[BatchRow]) -> None:
    from .sealed.runs import meetings

    if meetings(files.run, known(station, others)):
        raise Refused("a code of it is in another batch")

"""Settling what a crash left behind: forward if the files are complete, else back.

Run before minting and exporting, and by `doctor --repair`. Living processes hold the lock of
their intent and are passed over.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from .errors import EnvironmentFailure, IntegrityError, NotFound, Refused, UsageError
from .files import hidden
from .history import KIND as PREFIX_FILTER
from .history import known
from .ledger.chain import decode
from .ledger.changes import BatchMinted, Change, ExportAbandoned, Packaged
from .ledger.view import View
from .sealed.header import is_batch_id
from .sealed.prefix_filter import SUFFIX
from .sealed.record import file_digest
from .sealed.vault import Vault
from .station.intent_document import malformed
from .station.publish import Publication
from .station.station import Station
from .stored import adopt, keep

STALE = 3_600.0  # seconds: what a living process has just begun to write is younger


def recover(station: Station) -> Iterator[str]:
    """Settle every abandoned intent; yields a sentence per intent."""
    for publication in station.intents.abandoned():
        try:
            _check(station, publication)
            told = _SETTLE[publication.kind](station, publication)
        except (IntegrityError, EnvironmentFailure):
            publication.leave()
            raise
        yield told


def check_intent(station: Station, subject: str) -> None:
    """Raises `IntegrityError` for an intent that `recover` would not act on."""
    publication = station.intents.read(subject)
    if publication is not None:
        _check(station, publication)


def _check(station: Station, publication: Publication) -> None:
    if publication.kind not in _SETTLE:
        raise IntegrityError(
            f"this version does not know how to settle a {publication.kind[:40]!r}",
            "use the version of mintmark that began it, or a newer one",
        )
    if not _its_own(station, publication):
        path = station.home / "work" / f"{publication.subject}.json"
        raise malformed(path, "names files that are not its own")


def _its_own(station: Station, publication: Publication) -> bool:
    """Whether the files that would be renamed or removed are of the kind and the name they say."""
    vault, subject, files = station.vault.folder, publication.subject, publication.files
    if publication.kind == PREFIX_FILTER:
        return files == (vault / f"{subject}{SUFFIX}",)
    if not is_batch_id(subject):
        return False
    if publication.kind == "mint":
        return set(files) == set(station.vault.parts(subject))
    folders = {path.parent for path in files}
    named = all(path.name.startswith((f"{subject}.", f"{subject}-")) for path in files)
    # Without files: the copy of a home does not know the folder of the original's packages.
    return not files or (named and len(folders) == 1 and vault not in folders)


def _mint(station: Station, publication: Publication) -> str:
    batch = publication.subject
    if has_batch(station, batch):
        return _minted(station, publication)
    if publication.noted is None:
        publication.withdraw()
        return f"the unfinished mint of batch {batch} was removed"
    if station.vault.shared is not None:
        _ = station.vault.shared.own  # away or another home's: then nothing is decided about it
    try:
        publication.publish()
        _adopt(station, publication)
    except (IntegrityError, NotFound, Refused, UsageError):
        _quarantine(station, publication)
        return f"batch {batch} does not hold together and is in vault/quarantine"
    _minted(station, publication)
    return f"batch {batch} was complete and is now in the ledger"


def _minted(station: Station, publication: Publication) -> str:
    """The batch is booked: in a shared home its files are objects of the store."""
    batch = publication.subject
    if station.vault.is_shared:
        files = station.vault.parts(batch)
        hidden_run = hidden(files.run)
        keep(station, batch, files._replace(run=hidden_run) if hidden_run.exists() else files)
        publication.withdraw()
    else:
        publication.drop()
    return f"batch {batch} was minted; its leftovers were removed"


def _prefix_filter(_station: Station, publication: Publication) -> str:
    publication.withdraw()
    name = publication.subject
    return f"the unfinished prefix filter {name} was removed; a mint makes it again"


def _adopt(station: Station, publication: Publication) -> None:
    """Commit a complete batch; its run must still collide with nothing."""
    change, vault = _noted(publication), Vault(station.vault.folder)
    if not isinstance(change, BatchMinted) or change.batch != publication.subject:
        raise IntegrityError("the intent's note is not its batch")
    vault.verify(change.batch, station.station_keys, station.wrap_keys)
    if file_digest(vault.parts(change.batch).record) != change.mint_record_sha256:
        raise IntegrityError("the intent's note is of another mint record")
    header = vault.reader(change.batch, station.station_keys).header
    if (header.role, header.pair_of) != (change.role, change.pair_of):
        raise IntegrityError("the intent's note has another role or partner than the batch")

    if station.vault.is_shared:
        adopt(station, change)
        return

    def unique(view: View) -> None:
        others = known(station, view.batches())
        with vault.run(change.batch) as run:
            if run.meets(others):
                raise Refused("a code of it is in another batch")

    station.ledger.commit(station.author, change, guard=unique)


def _quarantine(station: Station, publication: Publication) -> None:
    folder = station.home / "vault" / "quarantine"
    folder.mkdir(exist_ok=True)
    for final in publication.files:
        # If both exist, the file of the final name is not this intent's.
        path = hidden(final) if hidden(final).exists() else final
        target = folder / final.name
        if path.exists() and not target.exists():
            path.rename(target)
    publication.drop()


def _export(station: Station, publication: Publication) -> str:
    package = publication.subject
    status = package_status(station, package)
    if status in (None, "abandoned"):
        publication.withdraw()
        return f"the unfinished archive {package} was removed"
    if status == "packaged":
        publication.drop()
        return f"package {package} was published; its leftovers were removed"
    try:
        change = _noted(publication)
        if isinstance(change, Packaged) and _taken_away(publication, change):
            return _book_taken_away(station, publication, change)
        if isinstance(change, Packaged) and _complete(publication, change):
            publication.publish()
            station.ledger.commit(station.author, change)
            publication.drop()
            return f"package {package} was complete and is now in the ledger"
    except (IntegrityError, NotFound, Refused):
        pass  # its name is taken, or its custodian was revoked: it is removed, or never appeared
    # In this order: without the intent nobody would ever give the serials back.
    station.ledger.commit(station.author, ExportAbandoned(package, "the process ended"))
    publication.withdraw()
    return f"the unfinished package {package} was removed; its serials are as they were before"


def _taken_away(publication: Publication, change: Packaged) -> bool:
    """Whether the archive had its final name, and has been moved or replaced since."""
    renamed = not hidden(publication.files[0]).exists()
    return renamed and not _complete(publication, change)


def _book_taken_away(station: Station, publication: Publication, change: Packaged) -> str:
    """The archive may be at the print shop: its serials must never be packaged again."""
    package = change.package
    try:
        station.ledger.commit(station.author, change)
    except (IntegrityError, NotFound, Refused) as error:
        publication.leave()
        return (
            f"package {package} left its folder before it was booked, and cannot be booked now: "
            f"{error.message}; its serials stay reserved"
        )
    publication.withdraw()
    return (
        f"package {package} left its folder before it was booked, and is in the ledger now; "
        "if nobody has its archive, void its codes or reprint it"
    )


def _complete(publication: Publication, change: Packaged) -> bool:
    archive = publication.files[0]
    for path in (archive, hidden(archive)):
        if path.exists():
            return file_digest(path) == change.archive_sha256
    return False


def _noted(publication: Publication) -> Change | None:
    note = publication.noted
    return None if note is None else decode(str(note.get("type")), note.get("body"))


_SETTLE = {"mint": _mint, "export": _export, PREFIX_FILTER: _prefix_filter}


def has_batch(station: Station, batch: str) -> bool:
    """Whether the ledger has the batch."""
    with station.ledger.read() as view:
        try:
            view.batch(batch)
        except NotFound:
            return False
    return True


def package_status(station: Station, package: str) -> str | None:
    """The package's status, or None if the ledger does not have it."""
    with station.ledger.read() as view:
        try:
            return view.package(package).status
        except NotFound:
            return None


def unsettled(station: Station) -> list[str]:
    """The batches and packages that `recover` would settle."""
    subjects = [path.stem for path in sorted((station.home / "work").glob("*.json"))]
    return [subject for subject in subjects if not station.intents.alive(subject)]


def stale(station: Station) -> list[Path]:
    """Locks that nobody holds, and files begun an hour ago or more, of which no intent tells."""
    home = station.home
    subjects = [path.stem for path in (home / "work").glob("*.json")]
    found = [
        path
        for path in (home / "work").glob("*.lock")
        if path.stem not in subjects and _is_free(path)
    ]
    for folder in (home, home / "work", home / "vault", home / "hot-folders"):
        for path in folder.glob(".*.part"):
            told = any(subject in path.name for subject in subjects)
            if path.is_file() and not told and _age(station, path) >= STALE:
                found.append(path)
    return sorted(found)


def remove_stale(path: Path) -> None:
    """Remove what `stale` found, unless a process has taken it meanwhile."""
    if path.suffix != ".lock":
        path.unlink(missing_ok=True)
        return
    lock = FileLock(path, thread_local=False)
    with contextlib.suppress(Timeout):
        lock.acquire(timeout=0)
        try:
            # While it is held: a process that waits for it then sees that the file is another.
            if os.name == "posix":
                path.unlink(missing_ok=True)
        finally:
            lock.release()


def _is_free(path: Path) -> bool:
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except OSError:  # held, or of another user, or on a disk that takes no writes
        return False
    lock.release()
    return True


def _age(station: Station, path: Path) -> float:
    with contextlib.suppress(FileNotFoundError):
        return station.now().timestamp() - path.stat().st_mtime
    return 0.0

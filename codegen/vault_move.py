"""`vault move`: the sealed batches go from this home's folder into a store, or back.

| | step into a store | a crash leaves | the same command |
| --- | --- | --- | --- |
| 1 | the store is claimed for the home, and tried | the claim | goes on |
| 2 | the files of each batch become objects, which are booked | orphans | does the rest |
| 3 | every byte is read back and compared with what the station signed | nothing else | again |
| 4 | the settings name the store | files that nobody needs | goes on with 5 |
| 5 | runs are kept at hand, the other files removed | some of them | removes the rest |

Back: each part is fetched into a hidden file, compared with its digest in the books and renamed;
all are compared; then the settings name no store. Nothing is removed there. Until the settings
change the home works where it did. What is minted or sealed anew meanwhile is looked for once
more; what a process still mints into the folder after that, the same command takes along.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import IntegrityError, Refused
from .files import create, fsync_folder, hidden, sync
from .ledger.changes import PARTS, StoredObject
from .ledger_move import refuse_others
from .progress import Progress
from .recover import recover
from .result import Result
from .sealed.record import file_digest
from .sealed.vault import Vault
from .station import config_edit
from .station.older_copy import refuse_older
from .station.shared_places import SharedPlaces
from .station.station import Station
from .stored import keep, name_objects

if TYPE_CHECKING:
    from .sealed.shared_storage import SharedStorage
    from .sealed.store import ObjectStore

LOCAL = "local"
_BLOCK = 4_194_304
_LOOKS = 5


@dataclass(frozen=True)
class VaultMoveResult(Result):
    """Where the batches lie now: `local`, or a store; how many went there just now."""

    vault: str
    moved: bool
    batches: int

    def lines(self) -> Iterator[str]:
        """Where they lie, and what to do next."""
        if not self.moved:
            yield f"the vault lies there already: {self.vault}"
            return
        yield f"the vault moved to {self.vault}: {self.batches:,} of its batches just now"
        yield "every byte was compared with what the station signed"
        if self.vault == LOCAL:
            yield "what is left in the store is needed by nobody; back the folder up from now on"
        else:
            yield "start services anew; next: another station: mintmark station join"


def move(
    station: Station, places: SharedPlaces, progress: Progress = lambda *_: None
) -> VaultMoveResult:
    """Let the batches lie in the store of `places.vault`, or in the folder if that is `local`.

    After a crash the same call goes on. Raises `UsageError`, `Refused`, `IntegrityError`,
    `VaultAway`, `EnvironmentFailure`.
    """
    refuse_older(station)
    for _ in recover(station):
        pass
    here = station.config.vault_url
    if places.vault == LOCAL:
        return _back(station, progress)
    places.check()
    if here is not None and here != places.vault:
        raise Refused(
            f"the vault lies in another store: {here}",
            f"move it back first: mintmark vault move --to {LOCAL}",
        )
    target = _Target(station, places)
    moved = 0
    for _ in range(_LOOKS):
        some = target.upload_missing(progress)
        moved += some
        if not some:
            break
    target.verify(progress)  # 3
    station.failpoint("verified")
    if here is None:
        config_edit.set_value(station.home, "vault", _settings(places))  # 4
        station.failpoint("named")
    target.tidy()  # 5
    return VaultMoveResult(str(places.vault), moved=here is None or moved > 0, batches=moved)


def _settings(places: SharedPlaces) -> dict[str, str | None]:
    file = None if places.credentials is None else str(places.credentials.absolute())
    return {
        "credentials_file": file,
        "region": places.region,
        "endpoint": places.endpoint,
        "url": places.vault if places.vault != LOCAL else None,
    }


class _Target:
    """The store, and the batches in it as far as they are booked."""

    def __init__(self, station: Station, places: SharedPlaces) -> None:
        from .sealed.probe import probe
        from .sealed.stores import claim, open_store

        self._station, self._home = station, station.config.home_id
        store = open_store(str(places.vault), places.endpoint, places.region, places.credentials)
        claim(store, self._home)  # 1
        if station.config.vault_url is None:
            probe(store)
        station.failpoint("claimed")
        self._folder = Vault(station.home / "vault")
        self._shared = _storage(station, store)
        self._vault = Vault(station.home / "vault", self._shared)

    def upload_missing(self, progress: Progress) -> int:
        """Step 2: how many batches were not there, or with other wraps."""
        there = {found.key: found.size for found in self._shared.store.list(self._home)}
        with self._station.ledger.read() as view:
            rows = {row.batch: view.objects(row.batch) for row in view.batches()}
        done = 0
        for number, (batch, objects) in enumerate(rows.items(), 1):
            missing = self._missing(batch, objects, there)
            if missing:
                self._upload(batch, missing)
                done += 1
            progress("moving", number, len(rows))
        return done

    def _missing(
        self, batch: str, objects: Mapping[str, StoredObject], there: Mapping[str, int]
    ) -> list[str]:
        """The parts that the books do not name in this store; wraps also if they are others."""
        missing = [
            part
            for part in PARTS
            if part not in objects or there.get(objects[part].key) != objects[part].size
        ]
        wraps = self._folder.parts(batch).wraps
        is_local = self._station.config.vault_url is None
        if is_local and "wraps" not in missing and wraps.exists():
            missing += ["wraps"] * (file_digest(wraps) != objects["wraps"].sha256)
        return missing

    def _upload(self, batch: str, missing: list[str]) -> None:
        station, files = self._station, self._folder.parts(batch)._asdict()
        if not all(files[part].exists() for part in missing):
            raise IntegrityError(
                f"files of batch {batch} are gone from the vault's folder",
                "bring them back from your copy of the home; see: mintmark doctor",
            )
        if len(missing) == len(PARTS):
            self._folder.verify(batch, station.station_keys, station.wrap_keys)
        began = station.ledger.clock()
        stored = [
            self._shared.upload(batch, part, files[part], file_digest(files[part]))
            for part in missing
        ]
        station.failpoint("uploaded")
        name_objects(station, batch, stored, began)
        station.failpoint("booked")

    def verify(self, progress: Progress) -> None:
        """Step 3. Raises `IntegrityError`."""
        with self._station.ledger.read() as view:
            rows = view.batches()
        for number, row in enumerate(rows, 1):
            known = self._station.station_keys, self._station.wrap_keys
            self._vault.verify(row.batch, *known)
            progress("comparing", number, len(rows))

    def tidy(self) -> None:
        """Step 5, with the settings as they are now."""
        now, entropy = self._station.now, self._station.entropy
        station = Station(self._station.home, operator=None, now=now, entropy=entropy)
        station.failpoint = self._station.failpoint
        with contextlib.closing(station):
            with station.ledger.read() as view:
                batches = [row.batch for row in view.batches()]
            for files in map(station.vault.parts, batches):
                if any(path.exists() for path in files):
                    keep(station, files.sealed.stem, files)


def _storage(station: Station, store: "ObjectStore") -> "SharedStorage":
    from .sealed.shared_storage import SharedStorage

    def objects(batch: str) -> Mapping[str, StoredObject]:
        with station.ledger.read() as view:
            return view.objects(batch)

    return SharedStorage(
        station.home / "vault",
        home=station.config.home_id,
        open_store=lambda: store,
        objects=objects,
        entropy=station.entropy,
        limit=station.config.vault_cache_bytes,
    )


def _back(station: Station, progress: Progress) -> VaultMoveResult:
    shared = station.vault.shared
    if shared is None:
        return VaultMoveResult(LOCAL, moved=False, batches=0)
    with station.ledger.read() as view:
        refuse_others(station, view)
        batches = [row.batch for row in view.batches()]
    local = Vault(station.home / "vault")
    for number, batch in enumerate(batches, 1):
        for part, path in local.parts(batch)._asdict().items():
            _fetch(shared, path, part)
        station.failpoint("fetched")
        local.verify(batch, station.station_keys, station.wrap_keys)
        progress("moving", number, len(batches))
    fsync_folder(station.home / "vault")
    config_edit.set_value(station.home, "vault", _settings(SharedPlaces(vault=LOCAL)))
    station.failpoint("named")
    return VaultMoveResult(LOCAL, moved=True, batches=len(batches))


def _fetch(shared: "SharedStorage", path: Path, part: str) -> None:
    """The part as the file at `path`, unless it is there. Raises `IntegrityError` for another."""
    row = shared.row(path.name)
    if path.exists() and file_digest(path) == row.sha256:
        return
    sibling, digest = hidden(path), hashlib.sha256()
    sibling.unlink(missing_ok=True)
    firsts = range(0, row.size, _BLOCK)
    spans = ((first, min(_BLOCK, row.size - first)) for first in firsts)
    with create(sibling) as file:
        for block in shared.read_each(path.name, spans):
            digest.update(block)
            file.write(block)
        sync(file)
    if digest.hexdigest() != row.sha256:
        sibling.unlink()
        raise IntegrityError(
            f"the {part} of a batch in the store is not what the ledger names: {path.name}",
            "bring the object back from a copy or an older version of the bucket",
        )
    sibling.replace(path)

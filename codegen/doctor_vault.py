"""What `doctor` finds of the vault: of a home's own folder, or of the store that stations share.

An object of the store that no row of the ledger names is an orphan: of a mint or a change of
custodians that was cut short, or of wraps that were replaced. It is removed by `doctor --repair`
once it is a day old by the store's clock, if the ledger, asked again, still does not name it; and
never while a sign is open that the ledger is an older copy, for then it may have forgotten names.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from .away import OutOfReach
from .errors import EnvironmentFailure, MintmarkError
from .finding import ERROR, OK, WARNING, Check, Finding
from .ledger.changes import PARTS, StoredObject
from .ledger.records import BatchRow
from .recover import unsettled
from .sealed.header import is_batch_id
from .sealed.record import file_digest
from .sealed.store import Listed
from .station.older_copy import signs, unbooked
from .station.station import Station
from .stored import shared_of

ORPHANED = timedelta(days=1)
AT_ONCE = 200  # keys that the ledger is asked about


def vault_check(*, deep: bool, repair: bool) -> Check:
    """The check of the vault. `deep`: every byte of a store is read, too; a folder's always are.

    With `repair` it does not tell what `repaired` will do away with.
    """

    def vault(station: Station) -> Iterator[Finding]:
        if not station.vault.is_shared:
            yield from _folder(station)
            return
        try:
            yield from _store(station, deep=deep)
            if not repair:
                yield from _left(station)
        except OutOfReach as error:
            yield _away(error)

    return vault


def _folder(station: Station) -> Iterator[Finding]:
    with station.ledger.read() as view:
        booked = {row.batch: row for row in view.batches()}
    for batch, row in booked.items():
        try:
            station.vault.verify(batch, station.station_keys, station.wrap_keys)
        except MintmarkError as error:
            yield Finding(ERROR, "vault", f"batch {batch}: {error.message}", "; ".join(error.hints))
            continue
        if file_digest(station.vault.parts(batch).record) != row.mint_record_sha256:
            yield _another(batch)
    others = {*booked, *unsettled(station), *unbooked(station)}  # other checks' findings
    for batch in sorted(_ids(station.vault.storage.names()) - others):
        if not station.intents.alive(batch):
            yield Finding(
                WARNING,
                "vault",
                f"files of batch {batch} are in the vault and not in the ledger",
                "they are of another home, or not whole; nothing was changed",
            )
    yield from _aside(station)
    yield _looked(len(booked), "every byte")


def _store(station: Station, *, deep: bool) -> Iterator[Finding]:
    shared = shared_of(station)
    # In this order: what a row names was there before it.
    with station.ledger.read() as view:
        booked = {row: view.objects(row.batch) for row in view.batches()}
    there = {found.key: found.size for found in shared.own.list(shared.home)}
    for row, objects in booked.items():
        yield from _batch(station, row, objects, there, deep=deep)
    yield from _aside(station)
    yield _looked(len(booked), "every byte" if deep else "every object's size; --deep reads them")


def _left(station: Station) -> Iterator[Finding]:
    try:
        found = orphans(station)
    except OutOfReach:
        raise
    except EnvironmentFailure:  # the store's clock is told by what is written
        found = []
        yield Finding(OK, "vault", "not looked for orphans: this station may not write there")
    if found:
        size = sum(item.size for item in found)
        yield Finding(
            WARNING,
            "vault",
            f"{len(found):,} objects of the store, {size:,} bytes, belong to no batch",
            "remove them: mintmark doctor --repair",
        )
    for name in _damaged(station):
        yield Finding(
            WARNING, "vault", f"{name} is damaged here", "remove it: mintmark doctor --repair"
        )


def _batch(
    station: Station,
    row: BatchRow,
    objects: dict[str, StoredObject],
    there: dict[str, int],
    *,
    deep: bool,
) -> Iterator[Finding]:
    """What is wrong with the objects of a batch."""
    wrong = _wrong(objects, there)
    if wrong is not None:
        hint = "bring the object back from a copy or an older version of the bucket"
        yield Finding(ERROR, "vault", f"batch {row.batch}: {wrong}", hint)
        return
    vault, known = station.vault, station.station_keys
    try:
        if deep:
            record = vault.verify(row.batch, known, station.wrap_keys)
        else:
            record = vault.record(row.batch, known)
            vault.wraps(row.batch, known, station.wrap_keys)
    except OutOfReach:
        raise
    except MintmarkError as error:
        yield Finding(ERROR, "vault", f"batch {row.batch}: {error.message}", "; ".join(error.hints))
        return
    named_so = {part: objects[part].sha256 for part in record.digests}
    if record.digests != named_so or objects["record"].sha256 != row.mint_record_sha256:
        yield _another(row.batch)


def _wrong(objects: dict[str, StoredObject], there: dict[str, int]) -> str | None:
    """What is wrong with the first object that is not there as the ledger names it."""
    for part in PARTS:
        if (named := objects.get(part)) is None:
            return f"the books name no {part} of it"
        if there.get(named.key) != named.size:
            how = "is gone" if named.key not in there else "was cut or added to"
            return f"its {part}, {named.key}, {how}"
    return None


def orphans(station: Station) -> list[Listed]:
    """The objects below batches that no row names, a day old or more by the store's clock."""
    shared = shared_of(station)
    young = shared.own.clock() - ORPHANED
    old = [found for found in shared.own.list(shared.home) if found.changed <= young]
    return _unnamed(station, [found for found in old if _is_part(found.key, shared.home)])


def repaired(station: Station) -> Iterator[Finding]:
    """Remove orphans, and runs that are kept here and are not what the ledger names."""
    if not station.vault.is_shared:
        return
    try:
        yield from _remove_orphans(station)
    except OutOfReach as error:
        yield _away(error)
    for name in _damaged(station):
        (station.vault.folder / name).unlink(missing_ok=True)
        yield Finding(OK, "vault", f"{name} was damaged and is gone; it is fetched again")


def _remove_orphans(station: Station) -> Iterator[Finding]:
    found = orphans(station)
    if found and signs(station).sentences():
        yield Finding(
            WARNING,
            "vault",
            f"{len(found):,} objects that belong to no batch are left: this may be an older copy",
            "decide that first: see the finding about copies",
        )
        return
    for item in found:
        shared_of(station).own.delete(item.key)
    if found:
        yield Finding(OK, "vault", f"{len(found):,} objects that belong to no batch were removed")


def _damaged(station: Station) -> list[str]:
    """The runs that are kept here and are not what the ledger names."""
    with station.ledger.read() as view:
        rows = {row.batch: view.objects(row.batch).get("run") for row in view.batches()}
    digests = {
        station.vault.parts(batch).run.name: named.sha256
        for batch, named in rows.items()
        if named is not None
    }
    return [path.name for path in shared_of(station).cache.damaged(digests)]


def _unnamed(station: Station, found: Sequence[Listed]) -> list[Listed]:
    left: list[Listed] = []
    for start in range(0, len(found), AT_ONCE):
        some = found[start : start + AT_ONCE]
        with station.ledger.read() as view:
            named = view.holds_objects([item.key for item in some])
        left += [item for item in some if item.key not in named]
    return left


def _is_part(key: str, home: str) -> bool:
    parts = key.split("/")
    return len(parts) == 3 and parts[0] == home and is_batch_id(parts[1])


def _another(batch: str) -> Finding:
    return Finding(
        ERROR,
        "vault",
        f"batch {batch} is not the one the ledger knows by that name",
        "bring its files back from a copy",
    )


def _aside(station: Station) -> Iterator[Finding]:
    aside = station.home / "vault" / "quarantine"
    if aside.exists() and any(aside.iterdir()):
        yield Finding(
            WARNING,
            "vault",
            "vault/quarantine holds what did not hold together",
            "look at it, keep a copy, then empty the folder",
        )


def _away(error: OutOfReach) -> Finding:
    return Finding(WARNING, "vault", error.message, "; ".join(error.hints))


def _looked(batches: int, how: str) -> Finding:
    return Finding(OK, "vault", f"{batches} batch{'es' * (batches != 1)} looked at, {how}")


def _ids(names: Iterable[str]) -> set[str]:
    """The batches that files of the vault belong to."""
    return {name.split(".")[0] for name in names if is_batch_id(name.split(".")[0])}

"""`init` of a home whose books lie in a database, whose batches lie in a store, or both.

Nothing can make a folder, a claim on a store and the tables of a database at once. The tables are
made last, in one transaction with the founding events: there is a home from then on, and before
that there is none. The steps, and what a crash leaves:

| step | a crash in it leaves | and the same `init` |
| --- | --- | --- |
| 1. keys, settings and a note go into a hidden folder | the hidden folder | begins anew |
| 2. it becomes the home's folder | the folder, with the note | goes on at 3, with its keys |
| 3. the store is claimed for the home | that, and perhaps the claim | goes on at 3 |
| 4. the ledger is made | that, and perhaps the ledger | looks for it, and goes on at 4 |
| 5. the note is removed | the home, whole | says that it is there |

A failure instead of a crash takes the claim and the folder back. If the database is lost as it
commits, and stays away, nobody can tell whether there is a home: then all stays as a crash would
have left it, and the error says so.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .. import ids, notes
from ..away import CommitUnknown, OutOfReach
from ..errors import EnvironmentFailure, IntegrityError, MintmarkError, NotFound, Refused
from ..files import fsync_folder, write_exclusively
from ..invocation import Invocation
from ..ledger.ledger import Author, Ledger
from ..ledger.place import LedgerPlace
from ..station import config, new_home
from ..station.founding import founding
from ..station.keys import CustodianPublic
from ..station.new_home import NewHome
from ..station.publish import Failpoint, no_failpoint
from ..station.settings_template import template
from ..station.shared_places import SharedPlaces
from ..station.station import actor

if TYPE_CHECKING:
    from ..sealed.store import ObjectStore

_NOTE = "init.json"
_NOTE_BYTES = 16_384
_AGAIN = (
    "run the same command again once the database answers: it finds out whether there is a home,"
    " and goes on with the keys that are here"
)
_MEMBERS = ("key_id", "sign_public", "seal_public", "custodian_key")


@dataclass(frozen=True)
class Founded:
    """What was made: the home, where its custodian's key is, and what was seen of the store."""

    made: NewHome
    custodian_key: Path | None
    store: str | None


def is_begun(home: Path) -> bool:
    """Whether an `init` was cut short there: the next one goes on with its keys."""
    return (home / "work" / _NOTE).exists()


def found(
    invocation: Invocation,
    custodian: CustodianPublic,
    custodian_key: Path | None,
    places: SharedPlaces,
    name: str = new_home.STATION,
) -> Founded:
    """Make the home at `invocation.home`, founded by the station `name`.

    Raises `Refused` if the folder, the database or the store is another's.

    After an exception there is neither folder nor claim nor ledger, unless `is_begun`.
    """
    home, store = invocation.home.absolute(), _free_store(places)
    _refuse_taken(places)
    sentence = probed(store)
    home_id = ids.new_home_id(invocation.entropy)
    with new_home.folder_of_home(home, invocation.entropy) as folder:  # 1, 2
        new_home.write_founders(folder, invocation.entropy, name)
        text = template(home_id, custodian_key, places)
        write_exclusively(folder / config.NAME, text.encode("utf-8"))
        notes.write(folder / "work" / _NOTE, _note(custodian, custodian_key))
    return _finish(invocation, home, store, sentence)


def go_on(invocation: Invocation, places: SharedPlaces) -> Founded:
    """Go on where an `init` at `invocation.home` was cut short.

    Raises `Refused` if it was for other places than `places`.
    """
    home = invocation.home.absolute()
    if config.read(home).shared_places != places:
        raise Refused(
            f"{home} was begun by an init with other addresses",
            f"give the same again, as in {home / config.NAME}; or remove that folder",
        )
    store = open_places(places)
    return _finish(invocation, home, store, probed(store))


def _finish(
    invocation: Invocation,
    home: Path,
    store: "ObjectStore | None",
    sentence: str | None,
    failpoint: Failpoint = no_failpoint,
) -> Founded:
    """Steps 3 to 5."""
    from ..sealed import stores

    settings = config.read(home)
    place = settings.shared_places.database or home / "ledger.db"
    custodian, custodian_key = _noted(home)
    made = new_home.new_home(settings.home_id, new_home.read_founders(home))
    try:
        failpoint("placed")
        if store is not None:
            stores.claim(store, made.home_id)  # 3
        failpoint("claimed")
        if not _is_there(invocation, place, made.home_id):
            _create(invocation, home, place, custodian)  # 4
        failpoint("created")
    except CommitUnknown as error:
        error.hints = (_AGAIN,)
        raise
    except BaseException as error:
        if isinstance(error, MintmarkError) or not _may_be_there(invocation, place, made.home_id):
            stays = _take_back(home, store, made.home_id)
            if stays is not None and isinstance(error, MintmarkError):
                error.hints = (*error.hints, stays)
        raise
    (home / "work" / _NOTE).unlink()  # 5
    fsync_folder(home / "work")
    return Founded(made, custodian_key, sentence)


def _create(
    invocation: Invocation, home: Path, place: LedgerPlace, custodian: CustodianPublic
) -> None:
    home_id, founders = config.read(home).home_id, new_home.read_founders(home)
    author = Author(actor(invocation.operator), founders.station.key_id, founders.station.sign)
    changes = new_home.founding_changes(home_id, founders, custodian)
    Ledger.create(place, author, invocation.now, *changes).close()


def _is_there(invocation: Invocation, place: LedgerPlace, home_id: str) -> bool:
    """Whether the ledger of this home was made already; what else may be there is no matter."""
    try:
        with Ledger.open(place, invocation.now) as ledger, ledger.read() as view:
            return founding(view).home == home_id
    except (NotFound, IntegrityError, Refused):
        return False


def _may_be_there(invocation: Invocation, place: LedgerPlace, home_id: str) -> bool:
    """The same after an interrupt, which may have come after the commit; also if nobody answers."""
    try:
        return _is_there(invocation, place, home_id)
    except MintmarkError:
        return True


def _take_back(home: Path, store: "ObjectStore | None", home_id: str) -> str | None:
    """Undo steps 2 and 3. If the store cannot be asked, the note stays for the next `init`.

    What a person has to do, if this key may not remove the claim.
    """
    from ..sealed import stores

    stays = None
    try:
        if store is not None and stores.home_of(store) == home_id:
            store.delete(stores.HOME_KEY)
    except OutOfReach:
        return None
    except EnvironmentFailure:
        stays = f"{stores.HOME_KEY} at {store and store.address} stays: have it removed, too"
    except (MintmarkError, OSError):
        return None
    shutil.rmtree(home, ignore_errors=True)
    return stays


def _free_store(places: SharedPlaces) -> "ObjectStore | None":
    """The store. Raises `Refused` if it belongs to a home."""
    from ..sealed import stores

    store = open_places(places)
    if store is not None and (other := stores.home_of(store)) is not None:
        raise Refused(
            f"{store.address} holds the batches of home {other}",
            "give each home a bucket, prefix or folder of its own",
            "to add a station to that home: mintmark station join",
        )
    return store


def _refuse_taken(places: SharedPlaces) -> None:
    """Raises `Refused` for a database that is not empty, before anything is made."""
    if places.database is None:
        return
    from ..ledger import database

    engine = database.connect(places.database)
    try:
        database.refuse_taken(engine)
    finally:
        engine.dispose()


def open_places(places: SharedPlaces) -> "ObjectStore | None":
    """The store that `places` names, if it names one. Raises as `open_store` does."""
    from ..sealed.stores import open_store

    if places.vault is None:
        return None
    return open_store(places.vault, places.endpoint, places.region, places.credentials)


def probed(store: "ObjectStore | None") -> str | None:
    """What is to be told of the store. Raises `Refused` for one that can hold no vault."""
    from ..sealed.probe import probe

    return None if store is None else probe(store).sentence


def _note(custodian: CustodianPublic, custodian_key: Path | None) -> dict[str, object]:
    return {
        "key_id": custodian.key_id,
        "sign_public": custodian.sign_public.hex(),
        "seal_public": custodian.seal_public.hex(),
        "custodian_key": None if custodian_key is None else str(custodian_key),
    }


def _noted(home: Path) -> tuple[CustodianPublic, Path | None]:
    path = home / "work" / _NOTE
    try:
        note = notes.read(path, _NOTE_BYTES, _MEMBERS)
        public = CustodianPublic(
            note["key_id"], bytes.fromhex(note["sign_public"]), bytes.fromhex(note["seal_public"])
        )
    except (ValueError, TypeError):
        raise IntegrityError(
            f"{path} is damaged: the init that wrote it cannot be gone on with",
            f"remove {home}, and the custodian key that it made; then run init again",
        ) from None
    named = note["custodian_key"]
    return public, None if named is None else Path(named)

"""`station join`: a folder with keys of its own, on another machine, for a home that is there.

It writes nothing into the books, and into the store only what the probe removes again: the station
is nobody until it is admitted. A crash leaves a hidden folder, or the folder of the station. What
it shows can be seen again: any command there says it until the station is admitted.
"""

import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..away import OutOfReach
from ..errors import EnvironmentFailure, NotFound, Refused, UsageError
from ..files import home_of, write_exclusively
from ..invocation import Invocation
from ..ledger.database import NoLedger
from ..ledger.ledger import Ledger
from ..ledger.place import LedgerDatabase
from ..ledger.view import View
from ..result import Result
from ..station import config, keys
from ..station.admission import admitting
from ..station.founding import Founding, founding
from ..station.new_home import folder_of_home, refuse_taken
from ..station.seal_key import NAME, new_seal_key, write_seal_key
from ..station.settings_template import template
from ..station.shared_places import SharedPlaces
from ..station.station_key import StationPublic
from ..station.words import words
from .found import open_places, probed
from .names import check_name


@dataclass(frozen=True)
class StationJoined(Result):
    """The folder that was made, the key to paste at another station, and the words to compare.

    `name` is the one proposed; `admitting` are the stations that may admit, `store` is what was
    seen of the store.
    """

    home: Path
    home_id: str
    name: str
    key_id: str
    station_key: str
    words: tuple[str, ...]
    admitting: tuple[str, ...]
    store: str | None

    def lines(self) -> Iterator[str]:
        """What to type where, and what to compare."""
        yield f"a station of home {self.home_id}, not admitted yet, made at {self.home}"
        if self.store is not None:
            yield self.store
        yield f"now, at station {' or '.join(self.admitting)}:"
        what = f"--name {self.name} --may mint,export,order"
        yield f"  mintmark station admit {self.station_key} {what}"
        yield "and compare what it shows with these words, by telephone or side by side:"
        yield f"  {' '.join(self.words)}"


def join(invocation: Invocation, places: SharedPlaces, name: str | None) -> StationJoined:
    """Make the folder of a station at `invocation.home`.

    `name` is what it is to be called; None: after its machine. Raises `UsageError` for addresses
    that cannot be shared, `NotFound` for a database without a home, `Refused` for a folder that is
    taken, a store of another home, or a name of another station.
    """
    places.check()
    home = invocation.home.absolute()
    _check_place(home)
    if name is not None:
        check_name(name)
    if places.database is None or places.vault is None:
        raise UsageError(
            "stations share a ledger and a vault, and one of them is not named",
            "give --ledger URL and --vault URL, as the home was made with",
        )
    with _ledger(places.database, invocation) as ledger, ledger.read() as view:
        founded, who = founding(view), tuple(row.name for row in admitting(view))
        called = _called(view, name)
    store = _checked_store(places, founded)
    signing = keys.new_signing_key("station", called, invocation.entropy)
    sealing = new_seal_key(founded.home, founded.hash, invocation.entropy)
    with folder_of_home(home, invocation.entropy) as folder:
        keys.write_signing_key(folder / "keys" / "station.key", signing)
        write_seal_key(folder / "keys" / NAME, sealing)
        text = template(founded.home, None, places)
        write_exclusively(folder / config.NAME, text.encode("utf-8"))
    invocation.tell_open(*(home / "keys" / name for name in ("station.key", NAME)))
    public = StationPublic(signing.public, sealing.public)
    said = words(founded.home, founded.hash, public.sign_public, public.seal_public)
    return StationJoined(
        home, founded.home, called, public.key_id, public.text, said, who, store
    )  # fmt: skip


def _check_place(home: Path) -> None:
    if (other := home_of(home.parent)) is not None:
        raise UsageError(
            f"the station's folder would lie in the home {other}", "name another with --home"
        )
    refuse_taken(home)


def _ledger(place: LedgerDatabase, invocation: Invocation) -> Ledger:
    try:
        return Ledger.open(place, invocation.now)
    except NoLedger:
        raise NotFound(
            "no home's books are in this database",
            "name the one that the home was made with: see [ledger] url at another station",
            "to make a home in it: mintmark init --ledger URL --vault URL",
        ) from None


def _checked_store(places: SharedPlaces, founded: Founding) -> str | None:
    """What is to be told of the store. Raises `Refused` unless it is the home's."""
    from ..sealed.stores import belongs

    store = open_places(places)
    if store is not None:
        belongs(store, founded.home)
    try:
        return probed(store)
    except OutOfReach:
        raise
    except EnvironmentFailure:
        if store is None:
            raise
        return f"this key may not write to {store.address}: enough for a station that only reads"


def _called(view: View, name: str | None) -> str:
    """The name that is free: `name`, or one after this machine's. Raises `Refused`."""
    taken = {row.name for row in view.roster("station") if not row.revoked}
    if name is not None:
        if name in taken:
            raise Refused(f"another station is called {name}", "take another name: --name N")
        return name
    host = re.sub(r"[^a-z0-9]+", "-", platform.node().partition(".")[0].lower()).strip("-")
    plain = host[:28] or "station"
    names = (plain, *(f"{plain}-{number}" for number in range(2, 1_000)))
    return next(candidate for candidate in names if candidate not in taken)

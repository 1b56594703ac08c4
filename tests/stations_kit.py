"""A home that stations share, for tests: a database, a folder as its store, a folder a station."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from postgres_kit import cluster
from station_kit import PASSPHRASE, Home, now

from mintmark.codegen.home import init
from mintmark.codegen.invocation import Invocation
from mintmark.codegen.station import keys
from mintmark.codegen.station.shared_places import SharedPlaces
from mintmark.codegen.stations.admit import AdmitRequest, admit
from mintmark.codegen.stations.join import join


@dataclass
class Shared:
    """The home; `first` is the station that founded it."""

    root: Path
    places: SharedPlaces
    custodian: keys.CustodianKey
    first: Home
    opened: list[Home] = field(default_factory=list)

    def call(self, name):
        """What a command gets at the station `name`."""
        return Invocation(self.root / name, operator="Ms Wang", now=now)

    def joined(self, name):
        """A station that asks to be admitted, and what it shows."""
        shown = join(self.call(name), self.places, name)
        return self.home(name), shown

    def admitted(self, name, may):
        """A station that may do what `may` names."""
        home, shown = self.joined(name)
        station = self.first.station()
        words = " ".join(shown.words)
        admit(self.call("first"), station, AdmitRequest(shown.station_key, name, may, words))
        return home

    def home(self, name):
        made = Home(self.root / name, self.root / "custodian.key", self.custodian)
        self.opened.append(made)
        return made

    def close(self):
        for home in self.opened:
            home.close()

    @property
    def store(self):
        """Files of the store, below its folder."""
        folder = self.root / "store"
        return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def new_places(root, *, database=None):
    """A fresh database and an empty folder."""
    (root / "store").mkdir(exist_ok=True)
    url = database or cluster().database()
    return SharedPlaces(url, (root / "store").as_uri())


def make_shared(root, places=None):
    """A shared home whose stations have their folders in `root`."""
    places = places or new_places(root)
    custodian = keys.new_custodian_key(os.urandom)
    keys.write_custodian_key(
        root / "custodian.key", custodian, PASSPHRASE, os.urandom, keys.FOR_TESTS_ONLY
    )
    keys.write_custodian_public(root / "custodian.pub", custodian.public)
    call = Invocation(root / "first", operator="Ms Wang", now=now)
    init(call, None, root / "custodian.pub", None, places)
    first = Home(root / "first", root / "custodian.key", custodian)
    return Shared(root, places, custodian, first, [first])


def cast(mould, root):
    """A copy of the shared home `mould`, which nobody has open, in the empty folder `root`."""
    shutil.copytree(mould.root, root, dirs_exist_ok=True)
    places = new_places(root, database=cluster().database(like=mould.places.ledger))
    for settings in root.glob("*/mintmark.toml"):
        text = settings.read_text("utf-8")
        text = text.replace(mould.places.ledger, places.ledger)
        settings.write_text(text.replace(mould.places.vault, places.vault), "utf-8")
    made = Shared(root, places, mould.custodian, Home(root / "first", root / "x", mould.custodian))
    made.opened.append(made.first)
    return made

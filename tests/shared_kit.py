"""Homes that stations share: each has a folder of its own, one ledger and one store."""

import shutil
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from station_kit import Home, now

from mintmark.codegen.sealed.stores import claim, open_store
from mintmark.codegen.station.publish import no_failpoint
from mintmark.codegen.station.station import Station


class SharedStation(Station):
    """A station whose books are a file of this machine: the vault alone is shared here."""

    ledger_file: Path

    @property
    def ledger_place(self):
        return self.ledger_file


@dataclass
class SharedHome(Home):
    """A station's home; `url` is the store, `ledger` the books of all of them."""

    url: str = ""
    ledger: Path = Path()
    settings: dict = field(default_factory=dict)

    def station(self, *, failpoint=no_failpoint, entropy=None, moment=now):
        more = {} if entropy is None else {"entropy": entropy}
        station = SharedStation(
            self.path, operator="Ms Wang", now=moment, failpoint=failpoint, **more
        )
        station.ledger_file = self.ledger
        self.opened.append(station)
        return station

    @cached_property
    def store(self):
        return open_store(self.url, self.settings.get("endpoint"), self.settings.get("region"))

    def keys(self):
        """The keys of all objects of batches in the store."""
        return {found.key for found in self.store.list("") if "/" in found.key}

    def named(self, *batches):
        """The keys that the books name."""
        with self.station().ledger.read() as view:
            found = batches or [row.batch for row in view.batches()]
            return {row.key for batch in found for row in view.objects(batch).values()}

    def again(self, name):
        """Another station of the same home, with a folder of its own beside this one."""
        path = self.path.with_name(name)
        shutil.copytree(self.path, path, ignore=shutil.ignore_patterns("ledger.db*", "*.run"))
        shutil.copyfile(self.path / "ledger.db", path / "ledger.db")
        return SharedHome(
            path, self.key_file, self.custodian, [], self.url, self.ledger, self.settings
        )


def share(home, url, **settings):
    """`home`, made a moment ago, with its batches in the store at `url`."""
    lines = "".join(f"{name} = {value!r}\n" for name, value in {"url": url, **settings}.items())
    file = home.path / "mintmark.toml"
    text = file.read_text("utf-8")
    file.write_text(text.replace("[backend]", f"[vault]\n{lines}\n[backend]", 1), "utf-8")
    shared = SharedHome(
        home.path, home.key_file, home.custodian, [], url, home.path / "ledger.db", settings
    )
    claim(shared.store, shared.station().config.home_id)
    return shared

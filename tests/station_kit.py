"""A home for tests: made in milliseconds, its custodian key kept outside, at `home.key_file`."""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from mintmark.codegen.mint import mint
from mintmark.codegen.mint_request import MintRequest
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.secret import Secret
from mintmark.codegen.station import keys
from mintmark.codegen.station.new_home import create
from mintmark.codegen.station.publish import no_failpoint
from mintmark.codegen.station.station import Station

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PASSPHRASE = Secret(b"nine words are better than one")


def now():
    return NOW


@dataclass
class Home:
    """One home; `station()` opens it, each time anew."""

    path: Path
    key_file: Path
    custodian: keys.CustodianKey
    opened: list[Station] = field(default_factory=list)

    def station(self, *, failpoint=no_failpoint, entropy=os.urandom):
        station = Station(
            self.path, operator="Ms Wang", now=now, entropy=entropy, failpoint=failpoint
        )
        self.opened.append(station)
        return station

    def close(self):
        """Windows removes no open file, and Python 3.13 warns of unclosed databases."""
        for station in self.opened:
            station.close()
        self.opened.clear()

    def mint(
        self, quantity=10, station=None, prefix_bits=64, notify=lambda _: None, workers=None, **more
    ):
        request = MintRequest(quantity, **more)
        station = station or self.station()
        return mint(station, request, lambda *_: None, notify, prefix_bits, workers=workers)

    def codes(self, batch):
        """The codes of a batch, in order: with the custodian's key, there is no other way."""
        station = self.station()
        reader = station.vault.unseal(
            batch,
            station.station_keys,
            station.wrap_keys,
            self.custodian.public.key_id,
            self.custodian.sealing,
        )
        whole = Range(1, reader.header.quantity)
        opened = b"".join(codes for _, codes in reader.codes(whole))
        length = reader.header.length
        return [opened[at : at + length].decode() for at in range(0, len(opened), length)]

    def fingerprints(self, batch):
        station = self.station()
        whole = Range(1, station.vault.reader(batch, station.station_keys).header.quantity)
        parts = station.vault.fingerprints(batch, whole, station.station_keys)
        data = b"".join(found for _, found in parts)
        return {data[at : at + 16] for at in range(0, len(data), 16)}

    def rows(self):
        """The batches the ledger has."""
        with self.station().ledger.read() as view:
            return {row.batch: row for row in view.batches()}

    def files(self):
        """Every file of the vault and of the work folder, hidden ones too, by name."""
        folders = (self.path / "vault", self.path / "work")
        return {p.name for folder in folders for p in folder.rglob("*") if p.is_file()}

    def sql(self, statement, *values):
        """Somebody in the database by hand."""
        with closing(sqlite3.connect(self.path / "ledger.db", isolation_level=None)) as database:
            return database.execute(statement, values).fetchall()


def make_home(folder, custodian=None):
    """A home at `folder`/home and its custodian's key file beside it."""
    custodian = custodian or keys.new_custodian_key(os.urandom)
    key_file = folder / "custodian.key"
    keys.write_custodian_key(key_file, custodian, PASSPHRASE, os.urandom, keys.FOR_TESTS_ONLY)
    create(folder / "home", custodian.public, key_file, operator="Ms Wang", now=now)
    return Home(folder / "home", key_file, custodian)


def batch_files(*batches):
    """The five files that published batches consist of."""
    suffixes = (".sealed", ".fingerprints", ".run", ".wraps.json", ".mint.json")
    return {f"{batch}{suffix}" for batch in batches for suffix in suffixes}

"""A home whose ledger can be put out of reach: what the tests of orders that wait share."""

import contextlib
import json

from line_kit import home_with_batches

from mintmark.codegen.away import CommitUnknown, LedgerAway
from mintmark.codegen.ledger.ledger import Ledger
from mintmark.codegen.ledger.place import LedgerDatabase
from mintmark.codegen.station.station import Station

URL = "postgresql://mintmark@db.invalid/mintmark"


class Switch:
    """Whether the ledger answers. `lose`: how many commits from now on are done, and not told."""

    def __init__(self):
        self.away = False
        self.lose = 0
        self.opened = 0

    def check(self):
        if self.away:
            raise LedgerAway("the ledger's database does not answer")


def shared_home(folder, monkeypatch, count=1, **more):
    """A home that says that its books are shared, its batches, and the switch of its ledger."""
    home, batches = home_with_batches(folder, count, **more)
    return home, batches, share_books(home, monkeypatch)


def share_books(home, monkeypatch):
    """Let `home` say that its books are shared; the switch of its ledger."""
    text = (home.path / "mintmark.toml").read_text(encoding="utf-8")
    (home.path / "mintmark.toml").write_text(f'{text}\n[ledger]\nurl = "{URL}"\n', encoding="utf-8")
    switch = Switch()
    put_switch(monkeypatch, switch, home.path / "ledger.db")
    return switch


def put_switch(monkeypatch, switch, file):
    """Let `switch` decide whether the ledger of a shared home, a file here, can be had."""
    real_open, real_read, real_write = Ledger.open, Ledger.read, Ledger._write

    def place(station):
        return station.home / "ledger.db"

    @classmethod
    def opened(_, place, *args, **more):
        switch.opened += 1
        switch.check()
        return real_open(file if isinstance(place, LedgerDatabase) else place, *args, **more)

    @contextlib.contextmanager
    def read(ledger):
        switch.check()
        with real_read(ledger) as view:
            yield view

    def write(ledger, *args, **more):
        switch.check()
        done = real_write(ledger, *args, **more)
        if switch.lose:
            switch.lose -= 1
            raise CommitUnknown("the database was lost while it committed")
        return done

    monkeypatch.setattr(Station, "ledger_place", property(place))
    monkeypatch.setattr(Ledger, "open", opened)
    monkeypatch.setattr(Ledger, "read", read)
    monkeypatch.setattr(Ledger, "_write", write)


def orders(home):
    """(order, action, serials) of the booked orders, in the order of their booking."""
    station = home.station()
    with station.ledger.read() as view:
        rows = view.orders(limit=1_000)
    return [(row.order, row.change.action.value, row.touched) for row in rows]


def incidents(home, kind):
    with home.station().ledger.read() as view:
        return [event.change for event in view.incidents(kind)]


def ask(stream, **message):
    """The answer of a line to a message."""
    return stream.answer(json.dumps(message).encode("utf-8"))

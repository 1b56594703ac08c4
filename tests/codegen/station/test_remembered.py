"""Stations that saw the last commits of a shared ledger notice when it came back without them."""

import postgres_kit
import psycopg
import pytest

from mintmark.codegen import ledger_move
from mintmark.codegen.doctor import doctor
from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.invocation import Invocation
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.settle_copy import settle
from mintmark.codegen.station import copy_signs
from mintmark.codegen.station.older_copy import signs


@pytest.fixture
def shared(home):
    """A home on PostgreSQL with a batch; `copy()` is its database as it is then."""
    home.batch = home.mint(30).batch
    cluster = postgres_kit.cluster()
    url = cluster.database()
    station = home.station()
    ledger_move.move(station, url)
    home.close()
    home.url = url

    def name(address):
        settings = home.path / "mintmark.toml"
        text = settings.read_text("utf-8")
        settings.write_text(text.replace(home.url, address), "utf-8")
        home.url = address

    home.name = name
    home.copy = lambda: cluster.database(like=home.url)
    return home


def incidents(station, kind=copy_signs.NOTICED):
    with station.ledger.read() as view:
        return view.incidents(kind)


def note(station, text="work"):
    return station.ledger.commit(station.author, c.ContactAdded(text, "Ms Li", None))[0]


def test_nothing_is_said_of_a_ledger_that_only_grew(shared):
    one, other = shared.station(), shared.station()
    for number in range(3):
        note(one, f"a{number}")
        note(other, f"b{number}")
    shared.close()
    again = shared.station()
    assert not signs(again).sentences()
    assert incidents(again) == ()


def test_commits_that_were_lost_are_noticed_and_orders_go_on(shared):
    copy = shared.copy()
    station = shared.station()
    lost = note(station, "lost")
    shared.close()
    newest = shared.url
    shared.name(copy)
    station = shared.station()
    (sentence,) = signs(station).sentences()
    assert lost.hash[:16] in sentence
    assert incidents(station) == ()  # to look books nothing
    note(station, "goes-on")
    (event,) = incidents(station)
    assert event.change.facts.head == lost.hash
    with pytest.raises(IntegrityError, match="came back without") as refused:
        shared.mint(5, station)
    assert "docs/stations.md" in refused.value.hints[0]
    begun = c.ExportBegun(station.new_id(), shared.batch, (Range(1, 5),), "goes-on", "csv")
    with pytest.raises(IntegrityError, match="came back without"):
        station.ledger.commit(station.author, begun)
    note(station, "still")
    assert len(incidents(station)) == 1
    assert verify(station.ledger).ok
    # The newest database is found: nothing was wrong with it.
    shared.close()
    shared.name(newest)
    assert not signs(shared.station()).sentences()
    assert shared.mint(5)


@pytest.mark.parametrize("newer", ["lost", "none"])
def test_a_person_decides_for_all_stations(shared, newer):
    copy = shared.copy()
    note(shared.station(), "lost")
    shared.close()
    shared.name(copy)
    told = settle(shared.station(), newer, "the server burnt", lambda _: None)
    assert len(told.heads) == 1
    assert told.retired == ((shared.batch,) if newer == "lost" else ())
    shared.close()
    station = shared.station()
    assert not signs(station).sentences()
    assert shared.mint(5, station)
    shared.close()
    note(shared.station(), "goes-on")
    assert len(incidents(shared.station())) == 1


def test_a_running_process_notices_a_failover_under_it(shared):
    """Another database answers at the same address, as behind a pooler or a moved address."""
    station = shared.station()
    note(station, "there")
    seq = note(station, "lost").seq
    with psycopg.connect(shared.url) as connection:
        # What a standby lacks that lags behind.
        connection.execute("ALTER TABLE events DISABLE TRIGGER ALL")
        connection.execute("DELETE FROM contacts WHERE contact = 'lost'")
        connection.execute("DELETE FROM events WHERE seq = %s", (seq,))
        connection.execute("ALTER TABLE events ENABLE TRIGGER ALL")
    note(station, "goes-on")
    assert [event.seq for event in incidents(station)] == [seq]
    with pytest.raises(IntegrityError, match="came back without"):
        shared.mint(5, station)


def test_doctor_says_so(shared):
    copy = shared.copy()
    note(shared.station(), "lost")
    shared.close()
    shared.name(copy)
    found = doctor(shared.station(), (), repair=False).findings
    (copies,) = [f for f in found if f.check == "copies" and f.level == "error"]
    assert "came back without" in copies.message
    assert "docs/stations.md" in copies.hint
    with pytest.raises(IntegrityError, match="came back without"):
        Invocation(shared.path).require_newest(shared.station())


def test_a_home_of_its_own_remembers_nothing(home):
    station = home.station()
    note(station)
    assert station.memory is None
    assert not (home.path / "seen-head").exists()

"""A ledger moves into a database and back: unbroken, resumable, and locked behind."""

import contextlib
import json
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta

import postgres_kit
import psycopg
import pytest
from station_kit import NOW

from mintmark.codegen import ledger_move
from mintmark.codegen.errors import EnvironmentFailure, IntegrityError, Refused, UsageError
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ledger import database, place
from mintmark.codegen.ledger.ledger import Ledger
from mintmark.codegen.ledger.moving import LOCAL, LedgerMoved
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.station.publish import no_failpoint

POINTS = ("checked", "copied", "filled", "compared", "departed", "arrived", "named")
EVENTS = "SELECT * FROM events ORDER BY seq"
DELIVERIES = "SELECT * FROM deliveries ORDER BY order_id"


class Killed(BaseException):
    """The process ends here."""


def killed_at(point):
    def failpoint(reached):
        if reached == point:
            raise Killed

    return failpoint


def activated(station, batch, order, first, last):
    return c.Ordered(order, batch, Action.ACTIVATE, (Range(first, last),))


@pytest.fixture
def used(home):
    """A home with a batch, a package's worth of events, and orders that were tried."""
    station = home.station()
    batch = home.mint(40, station).batch
    package = station.new_id()
    (key,) = (key.key_id for key in station.custodians())
    unit = c.Unit(f"{package}-0", "data/0001.csv", 1, 40, 40, "00" * 32)
    station.ledger.commit(station.author, c.ContactAdded("li", "Ms Li — 李", None))
    station.ledger.commit(station.author, c.ExportBegun(package, batch, (Range(1, 40),), "li", "c"))
    done = c.Packaged(package, "{code}", "b.zip", 1, "0" * 64, "0" * 64, key, (unit,))
    station.ledger.commit(station.author, done)
    for number in range(1, 4):
        order = station.new_order_id()
        station.ledger.commit(
            station.author, activated(station, batch, order, 10 * number - 9, 10 * number)
        )
        station.ledger.claim(order, "me", NOW + timedelta(hours=1), NOW)
    station.ledger.attempted(order, NOW, "it cannot be reached")
    home.batch = batch
    home.close()
    return home


@pytest.fixture
def url():
    return postgres_kit.cluster().database(sorted_as=postgres_kit.SHIFTED)


def moved(home, to, failpoint=no_failpoint):
    station = home.station(failpoint=failpoint)
    try:
        return ledger_move.move(station, to)
    finally:
        station.close()


def rows(where, query):
    if where == LOCAL or not isinstance(where, str):
        with closing(sqlite3.connect(where.path / "ledger.db")) as found:
            return found.execute(query).fetchall()
    with psycopg.connect(where) as found:
        return found.execute(query).fetchall()


def booked(home):
    """The number of an event that is booked at the home now."""
    station = home.station()
    done = station.ledger.commit(station.author, c.Incident("test", "it goes on"))
    station.close()
    return done[0].seq


def works(home):
    """The same, of a ledger that is whole."""
    station = home.station()
    assert verify(station.ledger).ok
    station.close()
    return booked(home)


def is_open(where):
    with contextlib.suppress(LedgerMoved, IntegrityError, Refused):
        Ledger.open(where, lambda: NOW).close()
        return True
    return False


def test_there_and_back_the_books_are_the_same(used, url):
    events, deliveries = rows(used, EVENTS), rows(used, DELIVERIES)
    told = moved(used, url)
    assert (told.moved, told.ledger, told.events) == (True, url, len(events))
    assert rows(url, EVENTS) == events
    free = [(*row[:4], None, None) for row in deliveries]
    assert rows(url, DELIVERIES) == free != deliveries
    assert not moved(used, url).moved
    assert works(used) == len(events) + 1
    back = moved(used, LOCAL)
    assert (back.ledger, back.events) == (LOCAL, len(events) + 1)
    assert rows(used, EVENTS)[:-1] == events
    assert rows(used, DELIVERIES) == free
    assert works(used) == len(events) + 2
    assert moved(used, url).events == len(events) + 2
    assert works(used) == len(events) + 3


@pytest.mark.parametrize("to", ["there", "back"])
def test_a_move_that_is_killed_anywhere_goes_on(used, url, to):
    if to == "back":
        moved(used, url)
    target, source = (url, used) if to == "there" else (LOCAL, url)
    before = rows(source, EVENTS)
    for point in POINTS:
        with pytest.raises(Killed):
            moved(used, target, killed_at(point))
        both = [is_open(used.path / "ledger.db"), is_open(place.database(url))]
        assert both.count(True) == (0 if point == "departed" else 1), point
        if point in ("checked", "compared"):  # nothing is locked yet: the home goes on
            booked(used)
    assert not moved(used, target).moved
    assert rows(used if to == "back" else url, EVENTS)[: len(before)] == before
    assert works(used) == len(before) + 3


def test_nobody_books_while_it_moves_and_nobody_behind_it(used, url):
    running = used.station()
    said = []

    def order():
        try:
            running.ledger.commit(running.author, c.Incident("test", "meanwhile"))
        except LedgerMoved as error:
            said.append(error)

    writer = threading.Thread(target=order)

    def failpoint(point):
        if point == "checked":
            assert running.author
            writer.start()

    told = moved(used, url, failpoint)
    writer.join()
    (error,) = said
    assert url in error.message
    assert len(rows(url, EVENTS)) == told.events
    with pytest.raises(LedgerMoved), running.ledger.read() as view:
        view.roster()
    with pytest.raises(LedgerMoved):
        Ledger.open(used.path / "ledger.db", running.now)


def test_no_older_program_takes_what_is_left_for_a_ledger(used, url):
    moved(used, url)
    (found,) = rows(used, "SELECT version_num FROM alembic_version")[0]
    assert found > database.SCHEMA
    names = {name for (name,) in rows(used, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"alembic_version", "moved"} == {n for n in names if not n.startswith("moved_")}
    moved(used, LOCAL)
    assert rows(url, "SELECT version_num FROM alembic_version")[0][0] > database.SCHEMA


def test_another_station_is_told_and_goes_on_where_the_ledger_went(used, url):
    moved(used, url)
    running = used.station()
    assert verify(running.ledger).ok
    elsewhere = postgres_kit.cluster().database()
    moved(used, elsewhere)
    with pytest.raises(LedgerMoved, match="has moved to"):
        running.ledger.commit(running.author, c.Incident("test", "behind it"))
    settings = used.path / "mintmark.toml"
    # It still has the old settings: the same command brings it after.
    settings.write_text(settings.read_text("utf-8").replace(elsewhere, url), "utf-8")
    with pytest.raises(LedgerMoved):
        assert used.station().ledger
    assert moved(used, elsewhere).moved
    assert works(used)


@pytest.fixture
def second(used):
    """Another station on the roster."""
    station = used.station()
    key = c.KeyAdded("0123456789abcdef", "station", "wuhan", "ab" * 32, may=("mint",))
    station.ledger.commit(station.author, key)
    station.close()
    return key


def test_it_does_not_come_back_while_another_station_works_there(used, url, second):
    moved(used, url)
    with pytest.raises(Refused, match="wuhan") as refused:
        moved(used, LOCAL)
    assert "station retire" in refused.value.hints[0]
    assert works(used)
    station = used.station()
    station.ledger.commit(station.author, c.KeyRevoked(second.key_id, "retired"))
    station.close()
    assert moved(used, LOCAL).moved


def test_a_database_with_something_else_is_left_alone(used, other, url):
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE sales (id int)")
    with pytest.raises(Refused, match="something else"):
        moved(used, url)
    assert rows(url, "SELECT count(*) FROM sales") == [(0,)]
    taken = postgres_kit.cluster().database()
    moved(other, taken)
    with pytest.raises(Refused, match="something else"):
        moved(used, taken)
    half = postgres_kit.cluster().database()
    moved(other, LOCAL)
    with pytest.raises(Killed):
        moved(other, half, killed_at("compared"))
    with pytest.raises(Refused, match="something else"):
        moved(used, half)
    assert works(used)


def test_a_ledger_that_does_not_hold_does_not_move(used, url):
    used.sql("UPDATE contacts SET name = 'Mr Liu'")
    with pytest.raises(IntegrityError, match="does not hold"):
        moved(used, url)
    assert rows(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    used.sql("UPDATE contacts SET name = 'Ms Li — 李'")
    assert moved(used, url).moved


def test_a_target_that_was_touched_on_the_way_is_not_taken(used, url):
    def by_hand(point):
        if point == "filled":
            with psycopg.connect(url) as connection:
                connection.execute("UPDATE contacts SET name = 'Mr Liu'")

    with pytest.raises(IntegrityError, match="does not hold"):
        moved(used, url, by_hand)
    assert works(used)
    with pytest.raises(Killed):
        moved(used, url, killed_at("departed"))
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE alembic_version")
    with pytest.raises(IntegrityError, match="not there any more"):
        moved(used, url)


def test_a_move_has_one_target(used, url):
    with pytest.raises(Killed):
        moved(used, url, killed_at("departed"))
    with pytest.raises(Refused, match="has not ended") as refused:
        moved(used, postgres_kit.cluster().database())
    assert url in refused.value.hints[0]
    with pytest.raises(LedgerMoved):
        moved(used, LOCAL)
    assert moved(used, url).moved


def test_the_old_file_must_be_let_go_before_the_ledger_comes_back(used, url):
    with closing(sqlite3.connect(used.path / "ledger.db")) as holds:
        holds.execute("SELECT count(*) FROM events").fetchall()
        moved(used, url)
        holds.execute("BEGIN")
        holds.execute("SELECT count(*) FROM moved_events").fetchall()
        with pytest.raises(EnvironmentFailure, match="open since before"):
            moved(used, LOCAL)
    assert moved(used, LOCAL).moved
    assert works(used)
    assert json.loads(rows(used, EVENTS)[0][7])["home"]


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("postgresql://a:secret@db/mintmark", "holds a password"),
        ("mysql://db/mintmark", "no PostgreSQL database"),
        ("", "no PostgreSQL database"),
    ],
)
def test_what_is_no_place_is_refused(used, to, message):
    with pytest.raises(UsageError, match=message) as refused:
        moved(used, to)
    assert "secret" not in str(refused.value)
    assert not moved(used, LOCAL).moved

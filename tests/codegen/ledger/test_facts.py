"""Scan-ins read back from the backend, labels that were read: facts beside orders."""

import dataclasses

import pytest
from ledger_kit import (
    CUSTODIAN,
    LINE,
    STATION,
    begun,
    by_hand,
    clock,
    create,
    held,
    minted,
    ordered,
    packaged,
    ranges,
    scanned_in,
    scheduled,
    with_history,
    with_package,
)

from mintmark.codegen.errors import IntegrityError, NotFound, Refused, UsageError
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ledger.ledger import Ledger
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges import attributes, serials

AT = "2026-11-22T07:00:00Z"
WINDOW = {"from": AT, "until": None, "daily": None, "attributes": {"dealer": "D9"}}


@pytest.fixture(scope="module")
def books(shelf, tmp_path_factory):
    """B1 is packaged from 1 to 60, of which 50 is void; an export of 61-70 is under way."""
    path = shelf.new(tmp_path_factory.mktemp("books"))
    with create(path) as ledger:
        ledger.commit(STATION, minted("B1", 100), minted("B2", 50))
        with_package(ledger, "B1", "P1", (1, 30), (41, 60))
        ledger.commit(LINE, ordered("O1", "B1", "void", (50, 50), reason="damaged"))
        ledger.commit(STATION, begun("P2", "B1", (61, 70)))
    return shelf.keep(path)


@pytest.fixture
def place(shelf, books, tmp_path):
    return shelf.again(books, tmp_path)


@pytest.fixture
def ledger(place):
    with Ledger.open(place, clock()) as ledger:
        yield ledger
        result = verify(ledger)
        assert result.ok, result.problem


def given(ledger, batch):
    """Serials → dealer and time, of the codes that have them."""
    with ledger.read() as view:
        found = {}
        for tile in view.tiles(batch):
            values = attributes.to_json(tile.value.attributes)
            if "scanned_in" in values:
                found[str(tile.serials)] = values["dealer"], values["scanned_in"]
        return found


# --- scan-ins --------------------------------------------------------------------------


def test_a_scan_in_gives_codes_their_dealer_and_passes_over_what_it_cannot_reach(ledger):
    crowd = {f"native.k{n}": "x" for n in range(63)}
    ledger.commit(LINE, ordered("O2", "B1", "assign", (41, 41), attributes=crowd))
    ledger.commit(STATION, scanned_in("I1", 7, ("B2", (3, 4)), ("B1", (62, 80), (41, 61))))
    once = ("D7", AT)
    assert given(ledger, "B1") == {"42-49": once, "51-60": once, "71-80": once}
    assert given(ledger, "B2") == {"3-4": once}
    with ledger.read() as view:
        (row,) = view.scan_ins()
        assert (view.has_scan_in("I1"), view.has_scan_in("I2")) == (True, False)
    assert (row.scan_in, row.number, row.dealer, row.codes) == ("I1", 7, "D7", 8 + 10 + 10 + 2)
    assert row.parts == (held("B1", (41, 80)), held("B2", (3, 4)))
    assert row.at.isoformat() == "2026-11-22T07:00:00+00:00"


def test_a_later_scan_in_moves_the_codes_on(ledger):
    ledger.commit(STATION, scanned_in("I1", 1, ("B1", (1, 9))))
    again = scanned_in("I2", 2, ("B1", (5, 5)), dealer="D8", at="2026-12-01T09:00:00+08:00")
    ledger.commit(STATION, again)
    moved = ("D8", "2026-12-01T09:00:00+08:00")
    assert given(ledger, "B1") == {"1-4": ("D7", AT), "5": moved, "6-9": ("D7", AT)}
    with ledger.read() as view:
        assert [row.scan_in for row in view.scan_ins(after=1)] == ["I2"]
        assert [row.scan_in for row in view.scan_ins(limit=1)] == ["I1"]
        assert view.newest_scan_in().scan_in == "I2"


def test_codes_that_an_order_of_later_gave_a_dealer_are_only_opened(ledger):
    ledger.commit(LINE, ordered("O2", "B1", "assign", (3, 4), (7, 7), attributes={"dealer": "D8"}))
    change = scanned_in("I1", 1, ("B1", (1, 5)), ("B2", (1, 1)))
    ledger.commit(STATION, dataclasses.replace(change, later=(held("B1", (4, 4), (3, 3)),)))
    assert given(ledger, "B1") == {"1-2": ("D7", AT), "3-4": ("D8", AT), "5": ("D7", AT)}
    assert given(ledger, "B2") == {"1": ("D7", AT)}
    with ledger.read() as view:
        assert [row.codes for row in view.scan_ins()] == [6]


@pytest.mark.parametrize("later", [held("B1", (5, 6)), held("B2", (1, 1)), held("B1")], ids=str)
def test_what_came_later_lies_in_the_scan_in(ledger, later):
    change = dataclasses.replace(scanned_in("I1", 1, ("B1", (1, 5))), later=(later,))
    with pytest.raises(UsageError, match=r"lie in the scan-in|with serials"):
        ledger.commit(STATION, change)


def test_orders_that_give_a_dealer_are_found_by_when_they_came_to_the_backend(ledger):
    dealer, lot = {"dealer": "D8"}, {"lot": "L", "window.x": WINDOW}
    for order, patch in (("Q1", dealer), ("A1", dealer), ("A2", dealer), ("R", dealer), ("L", lot)):
        ledger.commit(LINE, ordered(order, "B1", "assign", (1, 2), (50, 51), attributes=patch))
    settled = [
        ledger.commit(LINE, c.Settled(order, status))[0].at
        for order, status in (
            ("A1", "acknowledged"), ("A2", "acknowledged"), ("R", "refused"), ("L", "acknowledged")
        )
    ]  # fmt: skip
    with ledger.read() as view:

        def found(since):
            return {row.order: row.settled_at for row in view.dealer_orders(since)}

        assert found(settled[0]) == {"Q1": None, "A1": settled[0], "A2": settled[1]}
        assert found(settled[1]) == {"Q1": None, "A2": settled[1]}
        assert found(settled[3]) == {"Q1": None}
        assert view.dealer_orders(settled[1])[1].touched == ranges((1, 2), (51, 51))


def test_a_scan_in_of_other_homes_codes_is_read_all_the_same(ledger):
    ledger.commit(STATION, scanned_in("I1", 41))
    with ledger.read() as view:
        assert view.newest_scan_in().number == 41
        assert [(row.codes, row.parts) for row in view.scan_ins()] == [(0, ())]


def test_what_is_another_things_id_is_told(ledger):
    ledger.commit(STATION, scanned_in("I1", 41))
    ledger.commit(LINE, scheduled("S1", "B1", "freeze", (17, 18)))
    with ledger.read() as view:
        with pytest.raises(NotFound, match="I1 is a scan-in, not a batch"):
            view.batch("I1")
        with pytest.raises(NotFound, match="S1 is an order, not a package") as caught:
            view.package("S1")
        assert caught.value.hints == ("see: mintmark package list",)
        with pytest.raises(NotFound) as caught:
            view.batch("S1")
        assert caught.value.hints == ("name its batch: B1",)


def test_states_and_counters_are_as_they_were(ledger):
    with ledger.read() as view:
        before = view.counts("B1"), view.reserved("B1"), view.queued()
    ledger.commit(STATION, scanned_in("I1", 1, ("B1", (1, 100))))
    with ledger.read() as view:
        assert (view.counts("B1"), view.reserved("B1"), view.queued()) == before
    ledger.commit(CUSTODIAN, packaged("P2", (61, 70)))


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (scanned_in("I1", 2, ("B1", (1, 1))), Refused, "'I1' is taken"),
        (scanned_in("I2", 2, ("B9", (1, 1))), NotFound, "no batch"),
        (scanned_in("I2", 2, ("B1", (100, 101))), Refused, "outside batch B1"),
        (scanned_in("I2", 2, ("B1",)), UsageError, "with serials"),
        (scanned_in("I2", 2, ("B1", (1, 1)), ("B1", (2, 2))), UsageError, "named once"),
        (scanned_in("I2", 2, ("B1", (1, 2), (2, 3))), UsageError, "overlap"),
        (scanned_in("I2", 0, ("B1", (1, 1))), UsageError, "from 1 on"),
        (scanned_in("", 2, ("B1", (1, 1))), UsageError, "has an id"),
        (scanned_in("I2", 2, ("B1", (1, 1)), at="yesterday"), UsageError, "scanned_in is"),
        (scanned_in("I2", 2, ("B1", (1, 1)), dealer="x" * 1_025), UsageError, "longer than"),
    ],
    ids=str,
)
def test_what_is_no_scan_in_is_not_booked(ledger, change, error, says):
    ledger.commit(STATION, scanned_in("I1", 1))
    with pytest.raises(error, match=says):
        ledger.commit(STATION, change)
    with ledger.read() as view:
        assert [row.scan_in for row in view.scan_ins()] == ["I1"]


@pytest.mark.parametrize(
    "change", [scanned_in("I", 1), c.LabelsVerified("P1", (), ranges((1, 1)), 1, 1)], ids=str
)
def test_a_line_books_no_facts(ledger, change):
    with pytest.raises(Refused, match="may order ranges, not sign"):
        ledger.commit(LINE, change)


def test_a_scan_in_meets_books_that_do_not_balance(ledger, place):
    ledger.close()
    by_hand(place, "UPDATE tiles SET last = 59 WHERE batch = 'B1' AND first = 51")
    with (
        Ledger.open(place, clock()) as opened,
        pytest.raises(IntegrityError, match="do not balance"),
    ):
        opened.commit(STATION, scanned_in("I1", 1, ("B1", (1, 1))))
    by_hand(place, "UPDATE tiles SET last = 60 WHERE batch = 'B1' AND first = 51")


# --- labels that were read -------------------------------------------------------------


def read(package, *pairs, units=(), pictures=1, codes=None):
    found = ranges(*pairs)
    return c.LabelsVerified(package, units, found, pictures, codes or serials.count(found))


def test_labels_that_were_read_are_told_of_their_package(ledger):
    ledger.commit(STATION, read("P1", (5, 6), (1, 2), units=("P1-1",), codes=9, pictures=3))
    (done,) = ledger.commit(STATION, read("P1", (41, 41), units=("P1-2",)))
    with ledger.read() as view:
        first, second = view.verified("P1")
        assert view.verified("P2") == ()
        with pytest.raises(NotFound, match="no package"):
            view.verified("P9")
    assert (first.units, first.serials) == (("P1-1",), ranges((1, 2), (5, 6)))
    assert (first.pictures, first.codes) == (3, 9)
    assert (second.seq, second.verified_at) == (done.seq, done.at)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (read("P9", (1, 1)), NotFound, "no package"),
        (read("P2", (61, 61)), Refused, "P2 is begun"),
        (read("P1", (30, 31)), Refused, "does not hold all serials"),
        (read("P1", (1, 1), units=("P1-9",)), Refused, "not units of package"),
        (read("P1", (1, 1), units=("P1-1", "P1-1")), Refused, "each named once"),
        (read("P1", (1, 2), codes=1), UsageError, "at least as many"),
        (read("P1", (1, 1), pictures=0), UsageError, "one picture or more"),
        (read("P1", codes=1), UsageError, "one serial or more"),
    ],
    ids=str,
)
def test_what_was_not_read_is_not_booked(ledger, change, error, says):
    with pytest.raises(error, match=says):
        ledger.commit(STATION, change)


def test_units_that_are_no_list_are_no_units(ledger, place):
    ledger.commit(STATION, read("P1", (1, 1), units=("P1-1",)))
    ledger.close()
    for text in ("P1-1", "[1]", "{}"):
        by_hand(place, f"UPDATE verified SET units = '{text}'")  # noqa: S608 - written here
        with (
            Ledger.open(place, clock()) as opened,
            opened.read() as view,
            pytest.raises(IntegrityError, match=r"verified\.units"),
        ):
            view.verified("P1")
    by_hand(place, """UPDATE verified SET units = '["P1-1"]'""")


# --- from before -----------------------------------------------------------------------


def test_a_ledger_of_before_goes_on_with_them(tmp_path):
    path = tmp_path / "old.db"
    with_history(path, old=True).close()
    tables = ("scheduled", "scan_ins", "verified")
    by_hand(
        path,
        *(f"DROP TABLE {table}" for table in (*tables, "objects")),
        "ALTER TABLE keys DROP COLUMN may",
        "UPDATE alembic_version SET version_num = '0009'",
    )
    with Ledger.open(path, clock()) as ledger:
        assert verify(ledger).ok, verify(ledger).problem
        ledger.commit(LINE, scheduled("S1", "B1", "freeze", (17, 18)))
        ledger.commit(
            LINE, c.ScheduleEnded("S1", "booked"), ordered("S1", "B1", "freeze", (17, 18))
        )
        ledger.commit(STATION, scanned_in("I1", 3, ("B1", (4, 6))))
        ledger.commit(STATION, read("P4", (1, 3), units=("P4-1",)))
        ledger.commit(STATION, c.KeyAdded("key-9", "platform", "app", "0" * 64))
        assert verify(ledger).ok, verify(ledger).problem


def test_events_of_before_are_read_as_they_were_written():
    facts = {"codes": 2}
    old = c.Incident("leak-found", "x", c.IncidentFacts(codes=2))
    from mintmark.codegen.ledger import chain

    assert chain.encode(old)[1]["facts"] == facts
    new = dataclasses.replace(
        old, facts=c.IncidentFacts(dealer="D7", carton="B1:3", region="CN-33", since=AT)
    )
    assert chain.decode("Incident", chain.encode(new)[1]) == new

"""Windows are attributes in the books as well: patched, kept, counted, replayed, found by audit."""

import dataclasses
import json

import pytest
from ledger_kit import LINE, STATION, by_hand, clock, create, minted, ordered, with_package

from mintmark.codegen.errors import Refused, UsageError
from mintmark.codegen.ledger.ledger import Ledger
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges import attributes, values
from mintmark.codegen.times import parse

DECEMBER = {
    "from": "2026-12-01T00:00:00+08:00",
    "until": "2027-01-01T00:00:00+08:00",
    "daily": None,
    "attributes": {"campaign": "DEC", "max_scans": 2},
}
EVENING = {
    "from": None,
    "until": None,
    "daily": ["18:00+08:00", "22:00+08:00"],
    "attributes": {"campaign": "EVENING", "lot": None},
}


@pytest.fixture(scope="module")
def books(shelf, tmp_path_factory):
    """The bytes of a ledger with 100 codes, of which 1-60 are active."""
    path = shelf.new(tmp_path_factory.mktemp("books"))
    with create(path) as ledger:
        ledger.commit(STATION, minted("B", 100))
        with_package(ledger, "B", "P", (1, 60))
        ledger.commit(
            LINE, ordered("O", "B", "activate", (1, 60), attributes={"lot": "L", "campaign": "NOV"})
        )
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


def assign(ledger, order, *pairs, **patch):
    """Patch `window.NAME` for every NAME=value."""
    windows = {f"window.{name}": value for name, value in patch.items()}
    return ledger.commit(LINE, ordered(order, "B", "assign", *pairs, attributes=windows))


def stored(ledger, serial):
    with ledger.read() as view:
        return view.at("B", serial).attributes


def test_a_window_lies_on_its_range_beside_the_other_attributes(ledger):
    assign(ledger, "W", (11, 20), december=DECEMBER)
    found = attributes.to_json(stored(ledger, 11))
    assert found == {"lot": "L", "campaign": "NOV", "window.december": DECEMBER}
    assert attributes.to_json(stored(ledger, 10)) == {"lot": "L", "campaign": "NOV"}
    with ledger.read() as view:
        assert [str(tile.serials) for tile in view.tiles("B")] == [
            "1-10", "11-20", "21-60", "61-100"
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("now", "campaign"),
    [
        ("2026-11-30T23:59:59+08:00", "NOV"),
        ("2026-12-01T00:00:00+08:00", "DEC"),
        ("2026-12-31T23:59:59+08:00", "DEC"),
        ("2027-01-01T00:00:00+08:00", "NOV"),
    ],
)
def test_what_the_books_hold_is_worth_what_the_hour_says(ledger, now, campaign):
    assign(ledger, "W", (1, 60), december=DECEMBER)
    held = values.at(stored(ledger, 5), parse(now))
    assert held["campaign"] == campaign
    assert ("max_scans" in held) == (campaign == "DEC")


def test_windows_of_two_orders_stay_apart_and_each_is_taken_away_alone(ledger):
    assign(ledger, "W1", (1, 60), december=DECEMBER)
    assign(ledger, "W2", (1, 30), evening=EVENING)
    assert {"window.december", "window.evening"} <= dict(stored(ledger, 1)).keys()
    assign(ledger, "W3", (1, 60), december=None)
    assert set(dict(stored(ledger, 1))) == {"lot", "campaign", "window.evening"}
    assert set(dict(stored(ledger, 40))) == {"lot", "campaign"}
    assign(ledger, "W4", (1, 30), evening=None)
    with ledger.read() as view:
        # The range is whole again.
        assert [str(tile.serials) for tile in view.tiles("B")] == ["1-60", "61-100"]


def test_a_window_is_exchanged_as_a_whole(ledger):
    assign(ledger, "W1", (1, 60), december=DECEMBER)
    shorter = {**DECEMBER, "until": None, "attributes": {"campaign": "XMAS"}}
    assign(ledger, "W2", (1, 60), december=shorter)
    assert attributes.to_json(stored(ledger, 1))["window.december"] == shorter


def test_the_ninth_window_is_in_the_way_and_nothing_is_booked(ledger):
    for number in range(8):
        assign(ledger, f"W{number}", (1, 10), **{f"w{number}": DECEMBER})
    with ledger.read() as view:
        before = view.head(), view.tiles("B")
    with pytest.raises(Refused, match="in the way: 5-10 active") as caught:
        assign(ledger, "W9", (5, 60), w9=DECEMBER)
    assert caught.value.details["blocked"] == [{"serials": [[5, 10]], "state": "active"}]
    with ledger.read() as view:
        assert (view.head(), view.tiles("B")) == before
    # One that is there already may be exchanged, and another takes the place of one that goes.
    assign(ledger, "W10", (1, 60), w3=EVENING)
    assign(ledger, "W11", (1, 10), w0=None, w9=EVENING)


def test_the_same_window_in_another_spelling_is_the_same_order(ledger):
    (first,) = assign(ledger, "W", (1, 10), december=DECEMBER)
    short = {key: DECEMBER[key] for key in ("until", "attributes", "from")}
    (again,) = assign(ledger, "W", (1, 10), december=short)
    assert again == dataclasses.replace(first, repeated=True)
    (other,) = assign(ledger, "X", (1, 60), december=short)
    assert json.loads(dict(stored(ledger, 50))["window.december"]) == DECEMBER
    assert other.change.attributes["window.december"] == DECEMBER
    with pytest.raises(Refused, match="says something else"):
        assign(ledger, "W", (1, 10), december={**DECEMBER, "until": None})


@pytest.mark.parametrize(
    "window",
    [
        "DEC",
        7,
        {},
        {"from": None, "until": None, "daily": None, "attributes": {"campaign": "X"}},
        {**DECEMBER, "attributes": {}},
        {**DECEMBER, "attributes": {"effective_at": "2026-12-01T00:00:00Z"}},
        {**DECEMBER, "attributes": {"window.x": DECEMBER}},
        {**DECEMBER, "attributes": {"campaign": 7}},
        {**DECEMBER, "colour": "red"},
        {**DECEMBER, "attributes": {"campaign": ["X"]}},
        {**DECEMBER, "daily": [18.5, 22.5]},
        {**DECEMBER, "attributes": {f"activity.k{n}": "x" * 1_000 for n in range(5)}},
    ],
    ids=str,
)
def test_what_is_no_window_is_not_booked(ledger, window):
    with pytest.raises(UsageError):
        assign(ledger, "W", (1, 10), december=window)
    assert set(dict(stored(ledger, 1))) == {"lot", "campaign"}


def test_an_edited_window_is_found(ledger, place):
    assign(ledger, "W", (1, 60), december=DECEMBER)
    ledger.close()
    edit = "UPDATE tiles SET attributes = replace(attributes, '{}', '{}') WHERE first = 1"
    by_hand(place, edit.format("DEC", "JAN"))
    with Ledger.open(place, clock()) as opened:
        assert "attributes was changed by hand" in verify(opened).problem
    by_hand(place, edit.format("JAN", "DEC"))

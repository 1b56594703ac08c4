"""Goods on sale are not taken out of their validity by the way; a window leaves it alone."""

from datetime import UTC, datetime

import pytest
from line_kit import home_with_batches, opened

from mintmark.activation.orders.group import notes, place
from mintmark.activation.orders.orders import OrderRequest
from mintmark.activation.orders.selection import ByConditions, BySerials
from mintmark.activation.orders.spans import reader
from mintmark.codegen.errors import Refused
from mintmark.codegen.ranges import windows
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.where import conditions

NOW = datetime(2027, 6, 15, 4, 0, tzinfo=UTC)
PAST, NOON, AHEAD = "2027-06-14T16:00:00Z", "2027-06-15T04:00:00Z", "2027-12-01T00:00:00Z"
WINDOW = {"from": AHEAD, "until": None, "daily": None, "attributes": {"campaign": "DEC"}}


@pytest.fixture
def made(tmp_path):
    """A station, and a batch of which 1 to 100 are active."""
    home, (batch,) = home_with_batches(tmp_path)
    home.close()
    with opened(home.path, now=lambda: NOW) as station:
        give(station, batch, "1-100", Action.ACTIVATE)
        yield station, batch


def give(station, batch, serials, action=Action.ASSIGN, **more):
    return place(station, OrderRequest(action, batch, BySerials(serials), **more))


def head(station):
    with station.ledger.read() as view:
        return view.head()


@pytest.mark.parametrize(
    "patch", [{"effective_at": AHEAD}, {"expires_at": PAST}, {"expires_at": NOON}]
)
def test_an_order_that_takes_goods_off_the_market_is_counted(made, patch):
    station, batch = made
    before = head(station)
    give(station, batch, "91-120", attributes=patch, allow_past=True, dry_run=True, count=30)
    with pytest.raises(Refused, match="10 of these codes are active and valid now") as refused:
        give(station, batch, "91-120", attributes=patch, allow_past=True)
    assert refused.value.details["leaving_validity"] == [[91, 100]]
    assert refused.value.details["leaving_validity_count"] == 10
    hints = " ".join(refused.value.hints)
    assert "--during A..B" in hints
    assert "--count 30" in hints
    with pytest.raises(Refused, match="30"):
        give(station, batch, "91-120", attributes=patch, allow_past=True, count=10)
    assert head(station) == before
    give(station, batch, "91-120", attributes=patch, allow_past=True, count=30)


def test_what_is_not_on_sale_or_stays_valid_needs_no_count(made):
    station, batch = made
    later = {"effective_at": AHEAD}
    give(station, batch, "101-120", attributes=later)  # not active
    give(station, batch, "1-20", attributes={"effective_at": PAST, "expires_at": AHEAD})
    give(station, batch, "101-110", Action.ACTIVATE, attributes=later)  # for the first time
    give(station, batch, "101-110", attributes={"effective_at": "2027-12-02T00:00:00Z"})
    give(station, batch, "1-20", attributes={"expires_at": None})


def test_frozen_goods_come_back_to_the_market(made):
    station, batch = made
    give(station, batch, "1-10", Action.FREEZE)
    give(station, batch, "121-130", Action.FREEZE)  # never active
    later = {"effective_at": AHEAD}
    give(station, batch, "121-130", attributes=later)
    for action in (Action.ASSIGN, Action.UNFREEZE):
        with pytest.raises(Refused, match="10 of these codes"):
            give(station, batch, "1-10", action, attributes=later)


def test_the_same_order_again_is_the_same(made):
    station, batch = made
    order = {"attributes": {"effective_at": AHEAD}, "order": "later", "count": 5}
    give(station, batch, "1-5", **order)
    assert give(station, batch, "1-5", **order).orders[0].repeated


def test_a_window_leaves_validity_alone_and_tells_what_it_replaces(made):
    station, batch = made
    first = give(station, batch, "1-50", attributes={"window.dec": WINDOW})
    assert notes(station, OrderRequest(Action.ASSIGN, batch, BySerials("1")), first) == ()
    again = {**WINDOW, "attributes": {"campaign": "XII"}}
    placed = give(station, batch, "41-60", attributes={"window.dec": again})
    (told,) = notes(station, OrderRequest(Action.ASSIGN, batch, BySerials("1")), placed)
    assert told.startswith("window dec is replaced on 10 codes (41-50); it was: from 2027-12-01")
    assert "campaign=DEC" in told
    assert not give(station, batch, "41-60", attributes={"window.dec": again}).told


def test_a_window_that_is_over_needs_a_word(made):
    station, batch = made
    over = {**WINDOW, "from": None, "until": NOON}
    with pytest.raises(Refused, match="the window dec would have ended"):
        give(station, batch, "1-5", attributes={"window.dec": over})
    give(station, batch, "1-5", attributes={"window.dec": over}, allow_past=True)
    give(station, batch, "1-5", attributes={"window.dec": None})


@pytest.mark.parametrize("both", [False, True])
def test_a_ninth_window_is_refused_with_what_to_do(made, both):
    station, batch = made
    selected = ByConditions(conditions(("lot=L1",), reader(UTC))) if both else BySerials("1-5")
    give(station, batch, "1-5", attributes={"lot": "L1"})
    for number in range(windows.MOST):
        give(station, batch, "1-5", attributes={f"window.w{number}": WINDOW})
    order = OrderRequest(Action.ASSIGN, batch, selected, attributes={"window.more": WINDOW})
    with pytest.raises(Refused, match="serials 1-5: the order would leave more than 8") as refused:
        place(station, order)
    assert "--set window.NAME=" in " ".join(refused.value.hints)
    give(station, batch, "1-5", attributes={"window.w0": None, "window.more": WINDOW})

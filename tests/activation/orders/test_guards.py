"""What an order is refused for when it is booked: its validity, and units that are lost."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from threading import Barrier, Thread

import pytest
from line_kit import home_with_batches, opened, packaged
from patience import PATIENCE

from mintmark.activation.orders import lost
from mintmark.activation.orders.group import notes, place
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import ByPackage, ByScannedCodes, BySerials, ByUnit
from mintmark.codegen.errors import Refused
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges.lifecycle import Action, State
from mintmark.codegen.ranges.serials import Range

NOW = datetime(2027, 6, 15, 4, 0, tzinfo=UTC)  # noon in Shanghai
PAST, AHEAD = "2027-06-14T16:00:00Z", "2027-06-15T16:00:00Z"


@pytest.fixture
def made(tmp_path):
    """A station; a batch with 200 codes in four reels, and the name of the second reel."""
    home, _ = home_with_batches(tmp_path)
    batch = packaged(home, 300, 200, units=4)
    home.close()
    with opened(home.path, now=lambda: NOW) as station:
        with station.ledger.read() as view:
            (package,) = view.packages(batch)
            unit = view.units(package.package)[1].unit
        yield station, batch, package.package, unit


def give(station, batch, action, selected, **more):
    if action is Action.VOID:
        more["reason"] = "other"
    selected = BySerials(selected) if isinstance(selected, str) else selected
    return book(station, OrderRequest(action, batch, selected, **more))


def states(station, batch, first, last):
    with station.ledger.read() as view:
        return [view.at(batch, serial).state for serial in range(first, last + 1)]


def events(station):
    with station.ledger.read() as view:
        return view.head()[0]


# --- validity ------------------------------------------------------------------------------


def test_an_end_that_is_past_needs_a_word(made):
    station, batch, _, _ = made
    before = events(station)
    for action in (Action.ACTIVATE, Action.ASSIGN):
        with pytest.raises(Refused, match="would have ended at 2027-06-14T16:00:00Z") as refused:
            give(station, batch, action, "1-5", attributes={"expires_at": PAST})
        assert refused.value.details == {"clock": "2027-06-15T04:00:00Z"}
        with pytest.raises(Refused, match="would have ended"):
            give(station, batch, action, "1-5", attributes={"expires_at": PAST}, dry_run=True)
    assert events(station) == before
    give(station, batch, Action.ACTIVATE, "1-5", attributes={"expires_at": PAST}, allow_past=True)
    give(station, batch, Action.ACTIVATE, "6-9", attributes={"expires_at": AHEAD})


def test_what_begins_in_the_past_or_far_ahead_is_no_mistake(made):
    station, batch, _, _ = made
    for serial, begins in (("1", "2020-01-01T00:00:00Z"), ("2", "2090-01-01T00:00:00Z")):
        give(station, batch, Action.ACTIVATE, serial, attributes={"effective_at": begins})


def test_the_same_order_again_stays_booked_when_its_end_has_come(made, tmp_path):
    station, batch, _, _ = made
    order = {"attributes": {"expires_at": AHEAD}, "order": "reel-1"}
    give(station, batch, Action.ACTIVATE, "1-5", **order)
    with opened(station.home, now=lambda: datetime(2028, 1, 1, tzinfo=UTC)) as later:
        _, again = give(later, batch, Action.ACTIVATE, "1-5", **order)
        assert again.repeated
        with pytest.raises(Refused, match="would have ended"):
            give(later, batch, Action.ACTIVATE, "6-7", **{**order, "order": "reel-2"})


def test_what_the_codes_carry_counts_too(made):
    station, batch, _, _ = made
    begins = {"effective_at": "2027-09-01T00:00:00Z"}
    give(station, batch, Action.ASSIGN, "11-20", attributes=begins)
    early = {"expires_at": "2027-08-01T00:00:00Z"}
    with pytest.raises(Refused, match="serials 11-20 would never be valid") as refused:
        give(station, batch, Action.ACTIVATE, "1-30", attributes=early)
    assert refused.value.details["never_valid"] == [[11, 20]]
    end = {"expires_at": begins["effective_at"]}  # at the same moment
    with pytest.raises(Refused, match="never be valid"):
        give(station, batch, Action.ASSIGN, "15", attributes=end)
    # Removing the one, or setting both, sets it right; void codes that are skipped don't count.
    give(station, batch, Action.ASSIGN, "11-15", attributes={**early, "effective_at": None})
    give(station, batch, Action.VOID, "16-20")
    give(station, batch, Action.ACTIVATE, "1-30", attributes=early)
    with pytest.raises(Refused, match="serials 1-15, 21-30 would never be valid"):
        give(station, batch, Action.ASSIGN, "1-40", attributes=begins)


# --- lost units ----------------------------------------------------------------------------


def move(station, package, unit, status):
    station.ledger.commit(station.author, c.UnitMoved(package, unit, status))


WAYS = {
    "unit": lambda package, unit: ByUnit(unit),
    "package": lambda package, unit: ByPackage(package),
    "serials": lambda package, unit: BySerials("60-61"),
    "its last": lambda package, unit: BySerials("100"),
    "across its edge": lambda package, unit: BySerials("1-51"),
    "out of order": lambda package, unit: BySerials("120,70,1"),
}


@pytest.mark.parametrize("way", WAYS)
def test_codes_of_a_lost_unit_come_to_life_only_if_meant(made, way):
    station, batch, package, unit = made
    move(station, package, unit, "lost")
    selected = WAYS[way](package, unit)
    for dry_run in (True, False):
        with pytest.raises(Refused, match=f"marked lost: {unit}") as refused:
            give(station, batch, Action.ACTIVATE, selected, dry_run=dry_run)
    assert refused.value.details["lost"] == [
        {"unit": unit, "package": package, "serials": [[51, 100]]}
    ]
    give(station, batch, Action.ACTIVATE, selected, include_lost=True)


def test_codes_scanned_off_a_lost_reel_find_it_too(tmp_path):
    home, (batch,) = home_with_batches(tmp_path)
    batch = packaged(home, 100, 60, units=2)
    codes = home.codes(batch)
    home.close()
    with opened(home.path) as station:
        with station.ledger.read() as view:
            unit = view.units(view.packages(batch)[0].package)[0]
        move(station, unit.package, unit.unit, "lost")
        ends = ByScannedCodes((codes[59], codes[29]))
        with pytest.raises(Refused, match=f"marked lost: {unit.unit} \\(30\\)") as refused:
            give(station, batch, Action.ACTIVATE, ends)
        assert not [code for code in codes if code in str(refused.value)]
        give(station, batch, Action.ACTIVATE, ByScannedCodes((codes[59], codes[30])))


@pytest.mark.parametrize("serials", ["1-50", "101-200", "50;101"])
def test_its_neighbours_are_not_lost(made, serials):
    station, batch, package, unit = made
    move(station, package, unit, "lost")
    give(station, batch, Action.ACTIVATE, serials)


def test_which_actions_a_lost_unit_refuses(made):
    station, batch, package, unit = made
    give(station, batch, Action.ACTIVATE, ByUnit(unit))
    move(station, package, unit, "lost")
    give(station, batch, Action.FREEZE, "51-60")
    give(station, batch, Action.REVOKE, "61-70")
    give(station, batch, Action.VOID, "71-80", count=10)
    give(station, batch, Action.ASSIGN, ByUnit(unit), attributes={"region": "X"})
    before = events(station)
    for action, serials in (
        (Action.UNFREEZE, "51-60"),
        (Action.ACTIVATE, "61-70"),
        (Action.UNVOID, "71-80"),
    ):
        with pytest.raises(Refused, match=f"marked lost: {unit} \\({serials}\\)"):
            give(station, batch, action, serials)
    assert events(station) == before


def test_void_codes_of_a_lost_unit_are_passed_over(made):
    station, batch, package, unit = made
    move(station, package, unit, "lost")
    give(station, batch, Action.VOID, ByUnit(unit))
    _, done = give(station, batch, Action.ACTIVATE, "1-200")
    assert done.skipped == (Range(51, 100),)
    assert set(states(station, batch, 51, 100)) == {State.VOID}


def test_an_unvoid_that_is_meant_names_the_status_that_stays(made):
    station, batch, package, unit = made
    move(station, package, unit, "lost")
    give(station, batch, Action.VOID, ByUnit(unit))
    request = OrderRequest(Action.UNVOID, batch, ByUnit(unit), include_lost=True)
    (note,) = notes(station, request, place(station, request))
    assert f"unit {unit} (51-100) stays marked lost" in note
    assert f"package unit {unit} --status received" in note


def test_a_unit_that_was_found_is_like_any_other(made):
    station, batch, package, unit = made
    move(station, package, unit, "lost")
    move(station, package, unit, "received")
    give(station, batch, Action.ACTIVATE, ByUnit(unit))


def test_an_order_booked_before_the_loss_is_the_same_order_still(made):
    station, batch, package, unit = made
    give(station, batch, Action.ACTIVATE, ByUnit(unit), order="reel-2")
    give(station, batch, Action.REVOKE, ByUnit(unit))
    move(station, package, unit, "lost")
    _, again = give(station, batch, Action.ACTIVATE, ByUnit(unit), order="reel-2")
    assert again.repeated


def test_losses_are_looked_up_while_nobody_else_can_write(made, monkeypatch):
    station, batch, _, unit = made
    looked = []

    def check(view, change):
        opening = closing(sqlite3.connect(station.home / "ledger.db", timeout=0))
        with opening as other, pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        looked.append(change.action)

    monkeypatch.setattr(lost, "check", check)
    give(station, batch, Action.ACTIVATE, ByUnit(unit))
    assert looked == [Action.ACTIVATE]


def test_a_loss_and_an_activation_at_the_same_moment_never_pass_each_other(made, tmp_path):
    """Whichever is first: an activation after the loss is refused, under the same lock."""
    station, batch, package, unit = made
    barrier, seen = Barrier(2), []

    def activate():
        with opened(station.home, now=lambda: NOW) as other:
            barrier.wait()
            try:
                seen.append(give(other, batch, Action.ACTIVATE, ByUnit(unit))[1].seq)
            except Refused:
                seen.append(None)

    thread = Thread(target=activate)
    thread.start()
    barrier.wait()
    move(station, package, unit, "lost")
    thread.join(PATIENCE)
    with station.ledger.read() as view:
        lost = next(e.seq for e in view.events(limit=100) if isinstance(e.change, c.UnitMoved))
    assert seen[0] is None or seen[0] < lost
    assert verify(station.ledger).ok

"""Orders of later: they change nothing until they are booked, and only as they were scheduled."""

import dataclasses
from datetime import timedelta

import pytest
from ledger_kit import (
    LINE,
    START,
    STATION,
    clock,
    create,
    dump,
    holders,
    minted,
    ordered,
    packed,
    ranges,
    scheduled,
    with_package,
)

from mintmark.codegen.errors import NotFound, Refused, UsageError
from mintmark.codegen.ledger import _schedules
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ledger.ledger import Ledger
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges.lifecycle import Action, State
from mintmark.codegen.times import format_utc

ENDS = ("booked", "cancelled", "refused")


@pytest.fixture(scope="module")
def books(shelf, tmp_path_factory):
    """The bytes of a ledger with items 1-60 and cartons 1-9 that are packaged."""
    path = shelf.new(tmp_path_factory.mktemp("books"))
    with create(path) as ledger:
        ledger.commit(STATION, minted("B", 100), holders("C", 9))
        with_package(ledger, "B", "P", (1, 60))
        with_package(ledger, "C", "Q", (1, 9))
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


def book(ledger, order):
    return ledger.commit(LINE, c.ScheduleEnded(order.order, "booked"), order)


def end(ledger, order, status):
    """Schedule `order`, to freeze 1-5 of B, and end it with that status."""
    ledger.commit(LINE, scheduled(order, "B", "freeze", (1, 5)))
    if status == "booked":
        book(ledger, ordered(order, "B", "freeze", (1, 5)))
    elif status != "waiting":
        ledger.commit(LINE, c.ScheduleEnded(order, status, "because"))


def look(ledger):
    with ledger.read() as view:
        return view.tiles("B"), view.counts("B"), view.queued(), view.orders()


# --- what is scheduled waits -----------------------------------------------------------


def test_a_scheduled_order_changes_no_code_and_goes_nowhere(ledger):
    before = look(ledger)
    change = scheduled("S", "B", "freeze", (9, 9), (1, 5), reason="recall", line="line-3")
    (done,) = ledger.commit(LINE, change)
    assert look(ledger) == before
    assert (done.applied, done.repeated) == ((), False)
    with ledger.read() as view:
        row = view.scheduled_order("S")
        assert view.has_order("S")
        assert view.due(START + timedelta(days=9), 10) == ()
        with pytest.raises(NotFound):
            view.order("S")
    assert (row.status, row.batch, row.seq) == ("waiting", "B", done.seq)
    assert (row.ended_at, row.detail) == (None, None)
    assert row.at == START + timedelta(days=1)
    assert row.change == dataclasses.replace(change, serials=ranges((1, 5), (9, 9)))


def test_a_scheduled_order_is_booked_as_any_other(ledger):
    ledger.commit(LINE, scheduled("S", "B", "activate", (1, 5), attributes={"lot": "L"}))
    order = ordered("S", "B", "activate", (1, 5), attributes={"lot": "L"})
    ended, done = book(ledger, order)
    assert done.applied == ranges((1, 5))
    with ledger.read() as view:
        assert view.order("S").status == "queued"
        assert view.at("B", 5).state is State.ACTIVE
        row = view.scheduled_order("S")
        assert (row.status, row.ended_at, row.detail) == ("booked", ended.at, None)
        assert view.scheduled_due(START + timedelta(days=9)) == ()
    (again,) = ledger.commit(LINE, order)
    assert again == dataclasses.replace(done, repeated=True)


@pytest.mark.parametrize("status", ENDS[1:])
def test_a_scheduled_order_that_ended_is_kept_and_never_booked(ledger, status):
    end(ledger, "S", status)
    with ledger.read() as view:
        row = view.scheduled_order("S")
        assert (row.status, row.detail) == (status, "because")
        assert view.scheduled_due(START + timedelta(days=9)) == ()
    with pytest.raises(Refused, match=f"scheduled order S is {status} already"):
        book(ledger, ordered("S", "B", "freeze", (1, 5)))


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", ENDS[1:])
def test_a_scheduled_order_ends_once(ledger, first, second):
    end(ledger, "S", first)
    with pytest.raises(Refused, match=f"is {first} already"):
        ledger.commit(LINE, c.ScheduleEnded("S", second))


def test_what_is_due_comes_by_its_time(ledger):
    for order, hours in (("S1", 3), ("S2", 1), ("S3", 2), ("S4", 1)):
        at = START + timedelta(hours=hours)
        ledger.commit(LINE, scheduled(order, "B", "freeze", (1, 1), at=at))
    ledger.commit(LINE, c.ScheduleEnded("S4", "cancelled"))
    with ledger.read() as view:

        def due(hours, limit=9):
            return [row.order for row in view.scheduled_due(START + timedelta(hours=hours), limit)]

        assert due(0.999) == []
        assert (due(1), due(2), due(9)) == (["S2"], ["S2", "S3"], ["S2", "S3", "S1"])
        assert due(9, limit=1) == ["S2"]
        assert [row.order for row in view.scheduled()] == ["S2", "S4", "S3", "S1"]
        assert [row.order for row in view.scheduled("waiting", 2)] == ["S2", "S3"]
        assert [row.order for row in view.scheduled("cancelled", batch="B")] == ["S4"]
        assert view.scheduled(batch="C") == ()
        with pytest.raises(NotFound):
            view.scheduled(batch="D")
        assert view.scheduled_order("S5") is None


# --- one id, one order -----------------------------------------------------------------


@pytest.mark.parametrize("status", ["waiting", *ENDS])
def test_the_id_of_a_scheduled_order_stays_taken(ledger, status):
    end(ledger, "S", status)
    other = ordered("S", "B", "void", (9, 9), reason="lost")
    association = packed("S", ("C", (1, 1)), ("B", (9, 9)))
    for change in (other, association, scheduled("S", "B", "freeze", (9, 9))):
        with pytest.raises(Refused, match=r"order '?S'? (is|was|waits)"):
            ledger.commit(LINE, change)
    if status != "booked":
        # Not even the scheduled order itself, without its end.
        with pytest.raises(Refused, match="its id is taken"):
            ledger.commit(LINE, ordered("S", "B", "freeze", (1, 5)))


@pytest.mark.parametrize(
    "change",
    [ordered("O", "B", "freeze", (1, 5)), packed("O", ("C", (1, 1)), ("B", (1, 5)))],
    ids=["order", "association"],
)
def test_the_id_of_a_booked_order_is_not_scheduled(ledger, change):
    ledger.commit(LINE, change)
    with pytest.raises(Refused, match="'O' is taken already"):
        ledger.commit(LINE, scheduled("O", "B", "freeze", (1, 5)))


def test_the_same_order_is_scheduled_once_however_often_it_is_given(ledger):
    change = scheduled("S", "B", "freeze", (1, 5))
    (first,) = ledger.commit(LINE, change)
    (again,) = ledger.commit(LINE, change)
    assert again == dataclasses.replace(first, repeated=True)
    later = dataclasses.replace(change, at=format_utc(START + timedelta(days=2)))
    with pytest.raises(Refused, match="scheduled already, and says something else"):
        ledger.commit(LINE, later)
    book(ledger, ordered("S", "B", "freeze", (1, 5)))
    (ended,) = ledger.commit(LINE, change)
    assert ended.repeated


# --- booked as it was scheduled --------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        {"batch": "C"},
        {"action": Action.ACTIVATE},
        {"serials": ranges((1, 6))},
        {"skip_void": False},
        {"count": 5},
        {"from_state": State.PACKAGED},
        {"attributes": {}},
        {"attributes": {"lot": "M"}},
        {"attributes": {"lot": "L", "dealer": "D7"}},
        {"attributes": {"lot": "L", "product": "cap", "dealer": "D7"}},
        {"reason": "other"},
        {"line": "line-4"},
    ],
    ids=str,
)
def test_another_order_than_was_scheduled_is_not_booked(ledger, other):
    given = {"attributes": {"lot": "L"}, "line": "line-3", "reason": "x"}
    ledger.commit(LINE, scheduled("S", "B", "freeze", (1, 5), **given))
    order = ordered("S", "B", "freeze", (1, 5), **given)
    before = look(ledger)
    with pytest.raises(Refused, match="booked as it was scheduled"):
        book(ledger, dataclasses.replace(order, **other))
    assert look(ledger) == before
    book(ledger, order)


@pytest.mark.parametrize(
    "gained", [{"product": "cap"}, {"max_scans": 2}, {"product": "cap", "max_scans": 2}], ids=str
)
def test_booking_may_add_what_follows_from_the_batch(ledger, gained):
    ledger.commit(LINE, scheduled("S", "B", "activate", (1, 5), attributes={"lot": "L"}))
    book(ledger, ordered("S", "B", "activate", (1, 5), attributes={"lot": "L", **gained}))


def test_a_product_that_was_scheduled_stays_as_it_was(ledger):
    ledger.commit(LINE, scheduled("S", "B", "activate", (1, 5), attributes={"product": "cap"}))
    for attributes in ({"product": "hat"}, {}):
        with pytest.raises(Refused, match="booked as it was scheduled"):
            book(ledger, ordered("S", "B", "activate", (1, 5), attributes=attributes))


def test_order_and_end_come_together_the_end_first(ledger, place):
    ledger.commit(LINE, scheduled("S", "B", "freeze", (1, 5)))
    ended, order = c.ScheduleEnded("S", "booked"), ordered("S", "B", "freeze", (1, 5))
    before = dump(place)
    for changes in ((ended,), (order, ended), (ended, ordered("T", "B", "freeze", (1, 5)))):
        with pytest.raises(ValueError, match="together with its order"):
            ledger.commit(LINE, *changes)
    with pytest.raises(Refused, match="waits for 2026-11-23T08:00:00Z: its id is taken"):
        ledger.commit(LINE, order)
    assert dump(place) == before


def test_an_order_is_not_booked_later_than_its_schedule_ended(ledger, monkeypatch):
    # As somebody's own program could write it, who has the keys.
    monkeypatch.setattr(_schedules, "check_together", lambda _: None)
    ledger.commit(LINE, scheduled("S", "B", "freeze", (1, 5)))
    ledger.commit(LINE, c.ScheduleEnded("S", "booked"))
    with pytest.raises(Refused, match="was scheduled, and is booked: its id is taken"):
        ledger.commit(LINE, ordered("S", "B", "freeze", (1, 5)))


def test_a_scheduled_order_that_is_not_possible_any_more_waits_until_somebody_ends_it(ledger):
    ledger.commit(LINE, scheduled("S", "B", "activate", (1, 5)))
    ledger.commit(LINE, ordered("O", "B", "freeze", (3, 3)))
    with pytest.raises(Refused, match="in the way: 3 frozen"):
        book(ledger, ordered("S", "B", "activate", (1, 5)))
    with ledger.read() as view:
        assert view.scheduled_order("S").status == "waiting"
    ledger.commit(LINE, c.ScheduleEnded("S", "refused", "in the way: 3 frozen"))


def test_booking_on_trial_books_nothing(ledger):
    ledger.commit(LINE, scheduled("S", "B", "freeze", (1, 5)))
    before = look(ledger)
    order = ordered("S", "B", "freeze", (1, 5))
    ledger.commit(LINE, c.ScheduleEnded("S", "booked"), order, dry_run=True)
    assert look(ledger) == before
    book(ledger, order)


def test_codes_that_a_scheduled_order_brings_back_are_reopened(ledger):
    void = ordered("V", "B", "void", (1, 2), reason="misprint")
    entry = c.ReceiptEntry("P-1", (), ranges((1, 2)), 0)
    ledger.commit(STATION, void, c.Receipted("P", (entry,), False, "misprint"))
    ledger.commit(LINE, scheduled("S", "B", "unvoid", (1, 2)))
    book(ledger, ordered("S", "B", "unvoid", (1, 2)))
    with ledger.read() as view:
        assert view.reported("P") == {("P-1", "reopened"): 2}


# --- what is no order ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"at": "2026-12-01T10:00:00Z"}, UsageError, "to the microsecond"),
        ({"at": "2026-12-01T10:00:00.000000+08:00"}, UsageError, "to the microsecond"),
        ({"at": "tomorrow"}, UsageError, "to the microsecond"),
        ({"batch": "D"}, NotFound, "no batch 'D'"),
        ({"serials": ranges((99, 101))}, UsageError, "outside batch B"),
        ({"serials": ()}, UsageError, "must be named"),
        ({"attributes": {"colour": "red"}}, UsageError, "unknown attribute"),
        ({"attributes": {"window.x": {"from": None}}}, UsageError, "window"),
        ({"action": Action.VOID, "reason": "boredom"}, UsageError, "not voided for the reason"),
    ],
    ids=str,
)
def test_what_could_never_be_booked_is_not_scheduled(ledger, wrong, error, says):
    change = dataclasses.replace(scheduled("S", "B", "freeze", (1, 5)), **wrong)
    with pytest.raises(error, match=says):
        ledger.commit(LINE, change)
    with ledger.read() as view:
        assert view.scheduled_order("S") is None


@pytest.mark.parametrize("status", ["waiting", "done", ""])
def test_an_end_is_one_of_three(ledger, status):
    ledger.commit(LINE, scheduled("S", "B", "freeze", (1, 5)))
    with pytest.raises(UsageError, match="booked, cancelled, refused"):
        ledger.commit(LINE, c.ScheduleEnded("S", status))


def test_only_what_was_scheduled_ends(ledger):
    ledger.commit(LINE, ordered("O", "B", "freeze", (1, 5)))
    with pytest.raises(NotFound, match="no order 'O' in this ledger"):
        ledger.commit(LINE, c.ScheduleEnded("O", "cancelled"))

"""Orders that are given now and booked at their time: each case through the real books."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from zoneinfo import ZoneInfo

import pytest
from carton_kit import home_with_cartons, pack
from line_kit import URL, home_with_batches, opened, packaged
from patience import PATIENCE

from mintmark.activation.intake.order_and_deliver import outcome
from mintmark.activation.orders.due import book_due
from mintmark.activation.orders.group import notes, place
from mintmark.activation.orders.listing import cancel, listed, show
from mintmark.activation.orders.orders import OrderRequest
from mintmark.activation.orders.selection import ByCarton, ByConditions, BySerials
from mintmark.activation.orders.spans import reader
from mintmark.codegen import roster
from mintmark.codegen.errors import NotFound, Refused, UsageError
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges.attributes import to_json
from mintmark.codegen.ranges.lifecycle import Action, State
from mintmark.codegen.ranges.where import conditions
from mintmark.codegen.report import batch_show

NOON = datetime(2027, 6, 15, 4, 0, tzinfo=UTC)  # in Shanghai
SIX = datetime(2027, 6, 15, 22, 0, tzinfo=UTC)  # in the morning there

L1 = {"lot": "L1"}


class Clock:
    """A clock that stands until it is set."""

    def __init__(self):
        self.at = NOON

    def __call__(self):
        return self.at


@pytest.fixture
def made(tmp_path):
    """A station, its clock, and two batches of 300 codes of which 1 to 200 are packaged."""
    home, (batch, other) = home_with_batches(tmp_path, count=2)
    home.close()
    clock = Clock()
    with opened(home.path, now=clock) as station:
        yield station, clock, batch, other


def give(station, batch, serials="1-10", action=Action.ACTIVATE, at=SIX, **more):
    request = OrderRequest(action, batch, BySerials(serials), at=at, **more)
    placed = place(station, request)
    return outcome(station, request, placed, None)


def head(station):
    with station.ledger.read() as view:
        return view.head()


def state(station, batch, serial=1):
    with station.ledger.read() as view:
        return view.at(batch, serial).state


def incidents(station):
    with station.ledger.read() as view:
        return [e.change for e in view.events(limit=1_000) if e.type == "Incident"]


def test_it_waits_until_its_time_and_is_then_an_order_like_any(made):
    station, clock, batch, _ = made
    given = give(station, batch, order="morning", attributes={"lot": "L1"})
    assert (given.delivery, given.exit_code, given.scheduled) == ("scheduled", 0, "waiting")
    assert given.at == SIX
    assert book_due(station) == ()
    assert state(station, batch) is State.PACKAGED
    assert show(station, "morning").status == "scheduled"
    clock.at = SIX
    (ended,) = book_due(station)
    assert (ended.order, ended.status, ended.detail) == ("morning", "booked", None)
    assert state(station, batch) is State.ACTIVE
    shown = show(station, "morning")
    assert (shown.status, shown.applied_count, shown.at) == ("queued", 10, SIX)
    assert book_due(station) == ()
    assert verify(station.ledger).ok


def test_the_same_again_is_the_same_before_and_after_its_time(made):
    station, clock, batch, _ = made
    order = {"order": "morning", "count": 10}
    give(station, batch, **order)
    before = head(station)
    again = give(station, batch, **order)
    assert (again.repeated, again.delivery, again.exit_code) == (True, "scheduled", 0)
    for other in ({"count": 9}, {"serials": "1-9", "count": 9}, {"at": SIX + timedelta(hours=1)},
                  {"action": Action.FREEZE}, {"attributes": {"lot": "L2"}}):  # fmt: skip
        with pytest.raises(Refused, match="says something else"):
            give(station, batch, **{**order, **other})
    with pytest.raises(Refused):
        place(station, OrderRequest(Action.ACTIVATE, batch, BySerials("1-10"), order="morning"))
    assert head(station) == before
    clock.at = SIX
    book_due(station)
    before = head(station)
    again = give(station, batch, **order)
    assert (again.repeated, again.delivery, again.exit_code) == (True, "queued", 75)
    assert head(station) == before


@pytest.mark.parametrize("dry_run", [False, True])
def test_the_id_of_one_that_waits_is_taken_for_requests_of_several_orders(made, dry_run):
    station, _, batch, other = made
    give(station, batch, order="morning")
    where = ByConditions(conditions([f"batch in {batch},{other}; state=packaged"], reader(UTC)))
    request = OrderRequest(Action.ACTIVATE, "", where, order="morning", dry_run=dry_run)
    with pytest.raises(Refused, match="its id is taken"):
        place(station, request)
    cancel(station, "morning")
    with pytest.raises(Refused, match="its id is taken"):
        place(station, request)


def test_an_id_that_is_booked_is_not_scheduled(made):
    station, _, batch, _ = made
    place(station, OrderRequest(Action.ACTIVATE, batch, BySerials("1-10"), order="now"))
    with pytest.raises(Refused, match="says something else"):
        give(station, batch, order="now")


@pytest.mark.parametrize("at", [NOON, NOON - timedelta(seconds=1), NOON - timedelta(days=400)])
def test_a_time_that_is_past_is_refused(made, at):
    station, _, batch, _ = made
    shown = at.astimezone(ZoneInfo("Asia/Shanghai")).isoformat(" ")
    with pytest.raises(Refused, match=re.escape(f"{shown} is past")):
        give(station, batch, at=at)


def test_what_can_never_come_right_is_refused_now(made):
    station, _, batch, _ = made
    place(station, OrderRequest(Action.ACTIVATE, batch, BySerials("1-10")))
    before = head(station)
    day = "2027-06-15T12:00:00Z"
    for kind, why, order in (
        (Refused, "fewer than 11", {"count": 11}),
        (UsageError, "not possible from", {"from_state": State.SEALED}),
        (Refused, "would have ended", {"attributes": {"expires_at": day}}),
        (Refused, "active and valid now", {"action": Action.ASSIGN,
                                           "attributes": {"effective_at": "2028-01-01T00:00:00Z"}}),
        (UsageError, "voiding needs a reason", {"action": Action.VOID}),
        (UsageError, "order id", {"order": "a b"}),
        (UsageError, "300", {"serials": "1-900"}),
        (NotFound, "line-9", {"line": "line-9"}),
    ):  # fmt: skip
        with pytest.raises(kind, match=why):
            give(station, batch, **order)
    with pytest.raises(NotFound):
        give(station, "NOPE-AAAAAAAA")
    assert head(station) == before


def test_what_would_be_refused_today_is_told_and_may_come_right(made):
    station, clock, batch, _ = made
    request = OrderRequest(Action.UNFREEZE, batch, BySerials("1-10"), at=SIX, order="wake")
    placed = place(station, request)
    (told,) = notes(station, request, placed)
    assert told.startswith("as the books stand now it would be refused then: ")
    place(station, OrderRequest(Action.FREEZE, batch, BySerials("1-10")))
    clock.at = SIX
    assert [ended.status for ended in book_due(station)] == ["booked"]
    assert state(station, batch) is State.PACKAGED


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"count": 10}, "9"),
        ({"from_state": State.PACKAGED}, ""),
        ({"strict": True}, ""),
    ],
)
def test_a_guard_that_fails_at_its_time_orders_nothing_and_somebody_hears_of_it(made, change, why):
    station, clock, batch, _ = made
    give(station, batch, order="morning", **change)
    place(station, OrderRequest(Action.VOID, batch, BySerials("5"), reason="damaged"))
    if "from_state" in change:
        place(station, OrderRequest(Action.ACTIVATE, batch, BySerials("1-3")))
    clock.at = SIX
    (ended,) = book_due(station)
    assert ended.status == "refused"
    assert why in (ended.detail or "")
    assert state(station, batch, 9) is State.PACKAGED
    (told,) = incidents(station)
    assert told.kind == "scheduled-refused"
    assert (told.facts.order, told.facts.batch, told.facts.codes) == ("morning", batch, 10)
    assert book_due(station) == ()
    again = give(station, batch, order="morning", **change)
    assert (again.delivery, again.exit_code, again.repeated) == ("refused", 3, True)
    assert again.detail == ended.detail
    assert show(station, "morning").status == "refused"
    with pytest.raises(Refused, match="was refused at its time"):
        cancel(station, "morning")
    assert verify(station.ledger).ok


def test_guards_of_its_time_are_judged_then(made):
    """Lost units, validity: the order has its id from the first, and is no repetition for that."""
    station, clock, batch, _ = made
    with station.ledger.read() as view:
        (package,) = view.packages(batch)
        unit = view.units(package.package)[0].unit
    give(station, batch, order="wake")
    give(station, batch, "11-20", Action.ASSIGN, order="later",
         attributes={"effective_at": "2028-01-01T00:00:00Z"})  # fmt: skip
    station.ledger.commit(station.author, c.UnitMoved(package.package, unit, "lost"))
    place(station, OrderRequest(Action.ACTIVATE, batch, BySerials("11-20"), include_lost=True))
    clock.at = SIX
    ended = {e.order: e for e in book_due(station)}
    assert ended["wake"].status == ended["later"].status == "refused"
    assert "marked lost" in ended["wake"].detail
    assert "active and valid now" in ended["later"].detail


def test_first_come_first_booked_by_their_time(made):
    station, clock, batch, other = made
    give(station, batch, order="third", at=SIX + timedelta(hours=2))
    give(station, batch, order="second", action=Action.FREEZE)
    give(station, other, order="second-too")
    give(station, batch, order="first", at=SIX - timedelta(hours=1), action=Action.ACTIVATE)
    assert [o.order for o in listed(station, None, "scheduled", 9).orders] == [
        "first", "second", "second-too", "third",
    ]  # fmt: skip
    clock.at = SIX
    assert [ended.order for ended in book_due(station)] == ["first", "second", "second-too"]
    assert state(station, batch) is State.FROZEN


def test_an_order_books_what_was_due_before_it(made):
    station, clock, batch, other = made
    give(station, batch, order="morning")
    clock.at = SIX
    place(station, OrderRequest(Action.FREEZE, other, BySerials("1"), dry_run=True))
    assert state(station, batch) is State.PACKAGED
    freeze = OrderRequest(Action.FREEZE, batch, BySerials("1-10"), order="freeze")
    assert place(station, freeze).told == (f"scheduled order morning of batch {batch} booked",)
    with station.ledger.read() as view:
        assert view.order("morning").seq < view.order("freeze").seq
    assert state(station, batch) is State.FROZEN


def test_what_an_order_books_before_it_goes_out_with_it(made):
    station, clock, batch, other = made
    give(station, batch, order="morning")
    clock.at = SIX
    assert place(station, OrderRequest(Action.FREEZE, other, BySerials("1"))).batches == (
        batch, other,
    )  # fmt: skip


def test_a_machine_that_was_off_books_late_and_says_so(made):
    station, clock, batch, _ = made
    give(station, batch, order="morning")
    clock.at = SIX + timedelta(days=2, hours=3, minutes=5)
    (ended,) = book_due(station)
    assert ended.detail.startswith("2 d 3 h 5 min late: it was due at 2027-06-16 06:00+08:00")
    assert show(station, "morning").late == ended.detail


def test_a_dry_run_keeps_nothing(made):
    station, _, batch, _ = made
    before = head(station)
    given = give(station, batch, dry_run=True)
    assert (given.delivery, given.at, len(given.applied)) == (None, SIX, 1)
    assert head(station) == before
    assert listed(station, None, None, 9).scheduled == 0


def test_a_waiting_order_is_cancelled_as_often_as_one_likes(made):
    station, clock, batch, _ = made
    give(station, batch, order="morning")
    assert listed(station, None, None, 9).scheduled == 1
    assert batch_show(station, batch, 0, 9).scheduled == 10
    assert cancel(station, "morning").status == "cancelled"
    before = head(station)
    assert cancel(station, "morning").status == "cancelled"
    assert head(station) == before
    clock.at = SIX
    assert book_due(station) == ()
    assert state(station, batch) is State.PACKAGED
    again = give(station, batch, order="morning")
    assert (again.delivery, again.exit_code) == ("cancelled", 3)
    assert [o.order for o in listed(station, batch, "cancelled", 9).orders] == ["morning"]
    assert listed(station, None, None, 9).scheduled == 0
    assert batch_show(station, batch, 0, 9).scheduled == 0


def test_one_that_is_booked_is_cancelled_as_any(made):
    station, clock, batch, _ = made
    give(station, batch, order="morning")
    clock.at = SIX
    book_due(station)
    assert cancel(station, "morning").status == "cancelled"
    assert state(station, batch) is State.ACTIVE  # the ledger keeps what it changed
    assert [o.order for o in listed(station, None, "cancelled", 9).orders] == ["morning"]


def test_all_that_one_request_became_is_cancelled_or_none(made):
    """Its orders are booked one after the other, each at a moment of its own."""
    station, clock, batch, other = made
    where = conditions([f"batch in {batch},{other}; state=packaged"], reader(UTC))
    request = OrderRequest(
        Action.ACTIVATE, "", ByConditions(where), at=SIX, order="all", attributes=L1
    )
    place(station, request)
    clock.at = SIX

    def ticking():
        clock.at += timedelta(milliseconds=1)
        return clock.at

    with opened(station.home, now=ticking) as mine:
        assert [ended.order for ended in book_due(mine)] == ["all", "all.part-2"]
    assert show(station, "all").status == "queued"
    assert cancel(station, "all").status == "cancelled"
    assert show(station, "all.part-2").status == "cancelled"
    with pytest.raises(Refused, match="cancelled already"):
        cancel(station, "all")


def test_a_request_of_which_a_part_was_refused_is_answered_and_cancelled(made):
    station, clock, batch, other = made
    where = conditions([f"batch in {batch},{other}; state=packaged"], reader(UTC))
    request = OrderRequest(Action.ACTIVATE, "", ByConditions(where), at=SIX, order="all")
    place(station, request)
    give(station, other, "1", action=Action.FREEZE, at=None)
    clock.at = SIX
    assert [ended.status for ended in book_due(station)] == ["booked", "refused"]
    again = outcome(station, request, place(station, request), None)
    assert (again.exit_code, [o.delivery for o in again.orders]) == (3, ["queued", "refused"])
    assert cancel(station, "all").status == "cancelled"
    assert show(station, "all.part-2").status == "refused"


def test_what_an_activation_gains_from_the_books_it_gains_at_its_time(tmp_path):
    home, _ = home_with_batches(tmp_path)
    honey = packaged(home, 300, 200, url=URL, product="Honey")
    home.close()
    clock = Clock()
    with opened(home.path, now=clock) as station:
        for number, serials in enumerate(("1-10", "21-40")):
            given = give(station, honey, serials, order=f"o-{number}")
            assert given.attributes == {}
        gift = OrderRequest(
            Action.ASSIGN, honey, BySerials("31-40"), attributes={"product": "Gift"}
        )
        place(station, gift)
        clock.at = SIX
        assert [e.status for e in book_due(station)] == ["booked"] * 2
        with station.ledger.read() as view:
            found = [to_json(view.at(honey, n).attributes) for n in (1, 10, 21, 30, 31, 40)]
            assert view.order("o-1.part-2").range_order.action is Action.ASSIGN
        assert [each["product"] for each in found] == ["Honey"] * 4 + ["Gift"] * 2
        assert give(station, honey, "21-40", order="o-1").repeated
        assert verify(station.ledger).ok


def test_what_meets_conditions_is_named_now_and_judged_then(made):
    station, clock, batch, other = made
    place(station, OrderRequest(Action.ACTIVATE, batch, BySerials("1-10"), attributes=L1))
    place(station, OrderRequest(Action.ASSIGN, other, BySerials("1-5"), attributes=L1))
    where = ByConditions(conditions(("lot=L1",), reader(UTC)))
    request = OrderRequest(Action.FREEZE, "", where, at=SIX, order="all", count=15)
    shown = outcome(station, request, place(station, request), None)
    assert (shown.delivery, shown.at, shown.codes) == ("scheduled", SIX, 15)
    assert (shown.states[State.ACTIVE], shown.states[State.PACKAGED]) == (10, 5)
    assert place(station, request).orders[0].repeated
    place(station, OrderRequest(Action.ASSIGN, other, BySerials("6-9"), attributes=L1))
    clock.at = SIX
    assert [e.status for e in book_due(station)] == ["booked", "booked"]
    assert state(station, other, 5) is State.FROZEN
    assert state(station, other, 6) is State.PACKAGED


def test_two_processes_book_it_once(made):
    station, clock, batch, _ = made
    for number in range(4):
        give(station, batch, f"{number * 10 + 1}-{number * 10 + 10}", order=f"o-{number}")
    clock.at = SIX
    start, ended = Barrier(2), []

    def run():
        with opened(station.home, now=clock) as mine:
            start.wait(PATIENCE)
            ended.extend(book_due(mine))

    both = [Thread(target=run) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(PATIENCE)
    assert sorted(e.order for e in ended) == ["o-0", "o-1", "o-2", "o-3"]
    assert {e.status for e in ended} == {"booked"}
    with station.ledger.read() as view:
        assert view.counts(batch)[State.ACTIVE] == 40


def test_a_line_whose_key_is_gone_at_its_time_is_refused(made):
    station, clock, batch, _ = made
    give(station, batch, order="morning")
    clock.at = SIX
    with station.ledger.read() as view:
        (key,) = (row.key_id for row in view.roster("line"))
    station.ledger.commit(station.author, c.KeyRevoked(key, "lost"))
    with opened(station.home, now=clock) as mine:
        (ended,) = book_due(mine)
    assert ended.status == "refused"
    assert "revoked" in ended.detail


def test_a_damaged_key_of_one_line_holds_up_no_other(made):
    station, clock, batch, _ = made
    roster.new_line(station, "second")
    give(station, batch, "1-10", order="of-second", line="second")
    give(station, batch, "11-20", order="of-default")
    station.key_file("line", "second").write_text("no key", "utf-8")
    clock.at = SIX
    with opened(station.home, now=clock) as mine:
        placed = place(mine, OrderRequest(Action.ACTIVATE, batch, BySerials("21-30")))
        assert [state(mine, batch, serial) for serial in (1, 11, 21)] == [
            State.PACKAGED, State.ACTIVE, State.ACTIVE,
        ]  # fmt: skip
        assert show(mine, "of-second").status == "refused"
        (incident,) = incidents(mine)
    assert "damaged" in incident.detail
    assert len(placed.told) == 2


def test_a_carton_waits_as_a_whole_and_is_cancelled_as_a_whole(tmp_path):
    home, scene = home_with_cartons(tmp_path)
    clock = Clock()
    with opened(home.path, now=clock) as station:
        pack(station, (scene.cartons, 1), (scene.bottles, range(1, 25)))
        request = OrderRequest(
            Action.ACTIVATE, "", ByCarton(f"{scene.cartons}:1"), at=SIX, order="box", count=24
        )
        placed = place(station, request)
        given = outcome(station, request, placed, None)
        assert (given.items_count, given.delivery, given.exit_code) == (24, "scheduled", 0)
        assert [o.order for o in given.orders] == ["box", "box.part-2"]
        assert place(station, request).orders[1].repeated
        assert listed(station, None, None, 9).scheduled == 2
        with pytest.raises(Refused, match="items"):
            place(station, replace(request, order="other", count=25))
        clock.at = SIX
        assert {e.order: e.status for e in book_due(station)} == {
            "box": "booked", "box.part-2": "booked",
        }  # fmt: skip
        assert state(station, scene.bottles, 24) is state(station, scene.cartons, 1) is State.ACTIVE
        again = outcome(station, request, place(station, request), None)
        assert (again.repeated, again.items_count, again.delivery) == (True, 24, "queued")
        later = replace(request, at=SIX + timedelta(days=1), order="later", count=None,
                        action=Action.FREEZE)  # fmt: skip
        place(station, later)
        assert cancel(station, "later").status == "cancelled"
        assert listed(station, None, None, 9).scheduled == 0
        assert verify(station.ledger).ok


def test_goods_on_sale_that_are_to_leave_the_market_later_are_counted_as_those_of_now(tmp_path):
    home, scene = home_with_cartons(tmp_path)
    with opened(home.path, now=Clock()) as station:
        pack(station, (scene.cartons, 1), (scene.bottles, range(1, 25)))
        carton = ByCarton(f"{scene.cartons}:1")
        place(station, OrderRequest(Action.ACTIVATE, "", carton))
        patch = {"effective_at": "2027-12-01T00:00:00Z"}
        request = OrderRequest(Action.ASSIGN, "", carton, attributes=patch, at=SIX)
        with pytest.raises(Refused, match="valid now, and would not be") as caught:
            place(station, request)
        bottles = caught.value.details["count"]
        assert bottles == 24
        assert place(station, replace(request, count=bottles)).orders[0].scheduled == "waiting"

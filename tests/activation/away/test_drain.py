"""The queue in one process: order, crashes between any two steps, and what a hand did to it."""

import errno
import itertools
import json
import shutil
from dataclasses import replace
from datetime import timedelta

import pytest
from away_kit import ask, incidents, orders
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mintmark.activation.away.desk import STREAM, AwayDesk
from mintmark.activation.away.drain import drain
from mintmark.activation.away.intent import NoIntent
from mintmark.activation.away.keeper import Keeper
from mintmark.activation.away.queue import AwayQueue
from mintmark.activation.away.written import read_range, write_range
from mintmark.activation.intake.line import OrderStream
from mintmark.activation.orders.orders import OrderRequest
from mintmark.activation.orders.selection import BySerials
from mintmark.codegen.errors import EnvironmentFailure, IntegrityError
from mintmark.codegen.ranges.lifecycle import Action


class Crash(BaseException):
    """The process ends here."""


def crashing(at):
    """A failpoint that ends the process when it is passed the `at`th time."""
    passed = itertools.count(1)

    def failpoint(_):
        if next(passed) == at:
            raise Crash

    return failpoint


def wait_here(home, batch, names, action="activate"):
    """Orders `names`, of a code each, written down."""
    keeper = Keeper(home.station())
    for at, name in enumerate(names, 1):
        request = OrderRequest(Action(action), batch, BySerials(str(at)), order=name)
        config = keeper.station.config
        keeper.append(write_range(request, config.home_id, config.time_zone))
    return keeper


def booked(home):
    return [name for name, *_ in orders(home)]


def test_a_crash_between_any_two_steps_books_all_once_and_in_order(made):
    home, batch, _ = made
    crashes = 0
    for at in itertools.count(1):
        here = [f"one-{at}", f"two-{at}"]
        wait_assign(home, batch, here)
        station = home.station(failpoint=crashing(at))
        try:
            drain(Keeper(station))
        except Crash:
            crashes += 1
            drain(Keeper(home.station()))
            assert booked(home)[-2:] == here
            assert AwayQueue(home.path).is_empty
            continue
        break
    assert crashes >= 4
    everything = booked(home)
    assert len(everything) == len(set(everything)) == 2 * (crashes + 1)


def wait_assign(home, batch, names, region="Hunan"):
    keeper = Keeper(home.station())
    config = keeper.station.config
    for name in names:
        request = OrderRequest(
            Action.ASSIGN, batch, BySerials("1-9"), {"region": region}, order=name
        )
        keeper.append(write_range(request, config.home_id, config.time_zone))
    return keeper


def test_a_crash_while_an_order_is_written_down_leaves_it_whole_or_none(made):
    home, batch, _ = made
    for at in (1, 2):
        station = home.station(failpoint=crashing(at))
        keeper = Keeper(station)
        config = station.config
        request = OrderRequest(
            Action.ASSIGN, batch, BySerials("1"), {"lot": "L"}, order=f"cut-{at}"
        )
        with pytest.raises(Crash):
            keeper.append(write_range(request, config.home_id, config.time_zone))
        wait_assign(home, batch, [f"after-{at}"])
    drain(Keeper(home.station()))
    assert booked(home) == ["cut-1", "after-1", "cut-2", "after-2"]


def test_an_order_that_a_full_disk_refuses_does_not_wait(made):
    home, batch, _ = made
    wait_here(home, batch, ["before"])

    def full(name):
        if name == "intent written":
            raise OSError(errno.ENOSPC, "no space left on device")

    keeper = Keeper(home.station(failpoint=full))
    config = keeper.station.config
    request = OrderRequest(Action.ACTIVATE, batch, BySerials("2"), order="full")
    with pytest.raises(OSError, match="no space"):
        keeper.append(write_range(request, config.home_id, config.time_zone))
    assert keeper.find("full") is None
    drain(wait_assign(home, batch, ["after"]))
    assert booked(home) == ["before", "after"]


def test_a_refused_one_is_told_once_whatever_crashes(made):
    home, batch, _ = made
    for at in itertools.count(1):
        wait_here(home, batch, [f"no-{at}"], "unfreeze")
        try:
            drain(Keeper(home.station(failpoint=crashing(at))))
        except Crash:
            drain(Keeper(home.station()))
            continue
        break
    told = [each.facts.order for each in incidents(home, "away-refused")]
    assert told == [f"no-{n}" for n in range(1, at + 1)]
    assert at >= 4
    assert booked(home) == []


HANDS = {
    "a changed file": lambda paths: paths[1].write_bytes(changed(paths[1].read_bytes())),
    "a changed time": lambda paths: paths[1].write_bytes(
        paths[1].read_bytes().replace(b'"at":"2026', b'"at":"2025')
    ),
    "one taken out of the middle": lambda paths: paths[1].unlink(),
    "the last taken away": lambda paths: paths[2].unlink(),
    "the first taken away": lambda paths: paths[0].unlink(),
    "two exchanged": lambda paths: exchange(paths[0], paths[1]),
    "one cut short": lambda paths: paths[2].write_bytes(paths[2].read_bytes()[:-20]),
    "one renamed": lambda paths: paths[1].rename(
        paths[1].with_name(f"{paths[1].name[:13]}{'0' * 16}.json")
    ),
    "one copied behind": lambda paths: (
        paths[2].with_name(f"{4:012}-{paths[2].name[13:]}").write_bytes(paths[2].read_bytes())
    ),
}


def changed(data):
    document = json.loads(data)
    document["sealed"] = document["sealed"][:-8] + "AAAAAAA="
    return json.dumps(document).encode("ascii")


def exchange(one, other):
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


@pytest.mark.parametrize("hand", HANDS)
def test_what_a_hand_did_to_the_queue_is_noticed_and_told_and_nothing_behind_is_booked(
    made, run, hand
):
    home, batch, _ = made
    wait_assign(home, batch, ["one", "two", "three"])
    paths = sorted((home.path / "away").glob("0*.json"))
    HANDS[hand](paths)
    _, found = run("doctor")
    assert next(f["level"] for f in found["findings"] if f["check"] == "away") == "error"
    code, told = run("deliver")
    assert code == 5
    assert run("deliver")[0] == 5
    assert len(incidents(home, "away-damaged")) == 1
    before = booked(home)
    assert ["one", "two", "three"][: len(before)] == before
    number = int("".join(filter(str.isdigit, told["error"].partition("of those")[0])))
    for each in range(number, 5):
        run("orders", "away", "--discard", str(each))
    code, told = run("deliver")
    assert (code, AwayQueue(home.path).is_empty) == (75, True)
    assert len(booked(home)) == len(set(booked(home)))


def test_an_intent_out_of_another_copy_of_the_home_is_noticed(made, run, tmp_path):
    home, batch, _ = made
    wait_assign(home, batch, ["one"])
    twin = replace(home, path=tmp_path / "twin", opened=[])
    shutil.copytree(home.path, twin.path)
    wait_assign(twin, batch, ["other"])
    wait_assign(home, batch, ["two", "three"])
    (two,) = (home.path / "away").glob("000000000002-*.json")
    two.unlink()
    (other,) = (twin.path / "away").glob("000000000002-*.json")
    shutil.copy(other, two.with_name(other.name))
    twin.close()
    assert run("deliver")[0] == 5
    assert "three" not in booked(home)


def test_a_note_that_was_lost_is_made_again_and_told(made):
    home, batch, _ = made
    wait_assign(home, batch, ["one", "two"])
    (home.path / "away" / "queue.json").write_bytes(b"{}")
    wait_assign(home, batch, ["three"])
    drain(Keeper(home.station()))
    assert booked(home) == ["one", "two", "three"]
    assert len(incidents(home, "away-damaged")) == 1


def test_an_order_does_not_overtake_what_waits(made):
    home, batch, switch = made
    station = home.station()
    clock = [0.0]
    line = OrderStream(station, None, lambda: clock[0])
    say = {"batch": batch, "serials": "1-5"}
    switch.away = True
    assert ask(line, action="activate", order="a", **say)["away"] is True
    switch.away = False
    # The books are not asked again at once, and what comes next waits behind.
    assert ask(line, action="freeze", order="b", **say)["away"] is True
    assert ask(line, op="status", order="b")["status"] == "queued"
    clock[0] += 60
    answer = ask(line, action="unfreeze", order="c", **say)
    assert (answer["exit"], "away" in answer) == (75, False)
    assert booked(home) == ["a", "b", "c"]


def test_a_line_books_what_waits_while_nothing_comes(made):
    home, batch, switch = made
    clock = [0.0]
    line = OrderStream(home.station(), None, lambda: clock[0])
    switch.away = True
    ask(line, action="activate", batch=batch, serials="1", order="a")
    opened = switch.opened
    line.idle(lambda: False)
    assert switch.opened == opened  # a message would wait for it
    switch.away = False
    clock[0] += 60
    line.idle(lambda: False)
    assert booked(home) == ["a"]


def test_who_gave_an_order_and_when_is_what_it_is_booked_with(made):
    home, batch, _ = made
    station = home.station()
    station.actor = replace(station.actor, operator="Mr Li")
    keeper = Keeper(station)
    config = station.config
    # Valid until a moment that is past when it is booked, and was not when it was given.
    end = "2026-11-22T09:00:00Z"
    request = OrderRequest(
        Action.ACTIVATE, batch, BySerials("1-5"), {"expires_at": end}, order="late"
    )
    keeper.append(write_range(request, config.home_id, config.time_zone))
    later = home.station()
    later.now = lambda: station.now() + timedelta(hours=9)
    assert drain(Keeper(later)).booked == ["late"]
    with later.ledger.read() as view:
        (event,) = [e for e in view.events(limit=1_000) if getattr(e.change, "order", "") == "late"]
    assert event.actor.operator == "Mr Li"


def test_only_so_many_may_wait(made, monkeypatch):
    home, batch, _ = made
    monkeypatch.setattr("mintmark.activation.away.queue.INTENTS", 2)
    keeper = wait_assign(home, batch, ["one", "two"])
    with pytest.raises(EnvironmentFailure, match="no more may"):
        wait_assign(home, batch, ["three"])
    drain(keeper)
    wait_assign(home, batch, ["three"])
    monkeypatch.setattr("mintmark.activation.away.queue.QUEUE_BYTES", 1_000)
    with pytest.raises(EnvironmentFailure, match="no more may"):
        wait_assign(home, batch, ["four"])


def test_a_damaged_line_key_holds_up_nobody_else(made, run):
    home, batch, switch = made
    run("key", "new", "line-2")
    switch.away = True
    run("activate", batch, "--serials", "1", "--order", "mine", "--line", "line-2")
    run("activate", batch, "--serials", "2", "--order", "theirs")
    switch.away = False
    (home.path / "keys" / "lines" / "line-2.key").write_bytes(b"{}")
    assert drain(Keeper(home.station())).booked == ["theirs"]
    assert [one["exit"] for one in run("orders", "away")[1]["refused"]] == [5]


def test_damaged_books_refuse_nothing(made, monkeypatch):
    home, batch, _ = made
    wait_assign(home, batch, ["one"])

    def damaged(*_):
        raise IntegrityError("the books do not balance")

    monkeypatch.setattr("mintmark.activation.away.drain.place", damaged)
    with pytest.raises(IntegrityError):
        drain(Keeper(home.station()))
    monkeypatch.undo()
    assert not AwayQueue(home.path).is_empty


def test_another_process_that_books_is_left_alone_and_the_order_waits_behind(made):
    home, batch, _ = made
    keeper = wait_assign(home, batch, ["one"])
    config = keeper.station.config
    request = OrderRequest(Action.ASSIGN, batch, BySerials("1"), {"lot": "L"}, order="two")
    desk = AwayDesk(home.station(), STREAM)
    with keeper.queue.draining() as alone:
        assert alone
        place = desk.take(
            lambda: write_range(request, config.home_id, config.time_zone), lambda: "booked"
        )
    assert (place.number, place.reason) == (2, "another process books what waits here")


VALUES = st.one_of(st.text(max_size=30), st.integers(0, 10**9))
REQUESTS = st.builds(
    OrderRequest,
    action=st.sampled_from([a for a in Action if a not in (Action.VOID, Action.ASSIGN)]),
    batch=st.just(""),
    selection=st.builds(BySerials, st.sampled_from(["all", "1-9", "3;5-7", "12-"])),
    attributes=st.dictionaries(st.sampled_from(["lot", "region", "native.x"]), VALUES),
    count=st.none() | st.integers(1, 10**6),
    strict=st.booleans(),
    reason=st.none() | st.text(max_size=50),
    order=st.just("order-1"),
    allow_past=st.booleans(),
    include_lost=st.booleans(),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(request=REQUESTS)
def test_an_order_reads_back_as_it_was_written(made, request):
    home, _, _ = made
    keeper = Keeper(home.station())
    config = keeper.station.config
    number = keeper.append(write_range(request, config.home_id, config.time_zone))
    found = keeper.at(number)
    assert read_range(found.written) == request


def test_an_intent_of_another_home_is_none(made):
    home, batch, _ = made
    keeper = wait_assign(home, batch, ["one"])
    data, _ = keeper.queue.read(1)
    keeper.station.config = replace(keeper.station.config, home_id="ZZZZ-ZZZZZZZZZZZZ")
    with pytest.raises(NoIntent):
        keeper.decode(data)

"""Orders given twice: a retry is answered, and a repeat that stands no more is told."""

import json
import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_kit import Backend, client, home_with_batches, opened

from mintmark.activation.intake import repeats
from mintmark.activation.intake.apply import apply
from mintmark.activation.intake.line import OrderStream
from mintmark.activation.intake.order_and_deliver import book_and_deliver
from mintmark.activation.intake.order_file import read_file
from mintmark.activation.orders import booked, listing
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials
from mintmark.codegen.errors import Refused
from mintmark.codegen.ledger.changes import IncidentFacts
from mintmark.codegen.ranges.lifecycle import Action, State
from mintmark.codegen.ranges.serials import Range, of

HEAD = "action,batch,serials\n"


@pytest.fixture
def made(tmp_path):
    home, (batch,) = home_with_batches(tmp_path)
    with (
        Backend(tmp_path / "backend", home.path) as backend,
        client(backend.url) as line,
        opened(home.path) as station,
    ):
        yield station, line, batch


def give(made, path):
    station, line, _ = made
    return apply(station, line, read_file(path), shown=path.name)


def state(made, serial):
    station, _, batch = made
    with station.ledger.read() as view:
        return view.at(batch, serial).state


def incidents(station):
    with station.ledger.read() as view:
        return [event.change for event in view.incidents(repeats.REPEATED)]


def file(folder, name, batch, *orders):
    path = folder / name
    text = "".join(f"{action},{batch},{ranges}\n" for action, ranges in orders)
    path.write_text(HEAD + text, "utf-8")
    return path


def test_a_file_written_anew_is_new_orders(made, tmp_path):
    _, _, batch = made
    freeze = file(tmp_path, "freeze.csv", batch, ("freeze", "20-30"))
    thaw = file(tmp_path, "thaw.csv", batch, ("unfreeze", "20-30"))
    assert give(made, freeze).acknowledged == 1
    assert give(made, thaw).acknowledged == 1
    os.utime(file(tmp_path, "freeze.csv", batch, ("freeze", "20-30")), ns=(10, 10))
    again = give(made, freeze)
    assert (again.acknowledged, again.repeated, again.exit_code) == (1, 0, 0)
    assert state(made, 25) is State.FROZEN


def test_the_untouched_file_again_is_told_that_it_stands_no_more(made, tmp_path):
    station, _, batch = made
    freeze = file(tmp_path, "freeze.csv", batch, ("freeze", "20-30"))
    thaw = file(tmp_path, "thaw.csv", batch, ("unfreeze", "20-30"))
    first = give(made, freeze)
    assert give(made, freeze).exit_code == 0  # a retry: it stands
    give(made, thaw)
    again = give(made, freeze)
    assert (again.repeated, again.undone, again.exit_code) == (1, 1, 3)
    (outcome,) = again.results
    assert (outcome.undone, outcome.exit) == ((Range(20, 30),), 3)
    assert "11 of its codes have changed since" in outcome.detail
    assert any("no longer stand" in text for text in again.lines())
    assert state(made, 25) is State.PACKAGED
    (incident,) = incidents(station)
    assert incident.detail.startswith("freeze.csv: 1 of 1 orders were booked before")
    assert incident.facts == IncidentFacts(
        batch=batch,
        order=first.results[0].order,
        action=Action.FREEZE,
        serials=(Range(20, 30),),
        codes=11,
    )
    give(made, freeze)
    assert len(incidents(station)) == 1  # within an hour the same is alarmed once


def test_a_repeat_that_is_queued_and_stands_no_more_is_3_too(made, tmp_path):
    station, _, batch = made
    freeze = file(tmp_path, "freeze.csv", batch, ("freeze", "20-30"))
    for path in (freeze, file(tmp_path, "thaw.csv", batch, ("unfreeze", "20-30")), freeze):
        done = apply(station, None, read_file(path))
    assert (done.queued, done.undone, done.exit_code) == (1, 1, 3)
    assert (done.results[0].status, done.results[0].exit) == ("queued", 3)


def test_a_file_that_undoes_itself_is_a_retry(made, tmp_path):
    station, _, batch = made
    path = file(
        tmp_path, "a.csv", batch, ("activate", "1-50"), ("freeze", "5-9"), ("unfreeze", "5-7")
    )
    give(made, path)
    again = give(made, path)
    assert (again.repeated, again.undone, again.exit_code) == (3, 0, 0)
    file(tmp_path, "b.csv", batch, ("revoke", "40-50"))
    give(made, tmp_path / "b.csv")
    again = give(made, path)
    assert [outcome.undone for outcome in again.results] == [(Range(40, 50),), (), ()]
    assert len(incidents(station)) == 1


def test_an_id_used_again_is_told_in_a_file(made, tmp_path):
    station, _, batch = made
    path = tmp_path / "a.jsonl"
    order = {"action": "assign", "batch": batch, "serials": "1-5", "order": "mes-1"}
    path.write_text(json.dumps({**order, "set": {"region": "North"}}) + "\n", "utf-8")
    give(made, path)
    path.write_text(
        json.dumps({**order, "order": "mes-2", "set": {"region": "South"}}) + "\n", "utf-8"
    )
    give(made, path)
    path.write_text(json.dumps({**order, "set": {"region": "North"}}) + "\n", "utf-8")
    again = give(made, path)
    assert (again.repeated, again.undone, again.exit_code) == (1, 1, 3)
    assert len(incidents(station)) == 1


REQUESTS = {
    Action.ACTIVATE: (Action.FREEZE,),
    Action.FREEZE: (Action.UNFREEZE,),
    Action.UNFREEZE: (Action.FREEZE,),
    Action.REVOKE: (Action.ACTIVATE,),
    Action.VOID: (Action.UNVOID,),
    Action.UNVOID: (Action.VOID,),
    Action.ASSIGN: (Action.VOID, Action.UNVOID, Action.ASSIGN),
}
BEFORE = {
    Action.UNFREEZE: (Action.FREEZE,),
    Action.REVOKE: (Action.ACTIVATE,),
    Action.UNVOID: (Action.VOID,),
}


def request(batch, action, lot, ranges="1-5", order=None):
    return OrderRequest(
        action,
        batch,
        BySerials(ranges),
        attributes={"lot": lot} if action is Action.ASSIGN else {},
        reason="misprint" if action is Action.VOID else None,
        order=order,
    )


@pytest.mark.parametrize("action", Action)
def test_every_action_stands_until_its_codes_change(made, action):
    station, _, batch = made
    for earlier in BEFORE.get(action, ()):
        book(station, request(batch, earlier, "L0"))
    book(station, request(batch, action, "L1", order="it"))
    with station.ledger.read() as view:
        assert booked.undone(view, view.order("it")) == ()
    for number, later in enumerate(REQUESTS[action]):
        book(station, request(batch, later, f"L{number + 2}", "2-3"))
    with station.ledger.read() as view:
        assert booked.undone(view, view.order("it")) == (Range(2, 3),)


def test_codes_that_were_passed_over_were_never_changed(made):
    station, _, batch = made
    book(station, request(batch, Action.VOID, None, "3"))
    book(station, request(batch, Action.ACTIVATE, None, "1-5", "it"))
    with station.ledger.read() as view:
        assert booked.undone(view, view.order("it")) == ()


def test_a_command_and_the_line_tell_it_too(made, tmp_path):
    station, line, batch = made
    stream = OrderStream(station, line)
    message = {"action": "activate", "batch": batch, "serials": "1-5", "order": "reel-1"}
    send = json.dumps(message).encode()
    assert stream.answer(send)["exit"] == 0
    again = stream.answer(send)
    assert (again["exit"], again["repeated"], again["undone"]) == (0, True, [])
    give(made, file(tmp_path, "a.csv", batch, ("freeze", "4-5")))
    again = stream.answer(send)
    assert (again["ok"], again["exit"], again["undone"]) == (True, 3, [[4, 5]])
    result = book_and_deliver(
        station, request(batch, Action.ACTIVATE, None, order="reel-1"), lambda *_: None
    )
    # No backend is configured here; that the codes have changed weighs more than the queue.
    assert (result.exit_code, result.repeated) == (3, True)
    assert any("have changed since" in text for text in result.lines())
    tried = replace(request(batch, Action.ACTIVATE, None, order="reel-1"), dry_run=True)
    result = book_and_deliver(station, tried, lambda *_: None)
    assert (result.exit_code, result.repeated) == (3, True)
    assert "  nothing was changed" in result.lines()
    assert incidents(station) == []  # whoever gave it is there, and is told


def test_a_repeat_of_a_cancelled_order_is_no_success(made):
    station, _, batch = made
    wanted = request(batch, Action.ACTIVATE, None, order="it")
    assert book_and_deliver(station, wanted, lambda *_: None).exit_code == 75
    listing.cancel(station, "it")
    assert book_and_deliver(station, wanted, lambda *_: None).exit_code == 3


def test_a_file_that_changes_while_it_is_read_is_not_given(made, tmp_path, monkeypatch):
    path = file(tmp_path, "a.csv", made[2], ("freeze", "20-30"))
    real = os.fstat
    seen = []

    def fstat(descriptor):
        seen.append(descriptor)
        if len(seen) == 2:
            os.utime(path, ns=(7, 7))
        return real(descriptor)

    monkeypatch.setattr("mintmark.activation.intake.order_file.os.fstat", fstat)
    with pytest.raises(Refused, match="changed while it was read"):
        read_file(path)


SERIALS = st.integers(1, 40)
SOME = st.sets(SERIALS, max_size=12)


@given(st.lists(SOME, max_size=8), SOME)
def test_covered_is_a_set(added, asked):
    covered = repeats.Covered()
    for serials in added:
        covered.add(of(serials))
    assert covered.left_of(of(asked)) == of(asked - set().union(*added))

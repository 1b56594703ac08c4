"""Delivery by several processes and as a service: nothing twice, nothing lost, a clean end."""

import json
import os
import signal
import threading
from collections import defaultdict
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import patience
import pytest
from line_kit import Backend, client, ended, home_with_batches, opened, program, until
from proxy import Proxy

from mintmark.activation import backoff
from mintmark.activation.client.protocol import Away
from mintmark.activation.client.wire import ScanInsPage, ScanInTold
from mintmark.activation.delivery.deliver import PATIENCE, Courier, deliver, next_due
from mintmark.activation.delivery.delivery_lock import delivery_lock
from mintmark.activation.delivery.service import HealthFile, Service
from mintmark.activation.delivery.stopping import Stop, on_signals
from mintmark.activation.orders.group import place
from mintmark.activation.orders.orders import OrderRequest
from mintmark.activation.orders.orders import book as book_order
from mintmark.activation.orders.selection import BySerials
from mintmark.codegen.errors import EnvironmentFailure, IntegrityError
from mintmark.codegen.ledger.changes import KeyRevoked
from mintmark.codegen.ranges.aggregation import CodeRanges
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def made(tmp_path, clock):
    home, batches = home_with_batches(tmp_path, 4, 60, 60)
    with Backend(tmp_path / "backend", home.path) as backend, opened(home.path, clock) as station:
        yield station, backend, batches


def book(station, batch, *serials, action="activate", **more):
    requests = [
        OrderRequest(Action(action), batch, BySerials(str(serial)), **more) for serial in serials
    ]
    return [book_order(station, request)[0].order for request in requests]


def rows(station):
    with station.ledger.read() as view:
        return {row.order: row for row in view.orders(limit=10_000)}


def sent_orders(proxy):
    """Each order's times on the wire."""
    found = defaultdict(list)
    for request in proxy.seen:
        if request.path.startswith("/v1/orders/"):
            found[request.path.rsplit("/", 1)[1]].append((request.began, request.ended))
    return found


# --- two processes -------------------------------------------------------------------------


def test_two_processes_send_no_order_at_once_and_none_twice(made, byte_code):
    station, backend, batches = made
    booked = [order for batch in batches[:3] for order in book(station, batch, *range(1, 9))]
    station.close()

    def slow(request):
        return "delay" if "/orders/" in request.path else ""

    with Proxy(backend.url, slow, delay=0.05) as proxy:
        couriers = [
            program("deliver", "--json", home=station.home, url=proxy.url, byte_code=byte_code)
            for _ in range(2)
        ]
        done = [ended(process) for process in couriers]
        sent = sent_orders(proxy)
    assert sorted(sent) == sorted(booked)
    assert {len(times) for times in sent.values()} == {1}
    results = [json.loads(out) for _, out, _ in done]
    delivered = [order for result in results for order in result["delivered"]]
    assert sorted(delivered) == sorted(booked)
    assert {row.status for row in rows(station).values()} == {"acknowledged"}
    # Or the test would show nothing: both had work to do.
    assert all(result["delivered"] for result in results)


def test_a_killed_process_gives_its_lock_back_at_once(made, byte_code):
    station, backend, (batch, *_) = made
    (order,) = book(station, batch, 1)
    station.close()
    reached, go = threading.Event(), threading.Event()

    def hold(request):
        if "/orders/" in request.path and not reached.is_set():
            reached.set()
            go.wait(patience.PATIENCE)
            return "drop request"
        return ""

    with Proxy(backend.url, hold) as proxy, client(backend.url) as line:
        process = program("deliver", home=station.home, url=proxy.url, byte_code=byte_code)
        assert reached.wait(patience.PATIENCE)
        # While it lives, nobody else sends the order, not even a year later.
        station.now.now += timedelta(days=365)
        assert deliver(station, line).detail == "another process is sending it"
        process.kill()
        process.communicate()
        go.set()
        station.now.now = NOW
        assert deliver(station, line).delivered == (order,)


def test_a_delivery_lock_is_had_once(tmp_path):
    with (
        delivery_lock(tmp_path, "B") as first,
        delivery_lock(tmp_path, "B") as second,
        delivery_lock(tmp_path, "C") as other,
    ):
        assert (first, second, other) == (True, False, True)
    assert not list(tmp_path.iterdir())
    with delivery_lock(tmp_path, "B") as again:
        assert again


# --- a courier ----------------------------------------------------------------------------


def test_a_backend_that_is_away_is_tried_for_a_few_batches_only(made):
    station, backend, batches = made
    for batch in batches:
        book(station, batch, 1)
    backend.stop()
    with client(backend.url) as line:
        sent = Courier(station, line).deliver()
    assert sent.away == PATIENCE
    assert sum(row.attempts for row in rows(station).values()) == PATIENCE < len(batches)


def test_patience_waits_for_the_next_attempt_and_a_person_does_not(made):
    station, backend, (batch, *_) = made
    (order,) = book(station, batch, 1)
    backend.stop()
    with client(backend.url) as line:
        Courier(station, line, patient=True).deliver()
        due = rows(station)[order].next_attempt
        assert NOW < due <= NOW + timedelta(seconds=2)
        assert next_due(station) == due
        backend.start()
        assert not Courier(station, line, patient=True).deliver().delivered
        station.now.now = due
        assert Courier(station, line, patient=True).deliver().delivered == [order]


def test_a_clock_that_was_wrong_puts_nothing_off_for_long(made):
    station, backend, (batch, *_) = made
    (order,) = book(station, batch, 1)
    backend.stop()
    station.now.now = NOW + timedelta(days=400)
    with client(backend.url) as line:
        Courier(station, line, patient=True).deliver()
        backend.start()
        station.now.now = NOW
        assert next_due(station) == NOW
        assert Courier(station, line, patient=True).deliver().delivered == [order]


def test_retry_after_is_kept_to_an_hour_at_most(made):
    station, backend, (batch, *_) = made
    (order,) = book(station, batch, 1)
    with Proxy(backend.url, lambda _: "503") as proxy, client(proxy.url) as line:
        Courier(station, line).deliver()
    assert rows(station)[order].next_attempt >= NOW + timedelta(seconds=1)
    assert backoff.wait(1_000, 1.0) == backoff.LONGEST
    assert backoff.wait(0, 0.0) == backoff.FIRST / 2


def damaged(station, batch):
    path = station.vault.parts(batch).fingerprints
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)


def test_a_damaged_batch_holds_up_no_other(made):
    station, backend, (first, second, *_) = made
    (stuck,), (fine,) = book(station, first, 1), book(station, second, 1)
    damaged(station, first)
    with client(backend.url) as line:
        with pytest.raises(IntegrityError):
            Courier(station, line).deliver()
        sent = Courier(station, line, sturdy=True).deliver()
    assert sent.delivered == [fine]
    assert "fingerprints" in rows(station)[stuck].detail


def test_an_order_of_a_line_whose_key_was_revoked_since_is_settled_all_the_same(made):
    station, backend, (batch, *_) = made
    (order,) = book(station, batch, 1)
    station.ledger.commit(station.author, KeyRevoked(station.line().key_id, "PC stolen"))
    with client(backend.url) as line:
        assert Courier(station, line).deliver().delivered == [order]


def test_stop_ends_between_two_orders(made):
    station, backend, (batch, *_) = made
    orders = book(station, batch, 1, 2, 3)
    stop = Stop()
    with client(backend.url) as line:
        sent = Courier(station, line).deliver(stop=stop, settled=lambda *_: stop.request())
    assert sent.delivered == orders[:1]
    assert rows(station)[orders[1]].attempts == 0


def test_null_removes_validity_at_the_backend_too(made):
    station, backend, (batch, *_) = made
    until_then = {"expires_at": "2097-01-01T00:00:00Z"}
    book(station, batch, 1, attributes=until_then)
    book(station, batch, 1, action="assign", attributes={"expires_at": None, "lot": "L"})
    with client(backend.url) as line:
        deliver(station, line)
        assert line.batch_page(batch).ranges[0].attributes == {"lot": "L"}


# --- the service ---------------------------------------------------------------------------


def service(made, health, turns, log=lambda *_, **__: None, connect=None):
    """Runs for so many turns; each wait moves the clock on."""
    station, backend, _ = made
    waits = []

    def pause(seconds):
        waits.append(seconds)
        station.now.now += timedelta(seconds=seconds)
        if len(waits) in turns:
            turns[len(waits)]()

    return Service(
        station=station,
        connect=connect or (lambda: client(backend.url)),
        wait=pause,
        stopped=lambda: len(waits) >= max(turns),
        log=log,
        health=HealthFile(health, station.now()),
    ), waits


def nothing():
    """No event of this turn."""


def test_it_delivers_what_is_booked_and_waits_out_a_backend_that_is_away(made, tmp_path):
    station, backend, (batch, *_) = made
    health = tmp_path / "health.json"
    events = []
    looks = []

    def look():
        looks.append(json.loads(health.read_text("ascii")))

    def away():
        backend.stop()
        book(station, batch, 1, 2)

    def back():
        look()
        backend.start()

    turns = {1: away, 8: back, 30: look}
    running, waits = service(
        made, health, turns, lambda event, **more: events.append((event, more))
    )
    result = running.run()
    assert (result.exit_code, result.queued) == (0, 0)
    assert {row.status for row in rows(station).values()} == {"acknowledged"}
    while_away, after = looks
    assert while_away["queued"] == 2
    assert while_away["last_success"] is None
    assert while_away["last_error"]["message"]
    assert after["queued"] == 0
    assert after["last_success"] > while_away["last_error"]["at"]
    assert after["pid"] == os.getpid()
    names = [event for event, _ in events]
    assert names == ["started", "away", "acknowledged", "acknowledged", "stopped"]
    assert all(0 < seconds <= 1 for seconds in waits)


def test_it_books_and_delivers_a_scheduled_order_at_its_time(made, tmp_path):
    station, _, (batch, other, *_) = made
    events, sent = [], []
    at = NOW + timedelta(seconds=5)
    whole = BySerials("1-9")
    place(station, OrderRequest(Action.ACTIVATE, batch, whole, at=at, order="good"))
    place(station, OrderRequest(Action.UNFREEZE, other, whole, at=at, order="bad"))

    def look():
        sent.append([row.status for row in rows(station).values()])

    turns = {4: look, 7: look}
    running, waits = service(
        made, tmp_path / "health.json", turns, lambda event, **more: events.append((event, more))
    )
    running.run()
    assert sent == [[], ["acknowledged"]]
    assert all(0 < seconds <= 1 for seconds in waits)
    assert [(event, more.get("order")) for event, more in events[1:-1]] == [
        ("scheduled-booked", "good"),
        ("scheduled-refused", "bad"),
        ("acknowledged", "good"),
    ]


def test_a_person_who_delivers_books_what_is_due_also_without_a_backend(made):
    station, _, (batch, *_) = made
    at = NOW + timedelta(minutes=1)
    place(station, OrderRequest(Action.ACTIVATE, batch, BySerials("1-9"), at=at, order="later"))
    assert deliver(station, None).scheduled == ()
    station.now.now = at + timedelta(minutes=5)
    told = deliver(station, None)
    assert [(each.order, each.status) for each in told.scheduled] == [("later", "booked")]
    assert (told.queued, told.exit_code) == (1, 75)
    assert "scheduled order later" in "\n".join(told.lines())
    assert "5 min late" in "\n".join(told.lines())


def test_a_failing_ledger_does_not_end_it(made, tmp_path, monkeypatch):
    station, _, (batch, *_) = made
    book(station, batch, 1)
    claim = type(station.ledger).claim
    failures = iter([EnvironmentFailure("the ledger is locked"), OSError(28, "No space left")])

    def failing(*arguments):
        for failure in failures:
            raise failure
        return claim(*arguments)

    monkeypatch.setattr(type(station.ledger), "claim", failing)
    events = []
    running, waits = service(
        made, tmp_path / "h.json", {4: nothing}, lambda event, **more: events.append((event, more))
    )
    assert running.run().queued == 0
    assert [event for event, _ in events] == [
        "started",
        "hindered",
        "hindered",
        "acknowledged",
        "stopped",
    ]
    assert waits[1] > waits[0]  # it gives the machine more and more time


def test_without_a_backend_it_waits_and_keeps_no_core_busy(made, tmp_path):
    station, _, (batch, *_) = made
    book(station, batch, 1)
    running, waits = service(made, None, {5: nothing}, connect=lambda: nullcontext(None))
    assert running.run().queued == 1
    assert waits == [1.0] * 5


def test_scan_ins_are_read_back_about_once_a_minute(made, tmp_path):
    station, _, (batch, *_) = made
    codes = (CodeRanges(batch, (Range(1, 2),)),)
    told, asked, events = [], [], []

    class Told:
        def scan_ins(self, after=0):
            asked.append(station.now.now)
            if not told:
                raise Away("it took too long")
            return ScanInsPage(tuple(row for row in told if row.number > after), None)

    def scanned_in():
        told.append(ScanInTold(1, "in-1", "D7", "2026-11-22T12:00:00Z", codes))

    running, _ = service(
        made,
        tmp_path / "health.json",
        {130: scanned_in, 250: nothing},
        lambda event, **more: events.append((event, more)),
        connect=lambda: nullcontext(Told()),
    )
    running.run()
    pauses = {(after - before).total_seconds() for before, after in pairwise(asked)}
    assert pauses == {60.0}
    assert len(asked) == 5
    assert [event for event, _ in events] == ["started", "scan-ins-unread", "scan-ins", "stopped"]
    with station.ledger.read() as view:
        assert view.has_scan_in("in-1")


def test_the_health_file_is_replaced_whole_and_beats(made, tmp_path):
    health = tmp_path / "health.json"
    beats = []
    turns = dict.fromkeys(range(1, 26), lambda: beats.append(json.loads(health.read_text())["at"]))
    service(made, health, turns)[0].run()
    assert 3 <= len(set(beats)) <= 5  # every ten seconds of 25
    assert not list(tmp_path.glob(".*"))


def test_sigterm_ends_the_service_with_the_order_under_way_done(made, byte_code, tmp_path):
    station, backend, (batch, *_) = made
    first, second = book(station, batch, 1, 2)
    station.close()
    reached, go = threading.Event(), threading.Event()

    def hold(request):
        if "/orders/" in request.path:
            reached.set()
            go.wait(patience.PATIENCE)
        return ""

    health = tmp_path / "health.json"
    with Proxy(backend.url, hold) as proxy:
        process = program(
            "deliver", "--watch", "--json-logs", "--json", "--health-file", str(health),
            home=station.home, url=proxy.url, byte_code=byte_code,
        )  # fmt: skip
        assert reached.wait(patience.PATIENCE)
        process.send_signal(signal.SIGTERM)
        go.set()
        code, out, err = ended(process)
    assert code == 0, err
    assert json.loads(out)["queued"] == 1
    assert [rows(station)[order].status for order in (first, second)] == ["acknowledged", "queued"]
    logged = [json.loads(line) for line in err.splitlines()]
    assert [line["event"] for line in logged] == ["started", "acknowledged", "stopped"]
    assert logged[1]["order"] == first
    assert json.loads(health.read_text("ascii"))["queued"] == 1


def test_ctrl_c_ends_a_service_that_sleeps(made, byte_code, tmp_path):
    station, backend, _ = made
    health = tmp_path / "health.json"
    process = program(
        "deliver", "--watch", "--health-file", str(health),
        home=station.home, url=backend.url, byte_code=byte_code, start_new_session=True,
    )  # fmt: skip
    until(health.exists, process=process)
    process.send_signal(2)
    code, out, _ = ended(process)
    assert code == 0
    assert "stopped" in out


def test_a_signal_ends_a_wait_and_handlers_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with on_signals(Stop()) as stop:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
        stop.wait(60)
        assert stop()
        stop.wait(60)  # at once
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_ctrl_c_interrupts():
    with on_signals(Stop()) as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

"""One outbox, several stations: who sends an order, and for how long, by the books' own clock."""

import contextlib
import json
import shutil
import signal
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from line_kit import Backend, client, ended, packaged, program, read_answer, send_message, until
from patience import PATIENCE
from postgres_kit import cluster
from proxy import Proxy
from psycopg.conninfo import conninfo_to_dict
from stations_kit import make_shared
from wire_proxy import PostgresProxy

from mintmark.activation.client.protocol import Declined, ProblemDetails
from mintmark.activation.delivery import scan_ins
from mintmark.activation.delivery.deliver import Courier, next_due
from mintmark.activation.delivery.lease import (
    ELSEWHERE,
    SHORT,
    BooksClock,
    Lease,
    LeaseLost,
    Leases,
)
from mintmark.activation.orders import due
from mintmark.activation.orders.due import book_due
from mintmark.activation.orders.group import place
from mintmark.activation.orders.listing import cancel
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials
from mintmark.codegen import roster
from mintmark.codegen.away import LedgerAway
from mintmark.codegen.invocation import utc_now
from mintmark.codegen.ledger.changes import ContactAdded, Ordered, Settled
from mintmark.codegen.ranges.lifecycle import Action


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A home on PostgreSQL, a second station that has a line of its own, and a backend."""
    home = make_shared(tmp_path_factory.mktemp("shared"))
    first = home.first.station()
    first.ledger.commit(first.author, ContactAdded("li", "Ms Li", None))
    second = home.admitted("second", "mint,order")
    roster.new_line(second.station(), "line-2")
    with Backend(home.root / "backend", home.first.path) as backend:
        yield SimpleNamespace(
            home=home, backend=backend, first=home.first, second=second, url=backend.url
        )
    home.close()


@pytest.fixture
def batch(shared):
    return packaged(shared.first, 60, 40)


def at(home):
    """The station, by the clock of this machine, as the backend and the database go by it."""
    station = home.station()
    station.now = utc_now
    return station


def order(home, batch, action, name, line="default"):
    request = OrderRequest(Action(action), batch, BySerials("1-10"), order=name, line=line)
    book(at(home), request)
    return name


@contextlib.contextmanager
def books(shared):
    """The books, looked at over and over: a connection is given back each time."""
    station = at(shared.first)
    with contextlib.closing(station), station.ledger.read() as view:
        yield view


def row_of(shared, name):
    with books(shared) as view:
        return view.order(name)


def booked(shared, kind=Ordered):
    """The ids of orders, as their events of that kind follow one another."""
    with books(shared) as view:
        return [e.change.order for e in view.events(limit=10_000) if isinstance(e.change, kind)]


def queued(shared):
    with books(shared) as view:
        return view.queued()


def run_out(shared, name):
    """Let the time of whoever holds the order be over."""
    database = conninfo_to_dict(shared.home.places.ledger)["dbname"]
    past = "UPDATE deliveries SET held_until = '2026-01-01T00:00:00.000000Z' WHERE order_id = "
    cluster().execute(f"{past}'{name}'", database)


def live(shared, batch, serials):
    """How the backend has these serials of a batch."""
    with client(shared.url) as http:
        page = http.batch_page(batch)
    return [each.state.value for each in page.ranges if each.first == serials]


def test_a_deliverer_that_was_frozen_changes_nothing_when_it_wakes(shared, batch):
    name = order(shared.first, batch, "activate", "frozen-1")
    reached, gate = threading.Event(), threading.Event()

    def fault(request):
        if request.path.endswith("/frozen-1") and request.method == "PUT":
            reached.set()
            assert gate.wait(PATIENCE)
        return ""

    with Proxy(shared.url, fault) as proxy:
        asleep = program("deliver", "--json", home=shared.first.path, url=proxy.url)
        assert reached.wait(PATIENCE)
        asleep.send_signal(signal.SIGSTOP)
        second = at(shared.second)
        with client(shared.url, second) as http:
            # Its lease holds: the other station sends nothing of this batch.
            report = Courier(second, http, sturdy=True).deliver(batch=batch)
            assert (report.delivered, report.detail) == ([], ELSEWHERE)
            run_out(shared, name)
            later = order(shared.second, batch, "freeze", "frozen-2", line="line-2")
            report = Courier(second, http, sturdy=True).deliver(batch=batch)
        assert report.delivered == [name, later]
        gate.set()  # what it sent arrives now, when later orders have been applied
        asleep.send_signal(signal.SIGCONT)
        code, out, _ = ended(asleep)
    assert (code, json.loads(out)["queued"]) == (0, 0)
    assert live(shared, batch, 1) == ["frozen"]
    assert booked(shared, Settled).count(name) == 1


def test_what_a_dead_process_held_is_taken_at_once_at_its_own_station_only(shared, batch):
    name = order(shared.first, batch, "activate", "dead-1")
    dead = Leases(at(shared.first))
    holder, until = dead.new()
    assert at(shared.first).ledger.claim(name, holder, until, dead.clock.exact())
    second, first = at(shared.second), at(shared.first)
    due = next_due(second)
    assert due is not None
    assert due > BooksClock(second).now() + SHORT / 2
    with client(shared.url, second) as http:
        assert Courier(second, http, sturdy=True).deliver(batch=batch).detail == ELSEWHERE
    with client(shared.url, first) as http:
        assert Courier(first, http, sturdy=True).deliver(batch=batch).delivered == [name]


def test_leases_go_by_the_clock_of_the_books(shared, batch):
    name = order(shared.first, batch, "activate", "clock-1")
    first, second = at(shared.first), at(shared.second)
    ahead = second.now() + timedelta(days=900)
    second.now = lambda: ahead
    holder, until = Leases(first).new()
    assert first.ledger.claim(name, holder, until, BooksClock(first).exact())
    with client(shared.url, second) as http:
        assert Courier(second, http, sturdy=True).deliver(batch=batch).detail == ELSEWHERE
    first.ledger.release(name, holder)
    nobody = client("http://127.0.0.1:9", second)
    with nobody as http:
        Courier(second, http, sturdy=True).deliver(batch=batch)
    row = row_of(shared, name)
    assert row.holder is None  # any station may try it next
    assert row.next_attempt < BooksClock(first).now() + timedelta(minutes=1)
    with client(shared.url, first) as http:
        assert Courier(first, http, sturdy=True).deliver(batch=batch).delivered == [name]


def test_what_another_station_sends_holds_up_no_other_batch(shared, batch):
    other = packaged(shared.first, 60, 40)
    held = order(shared.first, batch, "activate", "spread-1")
    free = order(shared.first, other, "activate", "spread-2")
    leases = Leases(at(shared.first))
    assert at(shared.first).ledger.claim(held, *leases.new(), leases.clock.exact())
    second = at(shared.second)
    with client(shared.url, second) as http:
        report = Courier(second, http, sturdy=True).deliver()
    assert (report.delivered, report.detail) == ([free], ELSEWHERE)
    run_out(shared, held)
    with client(shared.url, second) as http:
        assert Courier(second, http, sturdy=True).deliver().delivered == [held]


class Narrowed:
    """A backend that takes orders of a line from that line's key alone."""

    def __init__(self, real, line):
        self._real, self._line = real, line

    def as_line(self, line):
        return Narrowed(self._real.as_line(line), self._line)

    def order(self, asked):
        problem = ProblemDetails(403, "forbidden", "forbidden", "this key may not")
        raise Declined(problem)

    def __getattr__(self, name):
        return getattr(self._real, name)


def test_an_order_that_a_key_may_not_send_waits_for_the_station_of_its_line(shared, batch):
    name = order(shared.second, batch, "activate", "narrow-1", line="line-2")
    first, second = at(shared.first), at(shared.second)
    with client(shared.url, first) as http:
        sender = Courier(first, Narrowed(http, "line-2"), sturdy=True)
        for _ in range(2):
            report = sender.deliver(batch=batch)
            assert (report.delivered, report.refused) == ([], [])
            assert "line-2" in report.detail
    assert row_of(shared, name).status == "queued"
    with client(shared.url, second) as http:
        assert Courier(second, http, sturdy=True).deliver(batch=batch).delivered == [name]


def scheduled(home, batch, name):
    """An order whose time came an hour ago."""
    station = at(home)
    then = utc_now() - timedelta(hours=1)
    station.now = lambda: then - timedelta(hours=1)
    place(station, OrderRequest(Action.ACTIVATE, batch, BySerials("1-5"), order=name, at=then))


def test_an_order_whose_time_has_come_is_booked_once_by_the_station_of_its_line(shared, batch):
    scheduled(shared.first, batch, "at-1")
    assert book_due(at(shared.second)) == ()
    ended, both = [], [at(shared.first) for _ in range(2)]
    threads = [threading.Thread(target=lambda s=s: ended.extend(book_due(s))) for s in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(each.order, each.status) for each in ended] == [("at-1", "booked")]
    assert booked(shared).count("at-1") == 1
    with client(shared.url, both[0]) as http:
        Courier(both[0], http, sturdy=True).deliver(batch=batch)


def test_what_only_others_may_book_holds_up_no_order_behind_it(shared, batch, monkeypatch):
    monkeypatch.setattr(due, "AT_ONCE", 1)
    second = at(shared.second)
    scheduled(shared.first, batch, "at-2")
    earlier = second.now() - timedelta(hours=2)
    second.now = lambda: earlier
    request = OrderRequest(Action.ACTIVATE, batch, BySerials("6"), order="at-3", line="line-2")
    place(second, replace(request, at=earlier + timedelta(hours=1)))
    assert [each.order for each in book_due(at(shared.second))] == ["at-3"]
    assert [each.order for each in book_due(at(shared.first))] == ["at-2"]
    with client(shared.url, second) as http:
        Courier(at(shared.second), http, sturdy=True).deliver(batch=batch)


def test_a_station_whose_clock_is_ahead_books_nothing_before_its_time(shared, batch):
    station = at(shared.first)
    then = station.now() + timedelta(hours=5)
    place(station, OrderRequest(Action.ACTIVATE, batch, BySerials("1-5"), order="at-4", at=then))
    station.now = lambda: then + timedelta(days=1)
    assert book_due(station) == ()
    cancel(station, "at-4")


def test_a_station_that_may_not_order_sends_what_its_own_lines_ordered(shared, batch):
    mints = shared.home.admitted("mints", "mint,admit")
    with client(shared.url, at(mints)) as http:
        order(shared.first, batch, "activate", "own-1")
        report = Courier(at(mints), http).deliver(batch=batch)
        assert (report.delivered, row_of(shared, "own-1").attempts) == ([], 0)
        assert "no line's key" in report.detail
        assert scan_ins.tried(at(mints), http) == scan_ins.ScanInsRead()
    roster.new_line(mints.station(), "line-3")
    with client(shared.url, at(mints)) as http:
        report = Courier(at(mints), http).deliver(batch=batch)
        assert (report.delivered, row_of(shared, "own-1").attempts) == ([], 0)
        assert scan_ins.tried(at(mints), http) == scan_ins.ScanInsRead()
        with client(shared.url, at(shared.first)) as firsts:
            assert Courier(at(shared.first), firsts).deliver(batch=batch).delivered == ["own-1"]
        order(mints, batch, "freeze", "own-2", line="line-3")
        assert Courier(at(mints), http).deliver(batch=batch).delivered == ["own-2"]


class Books:
    """What a lease asks of the ledger."""

    def __init__(self):
        self.asked, self.kept, self.away = [], True, False

    def prolong(self, order, until):
        if self.away:
            raise LedgerAway("the ledger does not answer")
        self.asked.append(until)
        return self.kept


def test_a_lease_is_prolonged_before_it_would_end_under_an_answer(now):
    books = Books()
    time = [now]
    leases = SimpleNamespace(
        is_shared=True,
        length=SHORT,
        clock=SimpleNamespace(now=lambda: time[0]),
        prolong=books.prolong,
    )
    lease = Lease(leases, "o", now + SHORT)
    lease.hold()
    assert books.asked == []
    time[0] += SHORT * 0.6
    lease.hold()
    assert books.asked == [time[0] + SHORT]
    lease.hold(10_000_000)  # about which an answer takes a quarter of an hour
    assert books.asked[-1] > time[0] + timedelta(minutes=15)
    time[0] = books.asked[-1] - timedelta(seconds=45)
    books.away = True
    lease.hold()  # it outlasts this answer
    time[0] += timedelta(seconds=30)
    with pytest.raises(LedgerAway):
        lease.hold()
    books.away, books.kept = False, False
    with pytest.raises(LeaseLost):
        lease.hold()


@pytest.fixture
def now():
    return datetime(2026, 11, 28, tzinfo=UTC)


def test_lines_of_several_stations_go_on_while_the_database_is_away(shared, tmp_path):
    batches = {name: packaged(shared.first, 60, 40) for name in ("first", "second")}
    both = packaged(shared.first, 60, 40)
    with PostgresProxy(target=shared.home.places.ledger) as network:
        lines = {}
        for name in batches:
            folder = tmp_path / name
            shutil.copytree(shared.home.root / name, folder)
            settings = folder / "mintmark.toml"
            text = settings.read_text(encoding="utf-8")
            told = text.replace(shared.home.places.ledger, network.url)
            assert told != text
            settings.write_text(told, encoding="utf-8")
            lines[name] = program("line", "run", home=folder, url=shared.url)
        given = {name: [] for name in lines}

        def say(number):
            for name, process in lines.items():
                key = "default" if name == "first" else "line-2"
                for at, batch in enumerate((batches[name], both)):
                    order_id = f"{name}-{number}-{at}"
                    given[name].append(order_id)
                    send_message(
                        process,
                        action="assign",
                        batch=batch,
                        serials="1-9",
                        set={"lot": f"L{number}"},
                        order=order_id,
                        line=key,
                    )
            return [read_answer(p) for p in lines.values() for _ in range(2)]

        # Some are sent by the other station, which has the batch at that moment.
        assert all(answer["ok"] and "away" not in answer for answer in say(1))
        network.down()
        away = say(2)
        assert [(a["ok"], a["exit"], a["away"]) for a in away] == [(True, 75, True)] * 4
        assert all(answer.get("away") for answer in say(3))
        network.up()
        # Nothing more is said: an idle line books what waits by itself.
        until(lambda: set(booked(shared)) >= {one for each in given.values() for one in each})
        assert not any(answer.get("away") for answer in say(4))
        until(lambda: queued(shared) == 0)
        for process in lines.values():
            process.stdin.close()
            assert process.wait(PATIENCE) == 0
            process.stdout.close()
            process.stderr.close()
    for name, orders in given.items():
        assert [one for one in booked(shared) if one.startswith(f"{name}-")] == orders

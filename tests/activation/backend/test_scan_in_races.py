"""Scan-ins at the same moment, of several workers: numbered as they are committed, whole, once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import postgres_kit
import pytest
from backend_kit import Clock, make_batch
from packing_child import A, B, C, pack, part
from patience import PATIENCE
from sqlalchemy import event

from mintmark.activation.backend import packing, scan_ins
from mintmark.activation.backend.apply_scan_in import ScanInRequest
from mintmark.activation.backend.database import postgresql_url
from mintmark.activation.backend.limits import DEFAULT_LIMITS
from mintmark.activation.backend.store import Store

clock = Clock()


def taking(name, *parts, dealer="D7"):
    return ScanInRequest(name, dealer, ranges=parts)


def with_batches(store):
    for batch in (C, A, B):
        store.register(make_batch(200, batch), clock())
    return store


@pytest.fixture
def on_postgresql():
    """The address of a database, and a store with three batches in it."""
    address = postgres_kit.cluster().database()
    store = with_batches(Store(postgresql_url(address)))
    yield address, store
    store.close()


def beside(address, store, first, second):
    """Do `first` in a transaction; before it ends, `second` waits for it in another thread."""
    other = threading.Thread(target=second)
    with store._database.write() as connection:
        first(connection)
        other.start()
        end = time.monotonic() + PATIENCE
        while other.is_alive() and not postgres_kit.waits(address):
            assert time.monotonic() < end
        assert other.is_alive()
        seen = store.scan_ins(0)
    other.join()
    return seen


def test_a_number_is_seen_after_all_smaller_ones(on_postgresql):
    """The two have no batch in common: nothing but their numbers has one wait for the other."""
    address, store = on_postgresql
    one, two = taking("one", part(A, (1, 5))), taking("two", part(B, (1, 5)))

    def first(connection):
        scan_ins.take(connection, one, clock(), lambda _: None, DEFAULT_LIMITS)

    seen = beside(address, store, first, lambda: store.scan_in(two, clock()))
    assert seen.scan_ins == ()
    found = store.scan_ins(0).scan_ins
    assert [told.scan_in for told in found] == ["one", "two"]
    assert found[0].number < found[1].number


def test_what_is_packed_while_a_scan_in_waits_is_taken_in_as_well(on_postgresql):
    """It leads into a batch that the scan-in had not locked, and comes first in their order."""
    address, store = on_postgresql
    store.aggregate(pack("b", part(C, (1, 1)), part(B, (1, 3))), clock())
    more = pack("a", part(B, (2, 2)), part(A, (7, 9)))

    def first(connection):
        packing.aggregate(connection, more, clock(), DEFAULT_LIMITS)

    answers, locked = [], []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if "FOR UPDATE" in statement:
            locked.append((" ".join(statement.split()), len(parameters)))

    def second():
        event.listen(store._database._engine, "before_cursor_execute", note)
        answers.append(store.scan_in(taking("one", part(C, (1, 1))), clock()))

    beside(address, store, first, second)
    assert [batches for _, batches in locked] == [2, 3]
    assert all(text.endswith("ORDER BY batches.batch FOR UPDATE") for text, _ in locked)
    assert answers[0].opened == (part(A, (7, 9)), part(B, (1, 3)), part(C, (1, 1)))


def test_the_same_scan_in_at_the_same_moment_is_applied_once(store):
    with_batches(store)
    wanted = taking("one", part(B, (1, 3)), part(A, (1, 30)))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: store.scan_in(wanted, clock()).body(), range(8)))
    assert answers == [answers[0]] * 8
    assert answers[0]["opened_count"] == 33
    assert len(store.scan_ins(0).scan_ins) == 1


def test_dealers_who_take_in_crosswise_wait_for_none_for_ever(store):
    """Each names the batches in another order, and wants what the others want."""
    with_batches(store)

    def dealer(number):
        for turn in range(4):
            parts = [part(batch, (1, 50)) for batch in (A, B, C)]
            parts = parts[number % 3 :] + parts[: number % 3]
            store.scan_in(taking(f"{number}-{turn}", *parts, dealer=f"D{number}{turn}"), clock())

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(dealer, range(6)))
    told = store.scan_ins(0).scan_ins
    assert len(told) == 24
    last = store.page(A).ranges[0].attributes["dealer"]
    assert last == told[-1].dealer

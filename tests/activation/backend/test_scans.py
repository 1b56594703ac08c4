"""Scans: counted once each whatever happens, and those of dead codes remembered."""

import contextlib
import sqlite3
import threading
from collections import Counter
from dataclasses import replace

import pytest
from backend_kit import Seconds, make_batch, make_codes, prints
from sqlalchemy import create_engine, event, func, insert, select

from mintmark.activation.backend import tables
from mintmark.activation.backend.apply_order import Request
from mintmark.activation.backend.database import FILE, sqlite_url
from mintmark.activation.backend.limits import BackendLimits
from mintmark.activation.backend.scanned_code import ScannedBy, ScanRequest
from mintmark.activation.backend.store import Store
from mintmark.activation.client.client import HttpClient
from mintmark.activation.client.wire import Order, Party
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

CODES = make_codes(20)
BATCH = make_batch(20)


@pytest.fixture
def backend_limits():
    return BackendLimits(unknown_scans=5, scan_answers_per_code=3, scan_answer_seconds=60)


@pytest.fixture
def order(store, clock):
    store.register(BATCH, clock())
    store.upload(BATCH.batch, 1, prints(CODES), clock())
    numbers = iter(range(1_000))

    def give(action, first, last, **options):
        serials = (Range(first, last),)
        request = Request(f"o{next(numbers)}", BATCH.batch, Action(action), serials, **options)
        return store.order(request, clock())

    return give


@pytest.fixture
def scan(store, clock):
    return lambda code, scan_id=None: store.scan([prints([code])], scan_id, clock())


def test_of_a_hundred_at_once_one_is_genuine(client, server):
    client.register(BATCH)
    client.upload(BATCH.batch, 1, prints(CODES))
    client.order(Order("a", BATCH.batch, "activate", [[1, 20]]))
    start, answers = threading.Barrier(10), []

    def phone():
        with HttpClient(server.url) as own:
            start.wait()
            answers.extend(own.scan(CODES[0]) for _ in range(10))

    phones = [threading.Thread(target=phone) for _ in range(10)]
    for thread in phones:
        thread.start()
    for thread in phones:
        thread.join()
    assert Counter(answer.result for answer in answers) == {"genuine": 1, "repeat": 99}
    assert sorted(answer.scans for answer in answers) == list(range(1, 101))


def test_first_repeat_and_many(order, scan, clock):
    order("activate", 1, 5, attributes={"product": "Tea", "dealer": "secret", "max_scans": 2})
    first = scan(CODES[0])
    assert (first.result, first.scans, first.first_scan) == ("genuine", 1, "2026-11-22T12:00:00Z")
    assert (first.batch, first.serial) == (BATCH.batch, 1)
    assert first.attributes == {"product": "Tea"}
    clock.forward(hours=1)
    assert [scan(CODES[0]).result for _ in range(2)] == ["genuine", "repeat"]
    assert scan(CODES[0]).first_scan == "2026-11-22T12:00:00Z"


def test_the_same_scan_id_is_the_same_scan(order, scan, clock):
    order("activate", 1, 5)
    first = scan(CODES[0], "phone")
    assert scan(CODES[0], "phone") == first
    assert scan(CODES[1], "phone").result == "genuine"
    assert scan(CODES[0], "other").scans == 2
    clock.forward(seconds=61)
    assert scan(CODES[0], "phone").scans == 3


def test_answers_kept_for_a_code_are_capped(order, scan, clock):
    order("activate", 1, 1)
    for number in range(6):
        scan(CODES[0], f"id{number}")
        clock.forward(seconds=1)
    assert scan(CODES[0], "id5").scans == 6
    assert scan(CODES[0], "id0").scans == 7


def test_a_refused_scan_uses_nothing_up_and_is_told_on_activation(order, scan, clock):
    order("activate", 1, 5)
    order("revoke", 1, 5)
    assert (scan(CODES[1], "x").result, scan(CODES[1], "x").scans) == ("inactive", 0)
    order("freeze", 4, 4)
    assert scan(CODES[3]).result == "frozen"
    order("unfreeze", 4, 4)
    answer = order("activate", 1, 5)
    assert answer.scanned_before == (2, 4)
    assert scan(CODES[1], "x").result == "genuine"


def test_unknown_scans_are_recognised_when_their_activation_comes(order, scan, store, clock):
    """A leaked code, scanned before anybody activated it: the backend had never heard of it."""
    order("void", 9, 9, reason="misprint")
    for code in (CODES[6], CODES[6], CODES[8], CODES[11], "NOTOURS000000000"):
        assert scan(code).result == "unknown"
    assert len(store.unknown(0, clock()).scans) == 4
    assert order("activate", 1, 10).scanned_before == (7,)
    left = {scan.fingerprint for scan in store.unknown(0, clock()).scans}
    assert left == {prints([code]) for code in (CODES[8], CODES[11], "NOTOURS000000000")}
    assert scan(CODES[6]).result == "genuine"
    assert order("activate", 11, 20).scanned_before == (12,)


def test_early_scans_are_named_for_the_first_and_last_serial_of_each_range(scan, store, clock):
    store.register(BATCH, clock())
    store.upload(BATCH.batch, 1, prints(CODES), clock())
    for serial in (3, 5, 6, 8):
        scan(CODES[serial - 1])
    serials = (Range(3, 5), Range(8, 8))
    request = Request("o", BATCH.batch, Action.ACTIVATE, serials)
    assert store.order(request, clock()).scanned_before == (3, 5, 8)


def test_an_activation_recognises_codes_of_its_own_batch_only(order, store, clock):
    """A scan that ran beside the activation of its batch may have been noted as unknown."""
    order("activate", 1, 5)
    with store._database.write() as connection:
        late = {"fingerprint": prints(CODES[:1]), "first": 1, "last": 2_000_000_000, "times": 1}
        connection.execute(insert(tables.unknown_scans).values(late))
    other, codes = replace(BATCH, batch="HM00-OTHER000"), make_codes(5, "WXYZ")
    store.register(other, clock())
    store.upload(other.batch, 1, prints(codes), clock())
    request = Request("other", other.batch, Action.ACTIVATE, (Range(1, 5),))
    assert store.order(request, clock()).scanned_before == ()
    assert len(store.unknown(0, clock()).scans) == 1
    order("activate", 6, 6)
    assert store.unknown(0, clock()).scans == ()


def test_a_dry_run_recognises_without_forgetting(order, scan, store, clock):
    scan(CODES[6])
    assert order("activate", 1, 10, dry_run=True).scanned_before == (7,)
    assert len(store.unknown(0, clock()).scans) == 1


def test_scanned_counts_codes_not_scans(order, scan, store):
    order("activate", 1, 10)
    for code in (CODES[0], CODES[0], CODES[4]):
        scan(code)
    order("revoke", 1, 3)
    page = store.page(BATCH.batch, 0, digests=False)
    assert [piece.scanned for piece in page.ranges] == [1, 1, 0]


def test_unknown_scans_are_counted_capped_and_expire(store, scan, clock):
    codes = make_codes(7, "WXYZ")
    for code in [codes[0], codes[0], *codes]:
        scan(code)
        clock.forward(minutes=1)
    found = store.unknown(0, clock()).scans
    assert [scan.fingerprint for scan in found] == [prints([code]) for code in codes[2:]]
    scan(codes[3])
    known = {scan.fingerprint: scan for scan in store.unknown(0, clock()).scans}
    again = known[prints([codes[3]])]
    assert (again.count, again.first, again.last) == (
        2,
        "2026-11-22T12:05:00Z",
        "2026-11-22T12:09:00Z",
    )
    clock.forward(days=91)
    assert store.unknown(0, clock()).scans == ()


def test_unknown_scans_are_paged(store, scan, clock, monkeypatch):
    monkeypatch.setattr("mintmark.activation.client.wire.LISTED", 2)
    codes = make_codes(5, "WXYZ")
    for code in codes:
        scan(code)
    found, after = [], 0
    while after is not None:
        page = store.unknown(after, clock())
        found += [scan.fingerprint for scan in page.scans]
        after = page.next
    assert found == [prints([code]) for code in codes]


def test_what_has_expired_leaves_the_file(order, scan, store, clock, database):
    order("activate", 1, 1)
    scan(CODES[0], "phone")
    scan("NOTOURS000000000")
    clock.forward(days=91)
    scan(CODES[0])
    engine = create_engine(database)
    with engine.connect() as connection:
        kept = (tables.scan_answers, tables.unknown_scans)
        rows = [connection.scalar(select(func.count()).select_from(table)) for table in kept]
    engine.dispose()
    assert rows == [0, 0]


def test_unknown_scans_are_kept_for_90_days_whatever_else_expires(order, scan, store, clock):
    order("activate", 1, 1)
    scan("NOTOURS000000000")
    clock.forward(days=89)
    scan(CODES[0])
    assert len(store.unknown(0, clock()).scans) == 1


def test_the_same_code_text_in_two_batches_finds_the_live_one(store, scan, clock):
    other = replace(BATCH, batch="HM00-OTHER000", canonical="upper", length=12)
    store.register(BATCH, clock())
    store.register(other, clock())
    assert sorted(store.rules()) == [("crockford32", 16), ("upper", 12)]


def test_a_batch_that_another_worker_registers_is_known_a_second_later(store, database, clock):
    seconds = Seconds()
    worker = Store(database, monotonic=seconds)
    assert worker.rules() == []
    store.register(BATCH, clock())
    seconds.now += 0.9
    assert worker.rules() == []
    seconds.now += 0.2
    assert worker.rules() == [("crockford32", 16)]
    worker.register(replace(BATCH, batch="HM00-OTHER000", canonical="upper", length=12), clock())
    assert sorted(worker.rules()) == [("crockford32", 16), ("upper", 12)]
    worker.close()


def test_two_processes_on_one_folder_count_one_scan_first(order, store, database, clock):
    """Each has its own queue of writers: what keeps them apart is the database's lock."""
    order("activate", 1, 1)
    other, answers, failures = Store(database), [], []
    start = threading.Barrier(2)

    def phones(books):
        start.wait()
        try:
            answers.extend(books.scan([prints(CODES[:1])], None, clock()) for _ in range(40))
        except Exception as error:  # noqa: BLE001 — raised by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=phones, args=[books]) for books in (store, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert failures == []
    assert sorted(answer.scans for answer in answers) == list(range(1, 81))
    assert Counter(answer.result for answer in answers) == {"genuine": 1, "repeat": 79}


def test_no_scan_reads_a_table_from_end_to_end(tmp_path, clock):
    """SQLite looks for (a, b) IN a list of pairs row by row, and prefers an index on time."""
    store, statements = Store(sqlite_url(tmp_path)), []
    for name in (BATCH.batch, "HM00-BATCH002"):
        store.register(make_batch(20, name), clock())
    store.upload(BATCH.batch, 1, prints(CODES), clock())
    store.order(Request("o", BATCH.batch, Action("activate"), (Range(1, 20),)), clock())
    store.order(Request("f", BATCH.batch, Action("freeze"), (Range(1, 5),)), clock())

    def note(_connection, _cursor, statement, parameters, _context, many):
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            statements.append((statement, parameters[0] if many else parameters))

    store.scans([], clock())  # what has expired is looked for now, and then not for a while
    event.listen(store._database._engine, "before_cursor_execute", note)
    group = [
        ScanRequest([prints([code])], f"id-{code}") for code in (*CODES, *CODES, CODES[0], "X" * 16)
    ]
    store.scans(group, clock())
    told = ScannedBy(Party.GUIDE, "CN-33", signed=True)
    store.scans([replace(scan, by=told) for scan in group] * 2, clock())
    store.close()
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as books:
        plans = [
            (row[3], statement)
            for statement, parameters in statements
            for row in books.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    assert len(statements) >= 5
    slow = [plan for plan in plans if plan[0].startswith("SCAN") or "_by_time" in plan[0]]
    assert not slow

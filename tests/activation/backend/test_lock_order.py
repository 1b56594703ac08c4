"""Rows that several transactions lock are locked in the same order by all of them.

Otherwise two workers on PostgreSQL wait for each other, and the server ends one of them. The
order is read from the statements: a deadlock itself would take luck.
"""

import random
from datetime import timedelta
from itertools import chain

import postgres_kit
import pytest
from backend_kit import Clock, make_batch, make_codes, prints
from sqlalchemy import event

from mintmark.activation.backend import scan_rows
from mintmark.activation.backend.apply_order import Request
from mintmark.activation.backend.database import postgresql_url
from mintmark.activation.backend.nonces import Nonce
from mintmark.activation.backend.scanned_code import ScanRequest
from mintmark.activation.backend.store import Store
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

BATCHES = ("HM00-BATCH001", "HM00-BATCH002")
CODES = dict(zip(BATCHES, (make_codes(20), make_codes(20, "WXYZ")), strict=True))
clock = Clock()


@pytest.fixture
def store():
    store = Store(postgresql_url(postgres_kit.cluster().database()))
    for batch in BATCHES:
        store.register(make_batch(20, batch), clock())
        store.upload(batch, 1, prints(CODES[batch]), clock())
    yield store
    store.close()


def activate(store, batch):
    store.order(Request(f"o-{batch}", batch, Action.ACTIVATE, (Range(1, 20),)), clock())


def statements(store, work):
    """(statement, parameters of each row) in the order in which `work` runs them."""
    found = []

    def note(_connection, _cursor, statement, parameters, _context, many):
        if isinstance(parameters, tuple):  # of a statement that is text
            return
        rows = parameters if many and not isinstance(parameters, dict) else [parameters]
        found.append((" ".join(statement.split()), [dict(row or {}) for row in rows]))

    event.listen(store._database._engine, "before_cursor_execute", note)
    work()
    event.remove(store._database._engine, "before_cursor_execute", note)
    return found


def rows(found, beginning):
    return [
        row for statement, parameters in found if statement.startswith(beginning)
        for row in parameters
    ]  # fmt: skip


def lying(connection, last=100):
    """The newest rows of each partition of the counters, in the order they were written in."""
    found = {}
    query = "SELECT tableoid, batch, serial FROM scans ORDER BY tableoid, ctid"
    for part, *key in connection.exec_driver_sql(query):
        found.setdefault(part, []).append(tuple(key))
    return [keys[-last:] for keys in found.values()]


def test_a_group_locks_and_writes_its_counters_by_batch_and_serial(store):
    """In each partition: a statement writes to them in the one order in which its rows come."""
    for batch in BATCHES:
        activate(store, batch)
    codes = [(number, n) for number, batch in enumerate(BATCHES, 1) for n in range(1, 21)]
    random.Random(1).shuffle(codes)
    scanned = [prints([CODES[BATCHES[number - 1]][n - 1]]) for number, n in codes]
    with store._database.write(keep=False) as connection:
        scan_rows.find(connection, scanned)
        made = lying(connection)
        assert all(keys == sorted(keys) for keys in made)
        assert sorted(chain(*made)) == sorted(codes)
        assert max(map(len, made)) > 4
        scan_rows.find(connection, scanned[:20])  # locked once more
        again = lying(connection)
        assert again != made
        for keys in again:
            locked = [key for key in keys if key in codes[:20]]
            assert locked == sorted(locked) == keys[len(keys) - len(locked) :]
    store.scans([ScanRequest([one]) for one in [*scanned, scanned[2]]], clock())
    with store._database.read() as connection:
        written = lying(connection)
    assert all(keys == sorted(keys) for keys in written)
    assert sorted(chain(*written)) == sorted(codes)


def test_a_group_notes_unknown_scans_by_fingerprint(store):
    unknown = [prints([code]) for code in make_codes(9, "QQQQ")]
    assert unknown != sorted(unknown)
    group = [ScanRequest([fingerprint]) for fingerprint in unknown]
    found = statements(store, lambda: store.scans(group, clock()))
    noted = [bytes(row["fingerprint_1"].obj) for row in rows(found, "UPDATE unknown_scans")]
    assert noted == sorted(unknown)


def test_an_activation_locks_counters_then_unknown_scans_as_a_group_does(store):
    (batch, _) = BATCHES
    for serial in (9, 3, 17, 5, 12):
        store.scan([prints([CODES[batch][serial - 1]])], None, clock())
    known = {scan.fingerprint for scan in store.unknown(0, clock()).scans}
    found = statements(store, lambda: activate(store, batch))
    locked = [
        (text.split()[2], row) for text, parameters in found
        if text.startswith(("INSERT INTO scans", "DELETE FROM unknown_scans"))
        for row in parameters
    ]  # fmt: skip
    assert [table for table, _ in locked] == ["scans"] * 5 + ["unknown_scans"] * 5
    assert [row["serial"] for _, row in locked[:5]] == [3, 5, 9, 12, 17]
    ordered = sorted((prints([CODES[batch][s - 1]]), n) for n, s in enumerate((9, 3, 17, 5, 12), 1))
    assert {fingerprint for fingerprint, _ in ordered} == known
    assert [row["id_1"] for _, row in locked[5:]] == [number for _, number in ordered]


def test_of_nonces_that_are_kept_together_each_is_fresh_once(store):
    def nonce(key, text):
        return Nonce(key, text, clock() + timedelta(minutes=5))

    group = [nonce("b", "x"), nonce("a", "x"), nonce("b", "x"), nonce("a", "y")]
    found = statements(store, lambda: group.append(store.fresh(group, clock())))
    assert group.pop() == [True, True, False, True]
    (row,) = rows(found, "INSERT INTO nonces")  # many in one statement
    written = [(row[f"key_id__{number}"], row[f"nonce__{number}"]) for number in range(3)]
    assert written == [("a", "x"), ("a", "y"), ("b", "x")]
    assert store.fresh([*group, nonce("b", "y")], clock()) == [False] * 4 + [True]

"""What the ledger's tests share: keys, a clock that ticks, a small ledger with history."""

import contextlib
import dataclasses
import sqlite3
from datetime import UTC, datetime, timedelta
from unittest import mock

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import event

from mintmark.codegen.ledger import _prepared, _tables
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ledger.ledger import Actor, Author, Ledger
from mintmark.codegen.ledger.place import LedgerDatabase
from mintmark.codegen.ranges.aggregation import CodeRanges, Packing
from mintmark.codegen.ranges.corrections import CorrectedEntry
from mintmark.codegen.ranges.lifecycle import Action, State
from mintmark.codegen.ranges.receipts import ReceiptEntry
from mintmark.codegen.ranges.serials import LAST, Range
from mintmark.codegen.times import format_utc

ACTOR = Actor("Ms Wang", "mint", "station-1")
START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def key(number):
    return Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)


def public(number):
    return key(number).public_key().public_bytes_raw().hex()


def author(number=1):
    return Author(ACTOR, f"key-{number}", key(number).sign)


STATION, LINE, CUSTODIAN = author(1), author(2), author(3)


def clock():
    """A clock that goes on by a second each time it is asked."""
    times = iter(START + timedelta(seconds=n) for n in range(10**9))
    return lambda: next(times)


def founding():
    return (
        c.HomeMade("4F2K-AAAAAAAAAAAA", "hmac-sha256-128", "fp-1"),
        c.KeyAdded("key-1", "station", "station", public(1)),
        c.KeyAdded("key-2", "line", "default", public(2)),
        c.KeyAdded("key-3", "custodian", "custodian", public(3), public(4)),
        c.ContactAdded("li", "Ms Li", None),
    )


def create(path):
    return Ledger.create(path, STATION, clock(), *founding())


def minted(batch, quantity, ref=None, alphabet="abc", length=16):
    return c.BatchMinted(
        batch, quantity, alphabet, length, "crockford32", "item", None, "cap", None, ref,
        "digest", 80.0, 1e-12, 50.5, "record",
    )  # fmt: skip


def ranges(*pairs):
    return tuple(Range(first, last) for first, last in pairs)


def begun(package, batch, *pairs):
    return c.ExportBegun(package, batch, ranges(*pairs), "li", "csv")


def packaged(package, *pairs):
    units = tuple(
        c.Unit(f"{package}-{n}", f"data/{n:04}.csv", first, last, last - first + 1, "sha")
        for n, (first, last) in enumerate(pairs, 1)
    )
    return c.Packaged(package, "{code}", f"{package}.zip", 9, "sha", "sha", "key-3", units)


def ordered(order, batch, action, *pairs, **more):
    return c.Ordered(order, batch, Action(action), ranges(*pairs), **more)


def with_ssccs(batch, quantity, role, first):
    """A batch of cartons or pallets with SSCCs, from the reference `first` on."""
    numbers = {"sscc_prefix": "6901234", "sscc_extension": 0, "sscc_first": first}
    return dataclasses.replace(holders(batch, quantity, role), **numbers)


def holders(batch, quantity, role="carton"):
    """A batch of cartons or pallets."""
    return dataclasses.replace(minted(batch, quantity), role=role)


def held(batch, *pairs):
    """Codes of a batch."""
    return CodeRanges(batch, ranges(*pairs))


def packed(order, parents, *children, each=None, **more):
    """`children`, of each batch its name and pairs, join `parents`, which are given likewise."""
    parts = tuple(held(*part) for part in children)
    return c.Associated(order, Packing.ASSOCIATE, held(*parents), parts, each, **more)


def unpacked(order, parents, *children, each=None, **more):
    """They leave them; or, without parents, whatever they lie in."""
    parts = tuple(held(*part) for part in children)
    there = parents and held(*parents)
    return c.Associated(order, Packing.DISSOCIATE, there, parts, each, **more)


def reprint(package, old, batch, *pairs):
    return c.ExportBegun(package, batch, ranges(*pairs), "li", "csv", old, reason="lost password")


def receipt(package, unit=None, *, printed=(), spoiled=(), number=0, final=False):
    entry = ReceiptEntry(unit, ranges(*printed), ranges(*spoiled), number)
    return c.Receipted(package, (entry,), final, "misprint")


def correction(package, unit=None, *, printed=(), spoiled=(), number=None):
    entry = CorrectedEntry(unit, ranges(*printed), ranges(*spoiled), number)
    return c.ReceiptCorrected(package, (entry,), "told wrongly")


def with_package(ledger, batch, package, *pairs):
    """Export `pairs` of `batch`."""
    ledger.commit(STATION, begun(package, batch, *pairs))
    ledger.commit(CUSTODIAN, packaged(package, *pairs))


def with_history(path, *, old=False):
    """A ledger with a row in every table, and every type of event; or none that came later."""
    ledger = create(path)
    ledger.commit(STATION, c.KeyAdded("key-5", "line", "old", public(5)))
    ledger.commit(STATION, c.KeyRevoked("key-5", "lost"))
    ledger.commit(STATION, minted("B1", 100, ref="R1"), minted("B2", 50))
    with_package(ledger, "B1", "P1", (1, 30), (41, 60))
    ledger.commit(STATION, begun("P2", "B2", (1, 10)))
    ledger.commit(STATION, c.ExportAbandoned("P2", "interrupted"))
    ledger.commit(LINE, ordered("O1", "B1", "activate", (1, 20), attributes={"lot": "L1"}))
    ledger.commit(LINE, ordered("O2", "B1", "void", (5, 5), count=1, reason="damaged"))
    ledger.commit(LINE, ordered("O3", "B1", "freeze", (1, 8), from_state=State.ACTIVE))
    ledger.claim("O1", "me", START + timedelta(hours=1), START)
    ledger.commit(LINE, c.Settled("O1", "acknowledged"))
    ledger.commit(STATION, minted("B9", 40))
    with_package(ledger, "B9", "P4", (1, 20))
    void = ordered("O4", "B9", "void", (10, 11), reason="misprint")
    ledger.commit(STATION, void, receipt("P4", printed=[(1, 9)], spoiled=[(10, 11)], number=1))
    ledger.commit(STATION, c.UnitMoved("P4", "P4-1", "received", "dock 3"))
    if not old:
        ledger.commit(STATION, correction("P4", printed=[(10, 10)], number=2))
        ledger.commit(LINE, ordered("O5", "B9", "unvoid", (11, 11)))
        ledger.commit(STATION, with_ssccs("B7", 20, "carton", 1), with_ssccs("B8", 5, "pallet", 21))
        ledger.commit(LINE, packed("A1", ("B7", (1, 2)), ("B1", (9, 16)), each=4))
        ledger.commit(LINE, packed("A2", ("B8", (1, 1)), ("B1", (41, 41)), ("B7", (1, 2))))
        ledger.commit(LINE, unpacked("A3", None, ("B1", (15, 15))))
        _with_facts(ledger)
    with_package(ledger, "B9", "P5", (31, 40))
    ledger.commit(STATION, reprint("P6", "P5", "B9", (31, 40)))
    ledger.commit(CUSTODIAN, packaged("P6", (31, 40)))
    ledger.commit(LINE, c.Incident("repeated-export", "twice in an hour"))
    return ledger


def scheduled(order, batch, action, *pairs, at=START + timedelta(days=1), **more):
    """An order that will be booked at `at`."""
    text = format_utc(at)
    return c.Scheduled(order, text, batch, Action(action), ranges(*pairs), **more)


def scanned_in(scan_in, number, *parts, dealer="D7", at="2026-11-22T07:00:00Z"):
    """A dealer's scan-in of `parts`, of each batch its name and pairs."""
    return c.ScannedIn(scan_in, number, dealer, at, tuple(held(*part) for part in parts))


def _with_facts(ledger):
    """Scheduled orders of every end, a scan-in, and labels that were read."""
    for name in ("S1", "S2", "S3"):
        ledger.commit(LINE, scheduled(name, "B1", "freeze", (17, 18)))
    ledger.commit(LINE, c.ScheduleEnded("S1", "booked"), ordered("S1", "B1", "freeze", (17, 18)))
    ledger.commit(LINE, c.ScheduleEnded("S2", "cancelled", "no longer wanted"))
    ledger.commit(STATION, scanned_in("I1", 3, ("B1", (4, 6)), ("B9", (19, 20))))
    ledger.commit(STATION, c.LabelsVerified("P4", ("P4-1",), ranges((1, 3), (7, 7)), 2, 5))
    ledger.commit(STATION, stored("B9"))
    ledger.commit(STATION, c.KeyAdded("key-6", "station", "hall-2", public(6), may=("order",)))


def stored(batch, *parts, attempt=1):
    """The objects that hold a batch: all of its parts, or some."""
    objects = tuple(
        c.StoredObject(part, f"home/{batch}/{part}-{attempt}", 100, f"{number:064x}")
        for number, part in enumerate(parts or c.PARTS)
    )
    return c.Stored(batch, objects)


def unit_of(view, batch, serial):
    """The unit that holds a code, if it was packaged."""
    ((_, _, unit),) = view.places(batch, [serial])
    return unit


def by_hand(path, *statements):
    """Edit the closed ledger as an administrator could, who turns the triggers off."""
    if isinstance(path, LedgerDatabase):
        with psycopg.connect(path.url) as connection:
            connection.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                connection.execute(statement)
        return
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@contextlib.contextmanager
def each_statement(ledger, passed):
    """`passed(sql)` is called after each statement of `ledger`, whoever has it run."""

    def note(connection, cursor, sql, *_):
        passed(sql)

    event.listen(ledger._engine, "after_cursor_execute", note)
    try:
        with mock.patch.object(_prepared, "passed", passed):
            yield
    finally:
        event.remove(ledger._engine, "after_cursor_execute", note)


def dump(path):
    """Every row there is, the scheduling of deliveries included."""
    if isinstance(path, LedgerDatabase):
        with psycopg.connect(path.url) as connection:
            return [
                sorted(connection.execute(f"SELECT t::text FROM {table.name} t"))  # noqa: S608
                for table in _tables.metadata.sorted_tables
            ]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def all_links(view, batch):
    """What the codes of `batch` lie in, ascending."""
    return tuple(view.parents(batch, (Range(1, LAST),)))

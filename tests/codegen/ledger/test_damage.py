"""One flipped bit anywhere in ledger.db: what was done once is not done again, and it is said."""

import contextlib
import random
import shutil
import sqlite3
from datetime import UTC, datetime

import pytest
from ledger_kit import (
    LINE,
    STATION,
    by_hand,
    clock,
    create,
    minted,
    ordered,
    with_package,
)

from mintmark.codegen.errors import IntegrityError, Refused
from mintmark.codegen.ledger import changes
from mintmark.codegen.ledger.ledger import Ledger
from mintmark.codegen.ledger.verify import verify

ORDERS, BATCHES = 360, 90
PAGE = 4096


def order_id(number):
    return f"4F2K-{number * 7919 % 100_003:06}XYZT"


def ref(number):
    return f"PO-{number * 31 % 997:03}-2026-11"


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    """A ledger whose indexes of orders and references have several levels and leaves."""
    path = tmp_path_factory.mktemp("books") / "ledger.db"
    with create(path) as ledger:
        ledger.commit(STATION, minted("B", 2 * ORDERS))
        with_package(ledger, "B", "P", (1, 2 * ORDERS))
        ledger.commit(STATION, *(minted(f"B{n}", 9, ref=ref(n)) for n in range(BATCHES)))
        for start in range(1, ORDERS, 40):
            numbers = range(start, start + 40)
            orders = (ordered(order_id(n), "B", "activate", (n, n)) for n in numbers)
            ledger.commit(LINE, *orders)
        for n in range(1, 60):
            ledger.claim(order_id(n), "me", clock()(), clock()())
    return path


def pages_of(path):
    """Page → what lies on it: (table or index, kind of page)."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        roots = dict(connection.execute("SELECT rootpage, name FROM sqlite_master"))
    data = path.read_bytes()
    roots = {1: "schema", **{page: name for page, name in roots.items() if page}}
    found = {}
    for root, name in roots.items():
        todo = [root]
        while todo:
            page = todo.pop()
            start = (page - 1) * PAGE
            head = start + (100 if page == 1 else 0)
            kind = data[head]
            found[page] = (name, kind)
            if kind in (2, 5):
                cells = int.from_bytes(data[head + 3 : head + 5], "big")
                todo.append(int.from_bytes(data[head + 8 : head + 12], "big"))
                for n in range(cells):
                    at = head + 12 + 2 * n
                    cell = start + int.from_bytes(data[at : at + 2], "big")
                    todo.append(int.from_bytes(data[cell : cell + 4], "big"))
    return found


def places(path):
    """Offsets to flip: on every page its head, its pointers, and cells all over it."""
    source = random.Random(12)
    data = path.read_bytes()
    for page, (name, kind) in sorted(pages_of(path).items()):
        if name == "events" and page % 4:
            continue
        start = (page - 1) * PAGE
        head = start + (100 if page == 1 else 0)
        first = 12 if kind in (2, 5) else 8
        cells = int.from_bytes(data[head + 3 : head + 5], "big")
        content = int.from_bytes(data[head + 5 : head + 7], "big") or PAGE
        key = "order" in name or "batches" in name or name in ("schema", "deliveries")
        yield head + source.randrange(first)
        if cells:
            yield head + first + source.randrange(2 * cells)
            yield from (start + source.randrange(content, PAGE) for _ in range(4 if key else 1))
    # The file's own header.
    yield from range(16, 100, 3)


def flipped(path, to, offset, bit):
    data = bytearray(path.read_bytes())
    data[offset] ^= 1 << bit
    to.write_bytes(data)


def again(path, number, batch):
    """Order an order and mint a reference that are in the books; what came of each."""
    try:
        ledger = Ledger.open(path, clock())
    except IntegrityError:
        return ["damaged"] * 3
    with ledger:
        return [answer(ledger, *asked) for asked in (
            (LINE, ordered(order_id(number), "B", "activate", (number, number))),
            (LINE, ordered(order_id(number), "B", "activate", (ORDERS + 300, ORDERS + 300))),
            (STATION, minted("B-NEW", 9, ref=ref(batch))),
        )]  # fmt: skip


def answer(ledger, author, change):
    try:
        (done,) = ledger.commit(author, change)
    except Refused as error:
        known = "booked already" in error.message or "is taken" in error.message
        return "refused" if known else error.message
    except IntegrityError:
        return "damaged"
    return "repeated" if done.repeated else "new"


def test_a_pristine_copy_repeats_and_refuses(books, tmp_path):
    path = tmp_path / "ledger.db"
    shutil.copy(books, path)
    assert again(path, 7, 7) == ["repeated", "refused", "refused"]
    levels = {name for name, kind in pages_of(books).values() if kind in (2, 5)}
    assert {"sqlite_autoindex_orders_1", "orders_by_order_id_again", "orders", "events"} <= levels


def test_no_flipped_bit_makes_an_order_or_a_reference_new(books, tmp_path):
    path = tmp_path / "ledger.db"
    source = random.Random(7)
    noticed = 0
    for offset in places(books):
        flipped(books, path, offset, source.randrange(8))
        number, batch = source.randrange(1, ORDERS + 1), source.randrange(BATCHES)
        answers = again(path, number, batch)
        assert {*answers} <= {"repeated", "refused", "damaged"}, (offset, answers)
        noticed += "damaged" in answers
    assert noticed > 20


# --- what a replay does not show -------------------------------------------------------


@pytest.fixture
def path(books, tmp_path):
    path = tmp_path / "ledger.db"
    shutil.copy(books, path)
    return path


def problem(path):
    with Ledger.open(path, clock()) as ledger:
        found = verify(ledger)
    assert found.ok or "ledger.db back" in found.hints[-1]
    return found.problem


ONE = f"WHERE order_id = '{order_id(1)}'"
DELIVERIES = {
    "attempts holds what": ["attempts = 'many'", "attempts = 1.5", "attempts = x'01'"],
    "next_attempt holds what": ["next_attempt = '2026-13-41T00:00:00.000000Z'", "next_attempt = 7"],
    "held_until holds what": ["held_until = '2026-11-22T08:00:00Z'", "held_until = ''"],
    "detail holds what": ["detail = x'ff'"],
    "never tried": ["attempts = 0", "attempts = -1"],
    "nobody for some time": ["holder = NULL", "held_until = NULL"],
    "more than a day ahead": ["held_until = '6026-11-22T08:00:00.000000Z'"],
    "no such order": ["order_id = 'none'"],
}
EDITS = [(words, edit) for words, edits in DELIVERIES.items() for edit in edits]


@pytest.mark.parametrize(("words", "edit"), EDITS)
def test_a_delivery_that_cannot_be_is_named(path, words, edit):
    by_hand(path, f"UPDATE deliveries SET {edit} {ONE}")  # noqa: S608
    found = problem(path)
    assert found.startswith("table deliveries, order_id ")
    assert words in found


AHEAD = "UPDATE deliveries SET next_attempt = '2126-11-22T08:00:00.000000Z'"


def test_a_time_that_a_wrong_clock_wrote_asks_for_the_clock_first(path):
    by_hand(path, f"{AHEAD} {ONE}")
    with Ledger.open(path, clock()) as ledger:
        assert "check the clock" in verify(ledger).hints[0]
        ledger.commit(LINE, changes.Settled(order_id(1), "acknowledged"))
        assert verify(ledger).ok


def test_a_clock_that_is_behind_the_books_makes_no_time_wrong(path):
    with Ledger.open(path, lambda: datetime(1999, 1, 1, tzinfo=UTC)) as ledger:
        assert verify(ledger).ok


def test_an_order_that_was_cancelled_was_never_tried(path):
    with Ledger.open(path, clock()) as ledger:
        ledger.commit(LINE, changes.Settled(order_id(200), "cancelled"))
    assert problem(path) is None
    by_hand(
        path,
        f"INSERT INTO deliveries (order_id, attempts) VALUES ('{order_id(200)}', 1)",  # noqa: S608
    )
    assert "cancelled after it was" in problem(path)


def test_a_signature_spelt_in_capitals_was_changed(path):
    by_hand(path, "UPDATE events SET signature = upper(signature) WHERE seq = 7")
    assert problem(path).startswith("event 7 (ExportBegun, package P) was changed")


def test_a_value_of_another_type_is_named(path):
    by_hand(path, "UPDATE batches SET entropy_bits = x'3830' WHERE batch = 'B'")
    assert problem(path).startswith("table batches, batch B: entropy_bits")


def test_damage_that_hides_a_row_from_an_index_is_named(path):
    """The issue's own case: nothing but SQLite's own check sees it."""
    data = bytearray(path.read_bytes())
    at = data.rindex(order_id(9).encode(), 0, len(data))
    data[at] ^= 1
    path.write_bytes(data)
    assert "SQLite says: " in problem(path)


# --- reading ----------------------------------------------------------------------------

# No text, no UTF-8, and what looks like neither a time, a word, JSON nor hex.
TEXTS = ("x'ff'", "CAST(x'ff' AS TEXT)", "'['")
NUMBERS = ("x'ff'", "CAST(x'ff' AS TEXT)", "1.5", "'many'", "9223372036854775807")
CELLS = {
    **dict.fromkeys(("orders.status", "orders.skipped", "orders.settled_at"), TEXTS),
    **dict.fromkeys(("events.body", "events.at", "events.hash", "batches.minted_at"), TEXTS),
    **dict.fromkeys(("packages.serials", "packages.status", "packages.begun_at"), TEXTS),
    **dict.fromkeys(("keys.sign_public", "keys.kind", "keys.revoked_at", "homes.made_at"), TEXTS),
    **dict.fromkeys(("tiles.attributes", "tiles.state", "deliveries.held_until"), TEXTS),
    **dict.fromkeys(("orders.batch", "contacts.name", "contacts.channel"), TEXTS[:2]),
    **dict.fromkeys(("orders.applied", "batches.quantity", "counters.codes"), NUMBERS),
    **dict.fromkeys(("tiles.last", "deliveries.attempts", "packages.printed"), NUMBERS),
}


def read_all(view):
    """Whatever other rooms ask for."""
    home = [view.home(), view.roster(), view.contacts(), view.events(limit=10_000)]
    home += [view.batches(), view.batch_by_ref(ref(1))]
    for batch in ("B", "B1"):
        home += [view.counts(batch), view.tiles(batch), view.waiting(batch)]
        home += [view.without_receipt(batch), list(view.places(batch, [1, 9]))]
    for package in (row.package for row in view.packages()):
        home += [view.units(package), view.receipts(package)]
    return [*home, view.orders(limit=1_000), view.due(clock()(), 10)]


@pytest.mark.parametrize("cell", CELLS)
def test_a_value_that_cannot_stand_there_is_an_integrity_error(path, cell):
    table, column = cell.split(".")
    for value in CELLS[cell]:
        by_hand(
            path,
            "PRAGMA ignore_check_constraints = ON",
            f"UPDATE {table} SET {column} = {value}",  # noqa: S608
        )
        with (
            Ledger.open(path, clock()) as ledger,
            pytest.raises(IntegrityError) as caught,
            ledger.read() as view,
        ):
            read_all(view)
        assert caught.value.hints, value


# --- the header, the revision, the tables ------------------------------------------------


@pytest.mark.parametrize("offset", [18, 19, 20, 21, 44, 52, 55, 57, 60, 68, 91])
def test_a_flipped_bit_of_the_header_is_noticed(path, offset):
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x40
    path.write_bytes(data)
    with pytest.raises(IntegrityError) as caught:
        Ledger.open(path, clock())
    assert "ledger.db back" in caught.value.hints[0]


@pytest.mark.parametrize("revision", ["0002", "0011", "0012", "1013", "00q2", "0000", "x'ff'", 6])
def test_a_flipped_bit_of_the_revision_is_no_newer_version(path, revision):
    by_hand(path, f"UPDATE alembic_version SET version_num = {revision!r}")  # noqa: S608
    with pytest.raises(IntegrityError):
        Ledger.open(path, clock())


@pytest.mark.parametrize(
    "statement",
    [
        "DROP INDEX orders_by_order_id_again",
        "ALTER TABLE orders RENAME COLUMN detail TO details",
        "ALTER TABLE units ADD COLUMN more",
        "CREATE TRIGGER t AFTER INSERT ON tiles BEGIN SELECT 1; END",
    ],
)
def test_tables_that_are_not_ours_are_refused(path, statement):
    by_hand(path, statement)
    with pytest.raises(IntegrityError, match="not as this version made them"):
        Ledger.open(path, clock())


# --- the balance --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tiles SET state = 'active' WHERE batch = 'B' AND first = 361",
        "UPDATE tiles SET package = 'Q' WHERE batch = 'B' AND first = 361",
        "UPDATE tiles SET last = last - 1 WHERE batch = 'B' AND first = 361",
        "DELETE FROM tiles WHERE batch = 'B' AND first = 361",
        "UPDATE packages SET serials = '[[1,719]]'",
        "UPDATE counters SET codes = codes + 1 WHERE batch = 'B' AND state = 'void'",
        "UPDATE batches SET quantity = quantity + 1 WHERE batch = 'B'",
    ],
)
def test_a_batch_that_was_edited_takes_no_order_on_other_serials(path, statement):
    by_hand(path, statement)
    with Ledger.open(path, clock()) as ledger:
        with pytest.raises(IntegrityError, match="do not balance") as caught:
            ledger.commit(LINE, ordered("N", "B", "freeze", (1, 1)))
        assert "audit verify" in caught.value.hints[0]
        # Another batch is as it was.
        ledger.commit(LINE, ordered("M", "B1", "void", (1, 1), reason="lost"))
    assert problem(path) is not None

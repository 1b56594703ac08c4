"""One flipped bit anywhere in ledger.db: what was done once is not done again, and it is said."""

import contextlib
import random
import shutil
import sqlite3

import pytest
from ledger_kit import LINE, STATION, clock, create, minted, ordered, with_package

from mintmark.codegen.errors import IntegrityError, Refused
from mintmark.codegen.ledger.ledger import Ledger

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

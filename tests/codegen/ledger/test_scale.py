"""A million fragments in one batch, a hundred thousand cartons: a change pays for what it touches,
not for the batch."""

import contextlib
import sqlite3

import pytest
from ledger_kit import (
    LINE,
    STATION,
    clock,
    create,
    each_statement,
    held,
    holders,
    minted,
    ordered,
    packed,
    unit_of,
    unpacked,
    with_package,
)
from sqlalchemy import event

from mintmark.codegen.errors import Refused
from mintmark.codegen.ledger import _balance
from mintmark.codegen.ledger.ledger import Ledger
from mintmark.codegen.ranges.aggregation import CodeRef
from mintmark.codegen.ranges.lifecycle import State
from mintmark.codegen.ranges.serials import Range

FRAGMENTS = 1_000_000
EACH = 10  # serials 1-9 of every ten are packaged, the tenth is void
QUANTITY = FRAGMENTS // 2 * EACH
STEP = 10  # virtual machine instructions a tick of SQLite's progress handler


def seed(path, batch, fragments):
    """Cut the only packaged tile of `batch` in pieces, past the ledger."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM tiles WHERE batch = ?", [batch])
        connection.execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)
            INSERT INTO tiles
            SELECT :batch, i / 2 * 10 + iif(i % 2, 10, 1), i / 2 * 10 + iif(i % 2, 10, 9),
                   iif(i % 2, 'void', 'packaged'), iif(i % 2, 'packaged', NULL), 'P', '{}',
                   iif(i % 2, 'misprint', NULL)
            FROM n
            """,
            {"batch": batch, "count": fragments},
        )
        for state, codes in (("packaged", 9), ("void", 1)):
            connection.execute(
                "UPDATE counters SET codes = ? WHERE batch = ? AND state = ?",
                [codes * fragments // 2, batch, state],
            )
        connection.commit()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("scale") / "ledger.db"
    with create(path) as ledger:
        ledger.commit(STATION, minted("B", QUANTITY), minted("C", 500_000))
        with_package(ledger, "B", "P", (1, QUANTITY))
        with_package(ledger, "C", "PC", (1, 500_000))
    seed(path, "B", FRAGMENTS)
    seed(path, "C", 100_000)
    return path


STATEMENTS = []


class Meter:
    """Counts what a ledger's connection does: statements, rows written, VM steps."""

    def __init__(self, ledger):
        self.steps, self._before = 0, len(STATEMENTS)
        self.connections = []
        event.listen(ledger._engine, "connect", self._opened)
        ledger._engine.pool.dispose()
        ledger._engine.pool = ledger._engine.pool.recreate()

    def _opened(self, connection, _):
        self.connections.append(connection)
        connection.set_progress_handler(self._step, STEP)

    def _step(self):
        self.steps += STEP
        return 0

    @property
    def statements(self):
        return len(STATEMENTS) - self._before

    @property
    def written(self):
        return sum(connection.total_changes for connection in self.connections)


@pytest.fixture
def as_usual(monkeypatch):
    """Each commit adds up as much as most do: now and then one more, as the hash before it says."""
    monkeypatch.setattr(_balance, "_limit", lambda _: _balance.EACH)


@pytest.fixture
def ledger(path, as_usual):
    with Ledger.open(path, clock()) as ledger, each_statement(ledger, STATEMENTS.append):
        yield ledger


SPREAD = [(n, n) for n in range(1, QUANTITY, QUANTITY // 50)]


@pytest.mark.parametrize("serials", [[(1_234_561, 1_234_565)], [(1, 1), (QUANTITY - 5, QUANTITY)]])
def test_an_order_over_few_ranges_touches_few_rows(ledger, serials):
    meter = Meter(ledger)
    for action in ("freeze", "unfreeze"):
        ledger.commit(LINE, ordered(f"{action}-{serials}", "B", action, *serials))
    assert 0 < meter.written < 60
    assert 0 < meter.statements < 60
    assert 0 < meter.steps < 20_000


def test_fifty_ranges_over_the_whole_batch_cost_fifty_times_one(ledger):
    meter = Meter(ledger)
    ledger.commit(LINE, ordered("spread", "B", "freeze", *SPREAD))
    assert 0 < meter.written < 250
    assert 0 < meter.steps < 100_000


def test_questions_about_few_codes_read_few_rows(ledger):
    meter = Meter(ledger)
    with ledger.read() as view:
        assert view.at("B", 4_000_000).state is State.VOID
        assert len(view.tiles("B", after=3_000_000, limit=7)) == 7
        assert sum(view.counts("B").values()) == QUANTITY
        assert unit_of(view, "B", 4_000_001) == "P-1"
        cut = list(view.select("B", (Range(2_000_005, 2_000_014),)))
    assert [len(tile.serials) for tile in cut] == [5, 1, 4]
    assert 0 < meter.steps < 20_000


def test_an_order_over_every_fragment_goes_through(ledger):
    (done,) = ledger.commit(LINE, ordered("all", "C", "activate", (1, 500_000)))
    assert len(done.applied) == len(done.skipped) == 50_000
    with ledger.read() as view:
        assert view.counts("C")[State.ACTIVE] == 450_000
        assert view.order("all").skipped == done.skipped
        pages = [view.tiles("C", after=0, limit=60_000)]
        pages.append(view.tiles("C", after=pages[0][-1].serials.last, limit=60_000))
    tiles = pages[0] + pages[1]
    assert len(tiles) == 100_000
    assert tiles[0].value.state is State.ACTIVE
    assert tiles[1].value.state is State.VOID
    with pytest.raises(Refused) as caught:
        ledger.commit(LINE, ordered("again", "C", "activate", (1, 500_000)))
    assert caught.value.details["blocked_total"] == 50_000
    assert len(caught.value.details["blocked"]) == 100


def test_fragments_that_become_equal_become_one(ledger):
    ledger.commit(LINE, ordered("unvoid", "B", "unvoid", *((n, n) for n in range(10, 1001, 10))))
    with ledger.read() as view:
        first = view.tiles("B", limit=1)[0]
        assert len(list(view.select("B", (Range(1, 1_009),)))) <= 6
    assert first.value.state is not State.VOID


# --- what lies in what -----------------------------------------------------------------

CARTONS = 100_000  # of 24 items, each with a gap after it


def seed_links(path):
    """Pack the items of batch I in cartons, past the ledger; half of them stand on pallets."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for first, count, held, batch, parents, each in (
            (1, CARTONS, 24, "I", "K", 1), (1, CARTONS // 2, 1, "K", "L", 40)
        ):  # fmt: skip
            gap = held + (batch == "I")
            connection.execute(
                """
                WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)
                INSERT INTO links
                SELECT :batch, :first + i * :gap, :first + i * :gap + :held - 1, :parents,
                       i / :each + 1
                FROM n
                """,
                {
                    "first": first, "count": count, "held": held, "gap": gap, "batch": batch,
                    "parents": parents, "each": each,
                },
            )  # fmt: skip
            connection.execute(
                "UPDATE counters SET codes = ? WHERE batch = ? AND state = 'inside'",
                [count * held, batch],
            )
        connection.commit()


@pytest.fixture(scope="module")
def path_of_links(tmp_path_factory):
    path = tmp_path_factory.mktemp("links") / "ledger.db"
    with create(path) as ledger:
        ledger.commit(STATION, minted("I", CARTONS * 25 + 2_000_000), holders("K", CARTONS * 2))
        ledger.commit(STATION, holders("L", CARTONS // 40, "pallet"))
        for batch, last in (("I", CARTONS * 25 + 2_000_000), ("K", CARTONS * 2), ("L", 2_500)):
            with_package(ledger, batch, f"P-{batch}", (1, last))
    seed_links(path)
    return path


@pytest.fixture
def packing(path_of_links, as_usual):
    with Ledger.open(path_of_links, clock()) as ledger, each_statement(ledger, STATEMENTS.append):
        yield ledger


FREE = CARTONS * 25  # no item after this one lies in anything
ADDED_UP = 120_000  # steps, with the first links of each batch; all of them would be millions


@pytest.mark.parametrize("gap", [1, 40_000])
def test_a_carton_of_scans_touches_few_rows(packing, gap):
    meter = Meter(packing)
    scans = [(FREE + gap * n, FREE + gap * n) for n in range(1, 25)]
    carton = ("K", (CARTONS + gap, CARTONS + gap))
    packing.commit(LINE, packed(f"in-{gap}", carton, ("I", *scans)))
    packing.commit(LINE, unpacked(f"out-{gap}", carton, ("I", *scans[3:5])))
    assert 0 < meter.written < 100
    assert 0 < meter.statements < 100
    assert 0 < meter.steps < ADDED_UP


def test_a_million_bottles_are_packed_in_few_statements(packing):
    meter = Meter(packing)
    cartons = ("K", (CARTONS + 50_001, CARTONS + 91_667))
    change = packed("many", cartons, ("I", (FREE + 1_000_001, FREE + 2_000_000)), each=24)
    packing.commit(LINE, change, dry_run=True)
    assert 0 < meter.statements < 70
    assert 41_667 < meter.written < 41_700


def test_a_pallet_is_packed_among_many(packing):
    meter = Meter(packing)
    cartons = ("K", (CARTONS // 2 + 1, CARTONS // 2 + 40))
    packing.commit(LINE, packed("pallet", ("L", (2_500, 2_500)), cartons))
    assert 0 < meter.steps < ADDED_UP
    with packing.read() as view:
        found = view.contents(held("L", (2_500, 2_500)))
    assert [(part.batch, len(part)) for part in found] == [("I", 40 * 24), ("K", 40)]
    assert 0 < meter.steps < ADDED_UP


def test_questions_about_links_read_few_rows(packing):
    meter = Meter(packing)
    with packing.read() as view:
        assert view.way_up(CodeRef("I", 999_999)) == (CodeRef("K", 40_000), CodeRef("L", 1_000))
        assert view.children(CodeRef("K", 77)) == (held("I", (1_901, 1_924)),)
        assert list(view.parents("I", (Range(24, 27),)))[-1].parent == CodeRef("K", 2)
        assert view.associated("I") >= CARTONS * 24
    assert 0 < meter.steps < 20_000


def test_ten_thousand_codes_are_ten_thousand_seeks(packing):
    meter = Meter(packing)
    wanted = [n * 250 + 1 for n in range(10_000)]
    with packing.read() as view:
        found = view.parents_of("I", wanted)
    assert len(found) == 10_000
    assert meter.statements < 5
    assert 0 < meter.steps < 1_000_000

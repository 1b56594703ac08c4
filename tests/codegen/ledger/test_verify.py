"""Whatever is edited by hand, in any table and any column, is found and named."""

# Editing by raw SQL is what is tested.
# ruff: noqa: S608

import contextlib
import sqlite3

import pytest
from ledger_kit import (
    LINE,
    STATION,
    author,
    by_hand,
    clock,
    create,
    founding,
    key,
    minted,
    ordered,
    public,
    with_history,
)

from mintmark.codegen.errors import IntegrityError, Refused
from mintmark.codegen.ledger import _tables, chain, changes
from mintmark.codegen.ledger.ledger import Author, Ledger
from mintmark.codegen.ledger.verify import verify

EVENTS = 46
TABLES = [table for table in _tables.metadata.sorted_tables if table.name != "deliveries"]
REPLAYED = [table for table in TABLES if table.name != "events"]
COLUMNS = [(table.name, column.name) for table in REPLAYED for column in table.columns]


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """The bytes of a good ledger with a row in every table."""
    path = tmp_path_factory.mktemp("good") / "ledger.db"
    with with_history(path) as ledger:
        result = verify(ledger)
        with ledger.read() as view:
            assert (result.ok, result.events, result.head) == (True, *view.head())
    return path.read_bytes()


@pytest.fixture
def path(history, tmp_path):
    path = tmp_path / "ledger.db"
    path.write_bytes(history)
    return path


def problem(path):
    with Ledger.open(path, clock()) as ledger:
        result = verify(ledger)
    assert result.ok == (result.problem is None)
    return result.problem


def edit(path, table, column):
    """Change a cell that holds something, or else a null, by raw SQL."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        keys = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[5]]
        named = ", ".join(f'"{key}"' for key in keys)
        found = connection.execute(
            f'SELECT {named}, "{column}" FROM "{table}" ORDER BY "{column}" IS NULL, {named}'
        ).fetchall()
        *place, value = found[-1 if value_is_unique(table, column) else 0]
        new = value + 1 if isinstance(value, int | float) else f"{value or ''}~"
        match = " AND ".join(f'"{key}" = ?' for key in keys)
        connection.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE {match}', [new, *place])
        connection.commit()


def value_is_unique(table, column):
    # Of numbered rows the last moves without running into the next.
    return (table, column) in {
        ("orders", "seq"),
        ("scheduled", "seq"),
        ("tiles", "first"),
        ("units", "first"),
    }


def test_a_good_ledger_is_good(path):
    assert problem(path) is None


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_an_edited_cell_is_named_by_its_table(path, table, column):
    edit(path, table, column)
    found = problem(path)
    assert f"table {table}, " in found
    primary = _tables.metadata.tables[table].c[column].primary_key
    assert ("added, removed or moved" if primary else f"{column} was changed by hand") in found


@pytest.mark.parametrize("table", [table.name for table in REPLAYED])
def test_a_removed_row_is_named_by_its_table(path, table):
    own = {
        "tiles": "batch = 'B1'",
        "counters": "batch = 'B1'",
        "reported_serials": "package = 'P4'",
        "links": "batch = 'B7'",
        "objects": "part = 'run'",
        "order_batches": "batch = 'B7'",
    }
    condition = own.get(table, "seq > 0" if table in ("receipts", "verified") else "rowid = 1")
    by_hand(path, f'DELETE FROM "{table}" WHERE {condition}')
    assert f"table {table}, " in problem(path)


@pytest.mark.parametrize("table", [table.name for table in REPLAYED])
def test_an_added_row_is_named_by_its_table(path, table):
    own = _tables.metadata.tables[table]
    values = ", ".join(
        f"'zz-{column.name}'" if str(column.type) == "VARCHAR" else "999" for column in own.columns
    )
    by_hand(path, f'INSERT INTO "{table}" VALUES ({values})')
    assert f"table {table}, " in problem(path)


@pytest.mark.parametrize("column", [column.name for column in _tables.events.columns])
def test_an_edited_event_is_named(path, column):
    new = {"seq": "99", "body": "replace(body, 'L1', 'L2')"}.get(column, f"\"{column}\" || '0'")
    by_hand(
        path,
        f"""UPDATE events SET "{column}" = {new}
        WHERE type = 'Ordered' AND body LIKE '%"O1"%'""",
    )
    found = problem(path)
    if column == "seq":
        assert found == "event 14 is missing"
    elif column == "type":
        assert found.startswith("event 14 (Ordered0, order O1) was changed")
    else:
        assert found.startswith("event 14 (Ordered, order O1) was changed")


@pytest.mark.parametrize("edited", ["host = 'elsewhere'", "signature = 'aa' || signature"])
def test_every_single_event_is_covered(path, edited):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        last = connection.execute("SELECT max(seq) FROM events").fetchone()[0]
    assert last == EVENTS
    whole = path.read_bytes()
    for seq in range(1, last + 1):
        path.write_bytes(whole)
        by_hand(path, f"UPDATE events SET {edited} WHERE seq = {seq}")
        assert problem(path).startswith(f"event {seq} (")


def test_a_body_that_is_no_json_is_named_all_the_same(path):
    by_hand(path, "UPDATE events SET body = '{' WHERE seq = 8")
    assert problem(path).startswith("event 8 (BatchMinted) was changed")
    by_hand(path, "UPDATE events SET body = x'ff' WHERE seq = 8")
    assert problem(path).startswith("event 8 (BatchMinted) was changed")


def test_a_missing_event_is_named(path):
    by_hand(path, "DELETE FROM events WHERE seq = 9")
    assert problem(path) == "event 9 is missing"
    by_hand(path, "DELETE FROM events WHERE seq > 1")
    assert problem(path) == "event 2 is missing"
    by_hand(path, "DELETE FROM events")
    assert problem(path) == "event 1 is missing"


def test_a_cut_tail_shows_in_the_tables_it_left_behind(path):
    by_hand(path, "DELETE FROM events WHERE seq > 15")
    assert problem(path).startswith("table batches, batch B7: a row was added")


def rewrite(path, number, **changed):
    """Change event `number` and make it and all that follow whole again, with a thief's key."""
    thief = Author(STATION.actor, "thief", key(9).sign)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        previous = chain.GENESIS
        for row in connection.execute("SELECT * FROM events ORDER BY seq").fetchall():
            event = chain.Event(**row)
            if event.seq >= number:
                values = {**row, **(changed if event.seq == number else {}), "previous": previous}
                event = chain.Event(**values)
                digest = chain._digest(event)
                connection.execute(
                    "UPDATE events SET operator = ?, previous = ?, hash = ?, signature = ? "
                    "WHERE seq = ?",
                    [event.operator, previous, digest.hex(),
                     thief.sign(chain.LABEL + digest).hex(), event.seq],
                )  # fmt: skip
            previous = event.hash if event.seq < number else chain._digest(event).hex()
        connection.commit()


@pytest.mark.parametrize("number", [1, 2, 3, 10, 18])
def test_a_chain_made_whole_again_without_the_key_is_forged(path, number):
    rewrite(path, number, operator="nobody")
    named = 2 if number == 1 else number
    assert problem(path).startswith(f"event {named} (")
    assert "not signed by key" in problem(path)


def test_keys_off_the_roster_sign_nothing(tmp_path):
    with create(tmp_path / "ledger.db") as ledger:
        incident = changes.Incident("x", "y")
        with pytest.raises(Refused, match="not on this ledger's roster"):
            ledger.commit(author(9), incident)
        ledger.commit(STATION, changes.KeyAdded("key-9", "station", "new", public(9)))
        ledger.commit(author(9), incident)
        ledger.commit(author(9), changes.KeyRevoked("key-1", "retired"))
        with pytest.raises(Refused, match="was revoked"):
            ledger.commit(STATION, incident)
        with pytest.raises(Refused, match="last station key"):
            ledger.commit(author(9), changes.KeyRevoked("key-9", "x"))
        with pytest.raises(Refused, match="'key-1' is taken"):
            ledger.commit(author(9), changes.KeyAdded("key-1", "station", "s", public(1)))
        wrong = Author(STATION.actor, "key-9", key(1).sign)
        with pytest.raises(IntegrityError, match="not the key key-9"):
            ledger.commit(wrong, incident)
        assert verify(ledger).ok
        with ledger.read() as view:
            assert view.key("key-1").revoked
            assert not view.key("key-9").revoked


def test_a_line_key_orders_and_does_nothing_else(tmp_path):
    with create(tmp_path / "ledger.db") as ledger:
        ledger.commit(STATION, minted("B", 10))
        for change in (minted("C", 10), changes.KeyAdded("k", "station", "n", public(7))):
            with pytest.raises(Refused, match="may order ranges, not sign"):
                ledger.commit(LINE, change)
        ledger.commit(LINE, ordered("O", "B", "void", (1, 1), reason="lost"))
        assert verify(ledger).ok


@pytest.mark.parametrize(
    "begin", [founding()[:1], founding()[1:], (founding()[0], founding()[2]), ()]
)
def test_a_ledger_begins_with_its_home_and_its_key(tmp_path, begin):
    with pytest.raises(ValueError, match="begins with"):
        Ledger.create(tmp_path / "ledger.db", STATION, clock(), *begin)
    assert list(tmp_path.iterdir()) == []


def test_verify_tells_how_far_it_came(path):
    steps = []
    with Ledger.open(path, clock()) as ledger:
        verify(ledger, steps.append)
    assert sum(steps) == EVENTS

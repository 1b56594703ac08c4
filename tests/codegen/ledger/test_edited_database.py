"""Whatever is edited by hand in a shared ledger's database, is found and named."""

import psycopg
import pytest
from ledger_kit import clock, with_history
from postgres_kit import cluster
from psycopg.sql import SQL, Identifier

from mintmark.codegen.ledger import _tables
from mintmark.codegen.ledger.ledger import Ledger
from mintmark.codegen.ledger.place import LedgerDatabase
from mintmark.codegen.ledger.verify import verify

TABLES = [table for table in _tables.metadata.sorted_tables if table.name != "deliveries"]
# Of numbered rows the last moves without running into the next.
LAST = {("orders", "seq"), ("scheduled", "seq"), ("tiles", "first"), ("units", "first")}


@pytest.fixture(scope="module")
def place():
    place = LedgerDatabase(cluster().database())
    with_history(place).close()
    return place


@pytest.fixture(scope="module")
def ledger(place):
    with Ledger.open(place, clock()) as ledger:
        assert verify(ledger).ok
        yield ledger


@pytest.fixture(scope="module")
def owner(place):
    """As an administrator, who turns the triggers off."""
    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_a_cell_of_every_kind_is_covered(owner, ledger, table):
    # Rows are compared whole: what may differ is how a kind of column is read.
    kinds = {(type(one.type), one.nullable, one.primary_key): one for one in table.columns}
    for column in kinds.values():
        name = Identifier(column.name)
        last = (table.name, column.name) in LAST or table.name == "events"
        ((place, value),) = owner.execute(
            SQL("SELECT ctid, {} FROM {} ORDER BY {} IS NULL, {} {} LIMIT 1").format(
                name,
                Identifier(table.name),
                name,
                SQL(", ").join(Identifier(key.name) for key in table.primary_key.columns),
                SQL("DESC" if last else "ASC"),
            )
        ).fetchall()
        new = value + 1 if isinstance(value, int | float) else f"{value or ''}~"
        change = SQL("UPDATE {} SET {} = %s WHERE ctid = %s RETURNING ctid").format(
            Identifier(table.name), name
        )
        (place,) = owner.execute(change, [new, place]).fetchone()
        found = verify(ledger)
        owner.execute(change, [value, place])
        named = f"table {table.name}, " if table.name != "events" else "event "
        assert not found.ok, column
        assert named in found.problem, column
        if table.name != "events" and not column.primary_key:
            assert f"{column.name} was changed by hand" in found.problem
    assert verify(ledger).ok

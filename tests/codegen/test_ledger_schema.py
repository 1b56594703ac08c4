"""A shared ledger's schema is brought up to date by a command, once, and never by opening it."""

from concurrent.futures import ThreadPoolExecutor

import postgres_kit
import psycopg
import pytest

from mintmark.codegen import ledger_move, ledger_schema
from mintmark.codegen.away import LedgerAway
from mintmark.codegen.errors import EnvironmentFailure, UsageError
from mintmark.codegen.ledger import database


@pytest.fixture
def shared(home):
    """A home whose ledger is in a database, at `url`."""
    home.url = postgres_kit.cluster().database()
    station = home.station()
    ledger_move.move(station, home.url)
    home.close()
    return home


@pytest.fixture
def older(shared):
    """The same, as the version before has it."""
    with psycopg.connect(shared.url) as connection:
        connection.execute("DROP TABLE objects")
        connection.execute("ALTER TABLE keys DROP COLUMN may")
        connection.execute("UPDATE alembic_version SET version_num = '0012'")
    return shared


def revision(home):
    with psycopg.connect(home.url) as connection:
        return connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]


def test_it_is_not_done_by_opening_and_by_one_of_two(older):
    with pytest.raises(LedgerAway) as away:
        assert older.station().ledger
    assert "mintmark ledger upgrade" in away.value.hints[0]
    assert revision(older) == "0012"
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(ledger_schema.upgrade, [older.station(), older.station()]))
    assert sorted(t.before for t in told) == ["0012", database.SCHEMA]
    assert {t.revision for t in told} == {revision(older)} == {database.SCHEMA}
    assert any("went from revision 0012" in line for t in told for line in t.lines())
    assert older.mint(3, older.station())


def test_a_role_may_not_do_it_that_owns_nothing(older):
    role = postgres_kit.cluster().new_role()
    with psycopg.connect(older.url) as connection:
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    with pytest.raises(EnvironmentFailure):
        ledger_schema.upgrade(older.station(), role)
    assert revision(older) == "0012"
    assert ledger_schema.upgrade(older.station(), postgres_kit.cluster().role).before == "0012"


@pytest.mark.parametrize(
    ("role", "purpose"), [("", "station"), ("a" * 64, "report"), ("a\nb", "station"), ("a", "boss")]
)
def test_no_sql_is_made_of_what_is_no_role(role, purpose):
    with pytest.raises(UsageError):
        ledger_schema.grants(role, purpose)


def test_a_role_is_quoted():
    told = ledger_schema.grants('wu"xi; DROP TABLE events', "report")
    assert '"wu""xi; DROP TABLE events"' in told.sql
    assert list(told.lines()) == told.sql.splitlines()

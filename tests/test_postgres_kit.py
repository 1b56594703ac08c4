"""The tests' databases are what they are taken for: else tests on them prove less."""

import postgres_kit
import psycopg
import pytest
from postgres_kit import SHIFTED, Cluster, Standby
from wire_proxy import PostgresProxy


def test_a_database_may_sort_texts_otherwise_than_their_bytes():
    rows = "SELECT x FROM (VALUES ('li-print'), ('liam-print')) AS v (x) ORDER BY x"
    plain, shifted = (postgres_kit.cluster().database(sorted_as=name) for name in (None, SHIFTED))
    for url, first in ((plain, "li-print"), (shifted, "liam-print")):
        with psycopg.connect(url) as connection:
            assert connection.execute(rows).fetchone() == (first,)
            byte_by_byte = rows + ' COLLATE "C"'
            assert connection.execute(byte_by_byte).fetchone() == ("li-print",)


def test_pgbouncer_gives_away_a_connection_after_each_transaction():
    url = postgres_kit.bouncer().url(postgres_kit.cluster().database())
    ask = "SELECT pg_backend_pid()"
    with (
        psycopg.connect(url, autocommit=True, prepare_threshold=None) as one,
        psycopg.connect(url, prepare_threshold=None) as other,
    ):
        (first,) = one.execute(ask).fetchone()
        assert other.execute(ask).fetchone() == (first,)
        assert one.execute(ask).fetchone() != (first,)  # the other is in a transaction with it


def test_a_standby_holds_what_was_committed_and_the_old_primary_takes_nothing():
    primary = Cluster()
    standby = Standby(primary)
    try:
        role = primary.new_role()
        assert standby.execute("SELECT pg_is_in_recovery()") == [(True,)]
        primary.execute("CREATE TABLE kept (it integer)")
        primary.execute("INSERT INTO kept VALUES (1)")
        assert standby.execute("SELECT it FROM kept") == [(1,)]
        with PostgresProxy(target=primary.url("postgres")) as network:
            standby.promote()
            network.target = standby.url("postgres")
            with psycopg.connect(network.url) as connection:
                connection.execute("INSERT INTO kept VALUES (2)")
        assert standby.execute("SELECT it FROM kept ORDER BY it") == [(1,), (2,)]
        with pytest.raises(psycopg.OperationalError):
            primary.execute("SELECT 1")
        with (
            psycopg.connect(standby.url("postgres", role)) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("SELECT it FROM kept")
    finally:
        standby.stop()
        primary.stop()

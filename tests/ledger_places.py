"""The two places of a ledger, for tests that hold for both: made once, and taken anew by each."""

import psycopg
from postgres_kit import cluster

from mintmark.codegen.ledger import _tables
from mintmark.codegen.ledger.place import LedgerDatabase


class Files:
    """SQLite: a copy of a file."""

    def new(self, folder):
        """A place where nothing is."""
        return folder / "ledger.db"

    def keep(self, place):
        """What `again` takes: the ledger as it is now, closed."""
        return place.read_bytes()

    def again(self, kept, folder):
        """A ledger as it was kept."""
        path = folder / "ledger.db"
        path.write_bytes(kept)
        return path


class Databases:
    """PostgreSQL: the same database, its rows put back; a new one takes thirty times as long."""

    def new(self, folder):
        return LedgerDatabase(cluster().database())

    def keep(self, place):
        names = [table.name for table in _tables.metadata.sorted_tables]
        with psycopg.connect(place.url) as connection:
            connection.execute("CREATE SCHEMA mould")
            for name in names:
                connection.execute(f"CREATE TABLE mould.{name} AS TABLE public.{name}")
        back = "".join(
            f"DELETE FROM {name}; INSERT INTO {name} TABLE mould.{name};"  # noqa: S608 - names of ours
            for name in names
        )
        # Neither references nor the trigger that keeps events ask then.
        return place, f"SET LOCAL session_replication_role = replica; {back}"

    def again(self, kept, folder):
        place, back = kept
        with psycopg.connect(place.url) as connection:
            connection.execute(back)
        return place


PLACES = {"sqlite": Files(), "postgresql": Databases()}

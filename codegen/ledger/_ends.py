"""The two ends of a move (`moving`): the file of a home, and a database that stations share."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, inspect, text

from ..errors import EnvironmentFailure, IntegrityError, Refused
from ..file_systems import refuse_network_drive
from ..files import fsync_folder, hidden, sync
from . import _moved, _tables, database
from ._moved import ARRIVING, LOCAL, MOVED, Departed
from .place import LedgerDatabase, LedgerPlace
from .view import View

_LOST = (
    "the ledger went there, and is not there any more",
    "bring what was there back from its backup; or the whole home from your copy of before",
)


class End(Protocol):
    """Where a ledger lies, or will lie."""

    @property
    def name(self) -> str:
        """What it is called: `local`, or an address."""

    @property
    def place(self) -> LedgerPlace:
        """Where it lies."""

    def departed(self) -> Departed | None:
        """Where the ledger that lay here went, if it did."""

    def filling(self, source: View) -> contextlib.AbstractContextManager[Connection]:
        """An empty schema, in a transaction that ends with the block; `source`: what arrives.

        Raises `Refused` where something else lies. What an earlier try left is removed.
        """

    def arrived(self) -> contextlib.AbstractContextManager[Engine]:
        """What arrived and is nobody's ledger yet."""

    def arrive(self, gone: Departed) -> None:
        """Let it be a ledger, if it has the head of `gone`. Raises `IntegrityError`."""


class FileEnd:
    """The file at `place`. What arrives is a hidden sibling until it is whole."""

    name = LOCAL

    def __init__(self, place: Path) -> None:
        self.place = place
        self._staged = hidden(place)

    def departed(self) -> Departed | None:
        """See `End`."""
        if not self.place.exists():
            return None
        database.check_file(self.place)
        with _read(self.place) as connection:
            found = _moved.revision(connection)
            return _moved.departed(connection) if found == MOVED else None

    @contextlib.contextmanager
    def filling(self, source: View) -> Iterator[Connection]:
        """See `End`."""
        old = self.departed()
        if old is None and self.place.exists():
            raise Refused(f"{self.place} is a ledger already", "move that file away")
        if old is not None and not source.holds(old.hash):
            raise Refused(
                f"{self.place} is what another ledger left when it moved", "move that file away"
            )
        refuse_network_drive(self.place.parent, "the ledger", "keep the home on a local disk")
        for name in (self._staged, *_beside(self._staged)):
            name.unlink(missing_ok=True)
        database.touch(self._staged)
        with _opened(self._staged) as engine:
            database.use_wal(engine)
            with database.writing(engine) as connection:
                database.create_schema(connection)
                yield connection

    @contextlib.contextmanager
    def arrived(self) -> Iterator[Engine]:
        """See `End`."""
        with _opened(self._staged) as engine:
            yield engine

    def arrive(self, gone: Departed) -> None:
        """See `End`."""
        if not self._staged.exists():
            self._require_here(gone)
            return
        with self.arrived() as engine, database.writing(engine) as connection:
            _require_head(connection, gone)
            _moved.revise(connection, database.SCHEMA)
        # SQLite removes the log as the last connection closes: its file is whole without it.
        if any(name.exists() for name in _beside(self._staged)):
            raise EnvironmentFailure(
                f"another process has {self._staged} open",
                "end it, then run the same command again",
            )
        with self._staged.open("rb+") as file:
            sync(file)
        self._without_log()
        self._staged.replace(self.place)
        fsync_folder(self.place.parent)

    def _require_here(self, gone: Departed) -> None:
        if not self.place.exists() or self.departed() is not None:
            raise IntegrityError(*_LOST)
        with _read(self.place) as connection:
            if not View(connection).holds(gone.hash):
                raise IntegrityError(*_LOST)

    def _without_log(self) -> None:
        """Let the ledger that moved away have no log: SQLite would take it for the new one's."""
        if not self.place.exists():
            return
        with _opened(self.place) as engine, engine.connect() as connection:
            driver: Any = connection.connection.dbapi_connection
            # It is refused, or stays as it was, while another process has the file open.
            with contextlib.suppress(driver.OperationalError):
                if driver.execute("PRAGMA journal_mode=DELETE").fetchone() == ("delete",):
                    return
        raise EnvironmentFailure(
            f"another process has {self.place} open since before the ledger moved",
            "end it, then run the same command again",
        )


class DatabaseEnd:
    """A database. What arrives is marked, so that nobody opens it."""

    def __init__(self, place: LedgerDatabase, role: str | None = None) -> None:
        """`role`: who owns the tables, if not the role of the address."""
        self.place, self.name = place.acting_as(role), place.url

    def departed(self) -> Departed | None:
        """See `End`."""
        with _read(self.place) as connection:
            found = _moved.revision(connection)
            return _moved.departed(connection) if found == MOVED else None

    @contextlib.contextmanager
    def filling(self, source: View) -> Iterator[Connection]:
        """See `End`."""
        with self.arrived() as engine, leisurely(engine) as connection:
            _clear(connection, source)
            database.make_shared(connection)
            yield connection

    @contextlib.contextmanager
    def arrived(self) -> Iterator[Engine]:
        """See `End`."""
        with _opened(self.place) as engine:
            yield engine

    def arrive(self, gone: Departed) -> None:
        """See `End`."""
        with self.arrived() as engine, database.writing(engine, schema=None) as connection:
            found = _moved.revision(connection)
            if found == ARRIVING:
                _require_head(connection, gone)
                _moved.revise(connection, database.SCHEMA)
            elif found in (None, MOVED) or not View(connection).holds(gone.hash):
                raise IntegrityError(*_LOST)


def _clear(connection: Connection, source: View) -> None:
    """Remove what an earlier move left. Raises `Refused` for anything else."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return
    found = _moved.revision(connection)
    if found == ARRIVING:
        own = View(connection).home().home == source.home().home
    else:
        own = found == MOVED and source.holds(_moved.departed(connection).hash)
    if not own:
        raise Refused(
            "the database holds something else: a ledger has a database of its own",
            "name an empty one: createdb mintmark",
        )
    for name in ("moved", *reversed([t.name for t in _tables.metadata.sorted_tables])):
        for left in (name, _moved.PREFIX + name):
            connection.execute(text(f"DROP TABLE IF EXISTS {left} CASCADE"))
    connection.execute(text("DROP TABLE alembic_version"))
    connection.execute(text("DROP FUNCTION IF EXISTS events_stay CASCADE"))


def _require_head(connection: Connection, gone: Departed) -> None:
    if View(connection).head() != (gone.seq, gone.hash):
        raise IntegrityError(
            "the ledger that arrived is not the one that left",
            "keep both as they are, and ask for help: nothing was switched",
        )


@contextlib.contextmanager
def leisurely(engine: Engine) -> Iterator[Connection]:
    """A write transaction that takes the time it takes, and stands still while others are read."""
    with database.writing(engine, schema=None) as connection:
        if database.is_shared(engine):
            for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
                connection.execute(text(f"SET LOCAL {name} = 0"))
            driver: Any = connection.connection.driver_connection
            driver.patience = None
        yield connection


@contextlib.contextmanager
def _opened(place: LedgerPlace) -> Iterator[Engine]:
    engine = database.connect(place)
    try:
        yield engine
    finally:
        engine.dispose()


@contextlib.contextmanager
def _read(place: LedgerPlace) -> Iterator[Connection]:
    with _opened(place) as engine, database.reading(engine) as connection:
        yield connection


def _beside(path: Path) -> tuple[Path, Path]:
    return path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")

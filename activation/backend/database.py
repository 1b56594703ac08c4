"""The backend's database: SQLite in its own folder, one writer at a time.

Every write transaction takes SQLite's write lock before it reads (BEGIN IMMEDIATE), so
that what it decides on cannot change under it.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from ...codegen.errors import EnvironmentFailure

MIGRATIONS = Path(__file__).parent / "migrations"
FILE = "backend.sqlite3"
_PRAGMAS = (
    "journal_mode=WAL",
    # A scan that was answered "genuine" must survive the power cut.
    "synchronous=FULL",
    "cache_size=-65536",  # KiB: random inserts stay in memory for millions of fingerprints
    "busy_timeout=60000",  # milliseconds
)


class Database:
    """Connections to one database. `write` and `read` are its only doors."""

    def __init__(self, path: Path) -> None:
        _touch_private(path)
        self._engine = create_engine(
            URL.create("sqlite", database=str(path)),
            hide_parameters=True,  # they would stand in exception texts
            pool_size=8,
            max_overflow=64,
        )
        event.listen(self._engine, "connect", _prepare)
        event.listen(self._engine, "begin", _begin)
        self._writer = self._engine.execution_options(writes=True)
        # SQLite's own waiting is a poll without order; this queue is fair enough.
        self._turn = threading.Lock()
        try:
            self._upgrade()
        except CommandError:
            self.close()
            raise EnvironmentFailure(
                "the backend's folder was made by a newer version", "install that version"
            ) from None
        except SQLAlchemyError as error:
            self.close()
            raise EnvironmentFailure(
                f"the backend's database cannot be opened: {type(error).__name__}",
                "check the folder given with --data, and that no other program holds it",
            ) from None

    @contextmanager
    def write(self, *, keep: bool = True) -> Iterator[Connection]:
        """A write transaction: committed at the end if `keep`, rolled back on any exception."""
        with self._turn, self._writer.connect() as connection:
            connection.begin()
            yield connection
            if keep:
                connection.commit()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A view of one moment."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Close every connection; the last one folds the WAL into the file."""
        self._engine.dispose()

    def _upgrade(self) -> None:
        config = Config()
        # The path is read through configparser, to which % is special.
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        with self.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _touch_private(path: Path) -> None:
    """The file 0600 from its first moment; SQLite gives WAL and index the same mode."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise EnvironmentFailure(
            f"the backend's database cannot be opened: {error.strerror}",
            "check the folder given with --data",
        ) from None


def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 — the driver's
    # The driver's own BEGIN comes late and is never IMMEDIATE: ours replaces it.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

"""The backend's database: SQLite in its own folder, or PostgreSQL.

On SQLite there is one writer at a time: every write transaction takes the write lock
before it reads (BEGIN IMMEDIATE), so that the rows it decides on cannot change under it. On
PostgreSQL several workers write at once (READ COMMITTED): a transaction locks the rows it
decides on first. Orders and uploads lock their batch's row, a scan its code's counters.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from ...codegen.errors import EnvironmentFailure, IntegrityError, UsageError
from ...codegen.invocation import setting
from ...codegen.ledger.database import CANNOT_SHARE
from . import postgresql
from .damage import COPY, NONSENSE, Damaged, is_damage, look_at

MIGRATIONS = Path(__file__).parent / "migrations"
FILE = "backend.sqlite3"
VARIABLE = "MINTMARK_BACKEND_DATABASE"
_PRAGMAS = (
    "journal_mode=WAL",
    # A scan that was answered "genuine" must survive a power cut.
    "synchronous=FULL",
    "cache_size=-65536",  # KiB: random inserts stay in memory for millions of fingerprints
    "busy_timeout=60000",  # milliseconds
)
# Any number: the key of the advisory lock under which one worker brings the tables up to date.
_MIGRATING = 0x6D696E74


def sqlite_url(folder: Path) -> URL:
    """The database in the backend's own folder."""
    return URL.create("sqlite", database=str(folder / FILE))


def postgresql_url(text: str) -> URL:
    """The database that `text` names: postgresql://[user@]host[:port]/name.

    Raises `UsageError` for another scheme or a malformed text; the text stays out of it,
    for it may hold a password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = URL.create("none")
    if url.drivername not in ("postgresql", "postgres") or not url.database:
        raise UsageError(
            "the database is not postgresql://[user@]host[:port]/name",
            "for SQLite leave it out: --data is enough",
        )
    return url.set(drivername="postgresql+psycopg")


def books_url(data: Path | None, database: str | None) -> URL:
    """The URL of a backend's books, by the options of a command and the environment.

    Raises `UsageError` for no database or two, and for a password that anyone can read.
    """
    if database is not None:
        _refuse_password(database, f"put the URL into {VARIABLE}, or the password into ~/.pgpass")
    elif data is not None:
        return sqlite_url(data.absolute())
    named = database or setting(VARIABLE)
    if named is None or data is not None:
        raise UsageError("the backend's books are in one place", "give --data or --database")
    return postgresql_url(named)


def replica_urls(books: URL, replicas: Sequence[str]) -> tuple[URL, ...]:
    """The URLs of the replicas of `books`. Raises `UsageError`, as `books_url`."""
    if replicas and books.drivername == "sqlite":
        raise UsageError("SQLite has no replicas", "leave out --replica, or name --database")
    for named in replicas:
        _refuse_password(named, "put the password into ~/.pgpass")
    return tuple(map(postgresql_url, replicas))


def _refuse_password(text: str, hint: str) -> None:
    if postgresql_url(text).password:
        raise UsageError("a password in an argument is read by everybody on this machine", hint)


class Database:
    """Connections to one database. `write` and `read` are its only doors.

    `connected` is called for each connection made, before it is used: after a failover another
    server stands behind the same URL, and may know less.
    """

    def __init__(self, url: URL, connected: Callable[[], None] = lambda: None) -> None:
        self._engine = _sqlite(url) if url.drivername == "sqlite" else postgresql.engine(url)
        event.listen(self._engine, "connect", lambda *_: connected())
        self._writer = self._engine.execution_options(writes=True)
        # SQLite's own waiting is a poll without order; this queue is fair enough.
        self._turn = threading.Lock()
        self._single_writer = url.drivername == "sqlite"
        try:
            self._upgrade()
        except CommandError:
            self.close()
            raise EnvironmentFailure(
                "the backend's database was made by a newer version", "install that version"
            ) from None
        except (SQLAlchemyError, Damaged) as error:
            self.close()
            if is_damage(error):
                raise broken() from None
            if getattr(getattr(error, "orig", None), "sqlite_errorcode", 0) in CANNOT_SHARE:
                raise EnvironmentFailure(
                    "this file system cannot hold the backend's database: it shares no memory,"
                    " or keeps no locks",
                    "choose a local disk: --data DIR; see docs/file-systems.md",
                ) from None
            raise EnvironmentFailure(
                f"the backend's database cannot be opened: {type(error).__name__}",
                "check --data and --database, and that no other program holds the folder",
            ) from None

    @contextmanager
    def write(self, *, keep: bool = True) -> Iterator[Connection]:
        """A write transaction: committed at the end if `keep`, rolled back on any exception."""
        if not self._single_writer:
            with self._writing(keep=keep) as connection:
                yield connection
            return
        with self._turn, self._writing(keep=keep) as connection:
            yield connection

    @contextmanager
    def _writing(self, *, keep: bool) -> Iterator[Connection]:
        # From the first word on: Python cannot even say what SQLite says of a damaged schema.
        with _sense(), self._writer.connect() as connection:
            connection.begin()
            yield connection
            if keep:
                postgresql.commit(connection)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A view of a single moment."""
        with _sense(), self._engine.connect() as connection, connection.begin():
            yield connection

    def look_at(self) -> None:
        """Raises `IntegrityError` for damage that the database itself finds; takes seconds."""
        try:
            with self.read() as connection:
                look_at(connection)
        except (SQLAlchemyError, Damaged) as error:
            if not is_damage(error):
                raise
            raise broken() from None

    def close(self) -> None:
        """Close every connection; closing the last folds SQLite's WAL into the file."""
        self._engine.dispose()

    def _upgrade(self) -> None:
        config = Config()
        # The path is read through configparser, to which % is special.
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        with self.write() as connection:
            if not self._single_writer:
                lock = text("SELECT pg_advisory_xact_lock(:key)")
                connection.execute(lock, {"key": _MIGRATING})
                connection.execute(text("SET LOCAL enable_seqscan = on"))  # whole tables move
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def broken() -> IntegrityError:
    """The error for a command that meets damage."""
    return IntegrityError("the backend's database is damaged; nothing was changed", COPY)


@contextmanager
def _sense() -> Iterator[None]:
    """Nonsense that was read is damage: requests were checked before."""
    try:
        yield
    except NONSENSE as error:
        # Not chained: its text may quote what was read.
        raise Damaged(type(error).__name__) from None


def _sqlite(url: URL) -> Engine:
    _touch_private(Path(url.database or ""))
    # Parameters would stand in exception texts.
    engine = create_engine(url, hide_parameters=True, **postgresql.POOL)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _touch_private(path: Path) -> None:
    """The file 0600 from its first moment; SQLite gives WAL and index the same mode.

    One that is there is not opened: to close it again would drop this process's locks on it.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
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

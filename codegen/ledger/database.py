"""The SQLite file under the ledger: opening, locking, schema version, foreign errors.

`connect` opens no transaction; `writing` is `BEGIN IMMEDIATE` (a writer that began by
reading would fork the chain), `reading` a consistent snapshot. Every database error
leaves here as a `MintmarkError`.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from ..errors import EnvironmentFailure, IntegrityError, MintmarkError, Refused
from ..files import create
from . import _tables

# Ordered: a ledger at a later revision than SCHEMA was made by a newer version.
SCHEMA = "0005"
_VERSION = "alembic_version"
_VERSION_TABLE = f"""
CREATE TABLE {_VERSION} (
\tversion_num VARCHAR(32) NOT NULL,
\tCONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)"""
WAIT = 15.0  # seconds to wait for another process's transaction
# Write-ahead logging needs a file mapped into the memory of several processes, and its locks.
CANNOT_SHARE = (
    *(sqlite3.SQLITE_IOERR_SHMMAP, sqlite3.SQLITE_IOERR_SHMLOCK, sqlite3.SQLITE_IOERR_LOCK),
    *(sqlite3.SQLITE_IOERR_RDLOCK, sqlite3.SQLITE_IOERR_UNLOCK),
    sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK,
)


def connect(path: Path, wait: float = WAIT) -> Engine:
    """An engine for the ledger file at `path`: full fsync, foreign keys."""
    # Parameters may hold names of people: they stay out of error texts.
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        hide_parameters=True,
        connect_args={"timeout": wait},
    )
    _prepare(engine, ("synchronous=FULL", "foreign_keys=ON"))
    return engine


def in_memory() -> Engine:
    """An empty database of a single connection, for replaying. No foreign keys: no events."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    _prepare(engine, ())
    _tables.metadata.create_all(engine)
    return engine


def _prepare(engine: Engine, pragmas: tuple[str, ...]) -> None:
    @event.listens_for(engine, "connect")
    def opened(connection: sqlite3.Connection, _: object) -> None:
        # The driver's own idea of transactions knows no BEGIN IMMEDIATE.
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "handle_error")
    def failed(context: ExceptionContext) -> None:
        # On Ctrl-C SQLAlchemy would drop the connection as it is: a cursor still open keeps
        # the write lock then, against our own clean-up. The file is sound: roll back.
        if not isinstance(context.original_exception, Exception):
            context.is_disconnect = False

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        mode = connection.get_execution_options().get("begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {mode}")


def touch(path: Path) -> None:
    """Make the empty file, for its owner only. Raises `Refused` if the file exists."""
    try:
        create(path).close()
    except FileExistsError:
        raise Refused(f"{path} exists already and is not overwritten") from None
    except OSError as error:
        raise EnvironmentFailure(
            f"the ledger cannot be made: {error.strerror}", "choose another folder: --home DIR"
        ) from None


def use_wal(engine: Engine) -> None:
    """Write-ahead logging, for good: a new ledger says so in its header.

    Not done when a ledger is opened: it would write into a file that may be no ledger.
    """
    with errors(), contextlib.closing(engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA journal_mode=WAL").close()


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One write transaction, holding the write lock from its first statement."""
    with errors(), engine.connect() as plain:
        connection = plain.execution_options(begin="IMMEDIATE")
        with connection.begin():
            yield connection


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent snapshot."""
    with errors(), engine.connect() as connection, connection.begin():
        yield connection


# --- schema --------------------------------------------------------------------------


def create_schema(connection: Connection) -> None:
    """The tables of `SCHEMA` in an empty database; a test holds them to the migrations."""
    _tables.metadata.create_all(connection)
    connection.exec_driver_sql(_VERSION_TABLE)
    connection.exec_driver_sql(f"INSERT INTO {_VERSION} VALUES ('{SCHEMA}')")  # noqa: S608 - constants


def bring_up_to_date(engine: Engine) -> None:
    """Migrate an older schema, in a single transaction.

    Raises `EnvironmentFailure` for a newer schema, `IntegrityError` for a file that is no
    ledger.
    """
    with reading(engine) as connection:
        found = _schema(connection)
    if found == SCHEMA:
        return
    if found is None:
        raise IntegrityError("the file is no ledger", "bring ledger.db back from your copy")
    if found > SCHEMA:
        raise EnvironmentFailure(
            "this ledger was made by a newer version of mintmark",
            "install that version, or a later one; nothing was changed",
        )
    # Alembic costs as much start-up as everything else together.
    from .migrations.upgrade import upgrade

    with writing(engine) as connection:
        upgrade(connection)


def _schema(connection: Connection) -> str | None:
    known = connection.exec_driver_sql(
        f"SELECT count(*) FROM sqlite_master WHERE name = '{_VERSION}'"  # noqa: S608 - constant
    ).scalar()
    if not known:
        return None
    found = connection.exec_driver_sql(f"SELECT version_num FROM {_VERSION}").scalar()  # noqa: S608
    return str(found)


# --- foreign errors ------------------------------------------------------------------


@contextlib.contextmanager
def errors() -> Iterator[None]:
    """Database errors as ours; nothing of a statement or its parameters is quoted."""
    try:
        yield
    except DBAPIError as error:
        raise _translated(error.orig) from None
    except sqlite3.Error as error:
        raise _translated(error) from None


def _translated(error: BaseException | None) -> Exception:
    exact = getattr(error, "sqlite_errorcode", 0)
    for codes, kind, message, hint in _ERRORS:
        if exact in codes or exact & 0xFF in codes:
            return kind(f"{message}; nothing was changed", hint)
    return error if isinstance(error, Exception) else RuntimeError("database error")


_COPY = "bring ledger.db back from your copy of the home"
_ERRORS: tuple[tuple[tuple[int, ...], type[MintmarkError], str, str], ...] = (
    (
        (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED),
        EnvironmentFailure,
        "the ledger is locked by another mintmark process",
        "let it finish, then repeat the command",
    ),
    (
        (sqlite3.SQLITE_FULL,),
        EnvironmentFailure,
        "the disk under the ledger is full",
        "make room, then repeat the command",
    ),
    (
        (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM),
        EnvironmentFailure,
        "the ledger's file or folder cannot be written",
        "give this user write permission to the home folder, then repeat the command",
    ),
    # Before the disk's own failures: these are what a file system cannot do at all.
    (
        CANNOT_SHARE,
        EnvironmentFailure,
        "this file system cannot hold a ledger: it shares no memory, or keeps no locks",
        "choose a local disk for the home: --home DIR; see docs/file-systems.md",
    ),
    (
        (sqlite3.SQLITE_IOERR,),
        EnvironmentFailure,
        "the disk under the ledger failed",
        "check the disk, then: mintmark doctor",
    ),
    (
        (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT),
        IntegrityError,
        "the ledger file is damaged, or no ledger",
        _COPY,
    ),
    # A table or column that is not there: someone was in the database by hand.
    (
        (sqlite3.SQLITE_ERROR,),
        IntegrityError,
        "the ledger's tables are not as this version made them",
        _COPY,
    ),
)

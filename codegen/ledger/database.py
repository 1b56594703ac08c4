"""The SQLite file under the ledger: opening, locking, schema version, foreign errors.

`connect` opens no transaction; `writing` is `BEGIN IMMEDIATE` (a writer that began by
reading would fork the chain), `reading` a consistent snapshot. Every database error
leaves here as a `MintmarkError`.
"""

import contextlib
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from ..errors import EnvironmentFailure, IntegrityError, Refused
from ..files import create
from . import _copy, _shape, _tables
from ._columns import BRING_BACK
from ._failures import CANNOT_SHARE, Unwritable, translated

__all__ = ["CANNOT_SHARE", "Unwritable"]

# Ordered: a ledger at a later revision than SCHEMA was made by a newer version.
SCHEMA = "0013"
_VERSION = "alembic_version"
_REVISION = re.compile(r"\d{4}", re.ASCII)
_VERSION_TABLE = f"""
CREATE TABLE {_VERSION} (
\tversion_num VARCHAR(32) NOT NULL,
\tCONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)"""
WAIT = 15.0  # seconds to wait for another process's transaction
_FILE = "file"
# Which ledgers this process has open, and how often.
_connections: Counter[tuple[int, int]] = Counter()
_counting = threading.Lock()


def connect(path: Path, wait: float = WAIT) -> Engine:
    """An engine for the ledger file at `path`: full fsync, foreign keys."""
    # Parameters may hold names of people: they stay out of error texts.
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        hide_parameters=True,
        connect_args={"timeout": wait},
    )
    _prepare(engine, ("synchronous=FULL", "foreign_keys=ON"))
    _count_connections(engine, path)
    return engine


def _count_connections(engine: Engine, path: Path) -> None:
    @event.listens_for(engine, "connect")
    def opened(_: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        record.info[_FILE] = file = _identity(path)
        with _counting:
            _connections[file] += 1

    @event.listens_for(engine, "close")
    def closed(_: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        with _counting:
            _connections[record.info.pop(_FILE)] -= 1


def _identity(path: Path) -> tuple[int, int]:
    """What a file is under any name."""
    stat = path.stat()
    return stat.st_dev, stat.st_ino


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


def check_file(path: Path) -> None:
    """Raises `IntegrityError` for a file with a damaged header, `EnvironmentFailure` if unread.

    A file that this process has open was looked at then, and is let be: whoever closes a file loses
    all POSIX locks that the process has on it. SQLite's would be gone, and the last of the others
    would remove the log that this process goes on writing to
    (https://www.sqlite.org/howtocorrupt.html, section 2.2).
    """
    try:
        if not _connections[_identity(path)]:
            _shape.check_header(path)
    except OSError as error:
        raise EnvironmentFailure(
            f"the ledger's file cannot be read: {(error.strerror or 'no reason given').lower()}",
            "give this user permission to read the home folder",
        ) from None


def use_wal(engine: Engine) -> None:
    """Write-ahead logging, for good: a new ledger says so in its header.

    Not done when a ledger is opened: it would write into a file that may be no ledger.
    """
    with errors(engine), contextlib.closing(engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA journal_mode=WAL").close()


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One write transaction, holding the write lock from its first statement."""
    with errors(engine), engine.connect() as plain:
        connection = plain.execution_options(begin="IMMEDIATE")
        with connection.begin():
            yield connection


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent snapshot."""
    with errors(engine), engine.connect() as connection, connection.begin():
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
    ledger, or whose tables are not those of its revision.
    """
    with reading(engine) as connection:
        found = _schema(connection)
        current = _shape.described(connection) == _shape.SHAPE
    if (found == SCHEMA) != current and (found == SCHEMA or _differ_by_a_bit(found)):
        raise IntegrityError("the ledger's tables are not as this version made them", BRING_BACK)
    if found == SCHEMA:
        return
    if found > SCHEMA:
        raise EnvironmentFailure(
            "this ledger was made by a newer version of mintmark",
            "install that version, or a later one; nothing was changed",
        )
    # Alembic costs as much start-up as everything else together.
    from .migrations.upgrade import upgrade

    with writing(engine) as connection:
        upgrade(connection)


def _schema(connection: Connection) -> str:
    """The revision of the file. Raises `IntegrityError` for a file that names none."""
    known = connection.exec_driver_sql(
        f"SELECT count(*) FROM sqlite_master WHERE name = '{_VERSION}'"  # noqa: S608 - constant
    ).scalar()
    if not known:
        raise IntegrityError("the file is no ledger", BRING_BACK)
    found = connection.exec_driver_sql(f"SELECT version_num FROM {_VERSION}").scalars().all()  # noqa: S608
    if len(found) != 1 or type(found[0]) is not str or _REVISION.fullmatch(found[0]) is None:
        raise IntegrityError("the ledger names a revision that is none", BRING_BACK)
    return found[0]


def _differ_by_a_bit(found: str) -> bool:
    pairs = zip(found.encode(), SCHEMA.encode(), strict=True)
    return sum((one ^ other).bit_count() for one, other in pairs) == 1


def readable_copy(path: Path) -> Engine | None:
    """The ledger at `path` in memory, at the newest revision; None if it cannot be had."""
    if _connections[_identity(path)]:
        return None  # as in `check_file`
    data = _copy.bytes_of(path)
    if data is None or not hasattr(sqlite3.Connection, "deserialize"):
        return None
    engine, connection = _copy.to_migrate(data)
    _prepare(engine, ())
    bring_up_to_date(engine)
    data = connection.serialize()
    engine.dispose()
    engine = _copy.to_read(data)
    _prepare(engine, ())
    return engine


# --- foreign errors ------------------------------------------------------------------


@contextlib.contextmanager
def errors(engine: Engine | None = None) -> Iterator[None]:
    """Database errors as ours; `engine` is that of the ledger, whose place they may concern."""
    file = None if engine is None else engine.url.database
    path = None if file is None else Path(file)
    try:
        yield
    except DBAPIError as error:
        raise translated(error.orig, path) from None
    except sqlite3.Error as error:
        raise translated(error, path) from None
    except UnicodeDecodeError:
        # Python cannot even say what SQLite says: it quotes bytes of a damaged schema.
        raise translated(sqlite3.DatabaseError(), path) from None

"""The SQLite file under the ledger: opening, locking, schema version.

`connect` opens no transaction; a write transaction is `BEGIN IMMEDIATE` (a writer that began by
reading would fork the chain), a read transaction a consistent snapshot.
"""

import contextlib
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from ..errors import EnvironmentFailure, Refused
from ..files import create
from . import _shape, _tables
from ._failures import errors

_FILE = "file"
# Which ledgers this process has open, and how often.
_connections: Counter[tuple[int, int]] = Counter()
_counting = threading.Lock()


def connect(path: Path, wait: float) -> Engine:
    """An engine for the ledger file at `path`: full fsync, foreign keys."""
    # Parameters may hold names of people: they stay out of error texts.
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        hide_parameters=True,
        connect_args={"timeout": wait},
    )
    prepare(engine, ("synchronous=FULL", "foreign_keys=ON"))
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
    prepare(engine, ())
    _tables.metadata.create_all(engine)
    return engine


def prepare(engine: Engine, pragmas: tuple[str, ...]) -> None:
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
        if not is_open(path):
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


def is_open(path: Path) -> bool:
    """Whether this process has the file open."""
    return bool(_connections[_identity(path)])

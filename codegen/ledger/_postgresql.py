"""The PostgreSQL database under a ledger that stations share.

A write transaction takes the head lock first, before anything is read: at READ COMMITTED every
statement after it sees what the holder before has committed. Under a snapshot older than the lock,
two stations could each see no batch and mint the same code. A read is REPEATABLE READ: proofs
compare tables with events, and must see one moment of both.

Nothing outlives its transaction: no SET, no session lock, no prepared statement behind a pooler,
where the next statement may run on another server process.
"""

import contextlib
import logging
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Transaction, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from ..away import CommitUnknown, LedgerAway
from ..errors import EnvironmentFailure
from . import _moved
from ._failures import errors
from ._postgresql_failures import away, is_lost, standby
from .place import LedgerDatabase, parameters

if TYPE_CHECKING:
    from ._patient import Patient
    from ._wire import Statement

# "mintmark" and a number: keys of advisory locks are the database's own, like its tables.
HEAD = 0x6D696E746D61726B
LOOKING = 300.0  # seconds in which a statement of a read is answered, or the network is dead
ANSWER = 10.0  # the same of a write, beside its waiting for the lock
_REST = 1.0  # seconds after which a connection is asked before it is used again
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED"
_LIMITS = (
    "SELECT set_config('lock_timeout', '{wait}', true),"
    " set_config('statement_timeout', '{patience}', true),"
    " set_config('idle_in_transaction_session_timeout', '{idle}', true)"
)
_LOCK = f"SELECT pg_advisory_xact_lock({HEAD}), pg_is_in_recovery()"
_SCHEMA = "SELECT version_num FROM alembic_version"
# Seconds that a station which stands still may keep all others waiting: fewer than they wait.
IDLE = 10.0
# What a dead network does to a connection: libpq's own words. A home's URL may say otherwise.
_NETWORK = {
    "connect_timeout": "10",
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
    "application_name": "mintmark",
}


def connect(place: LedgerDatabase, wait: float) -> Engine:
    """An engine for the database at `place`.

    Raises `EnvironmentFailure` without the driver. It connects when first used.
    """
    driver = _driver()
    # They tell of lost connections with whole tracebacks; what that means we say ourselves.
    for name in ("sqlalchemy.pool", "psycopg"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    known = parameters(place)
    settings = {name: value for name, value in _NETWORK.items() if name not in known}
    if "," in known.get("host", "") and "target_session_attrs" not in known:
        # Of several servers one is the primary.
        settings["target_session_attrs"] = "read-write"

    def connected() -> "Patient":
        connection: Patient = driver.connect(place.url, autocommit=True, **settings)
        # A pooler tells another process's number than the one that answers.
        told = connection.info.backend_pid
        row = connection.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
        connection.pooled = row is None or row[0] != told
        # With names of its own, psycopg would take `_wire`'s back with them at every rollback.
        connection.prepare_threshold = None
        return connection

    engine = create_engine(
        "postgresql+psycopg://",
        creator=connected,
        hide_parameters=True,
        use_native_hstore=False,
        execution_options={"wait": wait, "place": place},
    )
    _prepare(engine)
    from . import _trips

    _trips.watch(engine)
    return engine


def _driver() -> Any:  # noqa: ANN401 - a class of the driver's
    try:
        from ._patient import Patient
    except ImportError:
        raise EnvironmentFailure(
            "a shared ledger needs the PostgreSQL driver, which is not installed",
            'install it: pip install "mintmark[stations]"',
        ) from None
    return Patient


def _prepare(engine: Engine) -> None:
    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get("writes"):
            from . import _trips

            _patient(connection, LOOKING)
            _trips.begin(connection, *_reading())

    @event.listens_for(engine, "checkin")
    def rests(_: object, record: ConnectionPoolEntry) -> None:
        record.info["since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def wakes(driver: Any, record: ConnectionPoolEntry, _: object) -> None:  # noqa: ANN401 - the driver's
        # The server, or a firewall, may have dropped it while it rested.
        if time.monotonic() - record.info.get("since", time.monotonic()) < _REST:
            return
        from sqlalchemy.exc import InvalidatePoolError

        try:
            engine.dialect.do_ping(driver)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


@contextlib.contextmanager
def writing(engine: Engine, schema: str | None) -> Iterator[Connection]:
    """One write transaction, holding the head lock from its first statement.

    Raises `LedgerAway` for another schema than `schema`, if that is given, and `CommitUnknown` if
    the answer to COMMIT was lost: it may have come to pass, or not.
    """
    with errors(engine), engine.connect() as plain:
        connection = plain.execution_options(writes=True)
        with connection.begin() as transaction:
            _lock(connection, schema)
            yield connection
            if transaction.is_active:
                _refuse_broken(connection)
                _commit(engine, connection, transaction)


def _lock(connection: Connection, schema: str | None) -> None:
    """Queue what a write begins with: it goes out with the first question, or with COMMIT.

    In this order the server runs it, each statement on what was committed when it began. The
    revision is read under the lock, where nobody can change it.
    """
    from . import _trips

    wait: float = connection.get_execution_options()["wait"]
    # The server gives up first, and says why.
    _patient(connection, wait + ANSWER)
    _trips.begin(connection, *_beginning(wait, schema))


@lru_cache(maxsize=16)
def _beginning(wait: float, schema: str | None) -> tuple["Statement", ...]:
    from ._wire import Statement

    def primary(rows: list[Any]) -> None:
        if rows[0][1]:
            raise standby()

    def current(rows: list[Any]) -> None:
        refuse_other(rows[0][0] if rows else "", str(schema))

    words = {"wait": wait, "patience": wait + 5, "idle": IDLE}
    limits = _LIMITS.format(**{name: max(1, int(1000 * value)) for name, value in words.items()})
    begin = (Statement(_WRITE.encode()), Statement(limits.encode()))
    lock = (Statement(_LOCK.encode(), check=primary),)
    return begin + lock + ((Statement(_SCHEMA.encode(), check=current),) if schema else ())


@lru_cache(maxsize=1)
def _reading() -> tuple["Statement", ...]:
    from ._wire import Statement

    return (Statement(_READ.encode()),)


def _patient(connection: Connection, seconds: float) -> None:
    driver: Any = connection.connection.driver_connection
    driver.patience = seconds


def _refuse_broken(connection: Connection) -> None:
    """Raises for a transaction in which an error was passed over: COMMIT would take it back."""
    if connection.invalidated:
        raise away()
    driver: Any = connection.connection.driver_connection
    status = driver.info.transaction_status
    if status == status.UNKNOWN:
        raise away()
    if status == status.INERROR:
        raise EnvironmentFailure(
            "the ledger's database broke a transaction off; nothing was changed",
            "repeat the command; see the database's own log",
        )


def _commit(engine: Engine, connection: Connection, transaction: Transaction) -> None:
    driver: Any = connection.connection.driver_connection
    try:
        transaction.commit()
    except BaseException as error:
        if not isinstance(error, Exception):
            connection.invalidate()
            _wait_for_the_end(engine)
            raise
        if driver.closed or is_lost(error):
            raise CommitUnknown(
                "the ledger's database was lost while it committed: whether it did is not known",
                "repeat the command when the database answers: under the same id nothing doubles",
            ) from None
        # What failed was sent with COMMIT: SQLAlchemy believes that the transaction has ended.
        driver.rollback()
        raise


def _wait_for_the_end(engine: Engine) -> None:
    """Wait until a transaction that was left while it committed is over: it holds the head lock.

    Whoever then reads sees whether it came to pass: files are kept, or taken back, by that.
    """
    from . import _trips

    with contextlib.suppress(EnvironmentFailure), writing(engine, None) as connection:
        _trips.of(connection).flush()


def refuse_other(found: str, schema: str) -> None:
    """Raises `LedgerMoved`, or `LedgerAway`, unless the revision `found` is `schema`."""
    _moved.refuse(found)
    if found < schema:
        raise LedgerAway(
            "the shared ledger still has the tables of an older version; nothing was changed",
            "when no station needs that version any more: mintmark ledger upgrade",
        )
    if found > schema:
        raise LedgerAway(
            "the shared ledger was brought up to a newer version of mintmark; nothing was changed",
            "install that version, or a later one, on this machine",
        )

"""Connections to PostgreSQL: how they are made, how one that died is noticed, what is tried again.

| lost | nothing was kept | what follows (`retry`) |
| --- | --- | --- |
| before COMMIT was sent | for sure | once more, at whichever server answers now |
| after COMMIT was sent | nobody knows | `CommitLost`: whoever asked asks again, by the same id |
"""

import time
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from .group_commit import Retry

POOL: Final = {"pool_size": 8, "max_overflow": 64}
# A plan is made once, for any values: with partitions, to make one costs more than to run it. Since
# a table may be empty at that moment, and long an hour later, no plan reads one from end to end
# that need not; for one that must, PostgreSQL would think that it pays to compile it (`jit`).
# And a worker that fell silent holds its locks no longer than this.
_SETTINGS: Final = (
    "SET plan_cache_mode = force_generic_plan",
    "SET enable_seqscan = off",
    "SET jit = off",
    "SET idle_in_transaction_session_timeout = '60s'",
)
# libpq's: a server that is gone is noticed within seconds, and not after hours.
_NOTICED: Final = {
    "connect_timeout": 10,  # seconds
    "tcp_user_timeout": 20_000,  # milliseconds that what was sent may go unheard
    "keepalives_idle": 10,  # seconds, as the next
    "keepalives_interval": 5,
    "keepalives_count": 2,
}
_REST: Final = 1.0  # seconds after which a connection is checked before it is used again


class CommitLost(SQLAlchemyError):
    """A COMMIT was sent, and its answer never came: all of it was kept, or nothing."""


def retry(error: Exception) -> Retry:
    """How what a transaction was to do is tried again, after it failed by `error`."""
    if isinstance(error, CommitLost):
        return Retry.NEVER
    if not isinstance(error, DBAPIError):
        return Retry.APART
    # PostgreSQL's own words have a code; libpq's, over a server that cannot be reached, have none.
    unreachable = getattr(error.orig, "sqlstate", "") is None
    return Retry.TOGETHER if error.connection_invalidated or unreachable else Retry.APART


def commit(connection: Connection) -> None:
    """Commit. Raises `CommitLost`."""
    try:
        connection.commit()
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise CommitLost("the answer of a COMMIT never came") from None


def engine(url: URL) -> Engine:
    """Connections to the database at `url`; a transaction reads unless it has the option `writes`.

    What is read in several statements shows one moment. Parameters stay out of exceptions.
    """
    own = {name: value for name, value in _NOTICED.items() if name not in url.query}
    made = create_engine(url, hide_parameters=True, connect_args=own, **POOL)
    event.listen(made, "connect", _settle)
    _check_after_rest(made)
    event.listen(made, "begin", _begin)
    return made


def _settle(connection: Any, _record: object) -> None:  # noqa: ANN401 — the driver's
    for statement in _SETTINGS:
        connection.execute(statement)
    connection.commit()


def _begin(connection: Connection) -> None:
    if not connection.get_execution_options().get("writes"):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


def _check_after_rest(engine: Engine) -> None:
    """Notice a connection that the server closed while it rested, before it is used.

    A check at every use (`pool_pre_ping`) took a seventh of a busy worker's time.
    """

    def rest(_driver: object, record: ConnectionPoolEntry) -> None:
        record.info["since"] = time.monotonic()

    def wake(driver: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:
        now = time.monotonic()
        if now - record.info.get("since", now) < _REST:
            return
        try:
            engine.dialect.do_ping(driver)
        except engine.dialect.loaded_dbapi.Error as error:
            # Every connection of that time is as dead: the pool makes all of them anew.
            raise InvalidatePoolError from error

    event.listen(engine, "checkin", rest)
    event.listen(engine, "checkout", wake)

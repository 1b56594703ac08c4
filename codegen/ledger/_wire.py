"""libpq's pipeline: many statements and their answers in one round trip.

psycopg's own cursors do the same at five times the processor time, which is what a writer's
successor waits for. `psycopg.pq` is its documented way to libpq; the waiting, the errors and the
types of what is read stay psycopg's. After a statement that failed the server runs none of those
behind it (https://www.postgresql.org/docs/15/libpq-pipeline-mode.html).
"""

import secrets
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

from ._patient import Patient

Rows = list[Any]
Values = tuple[object, ...]
Sent = tuple[bytes | None, ...]  # the same, as PostgreSQL reads them


@dataclass(frozen=True, eq=False)
class Statement:
    """SQL with `$1`, `$2` …; `tables` are what it reads or writes, None if that is not known.

    `pins` are columns that have one value in all the rows it touches: name → which of its values.
    `row` makes what is answered of the values of a row; `check` looks at the answer of a statement
    that was queued, and raises to end the transaction.
    """

    sql: bytes
    tables: frozenset[str] | None = None
    pins: Mapping[str, int] = field(default_factory=dict)
    row: Callable[[Sequence[Any]], Any] = tuple
    check: Callable[[Rows], None] | None = None
    once: bool = False  # it is not worth a name on the server


Question = tuple[Statement, Sent]


def dumped(value: object) -> bytes | None:
    """`value` as PostgreSQL reads a parameter.

    Raises `psycopg.DataError` for a NUL in a text, `UnicodeEncodeError` for half a character.
    """
    if isinstance(value, str):
        data = str.encode(value)
        if b"\0" in data:
            raise psycopg.DataError("PostgreSQL's text holds no NUL")
        return data
    if value is None:
        return None
    if isinstance(value, int):  # a bool goes into a column of numbers
        return b"%d" % value
    if isinstance(value, float):
        return repr(value).encode()
    raise TypeError(type(value).__name__)


class Wire:
    """The pipeline of one connection; what is sent again has a name on the server."""

    def __init__(self, driver: Patient) -> None:
        self._driver = driver
        self._reader = Transformer(driver)
        # Text → its name; None behind a pool, which lends others that connection.
        self._named: dict[bytes, bytes] | None = None if driver.pooled else {}
        # Where connections are lent unseen, another client's name is never taken for ours.
        self._own = secrets.token_hex(4).encode()
        self._names = count()

    def is_lost(self) -> bool:
        """Whether the connection is no more."""
        return self._driver.closed

    def is_idle(self) -> bool:
        """Whether no transaction was begun on the server."""
        return self._driver.pgconn.transaction_status == psycopg.pq.TransactionStatus.IDLE

    def exchange(self, sent: Sequence[Question]) -> Iterator[PGresult]:
        """The result of each. Raises the error of one that failed, as psycopg would."""
        server = self._driver.pgconn
        server.enter_pipeline_mode()
        try:
            prepares = self._send(server, sent)
            results = self._driver.wait(_answered(server))
        finally:
            _leave(server)
        for prepared, result in zip(prepares, results, strict=False):
            if result.status == ExecStatus.FATAL_ERROR:
                raise self._failed(result)
            if prepared is None:
                yield result
            elif self._named is not None:
                text, name = prepared
                self._named[text] = name

    def _failed(self, result: PGresult) -> psycopg.Error:
        error = error_from_result(result, self._reader.encoding)
        if isinstance(error, psycopg.errors.InvalidSqlStatementName) and self._named:
            self._named.clear()  # somebody else took the names away
        return error

    def rows(self, statement: Statement, result: PGresult) -> Rows:
        """What `statement` answered."""
        if result.status != ExecStatus.TUPLES_OK:
            return []
        self._reader.set_pgresult(result)
        return self._reader.load_rows(0, result.ntuples, statement.row)

    def _send(self, server: PGconn, sent: Sequence[Question]) -> list[tuple[bytes, bytes] | None]:
        """For each result that will come: (text, its name) if that is prepared, or None."""
        fresh: dict[bytes, bytes] = {}
        prepares: list[tuple[bytes, bytes] | None] = []
        for statement, values in sent:
            if self._named is None or statement.once:
                server.send_query_params(statement.sql, values)
            else:
                name = self._named.get(statement.sql) or fresh.get(statement.sql)
                if name is None:
                    # Never given twice, whatever failed.
                    name = b"m%b_%d" % (self._own, next(self._names))
                    fresh[statement.sql] = name
                    server.send_prepare(name, statement.sql)
                    prepares.append((statement.sql, name))
                server.send_query_prepared(name, values)
            prepares.append(None)
        server.pipeline_sync()
        return prepares


def _leave(server: PGconn) -> None:
    """End the pipeline, or the connection if answers are outstanding."""
    try:
        server.exit_pipeline_mode()
    except psycopg.Error:
        server.finish()


def _answered(server: PGconn) -> Generator[Wait, Ready | int, list[PGresult]]:
    """The results of what was sent, up to the pipeline's end."""
    results: list[PGresult] = []
    while True:
        try:
            result = yield from _next(server)
        except psycopg.OperationalError:
            # A server that closes a connection says why, if it can.
            if any(result.status == ExecStatus.FATAL_ERROR for result in results):
                return results
            raise
        if result is None:
            continue
        if result.status == ExecStatus.PIPELINE_SYNC:
            return results
        results.append(result)


def _next(server: PGconn) -> Generator[Wait, Ready | int, PGresult | None]:
    """The next result, or None between those of two statements."""
    while server.flush():
        if (yield Wait.RW) & Ready.R:
            server.consume_input()
    while server.is_busy():
        if (yield Wait.R):
            server.consume_input()
    result = server.get_result()
    if result is None and server.status == ConnStatus.BAD:
        raise psycopg.OperationalError("the connection is lost")
    return result

"""Round trips to PostgreSQL: what has yet to be sent, and what was answered in this transaction.

An order is some thirty statements. Sent one by one, each waits for the network, and for its turn
on a busy machine, and whoever writes next waits too: the head lock is held meanwhile. So within a
transaction

- `BEGIN`, the lock and what is written wait in a queue, in order, until an answer is needed;
- a question goes out together with the queue, and with others that are foreseen (`ahead`);
- an answer is kept until something is written that may change it: nobody else writes while the
  lock is held, and whoever only reads has a snapshot. Only what was written through here to the
  tables it comes from can change it: other statements that are no SELECT end all of them. Where
  both name the rows that they touch by one value of a column, they are compared as they are sent;
- `COMMIT` goes out with the queue.

An order then makes two round trips: everything it asks, under the lock; everything it writes, with
`COMMIT`. libpq's pipeline carries them, and its rule keeps the promise: after a statement that
failed the server runs none of those behind it, `COMMIT` neither. What failed is raised as psycopg
raises it, at the question or the commit that sent it.

| What happens | What follows |
| --- | --- |
| a statement of the queue fails | its error, with its sqlstate; the transaction is rolled back |
| the process dies before a trip | the server takes everything back |
| the connection is lost while `COMMIT` is under way | `psycopg.OperationalError`; unknown |
| Ctrl-C while a trip is under way | the statement is cancelled, the trip read to its end, raised |
"""

import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from ._patient import Patient
from ._wire import Question, Rows, Sent, Statement, Values, Wire, dumped

KEPT = 300  # rows of an answer that are kept
AT_ONCE = 1_000  # rows of an answer that is read as it is consumed
_HERE = "trips"
_COMMIT = Statement(b"COMMIT")


class Trips:
    """Those of one connection."""

    def __init__(self, driver: Patient) -> None:
        self._wire = Wire(driver)
        self.connection: weakref.ref[Connection] | None = None  # SQLAlchemy's
        self._queue: list[Question] = []
        self._opening = 0  # how many of the queue only open the transaction
        self._answers: dict[Question, Rows] = {}
        self._cursors = 0

    # --- asking ---

    def ask(self, statement: Statement, values: Values) -> Rows:
        """The rows that answer; from memory if nothing they come from was written to since."""
        question = (statement, _sent(values))
        known = self._answers.get(question)
        if known is None:
            (known,) = self._go([question])
            self._keep(question, known)
        return known

    def ahead(self, questions: Iterable[tuple[Statement, Values]]) -> None:
        """Ask these in one trip, so that `ask` finds the answers."""
        asked = dict.fromkeys((statement, _sent(values)) for statement, values in questions)
        new = [each for each in asked if each not in self._answers]
        if new:
            for question, rows in zip(new, self._go(new), strict=True):
                self._keep(question, rows)

    def known(self, statement: Statement, values: Values) -> Rows | None:
        """The answer, if it was given in this transaction and still holds."""
        return self._answers.get((statement, _sent(values)))

    def each(self, statement: Statement, values: Values) -> Iterator[Any]:
        """The rows that answer, read as they are consumed: there may be millions."""
        sent = _sent(values)
        known = self._answers.get((statement, sent))
        if known is not None:
            yield from known
            return
        self._cursors += 1
        name = b"c%d" % self._cursors
        sql = b"DECLARE %b NO SCROLL CURSOR FOR %b" % (name, statement.sql)
        declare = Statement(sql, once=True)
        more = b"FETCH FORWARD %d FROM %b" % (AT_ONCE, name)
        fetch = Statement(more, row=statement.row, once=True)
        _, rows = self._go([(declare, sent), (fetch, ())])
        yield from rows
        while len(rows) == AT_ONCE:
            (rows,) = self._go([(fetch, ())])
            yield from rows
        self._queue.append((Statement(b"CLOSE %b" % name, once=True), ()))

    def _keep(self, question: Question, rows: Rows) -> None:
        if len(rows) <= KEPT:
            self._answers[question] = rows

    # --- writing ---

    def write(self, statement: Statement, rows: Iterable[Values]) -> None:
        """Queue a statement that writes, once for each of `rows`."""
        new = [(statement, _sent(values)) for values in rows]
        self._queue += new
        for question in [known for known in self._answers if _touches(known, new)]:
            del self._answers[question]
        if len(self._queue) > AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Send what is queued. Raises what psycopg raises for it."""
        if self._queue:
            self._go([])

    # --- the transaction ---

    def begin(self, *statements: Statement) -> None:
        """Queue what a transaction begins with."""
        self.forget()
        self._queue += [(statement, ()) for statement in statements]
        self._opening = len(self._queue)

    def commit(self) -> None:
        """Send what is queued, and `COMMIT` in the same trip."""
        if len(self._queue) > self._opening or not self._wire.is_idle():
            self._go([(_COMMIT, ())])
        self.forget()

    def forget(self) -> None:
        """The transaction is over: nothing is queued, and no answer holds."""
        self._queue.clear()
        self._answers.clear()
        self._opening = 0

    def _go(self, questions: Sequence[Question]) -> list[Rows]:
        """Send the queue and `questions`; the answers of `questions`."""
        queued, self._queue, self._opening = self._queue, [], 0
        sent = [*queued, *questions]
        went(len(sent))
        try:
            # What failed, or is found wrong, is told of before what comes after it.
            answers = [
                self._answer(statement, result)
                for (statement, _), result in zip(sent, self._wire.exchange(sent), strict=True)
            ]
        finally:
            if self._wire.is_lost():
                self._invalidate()
        return answers[len(queued) :]

    def _answer(self, statement: Statement, result: Any) -> Rows:  # noqa: ANN401 - libpq's
        rows = self._wire.rows(statement, result)
        if statement.check is not None:
            statement.check(rows)
        return rows

    def _invalidate(self) -> None:
        """Tell SQLAlchemy of a lost connection: its rollback would hide what happened."""
        outer = None if self.connection is None else self.connection()
        if outer is not None and not outer.invalidated:
            outer.invalidate()


def _sent(values: Values) -> Sent:
    # At once: what cannot be sent is refused before anything of its trip has gone out.
    return tuple(map(dumped, values))


def _touches(question: Question, written: Sequence[Question]) -> bool:
    """Whether what was written, all by one statement, may change the answer to `question`."""
    read, values = question
    write = written[0][0] if written else read
    if write.tables is None or read.tables is None:
        return bool(written)
    if write.tables.isdisjoint(read.tables):
        return False
    shared = read.pins.keys() & write.pins.keys() if write.tables == read.tables else ()
    return all(
        any(row[write.pins[column]] == values[read.pins[column]] for _, row in written)
        for column in shared
    )


def went(statements: int) -> None:
    """Nothing: tests count round trips here, and stop the world."""


# --- SQLAlchemy's side -------------------------------------------------------------------


def of(connection: Connection) -> Trips:
    """The trips of this connection to PostgreSQL."""
    try:
        found: Trips = connection.info[_HERE]
    except KeyError:
        driver: Any = connection.connection.dbapi_connection
        found = connection.info[_HERE] = Trips(driver)
    return found


def begin(connection: Connection, *statements: Statement) -> None:
    """Queue what a transaction begins with: `BEGIN …`, settings, the lock, and what is checked."""
    trips = of(connection)
    trips.connection = weakref.ref(connection)
    trips.begin(*statements)


def watch(engine: Engine) -> None:
    """Send what is queued before SQLAlchemy itself runs a statement, and when it commits."""

    @event.listens_for(engine, "before_cursor_execute")
    def executing(connection: Connection, _: object, sql: str, *__: object) -> None:
        trips = of(connection)
        trips.flush()
        if not sql.lstrip().startswith("SELECT"):
            trips.forget()

    @event.listens_for(engine, "commit")
    def committing(connection: Connection) -> None:
        of(connection).commit()

    @event.listens_for(engine, "rollback")
    def rolling_back(connection: Connection) -> None:
        # A lost connection has none any more, and asking for it would hide why: Ctrl-C, perhaps.
        if not connection.invalidated:
            of(connection).forget()

    @event.listens_for(engine, "checkin")
    def resting(_: object, record: ConnectionPoolEntry) -> None:
        trips: Trips | None = record.info.get(_HERE)
        if trips is not None:
            trips.forget()

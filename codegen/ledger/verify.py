"""Proof that the books are as the events left them.

First the chain: every event's hash, its place, and its signature against the roster as
it was then. Then the replay: the events, applied to an empty database by the code that
applied them first, must give every row of every table but `deliveries`.

What can't be seen from inside: events cut off at the end together with what they did,
and a chain made anew by someone who holds the keys. Compare the head with one that was
printed on a handoff letter or sent with an order.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from ..errors import IntegrityError, MintmarkError
from . import _apply, _tables, chain, database
from .chain import Event
from .changes import Change, HomeMade, KeyAdded
from .ledger import Ledger

_NOT_REPLAYED = ("events", "deliveries")
# Of an event's body, the field that tells a person which one it is.
_NAMES = ("order", "package", "batch", "contact", "key_id", "home", "kind")


@dataclass(frozen=True)
class Verification:
    """`events` and `head` are how far the chain holds; `problem` is the first one, or None."""

    ok: bool
    events: int
    head: str
    problem: str | None


def verify(ledger: Ledger, progress: Callable[[int], None] = lambda _: None) -> Verification:
    """Check the chain, then the tables; `progress` is told 1 an event.

    What is wrong with the books is the result, not an exception; `EnvironmentFailure`
    is still raised.
    """
    replayed = database.in_memory()
    chained = _Chained()
    try:
        with ledger.read() as view, database.writing(replayed) as copy:
            for event in _rows(view.connection, _tables.events):
                chained.follow(copy, Event(**event._mapping))  # noqa: SLF001 - public, whatever its name
                progress(1)
            chained.end()
            _compare(view.connection, copy)
    except IntegrityError as error:
        return Verification(False, chained.seq, chained.head, error.message)  # noqa: FBT003
    finally:
        replayed.dispose()
    return Verification(True, chained.seq, chained.head, None)  # noqa: FBT003


# --- the chain -----------------------------------------------------------------------


class _Chained:
    """The chain as far as it was followed."""

    def __init__(self) -> None:
        self.seq, self.head = 0, chain.GENESIS
        self._first: Event | None = None
        self._blamed: Event | None = None

    def follow(self, copy: Connection, event: Event) -> None:
        """Check the next event, and apply it to the copy. Raises `IntegrityError`."""
        if event.seq != self.seq + 1:
            raise IntegrityError(f"event {self.seq + 1} is missing")
        try:
            chain.check_content(event, self.head)
            change = event.change
            self._check_signature(copy, event, change)
            _apply.apply(change, copy, event)
        except MintmarkError as error:
            raise IntegrityError(f"{_name(self._blamed or event)} {_sentence(error)}") from None
        self.seq, self.head = event.seq, event.hash

    def end(self) -> None:
        """Raises `IntegrityError` for a chain that stops before the first key."""
        if self.seq < 2:
            raise IntegrityError(f"event {self.seq + 1} is missing")

    def _check_signature(self, copy: Connection, event: Event, change: Change) -> None:
        """The founding events are signed by the key that the second one adds."""
        if event.seq == 1:
            self._first = event
            if not isinstance(change, HomeMade):
                raise IntegrityError("is not how a ledger begins")
        elif event.seq == 2 and self._first is not None:
            if not isinstance(change, KeyAdded) or change.key_id != event.key_id:
                raise IntegrityError("is not how a ledger begins")
            key = bytes.fromhex(change.sign_public)
            chain.check_signature(event, key)
            if self._first.key_id != event.key_id:
                raise IntegrityError("is not how a ledger begins")
            self._blamed = self._first
            chain.check_signature(self._first, key)
            self._blamed = None
        else:
            chain.check_signature(event, _apply.signing_key(copy, event.key_id, change))


def _sentence(error: MintmarkError) -> str:
    if isinstance(error, IntegrityError):
        return error.message
    return f"does not follow from the events before it: {error.message}"


def _name(event: Event) -> str:
    """`event 7 (Ordered, order 4F2K-…)`, also where the body is no longer readable."""
    try:
        body = json.loads(event.body)
        named = [f"{key} {str(body[key])[:40]}" for key in _NAMES if key in body]
    except (TypeError, ValueError, RecursionError):
        named = []
    return f"event {event.seq} ({', '.join([str(event.type)[:40], *named[:1]])})"


# --- the tables ----------------------------------------------------------------------


def _rows(connection: Connection, table: Table) -> Iterator[Row[Any]]:
    query = select(table).order_by(*table.primary_key.columns)
    yield from connection.execute(query.execution_options(yield_per=1_000))


def _compare(books: Connection, copy: Connection) -> None:
    """Raises `IntegrityError` naming the first row that is not as the events left it."""
    for table in _tables.metadata.sorted_tables:
        if table.name in _NOT_REPLAYED:
            continue
        for found, expected in zip_longest(_rows(books, table), _rows(copy, table)):
            if found != expected:
                raise IntegrityError(_difference(table, found, expected))


def _difference(table: Table, found: Row[Any] | None, expected: Row[Any] | None) -> str:
    keys = [column.name for column in table.primary_key.columns]
    names = [column.name for column in table.columns]

    def place(row: Row[Any]) -> str:
        values = dict(zip(names, row, strict=True))
        return ", ".join(f"{key} {str(values[key])[:40]}" for key in keys)

    if found is None or expected is None or place(found) != place(expected):
        row = expected if expected is not None else found
        assert row is not None  # noqa: S101 - zip_longest gives one of the two
        return (
            f"table {table.name}, {place(row)}: a row was added, removed or moved by hand;"
            " the events tell otherwise"
        )
    changed = [name for name, a, b in zip(names, found, expected, strict=True) if a != b]
    return (
        f"table {table.name}, {place(found)}: {', '.join(changed)} was changed by hand;"
        " the events tell otherwise"
    )

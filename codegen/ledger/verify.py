"""Proof that the books are as the events left them.

On a snapshot of the ledger, and an empty database to replay into:

0. Ask SQLite whether its file is whole: every page, and each index against its table.
1. Follow the chain. For each event, in order:
   1.1 its number follows the number before;
   1.2 its content matches its hash, its body is canonical, and it names the hash before;
   1.3 it is signed by a key of the roster as the events before it left it. The first event
       must be `HomeMade` and the second the `KeyAdded` of the key that signs both, so the
       first signature is checked with the second;
   1.4 apply it to the empty database, by the code that applied it when it was committed.
2. The chain has the two founding events at least.
3. Compare every row of every table with the replay, but for `deliveries`, which changes
   without an event, and `events`, which 1 has checked.
4. Look at every row of `deliveries`: of an order that is there, with values that can be.

What is wrong first is named; nothing after it is looked at.

What can't be seen from inside: events cut off at the end together with their rows, and a
chain made anew by someone who holds the keys. Compare the head with a head that was printed
on a handoff letter or sent with an order.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from sqlalchemy import Connection, Row, Table, select, type_coerce
from sqlalchemy.types import NullType

from ..errors import IntegrityError, MintmarkError
from . import _apply, _sound, _tables, chain, database
from .chain import Event
from .changes import Change, HomeMade, KeyAdded
from .ledger import Ledger

# What a flipped bit does not do: a thief, or somebody who meant well.
_BY_HAND = (
    "stop using this home, keep a copy of it as it is, and bring ledger.db back from your copy of"
    " the home"
)
_BY_HAND_SHARED = (
    "stop using this home, keep a dump of the database as it is, and bring it back from its backup:"
    " see docs/stations.md"
)
_NOT_REPLAYED = ("events", "deliveries")
# The fields of a body by which a person knows the event; the first that is there is shown.
_NAMES = ("order", "scan_in", "package", "batch", "contact", "key_id", "home", "kind")


@dataclass(frozen=True)
class Verification:
    """`events` and `head`: how far the chain holds. `problem`: what is wrong first, or None.

    `hints`: what to do about it.
    """

    events: int
    head: str
    problem: str | None
    hints: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.problem is None


def verify(ledger: Ledger, progress: Callable[[int], None] = lambda _: None) -> Verification:
    """Check the chain, then the tables; `progress(1)` is called per event.

    What is wrong with the books is the result, not an exception; `EnvironmentFailure`
    is still raised.
    """
    replayed = database.in_memory()
    chained = _Chained()
    by_hand = _BY_HAND
    try:
        with ledger.read() as view, database.writing(replayed) as copy:
            if view.connection.dialect.name != "sqlite":
                by_hand = _BY_HAND_SHARED
            _sound.check_file(view.connection)  # 0
            for event in _rows(view.connection, _tables.events):  # 1
                chained.follow(copy, Event(**event._mapping))  # noqa: SLF001 - public, whatever its name
                progress(1)
            chained.end()  # 2
            _compare(view.connection, copy)  # 3
            _sound.check_deliveries(view.connection, ledger.now())  # 4
    except IntegrityError as error:
        return Verification(chained.seq, chained.head, error.message, error.hints or (by_hand,))
    finally:
        replayed.dispose()
    return Verification(chained.seq, chained.head, None)


# --- the chain -----------------------------------------------------------------------


class _Chained:
    """The chain as far as it was followed."""

    def __init__(self) -> None:
        self.seq, self.head = 0, chain.GENESIS
        self._first: Event | None = None

    def follow(self, copy: Connection, event: Event) -> None:
        """Check the next event, and apply it to the copy. Raises `IntegrityError`."""
        if event.seq != self.seq + 1:  # 1.1
            raise IntegrityError(f"event {self.seq + 1} is missing")
        with _named(event):
            chain.check_content(event, self.head)  # 1.2
            change = event.change
            key = self._key(copy, event, change)  # 1.3
            if key is not None:
                chain.check_signature(event, key)
        if event.seq == 2 and self._first is not None and key is not None:
            with _named(self._first):
                chain.check_signature(self._first, key)
        with _named(event):
            _apply.apply(change, copy, event)  # 1.4
        self.seq, self.head = event.seq, event.hash

    def end(self) -> None:
        """Raises `IntegrityError` for a chain that stops before the first key."""
        if self.seq < 2:
            raise IntegrityError(f"event {self.seq + 1} is missing")

    def _key(self, copy: Connection, event: Event, change: Change) -> bytes | None:
        """The key that must have signed `event`; None for the first, whose key comes second."""
        if self._first is None:
            if not isinstance(change, HomeMade):
                raise IntegrityError("is not how a ledger begins")
            self._first = event
            return None
        if event.seq == 2:
            founders = {self._first.key_id, event.key_id}
            if not isinstance(change, KeyAdded) or founders != {change.key_id}:
                raise IntegrityError("is not how a ledger begins")
            return bytes.fromhex(change.sign_public)
        return _apply.signing_key(copy, event.key_id, change)


@contextlib.contextmanager
def _named(event: Event) -> Iterator[None]:
    """What is wrong with `event`, as an `IntegrityError` that names it."""
    try:
        yield
    except MintmarkError as error:
        raise IntegrityError(f"{_name(event)} {_sentence(error)}") from None


def _sentence(error: MintmarkError) -> str:
    if isinstance(error, IntegrityError):
        return error.message
    return f"does not follow from the events before it: {error.message}"


def _name(event: Event) -> str:
    """`event 7 (Ordered, order 4F2K-…)`, also if the body is no longer readable."""
    try:
        body = json.loads(event.body)
        named = [f"{key} {str(body[key])[:40]}" for key in _NAMES if key in body]
    except (TypeError, ValueError, RecursionError):
        named = []
    return f"event {event.seq} ({', '.join([str(event.type)[:40], *named[:1]])})"


# --- the tables ----------------------------------------------------------------------


def _rows(connection: Connection, table: Table) -> Iterator[Row[Any]]:
    # As they lie there: what is no text or no number shall be named, not raised.
    columns: list[Any] = [
        type_coerce(column, NullType()).label(column.name) for column in table.columns
    ]
    query = select(*columns).order_by(*table.primary_key.columns)
    with connection.execute(query.execution_options(yield_per=1_000)) as rows:
        yield from rows


def _compare(books: Connection, copy: Connection) -> None:
    """Raises `IntegrityError` naming the first row that is not as the events left it."""
    for table in _tables.metadata.sorted_tables:
        if table.name in _NOT_REPLAYED:
            continue
        for found, expected in zip_longest(_rows(books, table), _rows(copy, table)):
            if _typed(found) != _typed(expected):
                raise IntegrityError(_difference(table, found, expected))


def _typed(row: Row[Any] | None) -> list[tuple[type, object]]:
    """`row` so that 1 and 1.0 differ; empty without a row."""
    return [] if row is None else [(type(value), value) for value in row]


def _difference(table: Table, found: Row[Any] | None, expected: Row[Any] | None) -> str:
    keys = [column.name for column in table.primary_key.columns]
    names = [column.name for column in table.columns]

    def key_of(row: Row[Any]) -> str:
        values = dict(zip(names, row, strict=True))
        return ", ".join(f"{key} {str(values[key])[:40]}" for key in keys)

    if found is None or expected is None or key_of(found) != key_of(expected):
        row = expected if expected is not None else found
        assert row is not None  # noqa: S101 - zip_longest gives at least one
        return (
            f"table {table.name}, {key_of(row)}: a row was added, removed or moved by hand;"
            " the events say otherwise"
        )
    cells = zip(names, _typed(found), _typed(expected), strict=True)
    changed = [name for name, a, b in cells if a != b]
    return (
        f"table {table.name}, {key_of(found)}: {', '.join(changed)} was changed by hand;"
        " the events say otherwise"
    )

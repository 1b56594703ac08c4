"""The ledger's one write door. No event, no change.

`Ledger.commit` is a write transaction: all of it happens, or nothing. Its steps:

1. Take the write lock, before anything is read (`database.writing`). Of a ledger that stations
   share: compare it with what this station remembers (`memory`); if it lost that, book so, and
   begin again.
2. Compare the batches that the changes touch with their counters, packages and links
   (`_balance`).
   Run `guard`: it looks at the books as they are, and raises to stop the commit.
3. Run `prepare`: it renames the files that the event will vouch for.
4. Append every change, in order:
   4.1 normalise it: serials ascend and are joined (done before 1, like what its event says);
   4.2 if it is an order, an association or a schedule that is booked already, return it, and
       skip the rest;
   4.3 require that the author's key is on the roster and may sign such a change;
   4.4 link the event to the event before, hash it and sign it (`chain.seal`), and write it;
   4.5 apply the change to the tables; tiles and counters of a batch must balance;
   4.6 check the signature that was just made;
   4.7 append what follows from it, signed by the same key: codes that an order brings back are
       no longer reported as spoiled.
5. Claim the new orders for whoever is about to deliver them.
6. Commit; on a dry run, or after any exception in 2 to 5, roll back.

Why this order. 2 before 3: files are renamed only for a change that nothing speaks against.
3 before 4: the books never name a file that is not in place; after a crash between 3 and 6
the files are there and the event is not, and the intent beside them (`station.publish`) says
what to book. 4.4 before 4.5: rows refer to their event. 4.6 last, but within the
transaction: an event that nobody can check would spoil the chain for ever.

Left out: keys (a `sign` callable comes in), the clock (likewise), folding of typed ids.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Self, TypeVar

from sqlalchemy import Connection, Engine, inspect, select

from ..away import CommitUnknown, LedgerAway
from ..errors import EnvironmentFailure, NotFound
from ..file_systems import refuse_network_drive
from . import _balance, _foreseen, _outbox, _schedules, _tables, database
from ._appending import Committed, Drafts, appended, claim_new, drafted
from ._prepared import send
from .chain import Actor, Author
from .changes import PASSING, Change, HomeMade, KeyAdded
from .memory import HeadLost, Memory
from .place import LedgerDatabase, LedgerPlace
from .view import View

__all__ = ["Actor", "Author", "Committed", "Ledger"]

SETTLE = 15.0  # seconds
_PAUSE = 0.2
T = TypeVar("T")
Guard = Callable[[View], None]
Prepare = Callable[[], None]
Check = Callable[[Author, tuple[Change, ...]], None]
_WHERE = ("the ledger", "keep the home on a disk of this machine: --home DIR")


class Ledger:
    """An opened ledger; close it, or use it in a `with` block."""

    def __init__(
        self,
        engine: Engine,
        now: Callable[[], datetime],
        check: Check = lambda *_: None,
        unwritable: database.Unwritable | None = None,
        *,
        settle: float = SETTLE,
    ) -> None:
        self._engine = engine
        self.now = now
        self._check = check
        # Why nothing can be written: then what is read is a copy in memory.
        self.unwritable = unwritable
        self._settle = settle
        # What a station that shares the ledger remembers of it.
        self.memory: Memory | None = None
        self._has_booked = False
        self._under_way: tuple[str, ...] = ()  # hashes of what a commit is about to book

    @classmethod
    def create(
        cls, place: LedgerPlace, author: Author, now: Callable[[], datetime], *changes: Change
    ) -> "Ledger":
        """A new ledger at `place`: `HomeMade`, `KeyAdded` of the author's own key, and more.

        Raises `Refused` if the file exists, or the database holds tables; after any other failure
        there is no file, and the database is as it was.
        """
        founding = [type(change) for change in changes[:2]] == [HomeMade, KeyAdded]
        if not founding or getattr(changes[1], "key_id", None) != author.key_id:
            raise ValueError("a ledger begins with its home and the author's key")
        if isinstance(place, LedgerDatabase):
            return cls._create_shared(place, author, now, changes)
        path = place
        refuse_network_drive(path.parent, *_WHERE)
        database.touch(path)
        ledger = cls(database.connect(path), now)
        try:
            database.use_wal(ledger._engine)
            with database.writing(ledger._engine) as connection:
                database.create_schema(connection)
                ledger._append_all(connection, author, changes)
        except BaseException:
            ledger.close()
            path.unlink(missing_ok=True)
            raise
        return ledger

    @classmethod
    def _create_shared(
        cls,
        place: LedgerDatabase,
        author: Author,
        now: Callable[[], datetime],
        changes: tuple[Change, ...],
    ) -> "Ledger":
        ledger = cls(database.connect(place), now)

        def make(connection: Connection) -> tuple[Committed, ...]:
            database.make_shared(connection)
            return ledger._append_all(connection, author, changes)

        try:
            ledger._write(make, _is_made, schema=None)
        except BaseException:
            ledger.close()
            raise
        return ledger

    @classmethod
    def open(
        cls,
        place: LedgerPlace,
        now: Callable[[], datetime],
        *,
        wait: float = database.WAIT,
        settle: float = SETTLE,
        check: Check = lambda *_: None,
    ) -> "Ledger":
        """The ledger at `place`, its schema brought up to date.

        `wait` is how many seconds to wait for another process's write, `settle` for a database that
        was lost while it committed (see `_write`); `check(author,
        changes)` raises for what no book may keep. Raises `NotFound`, `IntegrityError` (no
        ledger, or damaged), `EnvironmentFailure` (not readable, a network drive, made by a
        newer version). Where nothing can be written, the ledger answers from a copy in memory,
        and writing raises what `unwritable` says.
        """
        if isinstance(place, LedgerDatabase):
            return cls._open_shared(place, now, wait, check, settle)
        path = place
        if not path.exists():
            raise NotFound(f"no ledger at {path}", "make a home: mintmark init")
        refuse_network_drive(path, *_WHERE)
        database.check_file(path)
        ledger = cls(database.connect(path, wait), now, check)
        try:
            database.bring_up_to_date(ledger._engine)
        except database.Unwritable as error:
            ledger.close()
            copy = database.readable_copy(path)
            if copy is None:
                raise
            return cls(copy, now, check, error)
        except BaseException:
            ledger.close()
            raise
        return ledger

    @classmethod
    def _open_shared(
        cls,
        place: LedgerDatabase,
        now: Callable[[], datetime],
        wait: float,
        check: Check,
        settle: float,
    ) -> "Ledger":
        ledger = cls(database.connect(place, wait), now, check, settle=settle)
        try:
            database.check_schema(ledger._engine)
        except BaseException:
            ledger.close()
            raise
        return ledger

    def clock(self) -> datetime:
        """The time by which orders are held and let go: of all stations that share the books.

        Each station's own clock tells another time; the database's is everybody's.
        """
        return database.clock(self._engine) or self.now()

    def close(self) -> None:
        """Close the file, or all connections."""
        with database.errors(self._engine):
            self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def read(self) -> Iterator[View]:
        """A view on a consistent snapshot, for as long as the block lasts."""
        with database.reading(self._engine) as connection:
            yield View(connection)

    def _write(
        self,
        work: Callable[[Connection], T],
        is_there: Callable[[Connection, T], bool],
        schema: str | None = database.SCHEMA,
    ) -> T:
        """What `work` returns, done in a write transaction.

        If the answer to its COMMIT is lost, `is_there(connection, what work returned)` says whether
        it came to pass. It is asked under the head lock, which is free only when that transaction
        has ended: so this returns, or raises `LedgerAway`, and nothing was changed.
        `CommitUnknown` remains for a database that nobody could ask in time.
        """
        if self.unwritable is not None:
            raise self.unwritable
        done: list[T] = []
        try:
            with database.writing(self._engine, schema=schema) as connection:
                done.append(work(connection))
        except CommitUnknown as unknown:
            if not self._came_to_pass(lambda books: is_there(books, done[0]), unknown):
                raise LedgerAway(
                    "the ledger's database was lost while it committed; nothing was changed",
                    "repeat the command",
                ) from None
        return done[0]

    def _came_to_pass(self, is_there: Callable[[Connection], bool], unknown: CommitUnknown) -> bool:
        """Raises `unknown` if the database could not be asked within `settle` seconds.

        Or if Ctrl-C ended the asking: a look at the books without the lock could come too early.
        """
        until = time.monotonic() + self._settle
        try:
            while True:
                # Away, a standby that will be promoted, or locked by what is asked about.
                with contextlib.suppress(EnvironmentFailure):
                    with database.writing(self._engine, schema=None) as connection:
                        found = is_there(connection)
                        connection.rollback()
                    return found
                if time.monotonic() > until:
                    raise unknown
                time.sleep(_PAUSE)
        except KeyboardInterrupt:
            raise unknown from None

    def commit(
        self,
        author: Author,
        *changes: Change,
        guard: Guard | None = None,
        prepare: Prepare | None = None,
        dry_run: bool = False,
        claim: tuple[str, datetime] | None = None,
    ) -> tuple[Committed, ...]:
        """Book `changes`, all or none; `dry_run` does everything but `prepare`, then takes it back.

        `guard(view)` only looks. It sees the ledger under the write lock, before the
        changes, and raises to stop them.

        `prepare()` renames files. It runs under the write lock once the guard has let the
        changes pass, before they are applied; not on a dry run. It may raise anything, as
        applying may after it: the books are then unchanged, and its caller takes the renamed
        files back. A crash right after it leaves the files renamed and nothing booked: the
        caller must have recorded before what `recover` is to do about them.

        `claim` (holder, until) claims the orders among the changes in the same transaction:
        whoever sends them at once waits for the disk once less.

        Raises `Refused`, `NotFound`, `UsageError`, `IntegrityError`, `EnvironmentFailure`,
        and what `guard` and `prepare` raise; `ValueError` for a scheduled order that ends as booked
        without the order.
        """
        _schedules.check_together(changes)
        self._check(author, changes)
        drafts = drafted(changes)

        def work(connection: Connection) -> tuple[Committed, ...]:  # 1
            seen = None if self.memory is None else self.memory.newest()
            _foreseen.ask(connection, author.key_id, changes, seen)
            if self.memory is not None and not dry_run:
                self.memory.compare(View(connection), changes)
            _balance.check_all(connection, changes)  # 2
            if guard is not None:
                guard(View(connection))
            if prepare is not None and not dry_run:  # 3
                prepare()
            committed = self._append_all(connection, author, changes, drafts)  # 4
            if claim is not None:  # 5
                claim_new(connection, committed, *claim)
            if dry_run:  # 6
                send(connection)
                connection.rollback()
            else:
                self._under_way = _lasting(committed)
            return committed

        try:
            committed = self._write(work, _are_booked)
        except HeadLost:
            assert self.memory is not None  # noqa: S101 - it was what raised
            self.memory.lost()
            committed = self._write(work, _are_booked)
        booked = not dry_run and bool(_lasting(committed))
        self._has_booked = self._has_booked or booked
        if self.memory is not None and booked:
            self.memory.booked(committed[-1].seq, committed[-1].hash, changes)
        return committed

    def has_booked(self) -> bool:
        """Whether work was committed through here, also if an interrupt came right after it."""
        if self._has_booked or not self._under_way:
            return self._has_booked
        known = _tables.events.c.hash
        with database.reading(self._engine) as connection:
            query = select(known).where(known.in_(self._under_way))
            return connection.execute(query).first() is not None

    # --- delivery: the only rows that change without an event ---

    def claim(self, order: str, holder: str, until: datetime, now: datetime) -> bool:
        """Take a queued order for delivery, until `until` at most; it counts as an attempt.

        False if it is settled, or another holder's time has not run out. Both times are those of
        `clock`.
        """

        def work(books: Connection) -> bool:
            _foreseen.ask_of_delivery(books, order)
            return _outbox.claim(books, order, holder, until, now)

        return self._write(
            work, lambda books, taken: not taken or _outbox.is_held(books, order, holder, until)
        )

    def prolong(self, order: str, holder: str, until: datetime) -> bool:
        """Hold a claimed order until `until`; False if it is settled, or another holds it."""
        return self._write(
            lambda books: _outbox.prolong(books, order, holder, until),
            lambda books, kept: not kept or _outbox.is_held(books, order, holder, until),
        )

    def attempted(self, order: str, next_attempt: datetime | None, detail: str | None) -> None:
        """Note that a delivery failed, why, and when to try again."""

        def work(books: Connection) -> None:
            _foreseen.ask_of_delivery(books, order)
            _outbox.attempted(books, order, next_attempt, detail)

        self._write(
            work, lambda books, _: _outbox.was_attempted(books, order, next_attempt, detail)
        )

    def release(self, order: str, holder: str) -> None:
        """Let go of a claimed order."""
        self._write(
            lambda books: _outbox.release(books, order, holder),
            lambda books, _: _outbox.order(books, order).holder != holder,
        )

    # --- appending ---

    def _append_all(
        self,
        connection: Connection,
        author: Author,
        changes: tuple[Change, ...],
        drafts: Drafts | None = None,
    ) -> tuple[Committed, ...]:
        return appended(connection, author, self.now(), changes, drafts or {})


def _lasting(committed: tuple[Committed, ...]) -> tuple[str, ...]:
    """The hashes of the events that are work, and not what passes."""
    return tuple(done.hash for done in committed if not isinstance(done.change, PASSING))


def _is_made(connection: Connection, founding: tuple[Committed, ...]) -> bool:
    """Whether the tables are there, which a lost COMMIT does not leave, with `founding` in them."""
    return inspect(connection).has_table("events") and _are_booked(connection, founding)


def _are_booked(connection: Connection, committed: tuple[Committed, ...]) -> bool:
    """Whether the books hold all these events; they were booked together, or not at all."""
    known = _tables.events.c
    return all(
        connection.scalar(select(known.hash).where(known.seq == done.seq)) == done.hash
        for done in committed
    )

"""Appending changes to the chain, within a write transaction: step 4 of `ledger.commit`."""

import contextlib
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from .. import times
from ..errors import IntegrityError, MintmarkError, Refused
from ..ranges.serials import Ranges
from . import _agreed, _apply, _events, _foreseen, _outbox, _schedules, _tables, chain
from ._prepared import inserting
from .chain import Author, Event, Unsealed
from .changes import Associated, Change, Ordered, Scheduled


@dataclass(frozen=True)
class Committed:
    """An event that is in the books, and for ranges the serials touched and passed over.

    `repeated`: an identical order was booked before; this is its event, nothing is new.
    """

    seq: int
    hash: str
    at: datetime
    change: Change
    applied: Ranges = ()
    skipped: Ranges = ()
    repeated: bool = False


# By its identity: a change, which stays alive here, the same normalised, and what its event says.
Drafts = dict[int, tuple[Change, Change, Unsealed]]


def drafted(changes: tuple[Change, ...]) -> Drafts:
    """What can be made of `changes` before the lock: others wait less.

    What cannot be drafted is left out, and raises in its turn.
    """
    drafts: Drafts = {}
    for change in changes:
        with contextlib.suppress(MintmarkError):
            normal = _apply.normal(change)
            drafts[id(change)] = change, normal, chain.draft(normal)
    return drafts


def appended(
    connection: Connection,
    author: Author,
    at: datetime,
    changes: tuple[Change, ...],
    drafts: Drafts,
) -> tuple[Committed, ...]:
    """Append `changes` in order; raises as `Ledger.commit`."""
    appending = _Appending(connection, author, at, drafts, _events.head(connection))
    committed = []
    for number, change in enumerate(changes):
        if number:
            _foreseen.ask_again(connection, change)
        committed.append(appending.all_of(change))
    return tuple(committed)


@dataclass
class _Appending:
    """Changes on their way into the books; `head`: number and hash of the last event so far."""

    connection: Connection
    author: Author
    at: datetime
    drafts: Drafts
    head: tuple[int, str]

    def all_of(self, change: Change) -> Committed:
        """Append `change`, and what follows from it."""
        done = self._append(change)
        if not done.repeated:
            for more in _apply.following(done.change, self.connection, done.applied):  # 4.7
                self._append(more)
        return done

    def _append(self, change: Change) -> Committed:
        drafted = self.drafts.get(id(change))
        change, said = drafted[1:] if drafted else (_apply.normal(change), None)  # 4.1
        if isinstance(change, Ordered | Associated | Scheduled):  # 4.2
            booked = _booked(self.connection, change)
            if booked is not None:
                return booked
        seq, previous = self.head
        # 4.3. The first two events stand before the roster: the second adds the key of both.
        public_key = None if seq < 2 else self._signing_key(change)
        event = chain.seal(seq + 1, said or change, self.at, self.author, previous)  # 4.4
        inserting(_tables.events, *vars(event)).run(self.connection, vars(event))
        self.head = event.seq, event.hash
        done = _apply.apply(change, self.connection, event)  # 4.5
        if seq == 1:
            public_key = self._signing_key(change)
        if public_key is not None:  # 4.6
            _check_own(event, public_key)
        return Committed(event.seq, event.hash, event.time, change, done.applied, done.skipped)

    def _signing_key(self, change: Change) -> bytes:
        return _apply.signing_key(self.connection, self.author.key_id, change)


def claim_new(
    connection: Connection, committed: tuple[Committed, ...], holder: str, until: datetime
) -> None:
    """Claim the orders among what was appended."""
    for done in committed:
        if isinstance(done.change, Ordered | Associated) and not done.repeated:
            _outbox.hold_new(connection, done.change.order, holder, until)


def _check_own(event: Event, public_key: bytes) -> None:
    try:
        chain.check_signature(event, public_key)
    except IntegrityError:
        raise IntegrityError(
            f"the signing key at hand is not the key {event.key_id} of the ledger's roster",
            "bring the right key file back from your copy of the home",
        ) from None


def _booked(connection: Connection, change: Ordered | Associated | Scheduled) -> Committed | None:
    """The same order, if it is booked. Raises `Refused` if its id is that of another order."""
    table = _tables.scheduled if isinstance(change, Scheduled) else _tables.orders
    if _agreed.row_id(connection, table, "order_id", change.order) is None:
        return None
    if isinstance(change, Scheduled):
        later = _schedules.find(connection, change.order)
        return None if later is None else _same(connection, change, later.change, later.seq)
    found = _outbox.order(connection, change.order)
    done = _same(connection, change, found.change, found.seq)
    return replace(done, applied=found.touched, skipped=found.skipped)


def _same(connection: Connection, change: Change, found: Change, seq: int) -> Committed:
    order = getattr(found, "order", "")
    if found != change:
        how = "scheduled" if isinstance(found, Scheduled) else "booked"
        raise Refused(
            f"order {order} is {how} already, and says something else",
            f"see it: mintmark orders show {order}",
            "give a new order another id",
        )
    row = _events.STAMP.first(connection, seq=seq)
    return Committed(seq, row.hash, times.parse_utc(row.at), change, repeated=True)

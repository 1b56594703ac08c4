"""An attempt to deliver an order: sent at least once, with exactly one effect.

The steps, in this order, and what a crash after each of them leaves:

1. Take the delivery lock of every batch that it names. The operating system gives them back.
2. Read the order again under the lock: another process may have settled it. Nothing has
   changed yet.
3. Claim the order, which counts the attempt. It stays queued and held by a dead process;
   whoever gets the lock next takes it over. Of a shared home `lease.py` says who may, and when.
4. Before the first order, ask which head came last: with the order, the backend would take the
   head of an older copy. One that is not known is booked; the order goes out all the same. Until
   there is an answer, orders bring no head.
5. Register every batch that it names. The backend knows some or all of them; registering them
   again changes nothing.
6. For an activation, upload its fingerprints. The backend has some or all of them; uploading
   them again changes nothing.
7. Send the order. The backend has applied it, here it is still queued. It is sent again
   under the same id, and the backend repeats its first answer.
8. If it was refused, ask what became of an earlier attempt (`inquiry.py`), and of an association
   whether such are taken at all (`offered.py`). Nothing has changed. What became of an earlier
   attempt is asked after step 5, too, if there was one.
9. Settle it in the ledger, in one transaction with all that follows from the answer. Nothing
   is left to do.

A failure instead of a crash ends in step 9 as a refusal, or puts the next attempt off. Steps 4 to
8 are `conversation.py`.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from ...codegen.away import LedgerAway, VaultAway
from ...codegen.errors import MintmarkError, NotFound, Refused
from ...codegen.ledger.changes import Change, Settled
from ...codegen.ledger.records import OrderRow
from ...codegen.ledger.view import View
from ...codegen.station.station import DEFAULT_LINE, Station
from .. import backoff
from ..client.protocol import Away, Client
from ..orders.doubts import doubted
from ..orders.orders import ACKNOWLEDGED, QUEUED, REFUSED
from . import scanned_before
from .api_objects import batches_of
from .conversation import Conversation, Refusal, Taken
from .delivery_lock import delivery_locks
from .lease import ELSEWHERE, Lease, LeaseLost, Leases
from .lines_here import LinesHere
from .upload import Uploads

MAX_RETRY_AFTER = timedelta(hours=1)  # the longest pause that a backend may ask for
BOOKING_ATTEMPTS = 4  # of a settlement together with a freeze order


@dataclass(frozen=True)
class Acknowledged:
    """The backend took the order. `freeze`: the id of a freeze order that follows from it."""

    freeze: str | None


@dataclass(frozen=True)
class RefusedByBackend:
    """The backend refused the order for good. The ledger has its reason."""


@dataclass(frozen=True)
class Postponed:
    """The order stays queued, for this `reason`.

    `away`: the backend gave no usable answer. `retry_after`: how long it asked to be left alone.
    """

    reason: str
    away: bool = False
    retry_after: timedelta = timedelta(0)


@dataclass(frozen=True)
class TakenByAnother:
    """Another process sends orders of a batch that it names."""

    reason: str = "another process is sending it"


@dataclass(frozen=True)
class SettledMeanwhile:
    """Another process settled the order after it was read."""


Attempt = Acknowledged | RefusedByBackend | Postponed | TakenByAnother | SettledMeanwhile


class OrderSender:
    """Makes attempts to deliver over a client.

    `sturdy`: an order that fails on this machine (a damaged file of fingerprints) is
    postponed; otherwise the failure is raised.
    """

    def __init__(self, station: Station, client: Client, uploads: Uploads, *, sturdy: bool) -> None:
        self._station, self._sturdy = station, sturdy
        self._conversation = Conversation(station, client, uploads)
        self._senders = LinesHere(station)

    @cached_property
    def leases(self) -> Leases:
        """What this sender holds."""
        return Leases(self._station)

    def claim(self) -> tuple[str, datetime]:
        """For `Ledger.commit`: an order booked with it is claimed for this sender."""
        return self.leases.new()

    def attempt(self, row: OrderRow) -> Attempt:
        """Try to deliver the order of `row`, which may be out of date."""
        if (why := self._senders.why_not(row.change.line)) is not None:
            return TakenByAnother(why)
        with delivery_locks(self._station.home / "work", batches_of(row)) as locked:  # 1
            if not locked:
                return TakenByAnother()
            with self._station.ledger.read() as view:  # 2
                fresh = view.order(row.order)
                _, head = view.head()
            if fresh.status != QUEUED:
                return SettledMeanwhile()
            tried = fresh.attempts > int(self.leases.is_of_booking(fresh))
            lease = self.leases.take(fresh)  # 3
            if lease is None:
                return self._lost(fresh)
            try:
                return self._deliver(fresh, lease, head, tried=tried)
            except LeaseLost:
                return self._lost(fresh)

    def _lost(self, row: OrderRow) -> Attempt:
        """What became of an order that this sender does not hold."""
        with self._station.ledger.read() as view:
            is_queued = view.order(row.order).status == QUEUED
        return TakenByAnother(ELSEWHERE) if is_queued else SettledMeanwhile()

    def _deliver(self, row: OrderRow, lease: Lease, head: str, *, tried: bool) -> Attempt:
        """Steps 4 to 9 of an order that is claimed; `tried`: not for the first time."""
        try:
            said = self._conversation.about(row, head, tried=tried, hold=lease.hold)
        except Away as away:
            retry_after = min(timedelta(seconds=away.retry_after or 0), MAX_RETRY_AFTER)
            return self._postpone(row, Postponed(away.reason, away=True, retry_after=retry_after))
        except (LeaseLost, LedgerAway):
            raise  # and there is nothing to let go of, or nobody to tell
        except MintmarkError as error:
            # The store of a shared vault comes back, as a backend does.
            if self._sturdy or isinstance(error, VaultAway):
                return self._postpone(row, Postponed(error.message))
            self._station.ledger.release(row.order, self.leases.holder)
            raise
        except BaseException:
            self._station.ledger.release(row.order, self.leases.holder)
            raise
        if isinstance(said, Refusal):
            if said.forbidden and (why := self._senders.forbid(row.change.line)) is not None:
                self._station.ledger.release(row.order, self.leases.holder)
                return TakenByAnother(why)
            return self._refuse(row, said)
        return self._acknowledge(row, said)

    def _refuse(self, row: OrderRow, refusal: Refusal) -> RefusedByBackend:
        """Step 9 of an order that the backend refused."""
        doubt = refusal.doubt
        if doubt is None:
            self._settle(row, REFUSED, refusal.summary)
        else:
            # The doubt comes first: a phone shows the beginning.
            detail = f"{doubt}; refused: {refusal.summary}"
            self._settle(row, REFUSED, detail, doubted(row, detail))
        return RefusedByBackend()

    def _acknowledge(self, row: OrderRow, taken: Taken) -> Acknowledged:
        """Step 9 of an order that the backend took."""
        station = self._station
        doubts = (doubted(row, taken.doubt),) if taken.doubt else ()
        station.failpoint("answered")
        for attempt in range(1, BOOKING_ATTEMPTS + 1):
            found = self._consequences(row, taken, freeze=attempt < BOOKING_ATTEMPTS)
            remarks = filter(None, (taken.doubt, taken.remark, found.remark))
            detail = "; ".join(remarks) or None
            try:
                self._settle(row, ACKNOWLEDGED, detail, *doubts, *found.changes)
            except Refused:
                # Since the codes were looked at, somebody ordered them elsewhere or began to
                # reprint them. The last attempt books no freeze: the backend took the activation.
                if found.freeze is None:
                    raise
                continue
            station.failpoint("settled")
            return Acknowledged(found.freeze)
        raise AssertionError("the last attempt books no freeze, and is not repeated")

    def _consequences(
        self, row: OrderRow, taken: Taken, *, freeze: bool
    ) -> scanned_before.Consequences:
        """What to book because of codes that were scanned before this order."""
        if not taken.scanned_before:
            return scanned_before.NOTHING
        policy = self._station.config.freeze_scanned_before
        with self._station.ledger.read() as view:
            return scanned_before.consequences(
                view, row, taken.scanned_before, policy=policy, freeze=freeze
            )

    def _settle(self, row: OrderRow, status: str, detail: str | None, *more: Change) -> None:
        """Step 9: what the backend said, and `more`, in one transaction."""
        station, settled = self._station, Settled(row.order, status, detail)
        try:
            author = station.author_of(station.line(row.change.line or DEFAULT_LINE))
            station.ledger.commit(author, settled, *more, guard=self._guard(row))
        except (NotFound, Refused):
            # The line's key was lost or revoked since, or lies at another station: the station's
            # key signs instead.
            station.ledger.commit(station.author, settled, *more, guard=self._guard(row))

    def _guard(self, row: OrderRow) -> Callable[[View], None] | None:
        """That this sender holds the order still; in a home of its own, the lock says so."""
        if not self.leases.is_shared:
            return None
        return lambda view: self.leases.check(view, row.order)

    def _postpone(self, row: OrderRow, postponed: Postponed) -> Postponed:
        """Note when to try again, and why."""
        jitter = secrets.randbelow(1_000) / 1_000
        pause = max(backoff.wait(row.attempts, jitter), postponed.retry_after)
        self.leases.failed(row.order, self.leases.clock.now() + pause, postponed.reason)
        return postponed

"""Who sends an order: one deliverer of one station, for as long as its lease lasts.

Ten stations share an outbox, and none sees the others' processes. So whoever sends an order holds
its row in the books until a time; by the clock of the books, as each station has another (one that
is two minutes ahead would take what others hold). What holds:

1. An order is claimed under the ledger's lock, if nobody holds it or the holder's time has run out.
   A lease of this very station whose delivery lock is free belonged to a process that is dead: it
   is taken over at once. One of another station only when its time is over.
2. Before each request the holder looks whether its lease outlasts the answer (`Lease.hold`), and
   has it prolonged if not: an upload may take an hour. Who has lost it sends nothing more.
3. Only the holder settles an order, which is looked at under the ledger's lock, and notes that an
   attempt failed; then it lets go of the order. Whatever else the backend answered is dropped.

First in, first out for each batch follows: sent is only the oldest queued order of its batches, and
an order leaves the queue by 3. What remains is a deliverer that stops between 2 and the backend (a
machine that is frozen, a network that holds a request for minutes) and goes on when its order was
taken over and settled, and later ones were sent: then the backend is sent an order that it has, or
fingerprints that it has. It repeats its first answer to that id and changes nothing
(`openapi.yaml`, PUT /v1/orders; a clause of the conformance suite); here 3 drops the answer.

A home of one station has its delivery lock, which the operating system gives back. Its lease is
written down for people, and nothing is decided by it.
"""

import secrets
import time
from datetime import datetime, timedelta

from ...codegen.away import LedgerAway
from ...codegen.ledger.records import OrderRow
from ...codegen.ledger.view import View
from ...codegen.station.station import Station
from ..away.desk import is_shared
from ..orders.orders import QUEUED

LONG = timedelta(minutes=30)  # of a home of its own
SHORT = timedelta(minutes=2)  # of a shared one: how long a dead station's orders wait
CALL = timedelta(seconds=30)  # as long as a backend may take, and
CODES_PER_SECOND = 10_000  # longer for many codes: see `ClientLimits`
MARGIN = timedelta(seconds=30)
ASKED_AGAIN = 60.0  # seconds, after which the clock of the books is asked anew
ELSEWHERE = "another station is sending it"


class LeaseLost(Exception):
    """Another deliverer holds the order by now, or it is settled."""


def _steady() -> float:
    """Seconds that go on while this machine sleeps, where it can tell."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class BooksClock:
    """The time by the clock of the books; of a home of one station, its own."""

    def __init__(self, station: Station) -> None:
        self._station, self._is_shared = station, is_shared(station)
        self._asked, self._told = 0.0, None  # type: float, datetime | None

    def now(self) -> datetime:
        """The time, reckoned from an answer that is a minute old at most; never behind it."""
        if not self._is_shared:
            return self._station.now()
        told, passed = self._told, _steady() - self._asked
        if told is None or not 0 <= passed < ASKED_AGAIN:
            return self.exact()
        return told + timedelta(seconds=passed)

    def exact(self) -> datetime:
        """The time as the books tell it now; never ahead of it."""
        if not self._is_shared:
            return self._station.now()
        # Before it is asked: so what is reckoned from it later is never behind.
        self._asked = _steady()
        self._told = self._station.ledger.clock()
        return self._told


class Leases:
    """The leases of one deliverer of `station`."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self.is_shared = is_shared(station)
        self.clock = BooksClock(station)
        token = secrets.token_hex(8)
        # Of a home of its own the station need not be told from others.
        self.holder = f"{_station_name(station)}.{token}" if self.is_shared else token

    @property
    def length(self) -> timedelta:
        """How long a lease lasts that is not prolonged."""
        return SHORT if self.is_shared else LONG

    def new(self) -> tuple[str, datetime]:
        """For `Ledger.commit`: who holds an order, and until when."""
        return self.holder, self.clock.now() + self.length

    def is_elsewhere(self, row: OrderRow, now: datetime) -> bool:
        """Whether a deliverer of another station holds it now."""
        return self.is_shared and held_elsewhere(self._station, row, now)

    def take(self, row: OrderRow) -> "Lease | None":
        """The lease of an order whose delivery lock this process has; None: another station's.

        It counts an attempt, unless it was claimed when it was booked.
        """
        ledger = self._station.ledger
        if self.is_of_booking(row):
            return Lease(self, row.order, row.held_until or self.clock.now())
        if row.holder not in (None, self.holder) and self._is_dead(row):
            ledger.release(row.order, row.holder or "")
        now = self.clock.exact()
        until = now + self.length
        if not ledger.claim(row.order, self.holder, until, now):
            return None
        return Lease(self, row.order, until)

    def is_of_booking(self, row: OrderRow) -> bool:
        """Whether it was claimed when it was booked, which counts as an attempt."""
        mine = row.holder == self.holder and row.next_attempt is None
        return mine and not (
            self.is_shared and (row.held_until or self.clock.now()) <= self.clock.now()
        )

    def _is_dead(self, row: OrderRow) -> bool:
        """Whoever else of this station holds it would have the delivery lock."""
        return not self.is_shared or _is_of(self._station, row.holder)

    def prolong(self, order: str, until: datetime) -> bool:
        """Whether this deliverer holds the order still, and now until then."""
        return self._station.ledger.prolong(order, self.holder, until)

    def failed(self, order: str, again: datetime, reason: str) -> None:
        """Note that an attempt failed, and when to try again: anybody may, of a shared home."""
        ledger = self._station.ledger
        if self.is_shared:
            with ledger.read() as view:
                self.check(view, order)
        ledger.attempted(order, again, reason)
        if self.is_shared:
            ledger.release(order, self.holder)

    def check(self, view: View, order: str) -> None:
        """Raises `LeaseLost` unless this deliverer may settle the order."""
        if self.is_shared:
            row = view.order(order)
            if row.status != QUEUED or row.holder != self.holder:
                raise LeaseLost


class Lease:
    """One order, held until a time."""

    def __init__(self, leases: Leases, order: str, until: datetime) -> None:
        self._leases, self._order, self._until = leases, order, until

    def hold(self, codes: int = 0) -> None:
        """Before a request about so many codes: raises `LeaseLost` if it may not be sent.

        Raises `LedgerAway` if the books can't be asked, and the lease does not outlast an answer.
        """
        if not self._leases.is_shared:
            return
        need = CALL + timedelta(seconds=codes / CODES_PER_SECOND) + MARGIN
        now = self._leases.clock.now()
        if self._until - now >= need:
            return
        until = now + max(self._leases.length, need)
        try:
            kept = self._leases.prolong(self._order, until)
        except LedgerAway:
            if self._until - now >= need - MARGIN:
                return
            raise
        if not kept:
            raise LeaseLost
        self._until = until


def held_elsewhere(station: Station, row: OrderRow, now: datetime) -> bool:
    """Whether a deliverer of another station of a shared home holds the order at `now`."""
    held = row.holder is not None and row.held_until is not None and row.held_until > now
    return held and not _is_of(station, row.holder)


def _is_of(station: Station, holder: str | None) -> bool:
    return (holder or "").partition(".")[0] == _station_name(station)


def _station_name(station: Station) -> str:
    return station.key.key_id

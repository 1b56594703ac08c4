"""Delivery: queued orders go to the backend, first in, first out for each batch.

An order that names several batches waits for the earlier ones of each, and is waited for in each.

This is the loop over the queue; `attempt.py` delivers a single order, and
says what a crash leaves. A crash of the loop loses nothing: what is queued is sent by the next run.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never

from ...codegen.ledger.records import OrderRow
from ...codegen.ledger.view import View
from ...codegen.progress import Progress
from ...codegen.station.station import Station
from .. import backoff
from ..away.desk import STREAM, AwayDesk, is_shared
from ..client.protocol import Client
from ..orders.due import book_due
from ..orders.orders import ACKNOWLEDGED, REFUSED
from . import scan_ins
from .api_objects import batches_of
from .attempt import (
    MAX_RETRY_AFTER,
    Acknowledged,
    Attempt,
    OrderSender,
    Postponed,
    RefusedByBackend,
    SettledMeanwhile,
    TakenByAnother,
)
from .deliver_result import DeliverResult
from .lease import ELSEWHERE, BooksClock, held_elsewhere
from .upload import Uploads

ALWAYS = timedelta(days=36_500)
BATCHES_AT_ONCE = 10_000
PATIENCE = 3  # failures in a row after which the backend is away for every batch


def deliver(
    station: Station,
    client: Client | None,
    *,
    batch: str | None = None,
    progress: Progress = lambda *_: None,
    notify: Callable[[str], None] = lambda _: None,
) -> DeliverResult:
    """Send what is queued, all batches or one, until nothing is left or the backend is away.

    What waits at this station for the ledger of a shared home is booked before anything else.
    Every queued order is tried now, whenever its next attempt would be: a person wants it.
    Scheduled orders whose time has come are booked first. Then what dealers scanned in is read
    back. Without a client nothing is sent.
    """
    drained = AwayDesk(station, STREAM, notify).drain()
    scheduled = () if drained.left else book_due(station)
    told = scan_ins.ScanInsRead()
    if client is None:
        report = DeliveryReport(detail="no backend is configured")
    else:
        report = Courier(station, client, progress).deliver(batch=batch)
        if not report.away:
            told = scan_ins.tried(station, client)
    with station.ledger.read() as view:
        queued = view.queued(batch)
    detail = report.detail if queued else None
    settled = tuple(report.delivered), queued, tuple(report.refused)
    return DeliverResult(
        *settled,
        detail,
        scheduled,
        told.booked,
        told.detail,
        away_booked=len(drained.booked),
        away_refused=len(drained.refused),
        away_waiting=drained.waiting,
    )


@dataclass
class DeliveryReport:
    """What a courier got done. `detail`: the last reason why something stays queued.

    `away`: how often in a row, at the end, the backend gave no usable answer; `retry_after`:
    how many seconds it asked to be left alone.
    """

    delivered: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    detail: str | None = None
    away: int = 0
    retry_after: float = 0.0


def next_due(station: Station, clock: BooksClock | None = None) -> datetime | None:
    """When the next queued order may be tried, by the clock of the books; None if none is queued.

    What another station holds, when its lease has run out.
    """
    now = (clock or BooksClock(station)).now()
    with station.ledger.read() as view:
        rows = view.due(now + ALWAYS, BATCHES_AT_ONCE)
    shared = is_shared(station)
    held = (row.held_until for row in rows if shared and held_elsewhere(station, row, now))
    free = (_due(row, now) for row in rows if not (shared and held_elsewhere(station, row, now)))
    return min(filter(None, (*held, *free)), default=None)


def _due(row: OrderRow, now: datetime) -> datetime:
    """When `row` may be tried again."""
    longest = MAX_RETRY_AFTER + backoff.LONGEST
    # Nothing is ever put off for longer: the clock was wrong then, or is now.
    due = row.next_attempt or now
    return now if due - now > longest else due


class Courier:
    """Sends the queued orders over a client, each batch in the order of its booking.

    `patient` waits out each order's next attempt (a service); otherwise every queued
    order is tried now. `sturdy` keeps an order queued that fails here (a damaged file of
    fingerprints), and goes on with the other batches; otherwise the failure is raised.
    """

    def __init__(
        self,
        station: Station,
        client: Client,
        progress: Progress = lambda *_: None,
        *,
        patient: bool = False,
        sturdy: bool = False,
    ) -> None:
        self._station = station
        self._patient = patient
        uploads = Uploads(station, client, progress)
        self._uploads = uploads
        self._sender = OrderSender(station, client, uploads, sturdy=sturdy)

    def claim(self) -> tuple[str, datetime]:
        """For `Ledger.commit`: the order booked is claimed for this courier."""
        return self._sender.claim()

    def presume(self, batches: Iterable[str]) -> None:
        """Register none of `batches` again of which the backend took an order before.

        For requests of many batches, each of which would cost an exchange more.
        """
        with self._station.ledger.read() as view:
            for batch in batches:
                if view.newest_order(batch, ACKNOWLEDGED) is not None:
                    self._uploads.presume(batch)

    def deliver(
        self,
        *,
        batch: str | None = None,
        until: str | None = None,
        stop: Callable[[], bool] = lambda: False,
        settled: Callable[[str, str], None] = lambda *_: None,
    ) -> DeliveryReport:
        """Send what is due until nothing is left that can be sent, or `stop()` is true.

        With `batch` its orders, and those of other batches that have to go before one of them.
        An order once begun is finished; order `until` is the last, except for a freeze that
        follows from what was sent. `settled(order, status)` is called for each settled order.
        """
        run = _Run(until)
        while not stop() and run.goes_on and (row := self._next(batch, run)):
            status = run.note(row, self._sender.attempt(row))
            if status is not None:
                settled(row.order, status)
        if until is not None and not run.reached:
            self.let_go([until])
        return run.report

    def let_go(self, orders: Iterable[str]) -> None:
        """Hold none of these orders, claimed when they were booked, which can't be sent now.

        Whoever sends what is before them sends them as well: of a shared home, another station.
        """
        leases = self._sender.leases
        if leases.is_shared:
            for order in orders:
                self._station.ledger.release(order, leases.holder)

    def _next(self, batch: str | None, run: "_Run") -> OrderRow | None:
        leases = self._sender.leases
        now = leases.clock.now()
        with self._station.ledger.read() as view:
            if batch is not None:
                rows = _before(view, batch)
            else:
                # Also orders that a killed process holds: only the delivery lock says who is alive.
                rows = view.due(now + ALWAYS, BATCHES_AT_ONCE)
        if leases.is_shared and batch is None:
            # Each is the oldest of its batches, so that any may be next: ten stations which all
            # began with the first would wait for each other.
            rows = tuple(random.sample(rows, len(rows)))
        for row in rows:
            if not run.stuck.isdisjoint(batches_of(row)):
                continue
            if leases.is_elsewhere(row, now):
                run.skip(row, ELSEWHERE)
            elif not self._patient or _due(row, now) <= now:
                return row
        return None


def _before(view: View, batch: str) -> tuple[OrderRow, ...]:
    """The order to be sent first of those that `batch` waits for: its oldest, or one before it."""
    row = view.oldest_queued(batch)
    while row is not None:
        if len(batches_of(row)) == 1:
            return (row,)
        earlier = min(filter(None, map(view.oldest_queued, batches_of(row))), key=_seq)
        if earlier.seq == row.seq:
            return (row,)
        row = earlier  # each is older than the one before it: that ends
    return ()


def _seq(row: OrderRow) -> int:
    return row.seq


@dataclass
class _Run:
    """One pass over the queue, as far as it got.

    `stuck`: batches of which nothing more can be sent now. `freeze`: the freeze order that
    still has to go out before the run may end at `until`.
    """

    until: str | None
    report: DeliveryReport = field(default_factory=DeliveryReport)
    stuck: set[str] = field(default_factory=set)
    freeze: str | None = None
    reached: bool = False

    @property
    def goes_on(self) -> bool:
        """Whether the next order is to be tried."""
        done = self.reached and self.freeze is None
        return not done and self.report.away < PATIENCE

    def note(self, row: OrderRow, attempt: Attempt) -> str | None:
        """Take in the attempt at `row`; its status if it is settled now."""
        away = isinstance(attempt, Postponed) and attempt.away
        self.report.away = self.report.away + 1 if away else 0
        self.report.retry_after = 0.0
        match attempt:
            case SettledMeanwhile():
                return None
            case TakenByAnother(reason):
                self.skip(row, reason)
                return None
            case Postponed(reason):
                self.report.retry_after = attempt.retry_after.total_seconds()
                self.skip(row, reason)
                return None
            case Acknowledged(freeze):
                self.report.delivered.append(row.order)
                self.freeze = freeze or self.freeze
                self._settled(row.order)
                return ACKNOWLEDGED
            case RefusedByBackend():
                self.report.refused.append(row.order)
                self._settled(row.order)
                return REFUSED
        assert_never(attempt)

    def skip(self, row: OrderRow, reason: str) -> None:
        """Send nothing more of its batches in this run."""
        self.stuck.update(batches_of(row))
        self.report.detail = reason

    def _settled(self, order: str) -> None:
        if order == self.freeze:
            self.freeze = None
        self.reached = self.reached or order == self.until

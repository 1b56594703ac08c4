"""Delivery: queued orders go to the backend, first in, first out for each batch.

At least once, with exactly one effect: the order's id makes a repeated PUT harmless.
A crash between any two lines leaves an order queued that is sent again.

    turn (no two processes send orders of one batch), claim (an attempt is counted)
    → register the batch → for an activation, its fingerprints → the order
    → Settled(acknowledged | refused), or the next attempt's time
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ...codegen.errors import MintmarkError, NotFound, Refused
from ...codegen.ledger.changes import Change, Settled
from ...codegen.ledger.records import OrderRow
from ...codegen.ranges import serials
from ...codegen.ranges.attributes import VALIDITY, Value
from ...codegen.ranges.lifecycle import Action, to_api_state
from ...codegen.ranges.serials import Ranges
from ...codegen.result import Result
from ...codegen.station.station import DEFAULT_LINE, Station
from .. import backoff
from ..client import wire
from ..client.client import Away, Client, Declined
from ..orders.orders import ACKNOWLEDGED, QUEUED, REFUSED
from . import scanned_before
from .delivery_lock import delivery_lock

LEASE = timedelta(minutes=30)  # for the books; the turn is what keeps others away
RETRY_AFTER = timedelta(hours=1)  # what a backend may ask for at most
ALWAYS = timedelta(days=36_500)
BATCHES_AT_ONCE = 10_000
TRIES = 4  # of booking what an activation found
PATIENCE = 3  # failures in a row after which the backend is away for every batch

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class DeliverResult(Result):
    """Order ids by what became of them, and how many still wait."""

    delivered: tuple[str, ...]
    queued: int
    refused: tuple[str, ...]
    detail: str | None = None

    @property
    def exit_code(self) -> int:
        """6 where the backend refused an order, 75 while something is queued."""
        if self.refused:
            return 6
        return 75 if self.queued else 0

    def lines(self) -> Iterator[str]:
        """Counts, then the refused by name."""
        yield (
            f"{len(self.delivered)} delivered, {self.queued} queued, {len(self.refused)} refused"
            f"{f' ({self.detail})' if self.detail else ''}"
        )
        for order in self.refused:
            yield f"  refused {order}: see mintmark orders show {order}"


def deliver(
    station: Station,
    client: Client | None,
    *,
    batch: str | None = None,
    progress: Progress = lambda *_: None,
) -> DeliverResult:
    """Send what is queued, all batches or one, until nothing is left or the backend is away.

    Every queued order is tried now, whenever its next attempt would be: a person asked.
    Without a client nothing is sent.
    """
    if client is None:
        sent = DeliveryReport()
        sent.detail = "no backend is configured"
    else:
        sent = Courier(station, client, progress).deliver(batch=batch)
    with station.ledger.read() as view:
        queued = view.queued(batch)
    detail = sent.detail if queued else None
    return DeliverResult(tuple(sent.delivered), queued, tuple(sent.refused), detail)


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


def next_due(station: Station) -> datetime | None:
    """When the next queued order may be tried; None if none is queued."""
    now = station.now()
    with station.ledger.read() as view:
        rows = view.due(now + ALWAYS, BATCHES_AT_ONCE)
    return min((_due(row, now) for row in rows), default=None)


def _due(row: OrderRow, now: datetime) -> datetime:
    """When `row` may be tried again."""
    longest = RETRY_AFTER + backoff.LONGEST
    # Nothing is ever put off for longer: the clock was wrong then, or is now.
    due = row.next_attempt or now
    return now if due - now > longest else due


class Courier:
    """Sends one order after another over one client; registers each batch once.

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
        self._client = client
        self._progress = progress
        self._patient, self._sturdy = patient, sturdy
        self._registered: set[str] = set()
        self._holder = secrets.token_hex(8)
        self._away: Away | None = None
        self._freeze: str | None = None

    def deliver(
        self,
        *,
        batch: str | None = None,
        until: str | None = None,
        stop: Callable[[], bool] = lambda: False,
        told: Callable[[str, str], None] = lambda *_: None,
    ) -> DeliveryReport:
        """Send what is due until nothing is left that can be, or `stop` says so.

        An order once begun is finished; order `until` is the last one, but for a freeze
        that follows from what was sent. `told(order, status)` hears of each that is settled.
        """
        sent, stuck, reached = DeliveryReport(), set[str](), False
        self._freeze = None
        while not stop() and sent.away < PATIENCE and (row := self._next(batch, stuck)):
            answer = self._send(row)
            sent.away = sent.away + 1 if self._away else 0
            sent.retry_after = _asked(self._away).total_seconds()
            if answer is None:
                continue
            if answer not in (ACKNOWLEDGED, REFUSED):
                stuck.add(row.batch)
                sent.detail = answer
                continue
            (sent.delivered if answer == ACKNOWLEDGED else sent.refused).append(row.order)
            told(row.order, answer)
            if row.order == self._freeze:
                self._freeze = None
            reached = reached or row.order == until
            if reached and self._freeze is None:
                break
        return sent

    def claim(self) -> tuple[str, datetime]:
        """For `Ledger.commit`: the order booked is claimed for this courier."""
        return self._holder, self._station.now() + LEASE

    def _next(self, batch: str | None, stuck: set[str]) -> OrderRow | None:
        now = self._station.now()
        with self._station.ledger.read() as view:
            # Also those a killed process holds: only the turn tells who is alive.
            rows = view.due(now + ALWAYS, BATCHES_AT_ONCE)
        for row in rows:
            wanted = row.batch not in stuck and batch in (None, row.batch)
            if wanted and (not self._patient or _due(row, now) <= now):
                return row
        return None

    def _send(self, row: OrderRow) -> str | None:
        """`acknowledged`, `refused`, None if another did, or in words why it stays queued."""
        self._away = None
        with delivery_lock(self._station.home / "work", row.batch) as mine:
            if not mine:
                return "another process is sending it"
            with self._station.ledger.read() as view:
                fresh = view.order(row.order)
                _, head = view.head()
            if fresh.status != QUEUED or not self._claim(fresh):
                return None
            return self._try(fresh, head)

    def _claim(self, row: OrderRow) -> bool:
        """Have it counted that `row` is being sent. Whoever else holds it is dead."""
        ledger, now = self._station.ledger, self._station.now()
        if row.holder == self._holder and row.next_attempt is None:
            return True  # since it was booked
        if row.holder not in (None, self._holder):
            ledger.release(row.order, row.holder or "")
        return ledger.claim(row.order, self._holder, now + LEASE, now)

    def _try(self, row: OrderRow, head: str) -> str:
        try:
            answer = self._put(row, head)
        except Away as away:
            self._away = away
            return self._put_off(row, away.reason)
        except Declined as declined:
            return self._settle(row, REFUSED, declined.summary)
        except MintmarkError as error:
            if self._sturdy:
                return self._put_off(row, error.message)
            self._station.ledger.release(row.order, self._holder)
            raise
        except BaseException:
            self._station.ledger.release(row.order, self._holder)
            raise
        return self._acknowledge(row, answer)

    def _put_off(self, row: OrderRow, reason: str) -> str:
        pause = max(
            backoff.wait(row.attempts, secrets.randbelow(1_000) / 1_000), _asked(self._away)
        )
        self._station.ledger.attempted(row.order, self._station.now() + pause, reason)
        return reason

    def _put(self, row: OrderRow, head: str) -> wire.OrderAnswer:
        try:
            return self._put_once(row, head)
        except Declined as declined:
            # A backend may have been set up anew since this process told it of the batch.
            if declined.problem.name != "not-found" or row.batch not in self._registered:
                raise
            self._registered.clear()
            return self._put_once(row, head)

    def _put_once(self, row: OrderRow, head: str) -> wire.OrderAnswer:
        client = self._client.as_line(row.change.line)
        self.register(row.batch, row.change.line)
        if row.change.action is Action.ACTIVATE:
            # A code that was void when the order was booked is none of the backend's business.
            where = serials.subtract(row.change.serials, row.skipped)
            self.upload(row.batch, where, row.change.line)
        return client.order(_order(row, head))

    def register(self, batch: str, line: str | None = None) -> None:
        """Tell the backend of the batch, once."""
        if batch not in self._registered:
            self._client.as_line(line).register(batch_of(self._station, batch))
            self._registered.add(batch)

    def upload(self, batch: str, where: Ranges, line: str | None = None) -> None:
        """Leave the fingerprints of `where` with the backend.

        Raises `NotFound` where the configuration has another line upload, and it has no key:
        sent under any other, the order would be refused for good.
        """
        station = self._station
        if (uploader := station.config.upload_line) is not None:
            station.line(uploader)
            line = uploader
        client, total, done = self._client.as_line(line), serials.count(where), 0
        for piece in where:
            for first, data in station.vault.fingerprints(batch, piece, station.station_keys):
                client.upload(batch, first, data)
                done += len(data) // wire.FINGERPRINT_BYTES
                self._progress("fingerprints", done, total)

    def _acknowledge(self, row: OrderRow, answer: wire.OrderAnswer) -> str:
        station = self._station
        station.failpoint("answered")
        for attempt in range(1, TRIES + 1):
            found = scanned_before.NOTHING
            if answer.scanned_before:
                with station.ledger.read() as view:
                    found = scanned_before.consequences(
                        view,
                        row,
                        answer.scanned_before,
                        policy=station.config.freeze_scanned_before,
                        freeze=attempt < TRIES,
                    )
            detail = "; ".join(filter(None, (_remarks(row, answer), found.remark))) or None
            try:
                self._settle(row, ACKNOWLEDGED, detail, *found.changes)
            except Refused:
                # Somebody ordered other things of these codes since they were looked at, or
                # reprints them. At last it goes without: the backend has taken the activation.
                if found.freeze is None:
                    raise
                continue
            self._freeze = found.freeze or self._freeze
            break
        station.failpoint("settled")
        return ACKNOWLEDGED

    def _settle(self, row: OrderRow, status: str, detail: str | None, *more: Change) -> str:
        station, settled = self._station, Settled(row.order, status, detail)
        try:
            author = station.author_of(station.line(row.change.line or DEFAULT_LINE))
            station.ledger.commit(author, settled, *more)
        except (NotFound, Refused):
            # The line's key was lost or revoked since: the station says what came of it.
            station.ledger.commit(station.author, settled, *more)
        return status


def _asked(away: Away | None) -> timedelta:
    """How long the backend asked to be left alone."""
    return min(timedelta(seconds=away.retry_after or 0 if away else 0), RETRY_AFTER)


def batch_of(station: Station, batch: str) -> wire.Batch:
    """The batch, as a backend is told of it."""
    with station.ledger.read() as view:
        home, row = view.home(), view.batch(batch)
    return wire.Batch(
        batch=row.batch,
        home=home.home,
        symbols=row.alphabet,
        length=row.length,
        canonical=row.canonical,
        quantity=row.quantity,
        scheme=home.fingerprint_scheme,
        fingerprint_key_id=home.fingerprint_key_id,
        role=row.role,
        pair_of=row.pair_of,
    )


def _order(row: OrderRow, head: str) -> wire.Order:
    change = row.change
    return wire.Order(
        order=change.order,
        batch=change.batch,
        action=change.action.value,
        serials=serials.to_pairs(change.serials),
        skip=("void",) if change.skip_void else (),
        count=change.count,
        from_state=to_api_state(change.from_state).value if change.from_state else None,
        attributes=patch_of(change.attributes),
        effective_at=time_of(change.attributes, "effective_at"),
        expires_at=time_of(change.attributes, "expires_at"),
        reason=change.reason,
        audit_head=head,
    )


def patch_of(attributes: Mapping[str, Value]) -> dict[str, Value]:
    """The part of a patch that travels among the attributes.

    Validity has fields of its own, where null says nothing; to remove it, it stands here.
    """
    return {k: v for k, v in attributes.items() if k not in VALIDITY or v is None}


def time_of(attributes: Mapping[str, Value], key: str) -> str | None:
    """The part that travels in the field `key`."""
    value = attributes.get(key)
    return None if value is None else str(value)


def _remarks(row: OrderRow, answer: wire.OrderAnswer) -> str | None:
    """What a person should hear of an order the backend took another way than the books."""
    if answer.applied_count == row.applied_count:
        return None
    return (
        f"the backend changed {answer.applied_count:,} codes, the books {row.applied_count:,}: "
        f"see mintmark reconcile {row.batch}"
    )

"""Delivery: queued orders go to the backend, first in, first out for each batch.

At least once, with exactly one effect: the order's id makes a repeated PUT harmless.
A crash between any two lines leaves an order queued that is sent again.

    claim (a lease, so that two deliverers never send one order at once)
    → register the batch → for an activation, its fingerprints → the order
    → Settled(acknowledged | refused), or the next attempt's time
"""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from ..codegen import serials
from ..codegen.attributes import VALIDITY, Value
from ..codegen.ledger.changes import Settled
from ..codegen.ledger.rows import OrderRow
from ..codegen.lifecycle import Action, seen
from ..codegen.result import Result
from ..codegen.station.station import DEFAULT_LINE, Station
from . import wire
from .api import Away, Client, Declined
from .orders import ACKNOWLEDGED, QUEUED, REFUSED

LEASE = timedelta(minutes=5)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(minutes=5)

Tick = Callable[[str, int, int], None]


@dataclass(frozen=True)
class DeliverResult(Result):
    """Order ids by what became of them, and how many still wait."""

    delivered: tuple[str, ...]
    queued: int
    refused: tuple[str, ...]
    detail: str | None = None

    @property
    def exit_code(self) -> int:
        """75 while something is queued."""
        return 75 if self.queued else 0

    def lines(self) -> Iterator[str]:
        """Counts, then the refused by name."""
        yield (
            f"{len(self.delivered)} delivered, {self.queued} queued, {len(self.refused)} refused"
            f"{f' ({self.detail})' if self.detail else ''}"
        )
        for order in self.refused:
            yield f"  refused {order}: see mintmark orders show {order}"


def wait(attempts: int, jitter: float) -> timedelta:
    """How long after the `attempts`-th failure: doubling to a limit, spread by `jitter` (0–1)."""
    doubled = FIRST_WAIT * (1 << min(attempts, 16))
    return min(doubled, LONGEST_WAIT) * (0.5 + jitter / 2)


def deliver(
    station: Station,
    client: Client | None,
    *,
    batch: str | None = None,
    patient: bool = False,
    tick: Tick = lambda *_: None,
) -> DeliverResult:
    """Send what is queued, all batches or one, until nothing is due or the backend is away.

    `patient` waits out each order's next attempt (a service); otherwise every queued
    order is tried now (a person asked). Without a client nothing is sent.
    """
    delivered: list[str] = []
    refused: list[str] = []
    detail = None if client else "no backend is configured"
    courier = _Courier(station, client, tick) if client else None
    stuck: set[str] = set()
    while courier and (row := _next(station, batch, stuck, patient=patient)):
        answer = courier.send(row)
        if answer == ACKNOWLEDGED:
            delivered.append(row.change.order)
        elif answer == REFUSED:
            refused.append(row.change.order)
        else:
            stuck.add(row.change.batch)
            detail = answer
    with station.ledger.read() as view:
        queued = sum(1 for row in view.orders(batch=batch, status=QUEUED, limit=1_000_000))
    return DeliverResult(tuple(delivered), queued, tuple(refused), detail if queued else None)


def _next(
    station: Station, batch: str | None, stuck: set[str], *, patient: bool
) -> OrderRow | None:
    moment = station.now() if patient else station.now() + LONGEST_WAIT * 2
    with station.ledger.read() as view:
        rows = view.due(moment, 1_000)
    for row in rows:
        if row.change.batch not in stuck and batch in (None, row.change.batch):
            return row
    return None


class _Courier:
    """Sends one order after another over one client; registers each batch once."""

    def __init__(self, station: Station, client: Client, tick: Tick) -> None:
        self._station = station
        self._client = client
        self._tick = tick
        self._registered: set[str] = set()
        self._holder = secrets.token_hex(8)

    def send(self, row: OrderRow) -> str:
        """`acknowledged`, `refused`, or in words why it stays queued."""
        ledger, order = self._station.ledger, row.change.order
        now = self._station.now()
        if not ledger.claim(order, self._holder, now + LEASE, now):
            return "another process is sending it"
        try:
            answer = self._put(row)
        except Away as away:
            pause = wait(row.attempts, secrets.randbelow(1_000) / 1_000)
            if away.retry_after is not None:
                pause = max(pause, timedelta(seconds=min(away.retry_after, 3_600)))
            ledger.attempted(order, self._station.now() + pause, away.reason)
            return away.reason
        except Declined as declined:
            return self._settle(row, REFUSED, declined.summary)
        except BaseException:
            ledger.release(order, self._holder)
            raise
        return self._settle(row, ACKNOWLEDGED, _scanned_early(answer))

    def _put(self, row: OrderRow) -> wire.OrderAnswer:
        change = row.change
        if change.batch not in self._registered:
            self._client.register(_batch(self._station, change.batch))
            self._registered.add(change.batch)
        if change.action is Action.ACTIVATE:
            self._upload(row)
        with self._station.ledger.read() as view:
            _, head = view.head()
        return self._client.order(_order(row, head))

    def _upload(self, row: OrderRow) -> None:
        station, batch = self._station, row.change.batch
        # A code that was void when the order was booked is none of the backend's business.
        where = serials.subtract(row.change.serials, row.skipped)
        total, done = serials.count(where), 0
        for piece in where:
            for first, data in station.vault.fingerprints(batch, piece, station.station_keys):
                self._client.upload(batch, first, data)
                done += len(data) // wire.FINGERPRINT_BYTES
                self._tick("fingerprints", done, total)

    def _settle(self, row: OrderRow, status: str, detail: str | None) -> str:
        line = self._station.line(row.change.line or DEFAULT_LINE)
        self._station.ledger.commit(
            self._station.author_of(line), Settled(row.change.order, status, detail)
        )
        return status


def _batch(station: Station, batch: str) -> wire.Batch:
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
    validity = {key: change.attributes.get(key) for key in VALIDITY}
    return wire.Order(
        order=change.order,
        batch=change.batch,
        action=change.action.value,
        serials=serials.to_pairs(change.serials),
        skip=("void",) if change.skip_void else (),
        count=change.count,
        from_state=seen(change.from_state).value if change.from_state else None,
        attributes={k: v for k, v in change.attributes.items() if k not in VALIDITY},
        effective_at=_text(validity["effective_at"]),
        expires_at=_text(validity["expires_at"]),
        reason=change.reason,
        audit_head=head,
    )


def _text(value: Value) -> str | None:
    return None if value is None else str(value)


def _scanned_early(answer: wire.OrderAnswer) -> str | None:
    count = len(answer.scanned_before)
    return f"{count} of these codes were scanned before they were active" if count else None

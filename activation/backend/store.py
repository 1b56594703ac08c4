"""The backend's books: batches, orders, scans. Each public method is one transaction.

The store sees fingerprints, never codes. A refusal raises `Problem`, with nothing changed.
Clocks come in: `now`, an aware datetime, with each call; `monotonic`, seconds that never go
back, when it is made.
"""

import json
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import URL, Connection, Row, select

from ...codegen.ranges.lifecycle import Standing
from ..client import wire
from . import (
    apply_order,
    batch_page,
    chunks,
    dialects,
    kept_answers,
    packing,
    same_content,
    scan_counters,
    scan_ins,
    scan_notes,
    tables,
    tile_store,
)
from .apply_aggregation import AggregationRequest
from .apply_scan_in import Permit, ScanInRequest
from .batch_page import PageQuery
from .batch_rows import known as _known
from .batch_rows import row as _row
from .database import Database
from .limits import DEFAULT_LIMITS, BackendLimits
from .market_books import MarketBooks
from .nonces import Nonce
from .nonces import take as take_nonces
from .problems import Problem
from .pulse import Pulse
from .replicas import Replicas
from .scanned_code import ScanRequest

_STANDINGS = 10_000  # kept in memory
_RULES_SECONDS = 1.0
_UNREAD: tuple[float, list[tuple[str, int]]] = (float("-inf"), [])


class Store(MarketBooks):
    """The books in one database; close it when done. Safe to share between threads.

    `replicas`: of PostgreSQL, from which pages may be read while `pulse` beats.
    """

    def __init__(
        self,
        database: URL,
        limits: BackendLimits = DEFAULT_LIMITS,
        monotonic: Callable[[], float] = time.monotonic,
        replicas: Sequence[URL] = (),
    ) -> None:
        self.limits = limits
        self._monotonic = monotonic
        self._swept = 0
        self._forget()
        self._database = Database(database, self._forget)
        read = self._database.read
        self.pulse = Pulse(read, monotonic)
        self._replicas = Replicas(replicas, read, self.pulse, limits.replica_seconds, monotonic)

    def _forget(self) -> None:
        """Forget what was read: the database may be another, after a failover.

        Of standings none ever changes; but a standby that was behind gives numbers away anew.
        """
        self._rules = _UNREAD
        self._standings: dict[int, Standing] = {}  # of scans

    def look_at(self) -> None:
        """Raises `IntegrityError` for damage that the database itself finds; takes seconds."""
        self._database.look_at()

    def close(self) -> None:
        """Close the database, and its replicas."""
        self.pulse.stop()
        self._replicas.close()
        self._database.close()

    def register(self, batch: wire.Batch, now: datetime) -> None:
        """Make a batch known, all of it inactive. Raises batch-differs."""
        with self._database.write() as connection:
            row = {"batch": batch.batch, **batch.body(), "registered": int(now.timestamp())}
            fresh = dialects.upsert(connection, tables.batches).values(row)
            made = fresh.on_conflict_do_nothing().returning(tables.batches.c.number)
            number = connection.execute(made).scalar_one_or_none()
            self._rules = _UNREAD
            if number is not None:
                tile_store.begin(connection, number, batch.quantity)
                rule = {"canonical": batch.canonical, "length": batch.length}
                dialects.merge(connection, tables.rules, [rule], keep=True)
            elif batch_page.info(_known(connection, batch.batch)) != batch:
                raise Problem("batch-differs", "a registered batch never changes")

    def upload(self, batch: str, first: int, data: bytes, now: datetime) -> None:
        """Keep fingerprints of serials from `first` until an activation needs them.

        Raises invalid, not-found, outside, fingerprints-differ.
        """
        size = check_length(data)
        with self._database.write() as connection:
            row = _known(connection, batch, lock=True)
            if first + size - 1 > row.quantity:
                raise Problem("outside", f"the batch holds serials 1 to {row.quantity}")
            at = int(now.timestamp())
            chunks.expire(connection, at - self.limits.pending_seconds)
            chunks.upload(connection, row.number, first, data, at)

    def order(self, order: apply_order.Request, now: datetime) -> wire.OrderAnswer:
        """Apply an order once; the same order again gets the same answer, or refusal.

        Raises not-found, order-differs, outside, and what `apply_order` raises.
        """
        with self._database.write(keep=not order.dry_run) as connection:
            row = _row(connection, order.batch, lock=True)
            identity, table = same_content.identity(order), tables.orders
            if (kept := kept_answers.stored(connection, table, order.order)) is not None:
                kept_answers.check_same(kept, identity, same_content.is_same)
                return wire.OrderAnswer.parse(kept_answers.answer_of(kept))
            if row is None:
                raise Problem("not-found", "register the batch first")
            answer = self._applied(connection, row, order, now)
            new: dict[str, Any] = {"order_id": order.order, "identity": identity}
            new |= {"audit_head": order.audit_head, "arrived": int(now.timestamp())}
            kept_answers.keep(connection, table, new, answer, [row.home])
        if isinstance(answer, Problem):
            raise answer
        return answer

    def _applied(
        self, connection: Connection, row: Row[Any], order: apply_order.Request, now: datetime
    ) -> wire.OrderAnswer | Problem:
        """The answer; or the refusal, and then nothing has changed."""
        if apply_order.is_never_valid(order):
            return Problem("invalid", "expires_at does not lie after effective_at")
        if order.serials[-1].last > row.quantity:
            return Problem("outside", f"the batch holds serials 1 to {row.quantity}")
        try:
            with connection.begin_nested():
                at = int(now.timestamp())
                return apply_order.apply_order(connection, row.number, order, at, self.limits)
        except Problem as problem:
            return problem

    def get_order(
        self, order: str, permit: Callable[[str], None] = lambda _: None
    ) -> wire.OrderAnswer:
        """The answer an order was given. Raises not-found, or the refusal it was given.

        First `permit` is called with the order's batch: it raises `Problem` for a sender who
        may not see it.
        """
        with self._database.read() as connection:
            kept = kept_answers.stored(connection, tables.orders, order)
            if kept is None:
                raise Problem("not-found", "no such order was applied here")
            permit(json.loads(kept.identity)["batch"])
            return wire.OrderAnswer.parse(kept_answers.answer_of(kept))

    def aggregate(self, request: AggregationRequest, now: datetime) -> wire.AggregationAnswer:
        """Apply an aggregation once; the same again gets the same answer, or refusal.

        Raises not-found, order-differs, and what `apply_aggregation` raises.
        """
        with self._database.write(keep=not request.dry_run) as connection:
            answer = packing.aggregate(connection, request, now, self.limits)
        if isinstance(answer, Problem):
            raise answer
        return answer

    def get_aggregation(
        self, name: str, permit: Callable[[str], None] = lambda _: None
    ) -> wire.AggregationAnswer:
        """As `get_order`; `permit` is called with each batch that the aggregation names."""
        with self._database.read() as connection:
            return packing.read(connection, name, permit)

    def parents(self, batch: str, after: int) -> wire.ParentsPage:
        """What serials after `after` lie in, as much as a page holds. Raises not-found."""
        with self._database.read() as connection:
            return packing.page(connection, _known(connection, batch), after)

    def scan_in(
        self, request: ScanInRequest, now: datetime, permit: Permit = lambda _: None
    ) -> wire.ScanInAnswer:
        """Take goods in for a dealer, once; the same again gets the same answer, or refusal.

        Raises order-differs, and what `apply_scan_in` raises; `permit` is called with each batch.
        """
        with self._database.write() as connection:
            answer = scan_ins.take(connection, request, now, permit, self.limits)
        if isinstance(answer, Problem):
            raise answer
        return answer

    def head(self, home: str) -> wire.HeadAnswer:
        """The head that came with the newest order of `home`, as far as one did."""
        query = select(tables.heads).where(tables.heads.c.home == home)
        with self._database.read() as connection:
            row = connection.execute(query).first()
            if row is None:
                return wire.HeadAnswer(home)
            at = scan_counters.time_text(row.arrived)
            # Read as a line would read it: a head that is none stops here.
            return wire.HeadAnswer.parse(wire.HeadAnswer(home, row.head, row.order_id, at).body())

    def page(self, batch: str, after: int = 0, *, digests: bool = False) -> wire.BatchPage:
        """The ranges after serial `after`, as many as a page holds. Raises not-found."""
        return self.query(batch, PageQuery(after, digests))

    def query(self, batch: str, query: PageQuery) -> wire.BatchPage:
        """The ranges that are asked for, as many as a page holds. Raises not-found."""
        with self._database.read() as connection:
            return batch_page.read(connection, _known(connection, batch), query, self.limits)

    def fresh(self, nonces: Sequence[Nonce], now: datetime) -> list[bool]:
        """Of each nonce, whether its key never used it; from now on it has."""
        with self._database.write() as connection:
            return take_nonces(connection, nonces, now)

    def rules(self) -> Sequence[tuple[str, int]]:
        """The (canonical rule, code length) pairs of the registered batches.

        A batch that another worker registered is seen a second later, long before it is
        printed.
        """
        read, rules = self._rules
        if self._monotonic() - read > _RULES_SECONDS:
            with self._database.read() as connection:
                found = connection.execute(select(tables.rules))
                rules = [(row.canonical, row.length) for row in found]
            self._rules = self._monotonic(), rules
        return rules

    def scan(
        self, candidates: Sequence[bytes], scan_id: str | None, now: datetime
    ) -> wire.ScanAnswer:
        """Answer and count a scan of a code with one of these fingerprints."""
        return self.scans([ScanRequest(candidates, scan_id)], now)[0]

    def scans(self, scans: Sequence[ScanRequest], now: datetime) -> list[wire.ScanAnswer]:
        """Answer and count scans, in the order they came; all of them or none."""
        self._sweep(now)
        with self._database.write() as connection:
            if len(self._standings) > _STANDINGS:
                self._standings = {}  # not cleared: another group may be reading it
            return scan_counters.count(connection, scans, now, self.limits, self._standings)

    def _sweep(self, now: datetime) -> None:
        """Now and then, delete what has expired; readers pass over it anyway.

        By itself: it holds rows of any codes, and scans hold their own in another order.
        """
        at = int(now.timestamp())
        if at - self._swept < self.limits.sweep_seconds:
            return
        self._swept = at
        with self._database.write() as connection:
            if dialects.has_turn(connection, dialects.SWEEPING):  # else another host does it
                scan_notes.expire(connection, at, self.limits)


def check_length(data: bytes) -> int:
    """How many codes an upload is of. Raises invalid for a length that no upload has."""
    size, rest = divmod(len(data), wire.FINGERPRINT_BYTES)
    if rest or not 1 <= size <= wire.CHUNK_CODES:
        raise Problem(
            "invalid", f"send 16 bytes a code, for 1 to {wire.CHUNK_CODES} codes at a time"
        )
    return size

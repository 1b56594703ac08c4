"""The backend's books: batches, orders, scans. One public method a transaction.

The store sees fingerprints, never codes. Everything refused raises `Problem`, with nothing
changed. It reads no clock: `now` comes in, an aware datetime.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from ...codegen.attributes import to_json
from ...codegen.lifecycle import seen
from ...codegen.serials import Range
from .. import wire
from . import chunks, counting, placing, shelf, tables
from .database import FILE, Database
from .limits import DEFAULT_LIMITS, Limits
from .problems import Problem

_INFO = tuple(item.name for item in fields(wire.Batch))


class Store:
    """The books in one folder; close it when done. Safe to share between threads."""

    def __init__(self, folder: Path, limits: Limits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self._database = Database(folder / FILE)
        self._swept = 0

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def register(self, batch: wire.Batch, now: datetime) -> None:
        """Make a batch known, all of it inactive. Raises batch-differs."""
        with self._database.write() as connection:
            known = _row(connection, batch.batch)
            if known is not None:
                if _info(known) != batch:
                    raise Problem("batch-differs", "a registered batch never changes")
                return
            row = {"batch": batch.batch, **batch.body(), "registered": int(now.timestamp())}
            made = connection.execute(insert(tables.batches).values(row))
            shelf.begin(connection, tables.given_id(made), batch.quantity)

    def upload(self, batch: str, first: int, data: bytes, now: datetime) -> None:
        """Keep fingerprints of serials from `first` until an activation asks for them.

        Raises not-found, invalid, outside, fingerprints-differ.
        """
        size, rest = divmod(len(data), wire.FINGERPRINT_BYTES)
        if rest or not 1 <= size <= wire.CHUNK_CODES:
            raise Problem(
                "invalid", f"send 16 bytes a code, for 1 to {wire.CHUNK_CODES} codes at a time"
            )
        with self._database.write() as connection:
            row = _known(connection, batch)
            if first + size - 1 > row.quantity:
                raise Problem("outside", f"the batch holds serials 1 to {row.quantity}")
            at = int(now.timestamp())
            chunks.expire(connection, at - self.limits.pending_seconds)
            chunks.upload(connection, row.number, first, data, at)

    def order(self, order: placing.Request, now: datetime) -> wire.OrderAnswer:
        """Apply an order once; the same order again gets the same answer.

        Raises not-found, order-differs, and what `placing.place` raises.
        """
        with self._database.write(keep=not order.dry_run) as connection:
            identity = placing.identity(order)
            stored = _stored(connection, order.order)
            if stored is not None:
                if stored.identity != identity:
                    raise Problem("order-differs", "give every order an id of its own")
                return wire.OrderAnswer.parse(json.loads(stored.answer))
            row, at = _known(connection, order.batch), int(now.timestamp())
            if order.serials[-1].last > row.quantity:
                raise Problem("outside", f"the batch holds serials 1 to {row.quantity}")
            answer = placing.place(connection, row.number, order, at, self.limits)
            kept = {
                "order_id": order.order,
                "identity": identity,
                "answer": json.dumps(answer.body(), ensure_ascii=False),
                "audit_head": order.audit_head,
                "arrived": at,
            }
            connection.execute(insert(tables.orders).values(kept))
            return answer

    def get_order(self, order: str) -> wire.OrderAnswer:
        """The answer an order was given. Raises not-found."""
        with self._database.read() as connection:
            stored = _stored(connection, order)
        if stored is None:
            raise Problem("not-found", "no such order was applied here")
        return wire.OrderAnswer.parse(json.loads(stored.answer))

    def page(self, batch: str, after: int, *, digests: bool) -> wire.BatchPage:
        """The ranges after serial `after`, as many as a page holds. Raises not-found."""
        with self._database.read() as connection:
            row = _known(connection, batch)
            ranges = tuple(
                _shown(connection, row.number, piece, digests=digests)
                for piece in self._pieces(connection, row, after, digests=digests)
            )
        last = ranges[-1].last if ranges else row.quantity
        return wire.BatchPage(_info(row), ranges, last if last < row.quantity else None)

    def unknown(self, after: int, now: datetime) -> wire.UnknownPage:
        """Unknown scans that were first noted after the cursor `after`."""
        table = tables.unknown_scans
        since = int(now.timestamp()) - self.limits.unknown_seconds
        query = (
            select(table)
            .where(table.c.id > after, table.c.last >= since)
            .order_by(table.c.id)
            .limit(wire.LISTED)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        scans = tuple(
            wire.UnknownScan(
                row.fingerprint, counting.stamp(row.first), counting.stamp(row.last), row.times
            )
            for row in rows
        )
        return wire.UnknownPage(scans, rows[-1].id if len(rows) == wire.LISTED else None)

    def rules(self) -> list[tuple[str, int]]:
        """The (canonical rule, code length) pairs of the registered batches."""
        table = tables.batches
        with self._database.read() as connection:
            found = connection.execute(select(table.c.canonical, table.c.length).distinct())
            return [(row[0], row[1]) for row in found]

    def scan(
        self, candidates: Sequence[bytes], scan_id: str | None, now: datetime
    ) -> wire.ScanAnswer:
        """Answer and count a scan of a code with one of these fingerprints."""
        with self._database.write() as connection:
            self._sweep(connection, now)
            return counting.count(connection, candidates, scan_id, now, self.limits)

    def _pieces(
        self, connection: Connection, row: Row[Any], after: int, *, digests: bool
    ) -> Iterator[tuple[Range, int]]:
        """The next ranges with their standings' numbers, as many as a page holds."""
        if after >= row.quantity:
            return
        most = after + wire.PAGE_CODES if digests else row.quantity
        room, standings = self.limits.page_attribute_chars, shelf.Standings(connection)
        for tile in shelf.page(connection, row.number, after + 1, wire.PAGE_RANGES):
            if tile.serials.first > most or room < 0:
                return
            room -= sum(len(k) + len(v) for k, v in standings.get(tile.value).attributes)
            yield (
                Range(max(tile.serials.first, after + 1), min(tile.serials.last, most)),
                tile.value,
            )

    def _sweep(self, connection: Connection, now: datetime) -> None:
        """Now and then, forget what has expired; readers pass over it anyway."""
        at = int(now.timestamp())
        if at - self._swept < self.limits.sweep_seconds:
            return
        self._swept = at
        counting.expire(
            connection, at - self.limits.scan_answer_seconds, at - self.limits.unknown_seconds
        )


def _row(connection: Connection, batch: str) -> Row[Any] | None:
    query = select(tables.batches).where(tables.batches.c.batch == batch)
    return connection.execute(query).first()


def _known(connection: Connection, batch: str) -> Row[Any]:
    row = _row(connection, batch)
    if row is None:
        raise Problem("not-found", "register the batch first")
    return row


def _stored(connection: Connection, order: str) -> Row[Any] | None:
    query = select(tables.orders).where(tables.orders.c.order_id == order)
    return connection.execute(query).first()


def _info(row: Row[Any]) -> wire.Batch:
    return wire.Batch(**{name: getattr(row, name) for name in _INFO})


def _shown(
    connection: Connection, batch: int, piece: tuple[Range, int], *, digests: bool
) -> wire.RangeState:
    where, number = piece
    standing = shelf.Standings(connection).get(number)
    scans = tables.scans
    scanned = (
        select(func.count())
        .select_from(scans)
        .where(
            scans.c.batch == batch,
            scans.c.serial.between(where.first, where.last),
            scans.c.scans > 0,
        )
    )
    return wire.RangeState(
        first=where.first,
        last=where.last,
        state=seen(standing.state),
        attributes=to_json(standing.attributes),
        scanned=connection.execute(scanned).scalar_one(),
        held=chunks.live_count(connection, batch, where) if digests else None,
        digest=chunks.digest(connection, batch, where) if digests else None,
    )

"""Fingerprints as they were uploaded: pending, invisible to scans, expiring.

A chunk is a run of serials, 16 bytes each; those of a batch do not overlap. An activation makes
live what it activates (`enliven`); the rest of a chunk expires.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select, tuple_, update

from ...codegen.ranges.serials import Range, subtract
from ..client.wire import FINGERPRINT_BYTES as SIZE
from . import live_runs, tables
from .problems import Problem


def upload(connection: Connection, batch: int, first: int, data: bytes, now: int) -> None:
    """Keep fingerprints of serials from `first`; those that are held must be the same.

    Raises `Problem` fingerprints-differ. Chunks that were pending start to expire anew.
    """
    serials = Range(first, first + len(data) // SIZE - 1)
    held = []
    for chunk in _overlapping(connection, batch, serials):
        _check_same(chunk.data, chunk.first, data, first)
        held.append(Range(chunk.first, chunk.last))
    _check_live(connection, batch, serials, data)
    for piece in held:
        connection.execute(
            update(tables.pending)
            .where(tables.pending.c.batch == batch, tables.pending.c.first == piece.first)
            .values(arrived=now)
        )
    if live_runs.count(connection, batch, serials) == len(serials):
        return
    for piece in subtract([serials], held):
        row = {
            "batch": batch,
            "first": piece.first,
            "last": piece.last,
            "data": live_runs.cut(data, first, piece),
            "arrived": now,
        }
        connection.execute(insert(tables.pending).values(row))


def pending(connection: Connection, batch: int, serials: Range, since: int = 0) -> list[Range]:
    """The chunks that overlap `serials`, whole and ascending; those that arrived `since`."""
    return [Range(*row) for row in connection.execute(_pending_in(batch, serials, since))]


def data_of(connection: Connection, batch: int, first: int) -> bytes:
    """The fingerprints of the chunk that begins at `first`."""
    table = tables.pending
    query = select(table.c.data).where(table.c.batch == batch, table.c.first == first)
    found: bytes = connection.execute(query).scalar_one()
    return found


def drop(connection: Connection, batch: int, first: int) -> None:
    """Delete the chunk that begins at `first`."""
    table = tables.pending
    connection.execute(delete(table).where(table.c.batch == batch, table.c.first == first))


def expire(connection: Connection, cutoff: int) -> None:
    """Delete chunks that arrived before `cutoff`."""
    table = tables.pending
    key = tuple_(table.c.batch, table.c.first)
    # Chunks that another transaction has locked are passed over: a deadlock is impossible.
    old = (
        select(table.c.batch, table.c.first)
        .where(table.c.arrived < cutoff)
        .with_for_update(skip_locked=True)
    )
    connection.execute(delete(table).where(key.in_(old)))


def _pending_in(batch: int, serials: Range, since: int = 0) -> Select[Any]:
    """First and last serials of the chunks that overlap `serials`, ascending."""
    table = tables.pending
    return (
        select(table.c.first, table.c.last)
        .where(
            table.c.batch == batch,
            table.c.first <= serials.last,
            table.c.last >= serials.first,
            table.c.arrived >= since,
        )
        .order_by(table.c.first)
    )


def _overlapping(connection: Connection, batch: int, serials: Range) -> Iterator[Row[Any]]:
    query = _pending_in(batch, serials).add_columns(tables.pending.c.data)
    yield from connection.execute(query).all()


def _check_live(connection: Connection, batch: int, serials: Range, data: bytes) -> None:
    for first, run in live_runs.read(connection, batch, serials):
        _check_same(run, first, data, serials.first)


def _check_same(held: bytes, held_first: int, data: bytes, first: int) -> None:
    """Raises `Problem` if the two runs of fingerprints differ on a serial of both."""
    start = max(held_first, first)
    stop = min(held_first + len(held) // SIZE, first + len(data) // SIZE)
    mine = data[(start - first) * SIZE : (stop - first) * SIZE]
    if held[(start - held_first) * SIZE : (stop - held_first) * SIZE] != mine:
        raise _differ()


def _differ() -> Problem:
    return Problem(
        "fingerprints-differ",
        "a serial's fingerprint never changes: the file, the batch or the first serial is wrong",
    )

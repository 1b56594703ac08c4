"""Fingerprints: pending as they were uploaded, live as scans look them up.

A pending chunk is a run of serials, 16 bytes each. Activation copies what it activates
into the live table; the rest of a chunk expires.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)

from ...codegen.ranges.serials import Range, subtract
from ..client.wire import FINGERPRINT_BYTES as SIZE
from . import dialects, tables
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
    if live_count(connection, batch, serials) == len(serials):
        return
    for piece in subtract([serials], held):
        row = {
            "batch": batch,
            "first": piece.first,
            "last": piece.last,
            "data": data[(piece.first - first) * SIZE : (piece.last + 1 - first) * SIZE],
            "arrived": now,
        }
        connection.execute(insert(tables.pending).values(row))


def enliven(connection: Connection, batch: int, parts: Sequence[Range], cutoff: int) -> None:
    """Make the fingerprints of `parts` (ascending, disjoint, not empty) visible to scans.

    Only one chunk is in memory at a time. Raises `Problem` fingerprints-missing, which names
    the first serial without a fingerprint, or fingerprints-taken.
    """
    span = Range(parts[0].first, parts[-1].last)
    chunks = connection.execute(_pending_in(batch, span, cutoff)).all()
    at, done = 0, []
    for chunk in chunks:
        while at < len(parts) and parts[at].last < chunk.first:
            at += 1
        inside = _inside(parts, at, chunk.first, chunk.last)
        if inside:
            _make_live(connection, batch, chunk.first, inside)
        if inside == [Range(chunk.first, chunk.last)]:
            done.append(chunk.first)
    missing = _first_missing(connection, batch, parts)
    if missing is not None:
        raise _missing(connection, batch, missing, cutoff)
    table = tables.pending
    for first in done:
        connection.execute(delete(table).where(table.c.batch == batch, table.c.first == first))


def live_count(connection: Connection, batch: int, serials: Range) -> int:
    """How many serials of `serials` have a live fingerprint."""
    query = select(func.count()).select_from(tables.fingerprints).where(_live(batch, serials))
    return connection.execute(query).scalar_one()


def digest(connection: Connection, batch: int, serials: Range) -> str:
    """SHA-256 (hex) over the live fingerprints of `serials` in the order of the serials."""
    table = tables.fingerprints
    query = select(table.c.fingerprint).where(_live(batch, serials)).order_by(table.c.serial)
    found = hashlib.sha256()
    for rows in connection.execute(query.execution_options(yield_per=10_000)).partitions():
        found.update(b"".join(row[0] for row in rows))
    return found.hexdigest()


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


def _live(batch: int, serials: Range) -> ColumnElement[bool]:
    table = tables.fingerprints
    return (table.c.batch == batch) & table.c.serial.between(serials.first, serials.last)


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


def _check_same(held: bytes, held_first: int, data: bytes, first: int) -> None:
    """Raises `Problem` if the two runs of fingerprints differ on a serial of both."""
    start = max(held_first, first)
    stop = min(held_first + len(held) // SIZE, first + len(data) // SIZE)
    mine = data[(start - first) * SIZE : (stop - first) * SIZE]
    if held[(start - held_first) * SIZE : (stop - held_first) * SIZE] != mine:
        raise _differ()


def _check_live(connection: Connection, batch: int, serials: Range, data: bytes) -> None:
    table = tables.fingerprints
    query = select(table.c.serial, table.c.fingerprint).where(_live(batch, serials))
    for serial, held in connection.execute(query):
        offset = (serial - serials.first) * SIZE
        if data[offset : offset + SIZE] != held:
            raise _differ()


def _differ() -> Problem:
    return Problem(
        "fingerprints-differ",
        "a serial's fingerprint never changes: the file, the batch or the first serial is wrong",
    )


def _inside(parts: Sequence[Range], at: int, first: int, last: int) -> list[Range]:
    """The parts from index `at` on, cut to `first`..`last`."""
    inside = []
    while at < len(parts) and parts[at].first <= last:
        inside.append(Range(max(parts[at].first, first), min(parts[at].last, last)))
        at += 1
    return inside


def _make_live(connection: Connection, batch: int, first: int, inside: list[Range]) -> None:
    """Copy the serials `inside` the chunk that begins at `first`."""
    table = tables.pending
    own = (table.c.batch == batch) & (table.c.first == first)
    data = connection.execute(select(table.c.data).where(own)).scalar_one()
    wanted = b"".join(
        data[(piece.first - first) * SIZE : (piece.last + 1 - first) * SIZE] for piece in inside
    )
    serials = np.concatenate(
        [np.arange(piece.first, piece.last + 1, dtype=np.int64) for piece in inside]
    )
    dialects.insert_fingerprints(connection, batch, wanted, serials)


def _first_missing(connection: Connection, batch: int, parts: Sequence[Range]) -> int | None:
    """The first serial of `parts` without a live fingerprint."""
    span = Range(parts[0].first, parts[-1].last)
    if live_count(connection, batch, span) == len(span):
        return None
    table = tables.fingerprints
    query = select(table.c.serial).where(_live(batch, span)).order_by(table.c.serial)
    live = connection.execute(query.execution_options(yield_per=10_000)).scalars()
    serial = 0
    for piece in parts:
        for wanted in range(piece.first, piece.last + 1):
            while serial < wanted:
                serial = next(live, span.last + 1)
            if serial != wanted:
                live.close()
                return wanted
    live.close()
    return None


def _missing(connection: Connection, batch: int, serial: int, cutoff: int) -> Problem:
    pending = _pending_in(batch, Range(serial, serial), cutoff)
    if connection.execute(pending).first() is not None:
        return Problem(
            "fingerprints-taken",
            f"the fingerprint uploaded for serial {serial} belongs to another code",
            serial=serial,
        )
    return Problem(
        "fingerprints-missing",
        f"upload the fingerprints from serial {serial} on, then send the order again",
        serial=serial,
    )

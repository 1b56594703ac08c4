"""Live fingerprints in the order of their serials: what is read back, and what uploads must equal.

Scans look fingerprints up in one table, which is in the order of the fingerprints; here the same
ones lie by serial. A run is at most `RUN_CODES` serials in succession, 16 bytes each; the runs of
a batch do not overlap. An index of a row per code would cost an activation as much as the first
table does.
"""

import hashlib
from collections.abc import Iterable, Iterator

from sqlalchemy import ColumnElement, Connection, insert, select

from ...codegen.ranges.serials import Range, Ranges, join, pieces
from ..client.wire import FINGERPRINT_BYTES as SIZE
from . import tables
from .damage import Damaged

RUN_CODES = 4_096  # of a run, at most: to read a few codes, their run is read
_READ_CODES = 16 * RUN_CODES  # in memory at a time


def add(
    connection: Connection, batch: int, first: int, data: bytes, parts: Iterable[Range]
) -> None:
    """Keep the fingerprints of `parts`, of `data` that begins with `first`; none is live yet."""
    rows = [
        {"batch": batch, "first": run.first, "last": run.last, "data": cut(data, first, run)}
        for run in pieces(parts, RUN_CODES)
    ]
    connection.execute(insert(tables.live_runs), rows)


def live(connection: Connection, batch: int, serials: Range) -> Ranges:
    """The serials of `serials` that have a live fingerprint, ascending and joined."""
    return join(_held(connection, batch, serials))


def count(connection: Connection, batch: int, serials: Range) -> int:
    """How many serials of `serials` have a live fingerprint."""
    return sum(map(len, _held(connection, batch, serials)))


def digest(connection: Connection, batch: int, serials: Range) -> str:
    """SHA-256 (hex) over the live fingerprints of `serials` in the order of the serials."""
    found = hashlib.sha256()
    for _, data in read(connection, batch, serials):
        found.update(data)
    return found.hexdigest()


def read(connection: Connection, batch: int, serials: Range) -> Iterator[tuple[int, bytes]]:
    """(first serial, fingerprints) of what is live of `serials`, run by run.

    Raises `Damaged` for a run that holds another number of fingerprints than of serials.
    """
    table = tables.live_runs
    for part in pieces([serials], _READ_CODES):
        query = select(table.c.first, table.c.last, table.c.data).where(_near(batch, part))
        for first, last, data in connection.execute(query.order_by(table.c.first)).all():
            if len(data) != (last + 1 - first) * SIZE:
                raise Damaged
            if last >= part.first:
                inside = Range(max(first, part.first), min(last, part.last))
                yield inside.first, cut(data, first, inside)


def cut(data: bytes, first: int, serials: Range) -> bytes:
    """The fingerprints of `serials`, of `data` that begins with the serial `first`."""
    return data[(serials.first - first) * SIZE : (serials.last + 1 - first) * SIZE]


def _held(connection: Connection, batch: int, serials: Range) -> Iterator[Range]:
    """The runs, cut to `serials`."""
    table = tables.live_runs
    query = select(table.c.first, table.c.last).where(_near(batch, serials))
    for first, last in connection.execute(query.order_by(table.c.first)):
        if last >= serials.first:
            yield Range(max(first, serials.first), min(last, serials.last))


def _near(batch: int, serials: Range) -> ColumnElement[bool]:
    """The runs that may overlap `serials`: no run is longer than `RUN_CODES`."""
    table = tables.live_runs
    return (table.c.batch == batch) & table.c.first.between(
        serials.first - RUN_CODES + 1, serials.last
    )

"""Scans of codes that were not active yet: noted for good, and named by every activation."""

import bisect
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, delete, select

from ...codegen.ranges.serials import Range
from ..client.wire import LISTED
from . import dialects, partitions, tables, tile_store


def recognise(connection: Connection, batch: int) -> None:
    """Note that unknown scans of codes that are live by now were early scans of these codes.

    Counters by serial, then unknown scans by fingerprint: scans lock them in this order.
    """
    live, unknown = tables.fingerprints, tables.unknown_scans
    scans = partitions.of(connection, tables.scans)
    serial = (
        select(live.c.serial)
        .where(live.c.fingerprint == unknown.c.fingerprint, live.c.batch == batch)
        .scalar_subquery()
    )
    matched = select(unknown.c.id, unknown.c.fingerprint, serial.label("serial")).subquery()
    query = select(matched).where(matched.c.serial.is_not(None)).order_by(matched.c.serial)
    rows = connection.execute(query).all()
    for row in rows:
        new = {"batch": batch, "serial": row.serial, "scans": 0, "early": True}
        if "fingerprint" in scans.c:
            new["fingerprint"] = row.fingerprint
        early = dialects.upsert(connection, scans).values(new)
        key = list(scans.primary_key)
        connection.execute(early.on_conflict_do_update(index_elements=key, set_={"early": True}))
    for row in sorted(rows, key=lambda row: bytes(row.fingerprint)):
        own = (unknown.c.id == row.id) & (unknown.c.fingerprint == row.fingerprint)
        connection.execute(delete(unknown).where(own))


def scanned_before(connection: Connection, batch: int, ranges: Sequence[Range]) -> tuple[int, ...]:
    """Serials of `ranges`, now active, that were ever scanned while they were not."""
    scans = tables.scans
    query = (
        select(scans.c.serial)
        .where(
            scans.c.batch == batch,
            scans.c.serial.between(ranges[0].first, ranges[-1].last),
            scans.c.early,
            tile_store.is_active(scans.c.batch, scans.c.serial),
        )
        .order_by(scans.c.serial)
        .execution_options(yield_per=1_000)
    )
    found = []
    with connection.execute(query) as result:
        for serial in _within(result.scalars(), ranges):
            found.append(serial)
            if len(found) == LISTED:
                break
    return tuple(found)


def _within(serials: Iterator[int], ranges: Sequence[Range]) -> Iterator[int]:
    firsts = [piece.first for piece in ranges]
    for serial in serials:
        index = bisect.bisect_right(firsts, serial) - 1
        if index >= 0 and serial <= ranges[index].last:
            yield serial

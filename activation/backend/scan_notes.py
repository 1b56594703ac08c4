"""What is noted of scans besides the counters: unknown ones, refused ones, and where they were.

Rows of a known code are written under the lock of its counters, so that two groups never wait
for each other over them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, delete, func, insert, select, update

from . import dialects, tables
from .limits import BackendLimits

Noted = tuple[int, int, str]  # the number of a code's batch, its serial; a result, or a region


def unknown(
    connection: Connection, fingerprints: Iterable[bytes], at: int, limits: BackendLimits
) -> None:
    """Count unknown fingerprints. Past the cap, those that were noted first make room."""
    for fingerprint in sorted(fingerprints):  # others lock these rows as well
        _unknown(connection, fingerprint, at, limits)


def refused(
    connection: Connection, scans: Mapping[Noted, int], at: int, limits: BackendLimits
) -> None:
    """Count scans of known codes by the result that refused them; the cap is as of `unknown`."""
    if not scans:
        return
    table = tables.refused_scans
    known = {(row.batch, row.serial, row.state): row.id for row in _rows(connection, table, scans)}
    keys = sorted(scans)
    seen = [{"row": known[key], "more": scans[key], "at": at} for key in keys if key in known]
    if seen:
        more = {"times": table.c.times + bindparam("more"), "last": bindparam("at")}
        connection.execute(update(table).where(table.c.id == bindparam("row")).values(more), seen)
    fresh = [
        {"batch": key[0], "serial": key[1], "state": key[2]}
        | {"first": at, "last": at, "times": scans[key]}
        for key in keys
        if key not in known
    ]
    if fresh:
        connection.execute(insert(table), fresh)
        newest = connection.execute(select(func.max(table.c.id))).scalar_one()
        _delete(connection, table, table.c.id <= newest - limits.refused_scans)


def regions(
    connection: Connection, scans: Mapping[Noted, int], at: int, limits: BackendLimits
) -> None:
    """Count scans by the region they told; a code keeps a bounded number of regions."""
    if not scans:
        return
    known: dict[tuple[int, int], dict[str, tuple[int, int]]] = {}
    for row in _rows(connection, tables.scan_regions, scans):
        known.setdefault((row.batch, row.serial), {})[row.region] = row.scans, row.first
    rows = []
    for key in sorted(scans):
        batch, serial, region = key
        of_code = known.setdefault((batch, serial), {})
        if region not in of_code and len(of_code) >= limits.regions_per_code:
            continue
        before, first = of_code.setdefault(region, (0, at))
        count = {"scans": before + scans[key], "first": first, "last": at}
        rows.append({"batch": batch, "serial": serial, "region": region} | count)
    if rows:
        dialects.merge(connection, tables.scan_regions, rows)


def expire(connection: Connection, at: int, limits: BackendLimits) -> None:
    """Delete the rows that no reader may see any more."""
    answers, strange, turned = tables.scan_answers, tables.unknown_scans, tables.refused_scans
    connection.execute(delete(answers).where(answers.c.at < at - limits.scan_answer_seconds))
    connection.execute(delete(strange).where(strange.c.last < at - limits.unknown_seconds))
    _delete(connection, turned, turned.c.last < at - limits.refused_seconds)


def _rows(connection: Connection, table: Table, keys: Iterable[Noted]) -> Iterator[Row[Any]]:
    """The rows of these codes. Batch by batch: for pairs, SQLite would read the whole table."""
    codes: Sequence[tuple[int, int]] = sorted({(batch, serial) for batch, serial, _ in keys})
    for batch, found in groupby(codes, key=itemgetter(0)):
        serials = [serial for _, serial in found]
        query = select(table).where(table.c.batch == batch, table.c.serial.in_(serials))
        yield from connection.execute(query.with_for_update())


def _delete(connection: Connection, table: Table, condition: Any) -> None:  # noqa: ANN401 — SQLAlchemy's
    """Delete rows that nobody else holds: whoever holds one may wait for others of them."""
    free = select(table.c.id).where(condition).with_for_update(skip_locked=True)
    connection.execute(delete(table).where(table.c.id.in_(free)))


def _unknown(connection: Connection, fingerprint: bytes, at: int, limits: BackendLimits) -> None:
    table = tables.unknown_scans
    seen_before = connection.execute(
        table.update()
        .where(table.c.fingerprint == fingerprint)
        .values(times=table.c.times + 1, last=at)
    )
    if seen_before.rowcount:
        return
    made = connection.execute(
        dialects.upsert(connection, table)
        .values(fingerprint=fingerprint, first=at, last=at, times=1)
        .on_conflict_do_update(
            index_elements=["fingerprint"], set_={"times": table.c.times + 1, "last": at}
        )
        .returning(table.c.id)
    )
    newest = made.scalar_one()
    connection.execute(delete(table).where(table.c.id <= newest - limits.unknown_scans))

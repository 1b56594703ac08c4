"""What is noted of scans besides the counters: unknown ones, refused ones, and where they were.

Rows of a known code are written under the lock of its counters, so that two groups never wait
for each other over them. On PostgreSQL they lie in the partition of its fingerprint.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, delete, func, insert, select, update

from . import dialects, partitions, tables
from .limits import BackendLimits

Code = tuple[int, int]  # the number of its batch, its serial
Noted = tuple[int, int, str]  # a code, and a result, or a region
Prints = Mapping[Code, bytes]  # the codes' fingerprints


def unknown(
    connection: Connection, fingerprints: Iterable[bytes], at: int, limits: BackendLimits
) -> None:
    """Count unknown fingerprints. Past the cap, those that were noted first make room."""
    table = tables.unknown_scans
    newest = 0
    for fingerprint in sorted(fingerprints):  # others lock these rows as well
        newest = max(newest, _unknown(connection, fingerprint, at) or 0)
    if newest > limits.unknown_scans:
        connection.execute(delete(table).where(table.c.id <= newest - limits.unknown_scans))


def refused(
    connection: Connection,
    scans: Mapping[Noted, int],
    prints: Prints,
    at: int,
    limits: BackendLimits,
) -> None:
    """Count scans of known codes by the result that refused them; the cap is as of `unknown`."""
    if not scans:
        return
    table = partitions.of(connection, tables.refused_scans)
    rows = _rows(connection, table, scans, prints)
    known = {(row.batch, row.serial, row.state): row.id for row in rows}
    keys = sorted(scans)
    seen = [
        {"row": known[key], "print": prints[key[:2]], "more": scans[key], "at": at}
        for key in keys
        if key in known
    ]
    if seen:
        more = {"times": table.c.times + bindparam("more"), "last": bindparam("at")}
        own = update(table).where(table.c.id == bindparam("row"))
        if "fingerprint" in table.c:
            own = own.where(table.c.fingerprint == bindparam("print"))
        connection.execute(own.values(more), seen)
    fresh = [
        {**_named(table, key, prints), "state": key[2], "first": at, "last": at}
        | {"times": scans[key]}
        for key in keys
        if key not in known
    ]
    if fresh:
        connection.execute(insert(table), fresh)
        newest = connection.execute(select(func.max(table.c.id))).scalar_one()
        if newest > limits.refused_scans:
            _delete(connection, table, table.c.id <= newest - limits.refused_scans)


def regions(
    connection: Connection,
    scans: Mapping[Noted, int],
    prints: Prints,
    at: int,
    limits: BackendLimits,
) -> None:
    """Count scans by the region they told; a code keeps a bounded number of regions."""
    if not scans:
        return
    table = partitions.of(connection, tables.scan_regions)
    known: dict[Code, dict[str, tuple[int, int]]] = {}
    for row in _rows(connection, table, scans, prints):
        known.setdefault((row.batch, row.serial), {})[row.region] = row.scans, row.first
    rows = []
    for key in sorted(scans):
        region = key[2]
        of_code = known.setdefault(key[:2], {})
        if region not in of_code and len(of_code) >= limits.regions_per_code:
            continue
        before, first = of_code.setdefault(region, (0, at))
        count = {"scans": before + scans[key], "first": first, "last": at}
        rows.append({**_named(table, key, prints), "region": region} | count)
    if rows:
        dialects.merge(connection, table, rows)


def expire(connection: Connection, at: int, limits: BackendLimits) -> None:
    """Delete the rows that no reader may see any more."""
    answers, strange, turned = tables.scan_answers, tables.unknown_scans, tables.refused_scans
    connection.execute(delete(answers).where(answers.c.at < at - limits.scan_answer_seconds))
    connection.execute(delete(strange).where(strange.c.last < at - limits.unknown_seconds))
    _delete(connection, turned, turned.c.last < at - limits.refused_seconds)


def _named(table: Table, key: Noted, prints: Prints) -> dict[str, Any]:
    """The columns that say of which code a row is."""
    named: dict[str, Any] = {"batch": key[0], "serial": key[1]}
    return named | {"fingerprint": prints[key[:2]]} if "fingerprint" in table.c else named


def _rows(
    connection: Connection, table: Table, keys: Iterable[Noted], prints: Prints
) -> Iterator[Row[Any]]:
    """The rows of these codes. Batch by batch: for pairs, SQLite would read the whole table."""
    codes: Sequence[Code] = sorted({(batch, serial) for batch, serial, _ in keys})
    for batch, found in groupby(codes, key=itemgetter(0)):
        serials = [serial for _, serial in found]
        query = select(table).where(table.c.batch == batch, table.c.serial.in_(serials))
        if "fingerprint" in table.c:
            query = query.where(table.c.fingerprint.in_([prints[batch, n] for n in serials]))
        yield from connection.execute(query.with_for_update())


def _delete(connection: Connection, table: Table, condition: Any) -> None:  # noqa: ANN401 — SQLAlchemy's
    """Delete rows that nobody else holds: whoever holds one may wait for others of them."""
    free = select(table.c.id).where(condition).with_for_update(skip_locked=True)
    connection.execute(delete(table).where(table.c.id.in_(free)))


def _unknown(connection: Connection, fingerprint: bytes, at: int) -> int | None:
    """Count it; the id of its row if that is new."""
    table = tables.unknown_scans
    seen_before = connection.execute(
        table.update()
        .where(table.c.fingerprint == fingerprint)
        .values(times=table.c.times + 1, last=at)
    )
    if seen_before.rowcount:
        return None
    made = connection.execute(
        dialects.upsert(connection, table)
        .values(fingerprint=fingerprint, first=at, last=at, times=1)
        .on_conflict_do_update(
            index_elements=["fingerprint"], set_={"times": table.c.times + 1, "last": at}
        )
        .returning(table.c.id)
    )
    number: int = made.scalar_one()
    return number

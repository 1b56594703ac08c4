"""Reading back what scans tell of the market: unknown, refused, repeated, by region.

`connection` shows one moment; `since` are seconds: rows of which the last scan came before are
as good as deleted.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    collate,
    func,
    literal,
    select,
)

from ...codegen.ranges.serials import Range
from ..client import wire
from . import batch_page, dialects, tables
from .scan_counters import time_text

_EXAMPLES = 100  # serials of a range and a region
_PAGE_EXAMPLES = 100_000  # of a page, so that it stays within what a client takes


def unknown(connection: Connection, after: int, since: int) -> wire.UnknownPage:
    """Unknown scans that were first noted after the cursor `after`."""
    rows, following = _noted(connection, tables.unknown_scans, after, since)
    scans = (
        wire.UnknownScan(row.fingerprint, time_text(row.first), time_text(row.last), row.times)
        for row in rows
    )
    return wire.UnknownPage(tuple(scans), following)


def refused(connection: Connection, after: int, since: int) -> wire.RefusedPage:
    """Refused scans of known codes, as `unknown`."""
    rows, following = _noted(connection, tables.refused_scans, after, since)
    numbers, table = {row.batch for row in rows}, tables.batches
    known = select(table.c.number, table.c.batch).where(table.c.number.in_(numbers))
    names = {row.number: row.batch for row in connection.execute(known)}
    scans = (
        wire.RefusedScan(
            names[row.batch],
            row.serial,
            row.state,
            time_text(row.first),
            time_text(row.last),
            row.times,
        )
        for row in rows
    )
    return wire.RefusedPage(tuple(scans), following)


def repeats(connection: Connection, over: int, after: str | None) -> wire.RepeatsPage:
    """Codes of which consumers counted more than `over` scans, after the code `after`."""
    name, _, number = (after or "").rpartition(":")
    found = list[wire.Repeat]()
    for batch in connection.execute(_repeating(connection, over, name)).all():
        rest = int(number) if batch.batch == name else 0
        room = wire.LISTED + 1 - len(found)
        found += (
            wire.Repeat(
                batch.batch,
                row.serial,
                row.scans,
                time_text(row.first_scan),
                time_text(row.last_scan),
            )
            for row in connection.execute(_repeated(batch.number, over, rest).limit(room))
        )
        if len(found) > wire.LISTED:
            break
    shown = tuple(found[: wire.LISTED])
    more = len(found) > wire.LISTED
    return wire.RepeatsPage(shown, str(shown[-1].ref) if more else None)


def regions(connection: Connection, row: Row[Any], after: int) -> wire.RegionsPage:
    """Where codes of the batch in `row` were scanned, range by range, after serial `after`."""
    found, examples = list[wire.RegionScans](), 0
    at, told = after, _told(connection, row.number, after)
    while told is not None:
        for piece in batch_page.pieces(connection, row, at, row.quantity):
            at = piece.serials.last
            if at < told:
                continue
            of_range = _regions_of(connection, row.number, piece.serials)
            examples += sum(len(region.examples) for region in of_range)
            full = len(found) + len(of_range) > wire.PAGE_REGIONS or examples > _PAGE_EXAMPLES
            if found and full:
                return wire.RegionsPage(row.batch, tuple(found), found[-1].last)
            found += of_range
            told = _told(connection, row.number, at)
            if told is None:
                break
    return wire.RegionsPage(row.batch, tuple(found), None)


def _noted(
    connection: Connection, table: Table, after: int, since: int
) -> tuple[list[Row[Any]], int | None]:
    """A page of rows, and the cursor of the next one."""
    query = (
        select(table)
        # A cursor may be longer than the column's numbers, and PostgreSQL would refuse it.
        .where(table.c.id > literal(after, BigInteger), table.c.last >= since)
        .order_by(table.c.id)
        .limit(wire.LISTED + 1)  # one more, to know whether another page follows
    )
    rows = list(connection.execute(query).all())
    more = len(rows) > wire.LISTED
    return rows[: wire.LISTED], rows[wire.LISTED - 1].id if more else None


def _repeating(connection: Connection, over: int, name: str) -> Select[Any]:
    """The batches from `name` on that have repeats, ascending as their bytes do."""
    table = tables.batches
    key = _bytewise(connection, table.c.batch)
    repeated = _repeated(table.c.number, over, 0).order_by(None).correlate(table).exists()
    query = select(table.c.number, table.c.batch).where(key >= name, repeated)
    return query.order_by(key).limit(wire.LISTED + 1)


def _bytewise(connection: Connection, column: Column[str]) -> ColumnElement[str]:
    """`column`, ascending as its bytes do: SQLite compares so by itself."""
    return collate(column, "C") if dialects.is_postgresql(connection) else column


def _repeated(batch: Any, over: int, after: int) -> Select[Any]:  # noqa: ANN401 — a column, or a number
    table = tables.scans
    return (
        select(table)
        .where(
            table.c.batch == batch,
            table.c.serial > after,
            table.c.last_scan.is_not(None),  # what the index is of
            table.c.scans > over,
        )
        .order_by(table.c.serial)
    )


def _told(connection: Connection, batch: int, after: int) -> int | None:
    """The first serial after `after` of which a scan told a region."""
    table = tables.scan_regions
    query = select(func.min(table.c.serial)).where(table.c.batch == batch, table.c.serial > after)
    return connection.execute(query).scalar()


def _regions_of(connection: Connection, batch: int, piece: Range) -> list[wire.RegionScans]:
    """What the scans of these codes told; of more regions than a page holds the busiest."""
    table = tables.scan_regions
    of_range = (table.c.batch == batch) & table.c.serial.between(piece.first, piece.last)
    count = func.count().label("codes")
    totals = (
        select(
            table.c.region,
            count,
            func.sum(table.c.scans).label("scans"),
            func.min(table.c.first).label("first"),
            func.max(table.c.last).label("last"),
        )
        .where(of_range)
        .group_by(table.c.region)
        .order_by(count.desc(), _bytewise(connection, table.c.region))
        .limit(wire.PAGE_REGIONS)
    )
    rows = {row.region: row for row in connection.execute(totals)}
    most = min(_EXAMPLES, _PAGE_EXAMPLES // max(len(rows), 1))
    place = func.row_number().over(partition_by=table.c.region, order_by=table.c.serial)
    placed = select(table.c.region, table.c.serial, place.label("place")).where(of_range).subquery()
    some = select(placed.c.region, placed.c.serial).where(placed.c.place <= most)
    examples: dict[str, list[int]] = {region: [] for region in rows}
    for region, serial in connection.execute(some.order_by(placed.c.serial)):
        if region in examples:
            examples[region].append(serial)
    return [
        wire.RegionScans(
            first=piece.first,
            last=piece.last,
            region=region,
            codes=row.codes,
            scans=int(row.scans),
            first_scan=time_text(row.first),
            last_scan=time_text(row.last),
            examples=tuple(examples[region]),
        )
        for region, row in sorted(rows.items())
    ]

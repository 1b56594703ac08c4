"""What lies in what, in the database: a row per run of touching serials in one parent.

Codes are named by the number of their batch and their serial. Runs of a batch do not overlap, and
two that touch lie in different parents.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from ...codegen.ranges import serials as ranges_of
from ...codegen.ranges.aggregation import CodeRef
from ...codegen.ranges.serials import Range, Ranges
from . import dialects, tables
from .damage import Damaged

Code = tuple[int, int]  # the number of its batch, its serial
Columns = tuple[int, int, int, int, int]  # as the columns of `links`
WINDOW = 10_000  # runs that are read or written at a time
_SINGLY = 1_000  # ranges that are looked up one by one; more of them by a look at all between


@dataclass(frozen=True, slots=True)
class LinkRun:
    """Serials of a batch that lie in one parent."""

    serials: Range
    parent: Code


def runs(connection: Connection, batch: int, ranges: Sequence[Range]) -> Iterator[LinkRun]:
    """The runs in `ranges` (ascending, disjoint), ascending, cut to them.

    Nothing is written meanwhile. Raises `Damaged` for runs that overlap.
    """
    for piece in ranges:
        first = piece.first
        while first <= piece.last:
            found = page(connection, batch, first, piece.last, WINDOW)
            for run in found:
                last = min(run.serials.last, piece.last)
                yield LinkRun(Range(max(run.serials.first, first), last), run.parent)
            first = found[-1].serials.last + 1 if len(found) == WINDOW else piece.last + 1


def page(connection: Connection, batch: int, first: int, last: int, size: int) -> list[LinkRun]:
    """The first `size` runs that hold any of the serials, whole. Raises `Damaged`."""
    table = tables.links
    query = (
        select(table)
        .where(
            table.c.batch == batch,
            table.c.first >= _start(batch, first),
            table.c.first <= last,
        )
        .order_by(table.c.first)
        .limit(size + 1)  # the first may end before `first`
    )
    found: list[LinkRun] = []
    for row in connection.execute(query):
        if found and row.first <= found[-1].serials.last:
            raise Damaged
        parent = (row.parent_batch, row.parent_serial)
        found.append(LinkRun(Range(row.first, row.last), parent))
    return [run for run in found if run.serials.last >= first][:size]


def parents(connection: Connection, codes: Mapping[int, Ranges]) -> dict[int, Ranges]:
    """The parents that `codes` lie in, by batch."""
    found: dict[int, set[int]] = {}
    for batch, ranges in codes.items():
        for run in _runs_of_many(connection, batch, ranges):
            found.setdefault(run.parent[0], set()).add(run.parent[1])
    return {batch: ranges_of.of(numbers) for batch, numbers in found.items()}


def children(connection: Connection, codes: Mapping[int, Ranges]) -> dict[int, Ranges]:
    """What lies in `codes`, by batch."""
    table, found = tables.links, dict[int, list[Range]]()
    for batch, ranges in codes.items():
        spans = ranges if len(ranges) <= _SINGLY else (Range(ranges[0].first, ranges[-1].last),)
        for span in spans:
            query = select(table).where(
                table.c.parent_batch == batch,
                table.c.parent_serial.between(span.first, span.last),
            )
            for row in connection.execute(query.execution_options(yield_per=WINDOW)):
                if spans is ranges or ranges_of.position(ranges, row.parent_serial) is not None:
                    found.setdefault(row.batch, []).append(Range(row.first, row.last))
    return {batch: ranges_of.union(pieces) for batch, pieces in found.items()}


def _runs_of_many(connection: Connection, batch: int, ranges: Ranges) -> Iterator[LinkRun]:
    """As `runs`, not cut; for any number of ranges."""
    if len(ranges) <= _SINGLY:
        yield from runs(connection, batch, ranges)
        return
    at = 0
    for run in runs(connection, batch, (Range(ranges[0].first, ranges[-1].last),)):
        while ranges[at].last < run.serials.first:
            at += 1
        if ranges[at].first <= run.serials.last:
            yield run


def named(connection: Connection, codes: Collection[Code]) -> dict[Code, CodeRef]:
    """These codes, by the ids of their batches. Raises `Damaged` for one that there is not."""
    table, numbers = tables.batches, {batch for batch, _ in codes}
    rows = connection.execute(select(table).where(table.c.number.in_(numbers)))
    known = {row.number: row for row in rows}
    if any(not 1 <= serial <= known[batch].quantity for batch, serial in codes):
        raise Damaged
    return {(batch, serial): CodeRef(known[batch].batch, serial) for batch, serial in codes}


def write(connection: Connection, rows: Sequence[Columns]) -> None:
    """Make these runs, which overlap none that is there."""
    if rows:
        dialects.insert_numbers(connection, tables.links, rows)


def joined_before(connection: Connection, batch: int, first: int, parent: Code) -> int:
    """Where a run of `parent` from `first` on begins, with one that touches it: that one goes."""
    found = page(connection, batch, first - 1, first - 1, 1) if first > 1 else []
    if not found or found[0].parent != parent:
        return first
    _delete(connection, batch, found[0].serials)
    return found[0].serials.first


def joined_after(connection: Connection, batch: int, last: int, parent: Code) -> int:
    """Where a run of `parent` up to `last` ends, with one that touches it: that one goes."""
    found = page(connection, batch, last + 1, last + 1, 1)
    if not found or found[0].parent != parent:
        return last
    _delete(connection, batch, found[0].serials)
    return found[0].serials.last


def remove(connection: Connection, batch: int, piece: Range) -> None:
    """Have the serials of `piece` lie in nothing. A run that reaches further keeps the rest."""
    table = tables.links
    left = page(connection, batch, piece.first, piece.first, 1)
    right = page(connection, batch, piece.last, piece.last, 1)
    _delete(connection, batch, piece)
    if left and left[0].serials.first < piece.first:
        key = (table.c.batch == batch) & (table.c.first == left[0].serials.first)
        connection.execute(update(table).where(key).values(last=piece.first - 1))
    if right and right[0].serials.last > piece.last:
        (parent_batch, parent_serial), last = right[0].parent, right[0].serials.last
        row = {"batch": batch, "first": piece.last + 1, "last": last}
        row |= {"parent_batch": parent_batch, "parent_serial": parent_serial}
        connection.execute(insert(table).values(row))


def _delete(connection: Connection, batch: int, piece: Range) -> None:
    table = tables.links
    connection.execute(
        delete(table).where(table.c.batch == batch, table.c.first.between(piece.first, piece.last))
    )


def _start(batch: int, first: int) -> ColumnElement[int]:
    """Where the run begins that may hold `first`."""
    table = tables.links
    before = select(func.max(table.c.first)).where(table.c.batch == batch, table.c.first <= first)
    return func.coalesce(before.scalar_subquery(), 0)

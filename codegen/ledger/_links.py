"""What lies in what, read: one row per run of serials in one parent, whatever the run holds.

Every query is a seek by (`batch`, `first`) or by parent, for many ranges at once: they travel as
JSON in a single parameter, so that a statement is compiled once, however many they are.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, column, text

from ..errors import IntegrityError
from ..ranges import serials
from ..ranges.aggregation import CodeRanges, CodeRef, Link
from ..ranges.serials import Range, Ranges
from . import _pairs, _tables
from ._columns import Number
from ._prepared import Prepared

AT_ONCE = 10_000  # serials per query
_l = _tables.links.c
_COLUMNS = (_l.batch, _l.first, _l.last, _l.parent_batch, _l.parent)


def overlapping(connection: Connection, batch: str, ranges: Ranges) -> Iterator[Link]:
    """The links of `batch` that hold serials of `ranges`, ascending, whole; read as consumed."""
    last = 0
    for row in _OVERLAPPING.each(connection, b=batch, spans=_pairs.to_text(ranges)):
        # A link may hold serials of several ranges.
        if row.first > last:
            last = row.last
            yield _link(row)


def within(connection: Connection, batch: str, ranges: Ranges) -> Iterator[Link]:
    """The same, cut to `ranges`."""
    at = 0
    for link in overlapping(connection, batch, ranges):
        while ranges[at].last < link.serials.first:
            at += 1
        here = at
        while here < len(ranges) and ranges[here].first <= link.serials.last:
            yield _cut(link, ranges[here].first, ranges[here].last)
            here += 1


def parents_of(connection: Connection, batch: str, numbers: Sequence[int]) -> dict[int, CodeRef]:
    """Serial → what it lies in, for those of `numbers` that lie in something."""
    found: dict[int, CodeRef] = {}
    for start in range(0, len(numbers), AT_ONCE):
        wanted = json.dumps(list(numbers[start : start + AT_ONCE]))
        rows = _PARENTS.each(connection, b=batch, numbers=wanted)
        found.update((row.serial, CodeRef(row.parent_batch, row.parent)) for row in rows)
    return found


def way_up(connection: Connection, ref: CodeRef) -> tuple[CodeRef, ...]:
    """What the code lies in, what that lies in, and so on, nearest first."""
    way: dict[CodeRef, None] = {}
    while (next_up := parents_of(connection, ref.batch, [ref.serial]).get(ref.serial)) is not None:
        if next_up in way:
            raise circle(next_up)
        way[next_up] = None
        ref = next_up
    return tuple(way)


def above(connection: Connection, parents: CodeRanges, batches: Sequence[str]) -> list[CodeRef]:
    """All codes of `batches` in which some of `parents` lie, at any height."""
    values = {
        "b": parents.batch, "spans": _pairs.to_text(parents.serials), "batches": json.dumps(batches)
    }  # fmt: skip
    return [CodeRef(row.batch, row.serial) for row in _ABOVE.each(connection, **values)]


def children(connection: Connection, parents: CodeRanges) -> tuple[CodeRanges, ...]:
    """What lies in some of `parents`, without what lies in that, ascending by batch."""
    found: dict[str, list[Range]] = {}
    for link in held(connection, parents):
        pieces = found.setdefault(link.batch, [])
        piece = link.serials
        # Packed in order, a million cartons hold one range.
        if pieces and pieces[-1].last + 1 == piece.first:
            piece = Range(pieces.pop().first, piece.last)
        pieces.append(piece)
    return tuple(CodeRanges(batch, serials.union(found[batch])) for batch in sorted(found))


def held(connection: Connection, parents: CodeRanges) -> Iterator[Link]:
    """The links whose parent is one of `parents`, by parent; read as consumed."""
    spans = _pairs.to_text(parents.serials)
    for row in _CHILDREN.each(connection, b=parents.batch, spans=spans):
        yield _link(row)


def contents(connection: Connection, parents: CodeRanges) -> tuple[CodeRanges, ...]:
    """All that lies in `parents`, at every level, ascending by batch."""
    found: dict[str, Ranges] = {}
    todo = [parents]
    while todo:
        for part in children(connection, todo.pop()):
            known = found.get(part.batch, ())
            fresh = serials.subtract(part.serials, known)
            if fresh:
                found[part.batch] = serials.union((*known, *fresh))
                todo.append(CodeRanges(part.batch, fresh))
    return tuple(CodeRanges(batch, found[batch]) for batch in sorted(found))


def circle(ref: CodeRef) -> IntegrityError:
    """The error for books in which a code lies within itself."""
    return IntegrityError(
        f"the books have {ref} lie within itself",
        "see which row was changed: mintmark audit verify",
    )


# --- statements ------------------------------------------------------------------------

# As text, for CROSS JOIN: the ranges asked for come first, and each is a seek. Left to choose,
# SQLite reads the whole batch and asks of each row whether it is wanted.

_LOW, _HIGH = "json_extract(s.value, '$[0]')", "json_extract(s.value, '$[1]')"


def meeting(table: str, columns: str) -> str:
    """The rows (batch, first, last) of `table` that meet the ranges `spans` of batch `b`."""
    return f"""
        SELECT {columns} FROM json_each(:spans) s CROSS JOIN {table} t
        ON t.batch = :b AND t.first <= {_HIGH} AND t.first >= coalesce(
            (SELECT max(i.first) FROM {table} i WHERE i.batch = :b AND i.first <= {_LOW}), 0)
        WHERE t.last >= {_LOW}
    """  # noqa: S608 - names of ours


_OVERLAPPING = Prepared(
    lambda: text(
        meeting("links", "t.batch, t.first, t.last, t.parent_batch, t.parent") + " ORDER BY t.first"
    ).columns(*_COLUMNS)
)
_PARENTS = Prepared(
    lambda: text("""
    SELECT s.value AS serial, t.parent_batch, t.parent
    FROM json_each(:numbers) s CROSS JOIN links t
    ON t.batch = :b
    AND t.first = (SELECT max(i.first) FROM links i WHERE i.batch = :b AND i.first <= s.value)
    WHERE t.last >= s.value
""").columns(column("serial", Number()), _l.parent_batch, _l.parent)
)
# UNION keeps no row twice: even a circle made by hand comes to an end.
_ABOVE = Prepared(
    lambda: text(f"""
    WITH RECURSIVE up(batch, serial) AS (
        {meeting("links", "t.parent_batch, t.parent")}
        UNION
        SELECT t.parent_batch, t.parent FROM up CROSS JOIN links t
        ON t.batch = up.batch AND t.first = (
            SELECT max(i.first) FROM links i WHERE i.batch = up.batch AND i.first <= up.serial)
        WHERE t.last >= up.serial
    )
    SELECT batch, serial FROM up WHERE batch IN (SELECT value FROM json_each(:batches))
""").columns(_l.batch, column("serial", Number()))  # noqa: S608 - names of ours
)
_CHILDREN = Prepared(
    lambda: text(f"""
    SELECT t.batch, t.first, t.last, t.parent_batch, t.parent
    FROM json_each(:spans) s CROSS JOIN links t
    ON t.parent_batch = :b AND t.parent BETWEEN {_LOW} AND {_HIGH}
    ORDER BY t.parent, t.batch, t.first
""").columns(*_COLUMNS)  # noqa: S608 - as above
)


def _link(row: Row[Any]) -> Link:
    held = _pairs.of_row(row.first, row.last, "links")
    return Link(row.batch, held, CodeRef(row.parent_batch, row.parent))


def _cut(link: Link, first: int, last: int) -> Link:
    held = Range(max(first, link.serials.first), min(last, link.serials.last))
    return Link(link.batch, held, link.parent)

"""What lies in what, read: one row per run of serials in one parent, whatever the run holds.

Every query is a seek by (`batch`, `first`) or by parent, for many ranges at once: they travel as
JSON in a single parameter, so that a statement is compiled once, however many they are.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnClause, Connection, Row, column, text

from ..errors import IntegrityError
from ..ranges import serials
from ..ranges.aggregation import CodeRanges, CodeRef, Link
from ..ranges.serials import Range, Ranges
from . import _pairs, _tables
from ._columns import Number
from ._prepared import Asked, Prepared

AT_ONCE = 10_000  # serials per query
_l = _tables.links.c


def overlapping(connection: Connection, batch: str, ranges: Ranges) -> Iterator[Link]:
    """The links of `batch` that hold serials of `ranges`, ascending, whole; read as consumed."""
    last = 0
    for row in OVERLAPPING.each(connection, b=batch, spans=_pairs.to_text(ranges)):
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
    (_, values) = asked_above(parents, batches)
    return [CodeRef(row.batch, row.serial) for row in ABOVE.each(connection, **values)]


def asked_above(parents: CodeRanges, batches: Sequence[str]) -> Asked:
    """What `above` asks."""
    spans = _pairs.to_text(parents.serials)
    return ABOVE, {"b": parents.batch, "spans": spans, "batches": json.dumps(batches)}


def asked_overlapping(batch: str, ranges: Ranges) -> Asked:
    """What `overlapping` asks."""
    return OVERLAPPING, {"b": batch, "spans": _pairs.to_text(ranges)}


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


@dataclass(frozen=True)
class JsonWords:
    """How a database spells them: lists that travel as JSON, and a join that begins with them."""

    join: str
    spans: str  # pairs, each as `s.value`
    low: str
    high: str
    numbers: str  # numbers, each as `s.value`
    batches: str


SQLITE = JsonWords(
    "CROSS JOIN",
    "json_each(:spans) s",
    "json_extract(s.value, '$[0]')",
    "json_extract(s.value, '$[1]')",
    "json_each(:numbers) s",
    "SELECT value FROM json_each(:batches)",
)
POSTGRESQL = JsonWords(
    "JOIN",
    "json_array_elements(CAST(:spans AS JSON)) AS s(value)",
    "CAST(s.value ->> 0 AS BIGINT)",
    "CAST(s.value ->> 1 AS BIGINT)",
    "(SELECT CAST(n AS BIGINT) FROM json_array_elements_text(CAST(:numbers AS JSON)) AS n) AS"
    " s(value)",
    "SELECT json_array_elements_text(CAST(:batches AS JSON))",
)


def meeting(words: JsonWords, table: str, columns: str) -> str:
    """The rows (batch, first, last) of `table` that meet the ranges `spans` of batch `b`."""
    return f"""
        SELECT {columns} FROM {words.spans} {words.join} {table} t
        ON t.batch = :b AND t.first <= {words.high} AND t.first >= coalesce(
            (SELECT max(i.first) FROM {table} i WHERE i.batch = :b AND i.first <= {words.low}), 0)
        WHERE t.last >= {words.low}
    """  # noqa: S608 - names of ours


def statement(spelt: Callable[[JsonWords], str], *columns: ColumnClause[Any]) -> Prepared:
    """What `spelt` says in the words of either database, and the columns of its rows."""
    return Prepared(
        lambda: text(spelt(SQLITE)).columns(*columns),
        postgresql=lambda: text(spelt(POSTGRESQL)).columns(*columns),
    )


_COLUMNS = (_l.batch, _l.first, _l.last, _l.parent_batch, _l.parent)
_SERIAL = column("serial", Number())
OVERLAPPING = statement(
    lambda words: (
        meeting(words, "links", "t.batch, t.first, t.last, t.parent_batch, t.parent")
        + " ORDER BY t.first"
    ),
    *_COLUMNS,
)
_PARENTS = statement(
    lambda words: f"""
    SELECT s.value AS serial, t.parent_batch, t.parent
    FROM {words.numbers} {words.join} links t
    ON t.batch = :b
    AND t.first = (SELECT max(i.first) FROM links i WHERE i.batch = :b AND i.first <= s.value)
    WHERE t.last >= s.value
""",  # noqa: S608 - names of ours
    _SERIAL, _l.parent_batch, _l.parent,
)  # fmt: skip
# UNION keeps no row twice: even a circle made by hand comes to an end.
ABOVE = statement(
    lambda words: f"""
    WITH RECURSIVE up(batch, serial) AS (
        {meeting(words, "links", "t.parent_batch, t.parent")}
        UNION
        SELECT t.parent_batch, t.parent FROM up {words.join} links t
        ON t.batch = up.batch AND t.first = (
            SELECT max(i.first) FROM links i WHERE i.batch = up.batch AND i.first <= up.serial)
        WHERE t.last >= up.serial
    )
    SELECT batch, serial FROM up WHERE batch IN ({words.batches})
""",  # noqa: S608 - names of ours
    _l.batch, _SERIAL,
)  # fmt: skip
_CHILDREN = statement(
    lambda words: (
        f"""
    SELECT t.batch, t.first, t.last, t.parent_batch, t.parent
    FROM {words.spans} {words.join} links t
    ON t.parent_batch = :b AND t.parent BETWEEN {words.low} AND {words.high}
    ORDER BY t.parent, t.batch, t.first
"""  # noqa: S608 - as above
    ),
    *_COLUMNS,
)


def _link(row: Row[Any]) -> Link:
    held = _pairs.of_row(row.first, row.last, "links")
    return Link(row.batch, held, CodeRef(row.parent_batch, row.parent))


def _cut(link: Link, first: int, last: int) -> Link:
    held = Range(max(first, link.serials.first), min(last, link.serials.last))
    return Link(link.batch, held, link.parent)

"""What lies in what, read: one row per run of serials in one parent, whatever the run holds.

Every query is a seek by (`batch`, `first`) or by parent, for many ranges at once: they travel as
JSON in a single parameter, so that a statement is compiled once, however many they are.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Table,
    bindparam,
    func,
    select,
    type_coerce,
)

from ..errors import IntegrityError
from ..ranges import serials
from ..ranges.aggregation import CodeRanges, CodeRef, Link
from ..ranges.serials import Range, Ranges
from . import _pairs, _tables

AT_ONCE = 10_000  # serials per query
_l = _tables.links.c
_COLUMNS = (_l.batch, _l.first, _l.last, _l.parent_batch, _l.parent)


def page(connection: Connection, batch: str, after: int, limit: int) -> tuple[Link, ...]:
    """The first `limit` links of `batch` that end after serial `after`, cut to what follows it."""
    query: Select[Any] = select(*_COLUMNS).where(_l.batch == batch, _l.last > after)
    query = query.where(_l.first >= func.coalesce(_start(_tables.links, batch, after), 0))
    found = [_link(row) for row in connection.execute(query.order_by(_l.first).limit(limit))]
    return tuple(_cut(link, after + 1, serials.LAST) for link in found)


def overlapping(connection: Connection, batch: str, ranges: Ranges) -> Iterator[Link]:
    """The links of `batch` that hold serials of `ranges`, ascending, whole; read as consumed."""
    last = 0
    found = connection.execute(_OVERLAPPING, {"b": batch, "spans": _pairs.to_text(ranges)})
    for row in found.yield_per(1_000):
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
        for piece in ranges[at:]:
            if piece.first > link.serials.last:
                break
            yield _cut(link, piece.first, piece.last)


def parents_of(connection: Connection, batch: str, numbers: Sequence[int]) -> dict[int, CodeRef]:
    """Serial → what it lies in, for those of `numbers` that lie in something."""
    found: dict[int, CodeRef] = {}
    for start in range(0, len(numbers), AT_ONCE):
        wanted = json.dumps(list(numbers[start : start + AT_ONCE]))
        rows = connection.execute(_PARENTS, {"b": batch, "numbers": wanted})
        found.update((row.serial, CodeRef(row.parent_batch, row.parent)) for row in rows)
    return found


def way_up(connection: Connection, ref: CodeRef) -> tuple[CodeRef, ...]:
    """What the code lies in, what that lies in, and so on, nearest first."""
    way: dict[CodeRef, None] = {}
    while (above := parents_of(connection, ref.batch, [ref.serial]).get(ref.serial)) is not None:
        if above in way:
            raise circle(above)
        way[above] = None
        ref = above
    return tuple(way)


def above(connection: Connection, parents: CodeRanges, batches: Sequence[str]) -> list[CodeRef]:
    """All codes of `batches` in which some of `parents` lie, at any height."""
    values = {
        "b": parents.batch, "spans": _pairs.to_text(parents.serials), "batches": json.dumps(batches)
    }  # fmt: skip
    return [CodeRef(row.batch, row.serial) for row in connection.execute(_ABOVE, values)]


def children(connection: Connection, parents: CodeRanges) -> tuple[CodeRanges, ...]:
    """What lies in some of `parents`, without what lies in that, ascending by batch."""
    found: dict[str, list[Range]] = {}
    values = {"b": parents.batch, "spans": _pairs.to_text(parents.serials)}
    for row in connection.execute(_CHILDREN, values).yield_per(1_000):
        pieces = found.setdefault(row.batch, [])
        piece = _pairs.of_row(row.first, row.last, "links")
        # Packed in order, a million cartons hold one range.
        if pieces and pieces[-1].last + 1 == piece.first:
            piece = Range(pieces.pop().first, piece.last)
        pieces.append(piece)
    return tuple(CodeRanges(batch, serials.union(found[batch])) for batch in sorted(found))


def held(connection: Connection, parents: CodeRanges) -> Iterator[Link]:
    """The links whose parent is one of `parents`, by parent; read as consumed."""
    values = {"b": parents.batch, "spans": _pairs.to_text(parents.serials)}
    for row in connection.execute(_CHILDREN, values).yield_per(1_000):
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


# --- queries ---------------------------------------------------------------------------


def spans(name: str = "spans") -> Any:  # noqa: ANN401 - a table of SQLAlchemy's
    """The ranges of the JSON parameter `name`, as rows with a `value`."""
    return func.json_each(bindparam(name)).table_valued("value", name="spans")


def ends(table: Any) -> tuple[ColumnElement[int], ColumnElement[int]]:  # noqa: ANN401 - as above
    """First and last serial of a row of `spans`."""
    low, high = (func.json_extract(table.c.value, f"$[{at}]") for at in (0, 1))
    return type_coerce(low, Integer), type_coerce(high, Integer)


def _start(table: Table, batch: Any, serial: Any) -> Any:  # noqa: ANN401 - parts of a statement
    """The first serial of the row of `table` that begins at or before `serial`."""
    inner = table.alias()
    query = select(func.max(inner.c.first))
    return query.where(inner.c.batch == batch, inner.c.first <= serial).scalar_subquery()


def meeting(table: Table, columns: Sequence[Any]) -> Select[Any]:
    """The rows of `table` (batch, first, last) that meet the ranges `spans` of batch `b`."""
    wanted = spans()
    low, high = ends(wanted)
    t = table.c
    of_batch: BindParameter[str] = bindparam("b")
    here = (t.first >= func.coalesce(_start(table, of_batch, low), 0)) & (t.first <= high)
    return (
        select(*columns)
        .select_from(wanted.join(table, (t.batch == of_batch) & here))
        .where(t.last >= low)
    )


def _parents() -> Select[Any]:
    wanted = func.json_each(bindparam("numbers")).table_valued("value", name="wanted")
    serial = type_coerce(wanted.c.value, Integer)
    here = _l.first == _start(_tables.links, bindparam("b"), serial)
    links = wanted.join(_tables.links, (_l.batch == bindparam("b")) & here)
    found = select(serial.label("serial"), _l.parent_batch, _l.parent).select_from(links)
    return found.where(_l.last >= serial)


def _above() -> Select[Any]:
    direct = meeting(_tables.links, (_l.parent_batch.label("batch"), _l.parent.label("serial")))
    up = direct.cte("up", recursive=True)
    links = _tables.links.alias("higher")
    h = links.c
    here = (h.batch == up.c.batch) & (h.first == _start(_tables.links, up.c.batch, up.c.serial))
    more = select(h.parent_batch, h.parent).select_from(up.join(links, here))
    # UNION keeps no row twice: even a circle made by hand comes to an end.
    up = up.union(more.where(h.last >= up.c.serial))
    batches = func.json_each(bindparam("batches")).table_valued("value", name="batches")
    return select(up.c.batch, up.c.serial).where(up.c.batch.in_(select(batches.c.value)))


def _children() -> Select[Any]:
    wanted = spans()
    low, high = ends(wanted)
    here = (_l.parent_batch == bindparam("b")) & (_l.parent >= low) & (_l.parent <= high)
    links = wanted.join(_tables.links, here)
    return select(*_COLUMNS).select_from(links).order_by(_l.parent, _l.first)


_OVERLAPPING = meeting(_tables.links, _COLUMNS).order_by(_l.first)
_PARENTS = _parents()
_ABOVE = _above()
_CHILDREN = _children()


def _link(row: Row[Any]) -> Link:
    held = _pairs.of_row(row.first, row.last, "links")
    return Link(row.batch, held, CodeRef(row.parent_batch, row.parent))


def _cut(link: Link, first: int, last: int) -> Link:
    held = Range(max(first, link.serials.first), min(last, link.serials.last))
    return Link(link.batch, held, link.parent)

"""Associations: children join parents, or leave them. Booked like any order.

What is refused, in this order; of 2 to 4 nothing is asked of a dissociation:

1. what cannot be dealt out (`aggregation.check`), and serials that no batch has;
2. a parent that is no carton and no pallet, and a pallet in a carton (`_packable`);
3. a parent or a child that is void, or was never exported (likewise);
4. a parent that would lie within itself, at any height (`_circles`);
5. a child that lies in something already; or, leaving, one that does not lie where it is said to.
"""

from collections.abc import Iterable, Iterator, Mapping
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, bindparam, delete

from ..errors import Refused, UsageError
from ..ranges import aggregation, serials
from ..ranges.aggregation import CodeRanges, CodeRef, Link, Packing
from ..ranges.serials import Range, Ranges
from . import _balance, _circles, _links, _packable, _pairs, _sql, _tables
from ._prepared import Asked, Prepared, ahead, inserting
from ._sql import Touched
from .chain import Event
from .changes import Associated

SHOWN = 100
_FEW = 100  # codes of an order of which all questions are asked at once
SLICE = 5_000  # rows written at once
_FIRST = attrgetter("serials.first")
_l = _tables.links.c
_DELETE = Prepared(
    lambda: delete(_tables.links).where(
        _l.batch == bindparam("b"), _l.first >= bindparam("low"), _l.first <= bindparam("high")
    )
)


def associate(change: Associated, connection: Connection, event: Event) -> Touched:
    """Make or break the links, and queue the order for the backend."""
    _check_form(change)
    rows = {batch: _sql.batch_row(connection, batch) for batch in change.batches}
    for part in change.parts:
        _sql.check_within(rows[part.batch], part.serials)
    _sql.require_unused(connection, _tables.orders, "order_id", change.order)
    if sum(map(len, change.parts)) <= _FEW:
        ahead(connection, _asked(change, rows))
    sign = 1
    if change.action is Packing.ASSOCIATE and change.parents is not None:
        _packable.check(connection, change, change.parents, rows)
        _circles.check(connection, change, change.parents)
        _refuse_taken(connection, change)
        _join(connection, change, change.parents)
    else:
        _refuse_elsewhere(connection, change)
        _leave(connection, change)
        sign = -1
    for part in change.children:
        moved = {_balance.INSIDE: sign * len(part)}
        _balance.move(connection, part.batch, rows[part.batch].quantity, moved)
    _queue(connection, change, event)
    return Touched(change.children[0].serials)


def _asked(change: Associated, rows: Mapping[str, Any]) -> Iterator[Asked]:
    """What is asked of so few codes, each of which lies in one at most."""
    parents = change.parents if change.action is Packing.ASSOCIATE else None
    for part in change.children:
        yield _links.asked_overlapping(part.batch, part.serials)
        if parents is not None:
            yield _links.asked_overlapping(part.batch, _wider(part))
    if parents is not None:
        yield from _packable.asked(change, parents, rows)
        yield _links.asked_above(parents, [part.batch for part in change.children])


def _check_form(change: Associated) -> None:
    if change.action is Packing.ASSOCIATE and change.parents is None:
        raise UsageError("children join a parent, and none is named", "name the carton or pallet")
    aggregation.check(change.parents, change.children, change.each)
    batches = [part.batch for part in change.children]
    if batches != sorted(batches):
        raise UsageError("the batches of the children must ascend")


def _queue(connection: Connection, change: Associated, event: Event) -> None:
    first, *others = change.batches
    common: dict[str, Any] = {"order_id": change.order, "seq": event.seq, "status": "queued"}
    row = common | {
        "batch": first, "applied": sum(map(len, change.children)),
        "skipped": _pairs.to_text(()), "skipped_count": 0,
    }  # fmt: skip
    inserting(_tables.orders, *row).run(connection, row)
    if others:
        rows = [common | {"batch": batch} for batch in others]
        inserting(_tables.order_batches, *rows[0]).run_many(connection, rows)


# --- the links -------------------------------------------------------------------------


def _join(connection: Connection, change: Associated, parents: CodeRanges) -> None:
    for part in change.children:
        dealt = aggregation.deal(parents, (part,), change.each)
        beside = _beside(connection, part, parents)
        _remove(connection, part.batch, (link.serials.first for link in beside))
        _add(connection, _joined(merge(beside, dealt, key=_FIRST)))


def _beside(connection: Connection, part: CodeRanges, parents: CodeRanges) -> list[Link]:
    """The links that touch `part`, and may become one with its own: they are of its parents."""
    return [
        link
        for link in _links.overlapping(connection, part.batch, _wider(part))
        if link.parent.batch == parents.batch
        and serials.position(parents.serials, link.parent.serial) is not None
    ]


def _wider(part: CodeRanges) -> Ranges:
    return serials.union(Range(max(1, piece.first - 1), piece.last + 1) for piece in part.serials)


def _leave(connection: Connection, change: Associated) -> None:
    for part in change.children:
        kept: list[Link] = []
        cut: list[int] = []
        for link in _links.overlapping(connection, part.batch, part.serials):
            at = serials.position(part.serials, link.serials.first)
            if at is None or part.serials[at].last < link.serials.last:
                cut.append(link.serials.first)
                left = serials.subtract((link.serials,), part.serials)
                kept += [Link(link.batch, piece, link.parent) for piece in left]
        ends = [{"b": part.batch, "low": p.first, "high": p.last} for p in part.serials]
        _DELETE.run_many(connection, ends)
        _remove(connection, part.batch, cut)
        _add(connection, kept)


def _remove(connection: Connection, batch: str, firsts: Iterable[int]) -> None:
    gone = [{"b": batch, "low": first, "high": first} for first in firsts]
    if gone:
        _DELETE.run_many(connection, gone)


def _add(connection: Connection, links: Iterable[Link]) -> None:
    rows = (
        {
            "batch": link.batch,
            "first": link.serials.first,
            "last": link.serials.last,
            "parent_batch": link.parent.batch,
            "parent": link.parent.serial,
        }
        for link in links
    )
    while some := list(islice(rows, SLICE)):
        inserting(_tables.links, *some[0]).run_many(connection, some)


def _joined(links: Iterable[Link]) -> Iterator[Link]:
    """Ascending `links`, those that touch and have the same parent as one."""
    last: Link | None = None
    for link in links:
        if last is None:
            last = link
        elif last.parent == link.parent and last.serials.last + 1 == link.serials.first:
            last = Link(last.batch, Range(last.serials.first, link.serials.last), last.parent)
        else:
            yield last
            last = link
    if last is not None:
        yield last


# --- what is in the way ----------------------------------------------------------------


def _refuse_taken(connection: Connection, change: Associated) -> None:
    taken: list[dict[str, object]] = []
    total, named = 0, ""
    for part in change.children:
        for link in _links.within(connection, part.batch, part.serials):
            total += 1
            named = named or f"{link.batch}:{link.serials} lies in {link.parent}"
            if total <= SHOWN:
                taken.append(_entry(link.batch, link.serials, link.parent))
    if total:
        raise Refused(
            f"{named} already{_more(total)}: a code lies in one at a time",
            "take it out of there first: mintmark dissociate",
            taken=taken,
            taken_total=total,
        )


def _refuse_elsewhere(connection: Connection, change: Associated) -> None:
    elsewhere: list[dict[str, object]] = []
    total, named = 0, ""
    for batch, held, parent in _elsewhere(connection, change):
        total += 1
        lies = f"lies in {parent}, not where it is taken out" if parent else "lies in nothing"
        named = named or f"{batch}:{held} {lies}"
        if total <= SHOWN:
            elsewhere.append(_entry(batch, held, parent))
    if total:
        raise Refused(
            f"{named}{_more(total)}",
            "scan it, and see where it lies: mintmark locate",
            elsewhere=elsewhere,
            elsewhere_total=total,
        )


def _elsewhere(
    connection: Connection, change: Associated
) -> Iterator[tuple[str, Range, CodeRef | None]]:
    """The children that do not lie where they are said to, and where they do."""
    for part in change.children:
        links = _links.within(connection, part.batch, part.serials)
        link = next(links, None)
        for said, parent in _said(change, part):
            at = said.first
            while at <= said.last:
                while link is not None and link.serials.last < at:
                    link = next(links, None)
                if link is None or link.serials.first > at:
                    end = said.last if link is None else min(said.last, link.serials.first - 1)
                    yield part.batch, Range(at, end), None
                else:
                    end = min(said.last, link.serials.last)
                    if parent is not None and link.parent != parent:
                        yield part.batch, Range(at, end), link.parent
                at = end + 1


def _said(change: Associated, part: CodeRanges) -> Iterator[tuple[Range, CodeRef | None]]:
    """Where `part` is said to lie; None: anywhere."""
    if change.parents is None:
        return ((piece, None) for piece in part.serials)
    dealt = aggregation.deal(change.parents, (part,), change.each)
    return ((link.serials, link.parent) for link in dealt)


def _more(total: int) -> str:
    return f" (and {total - 1:,} more)" if total > 1 else ""


def _entry(batch: str, held: Range, parent: CodeRef | None) -> dict[str, object]:
    there = parent and {"batch": parent.batch, "serial": parent.serial}
    return {"child": {"batch": batch, "serials": [held.pair()]}, "parent": there}

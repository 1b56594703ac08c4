"""Whether a code would lie within itself, once an aggregation is applied.

A circle of links leads from a parent upwards to a child.
1. Level by level upwards from the parents, in ranges. Mostly there is no child among them, and so
   no circle.
2. Otherwise code by code: the links of all codes that were reached, and those that are to be made.
   It takes memory for each of them, but only where children and parents are of one kind.

That no other transaction closes a circle meanwhile: the parents' batch is locked, so what they lie
in stays as it is; and whoever goes further up does so alone.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from sqlalchemy import Connection

from ...codegen.ranges.serials import Range, Ranges, intersect, subtract, union
from . import dialects, link_store
from .link_store import Code, LinkRun

Codes = Mapping[int, Ranges]  # by the number of their batch


def is_circle(
    connection: Connection, parents: Codes, children: Codes, planned: Iterator[tuple[int, LinkRun]]
) -> bool:
    """Whether the links `planned` (the number of the children's batch, the run) close a circle.

    `planned` is used at most once. Parents' and children's batches are locked.
    """
    reached, level, met = dict[int, Ranges](), dict(parents), False
    while level:
        met = met or any(intersect(level[batch], children.get(batch, ())) for batch in level)
        first, reached = not reached, merged(reached, level)
        above = link_store.parents(connection, level)
        if above and first:
            dialects.take_turn(connection, dialects.PACKING)
        level = without(above, reached)
    return met and _goes_round(connection, reached, planned)


def _goes_round(
    connection: Connection, reached: Codes, planned: Iterator[tuple[int, LinkRun]]
) -> bool:
    above: dict[Code, list[Code]] = {}
    for batch, ranges in reached.items():
        for run in link_store.runs(connection, batch, ranges):
            _add(above, batch, run, (run.serials,))
    for batch, run in planned:
        _add(above, batch, run, _common(reached.get(batch, ()), run.serials))
    try:
        TopologicalSorter(above).prepare()
    except CycleError:
        return True
    return False


def _add(above: dict[Code, list[Code]], batch: int, run: LinkRun, pieces: Ranges) -> None:
    for piece in pieces:
        for serial in range(piece.first, piece.last + 1):
            above.setdefault((batch, serial), []).append(run.parent)


def _common(ranges: Ranges, piece: Range) -> Ranges:
    """What of `piece` lies in `ranges`, which may be many."""
    first = bisect_right(ranges, piece.first, key=lambda one: one.first) - 1
    last = bisect_right(ranges, piece.last, key=lambda one: one.first)
    return intersect((piece,), ranges[max(first, 0) : last])


def merged(some: Codes, more: Codes) -> dict[int, Ranges]:
    """The codes of both."""
    batches = (*some, *more)
    return {batch: union((*some.get(batch, ()), *more.get(batch, ()))) for batch in batches}


def without(some: Codes, others: Codes) -> dict[int, Ranges]:
    """The codes of the first that are none of the others."""
    left = {batch: subtract(ranges, others.get(batch, ())) for batch, ranges in some.items()}
    return {batch: ranges for batch, ranges in left.items() if ranges}

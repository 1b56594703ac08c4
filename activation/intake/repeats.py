"""Orders of a file that were booked before, and whether what they did still stands.

A file that is given twice is a retry: nothing is ordered twice. But if its orders have been
overtaken since, by orders from elsewhere, whoever gave it again may have meant it anew. That is
told in the results and by an alarm; it is never ordered by guessing.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta

from ...codegen.ledger.changes import Associated, Incident, IncidentFacts, Ordered
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.aggregation import CodeRanges
from ...codegen.ranges.serials import Range, Ranges
from ...codegen.station.station import Station
from ..orders import booked

REPEATED = "repeated-orders"  # kind of incident
SHOWN = 5  # order ids in its sentence
MAX_RANGES = 50  # in its facts; more are told as the one range around them
QUIET = timedelta(hours=1)  # a timer that applies the same file again and again alarms once


class Covered:
    """Serials, added range by range; disjoint, ascending, touching ones joined."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    def add(self, ranges: Iterable[Range]) -> None:
        """Add `ranges`."""
        for first, last in ((piece.first, piece.last) for piece in ranges):
            start = bisect_left(self._lasts, first - 1)
            stop = bisect_right(self._firsts, last + 1)
            joined = slice(start, stop)
            if start < stop:
                self._firsts[joined], self._lasts[joined] = (
                    [min(first, self._firsts[start])],
                    [max(last, self._lasts[stop - 1])],
                )
            else:
                self._firsts[joined], self._lasts[joined] = [first], [last]

    def left_of(self, ranges: Ranges) -> Ranges:
        """The serials of `ranges` that were not added."""
        if not ranges:
            return ()
        start = bisect_left(self._lasts, ranges[0].first)
        stop = bisect_right(self._firsts, ranges[-1].last)
        pairs = zip(self._firsts[start:stop], self._lasts[start:stop], strict=True)
        return serials.subtract(ranges, [Range(*pair) for pair in pairs])


def undone(view: View, orders: Sequence[tuple[str, bool]]) -> dict[str, Ranges]:
    """The repeated orders whose effect no longer stands: order → the serials it is gone from.

    `orders` are the ids of a file's booked orders in turn, and whether each was booked before.
    What later orders of the same file have changed was meant.
    """
    found: dict[str, Ranges] = {}
    # What codes lie in is changed by associations alone, and their states by the others.
    later: defaultdict[tuple[str, bool], Covered] = defaultdict(Covered)
    if not any(repeated for _, repeated in orders):
        return found
    for order, repeated in reversed(orders):
        row = view.order(order)
        packs = isinstance(row.change, Associated)
        if repeated and order not in found:
            gone = later[row.batch, packs].left_of(booked.undone(view, row))
            if gone:
                found[order] = gone
        for part in _named(row.change):
            later[part.batch, packs].add(part.serials)
    return found


def _named(change: Ordered | Associated) -> tuple[CodeRanges, ...]:
    """What an order may change."""
    if isinstance(change, Associated):
        return change.children
    return (CodeRanges(change.batch, change.serials),)


def alarm(station: Station, name: str, orders: int, found: dict[str, Ranges]) -> None:
    """Book the incident that these orders of the file `name` stand no more.

    `orders`: how many orders the file has.
    """
    if not found:
        return
    with station.ledger.read() as view:
        first = view.order(next(iter(found)))
        batches = {view.order(order).batch for order in found}
        known = {
            event.change.detail
            for event in view.incidents(REPEATED)
            if isinstance(event.change, Incident) and station.now() - event.time < QUIET
        }
    one = len(batches) == 1
    ranges = serials.union(piece for each in found.values() for piece in each) if one else None
    named = ", ".join(list(found)[:SHOWN]) + (" ..." if len(found) > SHOWN else "")
    where = f"batch {first.batch}, serials {serials.describe(ranges)}" if ranges else "batches"
    detail = (
        f"{name}: {len(found):,} of {orders:,} orders were booked before, and their codes have"
        f" changed since: {where}; orders {named}"
    )
    action = None if isinstance(first.change, Associated) else first.change.action
    facts = IncidentFacts(
        batch=first.batch if one else None,
        order=first.order if len(found) == 1 else None,
        action=action if len(found) == 1 else None,
        serials=_coarse(ranges) if ranges else None,
        codes=sum(map(serials.count, found.values())),
    )
    if detail not in known:
        station.ledger.commit(station.author, Incident(REPEATED, detail, facts))


def _coarse(ranges: Ranges) -> Ranges:
    if len(ranges) <= MAX_RANGES:
        return ranges
    return (Range(ranges[0].first, ranges[-1].last),)

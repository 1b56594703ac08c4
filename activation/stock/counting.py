"""How many codes of each group were scanned: the books' groups against the backend's ranges.

The backend counts the scanned codes of each of its ranges, from the serial on that a page is asked
from. Where a range of it holds codes of several groups, its count is taken apart by asking once
more, from the first serial of the next group on: the difference is the first group's.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ...codegen.ranges.serials import Range
from ..client.protocol import StrangeAnswer
from ..client.wire import RangeState
from .grouping import StockSpan

# The ranges of a page that begins after that serial.
Read = Callable[[int], Sequence[RangeState]]


class MovedError(Exception):
    """The backend's ranges changed while they were read."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """Codes of a span that were scanned, and how many of them are new; None: that is not told."""

    span: StockSpan
    scanned: int
    new: int | None


def count(spans: Sequence[StockSpan], read: Read) -> Iterator[Scanned]:
    """The scans of active `spans`, which tile 1..N; a span may come in several parts.

    Raises `MovedError`, `StrangeAnswer` for ranges with a gap, and what `read` raises.
    """
    last = spans[-1].serials.last
    position, at = 1, 0
    ranges: Sequence[RangeState] = ()
    number = 0
    while position <= last:
        if number == len(ranges):
            ranges, number = read(position - 1), 0
        there = _expected(ranges, number, position)
        if there.last > last:
            raise StrangeAnswer(f"its ranges go on after serial {last}, the last of the batch")
        while spans[at].serials.last < position:
            at += 1
        parts = _parts(spans, at, Range(position, there.last))
        told = _told(parts, there)
        if told is None:
            first = parts[0]
            ranges, number = read(first.serials.last), 0
            rest = _expected(ranges, 0, first.serials.last + 1)
            if rest.last != there.last:
                raise MovedError
            told = [_difference(first, there, rest)]
            position = rest.first
        else:
            position, number = there.last + 1, number + 1
        yield from (scanned for scanned in told if scanned.span.active)


def _expected(ranges: Sequence[RangeState], number: int, position: int) -> RangeState:
    if number >= len(ranges) or ranges[number].first != position:
        raise StrangeAnswer(f"its ranges have a gap at serial {position}")
    return ranges[number]


def _parts(spans: Sequence[StockSpan], at: int, within: Range) -> list[StockSpan]:
    """The spans from number `at` on, cut to `within`; next to each other, no two are alike."""
    parts = []
    while at < len(spans) and spans[at].serials.first <= within.last:
        span = spans[at]
        first = max(span.serials.first, within.first)
        cut = Range(first, min(span.serials.last, within.last))
        parts.append(StockSpan(cut, span.active, span.value))
        at += 1
    return parts


def _told(parts: Sequence[StockSpan], there: RangeState) -> list[Scanned] | None:
    """The scans of each part, if the counts of the whole range tell them; else None."""
    if len(parts) == 1:
        return [Scanned(parts[0], there.scanned, there.scanned_since)]
    size = there.last - there.first + 1
    if {there.scanned, there.scanned_since or 0} - {0, size}:
        return None
    return [
        Scanned(
            part,
            len(part.serials) if there.scanned else 0,
            None if there.scanned_since is None else min(there.scanned_since, len(part.serials)),
        )
        for part in parts
    ]


def _difference(first: StockSpan, whole: RangeState, rest: RangeState) -> Scanned:
    """What `first` adds to `rest`. Scans that came in between make it too small, not wrong."""
    scanned = min(max(whole.scanned - rest.scanned, 0), len(first.serials))
    if whole.scanned_since is None or rest.scanned_since is None:
        return Scanned(first, scanned, None)
    return Scanned(first, scanned, min(max(whole.scanned_since - rest.scanned_since, 0), scanned))

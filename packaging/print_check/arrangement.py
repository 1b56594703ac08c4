"""The order of printed symbols in a picture, and the serials that are missing.

Pure. How the picture was turned, and in which direction its serials ascend, is not known. So
lines of symbols are read in all eight directions, and the direction that leaves the fewest
symbols out of order is taken.
"""

import cmath
import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from ...codegen.ranges import serials
from ...codegen.ranges.serials import Range, Ranges
from ..profiles.geometry import LabelOrder, Sheet
from ..profiles.profile import LaneOrder, Profile
from .find_symbols import FoundSymbol

_THROUGH_THE_PILE = frozenset({LabelOrder.STACK, LabelOrder.LANES})
_APART = 0.5  # of a side: symbols whose centres are nearer, across, are in the same line


@dataclass(frozen=True)
class Printed:
    """A unit as it was laid out: its serials, the profile, and on how many labels each code is."""

    serials: Range
    profile: Profile
    copies: int = 1

    @cached_property
    def positions(self) -> dict[int, tuple[int, int]]:
        """Serial → (sheet, label on the sheet), both from 0; empty if the unit is no PDF.

        Empty too if a serial has several places.
        """
        sheet, count = self.profile.sheet, len(self.serials)
        if sheet is None or self.copies > 1:
            return {}
        return {
            self.serials.first + index: (number, label)
            for number in range(sheet.sheets(count))
            for label, index in sheet.spots(number, count)
        }


def missing(seen: Iterable[int], printed: Printed | None) -> Ranges:
    """The serials that are not among `seen`, though they belong between them.

    On sheets these are the other labels of the block that was seen; in text profiles the
    serials between the first and the last of a lane; without `printed` the serials between
    the first and the last. Of copies, on sheets whose order runs through the pile, none.
    """
    seen = set(seen)
    if printed is None:
        return serials.subtract((Range(min(seen), max(seen)),), serials.of(seen))
    sheet = printed.profile.sheet
    if sheet is not None and printed.copies > 1 and sheet.order in _THROUGH_THE_PILE:
        return ()
    if sheet is not None and printed.copies == 1:
        return serials.subtract(serials.of(_block(seen, printed, sheet.columns)), serials.of(seen))
    found: list[Range] = []
    for lane in _lanes(printed):
        among = {serial for serial in seen if lane.first <= serial <= lane.last}
        if among:
            found += serials.subtract((Range(min(among), max(among)),), serials.of(among))
    return serials.ordered(found)


def may_be_a_sheet(seen: Iterable[int], sheet: Sheet) -> bool:
    """Whether `seen` may be a block of labels of one sheet, of a pile of unknown height.

    Then the serials between them stand on the other sheets.
    """
    ordered = sorted(seen)
    if sheet.order is LabelOrder.STACK:
        step = math.gcd(*(b - a for a, b in pairwise(ordered)))
        places = [(serial - ordered[0]) // max(step, 1) for serial in ordered]
        before = range(sheet.labels_per_sheet - places[-1])
        return any(_is_block([place + by for place in places], sheet.columns) for by in before)
    if sheet.order is not LabelOrder.LANES:
        return False
    columns = serials.of(ordered)
    steps = {b.first - a.first for a, b in pairwise(columns)}
    tall = {len(column) for column in columns[:-1]} or {len(columns[0])}
    return (
        len(columns) <= sheet.columns
        and len(steps) < 2
        and all(step % sheet.rows == 0 for step in steps)
        and len(tall) == 1
        and len(columns[-1]) <= max(tall) <= sheet.rows
    )


def _is_block(places: Sequence[int], columns: int) -> bool:
    """Whether ascending `places` fill a rectangle; the last sheet may lack its last labels."""
    rows, across = {place // columns for place in places}, {place % columns for place in places}
    block = {row * columns + column for row in rows for column in across}
    whole = len(rows) == max(rows) - min(rows) + 1 and len(across) == max(across) - min(across) + 1
    return whole and {place for place in block if place <= places[-1]} == set(places)


def _lanes(printed: Printed) -> Ranges:
    if printed.profile.lane_order is LaneOrder.INTERLEAVED:
        return (printed.serials,)
    return printed.profile.lane_ranges(printed.serials)


def _block(seen: set[int], printed: Printed, columns: int) -> Iterator[int]:
    positions = printed.positions
    for number in {positions[serial][0] for serial in seen}:
        cells = [divmod(positions[n][1], columns) for n in seen if positions[n][0] == number]
        (top, bottom), (left, right) = (
            (min(cell[axis] for cell in cells), max(cell[axis] for cell in cells))
            for axis in (0, 1)
        )
        for serial, (sheet, label) in positions.items():
            row, column = divmod(label, columns)
            if sheet == number and top <= row <= bottom and left <= column <= right:
                yield serial


def out_of_order(
    symbols: Sequence[FoundSymbol], keys: Sequence[tuple[int, ...]]
) -> list[int] | None:
    """The indices of the `symbols` that are out of order: as few as possible.

    In order, their `keys` ascend. None if the symbols do not lie in lines.
    """
    across, along = _upright(symbols)
    side = sorted(symbol.side for symbol in symbols)[len(symbols) // 2]
    readings: list[list[int]] = []
    for first, second in ((along, across), (across, along)):
        lines = _lines(first, side)
        if any(_crowded([second[at] for at in line], side) for line in lines):
            continue
        for way in (lines, lines[::-1]):
            ascending = [sorted(line, key=second.__getitem__) for line in way]
            readings.append([at for line in ascending for at in line])
            readings.append([at for line in ascending for at in reversed(line)])
    if not readings:
        return None
    return min((_disturbing(reading, keys) for reading in readings), key=len)


def _upright(symbols: Sequence[FoundSymbol]) -> tuple[list[float], list[float]]:
    """Coordinates along lines and columns of symbols; up to a turn by 90, 180 or 270 degrees."""
    total = sum(cmath.rect(1, math.radians(4 * symbol.turned)) for symbol in symbols)
    back = cmath.rect(1, -cmath.phase(total) / 4)
    turned = [complex(symbol.x, symbol.y) * back for symbol in symbols]
    return [point.real for point in turned], [point.imag for point in turned]


def _lines(positions: Sequence[float], side: float) -> list[list[int]]:
    """The indices of `positions`, line by line; positions in a line lie close together."""
    lines: list[list[int]] = []
    last = -math.inf
    for at in sorted(range(len(positions)), key=positions.__getitem__):
        if positions[at] - last > _APART * side:
            lines.append([])
        lines[-1].append(at)
        last = positions[at]
    return lines


def _crowded(positions: list[float], side: float) -> bool:
    positions.sort()
    return any(b - a < _APART * side for a, b in pairwise(positions))


def _disturbing(reading: Sequence[int], keys: Sequence[tuple[int, ...]]) -> list[int]:
    """All but a longest ascending subsequence (patience sorting)."""
    tails: list[tuple[int, ...]] = []
    heads: list[int] = []
    before: dict[int, int | None] = {}
    for index in reading:
        pile = bisect_right(tails, keys[index])
        before[index] = heads[pile - 1] if pile else None
        # A slice behind the end appends: then the pile is new.
        tails[pile : pile + 1] = [keys[index]]
        heads[pile : pile + 1] = [index]
    kept = set()
    at: int | None = heads[-1]
    while at is not None:
        kept.add(at)
        at = before[at]
    return [at for at in reading if at not in kept]

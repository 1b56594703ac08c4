"""Intervals that tile 1..N, and the operation on them: changing the value of some serials.

Pure. The ledger and the reference backend share it; a batch's whole state is a list of
tiles, so a hundred million codes in three states cost three rows. The rules:

1. Tiles ascend, without gap or overlap. So every serial has a single value.
2. The ranges asked for ascend and do not overlap, and lie within the tiles.
3. All or nothing: a change that a single value refuses changes no tile.
4. Equal neighbours are joined, so the number of tiles follows from the values alone.

Rules 1 and 2 are checked whenever tiles are read. They cannot break by a wrong request, only
by damaged books, so they raise `ValueError` and no `MintmarkError`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

from .serials import Range

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Tile(Generic[V]):
    """Every serial of `serials` has `value`."""

    serials: Range
    value: V


class Stuck(Exception):
    """The change cannot be applied to a value; raised by the `change` of `rewrite`."""


class Blocked(Exception):
    """Some tiles refuse the change; `tiles` are the first `BLOCKED_SHOWN` of them.

    They are cut to the serials asked for. `total` counts all such tiles, and not their codes.
    """

    def __init__(self, tiles: Sequence[Tile[object]], total: int) -> None:
        super().__init__("tiles in the way")
        self.tiles = tuple(tiles)
        self.total = total


BLOCKED_SHOWN = 100


def rewrite(
    tiles: Iterable[Tile[V]], ranges: Sequence[Range], change: Callable[[V], V]
) -> list[Tile[V]]:
    """Apply `change` to the value of every serial in `ranges`; the result tiles the same interval.

    Equal neighbours are joined, also across the edges of `ranges`, so pass the neighbours of
    the touched tiles too. Raises `Blocked` with the first `BLOCKED_SHOWN` tiles whose
    `change` raised `Stuck`; `ValueError` if `tiles` have a gap or an overlap or do not cover
    `ranges`, or if `ranges` do not ascend or overlap.
    """
    result: list[Tile[V]] = []
    blocked: list[Tile[object]] = []
    total = 0
    for part, touched in _cut(tiles, ranges):
        if not touched:
            _append(result, part)
            continue
        try:
            _append(result, Tile(part.serials, change(part.value)))
        except Stuck:
            total += 1
            if len(blocked) < BLOCKED_SHOWN:
                blocked.append(Tile(part.serials, part.value))
    if total:  # rule 3
        raise Blocked(blocked, total)
    return result


def select(tiles: Iterable[Tile[V]], ranges: Sequence[Range]) -> Iterator[Tile[V]]:
    """The parts of `tiles` that lie in `ranges`, cut to them.

    Raises `ValueError` as `rewrite` does, but lazily: when the iteration gets there.
    """
    return (part for part, touched in _cut(tiles, ranges) if touched)


def join(tiles: Iterable[Tile[V]]) -> list[Tile[V]]:
    """`tiles` with touching neighbours of equal value joined; gaps stay."""
    result: list[Tile[V]] = []
    for tile in tiles:
        _append(result, tile)
    return result


def _append(tiles: list[Tile[V]], tile: Tile[V]) -> None:
    if tiles:  # rule 4
        before = tiles[-1]
        if before.value == tile.value and before.serials.last + 1 == tile.serials.first:
            tiles[-1] = Tile(Range(before.serials.first, tile.serials.last), tile.value)
            return
    tiles.append(tile)


def _check_ascending(ranges: Sequence[Range]) -> None:
    # Cutting would pass over a range that is out of order, and nobody would notice.
    if any(before.last >= after.first for before, after in pairwise(ranges)):
        raise ValueError("the serials asked for do not ascend, or overlap")


def _cut(tiles: Iterable[Tile[V]], ranges: Sequence[Range]) -> Iterator[tuple[Tile[V], bool]]:
    """`tiles` cut at the edges of `ranges`: (part, whether it lies inside of them)."""
    _check_ascending(ranges)  # rule 2
    index = 0
    expected: int | None = None
    for tile in tiles:
        first, last = tile.serials.first, tile.serials.last
        if expected is None:
            if ranges and ranges[0].first < first:  # rule 2
                raise ValueError("the tiles do not cover the serials asked for")
        elif first != expected:  # rule 1
            raise ValueError(f"the tiles have a gap or an overlap at serial {expected}")
        expected = last + 1
        while first <= last:
            while index < len(ranges) and ranges[index].last < first:
                index += 1
            if index == len(ranges) or ranges[index].first > last:
                yield Tile(Range(first, last), tile.value), False
                break
            if first < ranges[index].first:
                yield Tile(Range(first, ranges[index].first - 1), tile.value), False
                first = ranges[index].first
            stop = min(last, ranges[index].last)
            yield Tile(Range(first, stop), tile.value), True
            first = stop + 1
    if ranges and (expected is None or ranges[-1].last >= expected):  # rule 2
        raise ValueError("the tiles do not cover the serials asked for")

"""Intervals that tile 1..N, and the one operation on them: rewriting some of the serials.

Pure. The ledger and the reference backend share it; a batch's whole state is a list of
tiles, so a hundred million codes in three states cost three rows.
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
    """A change that cannot be applied to a value; raised by the `change` of `rewrite`."""


class Blocked(Exception):
    """Some tiles refuse the change; `tiles` are the first `BLOCKED_SHOWN` of them.

    They are cut to the serials asked for. `total` counts all such parts: parts, not codes.
    """

    def __init__(self, tiles: Sequence[Tile[object]], total: int) -> None:
        super().__init__("tiles in the way")
        self.tiles = tuple(tiles)
        self.total = total


BLOCKED_SHOWN = 100


def rewrite(
    tiles: Iterable[Tile[V]], where: Sequence[Range], change: Callable[[V], V]
) -> list[Tile[V]]:
    """Apply `change` to the serials of `where`; the result tiles the same interval.

    `tiles` ascend without gaps and cover `where`, which ascends and is disjoint. Equal
    neighbours are joined, also across the edges of `where`, so pass the neighbours of
    the touched tiles too. All or nothing: raises `Blocked` with the first
    `BLOCKED_SHOWN` tiles whose `change` raised `Stuck`; `ValueError` if `tiles` have a
    gap or an overlap or do not cover `where`, or if `where` is not ascending and disjoint.
    """
    result: list[Tile[V]] = []
    blocked: list[Tile[object]] = []
    total = 0
    for part, touched in _cut(tiles, where):
        if not touched:
            _append(result, part)
            continue
        try:
            _append(result, Tile(part.serials, change(part.value)))
        except Stuck:
            total += 1
            if len(blocked) < BLOCKED_SHOWN:
                blocked.append(Tile(part.serials, part.value))
    if total:
        raise Blocked(blocked, total)
    return result


def select(tiles: Iterable[Tile[V]], where: Sequence[Range]) -> Iterator[Tile[V]]:
    """The parts of `tiles` that lie in `where`, cut to it; the conditions are `rewrite`'s.

    Lazy: a broken condition is raised when the iteration gets there.
    """
    return (part for part, touched in _cut(tiles, where) if touched)


def join(tiles: Iterable[Tile[V]]) -> list[Tile[V]]:
    """Equal touching neighbours made one."""
    result: list[Tile[V]] = []
    for tile in tiles:
        _append(result, tile)
    return result


def _append(tiles: list[Tile[V]], tile: Tile[V]) -> None:
    if tiles:
        before = tiles[-1]
        if before.value == tile.value and before.serials.last + 1 == tile.serials.first:
            tiles[-1] = Tile(Range(before.serials.first, tile.serials.last), tile.value)
            return
    tiles.append(tile)


def _check_ascending(where: Sequence[Range]) -> None:
    # Cutting would pass over a range out of order without a word.
    if any(before.last >= after.first for before, after in pairwise(where)):
        raise ValueError("the serials asked for do not ascend, or overlap")


def _cut(tiles: Iterable[Tile[V]], where: Sequence[Range]) -> Iterator[tuple[Tile[V], bool]]:
    """`tiles` cut at the edges of `where`, each part with whether it lies inside."""
    _check_ascending(where)
    index = 0
    expected: int | None = None
    for tile in tiles:
        first, last = tile.serials.first, tile.serials.last
        if expected is None:
            if where and where[0].first < first:
                raise ValueError("the tiles do not cover the serials asked for")
        elif first != expected:
            raise ValueError(f"the tiles have a gap or an overlap at serial {expected}")
        expected = last + 1
        while first <= last:
            while index < len(where) and where[index].last < first:
                index += 1
            if index == len(where) or where[index].first > last:
                yield Tile(Range(first, last), tile.value), False
                break
            if first < where[index].first:
                yield Tile(Range(first, where[index].first - 1), tile.value), False
                first = where[index].first
            stop = min(last, where[index].last)
            yield Tile(Range(first, stop), tile.value), True
            first = stop + 1
    if where and (expected is None or where[-1].last >= expected):
        raise ValueError("the tiles do not cover the serials asked for")

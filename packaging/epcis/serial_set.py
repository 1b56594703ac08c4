"""A set of serials that may be a hundred million in one range, or a million apart. Pure.

A block of 65,536 serials is an integer with a bit for each, and 8 KB at most.
"""

from collections.abc import Iterator

from ...codegen.ranges.serials import Range, Ranges, join

_BLOCK = 65_536


class SerialSet:
    """Serials of one batch."""

    def __init__(self) -> None:
        self._blocks: dict[int, int] = {}

    def add(self, ranges: Ranges) -> Ranges:
        """Take in `ranges`, which ascend; those of their serials that are new."""
        fresh: list[Range] = []
        for block, start, size in _cut(ranges):
            mask = ((1 << size) - 1) << start
            held = self._blocks.get(block, 0)
            new = (mask & ~held) >> start
            self._blocks[block] = held | mask
            fresh += _runs(new, block * _BLOCK + start + 1)
        return join(fresh)

    def discard(self, ranges: Ranges) -> Ranges:
        """Let go of `ranges`, which ascend; those of their serials that were held."""
        gone: list[Range] = []
        for block, start, size in _cut(ranges):
            mask = ((1 << size) - 1) << start
            held = self._blocks.get(block, 0)
            gone += _runs((mask & held) >> start, block * _BLOCK + start + 1)
            self._blocks[block] = held & ~mask
        return join(gone)


def _cut(ranges: Ranges) -> Iterator[tuple[int, int, int]]:
    """(block, its first bit, bits) of each part of a range that lies in one block."""
    for piece in ranges:
        first, last = piece.first - 1, piece.last - 1
        while first <= last:
            block, start = divmod(first, _BLOCK)
            size = min(_BLOCK - start, last - first + 1)
            yield block, start, size
            first += size


def _runs(bits: int, serial: int) -> Iterator[Range]:
    """The runs of ones in `bits`, the lowest of which stands for `serial`."""
    while bits:
        zeros = (bits & -bits).bit_length() - 1
        bits >>= zeros
        ones = (~bits & (bits + 1)).bit_length() - 1
        serial += zeros
        yield Range(serial, serial + ones - 1)
        serial += ones
        bits >>= ones

"""Which of the eight masks a symbol takes: ISO/IEC 18004:2015, 7.8.3, for many symbols at once.

The masks (7.8.2) are evaluated by the four features of 7.8.3.1, table 11, with its weights:

- N1 = 3: adjacent modules of a line in the same colour, 5 + i of them: 3 + i points;
- N2 = 3: blocks of 2 x 2 modules in the same colour: 3 points each;
- N3 = 40: the pattern 1:1:3:1:1 with 4 light modules before or behind it: 40 points each;
- N4 = 10: the share of dark modules, for each 5 % of distance from 50 %: 10 points.

Lines (rows and columns) are words, a bit per module, and every rule is a few shifts and a
population count. If the standard leaves room, segno's reading holds: symbols are evaluated
without format (7.9) and version information (7.10), the area outside counts as light, and a
counted 1:1:3:1:1 pattern hides those that overlap it.
"""

import numpy as np
from numpy.typing import NDArray

from .segno_encoder import Modules

Words = NDArray[np.uint64]

MAX_SIZE = 57  # modules of version 10: a line with its margins fits into a word
_BITS = 64
_MARGIN = 3  # bits below a line, so that a shift by 4 loses none of them
_MAX_TWO_LINES = 29  # the largest size of which a row and a column share a word
_CACHED = 12_800  # words of a scratch buffer: several stay in a second-level cache


class Penalties:
    """The penalties of symbols of the same size: modules per side, at most `MAX_SIZE`."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._lanes = 2 if size <= _MAX_TWO_LINES else 1
        self.words = 2 * size // self._lanes
        """Words per symbol."""
        self.block = max(64, _CACHED // self.words)
        """Symbols to be evaluated at a time."""
        starts = [_MARGIN, _BITS - size][: self._lanes]
        inner = sum(((1 << (size - 1)) - 1) << start for start in starts)
        self._starts = starts
        # Bit i compares modules i and i+1 of a line; all the others count as a change.
        self._borders = np.uint64(~inner & (1 << _BITS) - 1)
        # A pattern at an edge has light beside it, whatever the other line of the word holds.
        edges = sum(1 << start | 1 << (start + size - 7) for start in starts)
        self._no_edges = np.uint64(~edges & (1 << _BITS) - 1)
        self._balance = np.array(
            # N4. Floating point, in segno's order: 45 % and 55 % are decided by rounding.
            [10 * int(abs(float(dark) / size**2 * 100 - 50) / 5) for dark in range(size**2 + 1)],
            dtype=np.int32,
        )

    def represent(self, modules: Modules) -> Words:
        """(n, size, size) modules as (n, words): linear over GF(2)."""
        bits = [
            np.left_shift(np.uint64(1), np.arange(start, start + self.size, dtype=np.uint64))
            for start in self._starts
        ]
        rows = (modules * bits[0]).sum(axis=2, dtype=np.uint64)
        columns = (modules.transpose(0, 2, 1) * bits[-1]).sum(axis=2, dtype=np.uint64)
        return rows | columns if self._lanes == 2 else np.concatenate([rows, columns], axis=1)

    def scratch(self, count: int) -> Words:
        """Buffers for `evaluate` to work on `count` symbols."""
        return np.empty((5, self.words, count), dtype=np.uint64)

    def evaluate(self, lines: Words, scratch: Words) -> NDArray[np.int32]:
        """The penalties (7.8.3.1), (n,), of symbols as (words, n): `represent`, transposed."""
        size, lanes = self.size, self._lanes
        change, runs, a, b, c = scratch
        np.right_shift(lines, 1, out=a)
        np.bitwise_xor(lines, a, out=change)
        finders = self._finders(lines, change, scratch)
        penalty: NDArray[np.int32] = 40 * _count(finders)  # N3
        np.bitwise_or(change, self._borders, out=change)
        # N2: no change within two neighbouring rows, nor from the upper to the lower row. If a
        # word is a row and a column, every block is seen twice.
        block, above, below = a[: size - 1], slice(size - 1), slice(1, size)
        np.bitwise_xor(lines[above], lines[below], out=block)
        np.bitwise_or(block, change[above], out=block)
        np.bitwise_or(block, change[below], out=block)
        penalty += 3 * (_BITS * (size - 1) - _count(block)) // lanes
        # N1: a run of 5 + i modules has 1 + i bits without a change in the next 4, and two
        # ends: the bits and ends together are its 3 + i points.
        np.right_shift(change, 1, out=a)
        np.bitwise_or(change, a, out=b)
        np.right_shift(b, 2, out=a)
        np.bitwise_or(a, b, out=runs)
        np.right_shift(runs, 1, out=a)
        np.bitwise_xor(a, runs, out=c)
        penalty += (_BITS - 1) * self.words - _count(runs) + _count(c)
        # N4: a row and a column in a word count every dark module twice.
        penalty += self._balance[_count(lines[:size]) // lanes]
        return penalty

    def _finders(self, lines: Words, change: Words, scratch: Words) -> Words:
        """N3: the bits at which a pattern 1011101 begins that counts."""
        begins: Words
        _, begins, a, b, c = scratch
        # a: anything dark in the next 4 modules.
        np.bitwise_or(a, lines, out=a)
        np.right_shift(a, 2, out=b)
        np.bitwise_or(a, b, out=a)
        # c: dark within the 4 before and within the 4 after a pattern.
        np.left_shift(a, 4, out=b)
        np.right_shift(a, 7, out=c)
        np.bitwise_and(b, c, out=c)
        if self.size == _MAX_TWO_LINES:
            np.bitwise_and(c, self._no_edges, out=c)
        # The pattern changes after its modules 0, 1, 4 and 5, not after 2 and 3.
        np.right_shift(change, 1, out=a)
        np.bitwise_and(a, change, out=begins)
        np.bitwise_or(a, change, out=a)
        np.right_shift(begins, 4, out=b)
        np.bitwise_and(begins, b, out=begins)
        np.bitwise_and(begins, lines, out=begins)
        np.right_shift(a, 2, out=a)
        np.bitwise_or(a, c, out=a)
        np.bitwise_and(begins, a, out=a)
        np.bitwise_xor(begins, a, out=begins)
        # Patterns overlap 4 or 6 modules apart; of three in a row the middle never counts, so
        # of two it does not matter which is hidden.
        np.left_shift(begins, 4, out=a)
        np.left_shift(begins, 6, out=b)
        np.bitwise_or(a, b, out=a)
        np.bitwise_and(begins, a, out=a)
        np.bitwise_xor(begins, a, out=begins)
        return begins


def blank_information(modules: Modules) -> Modules:
    """(n, size, size) modules as they are evaluated: format and version information light."""
    blank = modules.copy()
    size = modules.shape[-1]
    # 7.9.1: beside the finder patterns, and the module that is always dark.
    for near in (slice(0, 6), slice(7, 9), slice(size - 8, size)):
        blank[:, 8, near] = False
        blank[:, near, 8] = False
    if size >= 45:  # 7.10: from version 7 on
        blank[:, :6, size - 11 : size - 8] = False
        blank[:, size - 11 : size - 8, :6] = False
    return blank


def _count(words: Words) -> NDArray[np.int32]:
    """Bits set in each symbol's words, (words, n)."""
    total: NDArray[np.int32] = np.bitwise_count(words).sum(axis=0, dtype=np.uint16).astype(np.int32)
    return total

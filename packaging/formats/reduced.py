"""Ink with dots taken off its edges (`SymbolLook.reduce`), as dots and as rectangles.

Pure. A dot prints if all dots within `reduce` of it, in both directions, belong to modules that
print: ink that then grows by as many dots on each side covers these modules again, exactly. The
outer edge of light-on-dark symbols is an edge as well.

A shape so reduced is made of bands. In the middle of a line of modules lie its runs, shortened
at both ends; and where the line meets the next one, across the border, the runs that both have in
common.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..profiles.geometry import SymbolLook

Ink = NDArray[np.bool_]


def unit(look: SymbolLook) -> int:
    """The largest number of dots that all edges are multiples of."""
    return math.gcd(look.dots, look.reduce)


def dots(drawn: Ink, look: SymbolLook, size: int = 1) -> Ink:
    """(n, side, side) modules as (n, height, width) squares of `size` dots: dots by default.

    `size` divides `unit`.
    """
    across = look.dots // size
    found = drawn.repeat(across, axis=1).repeat(across, axis=2)
    if by := look.reduce // size:
        for axis in (1, 2):
            found = _shortened(found, by, axis)
    return found


def _shortened(ink: Ink, by: int, axis: int) -> Ink:
    """Ink without the `by` dots at both ends of every run along `axis`."""
    room = [(0, 0)] * ink.ndim
    room[axis] = (by, by)
    padded, length = np.pad(ink, room), ink.shape[axis]
    found = ink.copy()
    for step in range(2 * by + 1):
        found &= padded.take(range(step, step + length), axis)
    return found


def bands(drawn: Ink) -> Ink:
    """(n, side, side) modules → (n, 2 * side - 1, side): lines, and between them their borders."""
    count, side, _ = drawn.shape
    found = np.empty((count, 2 * side - 1, side), np.bool_)
    found[:, ::2] = drawn
    found[:, 1::2] = drawn[:, :-1] & drawn[:, 1:]
    return found


def places(side: int, look: SymbolLook) -> Iterator[tuple[int, int]]:
    """The upper left corner (x, y), in dots, of a run of `bands` that begins in a cell.

    Cells as `picture.runs` counts them: `side` + 1 in a band, band after band.
    """
    for band in range(2 * side - 1):
        line, border = divmod(band, 2)
        y = (line + border) * look.dots + (-look.reduce if border else look.reduce)
        yield from ((column * look.dots + look.reduce, y) for column in range(side + 1))


def extents(side: int, look: SymbolLook) -> Iterator[tuple[int, int]]:
    """(width, height), in dots, of runs of 0 to `side` modules: in a line, then on a border."""
    taken = 2 * look.reduce
    for height in (look.dots - taken, taken):
        yield from ((modules * look.dots - taken, height) for modules in range(side + 1))

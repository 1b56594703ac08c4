"""Strokes drawn in dots: text and lines of pictures that a press or a label printer takes.

Pure. A picture is (height, width), ink is true; points are (x, y) in dots from its lower left
corner.
"""

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .strokes import PEN, strokes

Picture = NDArray[np.bool_]
Point = tuple[float, float]


def line(drawn: Picture, begin: Point, end: Point, reach: float) -> None:
    """Ink within `reach` of the line from `begin` to `end`."""
    down, across = drawn.shape
    reach = max(reach, 0.5)
    left, right = sorted((begin[0], end[0]))
    low, high = sorted((begin[1], end[1]))
    first = max(0, math.floor(left - reach)), max(0, math.floor(low - reach))
    last = min(across, math.ceil(right + reach) + 1), min(down, math.ceil(high + reach) + 1)
    x = np.arange(first[0], last[0]) + 0.5 - begin[0]
    y = (np.arange(first[1], last[1]) + 0.5 - begin[1])[:, np.newaxis]
    along = end[0] - begin[0], end[1] - begin[1]
    length = along[0] ** 2 + along[1] ** 2
    part = np.clip((x * along[0] + y * along[1]) / length, 0, 1) if length else 0.0
    near = (x - part * along[0]) ** 2 + (y - part * along[1]) ** 2 <= reach**2
    drawn[down - last[1] : down - first[1], first[0] : last[0]] |= near[::-1]


def text(drawn: Picture, words: str, corner: Point, unit: float) -> None:
    """`words` (`strokes.strokes`) from their lower left `corner` on, `unit` dots per unit."""
    x, y = corner
    for points in strokes(words):
        placed = [(x + right * unit, y + up * unit) for right, up in points]
        for begin, end in pairwise(placed):
            line(drawn, begin, end, PEN * unit / 2)

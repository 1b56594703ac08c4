"""A proof (打样) of a symbol at true size, with a ruler: as PNG of exact dots and as PDF.

Pure. Both are drawn from the same strokes and rectangles, in dots from the lower left corner.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .formats.content import BLACK
from .formats.marks import circle
from .formats.pdf import document
from .formats.picture import png_of
from .formats.raster import Point, line
from .formats.strokes import EM, HEIGHT, PEN, strokes, width
from .profiles.geometry import INCH, POINT, SymbolLook
from .symbols.fitting import SymbolRoom

RULER = 50  # mm

_MARGIN, _GAP = 6.0, 4.0  # mm
_HAIR = 0.25  # points
_TEXT = 7.0  # points
_LEADING = 1.6
_TICKS = {10: 4.0, 5: 3.0, 1: 2.0}  # mm apart: mm long


@dataclass(frozen=True)
class Proof:
    """A symbol, with its room or without. `modules`: (n, n), true is dark, no quiet zone."""

    modules: NDArray[np.bool_]
    look: SymbolLook
    room: SymbolRoom | None
    lines: tuple[str, ...]

    def png(self) -> bytes:
        """The picture with a pixel per dot."""
        across, down = self._size
        drawn = np.zeros((down, across), np.bool_)
        for points, pen in self._strokes():
            for begin, end in pairwise(points):
                line(drawn, begin, end, pen / 2)
        if self.room is not None and self.room.round:
            steps = [2 * math.pi * step / 360 for step in range(361)]
            x, y, radius = self._circle
            points = [(x + radius * math.cos(a), y + radius * math.sin(a)) for a in steps]
            for begin, end in pairwise(points):
                line(drawn, begin, end, self._hair / 2)
        x, y = self._corner
        dots = self.modules.repeat(self.look.dots, axis=0).repeat(self.look.dots, axis=1)
        drawn[down - y - len(dots) : down - y, x : x + len(dots)] |= dots
        return png_of(drawn, self.look.dpi)

    def pdf(self) -> bytes:
        """A page of vectors alone, in black of the K plate."""
        scale = f"{72 / self.look.dpi:.10f}".rstrip("0")
        parts = [f"{scale} 0 0 {scale} 0 0 cm {BLACK} 1 J 1 j\n"]
        for points, pen in self._strokes():
            path = " ".join(
                f"{x:.2f} {y:.2f} {'l' if at else 'm'}" for at, (x, y) in enumerate(points)
            )
            parts.append(f"{pen:.2f} w {path} S\n")
        if self.room is not None and self.room.round:
            parts.append(f"{self._hair} w {circle(*self._circle)} S\n")
        x, y = self._corner
        side = len(self.modules)
        parts.append(f"q {self.look.dots} 0 0 {self.look.dots} {x} {y} cm\n")
        rows, columns = np.nonzero(self.modules)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            parts.append(f"{column} {side - 1 - row} 1 1 re\n")
        parts.append("f Q\n")
        across, down = self._size
        size = across * 72 / self.look.dpi, down * 72 / self.look.dpi
        return document(["".join(parts).encode("ascii")], size, "mintmark proof")

    # --- positions, in dots

    def _dots(self, mm: float) -> int:
        return round(mm * self.look.dpi / INCH)

    @property
    def _hair(self) -> int:
        return max(1, round(_HAIR * self.look.dpi / 72))

    @property
    def _unit(self) -> float:
        return _TEXT * self.look.dpi / 72 / EM

    @property
    def _line(self) -> int:
        return self._dots(_TEXT * POINT * _LEADING)

    @property
    def _box(self) -> tuple[int, int]:
        """Width and height of the room, or of the symbol if that is larger."""
        side = self.look.side_dots(len(self.modules))
        if self.room is None:
            return side, side
        return max(side, self._dots(self.room.width)), max(side, self._dots(self.room.height))

    @property
    def _size(self) -> tuple[int, int]:
        text = max(width(len(words)) for words in self.lines) * self._unit
        across = max(self._box[0], self._dots(RULER), math.ceil(text))
        down = self._ruler_top + self._dots(_GAP) + self._box[1] + self._dots(_GAP)
        margin = self._dots(_MARGIN)
        return across + 2 * margin, down + len(self.lines) * self._line + margin

    @property
    def _ruler_top(self) -> int:
        return self._dots(_MARGIN) + self._line + self._dots(_TICKS[10])

    @property
    def _centre(self) -> Point:
        return self._size[0] / 2, self._ruler_top + self._dots(_GAP) + self._box[1] / 2

    @property
    def _corner(self) -> tuple[int, int]:
        """The lower left corner of the symbol without its quiet zone."""
        side = len(self.modules) * self.look.dots
        return round(self._centre[0] - side / 2), round(self._centre[1] - side / 2)

    @property
    def _circle(self) -> tuple[float, float, float]:
        room = self.room or SymbolRoom(0, 0)
        return *self._centre, self._dots(room.width) / 2

    def _strokes(self) -> Iterator[tuple[list[Point], float]]:
        yield from self._text()
        yield from self._ruler()
        yield from self._corners()
        if self.room is not None and not self.room.round:
            x, y = self._centre
            dx, dy = self._dots(self.room.width) / 2, self._dots(self.room.height) / 2
            corners = ((-dx, -dy), (dx, -dy), (dx, dy), (-dx, dy), (-dx, -dy))
            yield [(x + right, y + up) for right, up in corners], self._hair

    def _text(self) -> Iterator[tuple[list[Point], float]]:
        top = self._size[1] - self._dots(_MARGIN) - HEIGHT * self._unit
        for number, words in enumerate(self.lines):
            yield from self._written(words, self._dots(_MARGIN), top - number * self._line)

    def _written(self, words: str, x: float, y: float) -> Iterator[tuple[list[Point], float]]:
        unit = self._unit
        for points in strokes(words):
            yield [(x + right * unit, y + up * unit) for right, up in points], PEN * unit

    def _ruler(self) -> Iterator[tuple[list[Point], float]]:
        """A stroke per millimetre; every tenth has its number."""
        left, top = (self._size[0] - self._dots(RULER)) / 2, self._ruler_top
        yield [(left, top), (left + self._dots(RULER), top)], self._hair
        for mm in range(RULER + 1):
            long = next(length for apart, length in _TICKS.items() if mm % apart == 0)
            x = left + self._dots(mm)
            yield [(x, top), (x, top - self._dots(long))], self._hair
            if mm % 10 == 0:
                begin = x - (width(len(str(mm))) - PEN) * self._unit / 2
                yield from self._written(str(mm), begin, self._dots(_MARGIN))

    def _corners(self) -> Iterator[tuple[list[Point], float]]:
        """Marks at the corners of the quiet zone."""
        half = self.look.side_dots(len(self.modules)) / 2
        arm = self._dots(1.0)
        x, y = self._centre
        for right in (-1, 1):
            for up in (-1, 1):
                corner = x + right * half, y + up * half
                yield (
                    [
                        (corner[0] - right * arm, corner[1]),
                        corner,
                        (corner[0], corner[1] - up * arm),
                    ],
                    self._hair,
                )

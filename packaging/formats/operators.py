"""The ink of symbols as PDF operators: rectangles of a path, or the bits of an image mask.

Pure. A unit is a module; with `SymbolLook.reduce` a dot, or for masks the largest square of dots
that all edges lie on.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..profiles.geometry import SymbolLook, wrong
from . import reduced
from .content import MAX_CONTENT
from .picture import Ink, outlines

RECORD = {2: (8, 8), 3: (16, 8), 5: (16, 16)}
"""Bytes of a rectangle's operators, place and extent, by the digits of its numbers."""
_DOT_DIGITS = 5
"""Of numbers of dots; numbers of modules have as many as the side of the symbol."""
HEX = np.frombuffer("".join(f"{byte:02X}" for byte in range(256)).encode(), np.uint8).reshape(
    256, 2
)

_BLOCK = 32  # symbols in dots at a time
_MAX_TABLE = 1 << 20  # bytes: a larger one leaves the second-level cache


def mask_bits(drawn: Ink, look: SymbolLook) -> Iterator[NDArray[np.uint8]]:
    """The lines of the image masks of symbols, (n, lines, bytes), some symbols at a time."""
    for first in range(0, len(drawn), _BLOCK):
        squares = reduced.dots(drawn[first : first + _BLOCK], look, reduced.unit(look))
        yield np.packbits(squares, axis=2)


def mask_side(side: int, look: SymbolLook) -> int:
    """The side, in pixels, of the image mask of a symbol of `side` modules: few are enough."""
    return side * look.dots // reduced.unit(look) if look.reduce else side


def mask_bytes(side: int, look: SymbolLook) -> int:
    """The hexadecimal digits of the image mask of a symbol of `side` modules."""
    pixels = mask_side(side, look)
    return pixels * 2 * ((pixels + 7) // 8)


def check_masks(look: SymbolLook, side: int, labels: int) -> None:
    """Raises `UsageError` if the masks of a sheet's labels are more than a page can hold."""
    taken = labels * mask_bytes(side, look)
    if taken > MAX_CONTENT:
        wrong(
            "sheet.paint",
            f"with reduce, the masks of {labels:,} labels take {taken / 1e6:,.0f} MB a page, "
            f"more than {MAX_CONTENT // 10**6:,}",
            'take paint = "paths", or fewer labels per sheet',
        )


class Rectangles:
    """Draws symbols of `side` modules as paths: their runs of ink as rectangles."""

    def __init__(self, side: int, look: SymbolLook) -> None:
        self._look = look
        self._places, self._extents = _rectangles(side, look)
        few = len(self._places) * len(self._extents) * sum(RECORD[digits_of(side, look)])
        self._whole = None if few > _MAX_TABLE else self._every()

    def __call__(self, drawn: Ink) -> tuple[bytes, list[int]]:
        """The operators of (n, side, side) symbols, joined, and where those of each end."""
        cells, extents, stops = outlines(drawn, self._look)
        if self._whole is None:
            found = _records(self._places.take(cells), self._extents.take(extents))
        else:
            found = self._whole.take(cells * len(self._extents) + extents)
        return found.tobytes(), (stops * found.dtype.itemsize).tolist()

    def _every(self) -> NDArray[np.void]:
        """The records of all places with all extents: a single look-up instead of two."""
        found = _records(self._places[:, np.newaxis], self._extents)
        return found.reshape(-1).view(np.dtype((np.void, found.dtype.itemsize)))


def _records(places: NDArray[np.void], extents: NDArray[np.void]) -> NDArray[np.void]:
    """Each place with its extent behind it."""
    shape = np.broadcast_shapes(places.shape, extents.shape)
    found = np.empty(shape, [("place", places.dtype), ("extent", extents.dtype)])
    found["place"], found["extent"] = places, extents
    return found


def digits_of(side: int, look: SymbolLook) -> int:
    """The digits of a rectangle's numbers, for symbols of `side` modules."""
    return _DOT_DIGITS if look.reduce else len(str(side))


def _rectangles(side: int, look: SymbolLook) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """The operators of a rectangle of ink: by its cell in `outlines`, and by its extent.

    Of few fixed sizes, which numpy copies fast. Unit is a module; with `look.reduce` a dot.
    """
    digits = digits_of(side, look)
    if look.reduce:
        high = side * look.dots
        # The lower left corner of a rectangle depends on its height, and so on its band.
        heights = [height for _, height in reduced.extents(side, look)][:: side + 1]
        bands = [band for band in range(2 * side - 1) for _ in range(side + 1)]
        corners = [
            (x, high - y - heights[band % 2])
            for band, (x, y) in zip(bands, reduced.places(side, look), strict=True)
        ]
        sizes = [
            (max(0, width), f"{height:0{digits}d}") for width, height in reduced.extents(side, look)
        ]
    else:
        corners = [(x, side - 1 - y) for y in range(side) for x in range(side + 1)]
        sizes = [(width, "1") for width in range(side + 1)]
    place, extent = RECORD[digits]
    starts = [f"\n{x:0{digits}d} {y:0{digits}d} ".ljust(place) for x, y in corners]
    ends = [f"{width:0{digits}d} {height} re".ljust(extent) for width, height in sizes]
    return (
        np.frombuffer("".join(starts).encode("ascii"), np.dtype((np.void, place))),
        np.frombuffer("".join(ends).encode("ascii"), np.dtype((np.void, extent))),
    )

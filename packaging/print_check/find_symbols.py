"""The QR symbols in a photographed or scanned picture: their contents, positions and looks.

zxing-cpp reads the picture with two binarizers, which tell dark from light. Small and unreadable
symbols are enlarged and read again. zxing-cpp reports at most 255 symbols per picture, so a
picture with more is read in overlapping quarters.
"""

import cmath
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import zxingcpp
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from .printed_look import UNKNOWN, PrintedLook, look_of

_FULL = 255  # symbols; zxing-cpp reports no more per picture
_SMALLEST = 400  # pixels; a quarter is at least as long
_ENLARGED = 40_000_000  # pixels; larger pictures have enough of them
_SMALL = 150  # pixels per side; smaller symbols are enlarged and read again
_ALIKE = 0.5  # of a side: centres that are nearer belong to the same symbol
_APART = 0.95  # of a side: centres of different symbols are at least as far apart
_LIKE = 1.3  # times: sides of symbols in the same proof differ by less
_ROOM = 0.75  # of a side, around a centre: the symbol and its quiet zone

# Plain QRCode would also report phantom Micro QR symbols.
_QR = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCodeModel2])
_BINARIZERS = (zxingcpp.Binarizer.LocalAverage, zxingcpp.Binarizer.GlobalHistogram)

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class FoundSymbol:
    """A symbol in a picture: its centre and side in pixels, and by how much it is turned.

    `content` is None if it could not be read; `turned` is in degrees, clockwise.
    """

    content: bytes | None = field(repr=False)
    x: float
    y: float
    side: float
    turned: float
    look: PrintedLook = UNKNOWN

    def near(self, other: "FoundSymbol") -> bool:
        """Whether both are the same symbol of the picture."""
        distance = math.hypot(self.x - other.x, self.y - other.y)
        return distance < _ALIKE * max(self.side, other.side)

    def overlaps(self, other: "FoundSymbol") -> bool:
        """Whether both cover a common area, which two symbols never do."""
        away = complex(self.x - other.x, self.y - other.y)
        away *= cmath.rect(1, -math.radians(other.turned))
        return max(abs(away.real), abs(away.imag)) < _APART * (self.side + other.side) / 2


class Part(NamedTuple):
    """A part of a page, drawn finer; its corner, and the size of a pixel, in the page's pixels."""

    grey: Grey
    left: float
    top: float
    scale: float


@dataclass(frozen=True)
class Page:
    """A page as a grey picture. `closer` draws it again, finer, in overlapping parts."""

    grey: Grey
    closer: Callable[[], Iterator[Part]] | None = None


def symbols_on(page: Page) -> list[FoundSymbol]:
    """The symbols of a page, in its pixels: read in its parts where it alone shows too little."""
    found = symbols_in(page.grey)
    if page.closer is None or (found and all(symbol.content is not None for symbol in found)):
        return found
    found = [symbol for symbol in found if symbol.content is not None]
    for part in page.closer():
        seen = [
            _moved(item, part.scale, part.left, part.top)
            for item in symbols_in(part.grey, enlarge=False)
        ]
        found = _merged(found, [item for item in seen if _whole(item, part, page)])
    good, bad = _sorted_out(found)
    return good + bad


def _whole(symbol: FoundSymbol, part: Part, page: Page) -> bool:
    """Whether a symbol was read, or lies in the part as a whole: otherwise another part has it."""
    reach = _ROOM * symbol.side
    for at, begin, axis in ((symbol.x, part.left, 1), (symbol.y, part.top, 0)):
        end = begin + part.grey.shape[axis] * part.scale
        cut = (begin > 0 and at - reach < begin) or (
            end < page.grey.shape[axis] and at + reach > end
        )
        if cut and symbol.content is None:
            return False
    return True


def symbols_in(grey: Grey, *, enlarge: bool = True) -> list[FoundSymbol]:
    """The symbols of a picture, including those that cannot be read.

    Small ones are looked for in the enlarged picture too, unless it is fine as it is.
    """
    found = _search(grey)
    good, bad = _sorted_out(found)
    small = not good or _usual(good) < _SMALL
    if enlarge and grey.size <= _ENLARGED and (small or bad):
        good, bad = _sorted_out(_merged(found, _enlarged(grey, 2)))
    for symbol in bad:
        closer = _closer(grey, symbol)
        if closer is not None and not any(closer.near(other) for other in good):
            good.append(closer)
    return good + [symbol for symbol in bad if not any(symbol.overlaps(other) for other in good)]


def _search(grey: Grey) -> list[FoundSymbol]:
    """The symbols that both binarizers find; in quarters if a result is full."""
    found: list[FoundSymbol] = []
    for binarizer in _BINARIZERS:
        seen = _read_symbols(grey, binarizer)
        if len(seen) >= _FULL and max(grey.shape) >= 2 * _SMALLEST:
            return _merged(found, _quarters(grey, seen))
        found = _merged(found, seen)
    return found


def _read_symbols(grey: Grey, binarizer: zxingcpp.Binarizer) -> list[FoundSymbol]:
    found = zxingcpp.read_barcodes(grey, formats=_QR, binarizer=binarizer, return_errors=True)
    return [_symbol(grey, barcode) for barcode in found]


def _symbol(grey: Grey, barcode: zxingcpp.Barcode) -> FoundSymbol:
    area = barcode.position
    corners = [
        (corner.x, corner.y)
        for corner in (area.top_left, area.top_right, area.bottom_right, area.bottom_left)
    ]
    x, y = (sum(corner[axis] for corner in corners) / 4 for axis in (0, 1))
    sides = [math.dist(corners[at], corners[at - 1]) for at in range(4)]
    (left, top), (right, below) = corners[:2]
    turned = math.degrees(math.atan2(below - top, right - left))
    content = bytes(barcode.bytes) if barcode.valid else None
    look = look_of(grey, corners, barcode.extra) if barcode.valid else UNKNOWN
    return FoundSymbol(content, x, y, sum(sides) / 4, turned, look)


def _quarters(grey: Grey, seen: Sequence[FoundSymbol]) -> list[FoundSymbol]:
    """The symbols of four parts, which overlap so far that no symbol is cut in all of them."""
    over = int(2 * max(symbol.side for symbol in seen))
    found: list[FoundSymbol] = []
    for top, bottom in _halves(grey.shape[0], over):
        for left, right in _halves(grey.shape[1], over):
            part = _search(np.ascontiguousarray(grey[top:bottom, left:right]))
            found = _merged(found, [_moved(symbol, 1.0, left, top) for symbol in part])
    return found


def _halves(length: int, over: int) -> tuple[tuple[int, int], ...]:
    if length < 4 * over:
        return ((0, length),)
    return (0, length // 2 + over), (length // 2 - over, length)


def _enlarged(grey: Grey, times: int) -> list[FoundSymbol]:
    height, width = grey.shape
    larger = Image.fromarray(grey).resize((times * width, times * height), Image.Resampling.BICUBIC)
    sharper = larger.filter(ImageFilter.UnsharpMask(radius=2 * times, percent=200, threshold=0))
    found = _merged(_search(np.asarray(larger)), _search(np.asarray(sharper)))
    return [_moved(symbol, 1 / times, 0, 0) for symbol in found]


def _closer(grey: Grey, symbol: FoundSymbol) -> FoundSymbol | None:
    """An unreadable symbol, cut out, enlarged and read again; None if it stays unreadable."""
    reach = int(_ROOM * symbol.side) + 1
    left, top = max(0, int(symbol.x) - reach), max(0, int(symbol.y) - reach)
    part = np.ascontiguousarray(grey[top : int(symbol.y) + reach, left : int(symbol.x) + reach])
    times = max(2, min(8, 600 // (2 * reach)))
    found = (_moved(closer, 1.0, left, top) for closer in _enlarged(part, times))
    return next((item for item in found if item.content is not None and item.near(symbol)), None)


def _moved(symbol: FoundSymbol, scale: float, left: float, top: float) -> FoundSymbol:
    x, y = symbol.x * scale + left, symbol.y * scale + top
    return replace(symbol, x=x, y=y, side=symbol.side * scale)


def _merged(known: Sequence[FoundSymbol], new: Sequence[FoundSymbol]) -> list[FoundSymbol]:
    """All symbols of both, each once. A symbol that was read replaces itself unread."""
    found = list(known)
    for symbol in new:
        same = next((at for at, item in enumerate(found) if item.near(symbol)), None)
        if same is None:
            found.append(symbol)
        elif found[same].content is None and symbol.content is not None:
            found[same] = symbol
    return found


def _usual(good: Sequence[FoundSymbol]) -> float:
    sides = sorted(symbol.side for symbol in good)
    return sides[len(sides) // 2]


def _sorted_out(found: Sequence[FoundSymbol]) -> tuple[list[FoundSymbol], list[FoundSymbol]]:
    """The symbols that were read; and regions that were not read but look like symbols.

    Corners of neighbouring symbols are sometimes taken for a symbol. Such a region has another
    size than its neighbours, or overlaps a neighbour.
    """
    good = [symbol for symbol in found if symbol.content is not None]
    usual = _usual(good) if good else None
    bad: list[FoundSymbol] = []
    for symbol in found:
        alike = usual is None or usual / _LIKE < symbol.side < usual * _LIKE
        alone = not any(symbol.overlaps(other) for other in (*good, *bad))
        if symbol.content is None and alike and alone:
            bad.append(symbol)
    return good, bad

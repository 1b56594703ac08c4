"""What the QR symbols in a photographed or scanned picture say, and where they stand.

zxing-cpp reads them, with two ways of telling dark from light; small and unreadable ones
again, enlarged. It stops at 255 symbols a picture, so crowded ones are read in overlapping
quarters.
"""

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import zxingcpp
from numpy.typing import NDArray
from PIL import Image, ImageFilter

_FULL = 255  # zxing-cpp reports no more
_SMALLEST = 400  # pixels; no quarter is cut smaller
_ENLARGED = 40_000_000  # pixels; larger pictures have pixels enough
_SMALL = 150  # pixels a side; smaller symbols are read again enlarged
_ALIKE = 0.5  # of a side: nearer centres are the same symbol
_APART = 0.95  # of a side: centres of symbols beside each other are no nearer
_LIKE = 1.3  # times: symbols of a proof are of one size
_ROOM = 0.75  # of a side, around a centre: the symbol and its quiet zone

# Plain QRCode would also report phantom Micro QR symbols.
_QR = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCodeModel2])
_BINARIZERS = (zxingcpp.Binarizer.LocalAverage, zxingcpp.Binarizer.GlobalHistogram)

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class FoundSymbol:
    """A symbol in a picture: its centre and side in pixels, and by how much it is turned.

    `says` is None where it could not be read; `turned` is in degrees, clockwise.
    """

    says: bytes | None = field(repr=False)
    x: float
    y: float
    side: float
    turned: float

    def near(self, other: "FoundSymbol") -> bool:
        """Whether both are the same place in the picture."""
        distance = math.hypot(self.x - other.x, self.y - other.y)
        return distance < _ALIKE * max(self.side, other.side)

    def overlaps(self, other: "FoundSymbol") -> bool:
        """Whether both cover some of the same place, which two symbols never do."""
        away = complex(self.x - other.x, self.y - other.y)
        away *= cmath.rect(1, -math.radians(other.turned))
        return max(abs(away.real), abs(away.imag)) < _APART * (self.side + other.side) / 2


def marks(grey: Grey) -> list[FoundSymbol]:
    """The symbols of one picture, those that cannot be read as well."""
    found = _search(grey)
    good, bad = _sorted_out(found)
    small = not good or _usual(good) < _SMALL
    if grey.size <= _ENLARGED and (small or bad):
        good, bad = _sorted_out(_merged(found, _enlarged(grey, 2)))
    for mark in bad:
        again = _closer(grey, mark)
        if again is not None and not any(again.near(other) for other in good):
            good.append(again)
    return good + [mark for mark in bad if not any(mark.overlaps(other) for other in good)]


def _search(grey: Grey) -> list[FoundSymbol]:
    """What both binarizers find; in quarters where one of them is full."""
    found: list[FoundSymbol] = []
    for binarizer in _BINARIZERS:
        seen = _marks(grey, binarizer)
        if len(seen) >= _FULL and max(grey.shape) >= 2 * _SMALLEST:
            return _merged(found, _quarters(grey, seen))
        found = _merged(found, seen)
    return found


def _marks(grey: Grey, binarizer: zxingcpp.Binarizer) -> list[FoundSymbol]:
    found = zxingcpp.read_barcodes(grey, formats=_QR, binarizer=binarizer, return_errors=True)
    return [_mark(barcode) for barcode in found]


def _mark(barcode: zxingcpp.Barcode) -> FoundSymbol:
    place = barcode.position
    corners = [
        (corner.x, corner.y)
        for corner in (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
    ]
    x, y = (sum(corner[axis] for corner in corners) / 4 for axis in (0, 1))
    sides = [math.dist(corners[at], corners[at - 1]) for at in range(4)]
    (left, top), (right, below) = corners[:2]
    turned = math.degrees(math.atan2(below - top, right - left))
    says = bytes(barcode.bytes) if barcode.valid else None
    return FoundSymbol(says, x, y, sum(sides) / 4, turned)


def _quarters(grey: Grey, seen: Sequence[FoundSymbol]) -> list[FoundSymbol]:
    """Four parts that overlap by more than a symbol, so that each is whole in one of them."""
    over = int(2 * max(mark.side for mark in seen))
    found: list[FoundSymbol] = []
    for top, bottom in _halves(grey.shape[0], over):
        for left, right in _halves(grey.shape[1], over):
            part = _search(np.ascontiguousarray(grey[top:bottom, left:right]))
            found = _merged(found, [_moved(mark, 1.0, left, top) for mark in part])
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
    return [_moved(mark, 1 / times, 0, 0) for mark in found]


def _closer(grey: Grey, mark: FoundSymbol) -> FoundSymbol | None:
    """An unreadable symbol, cut out, enlarged and tried again."""
    reach = int(_ROOM * mark.side) + 1
    left, top = max(0, int(mark.x) - reach), max(0, int(mark.y) - reach)
    part = np.ascontiguousarray(grey[top : int(mark.y) + reach, left : int(mark.x) + reach])
    times = max(2, min(8, 600 // (2 * reach)))
    found = (_moved(again, 1.0, left, top) for again in _enlarged(part, times))
    return next((again for again in found if again.says is not None and again.near(mark)), None)


def _moved(mark: FoundSymbol, scale: float, left: int, top: int) -> FoundSymbol:
    x, y = mark.x * scale + left, mark.y * scale + top
    return replace(mark, x=x, y=y, side=mark.side * scale)


def _merged(ones: Sequence[FoundSymbol], others: Sequence[FoundSymbol]) -> list[FoundSymbol]:
    """Both, each place once: read rather than unread."""
    found = list(ones)
    for mark in others:
        same = next((at for at, one in enumerate(found) if one.near(mark)), None)
        if same is None:
            found.append(mark)
        elif found[same].says is None and mark.says is not None:
            found[same] = mark
    return found


def _usual(good: Sequence[FoundSymbol]) -> float:
    sides = sorted(mark.side for mark in good)
    return sides[len(sides) // 2]


def _sorted_out(found: Sequence[FoundSymbol]) -> tuple[list[FoundSymbol], list[FoundSymbol]]:
    """Those that were read; and those that were not but look like symbols.

    Corners of neighbouring symbols are sometimes taken for one: such a region is of another
    size than its neighbours, lies on one of them, or is far from square.
    """
    good = [mark for mark in found if mark.says is not None]
    usual = _usual(good) if good else None
    bad: list[FoundSymbol] = []
    for mark in found:
        alike = usual is None or usual / _LIKE < mark.side < usual * _LIKE
        alone = not any(mark.overlaps(other) for other in (*good, *bad))
        if mark.says is None and alike and alone:
            bad.append(mark)
    return good, bad

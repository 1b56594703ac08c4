"""A label of a carton or pallet: what stands on it, and where. Pure.

Lengths are dots of 600 dpi, y upward from the page's lower edge. An A4 page holds two columns of
four labels, 105 x 74.25 mm each, as label sheets that are cut in advance do. The bar code is as
GS1 General Specifications, section 5.4, want it on logistic units: modules of 0.508 mm (0.495 to
0.940), bars of 32 mm (at least 31.75), quiet zones of ten modules. Symbols lie on a grid of
`GRID` dots, so that what is drawn can be looked at in a quarter of the size.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..formats.strokes import EM, drawable, path, width

DPI = 600
GRID = 4
COLUMNS, ROWS = 2, 4
PAGE = (4960, 7016)  # A4
LABEL = (2480, 1754)
_MARGIN = 120  # 5 mm: office printers leave out as much
_BAR = 12  # dots of a module
_BARS_HIGH = 756
_BARS_UP = 236  # the bars' lower edge above the label's
_QUIET = 4  # modules
_ROOM = 640  # for the QR symbol, its quiet zone included
_POINT = DPI / 72
_LARGE, _SMALL, _SMALLER, _NUMBER, _LEAST = 15.0, 10.0, 8.5, 13.0, 5.0  # points
_FEW = 5  # lines that have room beside the symbol in `_SMALL`; there are six at most
_LEADING = 1.35
_CROSS = 40  # dots, the marks between labels

Modules = NDArray[np.bool_]


@dataclass(frozen=True)
class CartonLabel:
    """What a label says. `count`: how many codes lie directly in it; 0 if none do.

    `sscc`: 18 digits. `payload`: the text of its QR symbol, which holds the code.
    """

    batch: str
    serial: int
    role: str
    product: str
    lot: str
    count: int
    sscc: str | None = None
    payload: str | None = field(default=None, repr=False)

    @property
    def element(self) -> str | None:
        """The SSCC as people read it."""
        return f"(00){self.sscc}" if self.sscc else None


class PlacedBox(NamedTuple):
    """A label's lower left corner on its page."""

    x: int
    y: int


def place(number: int) -> PlacedBox:
    """The box of the label with that number on its page, from 0, across and then down."""
    row, column = divmod(number, COLUMNS)
    return PlacedBox(column * LABEL[0], PAGE[1] - (row + 1) * LABEL[1])


def drawn(label: CartonLabel, box: PlacedBox) -> Iterator[str]:
    """The operators of a label, in dots, ink being set; the symbols as rectangles of whole dots."""
    left = box.x + _MARGIN
    if label.payload is not None:
        modules = _qr(label.payload)
        dots = _ROOM // (len(modules) + 2 * _QUIET) // GRID * GRID
        side = (len(modules) + 2 * _QUIET) * dots
        top = box.y + LABEL[1] - _MARGIN - _QUIET * dots
        yield _painted(modules, _even(left + _QUIET * dots), _even(top), dots, dots)
        left += side
    yield from _lines(label, box, left)
    if label.sscc is not None and label.element is not None:
        bars = _bars(label.sscc)
        x = _even(box.x + (LABEL[0] - bars.shape[1] * _BAR) // 2)
        bottom = _even(box.y + _BARS_UP)
        yield _painted(bars, x, bottom + _BARS_HIGH, _BAR, _BARS_HIGH)
        points = _NUMBER * _POINT / EM
        wide = width(len(label.element)) * points
        yield _stroked(label.element, box.x + (LABEL[0] - wide) / 2, box.y + _MARGIN, points)


def marks() -> str:
    """Crosses where four labels meet, to cut plain paper at."""
    found = []
    for row in range(1, ROWS):
        for column in range(1, COLUMNS):
            x, y = column * LABEL[0], PAGE[1] - row * LABEL[1]
            found.append(f"{x - _CROSS} {y} m {x + _CROSS} {y} l {x} {y - _CROSS} m")
            found.append(f"{x} {y + _CROSS} l")
    return f"q 2 w {' '.join(found)} S Q"


def _lines(label: CartonLabel, box: PlacedBox, left: int) -> Iterator[str]:
    """The words, one under the other; too long a line is set smaller, and then cut."""
    room = box.x + LABEL[0] - _MARGIN - left
    y = float(box.y + LABEL[1] - _MARGIN)
    lines = list(_words(label, room))
    small = _SMALL if len(lines) <= _FEW else _SMALLER
    for number, words in enumerate(lines):
        points, wide = small if number else _LARGE, _wide(words)
        points = max(_LEAST, min(points, room / (wide * _POINT / EM)))
        unit = points * _POINT / EM
        most = max(1, int(len(words) * room / (wide * unit) + 1e-9))
        shown = words if wide * unit <= room * 1.001 else words[:most]
        y -= points * _POINT * (_LEADING if number else 1.0)
        if drawable(shown):
            yield _stroked(shown, left, y, unit)
        else:
            yield written(shown, left, y, points * _POINT)


def _words(label: CartonLabel, room: int) -> Iterator[str]:
    yield f"{label.role.upper()} {label.serial}"
    if label.product:
        yield from _halves(label.product, room)
    if label.lot:
        yield f"LOT {label.lot}"
    if label.count:
        yield f"COUNT {label.count:,}"
    yield f"{label.batch}:{label.serial}"


def _halves(text: str, room: int) -> Iterator[str]:
    """A product's name on two lines, parted at a blank if one is near its middle, if it is long."""
    if _wide(text) * _SMALL * _POINT / EM <= room:
        yield text
        return
    middle, near = len(text) // 2, len(text) // 6
    blanks = [at for at in range(middle - near, middle + near + 1) if text[at] == " "]
    at = min(blanks, key=lambda blank: abs(blank - middle), default=middle)
    yield text[:at].rstrip()
    yield text[at:].lstrip()


def _wide(words: str) -> float:
    """The units of a line: drawn letters advance alike, written ones by a half or a whole em."""
    return width(len(words)) if drawable(words) else _cells(words) * EM / 2


def written(text: str, x: float, y: float, size: float) -> str:
    """Chinese, in the reader's own font: no stroke font has its letters."""
    plain = "".join(letter if ord(letter) < 0x10000 else "?" for letter in text)
    codes = plain.encode("utf-16-be").hex()
    return f"BT /F1 {size:.1f} Tf 1 0 0 1 {x:.1f} {y:.1f} Tm <{codes}> Tj ET"


def has_letters(label: CartonLabel) -> bool:
    """Whether a line of it is written, not drawn."""
    return not drawable(f"{label.role} {label.product} {label.lot}")


def _cells(text: str) -> int:
    return sum(1 if ord(letter) < 0x100 else 2 for letter in text)


def _stroked(text: str, x: float, y: float, unit: float) -> str:
    return f"q {unit:.4f} 0 0 {unit:.4f} {x:.2f} {y:.2f} cm {path(text)} S Q"


def _painted(modules: Modules, x: int, top: int, wide: int, high: int) -> str:
    """The dark runs of modules as rectangles, filled at once; modules as (rows, columns)."""
    found = []
    for number, row in enumerate(modules):
        edges = np.flatnonzero(np.diff(np.concatenate(([False], row, [False])).astype(np.int8)))
        for begin, end in edges.reshape(-1, 2).tolist():
            at = top - (number + 1) * high
            found.append(f"{x + begin * wide} {at} {(end - begin) * wide} {high} re")
    return f"{' '.join(found)} f"


def _qr(payload: str) -> Modules:
    import segno

    symbol = segno.make_qr(payload, error="m", boost_error=False)
    return np.array([list(row) for row in symbol.matrix], np.bool_)


def _bars(sscc: str) -> Modules:
    """GS1-128 of the SSCC: start C, FNC1, 00 and the digits in pairs; a single row."""
    from barcode.codex import Gs1_128

    (bits,) = Gs1_128(f"00{sscc}").build()
    return np.array([[bit == "1" for bit in bits]], np.bool_)


def _even(dots: int) -> int:
    return dots // GRID * GRID

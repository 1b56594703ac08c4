"""Geometry of symbols and sheets: millimetres as a profile gives them, dots as they print.

Pure. A press or a laser draws whole dots, so every length a profile gives in mm is snapped
to the nearest whole dot at the profile's dpi, once, here: `SymbolLook` and `Sheet` hold mm as
given, and their `…_dots` what is drawn. Nothing else rounds.

Sheets have their origin in the upper left corner, x to the right, y downward. A sheet holds
`rows` × `columns` labels (places), counted across and then down.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from ...codegen.errors import UsageError

INCH = 25.4  # mm
POINT = INCH / 72  # mm

LEVELS = "LMQH"
MIN_DOTS = 4  # per module; with fewer a press loses modules
MIN_QUIET_ZONE = 4  # modules: ISO/IEC 18004:2015, 9.1
MAX_DOTS = 100
DPI = (72, 4_800)
MAX_VERSION = 40
_MAX_MM = 5_000.0
_MAX_LABELS = 10_000  # per sheet


class Text(StrEnum):
    """What stands under a symbol for people to read."""

    NONE = "none"
    SERIAL = "serial"
    CODE = "code"


class LabelOrder(StrEnum):
    """How serials run over the places of sheets.

    `rows`: across, then down (along a reel). `columns`: down, then across. `stack`: cut and
    stack: a place of all sheets, then the next place, so that the cut piles, laid on each
    other, are in order. `lanes`: a column of all sheets, then the next column, so that a reel
    slit between its columns gives rolls of a single range each.
    """

    ROWS = "rows"
    COLUMNS = "columns"
    STACK = "stack"
    LANES = "lanes"


class Paint(StrEnum):
    """How a symbol is drawn in a PDF: vector paths, or a one-bit image mask."""

    PATHS = "paths"
    MASK = "mask"


class PrintMark(StrEnum):
    """Marks outside the labels."""

    CROP = "crop"
    REGISTRATION = "registration"


def wrong(key: str, what: str, *hints: str) -> NoReturn:
    """Raise `UsageError` for a profile's `key`, as in `sheet.page`."""
    raise UsageError(f"{key}: {what}", *hints, key=key)


def snap(mm: float, dpi: int) -> int:
    """`mm` in whole dots, the nearest."""
    return round(mm * dpi / INCH)


def to_mm(dots: float, dpi: int) -> float:
    """Dots in mm."""
    return dots * INCH / dpi


@dataclass(frozen=True)
class SymbolLook:
    """How a QR symbol is made and drawn.

    `mask` is 0..7, or None: chosen as ISO/IEC 18004:2015, 7.8.3 demands. `quiet_zone` in
    modules, `dots` per module. `invert` draws light on dark, `mirror` left to right (dark cap
    liners, foil printed from behind). `reduce` takes so many dots off each edge of what prints,
    against ink or burn that grows by as many (bar width reduction): off the dark modules, and
    with `invert` off the light ones and the outside. `version_limit`: payloads that need more
    are refused. Raises `UsageError` naming the key.
    """

    level: str = "M"
    mask: int | None = None
    quiet_zone: int = MIN_QUIET_ZONE
    dots: int = 12
    dpi: int = 600
    invert: bool = False
    mirror: bool = False
    reduce: int = 0
    version_limit: int = 10

    def __post_init__(self) -> None:
        if len(self.level) != 1 or self.level not in LEVELS:
            wrong("symbol.level", "the error correction level is one of L, M, Q, H")
        if self.mask is not None and not 0 <= self.mask <= 7:
            wrong("symbol.mask", "the mask is 0 to 7, or auto")
        if not MIN_QUIET_ZONE <= self.quiet_zone <= 40:
            wrong("symbol.quiet_zone", f"the quiet zone has {MIN_QUIET_ZONE} to 40 modules")
        if not MIN_DOTS <= self.dots <= MAX_DOTS:
            wrong("symbol.dots", f"a module has {MIN_DOTS} to {MAX_DOTS} dots")
        if not 0 <= 2 * self.reduce < self.dots:
            most = (self.dots - 1) // 2
            what = f"0 to {most} dots can be taken off each edge of modules of {self.dots} dots"
            wrong("symbol.reduce", what, "it is in dots a side, not in mm or percent; 1 is usual")
        if not DPI[0] <= self.dpi <= DPI[1]:
            wrong("symbol.dpi", f"the resolution is {DPI[0]} to {DPI[1]:,} dpi")
        if not 1 <= self.version_limit <= MAX_VERSION:
            wrong("symbol.version_limit", f"QR versions are 1 to {MAX_VERSION}")

    @property
    def module(self) -> float:
        """The side of a module, mm."""
        return to_mm(self.dots, self.dpi)

    def side_dots(self, modules: int) -> int:
        """The side of a symbol of so many modules, quiet zone included, in dots."""
        return (modules + 2 * self.quiet_zone) * self.dots

    def side(self, modules: int) -> float:
        """The same in mm."""
        return to_mm(self.side_dots(modules), self.dpi)


@dataclass(frozen=True)
class LabelBox:
    """A label's upper left corner and its size, in dots."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Sheet:
    """An imposed sheet; lengths in mm, (width, height) or (across, down).

    `page` is the trimmed size of the PDF page, `label` that of a label, `gutter` the distance
    between labels, `margin` that of the first label from the upper left corner (without
    it, the block of labels is centred). `bleed` runs around each label and fits into the
    gutters. `text` stands under the symbol, `text_size` in points. `header`: a line with
    package, sheet and unit above the labels. `at` and `pair_at` are the centres of the symbol,
    without it in the middle, and of the second symbol of a pair, from the label's upper left
    corner. Raises `UsageError` naming the key.
    """

    dpi: int
    page: tuple[float, float]
    label: tuple[float, float]
    rows: int = 1
    columns: int = 1
    gutter: tuple[float, float] = (0.0, 0.0)
    margin: tuple[float, float] | None = None
    bleed: float = 0.0
    marks: tuple[PrintMark, ...] = ()
    text: Text = Text.SERIAL
    text_size: float = 6.0
    order: LabelOrder = LabelOrder.ROWS
    paint: Paint = Paint.PATHS
    header: bool = True
    at: tuple[float, float] | None = None
    pair_at: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for key in ("page", "label"):
            if not all(1.0 <= side <= _MAX_MM for side in getattr(self, key)):
                wrong(f"sheet.{key}", f"sides are 1 to {_MAX_MM:,.0f} mm")
        for key in ("gutter", "margin", "at", "pair_at"):
            if not all(0.0 <= side <= _MAX_MM for side in getattr(self, key) or ()):
                wrong(f"sheet.{key}", f"lengths are 0 to {_MAX_MM:,.0f} mm")
        for key in ("rows", "columns"):
            if not 1 <= getattr(self, key) <= _MAX_LABELS:
                wrong(f"sheet.{key}", f"there are 1 to {_MAX_LABELS:,}")
        if self.labels_per_sheet > _MAX_LABELS:
            wrong("sheet.rows", f"a sheet holds at most {_MAX_LABELS:,} labels")
        if not 2.0 <= self.text_size <= 72.0:
            wrong("sheet.text_size", "text has 2 to 72 points")
        if not 0.0 <= self.bleed <= 50.0:
            wrong("sheet.bleed", "the bleed is 0 to 50 mm")
        self._fits()

    @property
    def labels_per_sheet(self) -> int:
        """Labels per sheet."""
        return self.rows * self.columns

    def dots(self, mm: float) -> int:
        """`mm` in whole dots."""
        return snap(mm, self.dpi)

    @property
    def page_dots(self) -> tuple[int, int]:
        """Width and height of the page."""
        return self.dots(self.page[0]), self.dots(self.page[1])

    @property
    def text_dots(self) -> int:
        """The height kept under a symbol for its text: a line and a fifth."""
        return 0 if self.text is Text.NONE else self.dots(self.text_size * POINT * 1.2)

    def label_box(self, index: int) -> LabelBox:
        """The box of the `index`-th label of a sheet, counted from 0 across, then down."""
        row, column = divmod(index, self.columns)
        (left, right), (top, bottom) = self._edges(0, column), self._edges(1, row)
        return LabelBox(left, top, right - left, bottom - top)

    def _edges(self, axis: int, number: int) -> tuple[int, int]:
        """The edges of the labels of a column or row.

        Edges are snapped, not pitches: on sheets cut in advance the errors would add up.
        """
        origin, label = self._origin[axis], self.label[axis]
        begin = number * (label + self.gutter[axis])
        return origin + self.dots(begin), origin + self.dots(begin + label)

    def symbol_at(self, box: LabelBox, side: int, *, second: bool = False) -> tuple[int, int]:
        """The upper left corner, in dots, of a symbol `side` dots wide, quiet zone included.

        It has its centre where the profile says, or is centred in its label, above its text.
        """
        centre = self.pair_at if second else self.at
        if centre is not None:
            return box.x + self.dots(centre[0]) - side // 2, box.y + self.dots(
                centre[1]
            ) - side // 2
        free = box.width - side, box.height - side - self.text_dots
        return box.x + free[0] // 2, box.y + free[1] // 2

    def sheets(self, count: int) -> int:
        """How many sheets hold `count` labels."""
        return -(-count // self.labels_per_sheet)

    def spots(self, sheet: int, count: int) -> Iterator[tuple[int, int]]:
        """(place, label) of a sheet, both from 0, places ascending; `count` labels in all.

        Every label from 0 to `count` - 1 has a single place on a single sheet, whatever the order.
        """
        sheets = self.sheets(count)
        for place in range(self.labels_per_sheet):
            row, column = divmod(place, self.columns)
            if self.order is LabelOrder.STACK:
                label = place * sheets + sheet
            elif self.order is LabelOrder.COLUMNS:
                label = sheet * self.labels_per_sheet + column * self.rows + row
            elif self.order is LabelOrder.LANES:
                label = (column * sheets + sheet) * self.rows + row
            else:
                label = sheet * self.labels_per_sheet + place
            if label < count:
                yield place, label

    def check(self, symbol: SymbolLook, modules: int) -> None:
        """Raises `UsageError` if a symbol of so many modules does not fit the label."""
        side = symbol.side_dots(modules)
        width, height = (int(mm * self.dpi / INCH) for mm in self.label)
        if side > width or side + self.text_dots > height:
            text = " and its text" if self.text_dots else ""
            wrong(
                "sheet.label",
                f"a symbol of {symbol.side(modules):.2f} mm{text} does not fit "
                f"{self.label[0]:g} x {self.label[1]:g} mm",
                "take fewer dots per module, a larger label, or a shorter address",
            )

    @property
    def centres(self) -> tuple[tuple[float, float], ...]:
        """The centre of the symbol, and of a second one, mm from the label's upper left corner."""
        text = to_mm(self.text_dots, self.dpi)
        first = self.at or (self.label[0] / 2, (self.label[1] - text) / 2)
        return (first,) if self.pair_at is None else (first, self.pair_at)

    @property
    def _block(self) -> tuple[int, int]:
        across, down = (
            number * label + (number - 1) * gutter
            for number, label, gutter in zip(
                (self.columns, self.rows), self.label, self.gutter, strict=True
            )
        )
        return self.dots(across), self.dots(down)

    @property
    def _origin(self) -> tuple[int, int]:
        if self.margin is not None:
            return self.dots(self.margin[0]), self.dots(self.margin[1])
        page, block = self.page_dots, self._block
        return (page[0] - block[0]) // 2, (page[1] - block[1]) // 2

    def _fits(self) -> None:
        page, block, origin = self.page_dots, self._block, self._origin
        bleed = self.dots(self.bleed)
        for axis, (key, number) in enumerate((("columns", self.columns), ("rows", self.rows))):
            if origin[axis] < bleed or origin[axis] + block[axis] + bleed > page[axis]:
                wrong(
                    f"sheet.{key}",
                    f"{number} labels with their gutters, margin and bleed take "
                    f"{to_mm(origin[axis] * (self.margin is not None) + block[axis], self.dpi):.1f}"
                    f" mm of a page of {self.page[axis]:g} mm",
                    f"take fewer {key}, smaller labels or a larger page",
                )
            if number > 1 and self.gutter[axis] < 2 * self.bleed:
                wrong("sheet.gutter", "the bleeds of neighbouring labels overlap in it")

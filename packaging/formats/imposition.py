"""Imposed sheets as PDF content streams (ISO 32000-1), a page per sheet, drawn in whole dots.

Pure. Ink is `pdf.BLACK`, text is strokes: no font, no image file, no colour space. A page is a
template whose slots are filled for many labels at once.

The user space of a content stream is scaled to the dots of the profile's dpi, the origin in
the lower left corner; `geometry.Sheet` counts from the upper left corner.
"""

from collections.abc import Iterator
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from ..profiles.geometry import POINT, Paint, Sheet, SymbolLook, Text, to_mm, wrong
from ..symbols.encoder import Encoder, Symbols
from .furniture import BANNER, EDGE, Heading, Numbers, banner, is_spread, page_head
from .marks import AWAY, margins, reach
from .operators import HEX, Rectangles, check_masks, mask_bits, mask_side
from .pages import Indices, Pages, Spots, spots
from .picture import ink
from .strokes import EM, HEIGHT, PEN, Stroke, width

_BLOCK = 256  # labels drawn at a time: what is made of them stays in the second-level cache
_INSET = 0.03125  # dots

Bytes = NDArray[np.uint8]
Label = tuple[bytes, ...]  # the operators of a label, in pieces


def check(sheet: Sheet, look: SymbolLook, modules: int, characters: int) -> None:
    """Raises `UsageError` with its `key` if symbols, text, marks or heading lack room.

    `modules` is the symbol's side; `characters` those of the text under it.
    """
    check_room(sheet)
    sheet.check(look, modules)
    if sheet.paint is Paint.MASK and look.reduce:
        check_masks(look, modules + 2 * look.quiet_zone, sheet.labels_per_sheet)
    taken = sheet.dots(width(characters) * _unit_mm(sheet))
    if sheet.text is not Text.NONE and taken > sheet.label_box(0).width:
        size = sheet.text_size * sheet.label_box(0).width / taken
        wrong(
            "sheet.text_size",
            f"{characters} characters of {sheet.text_size:g} points take "
            f"{to_mm(taken, sheet.dpi):.1f} mm, a label has {sheet.label[0]:g}",
            f"take {int(size * 10) / 10:g} points"
            if size >= 2
            else "let the serial stand under the symbol, or nothing",
        )


def check_room(sheet: Sheet) -> None:
    """Raises `UsageError` if there is no room around the labels for marks and heading."""
    around = (sheet.bleed if not sheet.marks else reach(sheet)) + 0.0
    for side, free in zip(("left", "top", "right", "bottom"), margins(sheet), strict=True):
        if sheet.marks and free < around:
            wrong(
                "sheet.marks",
                f"the marks need {around:g} mm around the labels, at the {side} there are "
                f"{free:.1f}",
                "take a larger page or margin, fewer labels, or no marks",
            )
    needed = around + AWAY + BANNER[0] * POINT * HEIGHT / EM + EDGE
    if sheet.header and margins(sheet)[1] < needed:
        wrong(
            "sheet.header",
            f"the heading needs {needed:.1f} mm above the labels, there are "
            f"{margins(sheet)[1]:.1f}",
            "set header = false, or take a larger page or margin",
        )


class Sheets:
    """Draws the sheets of units: labels with the symbols of `encoder`.

    `digits` is the width of serials under symbols. Raises `UsageError` as `check` does. `second`
    draws the second symbols of a pair on the same labels, and is told so by `is_second`.
    """

    def __init__(  # noqa: PLR0913 - what a label is made of
        self,
        encoder: Encoder,
        look: SymbolLook,
        sheet: Sheet,
        digits: int,
        *,
        second: "Sheets | None" = None,
        is_second: bool = False,
    ) -> None:
        self.sheet = sheet
        self._second = second
        self._encoder = encoder
        self._look = look
        template = encoder.template
        self._code_length = template.length
        is_code = sheet.text is Text.CODE
        self._text_length = template.length if is_code else digits
        check(sheet, look, encoder.size, self._text_length)
        self._line = Stroke(template.symbols if is_code else "0123456789", self._text_length)
        # With light on dark the quiet zone is drawn as well.
        self._quiet = look.quiet_zone if look.invert else 0
        self._side = encoder.size + 2 * self._quiet
        boxes = [sheet.label_box(index) for index in range(sheet.labels_per_sheet)]
        side = look.side_dots(encoder.size)
        corners = [sheet.symbol_at(box, side, second=is_second) for box in boxes]
        placed = (sheet.pair_at if is_second else sheet.at) is not None
        self._symbol_heads = _heads([self._symbol_head(*corner) for corner in corners])
        self._head_bytes = [row.tobytes() for row in self._symbol_heads]
        self._text_heads = _heads(
            [
                self._text_head(
                    corner[0] + side / 2 if placed else box.x + box.width / 2, corner[1]
                )
                for box, corner in zip(boxes, corners, strict=True)
            ]
        )
        self._rectangles = Rectangles(self._side, look)
        self._page_head = page_head(sheet)

    @property
    def page(self) -> tuple[float, float]:
        """The page's size in points: a whole number of dots."""
        across, down = self.sheet.page_dots
        return across * 72 / self.sheet.dpi, down * 72 / self.sheet.dpi

    def pages(self, which: Pages, codes: bytes, heading: Heading) -> Iterator[bytes]:
        """The content streams of some pages of a unit.

        `codes` are those of `pages.spots`, in its order.
        """
        table = np.frombuffer(codes, np.uint8).reshape(-1, self.stride)
        found = spots(self.sheet, which)
        labels = self.labels(which.first, table, found)
        begin = 0
        for page, end in enumerate(found.ends, which.start):
            numbers = self._numbers(which, page, found.codes[begin:end])
            title = banner(self.sheet, heading, numbers)
            some = chain.from_iterable(islice(labels, end - begin))
            yield b"".join([self._page_head, title, *some])
            begin = end

    @property
    def stride(self) -> int:
        """The bytes of a label's codes."""
        others = (self._second,) if self._second is not None else ()
        return self._code_length + sum(other.stride for other in others)

    def labels(self, first: int, table: Bytes, where: Spots) -> Iterator[Label]:
        """The operators that draw each of the labels, whose codes are the rows of `table`."""
        mine = self._labels(first, table[:, : self._code_length], where)
        if self._second is None:
            return mine
        others = self._second.labels(first, table[:, self._code_length :], where)
        return (one + other for one, other in zip(mine, others, strict=True))

    def _labels(self, first: int, table: Bytes, where: Spots) -> Iterator[Label]:
        draw = self._masks if self.sheet.paint is Paint.MASK else self._paths
        for begin in range(0, len(table), _BLOCK):
            part = slice(begin, begin + _BLOCK)
            symbols = self._encoder.encode(table[part].tobytes())
            places = where.places[part]
            yield from draw(
                symbols, places, self._text(first, table[part], places, where.codes[part])
            )

    def _numbers(self, which: Pages, page: int, codes: Indices) -> Numbers:
        first, last = 0, (which.labels - 1) // which.copies
        if not is_spread(self.sheet.order):
            first, last = int(codes.min()), int(codes.max())
        return Numbers(
            page, self.sheet.sheets(which.labels), which.first + first, which.first + last
        )

    def _masks(self, symbols: Symbols, places: Indices, text: Bytes) -> Iterator[Label]:
        """By image masks: labels of equal length, filled as a table.

        In hexadecimal: bits as they are could spell the operator that ends the image.
        """
        if self._look.reduce:
            at = 0
            for bits in mask_bits(self._ink(symbols), self._look):
                part = slice(at, at := at + len(bits))
                yield from self._filled(bits, places[part], text[part])
            return
        plain = not (self._look.invert or self._look.mirror)
        bits = symbols.packed if plain else np.packbits(self._ink(symbols), axis=2)
        yield from self._filled(bits, places, text)

    def _filled(self, bits: Bytes, places: Indices, text: Bytes) -> Iterator[Label]:
        """The operators of labels whose image masks have such lines of bits."""
        pairs = HEX[bits].reshape(len(bits), -1)
        end = np.broadcast_to(_MASK_END, (len(bits), len(_MASK_END)))
        rows = np.concatenate([self._symbol_heads[places], pairs, end, text], axis=1)
        drawn, size = rows.tobytes(), rows.shape[1]
        return ((drawn[at : at + size],) for at in range(0, len(drawn), size))

    def _paths(self, symbols: Symbols, places: Indices, text: Bytes) -> Iterator[Label]:
        """By paths: the runs of a symbol's ink as rectangles, filled at once."""
        drawn, stops = self._rectangles(self._ink(symbols))
        lines, width = text.tobytes(), text.shape[1]
        first = at = 0
        for stop, place in zip(stops, places.tolist(), strict=True):
            line = lines[at : at + width]
            yield self._head_bytes[place], drawn[first:stop], b"\nf Q\n", line
            first, at = stop, at + width

    def _ink(self, symbols: Symbols) -> NDArray[np.bool_]:
        return ink(symbols, self._look, self._quiet)

    def _text(self, first: int, table: Bytes, places: Indices, codes: Indices) -> Bytes:
        """The operators that draw the text under each symbol, a row per label."""
        if self.sheet.text is Text.NONE:
            return np.empty((len(places), 0), np.uint8)
        if self.sheet.text is Text.CODE:
            characters = table
        else:
            powers = 10 ** np.arange(self._text_length - 1, -1, -1, dtype=np.int64)
            digits = (first + codes)[:, np.newaxis] // powers % 10
            characters = (digits + ord("0")).astype(np.uint8)
        end = np.broadcast_to(_TEXT_END, (len(places), len(_TEXT_END)))
        return np.concatenate([self._text_heads[places], self._line(characters), end], axis=1)

    def _symbol_head(self, x: int, y: int) -> str:
        around = (self._look.quiet_zone - self._quiet) * self._look.dots
        side = self._side * self._look.dots
        x, bottom = x + around, self.sheet.page_dots[1] - y - around - side
        if self.sheet.paint is Paint.PATHS:
            scale = 1 if self._look.reduce else self._look.dots
            return f"q {scale} 0 0 {scale} {x} {bottom} cm\n"
        pixels = mask_side(self._side, self._look)
        modules = f"/W {pixels} /H {pixels}"
        # An image paints every dot that it touches: rounding must not make it touch more.
        within = f"{side - 2 * _INSET} 0 0 {side - 2 * _INSET} {x + _INSET} {bottom + _INSET}"
        return f"q {within} cm\nBI /IM true {modules} /BPC 1 /D [1 0] /F /AHx ID\n"

    def _text_head(self, centre: float, y: int) -> str:
        """In front of a line of text under a symbol whose upper edge is at `y`."""
        unit = self.sheet.dots(1_000) / 1_000 * _unit_mm(self.sheet)
        space = self.sheet.text_dots - HEIGHT * unit
        below = y + self._look.side_dots(self._encoder.size) + space / 2 + HEIGHT * unit
        half = (width(self._text_length) - PEN) * unit / 2
        turned = "-" if self._look.mirror else ""
        left = centre + (half if turned else -half)
        up = self.sheet.page_dots[1] - below
        return f"q {turned}{unit:.4f} 0 0 {unit:.4f} {left:.2f} {up:.2f} cm\n"


def _unit_mm(sheet: Sheet) -> float:
    return sheet.text_size * POINT / EM


def _heads(texts: list[str]) -> Bytes:
    """`texts` as rows of equal length; blanks in front mean nothing in a content stream."""
    most = max(map(len, texts))
    joined = "".join(text.rjust(most) for text in texts).encode("ascii")
    return np.frombuffer(joined, np.uint8).reshape(len(texts), most)


_MASK_END = np.frombuffer(b">\nEI Q\n", np.uint8)
_TEXT_END = np.frombuffer(b"S Q\n", np.uint8)

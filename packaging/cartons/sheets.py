"""Sheets of carton labels: a PDF for any printer, and the proof that it says what it should. Pure.

The proof opens the finished PDF and paints the rectangles it finds; zxing-cpp, which drew none of
it, reads each label. Every label must hold its own symbols, and nothing else.
"""

import io
import re
from collections.abc import Iterator, Sequence

import numpy as np
import pikepdf
from pikepdf import Array, Dictionary, Name, String

from ...codegen.errors import IntegrityError
from ..formats.content import BLACK
from ..formats.strokes import PEN
from .label import (
    COLUMNS,
    DPI,
    GRID,
    LABEL,
    PAGE,
    ROWS,
    CartonLabel,
    drawn,
    has_letters,
    marks,
    place,
)

PER_PAGE = COLUMNS * ROWS
_RECTANGLE = re.compile(rb"(\d+) (\d+) (\d+) (\d+) re")


def document(labels: Sequence[CartonLabel]) -> bytes:
    """The PDF: A4 pages of eight labels, in the order given; no date, no random number."""
    with pikepdf.new() as made:
        letters = any(map(has_letters, labels))
        font = made.make_indirect(_font()) if letters else None
        resources = Dictionary(Font=Dictionary(F1=font)) if letters else Dictionary()
        kids = Array()
        for content in _pages(labels):
            stream = pikepdf.Stream(made, content)
            page = Dictionary(
                Type=Name.Page,
                Parent=made.Root.Pages,
                MediaBox=Array([0, 0, *(round(side * 72 / DPI, 3) for side in PAGE)]),
                Contents=stream,
                Resources=resources,
            )
            kids.append(made.make_indirect(page))
        made.Root.Pages.Kids = kids
        made.Root.Pages.Count = len(kids)
        made.docinfo["/Title"] = "Carton labels"
        made.docinfo["/Producer"] = "mintmark"
        out = io.BytesIO()
        made.save(out, min_version="1.4", compress_streams=True, deterministic_id=True)
        return out.getvalue()


def check(data: bytes, labels: Sequence[CartonLabel]) -> int:
    """How many symbols were read back. Raises `IntegrityError` naming the first wrong label."""
    read = 0
    with pikepdf.open(io.BytesIO(data)) as found:
        pages = [page.Contents.read_bytes() for page in found.pages]
    due = list(_by_page(labels))
    if len(pages) != len(due):
        raise IntegrityError("the sheets have another number of pages than the labels need")
    for content, some in zip(pages, due, strict=True):
        page = _painted(content)
        for number, label in enumerate(some):
            texts = _read(page, number)
            wanted = sorted(text for text in (label.payload, label.element) if text)
            if texts != wanted:
                raise IntegrityError(
                    f"the label of serial {label.serial} does not read as it should",
                    "print none of these sheets, and tell the people who made mintmark",
                )
            read += len(texts)
        if any(_read(page, number) for number in range(len(some), PER_PAGE)):
            raise IntegrityError("the last sheet holds more labels than it should")
    return read


def _by_page(labels: Sequence[CartonLabel]) -> Iterator[Sequence[CartonLabel]]:
    return (labels[at : at + PER_PAGE] for at in range(0, len(labels), PER_PAGE))


def _pages(labels: Sequence[CartonLabel]) -> Iterator[bytes]:
    scale = f"{72 / DPI:.10f}".rstrip("0")
    head = f"{scale} 0 0 {scale} 0 0 cm {BLACK} 1 J 1 j {PEN} w\n{marks()}\n"
    for some in _by_page(labels):
        parts = [head]
        for number, label in enumerate(some):
            parts += [f"{line}\n" for line in drawn(label, place(number))]
        yield "".join(parts).encode("ascii")


def _painted(content: bytes) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    """What the rectangles of a page paint, from above, a pixel per `GRID` dots."""
    across, down = (-(-side // GRID) for side in PAGE)
    picture = np.full((down, across), 255, np.uint8)
    for found in _RECTANGLE.finditer(content):
        x, y, wide, high = (int(number) // GRID for number in found.groups())
        picture[down - y - high : down - y, x : x + wide] = 0
    return picture


def _read(page: "np.ndarray[tuple[int, int], np.dtype[np.uint8]]", number: int) -> list[str]:
    import zxingcpp

    box = place(number)
    left, bottom = box.x // GRID, page.shape[0] - box.y // GRID
    part = page[bottom - LABEL[1] // GRID : bottom, left : left + LABEL[0] // GRID]
    return sorted(symbol.text for symbol in zxingcpp.read_barcodes(np.ascontiguousarray(part)))


def _font() -> Dictionary:
    """A Chinese font that every reader has or stands in for (ISO 32000-1, 9.7.5): not embedded."""
    system = Dictionary(Registry=String("Adobe"), Ordering=String("GB1"), Supplement=2)
    descriptor = Dictionary(
        Type=Name.FontDescriptor,
        FontName=Name("/STSong-Light"),
        Flags=6,
        FontBBox=Array([-25, -254, 1000, 880]),
        ItalicAngle=0,
        Ascent=880,
        Descent=-120,
        CapHeight=880,
        StemV=93,
    )
    half = 500
    descendant = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType0,
        BaseFont=Name("/STSong-Light"),
        CIDSystemInfo=system,
        DW=1000,
        W=Array([1, 95, half, 814, 939, half]),
        FontDescriptor=descriptor,
    )
    return Dictionary(
        Type=Name.Font,
        Subtype=Name.Type0,
        BaseFont=Name("/STSong-Light"),
        Encoding=Name("/UniGB-UCS2-H"),
        DescendantFonts=Array([descendant]),
    )

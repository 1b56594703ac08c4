"""`locate --photo`: the codes in photographs of labels, of cartons and of shelves.

QR symbols are read as `find_symbols.py` reads those of a proof, which also enlarges small ones.
Beside them stand what carton labels carry, an SSCC as GS1-128, and what other programs print.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import zxingcpp

from ...codegen.errors import NotFound, UsageError
from ...codegen.invocation import Invocation
from ...codegen.locate import Located, LocatedCode, PictureSpot, in_pictures, reader_settings
from . import page_images
from .find_symbols import Page, symbols_on

MAX_FILES = 1_000
PHOTOGRAPH = (
    "photograph nearer, until a symbol is a quarter of the picture wide; hold still, straight and"
    " without glare, with the white edge around the symbol"
)
_BESIDE = zxingcpp.BarcodeFormats(
    [zxingcpp.BarcodeFormat.Code128, zxingcpp.BarcodeFormat.DataMatrix]
)


@dataclass(frozen=True)
class _ReadPicture:
    """A symbol of a page: its centre and side in pixels; `content` is None if it is unreadable."""

    content: bytes | None = field(repr=False)
    x: float
    y: float
    side: float


def locate_photos(
    invocation: Invocation, files: Sequence[Path], reader: str | None = None
) -> Located:
    """The location of each code in the pictures `files`, in reading order.

    A picture without a symbol and a symbol that cannot be read have an answer too. Raises
    `NotFound` if no symbol is read in any of them, or a file is not there; `UsageError` for what
    is no picture, and for pictures too large or too many.
    """
    if len(files) > MAX_FILES:
        raise UsageError(f"at most {MAX_FILES:,} pictures at once", "name fewer per call")
    station = invocation.station()
    settings = reader_settings(station, reader)
    spots: list[tuple[PictureSpot, bytes | None]] = []
    for done, file in enumerate(files):
        invocation.progress("reading", done, len(files))
        for number, page in enumerate(page_images.pages(file), start=1):
            spots += _spots(file.absolute(), number, page)
    read = [(spot, content) for spot, content in spots if content is not None]
    if not read:
        raise NotFound("no symbol can be read in this picture", PHOTOGRAPH)
    answers = in_pictures(station, read, settings)
    answers += [_unread(spot) for spot, content in spots if content is None]
    order: dict[PictureSpot | None, int] = {spot: at for at, (spot, _) in enumerate(spots)}
    return Located(tuple(sorted(answers, key=lambda answer: order[answer.picture])))


def _unread(spot: PictureSpot) -> LocatedCode:
    what = "no symbol in this picture" if spot.x is None else "a symbol that cannot be read"
    return LocatedCode(note=what, hint=PHOTOGRAPH, picture=spot)


def _spots(file: Path, number: int, page: Page) -> list[tuple[PictureSpot, bytes | None]]:
    """The symbols of a page, line by line; the page itself if there are none."""
    seen = [_ReadPicture(item.content, item.x, item.y, item.side) for item in symbols_on(page)]
    seen += _beside(page)
    if not seen:
        return [(PictureSpot(file, number), None)]
    tall = max(item.side for item in seen)
    seen.sort(key=lambda item: (round(item.y / tall), item.x, item.y))
    return [(PictureSpot(file, number, round(it.x), round(it.y)), it.content) for it in seen]


def _beside(page: Page) -> Iterator[_ReadPicture]:
    """Bar codes and other matrix codes, each as a reader sends it: with its identifier."""
    for found in zxingcpp.read_barcodes(page.grey, formats=_BESIDE):
        area = found.position
        corners = (area.top_left, area.top_right, area.bottom_right, area.bottom_left)
        x, y = (sum(getattr(at, axis) for at in corners) / 4 for axis in ("x", "y"))
        side = max(abs(area.bottom_left.y - area.top_left.y), 1)
        yield _ReadPicture(found.symbology_identifier.encode() + found.bytes, x, y, side)

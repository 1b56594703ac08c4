"""What stands on a sheet around its labels: the scale, the ink, marks, and the heading.

Pure: PDF operators in dots, the origin in the lower left corner.
"""

from dataclasses import dataclass
from typing import NamedTuple

from ..profiles.geometry import LabelOrder, PrintMark, Sheet
from .content import BLACK
from .marks import AWAY, crop_marks, reach, registration_marks
from .strokes import EM, PEN, path, width

BANNER = (7.0, 5.0)  # points: the heading's type, and the least that is readable
EDGE = 1.0  # mm left free at the page's edge, and above the marks

_SPREAD = {LabelOrder.STACK: " CUT AND STACK", LabelOrder.LANES: " IN LANES"}
_HAIR = 0.25  # points
_LINE = 60.0  # mm: a heading may be wider than the labels below it


@dataclass(frozen=True)
class Heading:
    """The heading of a sheet: ASCII."""

    package: str
    unit: str
    test: bool = False


class Numbers(NamedTuple):
    """What the heading of a page counts: `page` of `pages`, and the `first` and `last` serial."""

    page: int
    pages: int
    first: int
    last: int


def page_head(sheet: Sheet) -> bytes:
    """The scale, the ink, and the marks: the same on every sheet."""
    scale = f"{72 / sheet.dpi:.10f}".rstrip("0")
    parts = [f"{scale} 0 0 {scale} 0 0 cm {BLACK} 1 J 1 j {PEN} w\n"]
    if sheet.marks:
        hair = max(1, round(_HAIR * sheet.dpi / 72))
        parts += [f"q 0 J {hair} w\n"]
        if PrintMark.CROP in sheet.marks:
            parts += crop_marks(sheet)
        if PrintMark.REGISTRATION in sheet.marks:
            parts += registration_marks(sheet)
        parts += ["S Q\n"]
    return "".join(parts).encode("ascii")


def is_spread(order: LabelOrder) -> bool:
    """Whether the serials of a sheet are not neighbours, and its heading names those of all."""
    return order in _SPREAD


def banner(sheet: Sheet, heading: Heading, numbers: Numbers) -> bytes:
    """The heading of a page; nothing if the profile wants none."""
    if not sheet.header:
        return b""
    parts = [
        f"{'TEST ' * heading.test}PACKAGE {heading.package}",
        f"UNIT {heading.unit}",
        f"SHEET {numbers.page + 1}/{numbers.pages}",
        f"SERIALS {numbers.first}-{numbers.last}{_SPREAD.get(sheet.order, '')}",
    ]
    box, last = sheet.label_box(0), sheet.label_box(sheet.labels_per_sheet - 1)
    edge = sheet.page_dots[0] - sheet.dots(EDGE)
    room = min(edge, max(last.x + last.width, box.x + sheet.dots(_LINE))) - box.x
    point = sheet.dpi / 72
    while len(parts) > 1 and width(len("   ".join(parts))) / EM * BANNER[1] * point > room:
        parts.pop()
    text = "   ".join(parts)
    size = min(BANNER[0], room / (width(len(text)) / EM * point))
    above = box.y - sheet.dots(AWAY + (reach(sheet) if sheet.marks else 0.0))
    unit = size * point / EM
    up = sheet.page_dots[1] - above
    return f"q {unit:.4f} 0 0 {unit:.4f} {box.x} {up} cm {path(text)} S Q\n".encode("ascii")

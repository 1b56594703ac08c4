"""What stands around the labels of a sheet: crop marks and registration marks.

Pure: PDF path operators in dots, the origin in the lower left corner.
"""

from collections.abc import Iterator

from ..profiles.geometry import PrintMark, Sheet, to_mm

AWAY = 1.0  # mm: the least from the labels to the marks
_CROP = 3.0  # mm: a crop mark
_CROSS = 2.0  # mm: half a registration mark


def reach(sheet: Sheet) -> float:
    """How far marks reach from the labels, mm."""
    away = max(AWAY, sheet.bleed)
    return away + (2 * _CROSS if PrintMark.REGISTRATION in sheet.marks else _CROP)


def margins(sheet: Sheet) -> tuple[float, float, float, float]:
    """The free room on the left, at the top, on the right and at the bottom, mm."""
    first, last = sheet.label_box(0), sheet.label_box(sheet.labels_per_sheet - 1)
    across, down = sheet.page_dots
    free = first.x, first.y, across - last.x - last.width, down - last.y - last.height
    left, top, right, bottom = (to_mm(dots, sheet.dpi) for dots in free)
    return left, top, right, bottom


def _edges(sheet: Sheet) -> tuple[list[int], list[int]]:
    """The edges of labels, across and from the bottom, in dots, ascending."""
    boxes = [sheet.label_box(index) for index in range(sheet.labels_per_sheet)]
    height = sheet.page_dots[1]
    across = {edge for box in boxes for edge in (box.x, box.x + box.width)}
    down = {height - edge for box in boxes for edge in (box.y, box.y + box.height)}
    return sorted(across), sorted(down)


def crop_marks(sheet: Sheet) -> Iterator[str]:
    """A mark outside the block of labels at every cut."""
    across, down = _edges(sheet)
    away, far = (sheet.dots(max(AWAY, sheet.bleed) + more) for more in (0, _CROP))
    for x in across:
        yield f"{x} {down[0] - away} m {x} {down[0] - far} l\n"
        yield f"{x} {down[-1] + away} m {x} {down[-1] + far} l\n"
    for y in down:
        yield f"{across[0] - away} {y} m {across[0] - far} {y} l\n"
        yield f"{across[-1] + away} {y} m {across[-1] + far} {y} l\n"


def registration_marks(sheet: Sheet) -> Iterator[str]:
    """A cross in a circle at each corner of the block, clear of the crop marks."""
    across, down = _edges(sheet)
    away, arm = sheet.dots(max(AWAY, sheet.bleed) + _CROSS), sheet.dots(_CROSS)
    radius = arm * 5 // 8
    for x in (across[0] - away, across[-1] + away):
        for y in (down[0] - away, down[-1] + away):
            yield f"{x - arm} {y} m {x + arm} {y} l {x} {y - arm} m {x} {y + arm} l\n"
            yield circle(x, y, radius)


def circle(x: float, y: float, radius: float) -> str:
    """A circle as path operators: four Bézier curves, right to 0.03 % of the radius."""
    bend = radius * 0.5523
    parts = [f"{x + radius:.2f} {y:.2f} m"]
    for ax, ay, bx, by in ((1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)):
        points = (
            (ax * radius + bx * bend, ay * radius + by * bend),
            (ax * bend + bx * radius, ay * bend + by * radius),
            (bx * radius, by * radius),
        )
        parts.append(" ".join(f"{x + dx:.2f} {y + dy:.2f}" for dx, dy in points) + " c")
    return " ".join(parts) + "\n"

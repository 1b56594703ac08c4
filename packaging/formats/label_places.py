"""Whether the symbols of a label have their places in it. Pure."""

from collections.abc import Sequence

from ..profiles.geometry import POINT, LabelBox, Sheet, SymbolLook, Text, wrong
from .strokes import EM, width


def check_second(sheet: Sheet, *, pair: bool) -> None:
    """Raises `UsageError` unless a label has a place for each of its symbols, and no other."""
    if pair and sheet.pair_at is None:
        wrong(
            "sheet.pair_at",
            "the labels of the profile have no place for a second symbol",
            "take --profile pdf-sheet-pair, whose labels have one",
            "or say in your own where its centre is: pair_at = [across, down], mm in the label",
        )
    if not pair and sheet.pair_at is not None:
        wrong(
            "sheet.pair_at",
            "the labels of the profile have a place for a second symbol, and the package has one"
            " code a label",
            "name the batch of the second code: --with PAIR",
        )


def check_places(sheet: Sheet, look: SymbolLook, symbols: Sequence[tuple[int, int]]) -> None:
    """Raises `UsageError` if symbols that have a place leave the label, or touch each other.

    `symbols`: (modules a side, characters of its text) of each.
    """
    box, found = sheet.label_box(0), []
    for which, (modules, characters) in enumerate(symbols):
        side = look.side_dots(modules)
        x, y = sheet.symbol_at(box, side, second=bool(which))
        has_text = sheet.text is not Text.NONE
        text = sheet.dots(width(characters) * sheet.text_size * POINT / EM) if has_text else 0
        left, wide = min(x, x + (side - text) // 2), max(side, text)
        found.append(LabelBox(left, y, wide, side + sheet.text_dots))
        if not _inside(found[-1], box):
            wrong(
                "sheet.pair_at" if which else "sheet.at",
                f"a symbol of {look.side(modules):.2f} mm and its text leave the label there",
                "move its centre, or take fewer dots per module or a larger label",
            )
    if len(found) > 1 and _touch(*found):
        wrong(
            "sheet.pair_at",
            "the two symbols of a label, with quiet zones and text, lie on each other",
            "move their centres apart: at and pair_at, mm from the label's upper left corner",
        )


def _inside(inner: LabelBox, outer: LabelBox) -> bool:
    across = outer.x <= inner.x and inner.x + inner.width <= outer.x + outer.width
    return across and outer.y <= inner.y and inner.y + inner.height <= outer.y + outer.height


def _touch(one: LabelBox, other: LabelBox) -> bool:
    across = one.x < other.x + other.width and other.x < one.x + one.width
    return across and one.y < other.y + other.height and other.y < one.y + one.height

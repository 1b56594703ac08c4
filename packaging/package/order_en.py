"""README.txt in English: the order of printing, with drawings of lanes and sheets. Pure."""

from collections.abc import Iterator

from ..profiles.geometry import LabelOrder
from ..profiles.profile import LaneOrder
from . import layout_drawing
from .paper import fill
from .readme_facts import ROLLS_SHOWN, Facts

_ITEM, _MORE = "   - ", "     "


def unit(facts: Facts) -> str:
    """The physical thing that a file becomes."""
    each = "" if len(facts.manifest.files) == 1 else "each of them "
    if facts.sheet is not None:
        return f"{each}one reel, box or pile"
    if facts.profile.lanes > 1:
        return f"{each}one reel, slit into {facts.profile.lanes} lanes"
    return f"{each}one reel (roll, box)"


def order(facts: Facts) -> Iterator[str]:
    """How the first file is printed, with a drawing where rows are not a plain sequence."""
    stop = "None skipped or repeated. After a stop, go on where it stopped; do not begin again."
    if facts.copies > 1:
        stop = (
            f"Each code on exactly {facts.copies:,} labels, none skipped. After a stop, go on "
            "where it stopped; do not begin again."
        )
        yield from fill(_copies(facts), _ITEM, _MORE)
    if facts.sheet is not None:
        yield from fill(f"Print the pages in their order, all of them. {stop}", _ITEM, _MORE)
        yield from _sheet_order(facts)
    elif facts.profile.lanes == 1:
        text = (
            "Print every file from its first row to its last: serials ascend. Never sort or mix. "
        )
        yield from fill(text + stop, _ITEM, _MORE)
    else:
        yield from _lane_order(facts)
        yield from fill(stop, _MORE)


def _copies(facts: Facts) -> str:
    """How a code comes to stand on many labels."""
    each = f"{facts.copies:,} labels"
    if facts.sheet is not None:
        return f"Each code is on {each}, all in the PDF: print every page once, not in copies."
    column = next((c.name for c in facts.profile.columns if c.source == "copies"), "")
    said = f" (column {column}, for label software)" if column else ""
    row = "each row" if facts.profile.lanes == 1 else "each set of rows side by side"
    pictures = " and one picture" if facts.profile.pictures else ""
    return (
        f"Each code is on {each}. In the files it has one row{pictures}: print {row} "
        f"{facts.copies:,} times{said}, then the next. Their codes are the same on purpose."
    )


def _lane_order(facts: Facts) -> Iterator[str]:
    profile, (frames, last) = facts.profile, facts.frames
    lanes = profile.lanes
    text = (
        f"The order of rows is the order of printing: {lanes} rows stand side by side, lane 1 to "
        f"lane {lanes}. Never sort them by serial."
    )
    if profile.pictures:
        text += " Take the pictures in the order of the list, not of their names."
    yield from fill(text, _ITEM, _MORE)
    short = f"; the last line has {last} only" if last < lanes else ""
    short += "; set-up rows are left out" if any(facts.set_up_rows) else ""
    name = facts.manifest.files[0].name
    text = f"{name} across the web (upper lines print first; numbers are serials{short}):"
    yield from fill(text, _MORE)
    yield from (f"{_MORE}{line}" for line in layout_drawing.web(facts))
    if profile.lane_order is LaneOrder.INTERLEAVED:
        lane = ", ".join(map(str, facts.first_lane))
        text = (
            "Serials that follow each other stand side by side. Slit apart, a roll is not one "
            f"range; its serials are {lanes} apart: lane 1 has {lane}"
            f"{' ...' * (frames > len(facts.first_lane))}."
        )
        yield from fill(text, _MORE)
        return
    yield from fill("Slit apart, the roll of each lane is one range of serials:", _MORE)
    for number, piece in enumerate(facts.rolls[:ROLLS_SHOWN], 1):
        yield f"       lane {number}: {piece}"
    if len(facts.manifest.files) > 1:
        text = (
            "The other files likewise: first to last shared out evenly over the lanes, the first "
            "lanes taking one more each where it does not come out even."
        )
        yield from fill(text, _MORE)


def _sheet_order(facts: Facts) -> Iterator[str]:
    sheet = facts.sheet
    if sheet is None or sheet.labels_per_sheet == 1:
        return
    sheets, file = sheet.sheets(facts.first_labels), facts.manifest.files[0].name
    text = {
        LabelOrder.ROWS: "Serials run across, then down, sheet after sheet.",
        LabelOrder.COLUMNS: "Serials run down, then across, sheet after sheet.",
        LabelOrder.STACK: "Cut and stack: serials run through all sheets at one place, then "
        "through all at the next. Pile the sheets face up, sheet 1 on top, and cut the pile: every "
        "place gives a pile of consecutive serials. Lay these on each other from left to right, "
        "from top to bottom, the upper left pile on top: then all serials are in order.",
        LabelOrder.LANES: "To slit: serials run down a column through all sheets, then down the "
        "next. Slit between the columns: every column is a roll of consecutive serials.",
    }[facts.sheet_order]
    yield from fill(text, _MORE)
    shown = [f"sheet {number + 1}" for number in range(min(sheets, 2 if facts.rolls else 1))]
    one = "sheet" if sheets == 1 else "sheets"
    intro = f"{file}, {sheets:,} {one}; {' and '.join(shown)} (numbers are serials, - is empty):"
    yield from fill(intro, _MORE)
    for number, title in enumerate(shown):
        yield f"{_MORE}{title}"
        yield from (f"{_MORE}{line}" for line in layout_drawing.sheet(facts, number))
    yield from _piles(facts)
    if facts.look.mirror:
        text = "Only symbols and the text under them are mirrored; the places of labels are not."
        yield from fill(text, _MORE)


def _piles(facts: Facts) -> Iterator[str]:
    """The first and last piles or rolls, and the number of all."""
    rolls, sheet = facts.rolls, facts.sheet
    if sheet is None or not rolls:
        return
    word = "roll" if facts.sheet_order is LabelOrder.LANES else "pile"
    many = len(rolls) > 3
    shown = [*enumerate(rolls[: 2 if many else 3], 1)]
    text = "; ".join(f"{word} {number} is {piece}" for number, piece in shown)
    text += f"; ... {word} {len(rolls)} is {rolls[-1]}" if many else ""
    yield from fill(f"Cut: {text}. Cut every file by itself; do not mix files.", _MORE)

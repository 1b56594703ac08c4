"""README.txt in English: size, ink and look of the symbols, and how sheets are cut. Pure."""

from collections.abc import Iterator

from ..profiles.geometry import PrintMark
from ..profiles.profile import FileFormat
from .order_en import order
from .paper import fill
from .readme_facts import DOTS_PER_MODULE, PRESSES, Facts

_ITEM, _MORE = "   - ", "     "


def ink(facts: Facts) -> str:
    """The colour, in a line."""
    if facts.look.invert:
        return (
            "inverted: what is black in the picture is inked or burnt; one solid spot colour "
            "(such as white), never several on each other"
        )
    if facts.profile.kind is FileFormat.BMP:
        return "what is black in the picture is burnt; with ink, K 100 alone"
    return "K 100 alone (C, M, Y 0), solid, no screen, no rich black"


def marks(facts: Facts) -> str:
    """The marks of a sheet, in a line."""
    sheet = facts.sheet
    names = {PrintMark.CROP: "crop marks", PrintMark.REGISTRATION: "registration marks"}
    found = [names[mark] for mark in sheet.marks] if sheet is not None else []
    return " and ".join(found) or "none"


def printing(facts: Facts) -> Iterator[str]:
    """The section on printing."""
    yield "3. Printing"
    yield from order(facts)
    yield from _size(facts)
    for text in (f"Ink: {ink(facts)}.", _quiet(facts), *_look(facts)):
        yield from fill(text, _ITEM, _MORE)
    if facts.sheet is not None:
        yield from fill(_cut(facts), _ITEM, _MORE)
    yield from fill("Keep away from seams, seals, folds and glare.", _ITEM, _MORE)
    compare = "with the data" if facts.profile.has_rows else "with what the check above says"
    text = (
        f"Scan some codes at head, middle and tail of each reel, and compare them {compare}; open "
        "no page."
    )
    yield from fill(text, _ITEM, _MORE)


def _size(facts: Facts) -> Iterator[str]:
    look, kind, side = facts.look, facts.profile.kind, facts.symbol.modules
    size = f"{facts.size} x {facts.size} mm"
    real = f"{size} with quiet zone"
    dots = f"{facts.dots} x {facts.dots} dots"
    if kind is FileFormat.PDF:
        text = (
            f'Output at 100 %, never scaled, no "fit to page". Measure a symbol: its ink '
            f"is {facts.seen} mm a side; {real} ({dots} at {look.dpi} dpi)."
        )
    elif kind is FileFormat.SVG:
        text = (
            f"Pictures have their true size, quiet zone included: {size}. Place at 100 %, unscaled."
        )
    elif facts.is_drawn:
        text = (
            f"Pictures have their true size, quiet zone included: {size}, {dots} at {look.dpi} "
            "dpi. Place at 100 %: no scaling, resampling or smoothing. Set press or laser to the "
            "same dpi, one dot a pixel."
        )
    else:
        text = (
            f"A symbol is to be {real} ({dots} at {look.dpi} dpi, {look.dots} dots a module = "
            f"{facts.module} mm), level {look.level}. If artwork or press cannot do that, call the "
            "sender first."
        )
    yield from fill(text, _ITEM, _MORE)
    if facts.symbol.look.dots != look.dots:
        text = f"The sample is drawn smaller: {facts.symbol.look.dots} dots a module."
        yield from fill(f"{text} Print {look.dots}.", _MORE)
    if facts.is_drawn:
        return
    text = (
        "A module (the smallest square) is a whole number of printer dots, at least "
        f"{DOTS_PER_MODULE}. Least for version {facts.symbol.version} ({side} x {side} modules):"
    )
    yield from fill(text, _MORE)
    for dpi in PRESSES:
        module, whole = facts.least(dpi)
        yield f"       {dpi} dpi: module {module} mm, side with quiet zone {whole} mm"


def _quiet(facts: Facts) -> str:
    look = facts.look
    inked = "; it is inked too, as drawn" if facts.is_drawn else "; it is inked too"
    return (
        f"Quiet zone: {look.quiet_zone} modules on every side, {facts.quiet} mm; no text, artwork "
        f"or cuts in it{inked if look.invert else ''}."
    )


def _look(facts: Facts) -> Iterator[str]:
    """Dark on light, or as the profile draws instead."""
    look, done = facts.look, facts.is_drawn
    if look.invert:
        yield (
            "Inverted, for dark material: the light parts are printed, and the material shows as "
            "the dark parts. When printed it must look dark on light. "
            + (
                "It is inverted already: not once more."
                if done
                else "Ink what is black in the sample."
            )
        )
    elif facts.profile.kind is FileFormat.BMP:
        yield (
            "When printed it must look dark on light. If it does not, call the sender; do not "
            "invert it yourself."
        )
    else:
        yield "Dark on light, never inverted."
    if look.mirror:
        yield (
            "Mirrored, for the back of transparent material: it reads right from the front. "
            + ("It is mirrored already: not once more. " if done else "Mirror as in the sample. ")
            + "Scan from the front."
        )
    else:
        yield "Never mirrored."
    if facts.reduced:
        dots = f"{facts.reduced} dot{'s' * (facts.reduced > 1)}"
        yield (
            f"Black is drawn {dots} a side narrower for dot gain: not once more."
            if done
            else f"Black is {dots} a side narrower in the sample, for dot gain: reduce yours alike."
        )


def _cut(facts: Facts) -> str:
    sheet = facts.sheet
    assert sheet is not None  # noqa: S101 - `printing` asked
    besides = [
        *(["crop marks"] if PrintMark.CROP in sheet.marks else []),
        *(["registration marks"] if PrintMark.REGISTRATION in sheet.marks else []),
        *(["heading"] if sheet.header else []),
    ]
    outside = f" Outside the labels, no part of them: {', '.join(besides)}." if besides else ""
    if PrintMark.CROP in sheet.marks:
        return f"Cut at the crop marks.{outside}"
    if facts.is_single_label:
        return "A page is a label."
    return f"There are no crop marks: cut by the sizes of labels and gutters above.{outside}"

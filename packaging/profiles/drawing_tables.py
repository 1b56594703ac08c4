"""The tables of a profile's document for what is drawn: `[symbol]` and `[sheet]`.

Pure. Reading and writing them are inverse to each other.
"""

from .document import Table, section
from .geometry import LabelOrder, Paint, PrintMark, Sheet, SymbolLook, Text, wrong


def read_symbol(table: Table) -> SymbolLook:
    """The symbol that a table describes. Raises `UsageError` with its `key`."""
    base = SymbolLook()
    mask = table.take("mask", "auto")
    if mask != "auto" and type(mask) is not int:
        wrong("symbol.mask", "the mask is 0 to 7, or auto")
    found = SymbolLook(
        level=table.text("level", base.level),
        mask=mask if isinstance(mask, int) else None,
        quiet_zone=table.whole("quiet_zone", base.quiet_zone),
        dots=table.whole("dots", base.dots),
        dpi=table.whole("dpi", base.dpi),
        invert=table.flag("invert", default=base.invert),
        mirror=table.flag("mirror", default=base.mirror),
        reduce=table.whole("reduce", base.reduce),
        version_limit=table.whole("version_limit", base.version_limit),
    )
    table.done()
    return found


def symbol_table(symbol: SymbolLook) -> dict[str, object]:
    """The table of a symbol; every key is there, except a `reduce` of 0.

    So manifests stay as they were before there was a `reduce`, and older readers take them.
    """
    mask = "auto" if symbol.mask is None else symbol.mask
    return section(symbol, mask=mask, reduce=symbol.reduce or None)


def read_sheet(table: Table, dpi: int) -> Sheet:
    """The sheet that a table describes, in dots of the symbol's `dpi`. Raises `UsageError`."""
    found = Sheet(
        dpi=dpi,
        page=table.pair("page", None),
        label=table.pair("label", None),
        rows=table.whole("rows", 1),
        columns=table.whole("columns", 1),
        gutter=table.pair("gutter", (0.0, 0.0)),
        margin=table.pair("margin", None) if "margin" in table else None,
        bleed=table.length("bleed", 0.0),
        marks=table.choices("marks", PrintMark),
        text=table.choice("text", Text, Text.SERIAL),
        text_size=table.length("text_size", 6.0),
        order=table.choice("order", LabelOrder, LabelOrder.ROWS),
        paint=table.choice("paint", Paint, Paint.PATHS),
        header=table.flag("header", default=True),
        at=table.pair("at", None) if "at" in table else None,
        pair_at=table.pair("pair_at", None) if "pair_at" in table else None,
    )
    table.done()
    return found


def sheet_table(sheet: Sheet) -> dict[str, object]:
    """The table of a sheet; its dpi is that of the symbol."""
    return section(sheet, leave=("dpi",))

"""The numbers as a file for a spreadsheet, and as a table for people. Pure."""

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence

from .groups import StockGroup

NONE = "-"  # a group without a value
# What a spreadsheet takes for the begin of a formula, also in the wide forms of Chinese input.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_WORDS = (
    ("active", "激活"),
    ("scanned", "已扫"),
    ("unscanned", "未扫"),
    ("new", "新扫"),
    ("%", "占比"),
)


def to_csv(by: str, groups: Sequence[StockGroup]) -> bytes:
    """A row for each group. No cell is a formula, and numbers are written without commas."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow((by, "active", "scanned", "unscanned", "new", "percent"))
    for group in groups:
        new = "" if group.new is None else group.new
        numbers = (group.active, group.scanned, group.unscanned, new, group.share)
        table.writerow((_cell(group.value), *numbers))
    return text.getvalue().encode("utf-8-sig")


def lines(
    by: str, total: StockGroup, groups: Sequence[StockGroup], *, since: bool
) -> Iterator[str]:
    """The table: a line for each group, and one for all of them."""
    shown = [word for word in _WORDS if since or word[0] != "new"]
    rows = [
        [by, *(f"{zh} {en}" for en, zh in shown)],
        *(_row(_printed(group.value), group, since=since) for group in groups),
        _row("合计 total", total, since=since),
    ]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    for name, *numbers in rows:
        cells = [name + " " * (widths[0] - _width(name))]
        cells += [
            " " * (width - _width(number)) + number
            for number, width in zip(numbers, widths[1:], strict=True)
        ]
        yield ("  " + "  ".join(cells)).rstrip()


def _row(name: str, group: StockGroup, *, since: bool) -> list[str]:
    new = ["?" if group.new is None else f"{group.new:,}"] if since else []
    counts = (f"{number:,}" for number in (group.active, group.scanned, group.unscanned))
    return [name, *counts, *new, f"{group.share:.1f}"]


def _cell(value: str | None) -> str:
    if value is None:
        return NONE
    return f"'{value}" if value.startswith(_FORMULA) else value


def _printed(value: str | None) -> str:
    return NONE if value is None else "".join(c if c.isprintable() else " " for c in value)


def _width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)

"""The numbers as a file for a spreadsheet, and as a table for people. Pure."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence

from .groups import StockGroup

NONE = "-"  # a group without a value
# What a spreadsheet takes for the begin of a formula, also in the wide forms of Chinese input.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# What it would read as a number or a date, and show otherwise: 007, 1-2, 3E5, 12月, DEC2026. It
# keeps fifteen digits.
_READ_ANEW = re.compile(
    r"(?=.*[0-9])[0-9.,:/eE+ 年月日-]+"
    r"|(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?"
    r"|oct(ober)?|nov(ember)?|dec(ember)?)[-/. ]?[0-9]+",
    re.ASCII | re.IGNORECASE,
)
_NUMBER = re.compile("0|[1-9][0-9]{0,14}", re.ASCII)
_WORDS = (
    ("active", "激活"),
    ("scanned", "已扫"),
    ("unscanned", "未扫"),
    ("new", "新扫"),
    ("%", "占比"),
)


def to_csv(by: str, groups: Sequence[StockGroup]) -> bytes:
    """A row for each group, numbers without commas.

    A value that a spreadsheet would take for a formula, or show as another, begins with `'`.
    """
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
    formula = value.startswith(_FORMULA) or value.lstrip().startswith(_FORMULA)
    other = _READ_ANEW.fullmatch(value) and not _NUMBER.fullmatch(value)
    return f"'{value}" if formula or other else value


def _printed(value: str | None) -> str:
    return NONE if value is None else "".join(c if c.isprintable() else " " for c in value)


def _width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)

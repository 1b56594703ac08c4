"""A receipt as a table: CSV with the columns unit, printed, spoiled, spoiled_count.

Pure. Printers fill it in a spreadsheet, often a Chinese one: UTF-8 with or without a byte
order mark or GB18030, comma, semicolon or tab, Chinese or English headings, full-width
digits. In a cell, commas, semicolons or blanks separate ranges. `5~12` means `5-12`, which a
spreadsheet would take for a date. `12张` in the column of spoiled serials is a number of labels.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from ...codegen.errors import UsageError

FILE_BYTES = 16_777_216
MAX_ROWS = 200_000
HEADINGS = {
    "unit": ("unit", "unit id", "file", "卷号", "箱号", "文件"),
    "printed": ("printed", "实印", "实印流水号"),
    "spoiled": ("spoiled", "报废", "报废流水号", "报废流水号或张数"),
    "spoiled_count": ("spoiled_count", "spoiled count", "报废张数"),
}
_COLUMN = {text: column for column, texts in HEADINGS.items() for text in texts}
_COUNTED = re.compile(r"(\d{1,12})\s*(?:张|枚|pcs)", re.ASCII)
DATES = "if a spreadsheet made a date of it, write 5~12 instead of 5-12, or format it as text"


@dataclass(frozen=True)
class TableRow:
    """A row of the table. Serials are text for `serials.parse`, empty if there are none."""

    number: int
    unit: str
    printed: str
    spoiled: str
    spoiled_count: int


def parse(data: bytes) -> tuple[TableRow, ...]:
    """The rows of the file. Raises `UsageError` naming the line."""
    if len(data) > FILE_BYTES:
        raise UsageError(f"the receipt is larger than {FILE_BYTES:,} bytes", "write ranges")
    text = _text(data)
    first = text.lstrip().split("\n", 1)[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    try:
        return tuple(_lines(rows))
    except csv.Error:
        raise UsageError(f"line {rows.line_num} of the receipt is not CSV", DATES) from None


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError("the receipt is UTF-16", "save it as CSV UTF-8")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UsageError("the receipt is no text in UTF-8 or GB18030", "save it as CSV UTF-8")


def _lines(rows: "Iterator[list[str]]") -> Iterator[TableRow]:
    columns: list[str] | None = None
    for number, row in enumerate(rows, 1):
        if number > MAX_ROWS:
            raise UsageError(f"the receipt has more than {MAX_ROWS:,} lines", "write ranges")
        # NFKC turns full-width digits and separators into plain ones.
        cells = [unicodedata.normalize("NFKC", cell).strip() for cell in row]
        if not any(cells):
            continue
        if columns is None:
            columns = _columns(cells)
            continue
        if any(cells[len(columns) :]):
            raise UsageError(
                f"line {number} of the receipt has more cells than headings",
                "separate ranges in a cell by semicolons",
            )
        yield _line(number, dict(zip(columns, cells, strict=False)))
    if columns is None:
        raise UsageError("the receipt is empty", f"its columns: {', '.join(HEADINGS)}")


def _columns(cells: list[str]) -> list[str]:
    names = [_COLUMN.get(cell.lower(), "") for cell in cells]
    while names and not cells[len(names) - 1]:
        names.pop()
    wrong = [cell for cell, name in zip(cells, names, strict=False) if not name]
    if wrong or len(set(names)) != len(names) or not {"printed", "spoiled"} & set(names):
        what = f"the heading {wrong[0][:40]!r}" if wrong else "headings missing or doubled"
        raise UsageError(f"line 1 of the receipt: {what}", f"its columns: {', '.join(HEADINGS)}")
    return names


def _line(number: int, cells: dict[str, str]) -> TableRow:
    spoiled, counted = cells.get("spoiled", ""), cells.get("spoiled_count", "") or "0"
    match = _COUNTED.fullmatch(spoiled)
    if match:
        if counted != "0":
            raise UsageError(f"line {number} of the receipt has two numbers of spoiled labels")
        spoiled, counted = "", match[1]
    if not counted.isascii() or not counted.isdigit() or len(counted) > 12:
        raise UsageError(f"line {number} of the receipt: {counted[:40]!r} is not a number", DATES)
    return TableRow(
        number, cells.get("unit", ""), _ranges(cells.get("printed", "")), _ranges(spoiled),
        int(counted),
    )  # fmt: skip


def _ranges(text: str) -> str:
    """The ranges of a cell, in the form that the command line takes."""
    dashed = re.sub(r"\s*[~\-‐‑–—至]\s*", "-", text)
    return ",".join(part for part in re.split(r"[,;、\s]+", dashed) if part)

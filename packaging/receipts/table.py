"""A receipt as a table: CSV with the columns unit, printed, spoiled, spoiled_count.

Pure. Printers fill it in a spreadsheet, often a Chinese one: UTF-8 with or without a byte
order mark or GB18030, comma, semicolon or tab, Chinese or English headings. A cell lists
serials as `codegen/ranges/notation.py` reads them: write `5~12`, since a spreadsheet takes
`5-12` for a date.

A number alone, under a heading that does not say serial, is a quantity to a print shop and
would be a serial here. It is refused with that question, except for a 0 under spoiled.
`12张` among the spoiled is a number of labels.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...codegen import ids
from ...codegen.errors import UsageError
from ...codegen.ranges import cut_short, notation
from ...codegen.text_files import decode, delimited

FILE_BYTES = 16_777_216
MAX_ROWS = 200_000
HEADINGS = {
    "unit": ("unit", "unit id", "file", "卷号", "箱号", "文件"),
    "printed": ("printed", "实印"),
    "printed_serials": ("printed_serials", "printed serials", "实印流水号", "实印号段"),
    "spoiled": ("spoiled", "报废", "报废流水号或张数"),
    "spoiled_serials": ("spoiled_serials", "spoiled serials", "报废流水号", "报废号段"),
    "spoiled_count": ("spoiled_count", "spoiled count", "报废张数", "报废数", "报废数量"),
}
COLUMNS = "its columns: unit, printed, spoiled, spoiled_count"
_SPOILED = ("spoiled", "spoiled_serials", "spoiled_count")
_COLUMN = {text: column for column, texts in HEADINGS.items() for text in texts}
_WORDS = "张|枚|个|只|片|pcs|pieces|labels"
_COUNTED = re.compile(rf"(\d{{1,12}})\s*(?:{_WORDS})", re.ASCII | re.IGNORECASE)
# pandas writes 5.0 where another cell of the column is empty.
_COUNT = re.compile(rf"(\d{{1,12}})(?:\.0)?\s*(?:{_WORDS})?", re.ASCII | re.IGNORECASE)
_QUANTITY = re.compile(r"(\d+)(?:\.\d+)?", re.ASCII)
DATES = "if a spreadsheet made a date of it, write 5~12 instead of 5-12, or format it as text"


@dataclass(frozen=True)
class TableRow:
    """A row of the table. Serials are text for `notation.parse`, empty if there are none.

    `spoiled_count`: None if the cell is empty, which a correction tells from 0.
    """

    number: int
    unit: str
    printed: str
    spoiled: str
    spoiled_count: int | None


def parse(data: bytes) -> tuple[TableRow, ...]:
    """The rows of the file. Raises `UsageError` naming the line, also if it was cut short."""
    if len(data) > FILE_BYTES:
        raise UsageError(f"the receipt is larger than {FILE_BYTES:,} bytes", "write ranges")
    text, delimiter = delimited(decode(data, "the receipt", words=False))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = tuple(_rows(text, reader))
    except csv.Error:
        raise UsageError(
            f"line {reader.line_num} of the receipt is not CSV: a quotation mark is not closed,"
            " or a cell is too long",
            DATES,
        ) from None
    if not rows:
        raise UsageError("the receipt has no line below its headings", COLUMNS)
    return rows


def _rows(text: str, reader: "Iterator[list[str]]") -> Iterator[TableRow]:
    columns: list[str] = []
    number = 0
    cells: list[str] = []
    for number, row in enumerate(reader, 1):
        if number > MAX_ROWS:
            raise UsageError(f"the receipt has more than {MAX_ROWS:,} lines", "write ranges")
        cells = [notation.fold(cell) for cell in row]
        if not any(cells):
            continue
        if not columns:
            columns = _columns(cells)
            continue
        if any(cells[len(columns) :]):
            raise UsageError(
                f"line {number} of the receipt has more cells than headings",
                "separate ranges in a cell by semicolons",
            )
        yield _row(number, dict(zip(columns, cells, strict=False)))
    if not columns:
        raise UsageError("the receipt is empty", COLUMNS)
    fault = _cut(text, cells, columns)
    if fault:
        raise UsageError(f"line {number} of the receipt: {fault}", cut_short.HINT)


def _cut(text: str, cells: list[str], columns: list[str]) -> str | None:
    if len(cells) > len(columns) or cells == [""]:
        return None  # a cell beyond the headings, or a blank line: those before are whole
    row = dict(zip(columns, cells, strict=False))
    # Beside printed serials, spoiled labels left out void no code that would live with them.
    trusted = _SPOILED if row.get("printed") or row.get("printed_serials") else ()
    return cut_short.fault_of_last_row(text, cells, columns, trusted)


def _columns(cells: list[str]) -> list[str]:
    names = [_COLUMN.get(cell.lower(), "") for cell in cells]
    while names and not cells[len(names) - 1]:
        names.pop()
    wrong = [cell for cell, name in zip(cells, names, strict=False) if not name]
    meant = [name.removesuffix("_serials") for name in names]
    if wrong or len(set(meant)) != len(meant) or set(meant) <= {"unit"}:
        what = (
            f"unknown heading {ids.shown(wrong[0], name=True)}"
            if wrong
            else "headings missing or doubled"
        )
        raise UsageError(f"line 1 of the receipt: {what}", COLUMNS)
    return names


def _row(number: int, cells: dict[str, str]) -> TableRow:
    counted = cells.get("spoiled_count", "")
    printed = cells.get("printed_serials") or _serials(number, "printed", cells)
    spoiled = cells.get("spoiled_serials") or _serials(number, "spoiled", cells)
    if _COUNTED.fullmatch(printed):
        raise _which(number, printed)
    if match := _COUNTED.fullmatch(spoiled):
        if counted:
            raise UsageError(f"line {number} of the receipt has two numbers of spoiled labels")
        spoiled, counted = "", match[1]
    count = _COUNT.fullmatch(counted)
    if counted and not count:
        raise UsageError(
            f"line {number} of the receipt: {ids.shown(counted)} is not a number",
            "write the number of spoiled labels in digits, for example 1200",
        )
    named = int(count[1]) if count else None
    return TableRow(number, cells.get("unit", ""), printed, spoiled, named)


def _serials(number: int, column: str, cells: dict[str, str]) -> str:
    """The cell of a column that does not say whether it lists serials."""
    cell = cells.get(column, "")
    if column == "spoiled" and cell == "0":
        return ""
    if match := _QUANTITY.fullmatch(cell.strip(notation.ENDS + "'’")):
        said = ids.shown(cell)
        serial = match[1] if ids.harmless(match[1]) else "A"
        raise UsageError(
            f"line {number} of the receipt: is {said} under {column} (实印, 报废) a serial, or"
            " a number of labels?",
            f"a serial: write {serial}~{serial}, or call the column printed_serials or"
            " spoiled_serials (实印流水号, 报废流水号)",
            "a number of spoiled labels: write 12张, or use the column spoiled_count (报废张数)",
            "a number of printed labels: ask for their serials, or write all if none is missing",
        )
    return cell


def _which(number: int, cell: str) -> UsageError:
    return UsageError(
        f"line {number} of the receipt: {ids.shown(cell)} are printed, and it does not say which",
        "ask the printer for the serials, for example 1~480; all, if none is missing",
        "if only the number of spoiled labels is known: spoiled_count (报废张数) alone",
    )

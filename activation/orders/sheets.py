"""Files of orders: CSV with a header, or a JSON object per line. Pure: bytes in, rows out.

Either the whole file has the right form, or nothing of it is taken: a file cut short or
misread must not order half of what was meant. Single orders are judged later.

Of a file cut short a prefix is left. It orders whole rows of the file, or is refused: its last
line, without a line end, may have lost guards, the end of a range or half of a date. Cells that
are missing before a line end are empty: exceljs writes such rows, and no last line end either.

A refusal carries the detail `unfinished` if more bytes could mend the file.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from ...codegen import ids
from ...codegen.errors import UsageError
from ...codegen.ranges.cut_short import HINT, check_list, is_unfinished
from ...codegen.text_files import decode, delimited
from . import form
from .last_cell import fault_of_last_cell
from .orders import OrderRequest

FILE_BYTES = 16_777_216
ROWS = 100_000
LINE_CHARS = 262_144
COLUMNS = 200
SHOWN = 20  # faulty rows named
ORDER_SYMBOLS = 20  # 100 bits: an id that depends on the file alone never meets another
COLUMN_NAMES = (form.FIELDS | form.PACKING_FIELDS) - {"set"}
WITHOUT_BATCH = frozenset({"carton", "code", "unit", "package", "where"})

FileVersion = tuple[int, int]  # size in bytes, time of the last change in nanoseconds

# A name that may be quoted: that of a column, and no code of a list that was dropped here.
_NAME = re.compile(r"[a-z_. ]{1,12}|[\u4e00-\u9fff]{1,12}")
_NO_HEADER = "it does not name the columns"


@dataclass(frozen=True)
class Row:
    """An order of a file. `number`: the line it begins at, as an editor counts."""

    number: int
    fields: Mapping[str, Any]
    is_json: bool  # its values have types

    def request(self, zone: tzinfo) -> OrderRequest:
        """The order it asks for. Raises `UsageError`."""
        return (form.from_object if self.is_json else form.from_row)(self.fields, zone)

    @property
    def order(self) -> str | None:
        """The order id it names."""
        named = self.fields.get("order")
        return named.strip() or None if isinstance(named, str) else None


def read(data: bytes) -> tuple[Row, ...]:
    """The rows of a file. Raises `UsageError`, naming the first faulty rows."""
    if len(data) > FILE_BYTES:
        raise UsageError(f"the file is larger than {FILE_BYTES:,} bytes", "split it")
    is_json = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
    text = decode(data, is_json=is_json)
    faults = _Faults(is_json=is_json, unfinished=is_unfinished(text))
    rows = tuple((_objects if is_json else _table)(text, faults))
    faults.check()
    if not rows:
        raise UsageError(
            "the file holds no order", "write a header and a row for each order", unfinished=True
        )
    return rows


def order_ids(
    home_id: str, rows: Sequence[Row], name: str = "", version: FileVersion | None = None
) -> list[str]:
    """An id for each row: its own, or an id that follows from the content of the whole file.

    `name` and `version` tell apart two files of the same content. The same untouched file
    gives the same ids; a file written anew gives others, though it says the same.
    """
    digest = file_digest(rows, name, version)
    return [row.order or _derived(home_id, digest, index) for index, row in enumerate(rows)]


def file_digest(rows: Sequence[Row], name: str, version: FileVersion | None) -> bytes:
    """What the ids of a file's orders are made of: 32 bytes."""
    content = [dict(row.fields) for row in rows]
    file = [name, content] if version is None else [name, content, *version]
    text = json.dumps(file, ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).digest()


def made_ids(home_id: str, digest: bytes, count: int) -> Iterator[str]:
    """The ids that were made for orders of a file of `count` rows, had none an id of its own."""
    return (_derived(home_id, digest, index) for index in range(count))


def _derived(home_id: str, digest: bytes, index: int) -> str:
    drawn = hashlib.sha256(digest + index.to_bytes(4, "big")).digest()
    return ids.new_id(home_id, lambda count: drawn[:count], ORDER_SYMBOLS)


class _Faults:
    """Faults of rows. `unfinished`: the text does not end in a line end."""

    def __init__(self, *, is_json: bool, unfinished: bool) -> None:
        self._found: list[tuple[int, str]] = []
        self._is_json = is_json
        self.unfinished = unfinished

    def add(self, number: int, what: str, *, unfinished: bool = False) -> None:
        """Note what is wrong with a row. `unfinished`: more bytes could mend it."""
        self._found.append((number, what))
        self.unfinished = self.unfinished or unfinished

    def check(self) -> None:
        """Raises `UsageError` if there are any."""
        if not self._found:
            return
        shown = "; ".join(f"row {number}: {what}" for number, what in self._found[:SHOWN])
        hints = [HINT] if self.unfinished else []
        hints.append("correct these rows, then give the whole file again")
        if self._is_json:
            hints.append("write one JSON object per line, without an array around them")
        raise UsageError(
            f"the file is malformed, and nothing of it was ordered: {shown}",
            *hints,
            rows=[number for number, _ in self._found[:SHOWN]],
            unfinished=self.unfinished,
        )


def _objects(text: str, faults: _Faults) -> Iterator[Row]:
    # splitlines would cut at characters that JSON allows within a text.
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        if not line.strip():
            continue
        if number > ROWS:
            faults.add(number, f"more than {ROWS:,} lines")
            return
        try:
            yield Row(number, parse_object(line), is_json=True)
        except UsageError as error:
            faults.add(number, error.message)


def parse_object(line: str) -> dict[str, Any]:
    """The JSON object in a line. Raises `UsageError`, which quotes nothing."""
    if len(line) > LINE_CHARS:
        raise UsageError(f"longer than {LINE_CHARS:,} characters")
    try:
        value = json.loads(line, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise UsageError("not a JSON object, or a key is given twice") from None
    if not isinstance(value, dict):
        raise UsageError("not a JSON object")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _no_constant(_: str) -> None:
    raise ValueError("no number")


def _table(text: str, faults: _Faults) -> list[Row]:
    text, delimiter = delimited(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    rows: list[Row] = []
    cells: list[str] = []
    begins = number = 1
    try:
        for cells in reader:
            number, begins = begins, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = _header(cells, number, faults)
            elif number > ROWS:
                faults.add(number, f"more than {ROWS:,} lines")
                return rows
            else:
                rows.append(_row(header, cells, number, faults))
    except csv.Error:
        what = "a quotation mark that is not closed, or a cell too long"
        faults.add(begins, what, unfinished=True)
        return rows
    if rows and rows[-1].number == number:
        fault = fault_of_last_cell(text, header, cells, [row.fields for row in rows])
        if fault is not None:
            faults.add(number, fault)
    return rows


def _row(header: Sequence[str], cells: Sequence[str], number: int, faults: _Faults) -> Row:
    if any(cell.strip() for cell in cells[len(header) :]):
        faults.add(number, "more cells than the header has")
    if len(cells) < len(header) and _is_open_range(cells[-1]):
        # What is missing may be the end of the range, if two files were put together.
        faults.add(number, "ends in an open range, and has fewer cells than the header")
    named = dict(zip(header, (cell.strip() for cell in cells), strict=False))
    return Row(number, {key: cell for key, cell in named.items() if cell}, is_json=False)


def _is_open_range(cell: str) -> bool:
    try:
        check_list(cell.strip(), "a cell")
    except UsageError:
        return True
    return False


def _header(cells: Sequence[str], number: int, faults: _Faults) -> list[str]:
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    lowered = [name if name.startswith(form.SET) else name.lower() for name in names]
    unknown = [n for n in lowered if n not in COLUMN_NAMES and not n.startswith(form.SET)]
    wanted = ("action", "batch") if WITHOUT_BATCH.isdisjoint(lowered) else ("action",)
    missing = [name for name in wanted if name not in lowered]
    if unknown:
        fault = f"unknown column {unknown[0]!r}" if _NAME.fullmatch(unknown[0]) else _NO_HEADER
    elif len(set(lowered)) != len(lowered) or len(lowered) > COLUMNS:
        fault = "a column twice, or too many"
    elif missing:
        fault = f"no column {missing[0]}"
    else:
        return lowered
    raise UsageError(
        f"the file is malformed: row {number}: {fault}",
        f"the first row names the columns: {', '.join(sorted(COLUMN_NAMES))}, set.<attribute>",
        rows=[number],
        unfinished=faults.unfinished,
    )

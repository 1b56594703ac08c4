"""Files of orders: CSV with a header, or a JSON object per line. Pure: bytes in, rows out.

Either the whole file has the right form, or nothing of it is taken: a file cut short or
misread must not order half of what was meant. Single orders are judged later.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from ...codegen import ids
from ...codegen.errors import UsageError
from . import form
from .orders import OrderRequest

FILE_BYTES = 16_777_216
ROWS = 100_000
LINE_CHARS = 262_144
COLUMNS = 200
SHOWN = 20  # faulty rows named
ORDER_SYMBOLS = 20  # 100 bits: an id that depends on the file alone never meets another


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
    text = _text(data)
    is_json = text.lstrip()[:1] in ("{", "[")
    faults = _Faults()
    rows = tuple((_objects if is_json else _cells)(text, faults))
    faults.check()
    if not rows:
        raise UsageError("the file holds no order", "write a header and a row for each order")
    return rows


def order_ids(home_id: str, rows: Sequence[Row], name: str = "") -> list[str]:
    """An id for each row: its own, or an id that follows from the content of the whole file.

    The same file gives the same ids, whatever its encoding; `name` tells apart two files
    of the same content.
    """
    content = [dict(row.fields) for row in rows]
    text = json.dumps([name, content], ensure_ascii=True, sort_keys=True)
    digest = hashlib.sha256(text.encode("ascii")).digest()
    return [row.order or _derived(home_id, digest, index) for index, row in enumerate(rows)]


def _derived(home_id: str, digest: bytes, index: int) -> str:
    drawn = hashlib.sha256(digest + index.to_bytes(4, "big")).digest()
    return ids.new_id(home_id, lambda count: drawn[:count], ORDER_SYMBOLS)


def _text(data: bytes) -> str:
    if len(data) > FILE_BYTES:
        raise UsageError(f"the file is larger than {FILE_BYTES:,} bytes", "split it")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError("the file is UTF-16", "save it as UTF-8, or as CSV UTF-8 from Excel")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise UsageError("the file is no text in UTF-8 or GB18030", "save it as UTF-8")


class _Faults:
    """Faults of rows."""

    def __init__(self) -> None:
        self._found: list[tuple[int, str]] = []

    def add(self, number: int, what: str) -> None:
        self._found.append((number, what))

    def check(self) -> None:
        if self._found:
            shown = "; ".join(f"row {number}: {what}" for number, what in self._found[:SHOWN])
            raise UsageError(
                f"the file is malformed, and nothing of it was ordered: {shown}",
                "correct these rows, then give the whole file again",
                rows=[number for number, _ in self._found[:SHOWN]],
            )


def _objects(text: str, faults: _Faults) -> Iterator[Row]:
    # splitlines would cut at characters that JSON allows within a text.
    for number, line in enumerate(text.split("\n"), 1):
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


def _cells(text: str, faults: _Faults) -> Iterator[Row]:
    head = text.split("\n", 1)[0]
    # A Chinese or German Excel may write other separators.
    delimiter = max(",\t;", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    begins = 1
    try:
        for cells in reader:
            number, begins = begins, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = _header(cells, number)
            elif len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
                faults.add(number, "more cells than the header has")
            elif number > ROWS:
                faults.add(number, f"more than {ROWS:,} lines")
                return
            else:
                row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
                yield Row(number, {key: cell for key, cell in row.items() if cell}, is_json=False)
    except csv.Error:
        faults.add(begins, "a quotation mark that is not closed, or a cell too long")


def _header(cells: Sequence[str], number: int) -> list[str]:
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    lowered = [name if name.startswith(form.SET) else name.lower() for name in names]
    unknown = [n for n in lowered if n not in form.FIELDS - {"set"} and not n.startswith(form.SET)]
    if unknown or len(set(lowered)) != len(lowered) or len(lowered) > COLUMNS:
        what = f"unknown column {unknown[0][:40]!r}" if unknown else "a column twice, or too many"
        raise UsageError(
            f"the file is malformed: row {number}: {what}",
            f"columns: {', '.join(sorted(form.FIELDS - {'set'}))}, set.<attribute>",
            rows=[number],
        )
    missing = [name for name in ("action", "batch") if name not in lowered]
    if missing:
        raise UsageError(
            f"the file is malformed: row {number}: no column {missing[0]}",
            "the first row names the columns",
            rows=[number],
        )
    return lowered

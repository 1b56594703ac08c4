"""The Excel workbook around a worksheet's rows, and the ZIP file that both lie in.

Pure. xlsxwriter makes an empty workbook whose columns are text; that decides how its parts
look. They are packed here, because the rows come deflated already.
"""

import io
import struct
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

import xlsxwriter

SHEET = "xl/worksheets/sheet1.xml"
_DATE = datetime(1980, 1, 1, tzinfo=UTC)
_DOS_DATE = 0x21  # the same day
_LOCAL = struct.Struct("<4sHHHHHLLLHH")
_CENTRAL = struct.Struct("<4sBBHHHHHLLLHHHHHLL")
_END = struct.Struct("<4sHHHHLLH")
_WIDTH = 24  # characters


class WorkbookPart(NamedTuple):
    """A part of the workbook, deflated; `crc` and `size` are those of its plain bytes."""

    name: str
    crc: int
    size: int
    packed: bytes


def empty_workbook(columns: int) -> dict[str, bytes]:
    """The parts of an empty workbook whose columns are text, by name, in their order."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.set_properties({"created": _DATE})
    sheet = book.add_worksheet("codes")
    sheet.set_column(0, columns - 1, _WIDTH, book.add_format({"num_format": "@"}))
    book.close()
    with zipfile.ZipFile(out) as made:
        return {name: made.read(name) for name in made.namelist()}


def pack_workbook(parts: Iterable[WorkbookPart]) -> bytes:
    """A plain ZIP archive (PKWARE APPNOTE 4.3), sizes in the headers."""
    out, directory = [], []
    at = 0
    for part in parts:
        name = part.name.encode("ascii")
        fields = (0, 8, 0, _DOS_DATE, part.crc, len(part.packed), part.size, len(name), 0)
        header = _LOCAL.pack(b"PK\3\4", 20, *fields) + name
        directory.append(_CENTRAL.pack(b"PK\1\2", 20, 0, 20, *fields, 0, 0, 0, 0, at) + name)
        out += [header, part.packed]
        at += len(header) + len(part.packed)
    central = b"".join(directory)
    count = len(directory)
    out += [central, _END.pack(b"PK\5\6", 0, 0, count, count, len(central), at, 0)]
    return b"".join(out)

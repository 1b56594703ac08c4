"""Excel workbooks: one worksheet a unit, every cell text.

Pure. xlsxwriter makes the workbook around the rows, and says how one is put together; the
rows, a million a sheet, are made here like those of text, so that nothing is held as cells
and nothing touches the disk. Cells are inline strings (ECMA-376, part 1, 18.3.1.53): no
zero is dropped, no code turns into a number.
"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple
from xml.sax.saxutils import escape

import xlsxwriter

from ...codegen.ranges.serials import Range
from ..zip.deflate import LAST, deflate
from ..zip.reader import broken
from .format import PART, Chunk, Codes, File, Taker, Unit, UnitLayout
from .rows import Part, Record, Rows, Slot, WrongRow, parts
from .sampling import Chosen, every
from .text import Cell, cell

SHEET = "xl/worksheets/sheet1.xml"
_ROWS = b"<sheetData/>"
_SIZE = re.compile(rb'<dimension ref="[A-Z0-9:]+"/>')
_DATE = datetime(1980, 1, 1, tzinfo=UTC)
_DOS_DATE = 0x21  # the same day
_LOCAL = struct.Struct("<4sHHHHHLLLHH")
_CENTRAL = struct.Struct("<4sBBHHHHHLLLHHHHHLL")
_END = struct.Struct("<4sHHHHLLH")
_MAX_BYTES = 256 << 20
# What Python's reader raises for a file that is none, or contradicts itself.
_NO_WORKBOOK = (
    zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, KeyError, ValueError,
    EOFError, struct.error,
)  # fmt: skip
_WIDTH = 24  # characters


class _Piece(NamedTuple):
    """A part's rows: how long, their CRC, and deflated."""

    size: int
    crc: int
    packed: bytes


class XlsxFormat:
    """Workbooks."""

    def __init__(self, layout: UnitLayout) -> None:
        self._layout, self._profile = layout, layout.profile
        self._book = _workbook(len(self._profile.columns))
        self._lines(Unit(0, "", Range(1, 1)))

    def names(self, unit: Unit) -> Iterator[str]:
        """The workbook alone."""
        yield self._profile.unit_name(unit.index, unit.id)

    def parts(self, unit: Unit) -> Iterator[Part]:
        """Whole frames."""
        return parts(unit.serials, self._profile, PART)

    def make(self, unit: Unit, part: Part, codes: bytes) -> _Piece:
        """The rows of a part; the first and last with the sheet around them."""
        data = self._lines(unit).write(part, codes)
        return _Piece(len(data), zlib.crc32(data), deflate(data))

    def join(self, unit: Unit, made: Iterable[_Piece]) -> Iterator[Chunk]:
        """The workbook, whose sheet is held deflated until its size is known."""
        pieces = list(made)
        crc = 0
        for piece in pieces:
            crc = _crc_of_both(crc, piece.crc, piece.size)
        sheet = _Stored(
            SHEET, crc, sum(p.size for p in pieces), b"".join(p.packed for p in pieces) + LAST
        )
        others = (
            _Stored(name, zlib.crc32(data), len(data), deflate(data) + LAST)
            for name, data in self._book.items()
            if name != SHEET
        )
        yield Chunk(self._profile.unit_name(unit.index, unit.id), _zip((*others, sheet)))

    def read(self, unit: Unit, files: Iterator[File], chosen: Chosen = every) -> Iterator[Codes]:
        """The codes of the workbook, by Python's own ZIP reader; it holds no symbols."""
        del chosen
        name, pieces = next(files)
        whole, size = [], 0
        for piece in pieces:
            whole.append(piece)
            size += len(piece)
            if size > _MAX_BYTES:
                raise broken(f"{name} is too large for a workbook")
        try:
            with zipfile.ZipFile(io.BytesIO(b"".join(whole))) as book:
                yield from self._read(unit, name, book)
        except _NO_WORKBOOK:
            raise broken(f"{name} is not a workbook of ours") from None

    def _read(self, unit: Unit, name: str, book: zipfile.ZipFile) -> Iterator[Codes]:
        if book.namelist() != [*(part for part in self._book if part != SHEET), SHEET]:
            raise broken(f"{name} holds other parts than a workbook of ours")
        if {entry.compress_type for entry in book.infolist()} - {0, 8}:
            raise broken(f"{name} is packed as no workbook is")
        for part, data in self._book.items():
            if part != SHEET and (
                book.getinfo(part).file_size != len(data) or book.read(part) != data
            ):
                raise broken(f"{name} is not a workbook of ours")
        with book.open(SHEET) as sheet:
            stream = iter(lambda: sheet.read(1 << 20), b"")
            yield from self._lines(unit).read(self.parts(unit), name, stream)

    def _lines(self, unit: Unit) -> "_Sheet":
        return _Sheet(self._layout, unit, self._book[SHEET])


class _Sheet:
    """The worksheet of one unit: what stands before, between and behind the rows."""

    def __init__(self, layout: UnitLayout, unit: Unit, around: bytes) -> None:
        profile = layout.profile
        head, tail = around.split(_ROWS)
        above = int(profile.header) + profile.lead_in * profile.lanes
        below = profile.lead_out * profile.lanes
        corner = f"{_letters(len(profile.columns) - 1)}{above + len(unit.serials) + below}"
        header = _row([(column.name,) for column in profile.columns]) if profile.header else ()
        titles = b"".join(item if isinstance(item, bytes) else b"1" for item in header)
        digits = layout.symbols.isdigit()
        after = profile.lead_in * profile.lanes + 1

        def record(lane: int) -> Record:
            return _row([cell(column, layout, unit, lane) for column in profile.columns])

        self._rows = Rows(layout.length, profile.lanes, record, base=above + 1)
        lead = Rows(layout.length, profile.lanes, record, base=1 + int(profile.header))
        self._begin = (
            _SIZE.sub(f'<dimension ref="A1:{corner}"/>'.encode("ascii"), head)
            + b"<sheetData>"
            + titles
            + lead.lead(profile.lead_in, 1, digits=digits)
        )
        last = Rows(
            layout.length, profile.lanes, record, base=1 + int(profile.header) + len(unit.serials)
        )
        self._end = last.lead(profile.lead_out, after, digits=digits) + b"</sheetData>" + tail

    def write(self, part: Part, codes: bytes) -> memoryview:
        """The XML of a part."""
        begin, end = self._begin if part.first else b"", self._end if part.last else b""
        return self._rows.write(part, codes, begin, end)

    def read(self, among: Iterator[Part], name: str, pieces: Iterator[bytes]) -> Iterator[Codes]:
        """The codes of a sheet written part by part. Raises `IntegrityError`."""
        taker = Taker(pieces, name)
        if taker.take(len(self._begin)) != self._begin:
            raise broken(f"{name} does not begin with the profile's columns")
        for part in among:
            try:
                yield part.ranges, self._rows.read(part, taker.take(self._rows.size(part)))
            except WrongRow as error:
                raise broken(f"{name}: {error} is not as the profile says") from None
        if taker.take(len(self._end)) != self._end:
            raise broken(f"{name} does not end as a worksheet of ours")
        taker.end()


def _row(cells: list[Cell]) -> Record:
    items: list[bytes | Slot] = [b'<row r="', Slot.ROW, b'">']
    for number, value in enumerate(cells):
        items += [b'<c r="%s' % _letters(number).encode("ascii"), Slot.ROW]
        items.append(b'" s="1" t="inlineStr"><is><t xml:space="preserve">')
        items += [escape(item).encode("utf-8") if isinstance(item, str) else item for item in value]
        items.append(b"</t></is></c>")
    return (*items, b"</row>")


def _letters(column: int) -> str:
    first, second = divmod(column, 26)
    return (chr(ord("A") + first - 1) if first else "") + chr(ord("A") + second)


def _workbook(columns: int) -> dict[str, bytes]:
    """The parts of an empty workbook whose columns are text, by name, in their order."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.set_properties({"created": _DATE})
    sheet = book.add_worksheet("codes")
    sheet.set_column(0, columns - 1, _WIDTH, book.add_format({"num_format": "@"}))
    book.close()
    with zipfile.ZipFile(out) as made:
        return {name: made.read(name) for name in made.namelist()}


class _Stored(NamedTuple):
    """An entry of the workbook's own ZIP archive."""

    name: str
    crc: int
    size: int
    packed: bytes


def _zip(entries: Iterable[_Stored]) -> bytes:
    """A plain ZIP archive (PKWARE APPNOTE 4.3), sizes in the headers."""
    out, directory = [], []
    at = 0
    for entry in entries:
        name = entry.name.encode("ascii")
        fields = (0, 8, 0, _DOS_DATE, entry.crc, len(entry.packed), entry.size, len(name), 0)
        header = _LOCAL.pack(b"PK\3\4", 20, *fields) + name
        directory.append(_CENTRAL.pack(b"PK\1\2", 20, 0, 20, *fields, 0, 0, 0, 0, at) + name)
        out += [header, entry.packed]
        at += len(header) + len(entry.packed)
    central = b"".join(directory)
    count = len(directory)
    out += [central, _END.pack(b"PK\5\6", 0, 0, count, count, len(central), at, 0)]
    return b"".join(out)


def _crc_of_both(first: int, second: int, size: int) -> int:
    """The CRC-32 of two pieces from theirs; the second has `size` bytes.

    A CRC is linear: the first is carried over `size` zero bytes, which is a product with
    x^(8 size) modulo the polynomial.
    """
    power, factor, bits = 1 << 31, 1 << 30, 8 * size  # x^0, x^1; the highest bit is x^0
    while bits:
        if bits & 1:
            power = _product(power, factor)
        factor = _product(factor, factor)
        bits >>= 1
    return _product(power, first) ^ second


def _product(one: int, other: int) -> int:
    """Two polynomials over GF(2), multiplied modulo that of CRC-32; bits reflected."""
    found = 0
    for bit in range(31, -1, -1):
        if one >> bit & 1:
            found ^= other
        other = other >> 1 ^ (0xEDB88320 if other & 1 else 0)
    return found

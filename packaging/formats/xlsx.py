"""Excel workbooks: a worksheet per unit, every cell text.

Pure. The rows, a million in a sheet, are made like those of text, so that nothing is held as
cells and nothing touches the disk. Cells are inline strings (ECMA-376, part 1, 18.3.1.53): no
zero is dropped, no code turns into a number.
"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from typing import NamedTuple
from xml.sax.saxutils import escape

from isal import isal_zlib

from ...codegen.ranges.serials import Range
from ..zip.deflate import LAST, deflate
from ..zip.reader import broken
from .format import PART, Chunk, Codes, File, PackageLayout, PackageUnit
from .records import Cell, Surroundings, UnitRecords, titles
from .rows import Record, Slot, TextPart, parts
from .sampling import Chosen, every
from .spread import Spread, inline
from .workbook import SHEET, WorkbookPart, empty_workbook, pack_workbook

_ROWS = b"<sheetData/>"
_SIZE = re.compile(rb'<dimension ref="[A-Z0-9:]+"/>')
_MAX_BYTES = 256 << 20
# What Python's reader raises for a file that is no workbook, or contradicts itself.
_NO_WORKBOOK = (
    zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, KeyError, ValueError,
    EOFError, struct.error,
)  # fmt: skip


class SheetPiece(NamedTuple):
    """The rows of a part as XML, deflated; `size` and `crc` are those of the XML."""

    size: int
    crc: int
    packed: bytes


class XlsxFormat:
    """Workbooks."""

    apart_from = None

    def __init__(self, layout: PackageLayout) -> None:
        self._layout, self._profile = layout, layout.profile
        self._book = empty_workbook(len(self._profile.columns))
        # What cannot be written shows with any unit.
        self._records(PackageUnit(0, "", Range(1, 1)))

    def names(self, unit: PackageUnit) -> Iterator[str]:
        """The workbook alone."""
        yield self._profile.unit_name(unit.index, unit.id)

    def parts(self, unit: PackageUnit) -> Iterator[TextPart]:
        """Whole frames."""
        return parts(unit.serials, self._profile, PART)

    def make(self, unit: PackageUnit, part: TextPart, codes: bytes) -> SheetPiece:
        """The rows of a part; the unit's first and last part with the sheet around them."""
        data = self._records(unit).write(part, codes)
        return SheetPiece(len(data), zlib.crc32(data), deflate(data))

    def join(self, unit: PackageUnit, made: Iterable[SheetPiece]) -> Iterator[Chunk]:
        """The workbook, whose sheet is held deflated until its size is known."""
        pieces = list(made)
        others = (
            WorkbookPart(name, zlib.crc32(data), len(data), deflate(data) + LAST)
            for name, data in self._book.items()
            if name != SHEET
        )
        sheet = WorkbookPart(
            SHEET,
            crc_of_all(pieces),
            sum(piece.size for piece in pieces),
            b"".join(piece.packed for piece in pieces) + LAST,
        )
        name = self._profile.unit_name(unit.index, unit.id)
        yield Chunk(name, pack_workbook((*others, sheet)))

    def read(
        self,
        unit: PackageUnit,
        files: Iterator[File],
        chosen: Chosen = every,
        spread: Spread = inline,
    ) -> Iterator[Codes]:
        """The codes of the workbook, by Python's own ZIP reader; it holds no symbols."""
        del chosen, spread
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

    def _read(self, unit: PackageUnit, name: str, book: zipfile.ZipFile) -> Iterator[Codes]:
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
            yield from self._records(unit).read(self.parts(unit), name, stream)

    def _records(self, unit: PackageUnit) -> UnitRecords:
        return UnitRecords(self._layout, unit, _row, self._around(unit))

    def _around(self, unit: PackageUnit) -> Surroundings:
        """The XML of the sheet; the corner of its last cell stands in front of the rows."""
        profile = self._profile
        head, tail = self._book[SHEET].split(_ROWS)
        lead = (profile.lead_in + profile.lead_out) * profile.lanes
        last_row = int(profile.header) + lead + len(unit.serials)
        corner = f"{_letters(len(profile.columns) - 1)}{last_row}"
        dimension = f'<dimension ref="A1:{corner}"/>'.encode("ascii")
        header = _row(titles(self._layout)) if profile.header else ()
        first_row = b"".join(b"1" if isinstance(item, Slot) else item for item in header)
        begin = _SIZE.sub(dimension, head) + b"<sheetData>" + first_row
        return Surroundings(begin, b"</sheetData>" + tail, int(profile.header))


def crc_of_all(pieces: Iterable[SheetPiece]) -> int:
    """The CRC-32 of the joined pieces, from theirs."""
    return reduce(
        lambda crc, piece: int(isal_zlib.crc32_combine(crc, piece.crc, piece.size)), pieces, 0
    )


def _row(cells: Sequence[Cell]) -> Record:
    items: list[bytes | Slot] = [b'<row r="', Slot.ROW, b'">']
    for number, cell in enumerate(cells):
        items += [b'<c r="%s' % _letters(number).encode("ascii"), Slot.ROW]
        items.append(b'" s="1" t="inlineStr"><is><t xml:space="preserve">')
        items += [escape(item).encode("utf-8") if isinstance(item, str) else item for item in cell]
        items.append(b"</t></is></c>")
    return (*items, b"</row>")


def _letters(column: int) -> str:
    first, second = divmod(column, 26)
    return (chr(ord("A") + first - 1) if first else "") + chr(ord("A") + second)

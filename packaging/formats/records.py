"""The records of a unit, cell by cell: what text and worksheets have in common.

Pure. A format turns the cells of a record into bytes; the order of records,
set-up records and reading back are the same for all formats and stand here.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ...codegen.codes.template import split
from ..profiles import columns
from ..profiles.columns import Column
from ..profiles.profile import PICTURE_DIGITS
from ..zip.reader import broken
from .format import ByteTaker, Codes, PackageLayout, PackageUnit
from .rows import Record, Rows, Slot, TextPart, WrongRow

Cell = tuple[str | Slot, ...]
"""What stands in a column: constants and slots."""

Serialise = Callable[[Sequence[Cell]], Record]


class Surroundings(NamedTuple):
    """What stands in a unit's file in front of all records and behind them.

    `titles`: how many rows of the file are in `head`.
    """

    head: bytes
    tail: bytes = b""
    titles: int = 0


def cells(layout: PackageLayout, unit: PackageUnit, lane: int) -> list[Cell]:
    """The cells of a record of the `lane`-th lane, from 0."""
    return [_cell(column, layout, unit, lane) for column in layout.profile.columns]


def titles(layout: PackageLayout) -> list[Cell]:
    """The cells of the header; none if the profile wants no header."""
    profile = layout.profile
    return [(column.name,) for column in profile.columns] if profile.header else []


def _cell(column: Column, layout: PackageLayout, unit: PackageUnit, lane: int) -> Cell:
    prefix, suffix = split(layout.template)
    begin, end = split(layout.second.template) if layout.second is not None else ("", "")
    name = layout.profile.picture_name(unit.index, 0).rpartition("0" * PICTURE_DIGITS)
    return {
        "serial": (Slot.SERIAL,),
        "code": (Slot.CODE,),
        "url": (prefix, Slot.CODE, suffix),
        "pair_code": (Slot.SECOND,),
        "pair_url": (begin, Slot.SECOND, end),
        "package": (layout.package,),
        "batch": (layout.batch,),
        "unit": (unit.id,),
        "lane": (str(lane + 1),),
        "copies": (str(layout.copies),),
        "image": (name[0], Slot.PICTURE, name[2]),
        "text": (column.text,),
    }[column.source]


class UnitRecords:
    """The records of a unit's file, written and read part by part.

    In the file stand, in this order: the head, the lead-in, the records of the codes, the
    lead-out, the tail. Raises `UsageError` for a layout that cannot be written.
    """

    def __init__(
        self, layout: PackageLayout, unit: PackageUnit, serialise: Serialise, around: Surroundings
    ) -> None:
        columns.check_pair(layout.profile.columns, pair=layout.second is not None)
        profile, digits = layout.profile, layout.symbols.isdigit()
        lead_in, lead_out = (lead * profile.lanes for lead in (profile.lead_in, profile.lead_out))
        first = around.titles + lead_in + 1
        self._rows = Rows(
            layout.lengths,
            profile.lanes,
            lambda lane: serialise(cells(layout, unit, lane)),
            first_row=first,
        )
        self._around = around
        self._lead_in = self._rows.lead(lead_in, 1, row=around.titles + 1, digits=digits)
        self._lead_out = self._rows.lead(
            lead_out, lead_in + 1, row=first + len(unit.serials), digits=digits
        )

    def write(self, part: TextPart, codes: bytes) -> memoryview:
        """The bytes of a part; the unit's first and last part with what stands around them."""
        begin = self._around.head + self._lead_in if part.first else b""
        end = self._lead_out + self._around.tail if part.last else b""
        return self._rows.write(part, codes, begin, end)

    def read(
        self, parts: Iterator[TextPart], name: str, pieces: Iterator[bytes]
    ) -> Iterator[Codes]:
        """The codes of a file written part by part. Raises `IntegrityError`."""
        taker = ByteTaker(pieces, name)
        _expect(taker, self._around.head, f"{name} does not begin with the profile's columns")
        _expect(taker, self._lead_in, f"{name} does not begin with the profile's set-up records")
        for part in parts:
            try:
                yield part.ranges, self._rows.read(part, taker.take(self._rows.size(part)))
            except WrongRow as error:
                raise broken(f"{name}: {error} is not as the profile says") from None
        _expect(taker, self._lead_out, f"{name} does not end with the profile's set-up records")
        _expect(taker, self._around.tail, f"{name} does not end as the profile says")
        taker.end()


def _expect(taker: ByteTaker, due: bytes, otherwise: str) -> None:
    if taker.take(len(due)) != due:
        raise broken(otherwise)

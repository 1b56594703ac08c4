"""Delimited text (RFC 4180): a file per unit; also the lists beside pictures.

Pure. Codes hold neither quote nor delimiter (`codegen.codes.spec`); names, texts and the
template may, and then the whole column stands in quotes.
"""

from collections.abc import Iterable, Iterator, Sequence

from ...codegen.ranges.serials import Range
from ..profiles.geometry import wrong
from ..profiles.profile import Profile, Quoting
from ..zip.deflate import deflate
from .format import PART, Chunk, Codes, File, PackageLayout, PackageUnit
from .records import Cell, Surroundings, UnitRecords, titles
from .rows import Record, Slot, TextPart, parts
from .sampling import Chosen, every
from .spread import Spread, inline

_BOM = {"utf-8-sig": b"\xef\xbb\xbf"}


class TextFormat:
    """Delimited text. Raises `UsageError` for a layout that cannot be written."""

    apart_from = None

    def __init__(self, layout: PackageLayout) -> None:
        self._layout, self._profile = layout, layout.profile
        head = _line(titles(layout), self._profile) if self._profile.header else ()
        text = b"".join(item for item in head if isinstance(item, bytes))
        self._around = Surroundings(
            _BOM.get(self._profile.encoding, b"") + text, titles=int(self._profile.header)
        )
        # What cannot be written shows with any unit.
        self._records(PackageUnit(0, "", Range(1, 1)))

    def names(self, unit: PackageUnit) -> Iterator[str]:
        """The data file alone."""
        yield self._profile.unit_name(unit.index, unit.id)

    def parts(self, unit: PackageUnit) -> Iterator[TextPart]:
        """Whole frames."""
        return parts(unit.serials, self._profile, PART)

    def make(self, unit: PackageUnit, part: TextPart, codes: bytes) -> Chunk:
        """The rows of a part; the unit's first and last part with what stands around them."""
        data = self._records(unit).write(part, codes)
        return Chunk(self._profile.unit_name(unit.index, unit.id), data, deflate(data))

    def join(self, _unit: PackageUnit, made: Iterable[Chunk]) -> Iterator[Chunk]:
        """The chunks as they are."""
        yield from made

    def read(
        self,
        unit: PackageUnit,
        files: Iterator[File],
        chosen: Chosen = every,
        spread: Spread = inline,
    ) -> Iterator[Codes]:
        """The codes of the data file; it holds no symbols."""
        del chosen, spread
        name, pieces = next(files)
        yield from self._records(unit).read(self.parts(unit), name, pieces)

    def _records(self, unit: PackageUnit) -> UnitRecords:
        return UnitRecords(
            self._layout, unit, lambda cells: _line(cells, self._profile), self._around
        )


def _line(cells: Sequence[Cell], profile: Profile) -> Record:
    """Cells with delimiters and line end, neighbouring constants joined and encoded."""
    encoding = {"utf-8-sig": "utf-8"}.get(profile.encoding, profile.encoding)
    items: list[bytes | Slot] = []
    for number, cell in enumerate(cells):
        between = profile.delimiter if number else ""
        for item in (between, *_field(cell, profile)):
            if isinstance(item, str) and items and isinstance(items[-1], bytes):
                items[-1] += item.encode(encoding)
            elif item:
                items.append(item.encode(encoding) if isinstance(item, str) else item)
    return (*items, profile.line_end.encode("ascii"))


def _field(cell: Cell, profile: Profile) -> Cell:
    """The cell in quotes, if its constants or the profile demand them (RFC 4180, 2.5 to 2.7)."""
    constants = "".join(item for item in cell if isinstance(item, str))
    if profile.quoting is not Quoting.ALL and not _needs_quotes(constants, profile):
        return cell
    if profile.quoting is Quoting.NONE:
        wrong(
            "text.quoting",
            "the address holds the delimiter, so its column needs quotes",
            'take another delimiter, or quoting = "minimal"',
        )
    inner = (item.replace('"', '""') if isinstance(item, str) else item for item in cell)
    return ('"', *inner, '"')


def _needs_quotes(text: str, profile: Profile) -> bool:
    return bool({profile.delimiter, '"', "\r", "\n"} & set(text))

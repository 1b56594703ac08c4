"""Delimited text (RFC 4180): one file a unit; also the lists beside pictures.

Pure. Codes hold neither quote nor delimiter (`codegen.spec`); names, texts and the template
may, and then the whole column stands in quotes.
"""

from collections.abc import Iterable, Iterator

from ...codegen.codes.template import split
from ...codegen.ranges.serials import Range
from ..profiles.geometry import wrong
from ..profiles.profile import PICTURE_DIGITS, Column, Profile, Quoting
from ..zip.deflate import deflate
from ..zip.reader import broken
from .format import PART, Chunk, Codes, File, Taker, Unit, UnitLayout
from .rows import Part, Record, Rows, Slot, WrongRow, parts
from .sampling import Chosen, every

_BOM = {"utf-8-sig": b"\xef\xbb\xbf"}
Cell = tuple[str | Slot, ...]


def cell(column: Column, layout: UnitLayout, unit: Unit, lane: int) -> Cell:
    """What stands in a column: constants and slots."""
    prefix, suffix = split(layout.template)
    name = layout.profile.picture_name(unit.index, 0).rpartition("0" * PICTURE_DIGITS)
    return {
        "serial": (Slot.SERIAL,),
        "code": (Slot.CODE,),
        "url": (prefix, Slot.CODE, suffix),
        "package": (layout.package,),
        "batch": (layout.batch,),
        "unit": (unit.id,),
        "lane": (str(lane + 1),),
        "image": (name[0], Slot.PICTURE, name[2]),
        "text": (column.text,),
    }[column.source]


def _needs_quotes(text: str, profile: Profile) -> bool:
    return bool({profile.delimiter, '"', "\r", "\n"} & set(text))


def _field(value: Cell, profile: Profile) -> Cell:
    constants = "".join(item for item in value if isinstance(item, str))
    if profile.quoting is not Quoting.ALL and not _needs_quotes(constants, profile):
        return value
    if profile.quoting is Quoting.NONE:
        wrong(
            "text.quoting",
            "the address holds the delimiter, so its column needs quotes",
            'take another delimiter, or quoting = "minimal"',
        )
    inner = (item.replace('"', '""') if isinstance(item, str) else item for item in value)
    return ('"', *inner, '"')


def _line(cells: list[Cell], profile: Profile) -> Record:
    """Cells with delimiters and line end, neighbouring constants joined and encoded."""
    encoding = {"utf-8-sig": "utf-8"}.get(profile.encoding, profile.encoding)
    items: list[bytes | Slot] = []
    for number, value in enumerate(cells):
        between = profile.delimiter if number else ""
        for item in (between, *_field(value, profile)):
            if isinstance(item, str) and items and isinstance(items[-1], bytes):
                items[-1] += item.encode(encoding)
            elif item:
                items.append(item.encode(encoding) if isinstance(item, str) else item)
    return (*items, profile.line_end.encode("ascii"))


class TextFormat:
    """Delimited text. What it does for one unit, `Sheet` of rows and all, is in `Lines`."""

    def __init__(self, layout: UnitLayout) -> None:
        self._layout, self._profile = layout, layout.profile
        # What cannot be written shows with any unit.
        self._lines(Unit(0, "", Range(1, 1)))

    def names(self, unit: Unit) -> Iterator[str]:
        """The data file alone."""
        yield self._profile.unit_name(unit.index, unit.id)

    def parts(self, unit: Unit) -> Iterator[Part]:
        """Whole frames."""
        return parts(unit.serials, self._profile, PART)

    def make(self, unit: Unit, part: Part, codes: bytes) -> Chunk:
        """The rows of a part, with what stands around them where it is the first or last."""
        lines = self._lines(unit)
        data = lines.write(part, codes)
        return Chunk(self._profile.unit_name(unit.index, unit.id), data, deflate(data))

    def join(self, _unit: Unit, made: Iterable[Chunk]) -> Iterator[Chunk]:
        """The chunks as they are."""
        yield from made

    def read(self, unit: Unit, files: Iterator[File], chosen: Chosen = every) -> Iterator[Codes]:
        """The codes of the data file; it holds no symbols."""
        del chosen
        name, pieces = next(files)
        yield from self._lines(unit).read(self.parts(unit), name, pieces)

    def _lines(self, unit: Unit) -> "Lines":
        return Lines(self._layout, unit)


class Lines:
    """The text of one unit. Raises `UsageError` for a layout that cannot be written."""

    def __init__(self, layout: UnitLayout, unit: Unit) -> None:
        profile = layout.profile
        self._rows = Rows(
            layout.length,
            profile.lanes,
            lambda lane: _line(
                [cell(column, layout, unit, lane) for column in profile.columns], profile
            ),
        )
        names = [(column.name,) for column in profile.columns]
        header = b"".join(_line(list(names), profile)) if profile.header else b""  # type: ignore[arg-type]
        digits = layout.symbols.isdigit()
        lead_in = self._rows.lead(profile.lead_in, 1, digits=digits)
        after = profile.lead_in * profile.lanes + 1
        self._head = _BOM.get(profile.encoding, b"") + header
        self._begin = self._head + lead_in
        self._end = self._rows.lead(profile.lead_out, after, digits=digits)

    def write(self, part: Part, codes: bytes) -> memoryview:
        """The bytes of a part."""
        begin, end = self._begin if part.first else b"", self._end if part.last else b""
        return self._rows.write(part, codes, begin, end)

    def read(self, among: Iterator[Part], name: str, pieces: Iterator[bytes]) -> Iterator[Codes]:
        """The codes of a file written part by part. Raises `IntegrityError`."""
        taker = Taker(pieces, name)
        if taker.take(len(self._head)) != self._head:
            raise broken(f"{name} does not begin with the profile's columns")
        if taker.take(len(self._begin) - len(self._head)) != self._begin[len(self._head) :]:
            raise broken(f"{name} does not begin with the profile's set-up records")
        for part in among:
            try:
                yield part.ranges, self._rows.read(part, taker.take(self._rows.size(part)))
            except WrongRow as error:
                raise broken(f"{name}: {error} is not as the profile says") from None
        if taker.take(len(self._end)) != self._end:
            raise broken(f"{name} does not end with the profile's set-up records")
        taker.end()

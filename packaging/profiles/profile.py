"""Print profiles (印刷方案): what a printer's data files look like, and how they are cut.

Pure. A profile is a document of tables (TOML in a file, JSON in a manifest); `parse` and
`document` are inverse to each other. Every wrong value is refused with its key, in the
error's `key` detail; `files.py` adds the line. What no printer could read back is not
representable: a `Profile` that exists can be written and verified.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ...codegen.ranges.serials import Range
from . import columns
from .columns import Column
from .document import Table
from .drawing_tables import read_sheet, read_symbol, sheet_table, symbol_table
from .geometry import Sheet, SymbolLook, wrong

DELIMITERS = ",;\t|"
LINE_ENDS = ("\r\n", "\n")
ENCODINGS = ("ascii", "utf-8-sig", "gb18030")
# No reel is longer; it bounds what a manifest can make a reader hold.
MAX_ROWS = 10_000_000
SHEET_ROWS = 1_048_575  # of a worksheet, its header not counted
FOLDER_FILES = 10_000  # more in a folder, and file managers and presses crawl
MAX_PICTURES = 200_000  # per package
PICTURE_DIGITS = 9  # of serials in file names: sorted by name they are in order
MAX_LABELS = 50_000  # of a PDF: it is in memory until it is whole
MAX_LANES = 64
MAX_LEAD = 10_000

_SUFFIXES = {"text": "csv", "xlsx": "xlsx", "png": "csv", "svg": "csv", "bmp": "csv", "pdf": "pdf"}
_UNIT = re.compile(r"(?:[A-Za-z0-9_.-]+|\{index\}|\{unit\})+")
_FILE = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*", re.ASCII)


class FileFormat(StrEnum):
    """What a unit's file is; `PICTURES` come beside a list of them in text."""

    TEXT = "text"
    XLSX = "xlsx"
    PNG = "png"
    SVG = "svg"
    BMP = "bmp"
    PDF = "pdf"


PICTURES = frozenset({FileFormat.PNG, FileFormat.SVG, FileFormat.BMP})


class Quoting(StrEnum):
    """Which fields stand in quotes (RFC 4180): those that must, all, or none."""

    MINIMAL = "minimal"
    ALL = "all"
    NONE = "none"


class LaneOrder(StrEnum):
    """How serials run over lanes that are printed side by side and slit apart.

    `block`: each lane, and so each slit roll, is a single range. `interleaved`: consecutive
    serials stand side by side.
    """

    BLOCK = "block"
    INTERLEAVED = "interleaved"


@dataclass(frozen=True)
class Profile:
    """The layout of a package's units; a unit (reel, roll, box) is a data file.

    `columns` may be given as sources alone, which are then their names too. `unit_size`
    counts codes; `lead_in` and `lead_out` are set-up records per lane, in front of the codes
    and behind them. `unit_pattern` makes the file's name of `{index}` (from 0001) and
    `{unit}` (its id). Raises `UsageError` with its `key` for a layout that could not be
    written or read back.
    """

    name: str
    columns: tuple[Column, ...] = tuple(map(columns.named, columns.DEFAULT))
    header: bool = True
    delimiter: str = ","
    line_end: str = "\r\n"
    encoding: str = "ascii"
    unit_size: int = 10_000
    quoting: Quoting = Quoting.MINIMAL
    kind: FileFormat = FileFormat.TEXT
    unit_pattern: str = ""
    lanes: int = 1
    lane_order: LaneOrder = LaneOrder.BLOCK
    lead_in: int = 0
    lead_out: int = 0
    symbol: SymbolLook = field(default_factory=SymbolLook)
    sheet: Sheet | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(map(columns.named, self.columns)))
        if not self.unit_pattern:
            object.__setattr__(self, "unit_pattern", f"{{index}}.{_SUFFIXES[self.kind]}")
        if self.kind is FileFormat.PDF and self.sheet is None:
            wrong("sheet", "a pdf profile needs a [sheet] with page and label")
        if self.kind is not FileFormat.PDF and self.sheet is not None:
            wrong("sheet", "only pdf profiles have sheets")
        if self.has_rows:
            columns.check(self.columns, pictures=self.pictures)
        self._check_text()
        self._check_units()

    @property
    def pictures(self) -> bool:
        """Whether every code has a picture file of its own."""
        return self.kind in PICTURES

    @property
    def has_rows(self) -> bool:
        """Whether there are columns for people to read."""
        return self.kind is not FileFormat.PDF

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of the columns."""
        return tuple(column.source for column in self.columns)

    @property
    def max_rows(self) -> int:
        """Codes a unit may hold."""
        lead = (self.lead_in + self.lead_out) * self.lanes
        return {
            FileFormat.XLSX: SHEET_ROWS - lead,
            FileFormat.TEXT: MAX_ROWS,
            FileFormat.PDF: MAX_LABELS,
        }.get(self.kind, FOLDER_FILES)

    def of_size(self, unit_size: int) -> "Profile":
        """This profile with another unit size; a worksheet takes what fits, and is split."""
        return replace(
            self,
            unit_size=min(unit_size, self.max_rows) if self.kind is FileFormat.XLSX else unit_size,
        )

    def with_copies(self) -> "Profile":
        """This profile with a column of how often each code is printed, if it names columns."""
        names = {column.name for column in self.columns}
        named = self.has_rows and self.header and len(names) < columns.MAX_COLUMNS
        if not named or "copies" in {*self.sources, *names}:
            return self
        return replace(self, columns=(*self.columns, Column("copies", "copies")))

    def of_pair(self) -> "Profile":
        """This profile with a place for a second code. Raises `UsageError` if it has none."""
        if not self.has_rows:
            return self
        return replace(self, columns=columns.paired(self.columns, named=self.header))

    def unit_name(self, index: int, unit: str = "") -> str:
        """The archive entry of the `index`-th data file, counted from 0: `data/0001.csv`."""
        return "data/" + self.unit_pattern.replace("{index}", f"{index + 1:04d}").replace(
            "{unit}", unit
        )

    def picture_name(self, index: int, serial: int) -> str:
        """The archive entry of a picture in the `index`-th unit: `qr/0001/000000025.png`."""
        return f"qr/{index + 1:04d}/{serial:0{PICTURE_DIGITS}d}.{self.kind.value}"

    def lane_ranges(self, serials: Range) -> tuple[Range, ...]:
        """The range of each lane of a unit, in block order; lanes without codes are left out."""
        size, rest = divmod(len(serials), self.lanes)
        found, first = [], serials.first
        for lane in range(min(self.lanes, len(serials))):
            last = first + size + (lane < rest) - 1
            found.append(Range(first, last))
            first = last + 1
        return tuple(found)

    def document(self) -> dict[str, object]:
        """The profile as a document of plain values; every key is there."""
        found: dict[str, object] = {
            "format": self.kind.value,
            "unit": {
                "size": self.unit_size,
                "name": self.unit_pattern,
                "lanes": self.lanes,
                "order": self.lane_order.value,
                "lead_in": self.lead_in,
                "lead_out": self.lead_out,
            },
            "text": {
                "columns": columns.to_document(self.columns),
                "header": self.header,
                "delimiter": self.delimiter,
                "quoting": self.quoting.value,
                "encoding": self.encoding,
                "line_end": "crlf" if self.line_end == "\r\n" else "lf",
            },
            "symbol": symbol_table(self.symbol),
        }
        if self.sheet is not None:
            found["sheet"] = sheet_table(self.sheet)
        return found

    def _check_text(self) -> None:
        if len(self.delimiter) != 1 or self.delimiter not in DELIMITERS:
            wrong("text.delimiter", "the delimiter is one of , ; tab |")
        if self.line_end not in LINE_ENDS:
            wrong("text.line_end", "lines end in crlf or lf")
        if self.encoding not in ENCODINGS:
            wrong("text.encoding", f"the encoding is one of {', '.join(ENCODINGS)}")
        for column in self.columns if self.has_rows and self.kind is not FileFormat.XLSX else ():
            for value in (column.name if self.header else "", column.text):
                _check_carried(value, self)

    def _check_units(self) -> None:
        self._check_name()
        if not 1 <= self.lanes <= MAX_LANES:
            wrong("unit.lanes", f"there are 1 to {MAX_LANES} lanes")
        for key in ("lead_in", "lead_out"):
            if not 0 <= getattr(self, key) <= MAX_LEAD:
                wrong(f"unit.{key}", f"there are 0 to {MAX_LEAD:,} records per lane")
        if self.lanes > 1 and self.kind is FileFormat.PDF:
            wrong("unit.lanes", "sheets have sheet.columns and sheet.order instead")
        if self.kind is FileFormat.PDF or self.pictures:
            for key in ("lead_in", "lead_out"):
                if getattr(self, key):
                    wrong(f"unit.{key}", "set-up records are for text and xlsx profiles")
        if not 1 <= self.unit_size <= self.max_rows:
            wrong(
                "unit.size",
                f"a unit holds 1 to {self.max_rows:,} codes, not {self.unit_size:,}",
            )

    def _check_name(self) -> None:
        suffix = "." + _SUFFIXES[self.kind]
        if not _UNIT.fullmatch(self.unit_pattern) or not {"{index}", "{unit}"} & set(
            re.findall(r"\{\w+\}", self.unit_pattern)
        ):
            wrong(
                "unit.name",
                "a file name is letters, digits, - _ . and {index} or {unit}",
                "for example {index}.csv or reel-{unit}.txt",
            )
        if (
            not _FILE.fullmatch(self.unit_name(0, "K7QM-9X2C4DEF")[5:])
            or len(self.unit_pattern) > 60
        ):
            wrong("unit.name", "the file name has empty parts, or over 60 characters")
        if self.kind in {FileFormat.XLSX, FileFormat.PDF} and not self.unit_pattern.endswith(
            suffix
        ):
            wrong("unit.name", f"the file name must end in {suffix}")


def _check_carried(value: str, profile: Profile) -> None:
    try:
        value.encode(profile.encoding)
    except UnicodeEncodeError:
        wrong(
            "text.encoding",
            f"{profile.encoding} cannot carry the name or text {value!r}",
            "take utf-8-sig or gb18030",
        )
    if profile.quoting is Quoting.NONE and {profile.delimiter, '"'} & set(value):
        wrong("text.quoting", "a name or text holds the delimiter or a quote, so it needs quotes")


def parse(name: str, document: Mapping[str, object]) -> Profile:
    """The profile of a document as `Profile.document` makes it; keys with defaults may miss.

    A column may be given as its source alone. Raises `UsageError` with its `key`.
    """
    top = Table(document, "")
    top.text("description", "")
    kind = top.choice("format", FileFormat, FileFormat.TEXT)
    unit, text, symbol = (top.table(part) for part in ("unit", "text", "symbol"))
    look = read_symbol(symbol)
    sheet = read_sheet(top.table("sheet"), look.dpi) if "sheet" in document else None
    profile = Profile(
        name=name,
        columns=columns.read(text.take("columns", list(columns.DEFAULT))),
        header=text.flag("header", default=True),
        delimiter=text.text("delimiter", ","),
        line_end={"crlf": "\r\n", "lf": "\n"}.get(text.text("line_end", "crlf"), ""),
        encoding=text.text("encoding", "ascii").lower(),
        unit_size=unit.whole("size", 10_000),
        quoting=text.choice("quoting", Quoting, Quoting.MINIMAL),
        kind=kind,
        unit_pattern=unit.text("name", f"{{index}}.{_SUFFIXES[kind]}"),
        lanes=unit.whole("lanes", 1),
        lane_order=unit.choice("order", LaneOrder, LaneOrder.BLOCK),
        lead_in=unit.whole("lead_in", 0),
        lead_out=unit.whole("lead_out", 0),
        symbol=look,
        sheet=sheet,
    )
    for table in (unit, text, top):
        table.done()
    return profile

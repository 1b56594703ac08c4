"""Print profiles (印刷方案): which columns a printer's data file has, and how it is cut."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..codegen.errors import UsageError

COLUMNS = ("serial", "code", "url")
DELIMITERS = ",;\t|"
LINE_ENDS = ("\r\n", "\n")
ENCODINGS = ("ascii",)
# No reel is longer; it bounds what a manifest can ask a reader to hold.
MOST_ROWS = 10_000_000


@dataclass(frozen=True)
class Profile:
    """The layout of a package's data files; one file is one unit (reel, roll, box).

    `unit_size` counts rows without the header. Raises `UsageError` for a layout that
    could not be written or read back.
    """

    name: str
    columns: tuple[str, ...] = COLUMNS
    header: bool = True
    delimiter: str = ","
    line_end: str = "\r\n"
    encoding: str = "ascii"
    unit_size: int = 10_000

    def __post_init__(self) -> None:
        unknown = [column for column in self.columns if column not in COLUMNS]
        if unknown or len(set(self.columns)) != len(self.columns):
            raise UsageError(
                f"profile {self.name}: unknown or doubled columns",
                f"columns are {', '.join(COLUMNS)}, each at most once",
            )
        if "code" not in self.columns and "url" not in self.columns:
            raise UsageError(f"profile {self.name}: neither a code nor a url column")
        if len(self.delimiter) != 1 or self.delimiter not in DELIMITERS:
            raise UsageError(f"profile {self.name}: the delimiter is none of , ; tab |")
        if self.line_end not in LINE_ENDS:
            raise UsageError(f"profile {self.name}: lines must end in CRLF or LF")
        if self.encoding not in ENCODINGS:
            raise UsageError(f"profile {self.name}: the encoding must be ascii")
        if not 1 <= self.unit_size <= MOST_ROWS:
            raise UsageError(
                f"a unit must hold between 1 and {MOST_ROWS:,} codes, not {self.unit_size:,}"
            )

    def unit_name(self, index: int) -> str:
        """The archive entry of the `index`-th data file, counted from 0: `data/0001.csv`."""
        return f"data/{index + 1:04d}.csv"

    def header_row(self) -> bytes:
        """The first line of every data file; empty without a header."""
        if not self.header:
            return b""
        return (self.delimiter.join(self.columns) + self.line_end).encode(self.encoding)


BUILTIN: Mapping[str, Profile] = MappingProxyType({"csv": Profile("csv")})


def builtin(name: str) -> Profile:
    """The profile of that name. Raises `UsageError` listing the known ones."""
    if name not in BUILTIN:
        raise UsageError(f"unknown print profile {name[:40]!r}", f"known: {', '.join(BUILTIN)}")
    return BUILTIN[name]

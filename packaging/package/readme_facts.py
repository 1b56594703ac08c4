"""What both languages of README.txt and the letter say of a package, read from its profile.

Pure. A sentence that is true for some profiles only stands behind one of these facts.
"""

from dataclasses import dataclass
from functools import cached_property

from ...codegen.codes.template import BARE, split
from ...codegen.ranges.serials import Range
from ..formats.format import PART
from ..formats.rows import parts
from ..formats.sample import Sample
from ..profiles.geometry import LabelOrder, Sheet, SymbolLook, Text, to_mm
from ..profiles.profile import FileFormat, Profile, Quoting
from .manifest import DataFile, Manifest
from .particulars import UNTOLD, Particulars

ROLLS_SHOWN = 64
DOTS_PER_MODULE = 4
PRESSES = (300, 600)  # dpi
LINE_ENDS = {"\r\n": "CRLF", "\n": "LF"}


@dataclass(frozen=True)
class Facts:
    """A package as its papers describe it; `symbol` is its sample, `second` that of a pair."""

    manifest: Manifest
    symbol: Sample
    about: Particulars = UNTOLD
    second: Sample | None = None

    @property
    def profile(self) -> Profile:
        """The print profile."""
        return self.manifest.profile

    @property
    def look(self) -> SymbolLook:
        """How symbols are drawn."""
        return self.profile.symbol

    @property
    def sheet(self) -> Sheet | None:
        """The sheet of a PDF."""
        return self.profile.sheet

    @property
    def copies(self) -> int:
        """How many labels each code is on."""
        return self.manifest.copies

    @property
    def first_labels(self) -> int:
        """The labels of the first file."""
        return len(self.first) * self.copies

    # --- the symbol

    @property
    def is_drawn(self) -> bool:
        """Whether the package holds the symbols; otherwise the press draws them."""
        return self.profile.pictures or not self.profile.has_rows

    @property
    def dots(self) -> int:
        """The side of the largest symbol with its quiet zone, in dots."""
        return self.look.side_dots(self.symbol.modules)

    @property
    def size(self) -> str:
        """The same in mm."""
        return f"{self.look.side(self.symbol.modules):.2f}"

    @property
    def seen(self) -> str:
        """The side in mm that a ruler finds, of the ink: the quiet zone has some if inverted."""
        look = self.look
        quiet = 0 if not look.invert else 2 * look.quiet_zone
        return f"{to_mm((self.symbol.modules + quiet) * look.dots, look.dpi):.2f}"

    @property
    def module(self) -> str:
        """The side of a module, mm."""
        return f"{self.look.module:.3f}"

    @property
    def quiet(self) -> str:
        """The width of the quiet zone, mm."""
        return f"{self.look.module * self.look.quiet_zone:.2f}"

    @property
    def reduced(self) -> int:
        """The dots that ink is drawn narrower; 0 if it is not."""
        return self.look.reduce

    @property
    def is_odd(self) -> bool:
        """Whether symbols are drawn otherwise than readers expect."""
        return self.look.invert or self.look.mirror

    def least(self, dpi: int) -> tuple[str, str]:
        """The smallest module and the smallest side with quiet zone, in mm, rounded up."""
        module = to_mm(DOTS_PER_MODULE, dpi)
        side = (self.symbol.modules + 2 * self.look.quiet_zone) * module
        return f"{module + 0.005:.2f}", f"{side + 0.05:.1f}"

    # --- what a symbol says

    @property
    def around_code(self) -> tuple[str, str]:
        """What stands in front of the code and behind it."""
        return split(self.manifest.template)

    @property
    def payload_column(self) -> str | None:
        """The name of the column that the symbols hold; None if no column holds it whole."""
        sources = ("url", "code") if self.manifest.template == BARE else ("url",)
        return self._named(*sources) if self.profile.has_rows else None

    @property
    def code_column(self) -> str:
        """The name of a column of codes."""
        return self._named("code") or ""

    @property
    def second_role(self) -> str:
        """What the second codes of a pair go on."""
        second = self.manifest.second
        return "" if second is None else dict(self.about.pairs).get(second.code.batch, "")

    @property
    def elsewhere(self) -> tuple[tuple[str, str], ...]:
        """Other batches (id, role) whose codes are on the same items, and not in this package."""
        second = self.manifest.second
        within = None if second is None else second.code.batch
        return tuple(other for other in self.about.pairs if other[0] != within)

    @property
    def second_payload_column(self) -> str | None:
        """The name of the column that the second symbols hold; None if no column does."""
        second = self.manifest.second
        if second is None or not self.profile.has_rows:
            return None
        bare = second.code.template == BARE
        return self._named(*(("pair_url", "pair_code") if bare else ("pair_url",)))

    def named(self, source: str) -> str:
        """The name of a column of that source; empty if there is none."""
        return self._named(source) or ""

    @property
    def symbol_places(self) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """The centres of a label's two symbols, mm from its upper left corner."""
        centres = () if self.sheet is None else self.sheet.centres
        return (centres[0], centres[1]) if len(centres) > 1 else None

    def _named(self, *sources: str) -> str | None:
        found = {column.source: column.name for column in reversed(self.profile.columns)}
        return next((found[source] for source in sources if source in found), None)

    # --- rows

    @property
    def by_row(self) -> bool:
        """Whether a row can be found by counting only."""
        return self.profile.has_rows and "serial" not in self.profile.sources

    @property
    def shows_serials(self) -> bool:
        """Whether serials stand in the rows, in pictures' names, or on the sheets."""
        sheet = self.sheet
        if sheet is not None:
            return sheet.header or sheet.text is Text.SERIAL
        return self.profile.pictures or not self.by_row

    @property
    def counts_serials(self) -> bool:
        """Whether only counting rows tells the serial of a row."""
        return self.by_row and not self.profile.pictures and self.profile.lanes == 1

    @property
    def rehearses(self) -> bool:
        """Whether the codes are dummies that programs on the way may change."""
        return self.manifest.test and self.profile.has_rows and self.manifest.quantity > 1

    @property
    def is_single_label(self) -> bool:
        """Whether a page is a label, and nothing else."""
        sheet = self.sheet
        return sheet is not None and sheet.labels_per_sheet == 1 and sheet.page == sheet.label

    @property
    def is_one_text_a_line(self) -> bool:
        """Whether a line is what the symbol says, without a name for it."""
        profile = self.profile
        return len(profile.columns) == 1 and not profile.header

    @property
    def first_row(self) -> int:
        """The line of the first code in its file."""
        profile = self.profile
        return 1 + profile.header + profile.lead_in * profile.lanes

    @property
    def set_up_rows(self) -> tuple[int, int]:
        """The set-up rows in front of a file's codes and behind them."""
        profile = self.profile
        return profile.lead_in * profile.lanes, profile.lead_out * profile.lanes

    @property
    def has_digits(self) -> bool:
        """Whether a column may hold what a program takes for a number."""
        return self.profile.has_rows and (
            bool({"serial", "code"} & set(self.profile.sources)) or self.manifest.template == BARE
        )

    @property
    def says_quotes(self) -> str:
        """Which fields stand in quotes: `all`, `some` or none."""
        profile = self.profile
        if profile.kind is FileFormat.XLSX or not profile.has_rows:
            return ""
        if profile.quoting is Quoting.ALL:
            return "all"
        constants = [column.text + column.name * profile.header for column in profile.columns]
        constants += ["".join(self.around_code)] if "url" in profile.sources else []
        needed = any({profile.delimiter, '"'} & set(text) for text in constants)
        return "some" if needed and profile.quoting is Quoting.MINIMAL else ""

    def file_of(self, serial: int | None) -> DataFile:
        """The data file that holds `serial`."""
        files = self.manifest.files
        return next(file for file in files if file.first <= (serial or 0) <= file.last)

    @property
    def first_picture(self) -> str:
        """The picture that shows what the sample shows."""
        return self.profile.picture_name(0, self.first.first)

    # --- the order of printing, of the first file

    @property
    def first(self) -> Range:
        """The serials of the first file."""
        return Range(self.manifest.files[0].first, self.manifest.files[0].last)

    @property
    def first_lane(self) -> tuple[int, ...]:
        """The first serials of the first lane, if lanes are interleaved."""
        first, last = self.first.pair()
        return tuple(range(first, last + 1, self.profile.lanes)[:3])

    @property
    def sheet_order(self) -> LabelOrder:
        """The order as it shows: a single column has nothing to slit, rows have no sheets."""
        sheet = self.sheet
        if sheet is None:
            return LabelOrder.ROWS
        single = sheet.order is LabelOrder.LANES and sheet.columns == 1
        return LabelOrder.COLUMNS if single else sheet.order

    @cached_property
    def frames(self) -> tuple[int, int]:
        """The frames of the first file, and the rows of its last frame."""
        found = [(part.frames, len(part.starts)) for part in parts(self.first, self.profile, PART)]
        return sum(frames for frames, _ in found), found[-1][1]

    @property
    def rolls(self) -> tuple[Range, ...]:
        """The ranges of the rolls or piles that the first file is cut into, if each is one."""
        sheet = self.sheet
        if sheet is None:
            return self.profile.lane_ranges(self.first)
        if self.sheet_order is LabelOrder.STACK:
            size = sheet.sheets(self.first_labels)
        elif self.sheet_order is LabelOrder.LANES:
            size = sheet.sheets(self.first_labels) * sheet.rows
        else:
            return ()
        first, labels = self.first.first, self.first_labels
        ends = ((begin, min(begin + size, labels) - 1) for begin in range(0, labels, size))
        return tuple(
            Range(first + begin // self.copies, first + end // self.copies) for begin, end in ends
        )

"""Imposed PDF sheets: a document per unit. Its pages are drawn and read back some at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...codegen.errors import IntegrityError
from ...codegen.ranges.serials import Ranges
from ..profiles.geometry import SymbolLook, Text, wrong
from ..profiles.profile import MAX_LABELS
from ..zip.reader import broken
from .content import deflated
from .dummy import all_dummies, are_dummies
from .format import Chunk, Codes, File, PackageLayout, PackageUnit
from .furniture import Heading
from .image import encoder_of
from .imposition import Sheets, check
from .label_places import check_places, check_second
from .operators import mask_bytes
from .pages import Pages, serials, spots
from .pairs import halves
from .registry import format_for
from .sampling import Chosen, every
from .sheet_reading import PageReader, PagesRead, SymbolReader, differs
from .spread import Spread, inline

_DIGITS = 6  # serials under symbols have at least so many
_MAX_DIGITS = 9  # of any batch's serials
_LABEL_BYTES = 8_192  # a small symbol takes far less
_PART = 1_024  # labels that are drawn or read back as a part, in a process


@dataclass(frozen=True)
class SheetPart:
    """Some pages of a unit, and the serials on them: cut and stack takes them from all over it.

    With copies, a serial may be on the pages of several parts, so `count` is the pages' share of
    the unit's codes.
    """

    pages: Pages
    ranges: Ranges
    count: int


class MadePages(NamedTuple):
    """The content streams of a part, deflated; `test`, if all codes are dummies: as a test's."""

    plain: list[bytes]
    test: list[bytes] | None


class ReadTask(NamedTuple):
    """Pages to be read back: deflated content streams of the document `name`.

    `closely`: the labels, in the order of `pages.spots`, that another decoder reads.
    """

    layout: PackageLayout
    unit: PackageUnit
    name: str
    pages: Pages
    streams: Sequence[bytes]
    closely: NDArray[np.bool_]


def read_pages(task: ReadTask) -> PagesRead:
    """The codes on some pages, which hold nothing else; a task for a worker."""
    form = format_for(task.layout)
    assert isinstance(form, SheetFormat)  # noqa: S101 - it made the task
    return form.read_pages(task)


class SheetFormat:
    """A PDF per unit. Raises `UsageError` for what has no room on the sheet."""

    apart_from = 5_000

    def __init__(self, layout: PackageLayout) -> None:
        sheet = layout.profile.sheet
        if sheet is None:
            wrong("sheet", "a pdf profile needs a [sheet] with page and label")
        self._layout, self._sheet = layout, sheet
        check_second(sheet, pair=layout.second is not None)
        parts = [layout, *([] if layout.second is None else [layout.of_second])]
        self.symbols = [SymbolReader(part, encoder_of(part)) for part in parts]
        look, is_code = layout.profile.symbol, sheet.text is Text.CODE
        drawn = [
            (reader.encoder.size, part.length if is_code else _MAX_DIGITS)
            for reader, part in zip(self.symbols, parts, strict=True)
        ]
        for modules, characters in drawn:
            check(sheet, look, modules, characters)
        check_places(sheet, look, drawn)
        _check_labels(layout)
        self._label_bytes = sum(_most_bytes(look, modules) for modules, _ in drawn)
        self._sheets = lru_cache(maxsize=8)(self._of_digits)

    def names(self, unit: PackageUnit) -> Iterator[str]:
        """The document alone."""
        yield self._layout.profile.unit_name(unit.index, unit.id)

    def parts(self, unit: PackageUnit) -> Iterator[SheetPart]:
        """Some pages each."""
        codes = len(unit.serials)
        pages = self._sheet.sheets(codes * self._layout.copies)
        for some in self._pages(unit):
            ranges, _ = serials(spots(self._sheet, some).codes, some.first)
            share = codes * some.stop // pages - codes * some.start // pages
            yield SheetPart(some, ranges, share)

    def make(self, unit: PackageUnit, part: SheetPart, codes: bytes) -> MadePages:
        """The pages."""
        sheets = self._for(unit)
        _, at = serials(spots(self._sheet, part.pages).codes, part.pages.first)
        table = np.frombuffer(codes, np.uint8).reshape(-1, sheets.stride)
        wanted = table[at].tobytes()
        first = halves(codes, self._layout.lengths)[0]
        test = are_dummies(part.ranges, first, self._layout.length)

        def made(heading: Heading) -> list[bytes]:
            return list(map(deflated, sheets.pages(part.pages, wanted, heading)))

        fixed = self._layout.package, unit.id
        return MadePages(made(Heading(*fixed)), made(Heading(*fixed, test=True)) if test else None)

    def join(self, unit: PackageUnit, made: Iterable[MadePages]) -> Iterator[Chunk]:
        """The document. It is a test's if all its codes are dummies."""
        from .pdf import bound  # here: workers need no pikepdf

        parts = list(made)
        test = all(part.test is not None for part in parts)
        pages = chain.from_iterable((part.test if test else part.plain) or () for part in parts)
        title = f"{self._layout.package} {unit.id}"
        name = self._layout.profile.unit_name(unit.index, unit.id)
        yield Chunk(name, bound(pages, self._for(unit).page, title))

    def read(
        self,
        unit: PackageUnit,
        files: Iterator[File],
        chosen: Chosen = every,
        spread: Spread = inline,
    ) -> Iterator[Codes]:
        """The codes of the symbols, read from the dots they are drawn in.

        Every page is drawn again of these codes: it holds nothing else.
        """
        from .pdf import streams  # here: workers need no pikepdf

        name, pieces = next(files)
        count = len(unit.serials) * self._layout.copies
        most = self._label_bytes * (count + 16)
        pages = streams(_bounded(pieces, most), self._for(unit).page, name)
        if len(pages) != self._sheet.sheets(count):
            raise broken(f"{name} has another number of pages than its serials need")
        tasks = self._read_tasks(unit, name, pages, chosen)
        yield (unit.serials,), self._collected(unit, name, spread(read_pages, tasks))

    def read_pages(self, task: ReadTask) -> PagesRead:
        """What `read_pages` does."""
        reader = PageReader(self._layout, self.symbols, self._for(task.unit), task.name)
        return reader.read(task.pages, task.streams, task.closely, task.unit.id)

    def _read_tasks(
        self, unit: PackageUnit, name: str, streams: list[bytes], chosen: Chosen
    ) -> Iterator[ReadTask]:
        closely = np.zeros(len(unit.serials), np.bool_)
        closely[np.asarray(chosen(unit.serials), np.intp) - unit.serials.first] = True
        for some in self._pages(unit):
            wanted = closely[spots(self._sheet, some).codes]
            packed = streams[some.start : some.stop]
            yield ReadTask(self._layout, unit, name, some, packed, wanted)

    def _collected(self, unit: PackageUnit, name: str, results: Iterator[PagesRead]) -> bytes:
        """The codes of all labels by serial; the copies of each say the same."""
        layout = self._layout
        tests: set[bool] = set()
        found = np.zeros((len(unit.serials), layout.stride), np.uint8)
        known = np.zeros(len(found), np.bool_)
        for some, read in zip(self._pages(unit), results, strict=True):
            at = spots(self._sheet, some).codes
            table = np.frombuffer(read.codes, np.uint8).reshape(-1, layout.stride)
            before = found[at]
            found[at] = table
            if ((before != table).any(axis=1) & known[at]).any() or (found[at] != table).any():
                raise differs(name, some.start)
            known[at] = True
            tests |= read.tests
        first = halves(found.tobytes(), layout.lengths)[0]
        if self._sheet.header and tests != {all_dummies(unit.serials, first, layout.length)}:
            raise differs(name, 0)
        return found.tobytes()

    def _pages(self, unit: PackageUnit) -> Iterator[Pages]:
        """The unit's pages, so many at a time as are a part."""
        count, copies = len(unit.serials) * self._layout.copies, self._layout.copies
        whole = Pages(unit.serials.first, count, copies, 0, self._sheet.sheets(count))
        return whole.cut(max(1, _PART // self._sheet.labels_per_sheet))

    def _for(self, unit: PackageUnit) -> Sheets:
        return self._sheets(max(_DIGITS, len(str(unit.serials.last))))

    def _of_digits(self, digits: int) -> Sheets:
        first, *others = (reader.encoder for reader in self.symbols)
        fixed = self._layout.profile.symbol, self._sheet, digits
        second = Sheets(others[0], *fixed, is_second=True) if others else None
        return Sheets(first, *fixed, second=second)


def _check_labels(layout: PackageLayout) -> None:
    """Raises `UsageError` if a unit would be more labels than a document holds."""
    if layout.profile.unit_size * layout.copies > MAX_LABELS:
        wrong(
            "unit.size",
            f"{layout.profile.unit_size:,} codes on {layout.copies:,} labels each are more than"
            f" the {MAX_LABELS:,} labels that a document holds",
            "take a profile of rows, such as csv"
            if layout.copies > MAX_LABELS
            else "take a smaller --unit-size, or a profile of rows, such as csv",
        )


def _most_bytes(look: SymbolLook, modules: int) -> int:
    """More than a symbol and its text take in a document, compressed."""
    side = modules + 2 * look.quiet_zone
    most = max(_LABEL_BYTES, side * side)
    # Shapes have more edges, or masks are as large as their dots; those repeat themselves.
    return 3 * most + mask_bytes(side, look) // 16 if look.reduce else most


def _bounded(pieces: Iterator[bytes], limit: int) -> bytes:
    found = bytearray()
    for piece in pieces:
        found += piece
        if len(found) > limit:
            raise IntegrityError("a document of the package is larger than it can be")
    return bytes(found)

"""Imposed PDF sheets: a document per unit, drawn as a whole."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from ...codegen.codes.template import split
from ...codegen.errors import IntegrityError
from ...codegen.ranges.serials import Ranges
from ..profiles.geometry import SymbolLook, Text, wrong
from ..profiles.profile import MAX_LABELS
from ..zip.reader import broken
from .dummy import all_dummies
from .format import Chunk, Codes, File, PackageLayout, PackageUnit
from .image import encoder_of
from .imposition import Heading, Sheets, check
from .label_places import check_places, check_second
from .operators import mask_bytes
from .pairs import halves
from .pdf import BLACK, contents, document
from .reading import Modules, decode, symbols_of
from .sampling import Chosen, every
from .spread import Spread, inline

_DIGITS = 6  # serials under symbols have at least so many
_MAX_DIGITS = 9  # of any batch's serials
_LABEL_BYTES = 8_192  # a small symbol takes far less
_BLACK = f" {BLACK} ".encode("ascii")
_EARLIER_BLACK = b" 0 0 0 1 k 0 0 0 1 K "  # packages of earlier builds are still read


@dataclass(frozen=True, slots=True)
class Whole:
    """All of a unit at once: cut and stack spreads its ends over the same sheet."""

    ranges: Ranges


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
        self.symbols = list(map(_SymbolReader, parts))
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

    def parts(self, unit: PackageUnit) -> Iterator[Whole]:
        """The whole unit."""
        yield Whole((unit.serials,))

    def make(self, unit: PackageUnit, _part: Whole, codes: bytes) -> Chunk:
        """The document."""
        sheets = self._for(unit)
        pages = sheets.pages(unit.serials.first, codes, self._heading(unit, codes))
        made = document(pages, sheets.page, f"{self._layout.package} {unit.id}")
        return Chunk(self._layout.profile.unit_name(unit.index, unit.id), made)

    def join(self, _unit: PackageUnit, made: Iterable[Chunk]) -> Iterator[Chunk]:
        """The document as it is."""
        yield from made

    def read(
        self,
        unit: PackageUnit,
        files: Iterator[File],
        chosen: Chosen = every,
        spread: Spread = inline,
    ) -> Iterator[Codes]:
        """The codes of the symbols, read from the dots they are drawn in.

        Then every page is drawn again of these codes: it holds nothing else.
        """
        del spread
        first, looked_at = unit.serials.first, set(chosen(unit.serials))
        name, pieces = next(files)
        sheets = self._for(unit)
        copies = self._layout.copies
        count = len(unit.serials) * copies
        most = self._label_bytes * (count + 16)
        pages = contents(_bounded(pieces, most), sheets.page, name)
        if len(pages) != self._sheet.sheets(count):
            raise broken(f"{name} has another number of pages than its serials need")
        found = [b""] * len(unit.serials)
        for number, page in enumerate(pages):
            spots = [(at, label // copies) for at, label in self._sheet.spots(number, count)]
            sizes = [reader.encoder.size for reader in self.symbols]
            drawn = symbols_of(page, sizes, self._layout.profile, len(spots))
            closely = [first + label in looked_at for _, label in spots]
            read = self._codes(drawn, closely)
            if read is None:
                raise broken(f"{name}: a symbol on page {number + 1} cannot be read")
            for (_, label), code in zip(spots, read, strict=True):
                found[label] = code
        codes = b"".join(found)
        if len(codes) != self._layout.stride * len(unit.serials):
            raise broken(f"{name}: a symbol does not hold a payload of this package")
        anew = sheets.pages(first, codes, self._heading(unit, codes))
        for number, (page, due) in enumerate(zip(pages, anew, strict=True)):
            if page != due and page.replace(_EARLIER_BLACK, _BLACK, 1) != due:
                raise broken(f"{name}: page {number + 1} is not as the profile says")
        yield (unit.serials,), codes

    def _codes(self, drawn: list[Modules] | None, closely: list[bool]) -> list[bytes] | None:
        """The codes of labels, of a pair both; None if a symbol cannot be read."""
        if drawn is None:
            return None
        parts = [
            reader.codes(modules, closely)
            for reader, modules in zip(self.symbols, drawn, strict=True)
        ]
        if any(part is None for part in parts):
            return None
        return list(map(b"".join, zip(*(part or [] for part in parts), strict=True)))

    def _for(self, unit: PackageUnit) -> Sheets:
        return self._sheets(max(_DIGITS, len(str(unit.serials.last))))

    def _of_digits(self, digits: int) -> Sheets:
        first, *others = (reader.encoder for reader in self.symbols)
        fixed = self._layout.profile.symbol, self._sheet, digits
        copies = self._layout.copies
        second = Sheets(others[0], *fixed, copies=copies, is_second=True) if others else None
        return Sheets(first, *fixed, copies=copies, second=second)

    def _heading(self, unit: PackageUnit, codes: bytes) -> Heading:
        first = halves(codes, self._layout.lengths)[0]
        test = all_dummies(unit.serials, first, self._layout.length)
        return Heading(self._layout.package, unit.id, test)


class _SymbolReader:
    """The encoder of a layout's symbols, and the codes that are read in them."""

    def __init__(self, layout: PackageLayout) -> None:
        self._layout = layout
        self.encoder = encoder_of(layout)

    def codes(self, drawn: Modules, closely: list[bool]) -> list[bytes] | None:
        """The codes of symbols, by computation; some, or if that fails all, by a decoder.

        None if a symbol cannot be read. If both differ, it shows when the page is drawn again.
        """
        length = self._layout.length
        computed = self.encoder.decode(drawn)
        codes = []
        for at, modules in enumerate(drawn):
            code = computed[at * length : (at + 1) * length] if computed else None
            if closely[at] or code is None:
                payload = decode(modules)
                if payload is None:
                    return None
                code = self._code(payload)
            codes.append(code)
        return codes

    def _code(self, payload: bytes) -> bytes:
        """The code in a payload; empty if the payload is not of this package."""
        prefix, suffix = (part.encode("ascii") for part in split(self._layout.template))
        if not payload.startswith(prefix) or not payload.endswith(suffix):
            return b""
        return payload[len(prefix) : len(payload) - len(suffix)]


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

"""Pictures, a file per code, in a folder per unit, beside a list of them in text.

The pictures follow the list, by serial. They are drawn when they are written: a thousand BMPs
take 20 MB.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from ...codegen.codes.template import split
from ...codegen.errors import IntegrityError
from ...codegen.ranges.serials import Range, Ranges, pieces
from ..profiles.geometry import wrong
from ..profiles.profile import Profile
from ..symbols.encoder import Encoder
from ..zip.deflate import deflate
from ..zip.reader import broken
from . import picture
from .format import Chunk, Codes, File, PackageLayout, PackageUnit
from .reading import decode_all
from .rows import TextPart
from .sampling import Chosen, every
from .spread import Spread, inline
from .text import TextFormat

_BLOCK = 512  # codes whose symbols are made at a time

Made = tuple[Chunk, Ranges, bytes]


@lru_cache(maxsize=8)
def encoder_of(layout: PackageLayout) -> Encoder:
    """The encoder of a package's symbols. Raises `UsageError` above the profile's version.

    The last few are kept: a package's sample is drawn by the encoder of its pictures.
    """
    prefix, suffix = split(layout.template)
    look = layout.profile.symbol
    return Encoder(
        prefix,
        layout.length,
        layout.symbols,
        suffix,
        level=look.level,
        mask=look.mask,
        version_limit=look.version_limit,
    )


class _ImageFormat:
    """What the three formats share; they differ in `_draw`, `_same` and `_stored`."""

    _draw: Callable[..., Iterator[bytes]]
    _stored = False  # compressed by itself

    apart_from = None

    def __init__(self, layout: PackageLayout) -> None:
        if layout.second is not None:
            wrong(
                "format",
                "a profile of pictures has no place for a second code",
                "take csv or xlsx, or pdf-sheet-pair, whose labels have two symbols",
            )
        self._layout = layout
        self._profile: Profile = layout.profile
        self._list = TextFormat(layout)
        self._encoder = encoder_of(layout)

    def names(self, unit: PackageUnit) -> Iterator[str]:
        """The list, then the pictures."""
        yield from self._list.names(unit)
        for serial in range(unit.serials.first, unit.serials.last + 1):
            yield self._profile.picture_name(unit.index, serial)

    def parts(self, unit: PackageUnit) -> Iterator[TextPart]:
        """Those of the list."""
        return self._list.parts(unit)

    def make(self, unit: PackageUnit, part: TextPart, codes: bytes) -> Made:
        """Rows of the list, and the codes for the pictures behind it."""
        return self._list.make(unit, part, codes), part.ranges, codes

    def join(self, unit: PackageUnit, made: Iterable[Made]) -> Iterator[Chunk]:
        """The list, then the pictures."""
        table = _Table(unit.serials, self._layout.length)
        for rows, ranges, codes in made:
            yield rows
            table.put(ranges, codes)
        for serial, data in self._pictures(table):
            name = self._profile.picture_name(unit.index, serial)
            yield Chunk(name, data, None if self._stored else deflate(data))

    def read(
        self,
        unit: PackageUnit,
        files: Iterator[File],
        chosen: Chosen = every,
        spread: Spread = inline,
    ) -> Iterator[Codes]:
        """The codes in the list; each picture must be what is drawn for its code.

        An independent decoder reads what is drawn for the `chosen` codes.
        """
        del spread
        table = _Table(unit.serials, self._layout.length)
        for ranges, codes in self._list.read(unit, files):
            table.put(ranges, codes)
            yield ranges, codes
        for serial, drawn in self._pictures(table, chosen):
            name, content = next(files)
            if not self._same(_bounded(content, 2 * len(drawn) + 1_024), drawn):
                raise broken(f"{name} does not show the code of serial {serial}")

    def _pictures(
        self, table: "_Table", chosen: Chosen = lambda _: ()
    ) -> Iterator[tuple[int, bytes]]:
        for piece in pieces((table.serials,), _BLOCK):
            codes = table.take(piece)
            symbols = self._encoder.encode(codes)
            at = [serial - piece.first for serial in chosen(piece)]
            payloads = self._payloads(codes)
            if decode_all(symbols, at) != [payloads[index] for index in at]:
                raise broken(f"a symbol of serials {piece} does not say its code")
            drawn = type(self)._draw(symbols, self._profile.symbol)  # noqa: SLF001 - a class attribute
            yield from zip(range(piece.first, piece.last + 1), drawn, strict=True)

    def _payloads(self, codes: bytes) -> list[bytes]:
        prefix, suffix = (part.encode("ascii") for part in split(self._layout.template))
        length = self._layout.length
        return [prefix + codes[at : at + length] + suffix for at in range(0, len(codes), length)]

    def _same(self, data: bytes, drawn: bytes) -> bool:
        """Whether `data` is the picture `drawn`."""
        return data == drawn


class PngFormat(_ImageFormat):
    """One-bit PNG."""

    _draw = staticmethod(picture.png)
    _stored = True

    def _same(self, data: bytes, drawn: bytes) -> bool:
        # Another version of the compressor makes other bytes of the same dots.
        return data == drawn or picture.same_png(data, drawn)


class BmpFormat(_ImageFormat):
    """One-bit BMP."""

    _draw = staticmethod(picture.bmp)


class SvgFormat(_ImageFormat):
    """SVG."""

    _draw = staticmethod(picture.svg)


class _Table:
    """The codes of a unit by serial, in whatever order its parts came."""

    def __init__(self, serials: Range, length: int) -> None:
        self.serials, self._length = serials, length
        self._codes = bytearray(len(serials) * length)

    def put(self, ranges: Ranges, codes: bytes) -> None:
        at = 0
        for piece in ranges:
            begin, size = self._at(piece.first), len(piece) * self._length
            self._codes[begin : begin + size] = codes[at : at + size]
            at += size

    def take(self, piece: Range) -> bytes:
        return bytes(self._codes[self._at(piece.first) : self._at(piece.last + 1)])

    def _at(self, serial: int) -> int:
        return int((serial - self.serials.first) * self._length)


def _bounded(content: Iterator[bytes], limit: int) -> bytes:
    """All of an entry. Raises `IntegrityError` if it is longer than any picture."""
    found = bytearray()
    for piece in content:
        found += piece
        if len(found) > limit:
            raise IntegrityError("a picture of the package is larger than it can be")
    return bytes(found)

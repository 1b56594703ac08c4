"""Symbols as pictures, a file each: one-bit PNG and BMP of exact dots, SVG of a single path.

Pure: symbols in, files out. Pictures hold the quiet zone; black is ink. Sources: PNG
(ISO/IEC 15948), BITMAPINFOHEADER of the Windows GDI, SVG 1.1.
"""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from ..profiles.geometry import INCH, SymbolLook
from ..symbols.encoder import Symbols
from . import reduced

Ink = NDArray[np.bool_]
Indices = NDArray[np.intp]

_PNG = b"\x89PNG\r\n\x1a\n"
_METRE = 1_000 / INCH  # inches
_BMP_HEADERS = 14 + 40 + 8
_MAX_LINES = 64 << 20  # bytes
_BLOCK = 32  # symbols
_DEFLATE = 2  # isal: 1 to 3; what repeats is found at once


def ink(symbols: Symbols, look: SymbolLook, quiet_zone: int) -> Ink:
    """(n, side, side) modules to be printed with so much quiet zone, upper row first.

    With `look.invert` all that is light prints, the quiet zone as well.
    """
    modules = symbols.modules(quiet_zone)
    if look.mirror:
        modules = modules[:, :, ::-1]
    return ~modules if look.invert else modules


def png(symbols: Symbols, look: SymbolLook) -> Iterator[bytes]:
    """A one-bit grey PNG per symbol, `look.dots` pixels per module, its dpi in pHYs."""
    side = look.side_dots(symbols.size)
    head = _head(side, side, look.dpi)
    end = _chunk(b"IEND", b"")
    for drawn in _blocks(symbols, look):
        if look.reduce:
            for picture in reduced.dots(drawn, look):
                yield head + _chunk(b"IDAT", isal_zlib.compress(_lines(picture), _DEFLATE)) + end
            continue
        rows = np.packbits(np.repeat(~drawn, look.dots, axis=2), axis=2)
        # The first line of a module row as it is; the others equal the line above (filter Up).
        lines = np.zeros((*rows.shape[:2], look.dots, 1 + rows.shape[2]), np.uint8)
        lines[:, :, 0, 1:] = rows
        lines[:, :, 1:, 0] = 2
        for picture in lines:
            yield head + _chunk(b"IDAT", isal_zlib.compress(picture, _DEFLATE)) + end


def png_of(drawn: Ink, dpi: int) -> bytes:
    """A picture of any size, (height, width), a pixel per dot, as one-bit grey PNG."""
    height, width = drawn.shape
    return (
        _head(width, height, dpi)
        + _chunk(b"IDAT", isal_zlib.compress(_lines(drawn), 3))
        + _chunk(b"IEND", b"")
    )


def _lines(drawn: Ink) -> NDArray[np.uint8]:
    """The scan lines of a picture, (height, width): each a filter type, 0, and its bits."""
    rows = np.packbits(~drawn, axis=1)
    lines = np.zeros((len(rows), 1 + rows.shape[1]), np.uint8)
    lines[:, 1:] = rows
    return lines


def _head(width: int, height: int, dpi: int) -> bytes:
    metre = round(dpi * _METRE)
    return (
        _PNG
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
        + _chunk(b"pHYs", struct.pack(">IIB", metre, metre, 1))
    )


def same_png(data: bytes, drawn: bytes) -> bool:
    """Whether two PNGs as `png` makes them show the same dots, however compressed."""
    theirs, ours = _unpacked(data), _unpacked(drawn)
    return theirs is not None and theirs == ours


def _unpacked(data: bytes) -> tuple[bytes, bytes] | None:
    """The bytes in front of IDAT and the scan lines; None for any other PNG."""
    start = data.find(b"IDAT") + 4
    head, size = data[: start - 8], int.from_bytes(data[start - 8 : start - 4], "big")
    packed = data[start : start + size]
    if start < 8 or data != head + _chunk(b"IDAT", packed) + _chunk(b"IEND", b""):
        return None
    try:
        unpacker = isal_zlib.decompressobj()
        lines = unpacker.decompress(packed, _MAX_LINES)
    except isal_zlib.IsalError:  # type: ignore[misc] # its stubs give a value
        return None
    return (head, bytes(lines)) if unpacker.eof and not unpacker.unused_data else None


def bmp(symbols: Symbols, look: SymbolLook) -> Iterator[bytes]:
    """A one-bit BMP per symbol, `look.dots` pixels per module: palette entry 1 is white."""
    side, metre = look.side_dots(symbols.size), round(look.dpi * _METRE)
    stride = (side + 31) // 32 * 4
    size = side * stride
    head = (
        struct.pack("<2sIHHI", b"BM", _BMP_HEADERS + size, 0, 0, _BMP_HEADERS)
        + struct.pack("<IiiHHIIiiII", 40, side, side, 1, 1, 0, size, metre, metre, 2, 2)
        + b"\x00\x00\x00\x00\xff\xff\xff\x00"
    )
    for drawn in _blocks(symbols, look):
        upward = drawn[:, ::-1]
        light = ~reduced.dots(upward, look) if look.reduce else (~upward).repeat(look.dots, axis=2)
        rows = np.packbits(light, axis=2)
        padded = np.zeros((*rows.shape[:2], stride), np.uint8)
        padded[:, :, : rows.shape[2]] = rows
        for picture in padded if look.reduce else padded.repeat(look.dots, axis=1):
            yield head + picture.tobytes()


def svg(symbols: Symbols, look: SymbolLook) -> Iterator[bytes]:
    """An SVG per symbol: a single path, its size in mm; no background.

    A unit is a module; with `look.reduce` a dot.
    """
    side = symbols.size + 2 * look.quiet_zone
    size = f"{look.side(symbols.size):.4f}".rstrip("0").rstrip(".")
    across = side * look.dots if look.reduce else side
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}mm" height="{size}mm" '
        f'viewBox="0 0 {across} {across}" shape-rendering="crispEdges"><path d="'
    )
    starts, ends = _steps(side, look)
    for drawn in _blocks(symbols, look):
        cells, widths, stops = outlines(drawn, look)
        parts = [
            starts[cell] + ends[width]
            for cell, width in zip(cells.tolist(), widths.tolist(), strict=True)
        ]
        first = 0
        for stop in stops.tolist():
            yield f'{head}{"".join(parts[first:stop])}"/></svg>\n'.encode("ascii")
            first = stop


def _steps(side: int, look: SymbolLook) -> tuple[list[str], list[str]]:
    """The steps of a path around a rectangle of `outlines`: by its cell, and by its extent."""
    if not look.reduce:
        return (
            [f"M{x},{y}h" for y in range(side) for x in range(side + 1)],
            [f"{width}v1h-{width}z" for width in range(side + 1)],
        )
    return (
        [f"M{x},{y}h" for x, y in reduced.places(side, look)],
        [f"{width}v{height}h-{width}z" for width, height in reduced.extents(side, look)],
    )


def _blocks(symbols: Symbols, look: SymbolLook) -> Iterator[Ink]:
    """`ink`, so many symbols at a time that their dots stay in the cache."""
    for first in range(0, len(symbols), _BLOCK):
        part = slice(first, first + _BLOCK)
        packed = symbols.packed[part], symbols.versions[part], symbols.masks[part]
        yield ink(Symbols(*packed), look, look.quiet_zone)


def runs(drawn: Ink) -> tuple[Indices, Indices, Indices]:
    """The horizontal runs of ink: (cell, width) each, symbol after symbol, in order.

    A cell is row * (side + 1) + column. And for each symbol the index after its last run.
    """
    count, height, side = drawn.shape
    # A light module behind every line: no run goes on into the next line.
    flat = np.zeros(count * height * (side + 1) + 1, np.bool_)
    flat[1:].reshape(count, height, side + 1)[:, :, :side] = drawn
    turns = np.flatnonzero(flat[1:] != flat[:-1])
    first, after = turns[::2], turns[1::2]
    size = height * (side + 1)
    begins = np.arange(count) * size
    stops = np.searchsorted(first, begins + size)
    cells = first - np.repeat(begins, np.diff(stops, prepend=0))
    return cells, after - first, stops


def outlines(drawn: Ink, look: SymbolLook) -> tuple[Indices, Indices, Indices]:
    """The rectangles of ink as (cell, extent) each, and per symbol the index after its last one.

    Without `look.reduce` they are `runs`, and an extent is a width. With it they are runs of
    `reduced.bands`: `reduced.places` has them by cell and `reduced.extents` by extent.
    """
    if not look.reduce:
        return runs(drawn)
    cells, widths, stops = runs(reduced.bands(drawn))
    rows = drawn.shape[2] + 1
    return cells, widths + cells // rows % 2 * rows, stops


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

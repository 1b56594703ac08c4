"""The symbols of our own content streams, read by an independent decoder (zxing-cpp).

It undoes `imposition.Sheets` only as far as the modules, each as its centre is drawn; the decoder
reads the symbols in them. Symbols of many pages are read at once.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import zxingcpp
from numpy.typing import NDArray

from ..profiles.geometry import Paint, Sheet, SymbolLook
from ..symbols.encoder import Symbols
from .operators import RECORD, digits_of, mask_side

_MASK = b"/F /AHx ID\n", b"x", b">\nEI Q\n", b">"
_PATH = b" cm\n", b"c", b"\nf Q\n", b"f"
_PIXELS = 2  # per module: the least that reads safely
_QUIET = 4
# Pure pictures of QRCodeModel2 are not read at all by zxing-cpp 3.1.
_QR = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])

Modules = NDArray[np.bool_]
Good = NDArray[np.bool_]
Indices = NDArray[np.intp]


def operators_of(content: bytes, sheet: Sheet) -> list[bytes]:
    """What draws each symbol of a page, in order: the records of a path, or a mask's digits.

    Empty for what begins otherwise than a symbol.
    """
    begin, near, end, mark = _MASK if sheet.paint is Paint.MASK else _PATH
    before, behind = begin.index(near), end.index(mark)
    found, last = [], 0
    # Of the operators around, only these have such a byte: single bytes are found fastest.
    at = content.find(mark)
    while at >= 0:
        if content.startswith(end, at - behind):
            start = content.rfind(near, last, at) - before
            whole = start >= last and content.startswith(begin, start)
            found.append(content[start + len(begin) : at - behind] if whole else b"")
        last, at = at, content.find(mark, at + 1)
    return found


def modules_of(
    drawn: Sequence[bytes], size: int, look: SymbolLook, paint: Paint
) -> tuple[Modules, Good]:
    """The symbols drawn by such operators: (n, size, size) modules, dark is true.

    And (n,), which of them are drawn as they should be; the others hold anything.
    """
    side = size + (2 * look.quiet_zone if look.invert else 0)
    read = _from_masks if paint is Paint.MASK else _from_paths
    modules, good = read(drawn, side, look)
    if look.invert:
        around = slice(look.quiet_zone, look.quiet_zone + size)
        modules = ~modules[:, around, around]
    return (modules[:, :, ::-1] if look.mirror else modules), good


def decode_all(symbols: Symbols, which: Sequence[int]) -> list[bytes | None]:
    """What an independent decoder reads in some of the symbols; None if it reads nothing."""
    if not which:
        return []
    modules = symbols.modules()
    sides = 17 + 4 * symbols.versions.astype(np.intp)
    found: list[bytes | None] = [None] * len(symbols)
    for side in np.unique(sides[which]).tolist():
        some = [at for at in which if sides[at] == side]
        for at, payload in zip(some, decoded(modules[some, :side, :side]), strict=True):
            found[at] = payload
    return [found[at] for at in which]


def decoded(modules: Modules) -> Iterator[bytes | None]:
    """What zxing-cpp reads in each symbol, (n, size, size), dark is true; None if nothing."""
    return map(decode, _pictures(modules))


def decode(picture: NDArray[np.uint8]) -> bytes | None:
    """What zxing-cpp reads in a picture of a single symbol, a grey of 0 or 255 a pixel."""
    height, width = picture.shape
    view = zxingcpp.ImageView(picture, width, height, zxingcpp.ImageFormat.Lum)
    found = zxingcpp.read_barcodes(
        view, _QR, try_rotate=False, is_pure=True, binarizer=zxingcpp.Binarizer.BoolCast
    )
    if len(found) != 1 or not found[0].valid:
        return None
    return bytes(found[0].bytes)


def _pictures(modules: Modules) -> NDArray[np.uint8]:
    """(n, size, size) modules as pictures with quiet zones, (n, height, width), light is 255."""
    count, size, _ = modules.shape
    side, inner = size + 2 * _QUIET, slice(_QUIET, _QUIET + size)
    pictures = np.full((count, side, _PIXELS, side), 0xFFFF, np.uint16)
    # 0 for dark modules; for light ones -1, two pixels of 255.
    pixels = modules.astype(np.uint16) - np.uint16(1)
    pictures[:, inner, :, inner] = pixels[:, :, np.newaxis]
    return pictures.view(np.uint8).reshape(count, side * _PIXELS, side * _PIXELS)


def _from_masks(drawn: Sequence[bytes], side: int, look: SymbolLook) -> tuple[Modules, Good]:
    pixels = mask_side(side, look)
    size = pixels * ((pixels + 7) // 8)
    bits = [_bits(text) for text in drawn]
    good = np.array([len(found) == size for found in bits], np.bool_)
    joined = b"".join(found if len(found) == size else bytes(size) for found in bits)
    table = np.frombuffer(joined, np.uint8).reshape(len(drawn), pixels, -1)
    # Rows first: a mask of dots has many more bits than modules.
    centres = (2 * np.arange(side) + 1) * pixels // (2 * side)
    rows = np.unpackbits(table[:, centres], axis=2, count=pixels).view(np.bool_)
    return rows[:, :, centres], good


def _bits(text: bytes) -> bytes:
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError:
        return b""


def _from_paths(drawn: Sequence[bytes], side: int, look: SymbolLook) -> tuple[Modules, Good]:
    """Records as `operators` writes them; what is misread here shows when it is redrawn."""
    digits = digits_of(side, look)
    size = sum(RECORD[digits])
    lengths = np.array([len(text) for text in drawn], np.intp)
    good = (lengths > 0) & (lengths % size == 0)
    joined = b"".join(text for text, whole in zip(drawn, good.tolist(), strict=True) if whole)
    records = np.frombuffer(joined, np.uint8).reshape(-1, size)
    symbol = np.repeat(np.arange(len(drawn), dtype=np.intp), good * lengths // size)
    starts = (1, 2 + digits, RECORD[digits][0])
    x, up, width = (_number(records, at, digits) for at in starts)
    if look.reduce:
        # Rectangles on the borders of lines reach no centre of a module.
        y, within = np.divmod(side * look.dots - 1 - up, look.dots)
        inside = within == look.dots - 1 - look.reduce
        symbol, y = symbol[inside], y[inside]
        x, width = x[inside] // look.dots, width[inside] // look.dots + 1
    else:
        y = side - 1 - up
    there = (x >= 0) & (width >= 0) & (x + width <= side) & (y >= 0) & (y < side)
    if not there.all():
        good[symbol[~there]] = False
        symbol, x, y, width = (found[there] for found in (symbol, x, y, width))
    return _runs(symbol, x, y, width, len(drawn), side), good


def _runs(  # noqa: PLR0913, PLR0917
    symbol: Indices, x: Indices, y: Indices, width: Indices, count: int, side: int
) -> Modules:
    # Every run turns the colour where it begins and behind its end.
    turns = np.zeros(count * side * (side + 1), np.uint8)
    begin = (symbol * side + y) * (side + 1) + x
    turns[begin] ^= 1
    turns[begin + width] ^= 1
    # Of bytes, numpy adds up twice as fast as of truth values.
    ink: Modules = np.bitwise_xor.accumulate(turns).view(np.bool_)
    return ink.reshape(count, side, side + 1)[:, :, :side]


def _number(records: NDArray[np.uint8], first: int, digits: int) -> Indices:
    found = records[:, first].astype(np.intp)
    for at in range(first + 1, first + digits):
        found *= 10
        found += records[:, at]
    found -= ord("0") * int("1" * digits)
    return found

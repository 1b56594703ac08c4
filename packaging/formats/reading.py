"""The symbols of our own content streams, read by an independent decoder (zxing-cpp).

It undoes `imposition.Sheets` only as far as the modules, each as its centre is drawn; the decoder
reads the symbols in them.
"""

import re
from collections.abc import Sequence

import numpy as np
import zxingcpp
from numpy.typing import NDArray

from ..profiles.geometry import Paint, SymbolLook
from ..profiles.profile import Profile
from ..symbols.encoder import Symbols
from .operators import DOT_DIGITS, RECORD, mask_side

_MASK = re.compile(rb"/F /AHx ID\n([0-9A-F]+)>\nEI Q\n")
_PATH = re.compile(rb" cm\n(\n[^f]+)\nf Q\n")
_PIXELS = 2  # per module: the least that reads safely
_QUIET = 4
# Pure pictures of QRCodeModel2 are not read at all by zxing-cpp 3.1.
_QR = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])

Modules = NDArray[np.bool_]


def symbols_of(
    content: bytes, sizes: Sequence[int], profile: Profile, count: int
) -> list[Modules] | None:
    """The symbols of `count` labels in a page's content stream, in order.

    Each label has a symbol of each of the `sizes`, in modules; the answer has for each size an
    array (count, size, size). None if there are not so many symbols, or if any is not drawn as it
    should be.
    """
    sheet = profile.sheet
    masks = sheet is not None and sheet.paint is Paint.MASK
    found = (_MASK if masks else _PATH).findall(content)
    if len(found) != count * len(sizes):
        return None
    read = [
        _modules(found[which :: len(sizes)], size, profile.symbol, masks=masks)
        for which, size in enumerate(sizes)
    ]
    return (
        None if any(part is None for part in read) else [part for part in read if part is not None]
    )


def _modules(found: list[bytes], size: int, look: SymbolLook, *, masks: bool) -> Modules | None:
    side = size + (2 * look.quiet_zone if look.invert else 0)
    read = np.empty((len(found), size, size), np.bool_)
    for at, text in enumerate(found):
        drawn = _from_mask(text, side, look) if masks else _from_path(text, side, look)
        if drawn is None:
            return None
        read[at] = _plain(drawn, look, size)
    return read


def decode_all(symbols: Symbols, which: Sequence[int]) -> list[bytes | None]:
    """What an independent decoder reads in some of the symbols; None if it reads nothing."""
    if not which:
        return []
    modules, sides = symbols.modules(), (17 + 4 * symbols.versions.astype(int)).tolist()
    return [decode(modules[at, : sides[at], : sides[at]]) for at in which]


def decode(modules: Modules) -> bytes | None:
    """What zxing-cpp reads in a symbol, dark is true, given without quiet zone."""
    light = np.pad(~modules, _QUIET, constant_values=True)
    dots = light.repeat(_PIXELS, axis=0).repeat(_PIXELS, axis=1).view(np.uint8) * np.uint8(255)
    found = zxingcpp.read_barcodes(dots, formats=_QR, is_pure=True, try_rotate=False)
    if len(found) != 1 or not found[0].valid:
        return None
    return bytes(found[0].bytes)


def _plain(drawn: Modules, look: SymbolLook, size: int) -> Modules:
    """Ink as the modules of the symbol."""
    if look.invert:
        around = look.quiet_zone
        drawn = ~drawn[around : around + size, around : around + size]
    return drawn[:, ::-1] if look.mirror else drawn


def _from_mask(text: bytes, side: int, look: SymbolLook) -> Modules | None:
    bits = np.frombuffer(bytes.fromhex(text.decode("ascii")), np.uint8)
    pixels = mask_side(side, look)
    if len(bits) != pixels * ((pixels + 7) // 8):
        return None
    drawn = np.unpackbits(bits.reshape(pixels, -1), axis=1, count=pixels).view(np.bool_)
    centres = (2 * np.arange(side) + 1) * pixels // (2 * side)
    return drawn[np.ix_(centres, centres)]


def _from_path(text: bytes, side: int, look: SymbolLook) -> Modules | None:
    """Records as `operators` writes them; what is misread here shows when it is redrawn."""
    digits = DOT_DIGITS if look.reduce else len(str(side))
    size = sum(RECORD[digits])
    if len(text) % size:
        return None
    records = np.frombuffer(text, np.uint8).reshape(-1, size)
    starts = (1, 2 + digits, RECORD[digits][0])
    x, up, width = (_number(records[:, at : at + digits]) for at in starts)
    if look.reduce:
        # Rectangles on the borders of lines reach no centre of a module.
        y, within = divmod(side * look.dots - 1 - up, look.dots)
        inside = within == look.dots - 1 - look.reduce
        x, y, width = x[inside] // look.dots, y[inside], width[inside] // look.dots + 1
    else:
        y = side - 1 - up
    if not ((x >= 0) & (x + width <= side) & (y >= 0) & (y < side)).all():
        return None
    turns = np.zeros((side, side + 1), np.int8)
    turns[y, x] += 1
    turns[y, x + width] -= 1
    return np.cumsum(turns, axis=1)[:, :side].astype(np.bool_)


def _number(digits: NDArray[np.uint8]) -> NDArray[np.int64]:
    powers = 10 ** np.arange(digits.shape[1] - 1, -1, -1)
    found: NDArray[np.int64] = (digits.astype(np.int64) - ord("0")) @ powers
    return found

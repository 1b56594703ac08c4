"""The sample of a package: a symbol as the profile draws it, and the same picture read back.

The picture is drawn by the function that draws the pictures of a package, so the two cannot
differ: inverted, mirrored, with the profile's mask, quiet zone, dots and dpi.
"""

import io
import warnings
from dataclasses import dataclass, replace

import numpy as np
import zxingcpp
from numpy.typing import NDArray

from ...codegen.codes.template import payload
from ...codegen.errors import IntegrityError
from ..profiles.geometry import SymbolLook
from ..symbols.encoder import Symbols
from ..symbols.fitting import modules_of
from ..symbols.segno_encoder import SegnoEncoder, mode_of
from . import picture
from .format import PackageLayout
from .image import encoder_of

MAX_PIXELS = 4_000  # a side


@dataclass(frozen=True)
class Sample:
    """A symbol as PNG, and what the printer is told of the package's symbols.

    `version` and `modules` (the side without the quiet zone) are those of the largest symbol, to
    which room is given. `mode` is how its payload is encoded (ISO/IEC 18004:2015, 7.4):
    `alphanumeric` (upper case, 5.5 bits per character) makes a smaller symbol than `byte`.
    `look`: as the picture is drawn, the profile's, but with fewer dots per module where the
    picture would have more than `MAX_PIXELS` a side. `pixels`: its side.
    """

    png: bytes
    version: int
    modules: int
    mode: str
    look: SymbolLook
    pixels: int


def sample(layout: PackageLayout, code: str) -> Sample:
    """The symbol of a package's `code` as its profile draws it.

    Of a profile without symbols it is the symbol that the press is to draw. Raises `UsageError`
    if no symbol holds the payload.
    """
    symbols, version, mode = _symbols(layout, code)
    look = layout.profile.symbol
    most = MAX_PIXELS // (symbols.size + 2 * look.quiet_zone)
    look = replace(look, dots=min(look.dots, most))
    (png,) = picture.png(symbols, look)
    return Sample(png, version, modules_of(version), mode, look, look.side_dots(symbols.size))


def _symbols(layout: PackageLayout, code: str) -> tuple[Symbols, int, str]:
    """The symbol; version and mode of the package's largest symbol."""
    profile = layout.profile
    if profile.pictures or not profile.has_rows:
        encoder = encoder_of(layout)
        return encoder.encode(code.encode("ascii")), encoder.version, encoder.mode
    # The press draws each symbol by itself, so none stands in a corner of a larger one.
    segno = SegnoEncoder(profile.symbol.level, boost=False, mask=profile.symbol.mask)
    drawn = largest = segno.encode(payload(layout.template, code))
    widest = payload(layout.template, max(layout.symbols, key=mode_of) * layout.length)
    if mode_of(widest) > mode_of(payload(layout.template, code)):
        largest = segno.encode(widest)
    packed = np.packbits(drawn.modules, axis=1)[np.newaxis]
    versions, masks = np.array([[drawn.version], [drawn.mask]], np.uint8)
    symbols = Symbols(packed, versions, masks)
    return symbols, largest.version, mode_of(widest).name.lower()


def read(png: bytes) -> str:
    """What an independent decoder (zxing-cpp) reads in a picture made by `sample`.

    It reads inverted and mirrored symbols as well. Raises `IntegrityError` if the picture is not
    such a PNG, or holds no QR symbol or several.
    """
    # Plain QRCode would also report phantom Micro QR symbols.
    formats = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCodeModel2])
    found = zxingcpp.read_barcodes(_pixels(png), formats=formats)
    if len(found) != 1 or not found[0].valid:
        raise IntegrityError("no QR symbol, or not just one, can be read in the sample picture")
    return bytes(found[0].bytes).decode("ascii", "replace")


def _pixels(png: bytes) -> NDArray[np.uint8]:
    """The grey picture (0 black, 255 white), (side, side), of a one-bit grey PNG."""
    from PIL.PngImagePlugin import PngImageFile  # here: packing needs no reader

    pixels = None
    try:
        # Not Image.open: it warns of large pictures, and would read other formats.
        with warnings.catch_warnings(action="ignore"), PngImageFile(io.BytesIO(png)) as opened:
            # What was read so far are chunks in front of the pixels. A picture of 100,000 dots
            # a side is a few kilobytes of PNG, so its size is refused before it is inflated.
            width, height = opened.size
            if opened.mode == "1" and 0 < width == height <= MAX_PIXELS:
                pixels = np.asarray(opened).astype(np.uint8) * np.uint8(255)
    # Pillow documents none of what it raises for a file that is no PNG, or contradicts itself:
    # SyntaxError, struct.error and IndexError were seen. A stranger's picture is no bug of ours.
    except Exception:  # noqa: BLE001 - as above
        raise IntegrityError("the sample picture is damaged, or not a PNG") from None
    if pixels is None:
        raise IntegrityError("the sample picture is not a one-bit grey PNG")
    return pixels

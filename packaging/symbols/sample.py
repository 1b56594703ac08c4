"""A QR symbol (ISO/IEC 18004:2015) as a picture, and the same picture read back."""

import io
import warnings
from dataclasses import dataclass

import numpy as np
import segno
import zxingcpp
from numpy.typing import NDArray

from ...codegen.errors import IntegrityError, UsageError

LEVEL = "M"
QUIET_ZONE = 4  # modules: ISO/IEC 18004:2015, 6.3.8 and 9.1
# 12 dots per module at 600 dpi: modules of 0.51 mm, exact at 300 dpi as well.
DOTS, DPI = 12, 600

_MAX_PIXELS = 4_000  # a side


@dataclass(frozen=True)
class Sample:
    """A symbol as PNG. `modules` is its side without the quiet zone.

    `mode` is how the payload was encoded (7.4): `alphanumeric` (upper case, 5.5 bits per
    character) makes a smaller symbol than `byte`.
    """

    png: bytes
    version: int
    modules: int
    mode: str
    level: str


def sample(payload: str, level: str = LEVEL) -> Sample:
    """The QR symbol of `payload` (ASCII), quiet zone included, black on white.

    Raises `UsageError` if no symbol of that level holds it.
    """
    try:
        symbol = segno.make_qr(payload, error=level, boost_error=False)
    except segno.DataOverflowError:
        # segno's message quotes the payload.
        raise UsageError(
            "no QR symbol can hold this payload", "shorten the URL or the code"
        ) from None
    out = io.BytesIO()
    symbol.save(out, kind="png", scale=DOTS, border=QUIET_ZONE, dpi=DPI)
    version = int(symbol.version)
    return Sample(out.getvalue(), version, 17 + 4 * version, symbol.mode or "mixed", level)


def read(png: bytes) -> str:
    """What an independent decoder (zxing-cpp) reads in a picture made by `sample`.

    Raises `IntegrityError` if the picture is not such a PNG, or holds no QR symbol or several.
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
        with warnings.catch_warnings(action="ignore"), PngImageFile(io.BytesIO(png)) as picture:
            # What was read so far are chunks in front of the pixels. A picture of 100,000 dots
            # a side is a few kilobytes of PNG, so its size is refused before it is inflated.
            width, height = picture.size
            if picture.mode == "1" and 0 < width == height <= _MAX_PIXELS:
                pixels = np.asarray(picture).astype(np.uint8) * np.uint8(255)
    # Pillow documents none of what it raises for a file that is no PNG, or contradicts itself:
    # SyntaxError, struct.error and IndexError were seen. A stranger's picture is no bug of ours.
    except Exception:  # noqa: BLE001 - as above
        raise IntegrityError("the sample picture is damaged, or not a PNG") from None
    if pixels is None:
        raise IntegrityError("the sample picture is not a one-bit grey PNG")
    return pixels

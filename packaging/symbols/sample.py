"""One QR symbol (ISO/IEC 18004) as a picture, and the same picture read back."""

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import segno
import zxingcpp

from ...codegen.errors import IntegrityError, UsageError

LEVEL = "M"
QUIET_ZONE = 4  # modules, ISO/IEC 18004 clause 9.1
# 12 dots a module at 600 dpi: modules of 0.51 mm, exact at 300 dpi as well.
DOTS, DPI = 12, 600

_PNG = b"\x89PNG\r\n\x1a\n"
_MAX_PIXELS = 4_000


@dataclass(frozen=True)
class Sample:
    """A symbol as PNG. `modules` is its side without the quiet zone.

    `mode` is how the payload was encoded: `alphanumeric` (upper case, 5.5 bits a
    character) makes a smaller symbol than `byte`.
    """

    png: bytes
    version: int
    modules: int
    mode: str
    level: str


def sample(payload: str, level: str = LEVEL) -> Sample:
    """The QR symbol of `payload` (ASCII), quiet zone included, black on white.

    Raises `UsageError` where no symbol of that level holds it.
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

    Raises `IntegrityError` where the picture is not such a PNG, or not exactly one QR
    symbol is found in it.
    """
    # Plain QRCode would also report phantom Micro QR symbols.
    formats = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCodeModel2])
    found = zxingcpp.read_barcodes(_pixels(png), formats=formats)
    if len(found) != 1 or not found[0].valid:
        raise IntegrityError("no QR symbol, or not just one, can be read in the sample picture")
    return bytes(found[0].bytes).decode("ascii", "replace")


def _pixels(png: bytes) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """The grey picture (0 black, 255 white) of a one-bit grey PNG.

    Only the filters that `sample` writes, None and Up; a whole PNG library would be one
    more dependency.
    """
    chunks: dict[bytes, bytes] = {}
    at = len(_PNG)
    while png.startswith(_PNG) and at + 8 <= len(png):
        size, kind = struct.unpack_from(">I4s", png, at)
        chunks[kind] = chunks.get(kind, b"") + png[at + 8 : at + 8 + size]
        at += 12 + size
    header = chunks.get(b"IHDR", b"")
    if len(header) != 13:
        raise IntegrityError("the sample picture is not a PNG")
    width, height, *kind = struct.unpack(">IIBBBBB", header)
    if kind != [1, 0, 0, 0, 0] or not 0 < width == height <= _MAX_PIXELS:
        raise IntegrityError("the sample picture is not a one-bit grey PNG")
    row = 1 + (width + 7) // 8
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(chunks.get(b"IDAT", b""), row * height + 1)
    except zlib.error:
        raise IntegrityError("the sample picture is damaged") from None
    if len(raw) != row * height or not set(raw[::row]) <= {0, 2}:
        raise IntegrityError("the sample picture is damaged")
    table = np.frombuffer(raw, np.uint8).reshape(height, row)
    lines = table[:, 1:].copy()
    for index in range(1, height):
        if table[index, 0] == 2:
            lines[index] += lines[index - 1]
    return np.ascontiguousarray(np.unpackbits(lines, axis=1)[:, :width] * np.uint8(255))

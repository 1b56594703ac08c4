"""The content stream of a PDF page: its black, and how it is deflated. Pure; light to import."""

from isal import isal_zlib

BLACK = "0 g 0 G"
"""Black of the K plate alone, solid also where a device has only black and white.

DeviceGray 0 is black without C, M and Y in DeviceCMYK (ISO 32000-1, 10.3.3: k = 1 - gray). The
same ink as `0 0 0 1 k` is a dark grey to colour management, and Ghostscript's one-bit devices
screen it with white dots.
"""

MAX_CONTENT = 64 << 20  # bytes of a page

_DEFLATE = 2


def deflated(content: bytes) -> bytes:
    """A content stream for FlateDecode."""
    packed: bytes = isal_zlib.compress(content, _DEFLATE)
    return packed


def inflated(packed: bytes) -> bytes:
    """The content stream. Raises `ValueError` if it is damaged, or longer than `MAX_CONTENT`."""
    unpacker = isal_zlib.decompressobj()
    try:
        content = unpacker.decompress(packed, MAX_CONTENT)
    except isal_zlib.IsalError:  # type: ignore[misc] # its stubs give a value
        raise ValueError from None
    if not unpacker.eof:
        raise ValueError
    return bytes(content)

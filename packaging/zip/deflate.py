"""Deflate (RFC 1951) by ISA-L, in pieces that may be made apart and joined.

Every piece ends on a byte and refers to nothing before it; `LAST` ends the stream.
"""

import numpy as np
from isal import isal_zlib

LAST = b"\x03\x00"  # an empty final block
_LEVEL = 1

_NUMBERS = np.arange(1_000)


def deflate(data: bytes | memoryview) -> bytes:
    """A piece of a deflated stream. Releases the GIL."""
    packer = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -15)
    packed = bytes(packer.compress(data) + packer.flush(isal_zlib.Z_FULL_FLUSH))
    clear_vector_registers()
    return packed


def clear_vector_registers() -> None:
    """Make SSE code fast again in this thread, and in those that it starts.

    isal leaves the upper halves of the AVX registers in use (no VZEROUPPER); OpenSSL's SHA-1
    and SHA-256 then take three times as long. An addition by numpy clears them.
    """
    _NUMBERS.sum()

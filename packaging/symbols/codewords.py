"""Where the codewords of a symbol lie, and the eight bits of one learned from a single symbol.

Reed-Solomon coding (ISO/IEC 18004:2015, 7.5.2) is linear over GF(256): if a bit of a data codeword
changes error correction codewords by some e, the next higher bit changes them by 2e. So one bit of
each codeword has to be encoded, and the others follow.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .segno_encoder import Mode, Modules

_POLYNOMIAL = 0x11D  # 7.5.2: x^8 + x^4 + x^3 + x^2 + 1
_COUNTS = {Mode.NUMERIC: (10, 12), Mode.ALPHANUMERIC: (9, 11), Mode.BYTE: (8, 16)}  # table 3
_BITS = {Mode.NUMERIC: (0, 4, 7, 10), Mode.ALPHANUMERIC: (0, 6, 11), Mode.BYTE: (0, 8)}


def stream_bit(mode: Mode, version: int, characters: int) -> int:
    """The bit of the data codewords behind so many characters (7.4.1 to 7.4.5); version 1 to 26."""
    whole, rest = divmod(characters, mode.group)
    bits = _BITS[mode]
    return 4 + _COUNTS[mode][version > 9] + whole * bits[-1] + bits[rest]


def doubled(changed: Modules, version: int, times: int) -> Modules:
    """What a bit of a codeword changes, if one that is 2^`times` as high were changed instead.

    `changed`, (size, size), is what the bit itself changes. `times` is -7 to 7.
    """
    places = _places(version)
    bits = changed.reshape(-1)[places]
    words = np.packbits(bits[: len(bits) // 8 * 8]).astype(np.intp)
    for _ in range(times):
        words = words << 1 ^ (words >> 7) * _POLYNOMIAL
    for _ in range(-times):
        words = (words ^ (words & 1) * _POLYNOMIAL) >> 1
    found = np.zeros(changed.size, np.bool_)
    found[places[: len(words) * 8]] = np.unpackbits(words.astype(np.uint8))
    return found.reshape(changed.shape)


@lru_cache(maxsize=8)
def _places(version: int) -> NDArray[np.intp]:
    """The modules of the codewords' bits, in order, by their index: 7.7.3."""
    size = 17 + 4 * version
    taken = _function_modules(version)
    found = []
    for right in range(size - 1, 0, -2):
        # The vertical timing pattern is passed over.
        column = right - (right <= 6)
        upward = (column + 1) & 2 == 0
        for step in range(size):
            row = size - 1 - step if upward else step
            found += [row * size + at for at in (column, column - 1) if not taken[row, at]]
    return np.array(found, np.intp)


def _function_modules(version: int) -> Modules:
    """(size, size): the modules that hold no codeword: 6.3 and 7.9, 7.10."""
    size = 17 + 4 * version
    taken = np.zeros((size, size), np.bool_)
    taken[:9, :9] = taken[:9, -8:] = taken[-8:, :9] = True
    taken[6] = taken[:, 6] = True
    centres = _alignment(version)
    for row in centres:
        for column in centres:
            # Not where the finder patterns are.
            if (row, column) not in {(6, 6), (6, size - 7), (size - 7, 6)}:
                taken[row - 2 : row + 3, column - 2 : column + 3] = True
    if version >= 7:
        taken[:6, -11:-8] = taken[-11:-8, :6] = True
    return taken


def _alignment(version: int) -> list[int]:
    """The rows, and columns, of the centres of alignment patterns: annex E."""
    if version == 1:
        return []
    number = version // 7 + 2
    step = (version * 8 + number * 3 + 5) // (number * 4 - 4) * 2
    return [6, *(10 + 4 * version - step * at for at in reversed(range(number - 1)))]

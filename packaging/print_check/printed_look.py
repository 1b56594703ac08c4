"""Whether a symbol that was read is mirrored or light on dark: zxing-cpp reads both, and is silent.

Pure. Modules are sampled where the symbol's corners say that they lie. The position detection
patterns (ISO/IEC 18004:2015, 6.3.3) are the same mirrored: their dark and light modules say
whether the symbol is light on dark. The format information (7.9.1) is not: error correction level
and mask are known, so its two copies are known too, and stand in their places or in those of the
transposed symbol, which a mirrored one is.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_LEVELS = {"M": 0, "L": 1, "H": 2, "Q": 3}  # table 12
_GENERATOR, _XOR = 0x537, 0x5412  # annex C
_SURE = 4  # bits of the two copies of the format information: their least difference is 8
_CONTRAST = 12  # grey levels between dark and light
_WITHIN = (-0.2, 0.0, 0.2)  # of a module, around its centre
_MAX_SIZE = 177

Grey = NDArray[np.uint8]
Cells = list[tuple[int, int]]


class PrintedLook(NamedTuple):
    """How a symbol looks in a picture; None where the picture does not say."""

    mirrored: bool | None = None
    light_on_dark: bool | None = None


UNKNOWN = PrintedLook()


def look_of(grey: Grey, corners: Sequence[tuple[float, float]], extra: object) -> PrintedLook:
    """The look of a symbol whose `corners` are (x, y), clockwise from that of its own upper left.

    `extra`: what zxing-cpp says of it, Version, ECLevel and DataMask.
    """
    if not isinstance(extra, Mapping):
        return UNKNOWN
    try:
        size = 17 + 4 * int(str(extra["Version"]))
        bits = _format_bits(str(extra["ECLevel"]), int(str(extra["DataMask"])))
    except (KeyError, ValueError):
        return UNKNOWN
    place = _placing(corners, size)
    if place is None or size > _MAX_SIZE:
        return UNKNOWN
    dark, light = (_sampled(grey, place, cells) for cells in _finders(size))
    contrast = float(light.mean() - dark.mean())
    if abs(contrast) < _CONTRAST:
        return UNKNOWN
    between = float(light.mean() + dark.mean()) / 2
    wrong = [
        int(((_sampled(grey, place, cells) < between) ^ (contrast < 0) ^ bits).sum())
        for cells in (_format_cells(size), [(c, r) for r, c in _format_cells(size)])
    ]
    mirrored = None if abs(wrong[0] - wrong[1]) < _SURE else wrong[1] < wrong[0]
    return PrintedLook(mirrored, contrast < 0)


def _format_bits(level: str, mask: int) -> NDArray[np.bool_]:
    """Both copies of the format information, most significant bit first, dark is true."""
    data = _LEVELS[level] << 3 | mask
    rest = data << 10
    for bit in range(14, 9, -1):
        if rest >> bit & 1:
            rest ^= _GENERATOR << (bit - 10)
    text = f"{(data << 10 | rest) ^ _XOR:015b}"
    return np.array([bit == "1" for bit in 2 * text])


def _format_cells(size: int) -> Cells:
    """(row, column) of its bits, in the same order: figure 25."""
    first = [(8, at) for at in (0, 1, 2, 3, 4, 5, 7, 8)] + [(at, 8) for at in (7, 5, 4, 3, 2, 1, 0)]
    second = [(size - 1 - at, 8) for at in range(7)] + [(8, size - 8 + at) for at in range(8)]
    return first + second


def _finders(size: int) -> tuple[Cells, Cells]:
    """Dark and light modules of the three position detection patterns."""
    dark, light = [], []
    for top, left in ((0, 0), (0, size - 7), (size - 7, 0)):
        dark += [(top + row, left + column) for row in (2, 3, 4) for column in (2, 3, 4)]
        for at in range(1, 6):
            light += [(top + 1, left + at), (top + 5, left + at)]
            light += [(top + at, left + 1), (top + at, left + 5)]
    return dark, light


def _placing(corners: Sequence[tuple[float, float]], size: int) -> NDArray[np.float64] | None:
    """The projective map from modules (column, row) to pixels; None if there is none."""
    rows, right = [], []
    for (u, v), (x, y) in zip(((0, 0), (size, 0), (size, size), (0, size)), corners, strict=True):
        rows += [[u, v, 1, 0, 0, 0, -u * x, -v * x], [0, 0, 0, u, v, 1, -u * y, -v * y]]
        right += [x, y]
    try:
        found = np.linalg.solve(np.array(rows, float), np.array(right, float))
    except np.linalg.LinAlgError:
        return None
    return np.append(found, 1.0).reshape(3, 3)


def _sampled(grey: Grey, place: NDArray[np.float64], cells: Cells) -> NDArray[np.float64]:
    """The grey of modules (row, column): the mean of nine points around their centres."""
    rows, columns = np.array(cells, float).T[:, :, np.newaxis] + 0.5
    around = np.array([(down, across) for down in _WITHIN for across in _WITHIN]).T
    points = np.stack(
        np.broadcast_arrays(columns + around[1], rows + around[0], np.ones(around.shape[1]))
    )
    x, y, scale = np.tensordot(place, points, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        across, down = np.nan_to_num(x / scale), np.nan_to_num(y / scale)
    height, width = grey.shape
    lines = np.clip(down, 0, height - 1).astype(int), np.clip(across, 0, width - 1).astype(int)
    found: NDArray[np.float64] = grey[lines].mean(axis=1, dtype=np.float64)
    return found

"""Letters drawn as strokes: text for people in print files that hold no font.

Pure. A press wants every font embedded, a laser takes none at all; strokes serve both. A
glyph lies on a grid `WIDTH` wide and `HEIGHT` high, y upward from the baseline. Zero has
a dot, I has serifs, 1 a flag: they differ visibly whatever the alphabet.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Point = tuple[float, float]

WIDTH, HEIGHT = 4, 7  # units, of a capital
EM = 10  # units a point size stands for: a capital is 0.7 em high, as in common typefaces
ADVANCE = 5.6  # from a glyph to the next
PEN = 0.9  # the stroke's width

# Strokes as rows of points, each a digit for x and a digit for y.
_GLYPHS = {
    "0": "103041463717060110 2324",
    "1": "052720 1030",
    "2": "06173746450040",
    "3": "06173746453414 344341301001",
    "4": "30370242",
    "5": "470704344341301001",
    "6": "463717060110304143341403",
    "7": "074710",
    "8": "14050617374645341403011030414334",
    "9": "011030414637170604133344",
    "A": "002740 1333",
    "B": "00073746453404 3443413000",
    "C": "4637170601103041",
    "D": "00072745422000",
    "E": "47070040 0434",
    "F": "470700 0434",
    "G": "46371706011030414323",
    "H": "0007 4047 0444",
    "I": "1737 2720 1030",
    "J": "474130100102",
    "K": "0007 4703 1440",
    "L": "070040",
    "M": "0007244740",
    "N": "00074047",
    "O": "103041463717060110",
    "P": "00073746443303",
    "Q": "103041463717060110 2240",
    "R": "00073746443303 2340",
    "S": "463717060514344341301001",
    "T": "0747 2720",
    "U": "070110304147",
    "V": "072047",
    "W": "0710243047",
    "X": "0047 0740",
    "Y": "072447 2420",
    "Z": "07470040",
    " ": "",
    "-": "1333",
    ".": "2021",
    ",": "2110",
    "_": "0040",
    "~": "03143243",
    "/": "0047",
    ":": "2122 2425",
    "+": "0343 2125",
    "=": "0242 0444",
    "%": "0047 0616170706 3040413130",
    "(": "37262130",
    ")": "17262110",
}


def strokes(text: str) -> list[list[Point]]:
    """The strokes of a line of `text` from x 0 on; lower case is drawn as upper case.

    A character that has no glyph is left blank.
    """
    found = []
    for column, character in enumerate(text.upper()):
        for stroke in _GLYPHS.get(character, "").split():
            points = zip(stroke[::2], stroke[1::2], strict=True)
            found.append([(column * ADVANCE + int(x), float(int(y))) for x, y in points])
    return found


def drawable(text: str) -> bool:
    """Whether every character of `text` has a glyph."""
    return set(text.upper()) <= set(_GLYPHS)


def width(length: int) -> float:
    """Units that a line of so many characters takes, its pen included."""
    return max(0, length - 1) * ADVANCE + WIDTH + PEN


@lru_cache(maxsize=8_192)
def _drawn(character: str, column: int) -> str:
    parts = []
    for points in strokes(" " * column + character):
        parts += [f"{x:g} {y:g} {'l' if at else 'm'}" for at, (x, y) in enumerate(points)]
    return " ".join(parts)


def path(text: str) -> str:
    """The strokes of `text` as PDF path operators, to be painted with S."""
    return " ".join(_drawn(character, column) for column, character in enumerate(text))


class Stroke:
    """Many lines of the same length at once, as PDF path operators of a fixed width.

    Characters are `symbols`, ASCII.
    """

    def __init__(self, symbols: str, length: int) -> None:
        columns = [[_drawn(symbol, at) for symbol in symbols] for at in range(length)]
        self.slot = 1 + max(len(drawn) for column in columns for drawn in column)
        padded = "".join(drawn.ljust(self.slot) for column in columns for drawn in column)
        shape = (length, len(symbols), self.slot)
        self._table = np.frombuffer(padded.encode("ascii"), np.uint8).reshape(shape)
        self._rank = np.zeros(256, np.uint8)
        self._rank[np.frombuffer(symbols.encode("ascii"), np.uint8)] = np.arange(len(symbols))
        self._columns = np.arange(length)

    def __call__(self, text: Bytes) -> Bytes:
        """(n, length) characters as (n, length * slot) bytes."""
        drawn: Bytes = self._table[self._columns, self._rank[text]]
        return drawn.reshape(len(text), len(self._columns) * self.slot)

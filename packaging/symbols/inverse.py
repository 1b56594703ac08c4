"""From symbols back to codes, by the affine structure of affine.py: no error is corrected.

For the bulk of a large package, whose symbols are drawn again of what was read and must be
the same. What proves that a telephone reads them is another decoder (formats/reading.py).
"""

import numpy as np
from numpy.typing import NDArray

from .affine import Learned
from .segno_encoder import Modules

Ranks = NDArray[np.uint8]


class Inverse:
    """Reads the symbols that `learned` describes.

    Data modules of a symbol are payload bits, each alone (Reed-Solomon is systematic,
    ISO/IEC 18004, 7.5.2): every bit that codes change has a module of its own.
    """

    def __init__(self, learned: Learned, length: int, radix: int) -> None:
        self._length, self._radix = length, radix
        self._cells = learned.cells
        bases = learned.bases.reshape(len(learned.bases), -1)
        bits = np.concatenate([cell.basis for cell in learned.cells]).reshape(-1, bases.shape[1])
        among = bits.sum(axis=0, dtype=np.intp)
        # Modules that no code changes, and masks do.
        self._telling = np.flatnonzero((among == 0) & (bases != bases[0]).any(axis=0))
        self._signs = bases[:, self._telling]
        used = bits.any(axis=1)
        self._places = (bits & (among == 1)).argmax(axis=1)
        self._used = used
        self.works = bool(
            (bits[np.arange(len(bits)), self._places] & (among[self._places] == 1))[used].all()
        )
        self._bases = bases[:, self._places]
        self._values = []
        for cell in learned.cells:
            order = np.argsort(cell.values)
            self._values.append((cell.values[order], order))

    def ranks(self, modules: Modules) -> Ranks | None:
        """The codes of (n, size, size) modules as ranks, (n, length); None if one is none."""
        flat = modules.reshape(len(modules), -1)
        masks = self._masks(flat)
        bits = (flat[:, self._places] ^ self._bases[masks]) & self._used
        found = np.zeros((len(flat), self._length), np.uint8)
        first = 0
        for cell, (values, order) in zip(self._cells, self._values, strict=True):
            width = len(cell.basis)
            weights = np.uint32(1) << np.arange(width, dtype=np.uint32)
            said = bits[:, first : first + width] @ weights
            at = np.minimum(np.searchsorted(values, said), len(values) - 1)
            if (values[at] != said).any():
                return None
            index = order[at]
            for column in reversed(cell.columns):
                index, found[:, column] = np.divmod(index, self._radix)
            first += width
        return found

    def _masks(self, flat: NDArray[np.bool_]) -> NDArray[np.intp]:
        """The mask whose marks a symbol has; for one that has none, any."""
        told = flat[:, self._telling]
        wrong = [(told != signs).sum(axis=1) for signs in self._signs]
        found: NDArray[np.intp] = np.argmin(wrong, axis=0)
        return found

"""From symbols back to codes, by the affine structure of affine.py: no error is corrected.

For the bulk of a large package, whose symbols are encoded again from what was read and must be
the same. That a telephone reads them is proved by another decoder (formats/reading.py).
"""

import numpy as np
from numpy.typing import NDArray

from .affine import Learned
from .segno_encoder import Modules

Ranks = NDArray[np.uint8]


class Inverse:
    """Reads the symbols that `learned` describes.

    Reed-Solomon coding is systematic (ISO/IEC 18004:2015, 7.5.2): the data codewords stand
    unchanged in front of the error correction codewords, and 7.6 and 7.7 only place them. So
    every payload bit has a module that no other bit changes, and it is read there.
    """

    def __init__(self, learned: Learned, length: int, radix: int) -> None:
        self._length, self._radix = length, radix
        self._cells = learned.cells
        bases = learned.bases.reshape(len(learned.bases), -1)
        bits = np.concatenate([cell.basis for cell in learned.cells]).reshape(-1, bases.shape[1])
        changing = bits.sum(axis=0, dtype=np.intp)
        # Modules that masks change (7.8.2, and the format information of 7.9), and no code does.
        self._mask_modules = np.flatnonzero((changing == 0) & (bases != bases[0]).any(axis=0))
        self._mask_values = bases[:, self._mask_modules]
        self._used = bits.any(axis=1)
        self._bit_modules = (bits & (changing == 1)).argmax(axis=1)
        alone = bits[np.arange(len(bits)), self._bit_modules] & (changing[self._bit_modules] == 1)
        self.works = bool(alone[self._used].all())
        self._bases = bases[:, self._bit_modules]
        self._values = []
        for cell in learned.cells:
            order = np.argsort(cell.values)
            self._values.append((cell.values[order], order))

    def ranks(self, modules: Modules) -> Ranks | None:
        """The codes of (n, size, size) modules as ranks, (n, length).

        None if any of the symbols is not that of a code.
        """
        flat = modules.reshape(len(modules), -1)
        masks = self._masks(flat)
        bits = (flat[:, self._bit_modules] ^ self._bases[masks]) & self._used
        found = np.zeros((len(flat), self._length), np.uint8)
        first = 0
        for cell, (values, order) in zip(self._cells, self._values, strict=True):
            width = len(cell.basis)
            weights = np.uint32(1) << np.arange(width, dtype=np.uint32)
            read = bits[:, first : first + width] @ weights
            at = np.minimum(np.searchsorted(values, read), len(values) - 1)
            if (values[at] != read).any():
                return None
            index = order[at]
            for column in reversed(cell.columns):
                index, found[:, column] = np.divmod(index, self._radix)
            first += width
        return found

    def _masks(self, flat: NDArray[np.bool_]) -> NDArray[np.intp]:
        """The mask (7.8.2) of each symbol; any, for a symbol that was masked by none."""
        shown = flat[:, self._mask_modules]
        differing = [(shown != values).sum(axis=1) for values in self._mask_values]
        found: NDArray[np.intp] = np.argmin(differing, axis=0)
        return found

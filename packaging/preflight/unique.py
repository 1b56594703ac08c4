"""Whether a package holds a code twice: 8 bytes of memory a code."""

import numpy as np
import numpy.typing as npt

MAX_CODES = 16_000_000  # 128 MB

Hashes = npt.NDArray[np.uint64]


def hashes(codes: bytes, length: int) -> Hashes:
    """A 64-bit hash of each code (SplitMix64's finaliser over its words).

    Not cryptographic: equal hashes only name codes to compare.
    """
    table = np.frombuffer(codes, np.uint8).reshape(-1, length)
    words = -(-length // 8)
    padded = np.zeros((len(table), 8 * words), np.uint8)
    padded[:, :length] = table
    columns = padded.view("<u8")
    state = np.zeros(len(table), np.uint64)
    for column in range(words):
        state = (state ^ columns[:, column].astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    return state


class Repeats:
    """Gathers the hashes of up to `MAX_CODES` codes; `possible` is false beyond that."""

    def __init__(self, quantity: int) -> None:
        self.possible = quantity <= MAX_CODES
        self._hashes = np.empty(quantity if self.possible else 0, np.uint64)
        self._filled = 0

    def add(self, codes: bytes, length: int) -> None:
        """More codes; never more in all than the quantity."""
        if self.possible:
            new = hashes(codes, length)
            self._hashes[self._filled : self._filled + len(new)] = new
            self._filled += len(new)

    def suspects(self) -> Hashes:
        """The hashes that more than one code has, ascending."""
        known = self._hashes[: self._filled]
        known.sort()
        return np.unique(known[1:][known[1:] == known[:-1]])

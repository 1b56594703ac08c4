"""Whether a package holds a code twice: 8 bytes of memory per code.

In the first reading every code leaves a 64-bit hash. Only if two hashes are equal, the
package is read a second time, and the codes of those hashes are compared.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ...codegen.errors import IntegrityError
from ...codegen.ranges.serials import Ranges
from ..formats.format import Codes

MAX_CODES = 16_000_000  # 128 MB

Hashes = npt.NDArray[np.uint64]


def hashes(codes: bytes, length: int) -> Hashes:
    """A 64-bit hash of each code (SplitMix64's finaliser over its words).

    Not cryptographic: equal hashes only name the codes to compare.
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
    """Collects the hashes of up to `MAX_CODES` codes; `possible` is false for more codes."""

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


def require_unique(codes: Iterable[Codes], length: int, suspects: Hashes) -> None:
    """Compare all `codes` whose hashes are among `suspects`.

    Raises `IntegrityError` naming the serials of the first code that is there twice.
    """
    seen: dict[bytes, int] = {}
    for serials, part in codes:
        for index in np.flatnonzero(np.isin(hashes(part, length), suspects)):
            code = part[index * length : (index + 1) * length]
            serial = _serial_at(int(index), serials)
            if code in seen:
                raise IntegrityError(
                    f"serials {seen[code]} and {serial} carry the same code",
                    "do not print this package; keep it, and tell the people who made it",
                )
            seen[code] = serial


def _serial_at(index: int, serials: Ranges) -> int:
    for piece in serials:
        if index < len(piece):
            return piece.first + index
        index -= len(piece)
    raise IndexError

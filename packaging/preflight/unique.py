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
from ..formats.pairs import halves

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
    """Collects the hashes of up to `MAX_CODES` codes; `possible` is false for more codes.

    `quantity` labels have a code of each of the `lengths`.
    """

    def __init__(self, quantity: int, lengths: tuple[int, ...]) -> None:
        self.possible = quantity * len(lengths) <= MAX_CODES
        self._lengths = lengths
        self._hashes = np.empty(quantity * len(lengths) if self.possible else 0, np.uint64)
        self._filled = 0

    def add(self, codes: bytes) -> None:
        """The codes of more labels; never more in all than the quantity."""
        if not self.possible:
            return
        for part, length in self._parts(codes):
            new = hashes(part, length)
            self._hashes[self._filled : self._filled + len(new)] = new
            self._filled += len(new)

    def suspects(self) -> bool:
        """Whether several codes have the same hash."""
        return bool(len(self._repeated()))

    def require_unique(self, codes: Iterable[Codes]) -> None:
        """Compare all `codes` that have the same hash as another.

        Raises `IntegrityError` naming the serials of the first code that is there twice.
        """
        seen: dict[bytes, int] = {}
        suspects = self._repeated()
        for serials, labels in codes:
            for part, length in self._parts(labels):
                for index in np.flatnonzero(np.isin(hashes(part, length), suspects)):
                    code = part[index * length : (index + 1) * length]
                    _see(seen, code, _serial_at(int(index), serials))

    def _repeated(self) -> Hashes:
        """The hashes that more than one code has, ascending."""
        known = self._hashes[: self._filled]
        known.sort()
        return np.unique(known[1:][known[1:] == known[:-1]])

    def _parts(self, codes: bytes) -> Iterable[tuple[bytes, int]]:
        return zip(halves(codes, self._lengths), self._lengths, strict=True)


def _see(seen: dict[bytes, int], code: bytes, serial: int) -> None:
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

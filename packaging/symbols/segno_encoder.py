"""segno, used for single symbols: it alone decides what a symbol looks like.

It follows the steps of ISO/IEC 18004:2015, clause 7.1: analyse the data (7.3), encode it (7.4),
add error correction (7.5), interleave the blocks (7.6), place the codewords (7.7), mask them
(7.8), add format (7.9) and version information (7.10).
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import segno
from numpy.typing import NDArray

from ...codegen.errors import UsageError

Modules = NDArray[np.bool_]

ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"  # 7.4.4, table 5


class Mode(IntEnum):
    """Data modes (7.3), the most compact first: a payload has the mode of its worst character.

    segno does not mix modes in a payload (7.4.7).
    """

    NUMERIC = 0
    ALPHANUMERIC = 1
    BYTE = 2

    @property
    def group(self) -> int:
        """Characters that are encoded together: 7.4.3, 7.4.4 and 7.4.5."""
        return {Mode.NUMERIC: 3, Mode.ALPHANUMERIC: 2, Mode.BYTE: 1}[self]


def mode_of(text: str) -> Mode:
    """The mode that segno chooses for an ASCII `text` (7.3); `NUMERIC` if it is empty."""
    if all("0" <= character <= "9" for character in text):
        return Mode.NUMERIC
    return Mode.ALPHANUMERIC if set(text) <= set(ALPHANUMERIC) else Mode.BYTE


@dataclass(frozen=True)
class EncodedSymbol:
    """A symbol: `modules` is (size, size), dark is true, without the quiet zone."""

    modules: Modules
    version: int
    level: str
    mask: int


@dataclass(frozen=True)
class SegnoEncoder:
    """segno with the settings of a run.

    `level`: error correction (7.5.1), raised with `boost` as far as the version has room for
    it. `mask`: 0 to 7 (7.8.2), or None for the mask of the least penalty (7.8.3).
    """

    level: str
    boost: bool
    mask: int | None

    def encode(self, payload: str) -> EncodedSymbol:
        """The symbol of `payload`, in the smallest version that holds it.

        Raises `UsageError` if no version does.
        """
        try:
            symbol = segno.make_qr(
                payload, error=self.level, mask=self.mask, boost_error=self.boost
            )
        except segno.DataOverflowError:
            # segno's message is about the payload, and may quote it.
            raise UsageError(
                "no QR symbol can hold this payload", "shorten the URL or the code"
            ) from None
        return EncodedSymbol(
            _modules(symbol), int(symbol.version), str(symbol.error), int(symbol.mask)
        )


def encode_like(reference: EncodedSymbol, payload: bytes, mode: Mode, mask: int) -> Modules:
    """The symbol of `payload` in that mode and mask; version and level are the reference's."""
    symbol = segno.make_qr(
        payload,
        mode=mode.name,
        version=reference.version,
        error=reference.level,
        mask=mask,
        boost_error=False,
    )
    return _modules(symbol)


def _modules(symbol: segno.QRCode) -> Modules:
    return np.array([list(row) for row in symbol.matrix], dtype=np.bool_)

"""segno, asked for single symbols: the one encoder that decides what a symbol looks like."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import segno
from numpy.typing import NDArray

from ...codegen.errors import UsageError

Modules = NDArray[np.bool_]

ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"  # ISO/IEC 18004, table 5


class Mode(IntEnum):
    """Data modes, the most compact first: a payload's mode is that of its worst character.

    segno does not split a payload into segments of several modes.
    """

    NUMERIC = 0
    ALPHANUMERIC = 1
    BYTE = 2

    @property
    def group(self) -> int:
        """Characters that are encoded together."""
        return {Mode.NUMERIC: 3, Mode.ALPHANUMERIC: 2, Mode.BYTE: 1}[self]


def mode_of(text: str) -> Mode:
    """The mode that segno chooses for an ASCII `text`; `NUMERIC` for an empty one."""
    if all("0" <= character <= "9" for character in text):
        return Mode.NUMERIC
    return Mode.ALPHANUMERIC if set(text) <= set(ALPHANUMERIC) else Mode.BYTE


@dataclass(frozen=True)
class Drawn:
    """One symbol: `modules` is (size, size), dark is true, without the quiet zone."""

    modules: Modules
    version: int
    level: str
    mask: int


@dataclass(frozen=True)
class Oracle:
    """segno with the settings of a run: `level` asked, boosted where room allows or not."""

    level: str
    boost: bool
    mask: int | None

    def draw(self, payload: str) -> Drawn:
        """The symbol of `payload` as asked, in the smallest version that holds it.

        Raises `UsageError` where no version does.
        """
        try:
            symbol = segno.make_qr(
                payload, error=self.level, mask=self.mask, boost_error=self.boost
            )
        except segno.DataOverflowError:
            # segno's message is about one payload, and may quote it.
            raise UsageError(
                "no QR symbol can hold this payload", "shorten the URL or the code"
            ) from None
        return Drawn(_modules(symbol), int(symbol.version), str(symbol.error), int(symbol.mask))


def draw_like(like: Drawn, payload: bytes, mode: Mode, mask: int) -> Modules:
    """The symbol of `payload` in a given mode and mask, version and level as in `like`."""
    symbol = segno.make_qr(
        payload,
        mode=mode.name,
        version=like.version,
        error=like.level,
        mask=mask,
        boost_error=False,
    )
    return _modules(symbol)


def _modules(symbol: segno.QRCode) -> Modules:
    return np.array([list(row) for row in symbol.matrix], dtype=np.bool_)

"""QR symbols (ISO/IEC 18004:2015) of whole blocks of codes, bit-identical to segno's.

segno stays the encoder. It encodes a few hundred symbols, from which those of all codes are
computed (affine.py: 7.4 to 7.7), and the mask is chosen as segno chooses it (masks.py: 7.8.3).
If that does not apply, segno encodes every single symbol (rank_encoders.py): slower, never
different.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...codegen.errors import IntegrityError, UsageError
from .affine import Template
from .rank_encoders import Masks, Packed, Ranks, TableEncoder, encoder_of
from .segno_encoder import Mode, Modules, SegnoEncoder, mode_of

LEVELS = "LMQH"  # of error correction: 7.5.1

_NO_RANK = 255  # of a byte outside the alphabet


@dataclass(frozen=True)
class Symbols:
    """The symbols of n codes, in order, without their quiet zones.

    `packed` is (n, size, ceil(size/8)): a row per line of modules, dark is 1, most significant
    bit first, unused bits 0. `versions` and `masks` are (n,). A symbol of a smaller version
    than the largest (see `Encoder`) stands in the upper left corner, light around it.
    """

    packed: Packed
    versions: NDArray[np.uint8]
    masks: Masks

    def __len__(self) -> int:
        return len(self.packed)

    @property
    def size(self) -> int:
        """Modules per side."""
        return int(self.packed.shape[1])

    def modules(self, quiet_zone: int = 0) -> Modules:
        """(n, side, side), dark is true, `quiet_zone` light modules on every side."""
        bits = np.unpackbits(self.packed, axis=2, count=self.size).view(np.bool_)
        around = (quiet_zone, quiet_zone)
        return np.pad(bits, ((0, 0), around, around)) if quiet_zone else bits


class Encoder:
    """Encodes payloads `prefix` + code + `suffix`.

    Codes have `length` characters of `symbols`, ASCII. `mask` is 0 to 7 (7.8.2), or None for
    the mask with the least penalty (7.8.3). Every symbol equals that of
    `segno.make_qr(payload, error=level, mask=mask, boost_error=boost)`.

    `mode` and `version` are those of the largest symbol. Symbols have several modes only if the
    alphabet holds several classes of characters (digits; other alphanumeric characters; the
    rest) and prefix and suffix hold no worse class.

    Raises `UsageError` if the largest symbol needs more than `version_limit`.
    """

    def __init__(  # noqa: PLR0913 - a symbol has as many settings
        self,
        prefix: str,
        length: int,
        symbols: str,
        suffix: str = "",
        *,
        level: str = "M",
        mask: int | None = None,
        boost: bool = False,
        version_limit: int = 40,
    ) -> None:
        _check(length, symbols, level, mask)
        self.template = Template(prefix, length, symbols, suffix)
        self._ranking = _ranking(symbols)
        self._characters = np.frombuffer(symbols.encode("ascii"), dtype=np.uint8)
        self._worst = np.array([mode_of(symbol) for symbol in symbols], dtype=np.uint8)
        segno = SegnoEncoder(level, boost, mask)
        self._encoders = {
            mode: encoder_of(self.template, mode, segno, version_limit)
            for mode in _modes(self.template)
        }
        self._mode, encoder = max(
            self._encoders.items(), key=lambda item: (item[1].reference.version, item[0])
        )
        self.version = encoder.reference.version
        self.size = len(encoder.reference.modules)
        """Modules per side, without the quiet zone: 17 + 4 x version."""
        self.level = encoder.reference.level
        """As given, or higher with `boost`."""

    @property
    def mode(self) -> str:
        """`numeric`, `alphanumeric` or `byte` (7.3): a single segment, as segno writes it."""
        return self._mode.name.lower()

    @property
    def fast(self) -> bool:
        """Whether all symbols are computed; otherwise segno encodes each of them."""
        return all(isinstance(encoder, TableEncoder) for encoder in self._encoders.values())

    def encode(self, codes: bytes) -> Symbols:
        """The symbols of joined codes, `length` bytes each.

        Memory grows with the number of codes: give a block at a time. Safe to be called by
        several threads at once. Raises `IntegrityError` for bytes that are no such codes.
        """
        ranked = codes.translate(self._ranking)
        length = self.template.length
        if len(codes) % length or _NO_RANK in ranked:
            raise IntegrityError("codes do not have the length or the alphabet of the symbols")
        ranks = np.frombuffer(ranked, dtype=np.uint8).reshape(-1, length)
        if len(self._encoders) == 1:
            (encoder,) = self._encoders.values()
            packed, masks = encoder.encode(ranks)
            versions = np.full(len(ranks), encoder.reference.version, dtype=np.uint8)
            return Symbols(packed, versions, masks)
        return self._encode_mixed(ranks)

    def decode(self, modules: Modules) -> bytes | None:
        """The codes of such symbols, (n, size, size), dark is true; errors are not corrected.

        None if any of them is not the symbol of a code, or if they cannot be read by computation
        (not `fast`, or of several modes).
        """
        encoder = next(iter(self._encoders.values()))
        if len(self._encoders) > 1 or not isinstance(encoder, TableEncoder):
            return None
        ranks = encoder.read(modules)
        return None if ranks is None else self._characters[ranks].tobytes()

    def _encode_mixed(self, ranks: Ranks) -> Symbols:
        count = len(ranks)
        packed = np.zeros((count, self.size, (self.size + 7) // 8), dtype=np.uint8)
        versions, masks = np.zeros(count, dtype=np.uint8), np.zeros(count, dtype=np.uint8)
        modes = np.maximum(self._worst[ranks].max(axis=1), min(self._encoders))
        for mode, encoder in self._encoders.items():
            chosen = np.flatnonzero(modes == mode)
            part, masks[chosen] = encoder.encode(ranks[chosen])
            packed[chosen, : part.shape[1], : part.shape[2]] = part
            versions[chosen] = encoder.reference.version
        return Symbols(packed, versions, masks)


def _check(length: int, symbols: str, level: str, mask: int | None) -> None:
    if length < 1 or not symbols or not symbols.isascii():
        raise UsageError("codes of a symbol are ASCII, of one character or more")
    if len(level) != 1 or level not in LEVELS:
        raise UsageError("the error correction level is one of L, M, Q, H")
    if mask is not None and mask not in range(8):
        raise UsageError("the mask is a number from 0 to 7, or automatic")


def _ranking(symbols: str) -> bytes:
    """The table for `bytes.translate` from characters to ranks."""
    table = bytearray([_NO_RANK] * 256)
    for rank, symbol in enumerate(symbols.encode("ascii")):
        table[symbol] = rank
    return bytes(table)


def _modes(template: Template) -> set[Mode]:
    """The modes that payloads can have."""
    least = mode_of(template.payload(""))
    return {max(least, mode_of(symbol)) for symbol in template.symbols}

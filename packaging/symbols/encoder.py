"""QR symbols (ISO/IEC 18004:2015) of whole blocks of codes, bit-identical to segno's.

segno stays the encoder. It encodes a few hundred symbols, from which those of all codes are
computed (affine.py: 7.4 to 7.7), and the mask is chosen as segno chooses it (masks.py: 7.8.3).
If that does not apply (versions above `MAX_FAST_VERSION`, text beyond ASCII), or if a trial
gives another symbol than segno, segno encodes every single symbol: slower, never different.
"""

import hashlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...codegen.errors import IntegrityError, UsageError
from .affine import Tables, Template, learn, look_up
from .inverse import Inverse
from .masks import Penalties, blank_information
from .segno_encoder import EncodedSymbol, Mode, Modules, SegnoEncoder, encode_like, mode_of

MAX_FAST_VERSION = 10
LEVELS = "LMQH"  # of error correction: 7.5.1

_TRIALS = 8  # symbols compared with segno's before any is trusted
_NO_RANK = 255  # of a byte outside the alphabet
_BLOCK = 2_048  # symbols at a time: the look-ups' buffers stay in the second-level cache

Packed = NDArray[np.uint8]
Ranks = NDArray[np.uint8]
Masks = NDArray[np.uint8]


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


class _RankEncoder(Protocol):
    """Encodes codes whose symbols share mode, version and level: those of `reference`."""

    reference: EncodedSymbol

    def encode(self, ranks: Ranks) -> tuple[Packed, Masks]:
        """Packed symbols and masks of codes given as ranks in the alphabet, (n, length)."""


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
            mode: _encoder_of(self.template, mode, segno, version_limit)
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
        return all(isinstance(encoder, _TableEncoder) for encoder in self._encoders.values())

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
        if len(self._encoders) > 1 or not isinstance(encoder, _TableEncoder):
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


class _TableEncoder:
    """By tables learned from segno."""

    def __init__(
        self, template: Template, mode: Mode, reference: EncodedSymbol, segno: SegnoEncoder
    ) -> None:
        self.reference = reference
        self._radix = len(template.symbols)
        masks = range(8) if segno.mask is None else [segno.mask]
        learned = learn(
            lambda payload, mask: encode_like(reference, payload, mode, mask), template, mode, masks
        )
        self._cells = learned.cells
        self._inverse = Inverse(learned, template.length, self._radix)
        self._bases = _pack(learned.bases)
        self._mask = segno.mask
        self._packed = Tables(learned.cells, _pack)
        self._penalties = Penalties(len(reference.modules))
        if segno.mask is None:
            self._lines = Tables(learned.cells, self._penalties.represent)
            evaluated = self._penalties.represent(blank_information(learned.bases))
            self._evaluated = evaluated[:, :, np.newaxis]

    def encode(self, ranks: Ranks) -> tuple[Packed, Masks]:
        size = len(self.reference.modules)
        packed = np.empty((len(ranks), self._bases.shape[1]), dtype=np.uint8)
        masks = np.full(len(ranks), self._mask or 0, dtype=np.uint8)
        step = _BLOCK if self._mask is not None else self._penalties.block
        step = min(step, max(1, len(ranks)))
        spare = np.empty((step, packed.shape[1]), dtype=np.uint8)
        lines = np.empty((2, step, self._penalties.words), dtype=np.uint64)
        scratch = self._penalties.scratch(step)
        for first in range(0, len(ranks), step):
            part = slice(first, min(first + step, len(ranks)))
            count = part.stop - first
            indices = look_up(self._cells, ranks[part], self._radix)
            self._packed(indices, packed[part], spare[:count])
            base: Packed = self._bases[0]
            if self._mask is None:
                self._lines(indices, lines[0, :count], lines[1, :count])
                masks[part] = self._choose(lines[0, :count], scratch[:, :, :count])
                base = self._bases[masks[part]]
            packed[part] ^= base
        return packed.reshape(len(ranks), size, (size + 7) // 8), masks

    def read(self, modules: Modules) -> Ranks | None:
        """The ranks of symbols that are not packed: the inverse of `encode`, or None."""
        return self._inverse.ranks(modules) if self._inverse.works else None

    def _choose(self, lines: NDArray[np.uint64], scratch: NDArray[np.uint64]) -> Masks:
        """The first mask of the least penalty (7.8.3), (n,), of linear parts, (n, words)."""
        plain = np.ascontiguousarray(lines.T)
        evaluated = np.empty_like(plain)
        penalties = []
        for mask in self._evaluated:
            np.bitwise_xor(plain, mask, out=evaluated)
            penalties.append(self._penalties.evaluate(evaluated, scratch))
        best: Masks = np.argmin(penalties, axis=0).astype(np.uint8)
        return best


class _SingleEncoder:
    """By segno, each symbol on its own."""

    def __init__(self, template: Template, reference: EncodedSymbol, segno: SegnoEncoder) -> None:
        self.reference = reference
        self._template = template
        self._segno = segno

    def encode(self, ranks: Ranks) -> tuple[Packed, Masks]:
        size = len(self.reference.modules)
        packed = np.empty((len(ranks), size, (size + 7) // 8), dtype=np.uint8)
        masks = np.empty(len(ranks), dtype=np.uint8)
        for at, code in enumerate(ranks):
            symbol = self._segno.encode(self._template.payload(_text(self._template, code)))
            packed[at] = np.packbits(symbol.modules, axis=1)
            masks[at] = symbol.mask
        return packed, masks


def _encoder_of(
    template: Template, mode: Mode, segno: SegnoEncoder, version_limit: int
) -> _RankEncoder:
    """What encodes payloads of `mode`: by tables if the trial allows."""
    trials = _trials(template, mode)
    reference = segno.encode(template.payload(_text(template, trials[0])))
    if reference.version > version_limit:
        raise UsageError(
            f"the payload needs QR version {reference.version} at level {reference.level};"
            f" the limit is {version_limit}",
            "shorten the URL or the code, or lower the level",
            "upper case throughout makes smaller symbols",
        )
    slow = _SingleEncoder(template, reference, segno)
    if reference.version > MAX_FAST_VERSION or not template.sample.isascii():
        return slow
    fast = _TableEncoder(_restricted(template, mode), mode, reference, segno)
    pairs = zip(fast.encode(trials), slow.encode(trials), strict=True)
    return fast if all(np.array_equal(ours, theirs) for ours, theirs in pairs) else slow


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


def _restricted(template: Template, mode: Mode) -> Template:
    """The same ranks, but only characters that `mode` can encode."""
    allowed = [symbol for symbol in template.symbols if mode_of(symbol) <= mode]
    symbols = (symbol if symbol in allowed else allowed[0] for symbol in template.symbols)
    return Template(template.prefix, template.length, "".join(symbols), template.suffix)


def _trials(template: Template, mode: Mode) -> Ranks:
    """Codes, as ranks, that look random and make payloads of `mode`."""
    allowed = [rank for rank, symbol in enumerate(template.symbols) if mode_of(symbol) <= mode]
    worst = max(allowed, key=lambda rank: mode_of(template.symbols[rank]))
    stream = hashlib.shake_128(template.symbols.encode("ascii"))
    drawn = np.frombuffer(stream.digest(_TRIALS * template.length), dtype=np.uint8)
    ranks = np.array(allowed, dtype=np.uint8)[drawn % len(allowed)]
    ranks = ranks.reshape(_TRIALS, template.length)
    if mode_of(template.payload("")) < mode:
        ranks[np.arange(_TRIALS), np.arange(_TRIALS) % template.length] = worst
    return ranks


def _text(template: Template, ranks: Ranks) -> str:
    return "".join(template.symbols[rank] for rank in ranks)


def _pack(modules: Modules) -> Packed:
    """(n, size, size) modules as (n, size * ceil(size/8)) bytes: linear over GF(2)."""
    packed: Packed = np.packbits(modules, axis=2)
    return packed.reshape(len(modules), packed.shape[1] * packed.shape[2])

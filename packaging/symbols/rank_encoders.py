"""Encoders of codes that share mode, version and level: by tables, or by segno alone.

A template whose payloads can have several modes (ISO/IEC 18004:2015, 7.3) has an encoder for
each mode. Codes are given as ranks: each character by its index in the alphabet.
"""

import hashlib
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...codegen.errors import UsageError
from .affine import Tables, Template, learn, look_up
from .inverse import Inverse
from .masks import Penalties, blank_information
from .segno_encoder import EncodedSymbol, Mode, Modules, SegnoEncoder, encode_like, mode_of

MAX_FAST_VERSION = 10

_TRIALS = 8  # symbols compared with segno's before any is trusted
_BLOCK = 2_048  # symbols at a time: the look-ups' buffers stay in the second-level cache

Packed = NDArray[np.uint8]
Ranks = NDArray[np.uint8]
Masks = NDArray[np.uint8]


class RankEncoder(Protocol):
    """Encodes codes whose symbols share mode, version and level: those of `reference`."""

    reference: EncodedSymbol

    def encode(self, ranks: Ranks) -> tuple[Packed, Masks]:
        """Packed symbols and masks of codes given as ranks in the alphabet, (n, length)."""


class TableEncoder:
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
        """As `RankEncoder`."""
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
            # 7.4: encode the groups of characters.
            indices = look_up(self._cells, ranks[part], self._radix)
            # 7.5 to 7.7: error correction, interleaving and placement, all in the tables.
            self._packed(indices, packed[part], spare[:count])
            base: Packed = self._bases[0]
            if self._mask is None:
                # 7.8.3: evaluate the masks. The same linear part, as lines.
                self._lines(indices, lines[0, :count], lines[1, :count])
                masks[part] = self._choose(lines[0, :count], scratch[:, :, :count])
                base = self._bases[masks[part]]
            # 7.8.2, 7.9, 7.10: mask, format and version information.
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


class SingleEncoder:
    """By segno, each symbol on its own."""

    def __init__(self, template: Template, reference: EncodedSymbol, segno: SegnoEncoder) -> None:
        self.reference = reference
        self._template = template
        self._segno = segno

    def encode(self, ranks: Ranks) -> tuple[Packed, Masks]:
        """As `RankEncoder`."""
        size = len(self.reference.modules)
        packed = np.empty((len(ranks), size, (size + 7) // 8), dtype=np.uint8)
        masks = np.empty(len(ranks), dtype=np.uint8)
        for at, code in enumerate(ranks):
            symbol = self._segno.encode(self._template.payload(_text(self._template, code)))
            packed[at] = np.packbits(symbol.modules, axis=1)
            masks[at] = symbol.mask
        return packed, masks


def encoder_of(
    template: Template, mode: Mode, segno: SegnoEncoder, version_limit: int
) -> RankEncoder:
    """What encodes payloads of `mode`.

    By tables, unless the version is above `MAX_FAST_VERSION`, the text is not ASCII, or a trial
    gives another symbol than segno. Raises `UsageError` above `version_limit`.
    """
    trials = _trials(template, mode)
    reference = segno.encode(template.payload(_text(template, trials[0])))
    if reference.version > version_limit:
        raise UsageError(
            f"the payload needs QR version {reference.version} at level {reference.level};"
            f" the limit is {version_limit}",
            "shorten the URL or the code, or lower the level",
            "upper case throughout makes smaller symbols",
        )
    slow = SingleEncoder(template, reference, segno)
    if reference.version > MAX_FAST_VERSION or not template.sample.isascii():
        return slow
    fast = TableEncoder(_restricted(template, mode), mode, reference, segno)
    pairs = zip(fast.encode(trials), slow.encode(trials), strict=True)
    return fast if all(np.array_equal(ours, theirs) for ours, theirs in pairs) else slow


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

"""The symbols of a payload template as an affine function over GF(2).

With version, level, mode and mask fixed, every module is a constant plus a sum modulo 2 of
payload bits, by these clauses of ISO/IEC 18004:2015:

- 7.4.3 to 7.4.5: characters are encoded in groups, each as a number of a fixed width;
- 7.4.9, 7.4.10: terminator and padding are the same for all payloads of a length;
- 7.5.2: Reed-Solomon coding is linear over GF(256), and so over GF(2);
- 7.6, 7.7: interleaving and placement only permute bits;
- 7.8.2: a mask adds a constant; 7.9 and 7.10 add what depends on level, mask and version.

So the function is learned from an encoder, by a symbol per codeword that varies (codewords.py),
and computed for a block of codes by table look-up and XOR.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .codewords import doubled, stream_bit
from .segno_encoder import ALPHANUMERIC, Mode, Modules

# (payload, mask) -> symbol
Encode = Callable[[bytes, int], Modules]
Ranks = NDArray[np.uint8]
Indices = NDArray[np.intp]

_MAX_ENTRIES = 2_048  # of a table: beyond, look-ups miss the caches


@dataclass(frozen=True)
class Template:
    """Payloads `prefix` + code + `suffix`, ASCII; codes of `length` characters of `symbols`."""

    prefix: str
    length: int
    symbols: str
    suffix: str

    def payload(self, code: str) -> str:
        """The text that the symbol of `code` encodes."""
        return f"{self.prefix}{code}{self.suffix}"

    @property
    def sample(self) -> str:
        """The payload that all others are compared with."""
        return self.payload(self.symbols[0] * self.length)


@dataclass(frozen=True)
class Cell:
    """Neighbouring code characters, and what they change in the symbol.

    `values` has an entry for every combination of characters, the last character fastest. Its
    bits are the rows of `basis`, (bits, size, size), that are added to the sample's symbol.
    """

    columns: tuple[int, ...]
    values: NDArray[np.uint32]
    basis: Modules


@dataclass(frozen=True)
class Learned:
    """`bases`, (masks, size, size): the sample's symbol under each mask; and the cells."""

    bases: Modules
    cells: tuple[Cell, ...]


class Tables:
    """The linear part, ready for look-up, in a representation of whole symbols as rows.

    `represent` turns (n, size, size) modules into (n, width) words, linearly over GF(2).
    """

    def __init__(
        self, cells: Sequence[Cell], represent: Callable[[Modules], NDArray[np.unsignedinteger]]
    ) -> None:
        self._tables = [_expand(cell.values, represent(cell.basis)) for cell in cells]

    def __call__(
        self,
        indices: Sequence[Indices],
        out: NDArray[np.unsignedinteger],
        spare: NDArray[np.unsignedinteger],
    ) -> None:
        """Fill `out`, (n, width), with what the indices of `look_up` add up to."""
        for number, (table, index) in enumerate(zip(self._tables, indices, strict=True)):
            # Without a mode, numpy buffers `out`.
            table.take(index, axis=0, out=spare if number else out, mode="clip")
            if number:
                np.bitwise_xor(out, spare, out=out)


def look_up(cells: Sequence[Cell], ranks: Ranks, radix: int) -> list[Indices]:
    """Each cell's index, (n,), of codes given as ranks in the alphabet, (n, length)."""
    columns = np.ascontiguousarray(ranks.T, dtype=np.intp)
    indices = []
    for cell in cells:
        index = columns[cell.columns[0]]
        for column in cell.columns[1:]:
            index = index * radix
            index += columns[column]
        indices.append(index)
    return indices


def learn(encode: Encode, template: Template, mode: Mode, masks: Sequence[int]) -> Learned:
    """Learn from a symbol for each mask and a symbol for each data codeword that varies."""
    sample = template.sample.encode("ascii")
    # 7.4.3 to 7.4.5: the character that is encoded as the value 0.
    zero = b"\0" if mode is Mode.BYTE else b"0"
    blank = encode(zero * len(sample), masks[0])
    version = (len(blank) - 17) // 4
    # Data codeword → the bit of it that was encoded, and what that changes.
    known: dict[int, tuple[int, Modules]] = {}
    cells = []
    for first, last in _spans(template, mode):
        columns = [at - len(template.prefix) for at in range(first, last)]
        columns = [column for column in columns if 0 <= column < template.length]
        values = _values(template, mode, first, last, columns)
        values ^= values[0]
        used = int(np.bitwise_or.reduce(values))
        basis = np.zeros((used.bit_length(), *blank.shape), dtype=np.bool_)
        end = stream_bit(mode, version, last) - 1
        for bit in [bit for bit in range(len(basis)) if used >> bit & 1]:
            word, low = divmod(end - bit, 8)
            if word not in known:
                part = _characters(1 << bit, mode, last - first)
                payload = zero * first + part + zero * (len(sample) - last)
                known[word] = low, encode(payload, masks[0]) ^ blank
            before, changed = known[word]
            # The first bit of a codeword is its highest.
            basis[bit] = doubled(changed, version, before - low)
        cells.append(Cell(tuple(columns), values, basis))
    return Learned(np.stack([encode(sample, mask) for mask in masks]), tuple(cells))


def _expand(
    values: NDArray[np.uint32], basis: NDArray[np.unsignedinteger]
) -> NDArray[np.unsignedinteger]:
    """The sums of the rows of `basis` that the bits of `values` name, (n, width)."""
    # By bytes of the values: all sums of eight rows are made once, each by an addition.
    table = np.zeros((len(values), basis.shape[1]), dtype=basis.dtype)
    for first in range(0, len(basis), 8):
        sums = np.zeros((1, basis.shape[1]), dtype=basis.dtype)
        for row in basis[first : first + 8]:
            sums = np.concatenate([sums, sums ^ row])
        table ^= sums[values >> first & len(sums) - 1]
    return table


def _spans(template: Template, mode: Mode) -> Iterator[tuple[int, int]]:
    """[first, last) of the payload's groups that hold code characters.

    Groups are those of 7.4.3 to 7.4.5. A group may begin in the prefix or end in the suffix.
    Single bytes go in pairs as long as a table stays small.
    """
    start = len(template.prefix)
    stop, total = start + template.length, len(template.sample)
    width, origin = mode.group, 0
    if mode is Mode.BYTE and len(template.symbols) ** 2 <= _MAX_ENTRIES:
        width, origin, total = 2, start, stop
    for first in range(origin, total, width):
        last = min(first + width, total)
        if first < stop and last > start:
            yield first, last


def _values(
    template: Template, mode: Mode, first: int, last: int, columns: Sequence[int]
) -> NDArray[np.uint32]:
    """The number that the payload's characters [first, last) are encoded as (7.4.3 to 7.4.5).

    For every combination of the code characters among them.
    """
    characters = np.frombuffer(template.symbols.encode("ascii"), dtype=np.uint8)
    grid = np.stack(np.meshgrid(*[characters] * len(columns), indexing="ij"), axis=-1)
    text = np.empty((grid.size // len(columns), last - first), dtype=np.uint8)
    text[:] = np.frombuffer(template.sample.encode("ascii")[first:last], dtype=np.uint8)
    text[:, [len(template.prefix) + column - first for column in columns]] = grid.reshape(
        -1, len(columns)
    )
    if mode is Mode.BYTE:
        digit, radix = np.arange(256), 256
    else:
        digit, radix = np.zeros(256, dtype=np.intp), 10 if mode is Mode.NUMERIC else 45
        digit[list(ALPHANUMERIC.encode("ascii"))] = np.arange(45)
    values = np.zeros(len(text), dtype=np.uint32)
    for column in text.T:
        values = values * np.uint32(radix) + digit[column].astype(np.uint32)
    return values


def _characters(value: int, mode: Mode, count: int) -> bytes:
    """The `count` characters that are encoded as `value` (7.4.3 to 7.4.5)."""
    radix = {Mode.NUMERIC: 10, Mode.ALPHANUMERIC: 45, Mode.BYTE: 256}[mode]
    digits = []
    for _ in range(count):
        value, digit = divmod(value, radix)
        digits.append(digit)
    digits.reverse()
    if mode is Mode.BYTE:
        return bytes(digits)
    return "".join(ALPHANUMERIC[digit] for digit in digits).encode("ascii")

import math
import os
from collections import Counter

import pytest
from sealing import Seeded

from mintmark.codegen.codes.draw import draw, symbol_table
from mintmark.codegen.codes.spec import CodeSpec
from mintmark.codegen.errors import EnvironmentFailure
from mintmark.codegen.ids import SYMBOLS

ALPHABET_SIZES = [
    "AB",
    "ABC",
    "ABCDEFG",
    "digits",
    "clear",
    "crockford32",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~",
]


@pytest.mark.parametrize("size", range(1, 257))
def test_every_symbol_maps_from_equally_many_bytes(size):
    """The exact argument: over all 256 byte values, for every size an alphabet can have."""
    symbols = bytes(range(size))
    table, rejected = symbol_table(symbols)
    counts = Counter(bytes(range(256)).translate(table, rejected))
    assert set(counts) == set(symbols)
    assert set(counts.values()) == {256 // size}
    assert len(rejected) == 256 % size


def chi_square_bound(degrees, sigmas):
    """Wilson and Hilferty's approximation of the upper quantile, `sigmas` of a normal."""
    spread = 2 / (9 * degrees)
    return degrees * (1 - spread + sigmas * math.sqrt(spread)) ** 3


def chi_square(counts, cells, total):
    expected = total / cells
    seen = sum((count - expected) ** 2 for count in counts.values())
    return (seen + (cells - len(counts)) * expected**2) / expected


# 3.09 sigmas: significance 0.001, and reproducible. 6 sigmas: 10^-9, for what is not.
@pytest.mark.parametrize(("entropy", "sigmas"), [("seeded", 3.09), ("os", 6.0)])
@pytest.mark.parametrize("alphabet", ALPHABET_SIZES)
def test_symbols_and_neighbouring_pairs_are_uniform(alphabet, entropy, sigmas):
    spec = CodeSpec.of(alphabet, 16)
    size, codes = len(spec.symbols), 10_000
    drawn = draw(spec, codes, os.urandom if entropy == "os" else Seeded("chi"))
    assert chi_square(Counter(drawn), size, len(drawn)) < chi_square_bound(size - 1, sigmas)
    # Disjoint pairs inside a code, and those across the joint of two codes.
    inside, across = (drawn[::2], drawn[1::2]), (drawn[15:-1:16], drawn[16::16])
    for pairs in (zip(*inside, strict=True), zip(*across, strict=True)):
        counts = Counter(pairs)
        total = counts.total()
        if total < 5 * size**2:
            continue
        assert chi_square(counts, size**2, total) < chi_square_bound(size**2 - 1, sigmas)


def test_the_chi_square_notices_a_small_bias():
    """Reducing modulo 10 without rejection: six symbols 4 % too often."""
    biased = bytes(b"0123456789"[byte % 10] for byte in Seeded("bias")(160_000))
    assert chi_square(Counter(biased), 10, len(biased)) > chi_square_bound(9, 6.0)


@pytest.mark.parametrize("n", [0, 1, 2, 1000])
@pytest.mark.parametrize("length", [1, 7, 64])
def test_exactly_n_codes_are_drawn(n, length):
    spec = CodeSpec.of("clear", length)
    drawn = draw(spec, n, os.urandom)
    assert len(drawn) == n * length
    assert set(drawn.decode()) <= set(spec.symbols)


def test_unlucky_bytes_cost_another_draw():
    """All bytes of the first block but the first are rejected."""
    first = iter([b"\x07" + b"\xff" * 255, b"\x01" * 256])
    assert draw(CodeSpec.of("digits", 3), 1, lambda k: next(first)[:k]) == b"711"


BROKEN = {"useless": lambda k: b"\xff" * k, "empty": lambda _: b"", "short": lambda k: bytes(k - 1)}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_source_is_refused(broken):
    with pytest.raises(EnvironmentFailure):
        draw(CodeSpec.of("digits", 16), 10, broken)


def test_thirty_two_symbols_use_every_byte():
    spec = CodeSpec.of("crockford32", 16)
    block = Seeded("bytes")(4 * 16 + 64)
    drawn = draw(spec, 4, lambda k: block[:k])
    assert drawn == bytes(SYMBOLS.encode()[byte % 32] for byte in block[: 4 * 16])


def asked(symbols, codes, blocks):
    """How many bytes `draw` asks for, call by call; `blocks` are the usable bytes it gets."""
    sizes, left = [], iter(blocks)

    def entropy(k):
        sizes.append(k)
        return next(left).ljust(k, b"\xff")

    draw(CodeSpec.of(symbols, 3), codes, entropy)
    return sizes


def test_as_many_bytes_are_asked_for_as_it_takes_on_average():
    """Ten symbols reject 6 of 256 byte values. Asking for less would cost many small draws."""
    assert asked("digits", 1000, [bytes(3000)]) == [3000 * 256 // 250 + 64]


def test_only_what_is_missing_is_asked_for_again():
    assert asked("digits", 1000, [bytes(2000), bytes(1000)]) == [3136, 1000 * 256 // 250 + 64]

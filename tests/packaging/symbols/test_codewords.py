"""What a bit of a codeword changes in a symbol, from what another bit of it changes."""

import numpy as np
import pytest

from mintmark.packaging.symbols.codewords import doubled, stream_bit
from mintmark.packaging.symbols.segno_encoder import Mode, SegnoEncoder, encode_like


@pytest.mark.parametrize("level", "LMQH")
@pytest.mark.parametrize("version", range(1, 11))
def test_every_bit_of_a_byte_follows_from_one(version, level):
    segno = SegnoEncoder(level, boost=False, mask=0)
    text = "a" * (5 * version)
    reference = segno.encode(text)
    while reference.version < version:
        text += "a"
        reference = segno.encode(text)
    zeros = bytes(len(text))
    blank = encode_like(reference, zeros, Mode.BYTE, 3)
    at = len(text) // 2
    end = stream_bit(Mode.BYTE, reference.version, at + 1) - 1
    changes = [
        encode_like(reference, zeros[:at] + bytes([1 << bit]) + zeros[at + 1 :], Mode.BYTE, 3)
        ^ blank
        for bit in range(8)
    ]
    for bit, other in np.ndindex(8, 8):
        (word, low), (same, further) = divmod(end - bit, 8), divmod(end - other, 8)
        if word == same:
            got = doubled(changes[bit], reference.version, low - further)
            assert np.array_equal(got, changes[other])


@pytest.mark.parametrize("mode", Mode)
def test_groups_lie_where_the_standard_says(mode):
    """A character more begins where the one before ends; the whole is what 7.4 counts."""
    wanted = {Mode.NUMERIC: (14, 18, 21, 24), Mode.ALPHANUMERIC: (13, 19, 24, 30)}
    given = wanted.get(mode, (12, 20, 28, 36))
    assert tuple(stream_bit(mode, 9, number) for number in range(4)) == given
    assert stream_bit(mode, 10, 0) > stream_bit(mode, 9, 0)

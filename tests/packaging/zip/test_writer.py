"""The writer's passwords, and the pieces of which its deflated entries are made."""

import zlib

from hypothesis import given
from hypothesis import strategies as st

from mintmark.packaging.zip.deflate import LAST, deflate
from mintmark.packaging.zip.writer import new_password


@given(st.integers(1, 10**9))
def test_password_has_105_bits_that_are_easy_to_read_aloud(seed):
    drawn = []

    def entropy(count):
        drawn.append(count)
        return bytes((seed * (n + 1)) % 256 for n in range(count))

    text = new_password(entropy).reveal().decode("ascii")
    assert [len(group) for group in text.split("-")] == [4, 4, 4, 4, 4, 1]
    assert set(text) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ-")
    # 21 symbols, each from a byte of its own: 5 bits each.
    assert sum(drawn) == 21


def test_every_byte_of_entropy_moves_the_password():
    base = new_password(bytes).reveal()
    for at in range(21):
        drawn = bytes(1 if n == at else 0 for n in range(21))
        assert new_password(lambda _, drawn=drawn: drawn).reveal() != base


def test_deflated_pieces_are_a_single_stream():
    parts = [b"abc" * 1000, b"", b"x", bytes(100_000)]
    stream = b"".join(map(deflate, parts)) + LAST
    unpacker = zlib.decompressobj(-15)
    assert unpacker.decompress(stream) == b"".join(parts)
    assert unpacker.eof
    assert not unpacker.unused_data

"""The key that is pasted, and the words that are compared."""

import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.errors import UsageError
from mintmark.codegen.station.station_key import StationPublic, parse
from mintmark.codegen.station.words import WORDS, as_typed, words

KEY = st.binary(min_size=32, max_size=32)
HOME = "4F2K-AAAAAAAAAAAA"


@given(KEY, KEY)
def test_what_is_pasted_is_what_was_shown(sign, seal):
    public = StationPublic(sign, seal)
    assert parse(public.text) == public
    assert len(public.text) == 115
    broken = "\n  ".join((public.text[:40], public.text[40:80].lower(), public.text[80:]))
    assert parse(f" {broken} ") == public


@given(KEY, KEY, st.data())
def test_a_slip_is_seen(sign, seal, data):
    text = StationPublic(sign, seal).text
    at = data.draw(st.integers(6, len(text) - 1))
    other = data.draw(
        st.sampled_from([s for s in "0123456789ABCDEFGHJKMNPQRSTVWXYZ" if s != text[at]])
    )
    near = text[:at] + text[at + 1 : at + 2] + text[at] + text[at + 2 :]
    for slip in (text[:at] + other + text[at + 1 :], near, text[:at], text + "0", text[:-1]):
        if slip != text:
            with pytest.raises(UsageError) as caught:
                parse(slip)
            assert slip not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no station's key"),
        ("hall-2", "no station's key"),
        ("MMST2-0000", "another version"),
        ("MMST1-", "slip"),
        ("MMST1-" + "U" * 109, "slip"),
        ("MMST1-" + "Ａ" * 109, "slip"),
    ],
)
def test_what_is_no_station_key(text, why):
    with pytest.raises(UsageError, match=why):
        parse(text)


def test_it_is_as_the_format_says():
    """As docs/formats/keys.md describes it, worked out by another way."""
    sign, seal = bytes(range(32)), bytes(range(32, 64))
    check = hashlib.sha256(b"mintmark station key 1\0" + sign + seal).digest()[:4]
    bits = "".join(f"{byte:08b}" for byte in sign + seal + check) + "0"
    symbols = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    shown = "".join(symbols[int(bits[at : at + 5], 2)] for at in range(0, len(bits), 5))
    assert StationPublic(sign, seal).text == f"MMST1-{shown}"
    digest = hashlib.scrypt(
        HOME.encode() + bytes(32) + sign + seal,
        salt=b"mintmark station words 1",
        n=2**14,
        r=8,
        p=1,
        dklen=8,
        maxmem=2**26,
    )
    assert words(HOME, "00" * 32, sign, seal) == tuple(WORDS[byte] for byte in digest)


def test_each_word_is_told_by_its_first_letters():
    assert len(WORDS) == 256 == len({word[:4] for word in WORDS})
    assert all(word.isascii() and word.islower() and word.isalpha() for word in WORDS)


def test_the_words_depend_on_all_that_could_be_exchanged():
    """Home, founding, and both keys; else who exchanges one of them is not noticed."""
    given_ = (HOME, "ab" * 32, os.urandom(32), os.urandom(32))
    said = words(*given_)
    others = ("4F2K-AAAAAAAAAAAB", "ab" * 31 + "ac", os.urandom(32), os.urandom(32))
    for at, other in enumerate(others):
        assert words(*given_[:at], other, *given_[at + 1 :]) != said
    assert words(*given_) == said == as_typed(" ".join(said).title())

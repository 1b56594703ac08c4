"""A thief's time in words: the measured examples, every magnitude, and no word too long."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.codes import offline

ON = " of one data-centre GPU per code (6.6×10⁹ tries/s, measured 2026-11)"
SIZES = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "year": 365.25 * 86_400}
times = st.floats(1, 3e10) | st.integers(1, 10**10).map(float)


def read(text):
    """The seconds that words tell, by a parser of their own."""
    number, unit = re.fullmatch(r"about ([\d.,]+) ([a-z]+?)s?", text).groups()
    return float(number.replace(",", "")) * SIZES[unit]


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (40, "about 168 seconds"),
        (46, "about 3 hours"),
        (50, "about 2 days"),
        (52, "about 8 days"),
        (80 - math.log2(10**8), "about 21 days"),
        (53.42, "about 21 days"),
    ],
)
def test_what_was_measured(bits, words):
    assert offline.told(bits) == words + ON
    assert offline.seconds(bits) == pytest.approx(2**bits / 6.55e9, abs=0.05)


YEAR = 365.25 * 86_400


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "less than a second"),
        (0.999, "less than a second"),
        (1.0, "about 1 second"),
        (1.5, "about 1.5 seconds"),
        (9.98, "about 10 seconds"),
        (10.8, "about 10 seconds"),
        (297.0, "about 297 seconds"),
        (297.1, "about 5 minutes"),
        (300.0, "about 5 minutes"),
        (3_540.0, "about 59 minutes"),
        (3_600.0, "about 60 minutes"),
        (7_200.0, "about 2 hours"),
        (99_000.0, "about 27 hours"),
        (2 * 86_400.0, "about 2 days"),
        (2.46 * 86_400, "about 2.4 days"),
        (700 * 86_400.0, "about 700 days"),
        (2 * YEAR, "about 2 years"),
        (999 * YEAR, "about 999 years"),
        (1_000 * YEAR, "about 1,000 years"),
        (1_001 * YEAR, "more than 1,000 years"),
        (1e100, "more than 1,000 years"),
        # A hundredth too long exactly, and a unit that were a second longer.
        (300 / 1.01, "about 5 minutes"),
        (100 / 1.01, "about 100 seconds"),
        (74_862.0, "about 21 hours"),
        (1_796_436.0, "about 21 days"),
        (656_148_119.0, "about 21 years"),
    ],
)
def test_every_magnitude_has_its_unit(seconds, words):
    assert offline.words(seconds) == words


@given(times)
def test_words_never_flatter(seconds):
    told = read(offline.words(seconds))
    assert told <= seconds * 1.01 + 1e-9
    assert told >= seconds * 0.9


@given(times, times)
def test_more_time_is_told_as_more_or_the_same(one, two):
    less, more = sorted((one, two))
    assert read(offline.words(less)) <= read(offline.words(more)) + 1e-6


@given(st.floats(-400, 5_000))
def test_any_strength_has_a_time(bits):
    assert math.isfinite(offline.seconds(bits))
    assert offline.told(bits).endswith(ON)


@given(st.floats(33, 64))
def test_a_bit_more_is_twice_the_time(bits):
    assert offline.seconds(bits + 1) == pytest.approx(2 * offline.seconds(bits), abs=0.2)


def test_seconds_are_told_to_a_tenth():
    assert [offline.seconds(bits) for bits in (0, 33, 40)] == [0.0, 1.3, 167.9]


def test_a_thousand_bits_are_the_most_that_are_reckoned_with():
    assert offline.seconds(1_000) == offline.seconds(1_001) == 2**1_000 / 6.55e9
    assert offline.seconds(999) < offline.seconds(1_000)

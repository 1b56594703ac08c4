"""What spreadsheets do to codes: counted here code by code, and by patterns of their own."""

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.codes import spreadsheets
from mintmark.codegen.codes.spec import ALPHABETS, CodeSpec

MONTHS = (
    "(?:JAN(?:UARY)?|FEB(?:RUARY)?|MAR(?:CH)?|APR(?:IL)?|MAY|JUNE?|JULY?|AUG(?:UST)?"
    "|SEP(?:T(?:EMBER)?)?|OCT(?:OBER)?|NOV(?:EMBER)?|DEC(?:EMBER)?)"
)
DAY = "(?:0?[1-9]|[12][0-9]|3[01])"
YEAR = "(?:[0-9]{2}|[0-9]{4})"
EATEN = re.compile(
    "|".join(
        [
            "0[0-9]{1,10}",
            "[0-9]{12,}",
            "[0-9]+E0*(?:[0-2]?[0-9]?[0-9]|30[0-7])",
            f"{MONTHS}(?:{DAY}|{YEAR})",
            f"{DAY}{MONTHS}{YEAR}?",
            "TRUE|FALSE",
            "-.*",
            r"(?=.*[.])(?=.*[0-9])[0-9]*[.][0-9]*",
        ]
    )
)


def naive(spec):
    """How many of all codes of `spec` a spreadsheet changes."""
    every = map("".join, product(spec.symbols, repeat=spec.length))
    return sum(EATEN.fullmatch(code) is not None for code in every)


@pytest.mark.parametrize(
    ("alphabet", "length"),
    [
        ("digits", 1), ("digits", 2), ("digits", 5), ("hex", 2), ("hex", 4), ("hex", 5),
        ("crockford32", 3), ("clear", 4), ("custom:DEC12", 4), ("custom:DEC12", 7),
        ("custom:FEB01", 6), ("custom:SEPT1", 7), ("custom:MARCH3", 6), ("custom:MAY12", 8),
        ("custom:TRUE", 4), ("custom:FALSE12", 5), ("custom:0E", 12),
        ("custom:3E", 12), ("custom:1E", 9), ("custom:-12", 5), ("custom:.012", 6),
        ("custom:.-1E", 5), ("custom:12", 12), ("custom:AB", 8),
    ],
)  # fmt: skip
def test_the_count_is_exact(alphabet, length):
    spec = CodeSpec.of(alphabet, length)
    assert sum(shape.strings for shape in spreadsheets.shapes(spec)) == naive(spec)
    assert spreadsheets.share(spec) == naive(spec) / spec.space


@given(
    st.sets(st.sampled_from("012349ABCDEFMNORSTVY-."), min_size=2, max_size=6), st.integers(1, 5)
)
def test_any_alphabet_is_counted_exactly(symbols, length):
    spec = CodeSpec.of("custom:" + "".join(sorted(symbols)), length)
    assert sum(shape.strings for shape in spreadsheets.shapes(spec)) == naive(spec)


@given(st.sampled_from([*ALPHABETS, "custom:-.0E", "custom:ABC"]), st.integers(1, 64))
def test_examples_are_of_their_shape(alphabet, length):
    for shape in spreadsheets.shapes(CodeSpec.of(alphabet, length)):
        assert EATEN.fullmatch(shape.example)
        assert shape.strings > 0


@pytest.mark.parametrize(
    ("alphabet", "length", "quantity", "words"),
    [
        ("digits", 16, 1_000, "every code is a number of 16 digits"),
        ("digits", 16, 1_000, "makes digits after the 15th zero"),
        ("digits", 12, 1_000, "1.23E+11:"),
        ("digits", 12, None, "every code"),
        ("digits", 10, 1_000, "about 100 of 1,000 codes will look like a number with zeros"),
        ("digits", 10, None, "one of 10 codes"),
        ("hex", 12, 100_000, "about 438 of 100,000 codes"),
        ("crockford32", 8, 100_000, "about 3 of 100,000 codes"),
        ("crockford32", 8, 10_000, "with a probability of 27% one of 10,000 codes"),
        ("crockford32", 16, 100_000_000, "about 1 of 100,000,000 codes"),
        ("custom:DEC2FB1", 4, 1_000, "(like DEC2)"),
        ("custom:ABCDEF-", 16, 700, "about 100 of 700 codes will look like a formula"),
    ],
)
def test_a_batch_whose_codes_are_changed_is_told(alphabet, length, quantity, words):
    (said,) = spreadsheets.cautions(CodeSpec.of(alphabet, length), quantity)
    assert words in said
    # `clear` has eight digits among 23 symbols: more than crockford32, ten among 32.
    better = ", or --alphabet clear" * ((alphabet, length) != ("crockford32", 16))
    assert said.endswith(f"take the profile xlsx{better}")


@pytest.mark.parametrize(
    ("alphabet", "length", "quantity"),
    [
        ("crockford32", 16, 1_000_000),
        ("crockford32", 16, None),
        ("clear", 16, 1_000_000),
        ("clear", 10, 100_000_000),
        ("hex", 40, 1_000_000),
        ("custom:ABCDF", 16, 100_000_000),
    ],
)
def test_other_batches_are_not(alphabet, length, quantity):
    assert spreadsheets.cautions(CodeSpec.of(alphabet, length), quantity) == ()


def test_clear_is_not_recommended_to_itself():
    (said,) = spreadsheets.cautions(CodeSpec.of("clear", 16), 100_000_000)
    assert said.endswith("or take the profile xlsx")


def test_how_often_a_given_word_stands_in_a_code():
    assert spreadsheets.word_one_in(CodeSpec.of("crockford32", 16)) == round(32**3 / 14)
    assert spreadsheets.word_one_in(CodeSpec.of("crockford32", 16), letters=4) == round(32**4 / 13)
    assert spreadsheets.word_one_in(CodeSpec.of("clear", 16)) is None
    assert spreadsheets.word_one_in(CodeSpec.of("digits", 16)) is None
    assert spreadsheets.word_one_in(CodeSpec.of("hex", 2)) is None
    # Counted: the places where one word stands, in all codes.
    spec = CodeSpec.of("custom:ABET", 6)
    every = ("".join(code) for code in product(spec.symbols, repeat=6))
    places = sum(code.count("BET") for code in every)
    assert spreadsheets.word_one_in(spec) == spec.space // places

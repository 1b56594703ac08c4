"""Dummy codes: unique, known again as dummies, and of the shapes that spreadsheets change."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.codes.spec import CodeSpec
from mintmark.codegen.errors import UsageError
from mintmark.codegen.ranges.serials import Range
from mintmark.packaging.formats.dummy import (
    DUMMY_SYMBOLS,
    all_dummies,
    dummy_codes,
    dummy_source,
    serial_of,
)

ALL_DIGITS, ZEROS = r"[0-9]+", r"0[0-9]+"
SCIENTIFIC, MONTH = r"[0-9]+E[0-9]+", r"(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)[0-9].*"


def made(alphabet, length, number):
    (_, codes), *more = dummy_source(alphabet, length)(Range(1, number))
    assert not more
    text = codes.decode("ascii")
    return [text[at : at + length] for at in range(0, len(text), length)]


@pytest.mark.parametrize("length", [4, 6, 8, 12, 16, 20, 64])
@pytest.mark.parametrize("number", [7, 50])
def test_the_first_dummies_have_every_shape(length, number):
    codes = made("crockford32", length, number)
    for shape in (ALL_DIGITS, ZEROS, SCIENTIFIC, MONTH, "DEC2.*", "FEB1.*", "[1-9][0-9]*"):
        assert any(re.fullmatch(shape, code) for code in codes), shape
    assert codes[0] == "TEST"[: length - 1] + "1".zfill(length - min(length - 1, 4))


def test_the_dummies_of_16_symbols():
    assert made("crockford32", 16, 8) == [
        "TEST000000000001", "0000000000000002", "2222222222222E22", "DEC2222222222222",
        "2222222222222222", "FEB1222222222222", "TEST000000000007", "TEST000000000008",
    ]  # fmt: skip
    assert made("crockford32", 4, 6) == ["TES1", "0002", "2E22", "DEC2", "2222", "FEB1"]


@pytest.mark.parametrize(
    ("alphabet", "shapes"),
    [
        ("digits", {2, 5}),
        ("hex", {2, 3, 4, 5, 6}),
        ("clear", {5}),
        ("custom:ACDEFH", set()),
        ("custom:AB-2", {5, 7}),
        ("custom:13579", set()),
    ],
)
def test_only_shapes_that_the_alphabet_allows(alphabet, shapes):
    codes, spec = made(alphabet, 12, 9), CodeSpec.of(alphabet, 12)
    counted = dummy_codes(Range(1, 9), 12, digits=spec.symbols.isdigit()).decode("ascii")
    for serial, code in enumerate(codes, 1):
        if serial not in shapes:
            assert code == counted[(serial - 1) * 12 : serial * 12]
        else:
            assert set(code) <= set(spec.symbols)


@pytest.mark.parametrize(
    ("length", "serials"), [(4, {2, 3, 4, 6}), (5, {2, 3, 4, 6}), (12, {2, 3, 5}), (16, {2, 3, 5})]
)
def test_spreadsheets_change_them(length, serials):
    codes = made("crockford32", length, 7)
    eaten = re.compile(
        f"0[0-9]+|[0-9]{{12,}}|{SCIENTIFIC}|(?:DEC|FEB)(?:[0-9]|[12][0-9])", re.ASCII
    )
    assert {at for at, code in enumerate(codes, 1) if eaten.fullmatch(code)} == serials


@given(
    st.sampled_from(["digits", "hex", "crockford32", "clear", "custom:ACDEFH", "custom:AB-2"]),
    st.integers(2, 20),
    st.data(),
)
def test_dummies_are_unique_and_known_again(alphabet, length, data):
    number = data.draw(st.integers(1, min(10 ** (length - 1) - 1, 1_200)))
    codes = made(alphabet, length, number)
    assert len({*codes}) == number
    assert {len(code) for code in codes} == {length}
    symbols = {*CodeSpec.of(alphabet, length).symbols, *DUMMY_SYMBOLS}
    assert set("".join(codes)) <= symbols
    first = data.draw(st.integers(1, number))
    last = data.draw(st.integers(first, number))
    part = "".join(codes[first - 1 : last]).encode("ascii")
    assert all_dummies(Range(first, last), part, length)
    assert not all_dummies(Range(first, last), part + b"0" * length, length)
    assert not all_dummies(Range(first, last), part[:-1] + b"X", length)
    assert not all_dummies(Range(first + 1_000, last + 1_000), part, length)
    if length >= 8:
        assert [serial_of(code) for code in codes[first - 1 : last]] == [*range(first, last + 1)]


@pytest.mark.parametrize("digits", [True, False])
def test_dummies_of_earlier_versions_are_known_too(digits):
    codes = dummy_codes(Range(1, 12), 16, digits=digits)
    assert all_dummies(Range(1, 12), codes, 16)


def test_what_is_no_dummy():
    assert not all_dummies(Range(1, 1), b"7K3M9QX2C4DEFGH0", 16)
    assert not all_dummies(Range(2, 3), b"0000000000000002DEC2222222222222", 16)
    assert not all_dummies(Range(8, 9), b"", 16)
    assert not all_dummies(Range(3, 3), b"222E22", 16)
    for code in ("7K3M9QX2C4DEFGH0", "", "TEST", "222222", "DEC3222222222222", "TEST0"):
        assert serial_of(code) in {None, 5 if code == "222222" else None}


def test_more_than_fit_are_refused():
    with pytest.raises(UsageError, match="at most 99 codes"):
        made("crockford32", 3, 100)
    assert not all_dummies(Range(99, 100), b"T99100", 3)

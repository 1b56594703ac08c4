"""GS1's own examples, and the arithmetic of blocks for any prefix."""

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen import sscc
from mintmark.codegen.errors import UsageError

# The check digit calculator of gs1.org; EPC Tag Data Standard 2.0, section 7.3; GS1 Digital Link
# Standard: URI Syntax 1.4.1, section 6.
EXAMPLES = (
    ("7610425", 3, 2123456, "376104250021234569"),
    ("0614141", 1, 234567890, "106141412345678908"),
)
prefixes = st.from_regex(r"[0-9]{4,12}", fullmatch=True).filter(lambda text: text.strip("0"))


@st.composite
def numbers(draw):
    prefix = draw(prefixes)
    return prefix, draw(st.integers(0, 9)), draw(st.integers(0, sscc.largest(prefix)))


@pytest.mark.parametrize(("prefix", "extension", "reference", "text"), EXAMPLES)
def test_the_numbers_that_gs1_prints(prefix, extension, reference, text):
    assert sscc.build(prefix, extension, reference) == text
    assert sscc.is_sscc(text)


@given(st.from_regex(r"[0-9]{12}", fullmatch=True))
def test_another_library_computes_the_same_check_digit(digits):
    symbol = zxingcpp.create_barcode(digits, zxingcpp.BarcodeFormat.EAN13)
    assert symbol.text == f"{digits}{sscc.check_digit(digits)}"


@given(numbers())
def test_an_sscc_holds_extension_prefix_and_reference(parts):
    prefix, extension, reference = parts
    text = sscc.build(prefix, extension, reference)
    assert sscc.is_sscc(text)
    assert text.startswith(f"{extension}{prefix}")
    assert int(text[1 + len(prefix) : 17]) == reference
    assert sscc.of_number(sscc.number_of(text)) == text


@given(numbers(), st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_shows(parts, place, off):
    text = sscc.build(*parts)
    wrong = f"{text[:place]}{(int(text[place]) + off) % 10}{text[place + 1 :]}"
    assert not sscc.is_sscc(wrong)
    assert sscc.looks_like(wrong) == bool(wrong.strip("0"))


@given(prefixes, st.integers(0, 9), st.integers(1, 10**8))
def test_a_block_ends_where_its_digits_do(prefix, extension, quantity):
    last = sscc.largest(prefix) + 1 - quantity
    if last >= 0:
        sscc.check_block(prefix, extension, last, quantity)
        assert len(sscc.build(prefix, extension, last + quantity - 1)) == sscc.DIGITS
    with pytest.raises(UsageError):
        sscc.check_block(prefix, extension, last + 1, quantity)


@pytest.mark.parametrize(
    ("prefix", "extension", "first"),
    [
        ("690", 0, 0),
        ("6901234567890", 0, 0),
        ("0000", 0, 0),
        ("69o1234", 0, 0),
        ("６９０１２３４", 0, 0),
        ("6901234 ", 0, 0),
        ("", 0, 0),
        ("6901234", 10, 0),
        ("6901234", -1, 0),
        ("6901234", 0, -1),
        ("6901234", 0, 10**9),
    ],
)
def test_no_block(prefix, extension, first):
    with pytest.raises(UsageError) as refused:
        sscc.check_block(prefix, extension, first, 1)
    assert refused.value.hints


@pytest.mark.parametrize("text", ["0" * 18, "1" * 17, "37610425002123456９", "37610425002123456 9"])
def test_no_sscc(text):
    assert not sscc.is_sscc(text)

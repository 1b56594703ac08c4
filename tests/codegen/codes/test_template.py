"""The payload template: where it puts the code, and what a GS1 Digital Link demands of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.codes.template import (
    BARE,
    TEMPLATE_CHARACTERS,
    check,
    check_codes,
    digital_link,
    gtin14,
    payload,
)
from mintmark.codegen.errors import UsageError

URI = "ABCXYZabcxyz0189-._~:/?#[]@!$&'()*+,;=%"


@given(st.text(URI, max_size=40), st.text(URI, max_size=40), st.text("0AZ9", min_size=1))
def test_a_template_of_uri_characters_puts_the_code_in_its_place(before, after, code):
    template = check(before + "{code}" + after)
    assert payload(template, code) == before + code + after


def test_bare_template_is_the_code():
    assert payload(check(BARE), "7K3M") == "7K3M"


@pytest.mark.parametrize(
    "template",
    [
        "",
        "https://q.example.cn/",
        "{code}{code}",
        "https://q.example.cn/{CODE}",
        "https://q.example.cn/{code}/{serial}",
        "{{code}}",
        "{code}}",
        "https://q.example.cn/{0}{code}",
        "https://q.example.cn/ {code}",
        "https://q.example.cn/{code}\n",
        "https://q.example.cn/{code}\r\n=1+1",
        'https://q.example.cn/"{code}',
        "https://q.example.cn\\{code}",
        "https://q.例子.cn/{code}",
        "https://q.example.cn/{code}\x00",
        "https://q.example.cn/{code}\x7f",
        "x" * (TEMPLATE_CHARACTERS - 5) + "{code}",
    ],
)
def test_other_templates_are_refused(template):
    with pytest.raises(UsageError):
        check(template)


def test_longest_template_passes():
    assert check("x" * (TEMPLATE_CHARACTERS - 6) + "{code}")


@given(st.text(max_size=30))
def test_whatever_passes_is_printable_ascii_with_a_single_placeholder(text):
    try:
        check(text + "{code}")
    except UsageError:
        return
    assert text.isascii()
    assert text.isprintable()
    assert not set(text) & set(' {}"\\<>^`|')


# GTINs whose check digits others computed: examples of GS1 and of encyclopaedias.
@pytest.mark.parametrize("gtin", ["6291041500213", "00614141123452", "96385074", "036000291452"])
def test_a_gtin_is_padded_to_14_digits(gtin):
    assert gtin14(gtin) == gtin.zfill(14)
    assert gtin14(gtin.zfill(14), whole=True) == gtin.zfill(14)


@given(st.text("0123456789", min_size=13, max_size=13), st.integers(1, 9))
def test_only_a_single_check_digit_is_right(body, off):
    total = sum(int(digit) * (3 if at % 2 == 0 else 1) for at, digit in enumerate(body))
    right = -total % 10
    assert gtin14(f"{body}{right}") == f"{body}{right}"
    with pytest.raises(UsageError, match=f"{right} is due"):
        gtin14(f"{body}{(right + off) % 10}")


@pytest.mark.parametrize("gtin", ["", "1234567", "629104150021٣", "62910415002-3", "0" * 15])
def test_other_texts_are_no_gtin(gtin):
    with pytest.raises(UsageError, match="digits"):
        gtin14(gtin)
    with pytest.raises(UsageError, match="14 digits"):
        gtin14("6291041500213", whole=True)


def test_a_digital_link_takes_codes_of_20_characters_of_set_82():
    link = digital_link("https://id.example.cn/", "6291041500213")
    assert link == "https://id.example.cn/01/06291041500213/21/{code}"
    check_codes(link, 20, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-._")
    with pytest.raises(UsageError, match="at most 20"):
        check_codes(link, 21, "AB")
    with pytest.raises(UsageError, match="cannot hold ~"):
        check_codes(link, 20, "AB~")
    check_codes("https://example.cn/{code}", 64, "AB~")
    with pytest.raises(UsageError, match="check digit"):
        check("https://id.example.cn/01/06291041500214/21/{code}")

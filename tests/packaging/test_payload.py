"""Payload templates: plain and GS1 Digital Link, and what lower case costs."""

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.codes.spec import CodeSpec
from mintmark.codegen.codes.template import (
    check,
    check_codes,
    digital_link,
    gtin14,
    plain_link,
)
from mintmark.codegen.errors import UsageError
from mintmark.packaging.payload import case_warning, chosen

# GS1 General Specifications' own, and others whose check digits are printed on goods.
GTINS = ["09506000134352", "6901234567892", "4006381333931", "96385074", "036000291452"]


@pytest.mark.parametrize("gtin", GTINS)
def test_right_check_digits(gtin):
    assert gtin14(gtin) == gtin.zfill(14)
    link = digital_link("https://id.example.cn/", gtin)
    assert link == f"https://id.example.cn/01/{gtin.zfill(14)}/21/{{code}}"
    assert check(link) == link


@given(st.sampled_from(GTINS), st.integers(0, 13), st.integers(1, 9))
def test_one_wrong_digit_never_passes(gtin, place, more):
    digits = list(gtin)
    place %= len(digits)
    digits[place] = str((int(digits[place]) + more) % 10)
    wrong = "".join(digits)
    with pytest.raises(UsageError, match="check digit"):
        gtin14(wrong)
    with pytest.raises(UsageError, match="check digit"):
        check(f"https://x.cn/01/{wrong.zfill(14)}/21/{{code}}")


@pytest.mark.parametrize(
    "gtin", ["", "123", "69012345678921234", "69012345678９2", "690123456789X"]
)
def test_what_is_no_gtin(gtin):
    with pytest.raises(UsageError):
        gtin14(gtin)


def test_ai_21_holds_twenty_characters_of_set_82():
    link = digital_link("https://id.example.cn", GTINS[0])
    check_codes(link, 20, "0123456789ABCDEF-._")
    check_codes("https://q.cn/{code}", 64, "~")
    for length, symbols in ((21, "01"), (10, "01~")):
        with pytest.raises(UsageError, match="AI 21"):
            check_codes(link, length, symbols)


@pytest.mark.parametrize(
    "base", ["", "q.example.cn", "ftp://q.cn", "https://", "https:///x", "{code}"]
)
def test_a_base_is_an_address(base):
    with pytest.raises(UsageError):
        plain_link(base)


def test_which_template_is_taken():
    assert chosen(None, None, None) == "{code}"
    assert chosen("https://q.cn/{code}", None, None) == "https://q.cn/{code}"
    assert chosen("https://q.cn/{code}", "HTTPS://B.CN/", None) == "HTTPS://B.CN/{code}"
    link = "https://q.cn/x/01/09506000134352/21/{code}"
    assert chosen("https://q.cn/x/{code}", None, GTINS[0]) == link
    assert chosen(None, "https://q.cn/x", GTINS[0]) == link
    with pytest.raises(UsageError):
        chosen(None, None, GTINS[0])


def test_lower_case_is_warned_of_with_both_versions():
    spec = CodeSpec.of("crockford32", 16)
    said = case_warning("https://q.example.cn/{code}", spec, "M")
    now = segno.make_qr("https://q.example.cn/" + "A" * 16, error="M", boost_error=False).version
    then = segno.make_qr("HTTPS://Q.EXAMPLE.CN/" + "A" * 16, error="M", boost_error=False).version
    assert (now, then) == (3, 2)
    assert "version 3 (29x29" in said
    assert "version 2 (25x25" in said
    assert "HTTPS://Q.EXAMPLE.CN/{code}" in said
    assert case_warning("HTTPS://Q.EXAMPLE.CN/{code}", spec, "M") is None
    # Where it costs nothing, nothing is said.
    assert case_warning("http://q.cn/{code}", CodeSpec.of("crockford32", 2), "L") is None

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sealing import HANDED_OUT, load

from mintmark.codegen.codes.spec import ALPHABETS, CodeSpec, Judgement, canonicalise, judge
from mintmark.codegen.errors import Refused, UsageError

independent = load("codegen/independent_reader.py")
CROCKFORD = CodeSpec.of("crockford32", 16)


@pytest.mark.parametrize("name", list(ALPHABETS))
def test_named_alphabets_are_distinct_upper_case_symbols(name):
    spec = CodeSpec.of(name, 16)
    assert spec.name == name
    assert len(set(spec.symbols)) == len(spec.symbols) == len(ALPHABETS[name])
    assert spec.symbols == spec.symbols.upper()
    assert spec.canonical == ("crockford32" if name == "crockford32" else "upper")


def test_clear_has_no_vowels_and_a_single_symbol_of_each_group_of_look_alikes():
    symbols = set(CodeSpec.of("clear", 16).symbols)
    assert not symbols & set("AEIOU")
    for group in ("0O", "1IL", "2Z", "5S", "6G", "8B", "UVY"):
        assert len(symbols & set(group)) <= 1


def test_symbols_may_be_given_themselves():
    for written in ("custom:acdefh", "custom:ACDEFH", "ACDEFH"):
        spec = CodeSpec.of(written, 12)
        assert (spec.name, spec.symbols, spec.canonical) == ("custom", "ACDEFH", "upper")
    assert CodeSpec.of("custom:9876543210", 9) == CodeSpec.of("digits", 9)
    assert CodeSpec.of("custom:AB-._~09", 9).symbols == "AB-._~09"


def test_a_mistyped_name_is_no_alphabet():
    for name in ("base32", "digit", "hexa"):
        with pytest.raises(UsageError, match="unknown alphabet"):
            CodeSpec.of(name, 12)


BAD_ALPHABETS = (
    ["", "A", "custom:", "custom:A", "AAB", "aA", "ABc", "aab"],
    ["A B", "A\x00B", "A\n", "A:B", "A/B", "A{}", "%41B"],
    ["\u00c4\u00d6", "\u4e00\u4e8c", "\u0131\u0130", "A\u0660\u0661"],
)


@pytest.mark.parametrize("alphabet", [bad for group in BAD_ALPHABETS for bad in group])
def test_alphabets_that_cannot_be_are_usage_errors(alphabet):
    with pytest.raises(UsageError) as caught:
        CodeSpec.of(alphabet, 16)
    assert caught.value.hints


@pytest.mark.parametrize("length", [0, -1, 65])
def test_lengths_that_cannot_be_are_usage_errors(length):
    with pytest.raises(UsageError):
        CodeSpec.of("hex", length)


def test_bits_and_space():
    assert CROCKFORD.bits == 80
    assert CROCKFORD.space == 2**80
    assert CodeSpec.of("digits", 16).space == 10**16
    assert math.isclose(CodeSpec.of("digits", 16).bits, math.log2(10**16))


def test_canonical_vectors():
    vectors = json.loads((HANDED_OUT / "canonical.json").read_text(encoding="ascii"))
    assert len(vectors) > 20
    for vector in vectors:
        if vector["canonical"] is None:
            with pytest.raises(ValueError, match=r"^not a code$"):
                canonicalise(vector["rule"], vector["text"])
        else:
            assert canonicalise(vector["rule"], vector["text"]) == vector["canonical"], vector


@given(st.sampled_from(["upper", "crockford32"]), st.text(max_size=70))
def test_canonical_agrees_with_the_independent_reader_and_is_idempotent(rule, text):
    expected = independent.canonical(rule, text)
    if expected is None:
        with pytest.raises(ValueError, match="not a code"):
            canonicalise(rule, text)
    else:
        assert canonicalise(rule, text) == expected
        assert canonicalise(rule, expected) == expected


def test_an_unknown_rule_is_an_error():
    with pytest.raises(ValueError, match="unknown canonical rule"):
        canonicalise("lower", "A")


@given(st.text(alphabet=CROCKFORD.symbols, min_size=16, max_size=16))
def test_codes_read_back_however_they_are_typed(code):
    for typed in (code, code.lower(), f" {code[:4]}-{code[4:]} ", code.replace("0", "o")):
        assert CROCKFORD.read(typed) == code.encode()
    assert CROCKFORD.read(code.replace("1", "l").replace("0", "O")) == code.encode()


@pytest.mark.parametrize("text", ["", "SECRET", "U" * 16, "0" * 17, "é" * 16, "0" * 300])
def test_what_is_no_code_is_refused_and_not_quoted(text):
    with pytest.raises(ValueError) as caught:
        CROCKFORD.read(text)
    assert not text or text not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_strong_spec_passes_without_a_warning():
    judged = judge(CROCKFORD, 100_000_000, 0, 0)
    assert judged.entropy_bits == 80
    assert judged.guess_probability == 100_000_000 / 2**80
    assert judged.offline_bits == round(80 - math.log2(100_000_000), 2)
    assert judged.warnings == ()


def test_the_guess_probability_must_stay_below_one_in_ten_thousand():
    spec = CodeSpec.of("digits", 8)  # 10^8 codes: the bound is 10,000 issued
    assert judge(spec, 9_999, 0, 0, accept_weak=True).guess_probability == 9_999 / 10**8
    for quantity, before in ((10_000, 0), (1, 9_999), (5_000, 5_000)):
        with pytest.raises(Refused) as caught:
            judge(spec, quantity, before, before, accept_weak=True)
        assert "1 in 10,000" in caught.value.message.replace("one in", "1 in")
        assert caught.value.details["guess_probability"] == (quantity + before) / 10**8


def test_offline_strength_is_judged_over_all_codes_under_the_key():
    spec = CodeSpec.of("hex", 12)  # 48 bits
    assert judge(spec, 4, 0, 0).offline_bits == 46
    with pytest.raises(Refused) as caught:
        judge(spec, 4, 0, 1)
    assert caught.value.details["offline_bits"] == pytest.approx(45.68, abs=0.01)
    assert "use --length 13 or more" in caught.value.hints[0]
    assert judge(spec, 4, 0, 1, accept_weak=True).warnings
    assert judge(CodeSpec.of("hex", 14), 16, 0, 0).warnings == ()  # 52 bits
    assert len(judge(CodeSpec.of("hex", 14), 17, 0, 0).warnings) == 1


def test_a_strength_just_below_a_limit_does_not_read_like_the_limit():
    """2^18 codes of 64 bits leave 46, and one more 46.00 to two places."""
    spec = CodeSpec.of("AB", 64)
    with pytest.raises(Refused) as caught:
        judge(spec, 2**18 + 1, 0, 0)
    assert caught.value.details["offline_bits"] == 46
    assert caught.value.message == (
        "too weak against a thief of the fingerprints: 45.9 bits, about 3 hours of one "
        "data-centre GPU per code (6.6×10⁹ tries/s, measured 2026-11); 46 are the least, "
        "about 3 hours"
    )
    (warning,) = judge(spec, 2**12 + 1, 0, 0).warnings
    assert "needs 51.9 bits of work" in warning


def test_weak_codes_are_accepted_by_name_and_told_with_the_time():
    """--accept-weak lifts the offline limit: not the warning, and not the law's bound."""
    (warning,) = judge(CodeSpec.of("digits", 13), 9, 0, 0, accept_weak=True).warnings
    assert warning == (
        "a thief of the fingerprint key and the fingerprints needs 40.0 bits of work to find a "
        "code, about 170 seconds of one data-centre GPU per code (6.6×10⁹ tries/s, measured "
        "2026-11); 52 or more are advised, about 8 days: use --length 17 or more with this "
        "alphabet"
    )
    with pytest.raises(Refused, match="too easy to guess"):
        judge(CodeSpec.of("digits", 4), 9, 0, 0, accept_weak=True)


@given(
    st.sampled_from(list(ALPHABETS)),
    st.integers(1, 16),
    st.integers(1, 10**8),
    st.integers(0, 10**9),
)
def test_the_length_in_the_hint_passes_and_a_shorter_does_not(alphabet, length, quantity, before):
    spec = CodeSpec.of(alphabet, length)
    try:
        judge(spec, quantity, before, before)
    except Refused as refused:
        hinted = int(refused.hints[0].split()[2])
        judge(CodeSpec.of(alphabet, hinted), quantity, before, before)
        assert hinted > length
        with pytest.raises(Refused):
            judge(CodeSpec.of(alphabet, hinted - 1), quantity, before, before)


@given(
    st.sampled_from(list(ALPHABETS)),
    st.integers(8, 16),
    st.integers(1, 10**8),
    st.integers(0, 10**9),
)
def test_the_length_in_a_warning_warns_no_more_and_a_shorter_does(
    alphabet, length, quantity, before
):
    try:
        warnings = judge(CodeSpec.of(alphabet, length), quantity, before, before, accept_weak=True)
    except Refused:
        return  # by the law's bound
    for warning in warnings.warnings:
        hinted = int(re.search(r"use --length (\d+) or more", warning)[1])
        assert judge(CodeSpec.of(alphabet, hinted), quantity, before, before).warnings == ()
        shorter = CodeSpec.of(alphabet, hinted - 1)
        assert judge(shorter, quantity, before, before, accept_weak=True).warnings


def test_a_code_may_use_every_symbol_of_its_alphabet():
    assert CodeSpec.of("digits", 10).read("9876543210") == b"9876543210"


def test_what_is_typed_may_be_256_characters_and_stand_for_64():
    assert canonicalise("crockford32", "-" * 255 + "A") == "A"
    assert canonicalise("upper", "a" * 64) == "A" * 64
    for text in ("-" * 256 + "A", "A" * 65):
        with pytest.raises(ValueError, match="not a code"):
            canonicalise("crockford32", text)


def test_bits_are_given_to_two_places():
    judged = judge(CodeSpec.of("digits", 17), 1000, 0, 0)
    assert (judged.entropy_bits, judged.offline_bits) == (56.47, 46.51)
    assert "46.5 bits" in judged.warnings[0]
    assert "52 or more are advised, about 8 days" in judged.warnings[0]


def test_the_longest_code_is_the_last_that_is_hinted():
    """Two symbols: a bit each, and 2^18 codes leave 46 of 64."""
    for more, hint in ((0, "use --length 64 or more"), (1, "use an alphabet of more symbols")):
        with pytest.raises(Refused) as caught:
            judge(CodeSpec.of("AB", 60), 2**18 + more, 0, 0)
        assert caught.value.hints[0].startswith(hint)


@pytest.mark.parametrize("alphabet", ["base32", "A B", "aB", "AAB", "A"])
def test_a_refused_alphabet_names_the_known_ones(alphabet):
    with pytest.raises(UsageError) as caught:
        CodeSpec.of(alphabet, 16)
    assert ": crockford32, digits, clear, hex;" in caught.value.hints[-1]


def test_the_bound_is_one_in_ten_thousand_exactly():
    spec = CodeSpec.of("digits", 12)
    assert judge(spec, 10**8 - 1, 0, 0, accept_weak=True).guess_probability < 1 / 10_000
    with pytest.raises(Refused, match="too easy to guess"):
        judge(spec, 10**8, 0, 0, accept_weak=True)


@pytest.mark.parametrize("symbol", [chr(number) for number in range(0x21, 0x7F)])
def test_letters_alone_become_upper_case(symbol):
    assert canonicalise("upper", symbol) == symbol.upper()


def test_a_code_may_have_64_symbols():
    assert CodeSpec.of("AB", 64).length == 64
    assert CodeSpec.of("AB", 1).length == 1


def test_a_judgement_warns_of_nothing_unless_told_to():
    assert Judgement(80.0, 0.0, 80.0).warnings == ()

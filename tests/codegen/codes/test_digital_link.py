"""GS1 Digital Links: judged as GS1's own readers judge them, whatever code stands in them.

The verdicts were read off BWIPP (bwip-js 4.11.4, `gs1dlqrcode`), whose author writes GS1's Barcode
Syntax Engine, and compared with the engine's own test cases (`dl.c`, 2025). Where both differ, the
row says so. 1,854 random links got the same verdict too, but for these differences; so did every
number of 2 to 4 digits as an identifier. None of that code is here.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.codes import address
from mintmark.codegen.codes.digital_link import gtin14
from mintmark.codegen.codes.spec import CodeSpec
from mintmark.codegen.errors import UsageError

SPEC = CodeSpec.of("crockford32", 16)
HOST = "https://id.example.cn"
ITEM = f"{HOST}/01/06901234567892"

RIGHT = [
    f"{ITEM}/21/{{code}}",
    "HTTPS://ID.EXAMPLE.CN/01/06901234567892/21/{code}",
    f"{ITEM}/10/LOT/21/{{code}}",
    f"{ITEM}/22/2A/10/LOT/21/{{code}}",
    f"{ITEM}/22/2A/21/{{code}}",
    f"{ITEM}/21/A{{code}}",
    f"{ITEM}/21/A{{code}}-01",
    f"{ITEM}/21/A%2FBC{{code}}",
    f"{ITEM}/21/a+b{{code}}",
    f"{ITEM}/10/{{code}}",
    f"{ITEM}/22/{{code}}",
    f"{ITEM}/235/{{code}}",
    f"{ITEM}/235/{{code}}?10=LOT",
    f"{ITEM}?c={{code}}",
    f"{ITEM}?99={{code}}",
    f"{ITEM}/21/{{code}}?17=271231",
    f"{ITEM}/21/{{code}}?17=270200",
    f"{ITEM}/21/{{code}}?3103=000195",
    f"{ITEM}/21/{{code}}?linkType=all&17=271231",
    f"{ITEM}/21/{{code}}?250=ABC",
    f"{ITEM}/21/{{code}}?30=5&3922=0299",
    f"{ITEM}/21/{{code}}?414=6901234567892",
    f"{ITEM}/10/L/21/{{code}}?7004=5&422=156&427=A&416=6901234567892&7020=R&7021=F&7022=S",
    f"{HOST}/00/069012345678901238?02=06901234567892&37=25&99={{code}}",
    f"{HOST}/8003/06901234567892?01=06901234567892&99={{code}}",
    f"{ITEM}/21/{{code}}#top",
    f"{HOST}/a/b/01/06901234567892/21/{{code}}",
    f"{HOST}/01/00/01/06901234567892/21/{{code}}",
    f"{HOST}/414/6901234567892/254/{{code}}",
    f"{HOST}/8003/06901234567892{{code}}",
    f"{HOST}/253/6901234567892{{code}}",
    f"{HOST}/8004/690123{{code}}",
    f"{HOST}/8006/069012345678920102/21/{{code}}",
    f"{HOST}/00/069012345678901238?c={{code}}",
]
WRONG = [
    ("Https://id.example.cn/01/06901234567892/21/{code}", "mixed case"),
    # BWIPP takes an underscore in a host; the engine does not.
    ("https://id_x.example.cn/01/06901234567892/21/{code}", "no name in a host"),
    (f"{HOST}/01/06901234567893/21/{{code}}", "2 is due, not 3"),
    (f"{HOST}/01/06901234567893/10/LOT/21/{{code}}", "2 is due, not 3"),
    (f"{HOST}/01/06901234567893/22/2A/10/LOT/21/{{code}}", "2 is due, not 3"),
    (f"{HOST}/01/06901234567893?c={{code}}", "2 is due, not 3"),
    (f"{ITEM}/21/{{code}}/10/LOT", "not in this order"),
    (f"{ITEM}/10/LOT/22/2A/21/{{code}}", "not in this order"),
    (f"{ITEM}/21/{{code}}/22/2A", "not in this order"),
    (f"{ITEM}/21/A/21/{{code}}", "not in this order"),
    (f"{ITEM}/235/TPX/21/{{code}}", "not in this order"),
    (f"{ITEM}/ser/{{code}}", "not in this order"),
    ("HTTPS://ID.EXAMPLE.CN/01/06901234567892/SER/{code}", "not in this order"),
    (f"{HOST}/01/00000000000000/21/{{code}}", "of zeros alone"),
    (f"{ITEM}/{{code}}", "does not allow"),
    (f"{ITEM}/c/{{code}}", "does not allow"),
    (f"{ITEM}/21/{{code}}/info", "does not allow"),
    (f"{ITEM}/21/{{code}}/", "end in a slash"),
    (f"{ITEM}/21/{{code}}/?c=1", "end in a slash"),
    (f"{ITEM}/?c={{code}}", "end in a slash"),
    (f"{ITEM}?21={{code}}", "AI 21 belongs in the path"),
    (f"{ITEM}?10=LOT&21={{code}}", "AI 10 belongs in the path"),
    (f"{ITEM}/21/{{code}}?10=LOT", "AI 10 belongs in the path"),
    (f"{ITEM}?89={{code}}", "no attribute"),
    (f"{ITEM}/21/{{code}}?1=2", "no attribute"),
    (f"{ITEM}/21/{{code}}?12=271231", "no attribute"),
    (f"{ITEM}/21/{{code}}?37=5", "no attribute"),
    # BWIPP takes it twice if both are equal; the engine does not.
    (f"{ITEM}/21/{{code}}?01=06901234567892", "stands twice"),
    (f"{ITEM}/21/{{code}}?17=271231&17=271231", "stands twice"),
    (f"{ITEM}/21/{{code}}?17=271300", "not of its form"),
    (f"{ITEM}/21/{{code}}?17=20271231", "not of its form"),
    (f"{ITEM}/21/{{code}}?3103=195", "not of its form"),
    (f"{ITEM}/21/{{code}}?17=", "is empty"),
    (f"{ITEM}/21/{{code}}?414=6901234567893", "2 is due, not 3"),
    (f"{ITEM}/21/{{code}}?3922=0299", "AI 3922 says something only beside others"),
    (f"{ITEM}/21/{{code}}?427=A", "AI 427 says something only beside others"),
    (f"{ITEM}/21/{{code}}?7004=5", "AI 7004 says something only beside others"),
    (f"{ITEM}/21/{{code}}?7020=R", "AI 7020 says something only beside others"),
    (f"{ITEM}/21/{{code}}?7022=S", "AI 7022 says something only beside others"),
    (f"{HOST}/00/069012345678901238?02=06901234567892&99={{code}}", "AI 02 says"),
    (f"{HOST}/00/069012345678901238?37=25&99={{code}}", "AI 37 says"),
    (f"{ITEM}/10/{{code}}?250=ABC", "AI 250 says something only beside others"),
    (f"{ITEM}/21/{{code}}?8020=ABC", "belongs in the path"),
    (f"{ITEM}/21/{{code}}?4300=ABC", "no attribute"),
    (f"{HOST}/8003/06901234567892?17=271231&99={{code}}", "no attribute"),
    (f"{ITEM}/21/ABCDE{{code}}", "at most 20 characters, this one 21"),
    (f"{ITEM}/21/{{code}}ABCDE", "at most 20 characters, this one 21"),
    (f"{ITEM}/21/AB{{code}}-01", "at most 20 characters, this one 21"),
    (f"{ITEM}/21/A%2FBCD{{code}}", "at most 20 characters, this one 21"),
    (f"{ITEM}/10/ABCDEFGHIJKLMNOPQRSTU/21/{{code}}", "at most 20 characters, this one 21"),
    (f"{ITEM}/21/~{{code}}", "not of its form"),
    (f"{ITEM}/21/@{{code}}", "not of its form"),
    (f"{ITEM}/10//21/{{code}}", "is empty"),
    # BWIPP takes GTINs without their zeros, as the first editions did; the engine does not.
    (f"{HOST}/01/6901234567892/21/{{code}}", "14 digits"),
    (f"{HOST}/01/96385074/21/{{code}}", "14 digits"),
    (f"{HOST}/01/6901234567892?c={{code}}", "14 digits"),
    (f"{HOST}/01/069012345678921/21/{{code}}", "not of its form"),
    (f"{HOST}/01/ABC/21/{{code}}", "not of its form"),
    (f"{HOST}/01/x/10/{{code}}", "not of its form"),
    (f"{HOST}/414/6901234567893/254/{{code}}", "2 is due, not 3"),
    (f"{HOST}/8003/06901234567893{{code}}", "2 is due, not 3"),
    (f"{HOST}/253/6901234567892ABCDE{{code}}", "not of its form"),
    (f"{HOST}/00/069012345678901238/21/{{code}}", "does not allow"),
    (f"{HOST}/8018/690123456789012346/8019/{{code}}", "not of its form"),
]
LOOKALIKES = [
    (f"{HOST}/gtin/06901234567892/ser/{{code}}", "withdrawn words"),
    ("HTTPS://ID.EXAMPLE.CN/GTIN/06901234567892/SER/{code}", "withdrawn words"),
    (f"{HOST}/01/{{code}}", "take /01/ in the path for a GTIN"),
    (f"{HOST}/00/{{code}}", "take /00/ in the path for a SSCC"),
    (f"{HOST}/b/01/x{{code}}", "take /01/ in the path for a GTIN"),
    (f"{HOST}/21/{{code}}", "no /01/GTIN stands before"),
    (f"{HOST}/p/21/{{code}}", "no /01/GTIN stands before"),
    (f"{HOST}/?21={{code}}", "no /01/GTIN stands before"),
]
# To GS1 they are no Digital Links, and nobody takes them for one.
PLAIN = ["/q/{code}", "/{code}", "/10/{code}", "/253/abc/{code}", "/01/20270101/{code}"]


@pytest.mark.parametrize("template", RIGHT)
def test_what_gs1_takes_passes_without_a_word(template):
    assert address.chosen(template, SPEC) == ()


@pytest.mark.parametrize(("template", "words"), WRONG)
def test_what_gs1_refuses_is_refused(template, words):
    with pytest.raises(UsageError) as error:
        address.chosen(template, SPEC)
    assert words in error.value.message
    assert error.value.hints


@pytest.mark.parametrize(("template", "words"), WRONG)
def test_in_the_books_it_is_a_warning(template, words):
    (said,) = address.recorded(template, SPEC)
    assert words in said
    assert "would be refused" in said


@pytest.mark.parametrize(("template", "words"), LOOKALIKES)
def test_what_some_take_for_a_digital_link_is_warned_of(template, words):
    for judge in (address.chosen, address.recorded):
        (said,) = judge(template, SPEC)
        assert words in said


@pytest.mark.parametrize("path", PLAIN)
def test_other_addresses_are_none_of_gs1s(path):
    assert address.chosen(HOST + path, SPEC) == ()


@pytest.mark.parametrize(
    ("alphabet", "length", "template", "words"),
    [
        ("crockford32", 20, "/21/A{code}", "at most 20 characters, this one 21"),
        ("crockford32", 20, "/21/{code}", None),
        ("crockford32", 21, "/21/{code}", "at most 20 characters, this one 21"),
        ("custom:AB~", 20, "/21/{code}", "cannot hold ~"),
        ("custom:AB-._", 20, "/21/{code}x", "this one 21"),
        ("digits", 12, "?90={code}", None),
        ("digits", 12, "?30={code}", "not of its form"),
        ("digits", 8, "?30={code}", None),
        ("hex", 8, "?30={code}", "not of its form"),
        ("digits", 6, "?17={code}", "not of its form"),
    ],
)
def test_all_codes_of_the_spec_must_fit(alphabet, length, template, words):
    spec = CodeSpec.of(alphabet, length)
    if words is None:
        assert address.chosen(ITEM + template, spec) == ()
        return
    with pytest.raises(UsageError, match=words):
        address.chosen(ITEM + template, spec)


# --- check digits ---

# Examples of GS1 and of encyclopaedias, and others that are printed on goods.
GTINS = ["6291041500213", "00614141123452", "96385074", "036000291452", "09506000134352"]
GTINS += ["6901234567892", "4006381333931"]


@pytest.mark.parametrize("gtin", GTINS)
def test_a_gtin_is_padded_to_14_digits(gtin):
    assert gtin14(gtin) == gtin.zfill(14)
    assert gtin14(gtin.zfill(14), whole=True) == gtin.zfill(14)
    assert address.chosen(f"{HOST}/01/{gtin.zfill(14)}/21/{{code}}", SPEC) == ()


@given(st.from_regex(r"[0-9]{12}[1-9]", fullmatch=True), st.integers(1, 9))
def test_only_a_single_check_digit_is_right(body, off):
    total = sum(int(digit) * (3 if at % 2 == 0 else 1) for at, digit in enumerate(body))
    right = -total % 10
    assert gtin14(f"{body}{right}") == f"{body}{right}"
    wrong = f"{body}{(right + off) % 10}"
    with pytest.raises(UsageError, match=f"{right} is due"):
        gtin14(wrong)
    with pytest.raises(UsageError, match=f"{right} is due"):
        address.chosen(f"{HOST}/01/{wrong}/10/LOT/21/{{code}}", SPEC)


@pytest.mark.parametrize(
    "gtin", ["", "123", "1234567", "629104150021٣", "62910415002-3", "0" * 15, "690123456789X"]
)
def test_other_texts_are_no_gtin(gtin):
    with pytest.raises(UsageError, match="zeros alone"):
        gtin14("00000000")
    with pytest.raises(UsageError, match="digits"):
        gtin14(gtin)
    with pytest.raises(UsageError, match="14 digits"):
        gtin14("6291041500213", whole=True)

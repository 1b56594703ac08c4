"""What phones make of an address: refused, warned of, or taken without a word."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mintmark.codegen.codes import address
from mintmark.codegen.codes.spec import CodeSpec
from mintmark.codegen.codes.template import check
from mintmark.codegen.errors import UsageError

SPEC = CodeSpec.of("crockford32", 16)
Q = "https://q.example.cn"
LONG = ".".join(["a" * 60] * 5)

TAKEN = [
    "{code}",
    f"{Q}/{{code}}",
    "HTTPS://Q.EXAMPLE.CN/{code}",
    "https://Q.Example.CN/{code}",
    f"{Q}/c/{{code}}",
    f"{Q}/c-{{code}}",
    f"{Q}/{{code}}/",
    f"{Q}/{{code}}/info.html",
    f"{Q}/?c={{code}}",
    f"{Q}?c={{code}}",
    f"{Q}?{{code}}",
    f"{Q}/s?a=1&c={{code}}&x=2",
    f"{Q}/{{code}}?u=https://a.b/c",
    f"{Q}/{{code}}#top",
    f"{Q}:8443/{{code}}",
    f"{Q}/%E4%B8%80/{{code}}",
    f"{Q}/a..b/...../{{code}}",
    "https://xn--fsq.xn--0zwm56d/{code}",
    "https://a-b.c1.example.com.cn/{code}",
    "https://1.example/{code}",
    "https://163.com/{code}",
]
REFUSED = [
    # no scheme, or none that opens a page
    ("q.example.cn/{code}", "has no https://"),
    ("www.example.cn/{code}", "has no https://"),
    ("Q.EXAMPLE.CN/{code}", "has no https://"),
    ("q.example.cn?c={code}", "has no https://"),
    ("q.example.cn{code}", "has no https://"),
    ("{code}.example.cn", "has no https://"),
    ("//q.example.cn/{code}", "has no https://"),
    ("/scan/{code}", "has no https://"),
    ("scan/{code}", "has no https://"),
    ("?c={code}", "has no https://"),
    ("{code}#a", "has no https://"),
    ("https//q.example.cn/{code}", "has no https://"),
    ("'https://q.example.cn/{code}'", "has no https://"),
    ("https:q.example.cn/{code}", "two slashes"),
    ("https:/q.example.cn/{code}", "two slashes"),
    ("http:{code}", "two slashes"),
    ("javascript:{code}", "begins with javascript: opens"),
    ("JavaScript:alert({code})", "begins with JavaScript: opens"),
    ("data:text/plain,{code}", "begins with data: opens"),
    ("file:///c/{code}", "begins with file: opens"),
    ("ftp://q.example.cn/{code}", "begins with ftp: opens"),
    ("htps://q.example.cn/{code}", "begins with htps: opens"),
    ("httpss://q.example.cn/{code}", "begins with httpss: opens"),
    ("weixin://dl/{code}", "begins with weixin: opens"),
    ("alipays://{code}", "begins with alipays: opens"),
    ("intent://q.example.cn/{code}#Intent;end", "begins with intent: opens"),
    ("tel:{code}", "begins with tel: opens"),
    ("mailto:{code}@example.cn", "begins with mailto: opens"),
    ("SN:{code}", "begins with SN: opens"),
    ("q.example.cn:8080/{code}", "has no https://"),
    ("localhost:8080/{code}", "has no https://"),
    ("Https://q.example.cn/{code}", "mixed case"),
    ("HTTPs://q.example.cn/{code}", "mixed case"),
    ("hTTP://q.example.cn/{code}", "mixed case"),
    # no host, or none that resolves
    ("https://{code}", "in the host"),
    ("https:///{code}", "no host"),
    ("https://?c={code}", "no host"),
    ("https://:443/{code}", "no host"),
    ("https://id_x/{code}", "'id_x' is no name"),
    ("https://q_r.example.cn/{code}", "'q_r' is no name"),
    ("https://-q.example.cn/{code}", "'-q' is no name"),
    ("https://q-.example.cn/{code}", "'q-' is no name"),
    ("https://q,example.cn/{code}", "is no name"),
    ("https://q%2eexample.cn/{code}", "is no name"),
    ("https://*.example.cn/{code}", "is no name"),
    (f"https://{'a' * 64}.cn/{{code}}", "is no name"),
    (f"https://{LONG}/{{code}}", "longer than 200 characters"),
    ("https://q..example.cn/{code}", "two dots"),
    ("https://.example.cn/{code}", "begins with a dot"),
    ("https://q.example.cn./{code}", "ends in a dot"),
    ("https://user@q.example.cn/{code}", "user's name"),
    ("https://q.example.cn@example.com/{code}", "user's name"),
    ("https://user:pw@q.example.cn/{code}", "user's name"),
    ("https://q.example.cn:0/{code}", "port"),
    ("https://q.example.cn:/{code}", "port"),
    ("https://q.example.cn:65536/{code}", "port"),
    ("https://q.example.cn:https/{code}", "port"),
    ("https://q.example.123/{code}", "ends in a number"),
    ("https://256.1.1.1/{code}", "ends in a number"),
    ("https://10.1.1/{code}", "ends in a number"),
    ("https://3232235777/{code}", "ends in a number"),
    ("https://192.168.010.1/{code}", "ends in a number"),
    ("https://q.0x7f/{code}", "ends in a number"),
    ("https://[::1/{code}", "no IPv6"),
    ("https://[q.example.cn]/{code}", "no IPv6"),
    ("https://[192.0.2.1]/{code}", "no IPv6"),
    ("https://xn--.example.cn/{code}", "is no name"),
    ("https://xn--a.example.cn/{code}", "Punycode"),
    ("https://xn--99999999.example.cn/{code}", "Punycode"),
    # the code where it is no part of the path, the query or the fragment
    ("https://{code}.example.cn/", "in the host"),
    ("https://q.example.cn{code}", "in the host"),
    ("https://q.example.cn:{code}/", "in the host"),
    ("https://{code}@q.example.cn/", "in the host"),
    # what is broken behind the host
    (f"{Q}/%zz/{{code}}", "two hex digits"),
    (f"{Q}/%2{{code}}", "two hex digits"),
    (f"{Q}/%{{code}}", "two hex digits"),
    (f"{Q}/{{code}}%", "two hex digits"),
    (f"{Q}/100%/{{code}}", "two hex digits"),
    (f"{Q}/{{code}}%0D%0A", "control character"),
    (f"{Q}/%00{{code}}", "control character"),
    (f"{Q}/a/../{{code}}", ". or .."),
    (f"{Q}/./{{code}}", ". or .."),
    (f"{Q}/%2e%2E/{{code}}", ". or .."),
    (f"{Q}/{{code}}/..", ". or .."),
    (f"{Q}/${{code}}", "$ stands before"),
]
WARNED = [
    ("http://q.example.cn/{code}", "unencrypted"),
    ("HTTP://Q.EXAMPLE.CN/{code}", "unencrypted"),
    ("https://localhost/{code}", "local name"),
    ("https://qr/{code}", "local name"),
    ("https://nas.local/{code}", "local name"),
    ("https://q.test:8443/{code}", "local name"),
    ("https://Q.INTERNAL/{code}", "local name"),
    ("https://127.0.0.1:8000/{code}", "private or reserved IP"),
    ("https://192.168.1.7/{code}", "private or reserved IP"),
    ("https://[::1]/{code}", "private or reserved IP"),
    ("https://8.8.8.8/{code}", "is an IP address"),
    (f"{Q}/#/{{code}}", "after #"),
    (f"{Q}#{{code}}", "after #"),
    (f"{Q}//{{code}}", "two slashes"),
    (f"{Q}/a//b/{{code}}", "two slashes"),
    (f"{Q}/{{code}}.", "ends in ."),
    (f"{Q}/({{code}})", "ends in )"),
    (f"{Q}/{{code}},", "ends in ,"),
    ("AB{code}", "no link"),
    ("AB-{code}", "no link"),
    ("{code}-7", "no link"),
    ("V1.{code}", "no link"),
]


@pytest.mark.parametrize("template", TAKEN)
def test_links_are_taken_without_a_word(template):
    assert address.chosen(template, SPEC) == ()
    assert address.recorded(template, SPEC) == ()


@pytest.mark.parametrize(("template", "words"), REFUSED)
def test_what_phones_take_for_no_link_is_refused(template, words):
    with pytest.raises(UsageError) as error:
        address.chosen(template, SPEC)
    assert words in error.value.message
    assert "pw@" not in error.value.message
    if len(template) <= 200:
        assert error.value.hints
        (said,) = address.recorded(template, SPEC)
        assert words in said
        assert "scan a test package" in said


@pytest.mark.parametrize(("template", "words"), WARNED)
def test_what_some_phones_do_not_reach_is_warned_of(template, words):
    (said,) = address.chosen(template, SPEC)
    assert words in said
    assert address.recorded(template, SPEC) == (said,)


@pytest.mark.parametrize(
    ("symbols", "lost"),
    [
        ("ABCDE.", "1 of 6 codes end in ."),
        ("AB._~", "3 of 5 codes end in . or _ or ~"),
        ("AB-", ""),
    ],
)
def test_signs_at_the_end_of_codes_are_counted(symbols, lost):
    spec = CodeSpec.of(f"custom:{symbols}", 16)
    said = address.chosen(f"{Q}/{{code}}", spec)
    assert [sentence.split(",")[0] for sentence in said] == ([lost] if lost else [])
    assert address.chosen(f"{Q}/{{code}}/x", spec) == ()


def test_the_hint_writes_the_address_that_was_meant():
    with pytest.raises(UsageError) as error:
        address.chosen("q.example.cn/a/{code}", SPEC)
    assert error.value.hints == ("write https://q.example.cn/a/{code}",)
    with pytest.raises(UsageError) as error:
        address.chosen("'HTTPS://Q.EXAMPLE.CN/{code}'", SPEC)
    assert "quotes" in error.value.hints[1]


URI = "ABCXYZabcxyz0189-._~:/?#[]@!$&'()*+,;=%"


@given(st.sampled_from(["", "https://", "HTTP://", "https://q.cn/"]), st.text(URI), st.text(URI))
@example("https://", "", "")
@example("", "", "[]:@")
@example("https://", "[]]:[", "//")
@example("https://q.cn/", "01//21/", "?21=&=&17")
def test_every_printable_template_gets_an_answer(start, before, after):
    template = check(f"{start}{before[:60]}{{code}}{after[:60]}")
    said = address.recorded(template, SPEC)
    assert all(sentence.isascii() for sentence in said)
    if "would be refused" not in "".join(said):
        assert address.chosen(template, SPEC) == said
        return
    with pytest.raises(UsageError) as error:
        address.chosen(template, SPEC)
    assert said[0].startswith(error.value.message)
    assert error.value.hints

"""Addresses: which texts hold a code of which template."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.codes.template import payload
from mintmark.codegen.scans.addresses import Addresses, Doubt
from mintmark.codegen.scans.reader import ReadingKind, read_all

CODE = "7K3MZZ19QPRS0042"
LINK = "https://id.example.cn/01/09501101530003/21/{code}"
TEMPLATES = [
    "HTTPS://Q.EXAMPLE.CN/{code}",
    "https://p.example.cn/s?c={code}",
    "https://w.example.cn/{code}/tea?src=cap",
    "https://v.example.cn/q?m=a&c={code}&k=01",
    "http://old.example.cn:8080/{code}/",
    "https://h.example.cn/#/{code}",
    "https://d.example.cn/01/09501101530003/10/L7/21/A{code}",
    "HTTPS://EXAMPLE.CN/~A-B/{code}",
    LINK,
]
OTHER_SCHEME = "weixin://dl/business/?t={code}"
KNOWN = Addresses.of([*TEMPLATES, OTHER_SCHEME, "{code}"], [16])


def codes(text, known=KNOWN):
    return {code for r in read_all(text, known) for code in r.codes if len(code) == len(CODE)}


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        str.swapcase,
        str.lower,
        lambda text: f"]Q1{text}\r",
        lambda text: f"]d1{text.swapcase()}\x03",
        lambda text: f"]Q2\\000026{text}",
        lambda text: f"\x02{text}\x03",
        lambda text: f"\ufeff  {text} ",
        lambda text: f"{text[:9]}\x07{text[9:]}\0\0",
        lambda text: text.replace("https:", "http:").replace("HTTPS:", "HTTP:"),
        lambda text: "".join(c for c in text if c.isalnum()),
        lambda text: text.replace(":", ""),
        lambda text: text.replace("/", ""),
        lambda text: text.partition("://")[2],
        lambda text: f"P01-{text}",
        lambda text: f"Q{text}",
    ],
)
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_is_read_in_every_form(template, change):
    assert CODE in {code.upper() for code in codes(change(payload(template, CODE)))}


@pytest.mark.parametrize(
    "text",
    [
        f"https://q.example.cn/{CODE}/",
        f"https://q.example.cn/{CODE}?utm_source=wechat&x=1",
        f"https://q.example.cn/{CODE}/?from=groupmessage#top",
        f"https://q.example.cn/{CODE}#top",
        f"https://q.example.cn:443/{CODE}",
        f"http://q.example.cn:80/{CODE}",
        f"https://q.example.cn/%37{CODE[1:]}",
        f"weixin://dl/business/?t={CODE}",
        f"]Q1WEIXIN://DL/BUSINESS/?T={CODE}",
        f"https://p.example.cn/s?utm=1&c={CODE}&z=2",
        f"https://p.example.cn/s?c={CODE}#a",
        f"https://v.example.cn/q?m=a&c={CODE}&k=01&from=singlemessage",
        f"https://v.example.cn/q?k=01&c={CODE}",
        f"https://w.example.cn/{CODE}/tea?src=cap&more=1",
        f"http://old.example.cn:8080/{CODE}",
        f"https://example.cn/%7eA-b/{CODE}",
        f"]d2010950110153000321{CODE}",
        f"]Q3010950110153000310LOT\x1d21{CODE}",
        f"]C101095011015300031727123121{CODE}\x1d10LOT",
        f"\x1d010950110153000321{CODE}",
        f"010950110153000321{CODE}<GS>10LOT",
        f"]d221{CODE}\x1d0109501101530003",
        f"(01)09501101530003(21){CODE}",
        f"(01)09501101530003(10)LOT(21){CODE}",
        f"https://id.gs1.org/01/09501101530003/22/2A/10/AB/21/{CODE}?17=271231",
        f"https://id.gs1.org/01/9501101530003/21/{CODE}",
        f"(01)09501101530003(21)A{CODE}",
    ],
)
def test_further_texts_that_hold_a_code(text):
    assert CODE in {code.upper() for code in codes(text)}


@pytest.mark.parametrize(
    "text",
    [
        f"https://elsewhere.example/{CODE}",
        f"https://q.example.cn:8443/{CODE}",
        f"https://user@q.example.cn/{CODE}",
        f"https://q.example.cn.elsewhere.example/{CODE}",
        f"https://notq.example.cn/{CODE}",
        f"https://q.example.cn/other/{CODE}",
        f"https://q.example.cn/?u={CODE}",
        f"ftp://q.example.cn/{CODE}",
        f"]d2010001234567890521{CODE}",  # another product's GTIN
        f"(01)09501101530003(21){CODE}(21)X",
        f"(01)00012345678905(21){CODE}",
        f"https://elsewhere.example/?to=https://q.example.cn/{CODE}",
        f"x;https://q.example.cn/{CODE}",
        f"{CODE};{CODE}",
        "https://q.example.cn/",
    ],
)
def test_texts_that_hold_none(text):
    assert not codes(text)


def test_what_two_codes_share_is_neither():
    twice = f"https://q.example.cn/{CODE}"
    assert KNOWN.codes(twice * 2) is Doubt.SEVERAL
    assert KNOWN.codes(f"{twice}?a=1;{twice}") is Doubt.SEVERAL
    assert KNOWN.codes(f"{CODE}-{twice}") is Doubt.BEFORE
    assert KNOWN.codes(f"{'x' * 49}{twice}") is Doubt.BEFORE


@given(st.text(max_size=300), st.sampled_from(["", payload(LINK, CODE), "https://q.example.cn/"]))
def test_any_text_is_read_without_a_failure(text, more):
    for reading in read_all(text[:150] + more + text[150:], KNOWN):
        assert (reading.kind is ReadingKind.SCAN) is bool(reading.codes)
        assert all(
            set(c) <= {*string.ascii_letters, *string.digits, *"-._~"} for c in reading.codes
        )


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_a_failure(data):
    read_all(data, KNOWN)

"""The phone page: structure, words, escaping. How it looks is in docs/images/."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from mintmark.activation.backend import page
from mintmark.activation.backend.scan import ScanResult
from mintmark.activation.client.wire import ScanAnswer

VOID_TAGS = {"meta", "link", "input", "br", "path"}
NASTY = "<script>alert(1)</script>\"'&${title}"


class Reader(HTMLParser):
    """Checks that tags nest; keeps attributes and the text a reader sees."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self._open = [], "", []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID_TAGS:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self._open):
            self.text += data

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


def answered(result, **options):
    values = {
        "scans": 2,
        "first_scan": "2026-11-22T12:00:00Z",
        "batch": "HM00-BATCH001",
        "serial": 7,
        "attributes": {
            "product": "雪峰绿茶",
            "lot": "L42",
            "effective_at": "2027-02-01T00:00:00+08:00",
            "expires_at": "2027-03-01T00:00:00Z",
        },
    }
    return ScanAnswer(result, **(values | options))


PAGES = {
    "ask": page.scan_form("x"),
    **{str(result): page.render(answered(result)) for result in ScanResult},
}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_whole_and_needs_nothing_from_elsewhere(name):
    read = Reader(PAGES[name])
    assert read.all("html") == [{"lang": "zh-CN"}]
    assert any(tag.get("name") == "viewport" for tag in read.all("meta"))
    assert len(read.all("main")) == 1
    links = [value for _, tag in read.tags for key, value in tag.items() if key in ("src", "href")]
    assert links == ["data:,"]
    assert not any(key == "style" or key.startswith("on") for _, tag in read.tags for key in tag)
    assert "http" not in PAGES[name].replace("application/x-www-form-urlencoded", "")
    assert "url(" not in PAGES[name]


@pytest.mark.parametrize("result", ScanResult)
def test_every_result_has_its_own_words_and_look(result):
    words = [re.search(r"<h1>(.*?)</h1>", PAGES[str(other)])[1] for other in ScanResult]
    assert len(set(words)) == len(ScanResult)
    assert Reader(PAGES[str(result)]).all("main") == [{"class": str(result)}]
    assert PAGES["ask"].count(f".{result} {{ --tone:") == 2  # light and dark


def test_unknown_claims_no_more_than_is_known():
    text = Reader(page.render(ScanAnswer("unknown"))).text
    assert "未激活，或非正品" in text
    assert "Not activated, or not genuine" in text
    assert "<dl>" not in page.render(ScanAnswer("unknown"))


def test_times_are_read_in_china():
    assert "2026-11-22 20:00" in Reader(PAGES["repeat"]).text
    assert "2027-02-01 00:00" in Reader(PAGES["not_yet"]).text
    assert "2027-03-01 08:00" in Reader(PAGES["expired"]).text


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59"])
def test_a_time_beyond_the_calendar_is_shown_as_it_stands(time):
    assert time in Reader(page.render(answered("genuine", attributes={"expires_at": time}))).text
    assert time in Reader(page.render(answered("not_yet", attributes={"effective_at": time}))).text


def test_a_dead_code_says_nothing_of_its_goods():
    for result in ("inactive", "void"):
        assert "雪峰绿茶" not in PAGES[result]
    assert "雪峰绿茶" in PAGES["genuine"]
    assert "HM00-BATCH001 · 7" in PAGES["void"]


def test_everything_foreign_is_escaped():
    attributes = dict.fromkeys(["product", "lot", "expires_at"], NASTY)
    text = page.render(answered("genuine", attributes=attributes, batch=NASTY))
    assert len(Reader(text).all("script")) == 1
    assert Reader(text).text.count(NASTY) == 4
    assert Reader(page.scan_form(NASTY)).all("input")[0]["value"] == NASTY


def test_the_policy_allows_this_style_and_script_and_nothing_else():
    policy = dict(part.strip().split(" ", 1) for part in page.CONTENT_SECURITY_POLICY.split(";"))
    assert policy["default-src"] == "'none'"
    for tag in ("style", "script"):
        for text in PAGES.values():
            inner = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[1]
            digest = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
            assert policy[f"{tag}-src"] == f"'sha256-{digest}'"


def test_the_button_works_without_scripts():
    read = Reader(PAGES["ask"])
    assert read.all("form") == [{"method": "post"}]
    assert {"type": "hidden", "name": "scan_id", "value": "x"} in read.all("input")
    assert read.all("button") == [{}]

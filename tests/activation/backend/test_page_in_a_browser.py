"""The consumer's page in a real Chromium, served by a real server."""

import re
from pathlib import Path

import pytest
from backend_kit import Clock, settings
from browser_kit import ANSWERS, BATCH, CODES, browser, code_of, phone, serving, settled
from PIL import Image

from mintmark.activation.backend.apply_order import Request
from mintmark.activation.backend.page import _WORDS
from mintmark.activation.backend.store import Store
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

# All tests share a server and a browser, so they run in the same process.
pytestmark = pytest.mark.xdist_group("browser")
IMAGES = Path(__file__).parents[3] / "docs" / "images"


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def url(tmp_path, clock):
    with serving(tmp_path / "backend", clock) as address:
        yield address


@pytest.fixture
def page(chromium):
    with phone(chromium) as opened:
        yield opened
        assert opened.complaints == []


def scanned(folder, serial):
    """Counted scans of a serial."""
    store = Store(settings(folder / "backend").database)
    shown = store.page(BATCH.batch, serial - 1, digests=False).ranges[0]
    store.close()
    return shown.scanned


@pytest.mark.parametrize("answer", sorted(set(ANSWERS) - {"repeat"}))
def test_each_answer_is_shown_and_nothing_else_is_asked_for(page, url, answer):
    code = code_of(answer)
    page.goto(f"{url}/{code}")
    assert settled(page) == _WORDS[answer].title
    text = page.inner_text("body")
    assert _WORDS[answer].english in text
    # Neither in the text nor the title; the address bar is the phone's own.
    assert code not in page.content()
    posts = [request for request in page.asked if request[0] == "POST"]
    assert posts == [("POST", f"{url}/{code}")]
    assert all(asked.startswith(url) for _, asked in page.asked)


def test_loading_again_is_not_a_second_scan_and_another_phone_is(page, chromium, url):
    address = f"{url}/{code_of('genuine')}"
    page.goto(address)
    assert settled(page) == "正品"
    page.reload()
    assert settled(page) == "正品"
    page.goto("about:blank")
    page.go_back()
    assert settled(page) == "正品"
    with phone(chromium) as other:
        other.goto(address)
        assert settled(other) == "此码已被查询过"
        assert re.search(r"查询次数\s*Checks\s*2\b", other.inner_text("dl"))


def test_without_scripts_loading_counts_nothing_and_a_button_asks(chromium, url, tmp_path):
    with phone(chromium, java_script_enabled=False) as plain:
        plain.goto(f"{url}/{code_of('genuine')}")
        assert plain.inner_text("main h1:visible") == "查询真伪"
        assert scanned(tmp_path, 1) == 0
        plain.get_by_role("button", name="查询").click()
        assert plain.inner_text("main h1:visible") == "正品"
        assert scanned(tmp_path, 1) == 1


def test_a_network_that_fails_is_told_and_the_next_try_works(chromium, url):
    with phone(chromium) as page:
        page.route("**/*", lambda route: route.abort() if route.request.method == "POST"
                   else route.continue_())  # fmt: skip
        page.goto(f"{url}/{code_of('genuine')}")
        assert settled(page) == "网络不畅"
        page.unroute("**/*")
        page.get_by_role("button", name="查询").click()
        page.wait_for_selector("main.genuine")
        assert settled(page) == "正品"


def test_what_a_line_writes_into_attributes_is_text(page, url, tmp_path, clock):
    evil = "<img src=x onerror=alert(1)>茶"
    store = Store(settings(tmp_path / "backend").database)
    serials = (Range(10, 10),)
    patch = {"attributes": {"product": evil, "lot": "长" * 300}}
    store.order(Request("evil", BATCH.batch, Action.ASSIGN, serials, **patch), clock())
    store.close()
    page.goto(f"{url}/{CODES[9]}")
    assert settled(page) == "正品"
    assert evil in page.inner_text("dl")
    assert page.query_selector("dl img") is None
    fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert page.evaluate(fits)


@pytest.mark.parametrize(
    "changed",
    [
        {"viewport": {"width": 320, "height": 568}},
        {"color_scheme": "dark"},
        {"viewport": {"width": 1280, "height": 800}, "is_mobile": False},
    ],
    ids=["small", "dark", "desk"],
)
def test_it_fits_and_can_be_read_on_other_screens(chromium, url, changed):
    with phone(chromium, **changed) as page:
        page.goto(f"{url}/{code_of('genuine')}")
        assert settled(page) == "正品"
        fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert page.evaluate(fits)
        for part in ("main h1", ".body p", "dt", "dd", "main .en"):
            assert page.evaluate(CONTRAST, part) >= 4.5, part


# WCAG 2.2, 1.4.3: of a text's colour to the nearest background behind it that is not see-through.
CONTRAST = """(selector) => {
  const rgb = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  let at = document.querySelector(selector);
  const text = light(rgb(getComputedStyle(at).color));
  let back = [0, 0, 0, 0];
  while (at && (back[3] === 0)) {
    back = rgb(getComputedStyle(at).backgroundColor);
    if (back.length === 3) { break; }
    at = at.parentElement;
  }
  const [dark, bright] = [text, light(back)].sort((a, b) => a - b);
  return (bright + 0.05) / (dark + 0.05);
}"""


@pytest.mark.parametrize("answer", sorted(ANSWERS))
def test_the_documents_show_a_picture_of_it(answer):
    path = IMAGES / f"page-{answer.replace('_', '-')}.png"
    with Image.open(path) as picture:
        assert picture.size == (780, 1580)
    assert path.stat().st_size < 60_000
    assert path.name in (IMAGES.parent / "activation-api.md").read_text("utf-8")

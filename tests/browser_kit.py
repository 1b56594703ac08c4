"""Chromium on a phone's terms, and pictures of every answer of the page.

    python tests/browser_kit.py --write docs/images

writes page-<answer>.png, as docs/activation-api.md shows them.
"""

import io
import shutil
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from backend_kit import Clock, make_batch, make_codes, prints, settings
from patience import PATIENCE
from PIL import Image

from mintmark.activation.backend.apply_order import Request
from mintmark.activation.backend.serve import Server
from mintmark.activation.backend.store import Store
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

# Quiet: no look-ups of its maker's hosts, on a machine that may have no network.
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PHONE = {
    "viewport": {"width": 390, "height": 790},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "locale": "zh-CN",
}
MILLISECONDS = PATIENCE * 1_000
NAMES = ("chromium", "chromium-browser", "google-chrome")
CODES = make_codes(10)
BATCH = make_batch(10)
ITEM = {"product": "明前龙井 250 克礼盒", "lot": "L20261122-3", "campaign": "新春扫码有礼"}
# Answer → what is ordered for its serial after its activation.
ANSWERS = {
    "genuine": (1, None, {}),
    "repeat": (2, None, {}),
    "not_yet": (3, Action.ASSIGN, {"effective_at": "2027-01-01T00:00:00+08:00"}),
    "expired": (4, Action.ASSIGN, {"expires_at": "2026-11-01T00:00:00+08:00"}),
    "inactive": (5, Action.REVOKE, {}),
    "frozen": (6, Action.FREEZE, {}),
    "void": (7, Action.VOID, {}),
    "unknown": (None, None, {}),
}


def missing():
    """Why there is no browser, or None."""
    found = any(shutil.which(name) for name in NAMES)
    return None if found else "no Chromium: install Debian's chromium"


@contextmanager
def browser():
    """A running Chromium; skips the test if there is none."""
    if reason := missing():
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    program = next(path for name in NAMES if (path := shutil.which(name)))
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=program, args=list(FLAGS), timeout=MILLISECONDS
        )
        try:
            yield chromium
        finally:
            chromium.close()


@contextmanager
def serving(folder, clock=None):
    """The reference backend over codes, a code in each standing; its address."""
    wanted = settings(folder, now=clock or Clock())
    Path(wanted.database.database).parent.mkdir(exist_ok=True)
    fill(Store(wanted.database), wanted.now)
    up = threading.Event()
    server = Server("127.0.0.1", 0, wanted, ready=lambda _: up.set())
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert up.wait(PATIENCE)
        yield server.url
    finally:
        server.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def fill(store, now):
    store.register(BATCH, now())
    store.upload(BATCH.batch, 1, prints(CODES), now())
    whole = (Range(1, 10),)
    store.order(Request("a", BATCH.batch, Action.ACTIVATE, whole, attributes=ITEM), now())
    for name, (serial, action, attributes) in ANSWERS.items():
        if action:
            serials, count = (Range(serial, serial),), 1 if action is Action.VOID else None
            more = {"attributes": attributes, "count": count}
            store.order(Request(name, BATCH.batch, action, serials, **more), now())
    store.close()


def code_of(answer):
    """The code that gets this answer; `repeat` once it was scanned before."""
    serial = ANSWERS[answer][0]
    return CODES[serial - 1] if serial else "N0TAC0DE0FANY0NE"


@contextmanager
def phone(chromium, **changed):
    """A page of a phone's own; whatever its console complains about fails the test."""
    context = chromium.new_context(**(PHONE | changed))
    context.set_default_timeout(MILLISECONDS)
    page = context.new_page()
    page.complaints, page.asked = [], []
    page.on("console", lambda said: page.complaints.append(said.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda request: page.asked.append((request.method, request.url)))
    try:
        yield page
    finally:
        context.close()


def settled(page):
    """Wait until the page shows an answer, or says that there is none."""
    # A selector: the page's own policy forbids what is evaluated from a text.
    shown = page.wait_for_selector("html:not(.busy) main h1:visible")
    return shown.inner_text()


def pictures(folder):
    """A picture of each answer."""
    with tempfile.TemporaryDirectory() as data, serving(Path(data)) as url, browser() as chromium:
        for name in ANSWERS:
            with phone(chromium) as page:
                if name == "repeat":
                    page.goto(f"{url}/{code_of(name)}")
                    settled(page)
                    page.evaluate("sessionStorage.clear()")
                page.goto(f"{url}/{code_of(name)}")
                settled(page)
                save(page.screenshot(), folder / f"page-{name.replace('_', '-')}.png")


def save(data, path):
    """A palette of 64 colours is plenty for it, and a quarter of the bytes."""
    Image.open(io.BytesIO(data)).convert("RGB").quantize(64).save(path, optimize=True)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "--write":
        sys.exit("usage: python tests/browser_kit.py --write FOLDER")
    pictures(Path(sys.argv[2]))

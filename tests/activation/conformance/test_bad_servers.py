"""Servers that are busy, silent or without end: a check ends, and says what was the matter."""

import os
import threading
from collections import Counter
from contextlib import contextmanager

import httpx2
import pytest
import uvicorn
from backend_kit import BACKEND_KEY
from patience import PATIENCE

from mintmark.activation.backend.app import create_app
from mintmark.activation.backend.backend import Backend
from mintmark.activation.backend.database import sqlite_url
from mintmark.activation.backend.store import Store
from mintmark.activation.conformance import probe as probe_module
from mintmark.activation.conformance.kit import SILENT, check
from mintmark.activation.conformance.noise import unknown_rows
from mintmark.activation.conformance.outcome import Broken
from mintmark.activation.conformance.probe import Probe
from mintmark.activation.conformance.select import clauses
from mintmark.activation.conformance.trial import Trial
from mintmark.codegen.errors import EnvironmentFailure
from mintmark.codegen.invocation import utc_now

PART = ("orders.once", "orders.missing", "once.serials", "states.void", "scans.once", "read.pages")


@contextmanager
def serving(app):
    up = threading.Event()
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
    startup = server.startup

    async def started(**how):
        await startup(**how)
        up.set()

    server.startup = started
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert up.wait(PATIENCE)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()


@contextmanager
def trial_at(app):
    with serving(app) as url, Probe(url) as probe:
        yield url, Trial(probe, BACKEND_KEY, "TEST-000000000000", os.urandom)


@pytest.fixture
def reference(tmp_path):
    store = Store(sqlite_url(tmp_path))
    try:
        yield create_app(Backend(store, BACKEND_KEY, utc_now, trust_loopback=True))
    finally:
        store.close()


def failing(result):
    return [clause.id for clause in result.clauses if clause.result == "fail"]


async def answer(send, status, body=b"{}", *headers):
    await send({"type": "http.response.start", "status": status, "headers": [*headers]})
    await send({"type": "http.response.body", "body": body})


def busy(app, times):
    """`app`, which answers the first `times` requests to each address 503."""
    heard = Counter()

    async def asgi(scope, receive, send):
        heard[scope["method"], scope["path"]] += 1
        if heard[scope["method"], scope["path"]] > times:
            await app(scope, receive, send)
        else:
            await answer(send, 503, b"{}", (b"retry-after", b"0"))

    return asgi


def test_a_backend_that_is_busy_now_and_then_is_asked_again(reference):
    with trial_at(busy(reference, 1)) as (url, trial):
        result = check(url, trial, lambda *_: None, clauses(PART))
    assert not failing(result), "\n".join(result.lines())
    assert result.unavailable > 20
    assert f"answered 503 and sent again: {result.unavailable} requests" in result.lines()


def test_a_backend_that_stays_busy_is_told(reference):
    with trial_at(busy(reference, 4)) as (url, trial):
        result = check(url, trial, lambda *_: None, clauses(PART))
    assert failing(result) == ["register.health"]
    assert result.unavailable == probe_module.TRIES - 1


def test_a_backend_that_goes_away_is_not_asked_for_hours(reference, monkeypatch):
    asked = []
    send = httpx2.Client.send
    monkeypatch.setattr(
        httpx2.Client, "send", lambda self, *a, **k: asked.append(a) or send(self, *a, **k)
    )

    async def gone(scope, receive, send):
        if len(asked) <= 4:
            await reference(scope, receive, send)
        else:  # more than an answer may have
            await answer(send, 200, b" " * (probe_module.ANSWER_BYTES + 1))

    with trial_at(gone) as (url, trial):
        result = check(url, trial, lambda *_: None, clauses())
    kinds = [clause.result for clause in result.clauses if clause.id != "register.health"]
    assert kinds.count("fail") == SILENT
    assert kinds.count("pass") + SILENT + kinds.count("not run") == len(kinds)
    assert result.alive == (trial.batch,)
    assert f"could not be voided: {trial.batch}" in result.lines()
    assert "is left void" not in "\n".join(result.lines())


def test_an_answer_without_end_ends(monkeypatch):
    monkeypatch.setattr(probe_module, "SECONDS", 0.0)

    async def dripping(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(5):
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    with trial_at(dripping) as (_, trial):
        trial.probe._http.timeout = PATIENCE
        with pytest.raises(EnvironmentFailure, match="does not end"):
            trial.probe("GET", "/v1/health")


@pytest.mark.parametrize(
    "reading",
    [lambda t: t.ranges((1, 9)), lambda t: unknown_rows(t.probe)],
    ids=["ranges", "unknown"],
)
def test_pages_that_show_nothing_and_go_on_have_an_end(reading):
    asked = []

    async def endless(scope, _receive, send):
        asked.append(scope["query_string"])
        await answer(send, 200, b'{"ranges": [], "unknown": [], "next": %d}' % (len(asked)))

    with trial_at(endless) as (_, trial), pytest.raises(Broken, match="next"):
        reading(trial)
    assert len(asked) == 1


@pytest.mark.parametrize("deep", [b"[" * 900 + b"]" * 900, b"1e999", b"NaN", b'"\\ud800"'])
def test_an_answer_of_any_form_is_a_verdict_and_no_bug(reference, deep):
    body = b'{"ranges": [{"serials": %b, "state": %b}], "next": %b, "applied": %b}' % ((deep,) * 4)

    async def asgi(scope, receive, send):
        if scope["path"].startswith("/v1/orders"):
            await answer(send, 200, body)
        else:
            await reference(scope, receive, send)

    with trial_at(asgi) as (url, trial):
        result = check(url, trial, lambda *_: None, clauses(("orders", "once", "sequence.ids")))
    assert {"orders.once", "orders.answer"} & set(failing(result))

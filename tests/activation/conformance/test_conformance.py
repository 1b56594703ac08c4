"""The kit finds nothing in the reference backend, and the broken clause in broken ones."""

import base64
import hashlib
import os
import re
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import broken_backends
import postgres_kit
import pytest
import uvicorn
from backend_kit import BACKEND_KEY, settings
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures.algorithms import ED25519

from mintmark.activation.backend import senders, signatures
from mintmark.activation.backend.app import create_app
from mintmark.activation.backend.backend import Backend
from mintmark.activation.backend.database import postgresql_url, sqlite_url
from mintmark.activation.backend.senders import Sender
from mintmark.activation.backend.serve import Server
from mintmark.activation.backend.store import Store
from mintmark.activation.client.signing import Key, RequestSigner
from mintmark.activation.conformance.kit import AREAS, check
from mintmark.activation.conformance.probe import Probe
from mintmark.activation.conformance.trial import Trial
from mintmark.codegen.errors import EnvironmentFailure

PRIVATE = Ed25519PrivateKey.generate()
DOCUMENT = Path(__file__).parents[3] / "docs" / "activation-api.md"


def now():
    return datetime.now(UTC)


class Known:
    """One sender, who may do everything."""

    def __call__(self, key_id):
        return Sender(key_id, "kit", ED25519, PRIVATE.public_key()) if key_id == "kit" else None

    def close(self):
        """Nothing is open."""


def checked(url, *, sign=False):
    signer = RequestSigner(lambda _: Key("kit", PRIVATE), now, os.urandom) if sign else None
    with Probe(url, signer) as probe:
        return check(url, Trial(probe, BACKEND_KEY, "TEST-000000000000", os.urandom), lambda *_: 0)


def failing(result):
    return {verdict.id for verdict in result.clauses if verdict.result == "fail"}


@contextmanager
def answering(run, stop, url, up):
    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert up.wait(30)
        yield url
    finally:
        stop()
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("sign", [True, False])
def test_the_reference_backend_keeps_every_clause(tmp_path, kind, sign):
    url = sqlite_url(tmp_path / "b")
    if kind == "postgresql":
        url = postgresql_url(postgres_kit.cluster().database())
    up = threading.Event()
    wanted = settings(url, now=now, trust_loopback=not sign, senders=Known)
    server = Server("127.0.0.1", 0, wanted, ready=lambda _: up.set())
    with answering(server.run, server.stop, server.url, up) as address:
        result = checked(address, sign=sign)
        assert failing(result) == set(), "\n".join(result.lines())
        unoffered = {v.id.split(".")[0] for v in result.clauses if v.result == "not offered"}
        assert unoffered == (set() if sign else {"signing"})
        assert result.exit_code == 0
        with Probe(address, None) as probe:
            page = probe("GET", f"/v1/batches/{result.batch}?after=0")
            assert (
                page.status == 401
                if sign
                else {r["state"] for r in page.data["ranges"]} == {"void"}
            )


@contextmanager
def serving(app):
    class Loud(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            up.set()

    up = threading.Event()
    config = uvicorn.Config(app, port=0, lifespan="off", log_level="error", access_log=False)
    server = Loud(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert up.wait(30)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)


def lenient(app, _):
    """Reads naive times as UTC."""

    async def wrapped(scope, receive, send):
        async def patched():
            message = await receive()
            if message["type"] == "http.request":
                text = message.get("body", b"")
                message["body"] = re.sub(rb'(_at": "[0-9T:-]{19})"', rb'\1Z"', text)
            return message

        headers = [(k, v) for k, v in scope["headers"] if k != b"content-length"]
        await app({**scope, "headers": headers}, patched, send)

    return wrapped


def trusting(app, _):
    """Checks who signed, and forgets to ask whether it was taken before."""
    app.state.backend.store.fresh = lambda *_: True
    return app


def timeless(app, patch):
    """Checks signatures, and not when they were made."""

    class Verifier(signatures._Verifier):
        def validate_created_and_expires(self, sig_input, max_age=None):
            pass

    patch.setattr(signatures, "_Verifier", Verifier)
    return app


def lax(app, patch):
    """Takes what is signed, however little that is."""
    verify = signatures._Verifier.verify

    class Verifier(signatures._Verifier):
        def verify(self, message, **options):
            return verify(self, message, **options | {"require_components": ("@method",)})

    patch.setattr(signatures, "_Verifier", Verifier)
    return app


def gullible(app, patch):
    """Compares the digest with the body, and does not ask who says it."""
    verify = signatures._Verifier.verify

    class Verifier(signatures._Verifier):
        def verify(self, message, *, body, **options):
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
            if body and message.headers.get("content-digest") != f"sha-256=:{digest}:":
                raise signatures.InvalidSignature("another body")
            return verify(self, message, body=None, **options)

    patch.setattr(signatures, "_Verifier", Verifier)
    return app


def nonceless(app, patch):
    """Takes a signature without a nonce."""
    verify = signatures._Verifier.verify

    class Verifier(signatures._Verifier):
        def verify(self, message, **options):
            (found,) = verify(self, message, **options)
            return [found._replace(nonce=found.nonce or os.urandom(16).hex())]

    patch.setattr(signatures, "_Verifier", Verifier)
    return app


def believing(app, patch):
    """Checks by the algorithm that the signature names."""

    class Verifier(signatures._Verifier):
        def __init__(self, sender, at):
            super().__init__(sender, at)
            self.sender, self.at = sender, at

        def verify(self, message, **options):
            if 'alg="hmac-sha256"' in message.headers["signature-input"]:
                key = self.sender.key.public_bytes_raw()
                believed = replace(self.sender, algorithm=senders.HMAC_SHA256, key=key)
                return plain_verifier(believed, self.at).verify(message, **options)
            return super().verify(message, **options)

    plain_verifier = signatures._Verifier
    patch.setattr(signatures, "_Verifier", Verifier)
    return app


def open_to_all(app, patch):
    """Has a key for whatever it is called."""
    patch.setattr(
        Known, "__call__", lambda _, key_id: Sender(key_id, "x", ED25519, PRIVATE.public_key())
    )
    return app


def plain(app, _):
    return app


@pytest.mark.parametrize(
    ("store", "wrap", "sign", "broken"),
    [
        (
            broken_backends.Forgetful,
            plain,
            False,
            {"orders.once", "orders.differs"},
        ),
        (broken_backends.Careless, plain, False, {"orders.count"}),
        (broken_backends.Backwards, plain, False, {"attributes.never-valid"}),
        (broken_backends.Halfway, plain, False, None),
        (broken_backends.Eager, plain, False, {"scans.pending"}),
        (broken_backends.Counting, plain, False, {"scans.scan-id"}),
        (broken_backends.FirstHead, plain, False, {"read.head"}),
        (broken_backends.AnyHome, plain, False, {"read.head-home"}),
        (Store, lenient, False, {"attributes.times"}),
        (Store, trusting, True, {"signing.replay"}),
        (Store, timeless, True, {"signing.expired", "signing.early"}),
        (Store, lax, True, {"signing.components"}),
        (Store, gullible, True, {"signing.components"}),
        (Store, nonceless, True, {"signing.nonce"}),
        (Store, believing, True, {"signing.algorithm"}),
        (Store, open_to_all, True, {"signing.stranger"}),
    ],
    ids=[
        *(
            "forgetful",
            "careless",
            "backwards",
            "halfway",
            "eager",
            "counting",
            "first-head",
            "any-home",
            "lenient",
            "trusting",
        ),
        *("timeless", "lax", "gullible", "nonceless", "believing", "open"),
    ],
)
def test_the_broken_clause_is_pointed_at(monkeypatch, tmp_path, store, wrap, sign, broken):  # noqa: PLR0917
    books = store(sqlite_url(tmp_path))
    try:
        app = create_app(Backend(books, BACKEND_KEY, now, not sign, Known()))
        with serving(wrap(app, monkeypatch)) as url:
            result = checked(url, sign=sign)
    finally:
        books.close()
    if broken is None:
        assert {"orders.atomic", "orders.missing"} <= failing(result)
    else:
        assert failing(result) == broken, "\n".join(result.lines())
    assert result.exit_code == 5
    text = "\n".join(result.lines())
    for name in failing(result):
        assert f"FAIL {name}:" in text


def test_a_server_of_something_else_fails_at_once_and_the_rest_is_not_run():
    async def other(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"<html>hello</html>"})

    with serving(other) as url:
        result = checked(url)
    assert failing(result) == {"register.health"}
    assert {v.result for v in result.clauses[1:]} == {"not run"}


def test_nobody_there_is_no_verdict():
    with pytest.raises(EnvironmentFailure, match="cannot be reached"):
        checked("http://127.0.0.1:9")


def test_the_clauses_are_named_once_and_lead_into_the_document():
    clauses = [clause for area in AREAS for clause in area]
    names = [clause.name for clause in clauses]
    assert len(set(names)) == len(names)
    headings = set(re.findall(r"^#+ (.+)$", DOCUMENT.read_text("utf-8"), re.MULTILINE))
    assert {clause.section for clause in clauses} <= headings


def test_no_code_is_in_a_result(tmp_path):
    """Even if everything fails."""
    seen = []
    original = Trial.code

    class Telling(Trial):
        def code(self, serial):
            seen.append(original(self, serial))
            return seen[-1]

    books = broken_backends.Halfway(sqlite_url(tmp_path))
    app = create_app(Backend(books, BACKEND_KEY, now, True))
    with serving(app) as url, Probe(url) as probe:
        trial = Telling(probe, BACKEND_KEY, "TEST-000000000000", os.urandom)
        text = "\n".join(str(v) for v in check(url, trial, lambda *_: 0).clauses)
    books.close()
    assert seen
    assert not [code for code in seen if code in text]

"""schemathesis over the whole OpenAPI document: in process, and against a running server.

MINTMARK_FUZZ_EXAMPLES=500 tries as many requests an address; the suite tries fifteen.
"""

import os
import threading

import pytest
import schemathesis
import yaml
from backend_kit import BACKEND_KEY, Clock, make_batch, make_codes, prints
from backend_kit import settings as backend_settings
from hypothesis import HealthCheck, Phase, given, settings
from openapi_kit import document
from patience import PATIENCE
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from mintmark.activation.backend.app import Backend, create_app
from mintmark.activation.backend.apply_order import Request
from mintmark.activation.backend.database import sqlite_url
from mintmark.activation.backend.serve import Server
from mintmark.activation.backend.store import Store
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

EXAMPLES = int(os.environ.get("MINTMARK_FUZZ_EXAMPLES", "15"))
BATCH = make_batch(100, "0")  # an id that is often drawn
# The servers here let this machine in unsigned: what a signature is for, test_signing.py asks.
DOCUMENT = {key: value for key, value in document().items() if key != "security"}
del DOCUMENT["components"]["securitySchemes"]
LABELS = [
    f"{method.upper()} {path}"
    for path, item in DOCUMENT["paths"].items()
    for method in item
    if method != "parameters"
]
# That a 409 is about the state, or a 404 about a batch there isn't, no schema can say.
EXCLUDED = [checks.positive_data_acceptance]


def filled(folder):
    """Something to hit: a batch with live and pending codes."""
    store, now = Store(sqlite_url(folder)), Clock()
    store.register(BATCH, now())
    store.upload(BATCH.batch, 1, prints(make_codes(100)), now())
    store.order(Request("0", BATCH.batch, Action.ACTIVATE, (Range(1, 50),)), now())
    return store, now


def with_document(app):
    """The app, and the document at an address of its own: schemathesis loads it from there."""
    text = yaml.safe_dump(DOCUMENT).encode()

    async def wrapped(scope, receive, send):
        if scope["type"] == "http" and scope["path"] == "/openapi.yaml":
            headers = [(b"content-type", b"application/yaml")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": text})
        elif scope["type"] == "http":
            await app({**scope, "client": ("127.0.0.1", 5)}, receive, send)

    return wrapped


def tried(operation, mode, **connection):
    """Requests drawn for an operation, each answer held to every check."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case):
        case.call_and_validate(excluded_checks=EXCLUDED, **connection)

    run()


def operation(schema, label):
    (found,) = [result.ok() for result in schema.get_all_operations() if result.ok().label == label]
    return found


@pytest.fixture(scope="module")
def inside(tmp_path_factory):
    store, now = filled(tmp_path_factory.mktemp("inside"))
    app = create_app(Backend(store, BACKEND_KEY, now, True))
    yield schemathesis.openapi.from_asgi("/openapi.yaml", with_document(app), headers=LOCAL)
    store.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("running")
    store, now = filled(folder)
    store.close()
    up = threading.Event()
    server = Server("127.0.0.1", 0, backend_settings(folder, now=now), ready=lambda _: up.set())
    thread = threading.Thread(target=server.run)
    thread.start()
    assert up.wait(PATIENCE)
    yield server.url
    server.stop()
    thread.join(PATIENCE)
    assert not thread.is_alive()


LOCAL = {"Host": "127.0.0.1"}
# They take nothing that could be wrong.
WITHOUT_INPUT = {
    f"{method} {path}" for method in ("GET", "HEAD") for path in ("/v1/health", "/{code}")
}
CASES = [
    pytest.param(label, mode, id=f"{label} {mode.value}")
    for label in LABELS
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    if mode is GenerationMode.POSITIVE or label not in WITHOUT_INPUT
]


@pytest.mark.parametrize(("label", "mode"), CASES)
def test_in_process(inside, label, mode):
    tried(operation(inside, label), mode, headers=LOCAL)


@pytest.mark.parametrize(("label", "mode"), CASES)
def test_against_a_running_server(running, label, mode):
    tried(operation(schemathesis.openapi.from_dict(DOCUMENT), label), mode, base_url=running)

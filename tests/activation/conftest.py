"""A reference backend to talk to: its store, its app in process, its real server."""

import threading

import made_books
import postgres_kit
import pytest
from backend_kit import Asgi, Clock, app_over, settings
from patience import PATIENCE

from mintmark.activation.backend.database import postgresql_url, sqlite_url
from mintmark.activation.backend.limits import BackendLimits
from mintmark.activation.backend.serve import Server
from mintmark.activation.backend.store import Store
from mintmark.activation.client.client import HttpClient


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def backend_limits():
    return BackendLimits()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """The URL of a database, once of either kind: of made books for a test that asks for a store.

    For others it is empty.
    """
    made = "store" in request.fixturenames
    if request.param == "sqlite":
        return made_books.sqlite(tmp_path) if made else sqlite_url(tmp_path)
    return made_books.postgresql() if made else postgresql_url(postgres_kit.cluster().database())


@pytest.fixture
def store(database, backend_limits):
    store = Store(database, backend_limits)
    yield store
    store.close()


@pytest.fixture
def app(store, clock):
    return app_over(store, clock)


@pytest.fixture
def call(app):
    return Asgi(app)


@pytest.fixture
def server(tmp_path, clock):
    up = threading.Event()
    told = settings(tmp_path / "backend", now=clock)
    server = Server("127.0.0.1", 0, told, ready=lambda _: up.set())
    thread = threading.Thread(target=server.run)
    thread.start()
    assert up.wait(PATIENCE)
    yield server
    server.stop()
    thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.fixture
def client(server):
    with HttpClient(server.url) as client:
        yield client

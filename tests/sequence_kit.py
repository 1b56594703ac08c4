"""What the tests of generated sequences share: a reference backend in a thread, and its trial."""

import os
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import uvicorn
from backend_kit import BACKEND_KEY
from patience import PATIENCE

from mintmark.activation.backend import database
from mintmark.activation.backend.app import create_app
from mintmark.activation.backend.backend import Backend
from mintmark.activation.backend.database import sqlite_url
from mintmark.activation.backend.store import Store
from mintmark.activation.conformance.probe import Probe
from mintmark.activation.conformance.trial import Trial


def now():
    return datetime.now(UTC)


@contextmanager
def tried(folder, store=Store, around=lambda app: app, **more):
    """A trial at a reference backend with another `store`, or with something `around` it."""
    # The books are thrown away: they need not survive a power cut.
    quick = [pragma for pragma in database._PRAGMAS if "synchronous" not in pragma]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_PRAGMAS", (*quick, "synchronous=OFF"))
        books = store(sqlite_url(folder))
    backend = Backend(books, BACKEND_KEY, now, trust_loopback=True)
    up = threading.Event()

    class Loud(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            up.set()

    app = around(create_app(backend))
    config = uvicorn.Config(app, port=0, lifespan="off", log_level="error", access_log=False)
    server = Loud(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert up.wait(PATIENCE)
        port = server.servers[0].sockets[0].getsockname()[1]
        with Probe(f"http://127.0.0.1:{port}") as probe:
            yield Trial(probe, BACKEND_KEY, "TEST-000000000000", os.urandom, **more)
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        backend.close()

"""What the tests of the conformance kit share: a sender's key, an app that is served, a check."""

import os
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import uvicorn
from backend_kit import BACKEND_KEY
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures.algorithms import ED25519
from patience import PATIENCE

from mintmark.activation.backend.senders import Sender
from mintmark.activation.client.signing import Key, RequestSigner
from mintmark.activation.conformance.kit import check
from mintmark.activation.conformance.probe import Probe
from mintmark.activation.conformance.trial import Trial

PRIVATE = Ed25519PrivateKey.generate()
HOME = "TEST-000000000000"


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
        return check(url, Trial(probe, BACKEND_KEY, HOME, os.urandom), lambda *_: 0)


def failing(result):
    return {verdict.id for verdict in result.clauses if verdict.result == "fail"}


@contextmanager
def serving(app):
    """The address at which `app` answers, in a thread."""

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
        assert up.wait(PATIENCE)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE)

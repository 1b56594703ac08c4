"""What the tests of the conformance kit share: a sender's key, an app that is served, a check."""

import os
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import made_books
import pytest
import uvicorn
from backend_kit import BACKEND_KEY
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures.algorithms import ED25519
from patience import PATIENCE

from mintmark.activation.backend import database
from mintmark.activation.backend.sender import SCAN_IN, Sender
from mintmark.activation.client.scans import Party
from mintmark.activation.client.signing import Key, RequestSigner
from mintmark.activation.conformance.kit import AREAS, FIRST, check
from mintmark.activation.conformance.market import DEALER
from mintmark.activation.conformance.probe import Probe
from mintmark.activation.conformance.recorded import read
from mintmark.activation.conformance.select import clauses_again
from mintmark.activation.conformance.trace import Trace
from mintmark.activation.conformance.trial import Trial
from mintmark.codegen.ranges.aggregation import Packing
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.times import format_utc

PRIVATE = Ed25519PrivateKey.generate()
HOME = "TEST-000000000000"


def now():
    return datetime.now(UTC)


class Known:
    """One sender may do everything, the others what docs/conformance.md says."""

    def __init__(self, revoked=()):
        self._revoked = revoked

    def __call__(self, key_id):
        return None if key_id in self._revoked else SENDERS.get(key_id)

    def close(self):
        """Nothing is open."""


OTHERS = ("second", "platform", "dealer")
KEYS = {"kit": PRIVATE, **{name: Ed25519PrivateKey.generate() for name in OTHERS}}
SENDERS = {name: Sender(name, name, ED25519, key.public_key()) for name, key in KEYS.items()}
SENDERS["second"] = replace(
    SENDERS["second"],
    actions=frozenset({Action.FREEZE, Packing.DISSOCIATE}),
    batches=("*-narrow",),
    layers=frozenset(),
    upload=False,
)
SENDERS["platform"] = replace(
    SENDERS["platform"],
    line=False,
    platform=True,
    parties=frozenset({Party.GUIDE, Party.DEALER}),
    actions=frozenset({SCAN_IN}),
    batches=("*-narrow",),
)
SENDERS["dealer"] = replace(
    SENDERS["dealer"],
    actions=frozenset({Action.ASSIGN, SCAN_IN}),
    batches=("*-narrow",),
    attributes={"dealer": DEALER},
)


@contextmanager
def trying(url, *, sign=False, **more):
    """A trial against the backend at `url`; with all keys, or with none."""
    signers = {n: RequestSigner(lambda _, n=n: Key(n, KEYS[n]), now, os.urandom) for n in KEYS}
    with ExitStack() as stack:
        first = stack.enter_context(Probe(url, signers["kit"] if sign else None))
        for name in OTHERS if sign else ():
            more[name] = stack.enter_context(Probe(url, signers[name]))
        yield Trial(first, BACKEND_KEY, HOME, os.urandom, **more)


def checked(url, *, sign=False, only=None, **more):
    """The check of the backend at `url`; `only`: the clauses of these names, after the first."""
    wanted = [
        clause
        for area in AREAS
        for clause in area
        if only is None or clause.name in only or clause.name in FIRST
    ]
    with trying(url, sign=sign, **more) as trial:
        return check(url, trial, lambda *_: 0, wanted)


def traced(url, path, only, *, sign=False):
    """A check of some clauses, with its trace at `path`, to be asked again."""
    wanted = [clause for area in AREAS for clause in area if clause.name in only | FIRST]
    with trying(url, sign=sign) as trial, Trace(path) as trace:
        facts = {"seed": trial.seed, "depth": trial.depth.value, "batch": trial.batch}
        facts |= {"home": trial.home, "fingerprint_key_id": trial.key_id}
        trace.begin(mintmark="0", url=url, started=format_utc(now()), **facts)
        for name in ("probe", *OTHERS):
            if (probe := getattr(trial, name)) is not None:
                trace.watch(probe, name.replace("probe", "first"))
        return check(url, trial, lambda *_: 0, wanted, begin=trace.tell)


def again(url, path, *, sign=False):
    """The check that asks the one with the trace at `path` again."""
    with trying(url, sign=sign, last=read(path)) as trial:
        return check(url, trial, lambda *_: 0, clauses_again())


def failing(result):
    return {verdict.id for verdict in result.clauses if verdict.result == "fail"}


@contextmanager
def thrown_away():
    """SQLite books that are opened within need not survive a power cut, and wait for no disk."""
    quick = [pragma for pragma in database._PRAGMAS if "synchronous" not in pragma]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_PRAGMAS", (*quick, "synchronous=OFF"))
        yield


@contextmanager
def books(store, folder):
    """Books of the class `store` that are thrown away."""
    with thrown_away():
        yield store(made_books.sqlite(folder))


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

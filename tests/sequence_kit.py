"""What the tests of generated sequences share: a reference backend in a thread, and its trial."""

import os
from contextlib import closing, contextmanager

from backend_kit import BACKEND_KEY
from conformance_kit import HOME, books, now, serving

from mintmark.activation.backend.app import create_app
from mintmark.activation.backend.backend import Backend
from mintmark.activation.backend.store import Store
from mintmark.activation.conformance.probe import Probe
from mintmark.activation.conformance.trial import Trial


@contextmanager
def tried(folder, store=Store, around=lambda app: app, **more):
    """A trial at a reference backend with another `store`, or with something `around` it."""
    with books(store, folder) as made:
        backend = Backend(made, BACKEND_KEY, now, trust_loopback=True)
        app = around(create_app(backend))
        with closing(backend), serving(app) as url, Probe(url) as probe:
            yield Trial(probe, BACKEND_KEY, HOME, os.urandom, **more)

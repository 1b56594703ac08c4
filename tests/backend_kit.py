"""What the backend's tests share: a clock, codes of a known key, calls in process."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2

from mintmark.activation.backend.app import create_app
from mintmark.activation.backend.backend import Backend
from mintmark.activation.backend.database import sqlite_url
from mintmark.activation.backend.serve import Settings
from mintmark.activation.client.wire import Batch
from mintmark.codegen.codes.fingerprint import SCHEME, fingerprints, key_id
from mintmark.codegen.secret import Secret

BACKEND_KEY = Secret(bytes(range(32)))
SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime(2026, 11, 22, 12, 0, tzinfo=UTC))

    def __call__(self):
        return self.now

    def forward(self, **delta):
        self.now += timedelta(**delta)


def make_codes(count, prefix="ABCD"):
    return [f"{prefix}{serial:012d}" for serial in range(1, count + 1)]


def prints(codes):
    return fingerprints("".join(codes).encode("ascii"), 16, BACKEND_KEY)


def make_batch(quantity, batch="HM00-BATCH001", **changed):
    values = {
        "batch": batch,
        "home": "HM00-000000000000",
        "symbols": SYMBOLS,
        "length": 16,
        "canonical": "crockford32",
        "quantity": quantity,
        "scheme": SCHEME,
        "fingerprint_key_id": key_id(BACKEND_KEY),
    }
    return Batch(**(values | changed))


def settings(database, **changed):
    """The settings of a server: over `database`, a folder or a URL, with the tests' key."""
    url = sqlite_url(database) if isinstance(database, Path) else database
    return Settings(
        url, lambda: BACKEND_KEY, **({"trust_loopback": True, "now": Clock()} | changed)
    )


@dataclass
class Seconds:
    """A clock that never goes back, whatever the time of day does."""

    now: float = 1_000.0

    def __call__(self):
        return self.now


def app_over(store, clock, *, trust_loopback=True):
    return create_app(Backend(store, BACKEND_KEY, clock, trust_loopback))


class Asgi:
    """The app in process, called like an HTTP client."""

    def __init__(self, app, peer="127.0.0.1"):
        self._transport = httpx2.ASGITransport(app, raise_app_exceptions=False, client=(peer, 5))

    def __call__(self, method, path, host="127.0.0.1", **options):
        async def call():
            base = f"http://{host}"
            async with httpx2.AsyncClient(transport=self._transport, base_url=base) as client:
                return await client.request(method, path, **options)

        return asyncio.run(call())

"""Which scan backend this home talks to."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from ..codegen.station.station import Station
from .api import Client, HttpClient

# Written by `backend serve` while it serves a home on loopback, so that a first try
# works with nothing configured.
ANNOUNCEMENT = "local-backend.json"


def backend_url(station: Station) -> str | None:
    """MINTMARK_BACKEND_URL, else the configured one, else a local one that is running."""
    named = os.environ.get("MINTMARK_BACKEND_URL") or station.config.backend_url
    return named or _announced(station.home)


@contextlib.contextmanager
def connected(station: Station) -> Iterator[Client | None]:
    """A client, or None where no backend is named. Raises `UsageError` for a bad URL."""
    url = backend_url(station)
    if url is None:
        yield None
        return
    with HttpClient(url) as client:
        yield client


def _announced(home: Path) -> str | None:
    try:
        text = (home / ANNOUNCEMENT).read_text(encoding="ascii")
        return str(json.loads(text)["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None

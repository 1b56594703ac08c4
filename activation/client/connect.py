"""Which scan backend this home talks to."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ...codegen.errors import EnvironmentFailure, IntegrityError, NotFound, UsageError
from ...codegen.invocation import secret_file
from ...codegen.station.config import Config
from ...codegen.station.station import Station
from .address import checked_url

# The client waits in the functions: a home without a backend only asks whether it has one.
if TYPE_CHECKING:
    import ssl

    from .protocol import Client
    from .signing import RequestSigner

# Written by `backend serve` while it serves a home on loopback, so that a first try
# works with nothing configured.
ANNOUNCEMENT = "local-backend.json"
VARIABLE = "MINTMARK_BACKEND_URL"


def backend_url(station: Station) -> str | None:
    """MINTMARK_BACKEND_URL, else the configured URL, else a local backend that is running.

    Raises `UsageError` for an address that can't be used, naming where it stands.
    """
    for name, url in (
        (VARIABLE, os.environ.get(VARIABLE)),
        ("url in [backend] of mintmark.toml", station.config.backend_url),
        (f"the address in {ANNOUNCEMENT}", _announced(station.home)),
    ):
        if url:
            checked_url(url, name)
            return url
    return None


def check_backend(station: Station) -> None:
    """Raises `UsageError` for settings of the backend that a service could only fail with.

    What may come right while it runs, a certificate or a disk that is not there yet, passes.
    """
    transient = contextlib.suppress(NotFound, IntegrityError, EnvironmentFailure, OSError)
    with transient, connected(station):
        return


@contextlib.contextmanager
def connected(station: Station) -> "Iterator[Client | None]":
    """A client, or None if no backend is configured.

    Raises `UsageError` for a bad URL, proxy or certificate that can't be used, `NotFound` for a
    file that is not there.
    """
    url = backend_url(station)
    if url is None:
        yield None
        return
    from .client import HttpClient

    tls = tls_of(station.config)
    with HttpClient(url, sign=signer(station), tls=tls, now=station.now) as client:
        yield client


def signer(station: Station) -> "RequestSigner":
    """Signs with the lines' keys, or with the secret shared with the backend."""
    from .signing import RequestSigner, line_keys, secret_key

    config, keys = station.config, line_keys(station)
    if config.backend_secret_file is not None and config.backend_key_id is not None:
        keys = secret_key(secret_file(config.backend_secret_file), config.backend_key_id)
    return RequestSigner(keys, station.now, station.entropy)


def tls_of(config: Config) -> "ssl.SSLContext | None":
    """The configured CA trusted besides, and our certificate shown; None: Python's defaults."""
    if config.backend_ca is None and config.backend_certificate is None:
        return None
    import ssl

    try:
        context = ssl.create_default_context()
        if config.backend_ca is not None:
            context.load_verify_locations(config.backend_ca)
        if config.backend_certificate is not None:
            # No prompt for the passphrase of a key: no person is near.
            context.load_cert_chain(
                config.backend_certificate, config.backend_certificate_key, password=lambda: ""
            )
    except FileNotFoundError:
        raise NotFound(
            "a certificate named in mintmark.toml is not there", "see [backend] in it"
        ) from None
    except (OSError, ssl.SSLError, ValueError):
        raise UsageError(
            "a certificate named in mintmark.toml can't be used",
            "PEM files; a key without a passphrase",
        ) from None
    return context


def _announced(home: Path) -> str | None:
    path = home / ANNOUNCEMENT
    try:
        # What is no file may wait for a writer.
        return str(json.loads(path.read_text(encoding="ascii"))["url"]) if path.is_file() else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None

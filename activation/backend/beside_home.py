"""`backend serve`: the reference backend, beside the local home."""

import ipaddress
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ...codegen.errors import Refused, UsageError
from ...codegen.files import write_atomically
from ...codegen.invocation import Invocation
from ...codegen.result import Result
from ...codegen.station.keys import read_fingerprint_key
from ..client.address import is_loopback
from ..client.connect import ANNOUNCEMENT

if TYPE_CHECKING:
    from .senders import Senders
    from .throttle import Network


@dataclass(frozen=True)
class ServeRequest:
    """Where a backend keeps its books, and where it listens: the command's options."""

    data: Path | None
    database: str | None
    host: str
    port: int
    workers: int
    proxies: tuple[str, ...] = ()
    authorities: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trust:
    """Whom a backend trusts: the command's options.

    `home`: the local home, with its fingerprint key and its lines; otherwise
    `fingerprint_key` and the `lines` of a file. `unsigned`: this machine, without signatures.
    """

    home: bool
    fingerprint_key: Path | None
    lines: Path | None
    unsigned: bool


@dataclass(frozen=True)
class Served(Result):
    """The backend has stopped."""

    url: str

    def lines(self) -> Iterator[str]:
        """A single line."""
        yield f"stopped serving {self.url}"


def serve(invocation: Invocation, request: ServeRequest, trust: Trust) -> Served:
    """Serve until SIGTERM or Ctrl-C; the address goes to stderr.

    Raises `UsageError` without a database, a fingerprint key or anybody to trust, `Refused`
    if anybody would be trusted on an address other than loopback.
    """
    from .database import FILE, books_url
    from .serve import Server, Settings

    if trust.unsigned and not is_loopback(request.host):
        raise Refused(
            f"on {request.host} anyone could send orders: only this machine is trusted unsigned",
            "leave out --unsigned, or serve on 127.0.0.1",
        )
    database = books_url(request.data, request.database)
    key, home = _key(invocation, trust)
    read_fingerprint_key(key)  # here, so that an error is reported once and not per worker
    announcement = home / ANNOUNCEMENT if home else None

    def ready(url: str) -> None:
        if announcement is not None:
            write_atomically(announcement, json.dumps({"url": url}).encode("ascii"))
        if request.data is not None:
            invocation.tell_open(request.data / FILE)
        books = request.data if request.database is None else "PostgreSQL"
        invocation.notify(f"serving {url} from {books}; stop it with Ctrl-C")

    settings = Settings(
        database,
        partial(read_fingerprint_key, key),
        trust_loopback=trust.unsigned,
        senders=_senders(trust, home),
        proxies=_networks(request.proxies),
        names=_names(request),
        now=invocation.now,
    )
    server = Server(request.host, request.port, settings, workers=request.workers, ready=ready)
    try:
        server.run()
    finally:
        if announcement is not None:
            announcement.unlink(missing_ok=True)
    return Served(server.url)


_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def _names(request: ServeRequest) -> tuple[str, ...]:
    """The host names of the backend in signed requests. Raises `UsageError`."""
    if request.authorities:
        return tuple(map(_authority, request.authorities))
    if is_loopback(request.host):
        return (*_LOOPBACK, request.host.lower())
    raise UsageError(
        "a signed request names the backend it is for, and this backend has no name",
        "give the name in the lines' URL, for example --authority scan.example.com",
    )


def _authority(text: str) -> str:
    """`text` as it is compared. Raises `UsageError` for what no `Host` header can be."""
    try:
        url = urlsplit(f"//{text.lower()}")
        host, port = url.hostname, url.port
    except ValueError:
        host = port = None
    if not host or "@" in text or url.netloc != text.lower():
        raise UsageError(
            "--authority is no host", "write for example scan.example.com, or scan.example.com:8443"
        )
    return host if port is None else url.netloc


def _networks(texts: Sequence[str]) -> "tuple[Network, ...]":
    """The proxies' addresses. Raises `UsageError`."""
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError:
        raise UsageError(
            "--trusted-proxy is no address or network", "write for example 10.0.0.5 or 10.0.0.0/24"
        ) from None


def _senders(trust: Trust, home: Path | None) -> "Callable[[], Senders] | None":
    """How a worker looks up who may order. Raises `UsageError` for a malformed file."""
    from .senders import FileSenders, HomeSenders

    if trust.lines is not None:
        FileSenders(trust.lines)
        return partial(FileSenders, trust.lines)
    if home is not None:
        return partial(HomeSenders, home)
    if not trust.unsigned:
        raise UsageError(
            "without the home, the backend needs to know who may order",
            "give --lines F, made by: mintmark key export",
        )
    return None


def _key(invocation: Invocation, trust: Trust) -> tuple[Path, Path | None]:
    """The fingerprint key's file, and the home if that is trusted."""
    if trust.fingerprint_key is not None:
        return trust.fingerprint_key, None
    if not trust.home:
        raise UsageError(
            "without the home, the backend needs the fingerprint key",
            "give --fingerprint-key F, from the folder of: mintmark key export --backend DIR",
        )
    home = invocation.station().home.absolute()
    return home / "keys" / "fingerprint.key", home

"""`backend serve`: the reference backend, beside the local home, or for a trial without one."""

import ipaddress
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ...codegen.errors import EnvironmentFailure, NotFound, Refused, UsageError
from ...codegen.files import write_atomically
from ...codegen.invocation import Invocation, utc_now
from ...codegen.result import Result
from ...codegen.secret import Secret
from ...codegen.station.keys import read_fingerprint_key, write_fingerprint_key
from ..client.address import is_loopback
from ..client.connect import ANNOUNCEMENT

if TYPE_CHECKING:
    from .senders import Senders
    from .throttle import Network

TRIAL_KEY = "trial.key"
_AHEAD = 2.0  # seconds that a clock may be off without a word


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
    replicas: tuple[str, ...] = ()


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
    if anybody would be trusted on an address other than loopback, `NotFound` without a home
    unless it is for a trial, `EnvironmentFailure` without the extra `backend`.
    """
    from .database import books_url, replica_urls

    try:
        from .serve import Server, Settings
    except ModuleNotFoundError:
        raise EnvironmentFailure(
            "the scan backend needs packages that are not installed",
            'install them: pip install "mintmark[backend]"',
        ) from None

    if trust.unsigned and not is_loopback(request.host):
        raise Refused(
            f"on {request.host} anyone could send orders: only this machine is trusted unsigned",
            "leave out --unsigned, or serve on 127.0.0.1",
        )
    database = books_url(request.data, request.database)
    replicas = replica_urls(database, request.replicas)
    key = _key(invocation, request, trust)
    if not key.trial:
        read_fingerprint_key(key.path)  # here, so that an error is reported once, not per worker
    announcement = key.home / ANNOUNCEMENT if key.home else None

    settings = Settings(
        database,
        partial(_trial_key, key.path) if key.trial else partial(read_fingerprint_key, key.path),
        trust_loopback=trust.unsigned,
        senders=_senders(trust, key.home),
        proxies=_networks(request.proxies),
        names=_names(request),
        now=None if invocation.now is utc_now else invocation.now,
        replicas=replicas,
    )
    ready = partial(_ready, invocation, request, key)
    server = Server(request.host, request.port, settings, workers=request.workers, ready=ready)
    if abs(server.ahead) > _AHEAD:
        invocation.notify(
            f"this machine's clock is {server.ahead:+.0f} s off the database's, which decides"
        )
    try:
        server.run()
    finally:
        if announcement is not None:
            announcement.unlink(missing_ok=True)
    return Served(server.url)


def _ready(invocation: Invocation, request: ServeRequest, key: "_KeyFile", url: str) -> None:
    """Say where it listens; beside a home, to those as well who look there."""
    from .database import FILE

    if key.home:
        write_atomically(key.home / ANNOUNCEMENT, json.dumps({"url": url}).encode("ascii"))
    if request.data is not None:
        invocation.tell_open(request.data / FILE)
    if key.trial:
        invocation.notify(f"no home: a trial, with the fingerprint key {key.path}")
    books = request.data if request.database is None else "PostgreSQL"
    invocation.notify(f"serving {url} from {books}; stop it with Ctrl-C")


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


@dataclass(frozen=True)
class _KeyFile:
    """Where the fingerprint key lies; the home, if that is trusted; whether it is for a trial."""

    path: Path
    home: Path | None = None
    trial: bool = False


def _key(invocation: Invocation, request: ServeRequest, trust: Trust) -> _KeyFile:
    """The key to serve with. Raises `UsageError`, `NotFound`."""
    if trust.fingerprint_key is not None:
        return _KeyFile(trust.fingerprint_key)
    if not trust.home:
        raise UsageError(
            "without the home, the backend needs the fingerprint key",
            "give --fingerprint-key F, from the folder of: mintmark key export --backend DIR",
        )
    try:
        home = invocation.station().home.absolute()
    except NotFound as error:
        return _for_trial(request, trust, error)
    return _KeyFile(home / "keys" / "fingerprint.key", home)


def _for_trial(request: ServeRequest, trust: Trust, error: NotFound) -> _KeyFile:
    """The key beside the books, for whoever tries the API alone.

    Raises `NotFound`, as `error` does, if it is no trial. Books that lie there without one were
    made with the key of a home: with another key, none of their codes would be known.
    """
    from .database import FILE

    if not trust.unsigned or request.data is None:
        raise NotFound(error.message, *error.hints, "or, to try the API alone: --data, --unsigned")
    path = request.data / TRIAL_KEY
    if (request.data / FILE).exists() and not path.exists():
        raise NotFound(
            f"{error.message}, and {request.data} was not made by a trial",
            "give --fingerprint-key F, the key that its codes were made with",
            "or name another folder with --data",
        )
    return _KeyFile(path, trial=True)


def _trial_key(path: Path) -> Secret:
    """The key of a trial, made the first time."""
    if not path.exists():
        write_fingerprint_key(path, Secret(os.urandom(32)))
    return read_fingerprint_key(path)

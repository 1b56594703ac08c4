"""Running the reference backend: folder, socket, signals, workers."""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from sqlalchemy import URL
from uvicorn.supervisors import Multiprocess

from ...codegen.errors import EnvironmentFailure, Refused
from ...codegen.file_systems import refuse_network_drive
from ...codegen.invocation import utc_now
from ...codegen.secret import Secret
from ..client.address import is_loopback
from .app import create_app
from .backend import Backend
from .limits import DEFAULT_LIMITS, BackendLimits
from .scan_desk import DESK, ScanDesk
from .scan_lane import ScanLane
from .senders import Senders
from .store import Store
from .throttle import Network

_STOP = (signal.SIGINT, signal.SIGTERM)
_START = 60.0  # seconds a worker may take
# Of scans, on their way at PostgreSQL, of all workers together: while one waits for the disk,
# another is decided. More make each smaller, and none faster.
_GROUPS = 2


@dataclass(frozen=True)
class Settings:
    """What a worker needs. It is pickled, so it holds how to read keys, not keys.

    `now` None: this machine's clock with SQLite, and with PostgreSQL the database's, so that
    several machines decide alike.
    """

    database: URL
    fingerprint_key: Callable[[], Secret]
    trust_loopback: bool
    senders: Callable[[], Senders] | None = None
    proxies: tuple[Network, ...] = ()
    names: tuple[str, ...] | None = None
    now: Callable[[], datetime] | None = None
    monotonic: Callable[[], float] = time.monotonic
    limits: BackendLimits = DEFAULT_LIMITS
    replicas: tuple[URL, ...] = ()


class Server:
    """A backend bound to its port; `run` serves until `stop`, SIGINT or SIGTERM.

    `workers` processes share the socket and the database; a process that dies is started
    anew. A single worker is this process. `ahead`: seconds that this machine's clock is ahead of
    the one that decides. Raises `Refused` if trusting this machine would
    mean trusting others, `EnvironmentFailure` for a folder, a database or an address that
    cannot be had, `IntegrityError` for a database that is damaged.
    """

    def __init__(
        self,
        host: str,
        port: int,
        settings: Settings,
        *,
        workers: int = 1,
        ready: Callable[[str], None] = lambda _: None,
    ) -> None:
        if settings.trust_loopback and not is_loopback(host):
            raise Refused(
                f"on {host} anyone could send orders: only this machine is trusted unsigned",
                "serve on 127.0.0.1, or do not trust the local home",
            )
        # First: a port that is taken leaves no folder behind.
        self._socket = _bound(host, port)
        try:
            if settings.database.drivername == "sqlite":
                _private_folder(Path(settings.database.database or "").parent)
            settings.fingerprint_key()  # a trial makes its key now: the folder is there
            # Opened here as well, so that an error is reported, and reported once.
            with contextlib.closing(Store(settings.database, settings.limits)) as store:
                store.look_at()
                self.ahead = _ahead(settings, store)
        except BaseException:
            self._socket.close()
            raise
        bound_port = self._socket.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{bound_port}"
        config = _config(settings, workers)

        def up() -> None:
            ready(self.url)

        self._uvicorn = _Uvicorn(config, up) if workers == 1 else None
        self._workers = partial(_Workers, config, [self._socket], up)

    def run(self) -> None:
        """Serve; returns once stopped, with everything closed."""
        try:
            with _quiet_signals():
                if self._uvicorn is not None:
                    self._uvicorn.run(sockets=[self._socket])
                else:
                    self._workers().run()
        finally:
            self._socket.close()

    def stop(self) -> None:
        """Have `run` return soon. Callable from any thread, if there is a single worker."""
        if self._uvicorn is not None:
            self._uvicorn.should_exit = True


def build(settings: Settings, workers: int = 1) -> FastAPI:
    """The application of one of `workers`; it closes its books when the worker stops."""
    single_writer = settings.database.drivername == "sqlite"
    store = Store(settings.database, settings.limits, settings.monotonic, settings.replicas)
    if not single_writer:
        store.pulse.start()
    backend = Backend(
        store,
        settings.fingerprint_key(),
        settings.now or (utc_now if single_writer else store.pulse.now),
        settings.trust_loopback,
        settings.senders() if settings.senders else None,
        settings.proxies,
        settings.names,
        monotonic=settings.monotonic,
        groups=1 if single_writer else max(1, _GROUPS // workers),
    )

    @asynccontextmanager
    async def closing(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        yield {DESK: ScanDesk(backend)}
        backend.close()

    return create_app(backend, closing)


def _ahead(settings: Settings, store: Store) -> float:
    """Seconds that this machine's clock is ahead of the one that decides."""
    if settings.now is not None or settings.database.drivername == "sqlite":
        return 0.0
    return (utc_now() - store.pulse.now()).total_seconds()


def _config(settings: Settings, workers: int) -> uvicorn.Config:
    return uvicorn.Config(
        partial(build, settings, workers),
        factory=True,
        http=ScanLane,
        workers=workers,
        lifespan="on",
        # Addresses hold codes. And nobody but us decides which proxy is trusted.
        access_log=False,
        proxy_headers=False,
        server_header=False,
        log_level="error",
        limit_concurrency=settings.limits.connections,
        timeout_graceful_shutdown=30,
    )


class _Uvicorn(uvicorn.Server):
    """Calls `ready` once it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


class _Workers(Multiprocess):
    """Calls `ready` once all of them answer."""

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], ready: Callable[[], None]
    ) -> None:
        super().__init__(config, sockets)
        self._ready = ready

    def init_processes(self) -> None:
        super().init_processes()
        if all(worker.wait_until_ready(_START, self.should_exit) for worker in self.processes):
            self._ready()


@contextmanager
def _quiet_signals() -> Iterator[None]:
    """Signals stop the server and no more; uvicorn raises them again afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: None) for number in _STOP}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _private_folder(data: Path) -> None:
    # Before it is made: a refusal leaves nothing behind.
    refuse_network_drive(
        data, "the backend's database", "keep it on a disk of this machine: --data DIR"
    )
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFailure(
            f"the folder {data} cannot be made: {error.strerror}", "give another --data"
        ) from None


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, or asyncio leaves Nagle's algorithm on, which costs 40 ms per
    # answer on a kept connection.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # On Windows this option would let two servers share a port.
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise EnvironmentFailure(
            f"the address {host}:{port} cannot be had: {error.strerror}",
            "another server may hold the port: give another --port",
        ) from None
    return listener

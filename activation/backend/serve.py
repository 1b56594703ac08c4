"""Running the reference backend: folder, socket, signals. One process, one worker."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import uvicorn

from ...codegen.call import utc_now
from ...codegen.errors import EnvironmentFailure, Refused
from ...codegen.secret import Secret
from ..api import is_loopback
from .app import create_app
from .database import sqlite_url
from .limits import DEFAULT_LIMITS, Limits
from .store import Store

_STOP = (signal.SIGINT, signal.SIGTERM)


class Server:
    """A backend bound to its port; `run` serves until `stop`, SIGINT or SIGTERM."""

    def __init__(  # noqa: PLR0913 — what a server is told
        self,
        data: Path,
        host: str,
        port: int,
        fingerprint_key: Secret,
        key_id: str,
        *,
        trust_loopback: bool,
        now: Callable[[], datetime] = utc_now,
        ready: Callable[[str], None] | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        if trust_loopback and not is_loopback(host):
            raise Refused(
                f"on {host} anyone could send orders: only this machine is trusted unsigned",
                "serve on 127.0.0.1, or do not trust the local home",
            )
        # First: a port that is taken leaves no folder behind.
        self._socket = _bound(host, port)
        try:
            _private_folder(data)
            self._store = Store(sqlite_url(data), limits)
        except BaseException:
            self._socket.close()
            raise
        bound_port = self._socket.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{bound_port}"
        app = create_app(
            self._store, fingerprint_key, key_id, now=now, trust_loopback=trust_loopback
        )
        config = uvicorn.Config(
            app,
            lifespan="off",
            # Addresses hold codes. And a proxy's word on who calls is not taken.
            access_log=False,
            proxy_headers=False,
            server_header=False,
            log_level="error",
            limit_concurrency=limits.connections,
            timeout_graceful_shutdown=30,
        )
        self._uvicorn = _Uvicorn(config, lambda: ready(self.url) if ready else None)

    def run(self) -> None:
        """Serve; returns once stopped, with everything closed."""
        try:
            with _quiet_signals():
                self._uvicorn.run(sockets=[self._socket])
        finally:
            self._socket.close()
            self._store.close()

    def stop(self) -> None:
        """Have `run` return soon. Callable from any thread."""
        self._uvicorn.should_exit = True


def serve(  # noqa: PLR0913 — what a server is told
    data: Path,
    host: str,
    port: int,
    fingerprint_key: Secret,
    key_id: str,
    *,
    trust_loopback: bool,
    now: Callable[[], datetime] = utc_now,
    ready: Callable[[str], None] | None = None,
) -> str:
    """Serve the folder `data` until SIGINT or SIGTERM; returns the URL it was served at.

    Port 0 takes a free one. `ready(url)` is called once requests are answered. Raises
    `Refused` where trusting this machine would mean trusting others, and
    `EnvironmentFailure` for a folder or an address that cannot be had.
    """
    server = Server(
        data,
        host,
        port,
        fingerprint_key,
        key_id,
        trust_loopback=trust_loopback,
        now=now,
        ready=ready,
    )
    server.run()
    return server.url


class _Uvicorn(uvicorn.Server):
    """Says when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
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
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFailure(
            f"the folder {data} cannot be made: {error.strerror}", "give another --data"
        ) from None


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, or asyncio leaves Nagle on: 40 ms for every answer on a kept connection.
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

"""A connection on which phones scan: the hot path, in front of uvicorn and the framework.

While nothing comes but whole requests of the form of `phone_request`, one after another, they are
answered here. Before anything else, the connection is handed over to uvicorn's own protocol, for
good and with every byte that was not answered: what is refused is refused there. A request that
comes in pieces is waited for a moment, from its first piece on, then handed over as well; so
uvicorn and `guard` time what is slow, and bound what is large.

1. Take what has come; while a scan is on its way, or answers lie unread, what follows waits.
2. Read the request, or hand the connection over.
3. Ask the desk, which admits and counts as for every other route (`backend`).
4. Answer as the framework does, byte for byte but for the date.
"""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from http import HTTPStatus
from typing import Any, Final, Protocol, cast

from starlette.responses import Response
from uvicorn import Config
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.server import ServerState

from .guard import HEADERS
from .phone_request import NotAScan, PhoneRequest
from .scan_desk import DESK, ScanDesk

_PATIENCE: Final = 1.0  # seconds for the rest of a request


def _lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"%b: %b\r\n" % pair for pair in headers)


_LAST: Final = b"content-type: application/json\r\n" + _lines(HEADERS)


class _Connection(Protocol):
    """What uvicorn keeps of each connection."""

    def shutdown(self) -> None:
        """Close it once nothing is on its way."""
        ...


class _Http(_Connection, asyncio.Protocol):
    """A protocol of uvicorn's."""


class ScanLane(asyncio.Protocol):
    """What uvicorn calls for each connection (its setting `http`)."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._loop = _loop or asyncio.get_running_loop()
        self._state = server_state
        # uvicorn names its own classes here, and calls `shutdown` of whatever is in it.
        self._open = cast("set[_Connection]", server_state.connections)
        self._limit = config.limit_concurrency
        self._idle_seconds = config.timeout_keep_alive
        self._desk: ScanDesk = app_state[DESK]
        http_protocol = cast("Callable[..., _Http]", AutoHTTPProtocol)
        self._follow = partial(http_protocol, config, server_state, app_state, _loop)
        self._transport: asyncio.Transport
        self._held = b""
        self._asked = self._closing = self._full = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)  # uvicorn serves streams
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's form
        """See `asyncio.Protocol`."""
        self._open.discard(self)
        self._stop_timer()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if not self._held and not self._asked:
            self._stop_timer()  # it rests no more
        self._held = self._held + data if self._held else data
        if self._asked or self._full:  # 1
            self._transport.pause_reading()
        else:
            self._look()

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`: else who asks, and reads nothing, would fill the memory."""
        self._full = True

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._full = False
        if self._held and not self._asked:
            self._transport.resume_reading()
            self._look()

    def shutdown(self) -> None:
        """Close once nothing is on its way: what uvicorn calls when it stops."""
        if self._asked:
            self._closing = True
        elif self._held:
            self._hand_over().shutdown()
        else:
            self._transport.close()

    def _look(self) -> None:
        """Ask, wait for more, or hand over."""
        if self._limit is not None and len(self._open) >= self._limit:
            self._hand_over()
            return
        found = self._desk.read(self._held)  # 2
        if isinstance(found, PhoneRequest):
            self._stop_timer()
            self._held, self._asked = b"", True
            peer = self._transport.get_extra_info("peername")
            self._desk.ask(found, peer[0] if isinstance(peer, tuple) else "", self._tell)  # 3
        elif found is NotAScan.OTHER:
            self._hand_over()
        elif self._timer is None:
            self._timer = self._loop.call_later(_PATIENCE, self._hand_over)

    def _hand_over(self) -> _Http:
        """Have uvicorn's own protocol go on from here."""
        self._stop_timer()
        self._open.discard(self)
        following = self._follow()
        following.connection_made(self._transport)
        self._transport.set_protocol(following)
        if self._full:
            following.pause_writing()
            self._transport.resume_reading()
        if self._held:
            following.data_received(self._held)
        return following

    def _tell(self, answer: bytes | Response) -> None:
        """Send the answer, and look at what came meanwhile."""
        self._asked = False
        if self._transport.is_closing():
            return
        parts = _answer(answer) if isinstance(answer, bytes) else _refusal(answer)
        last = b"connection: close\r\n\r\n" if self._closing else b"\r\n"
        first, headers, body = parts
        date = _lines(self._state.default_headers)
        self._transport.write(b"".join((first, date, headers, last, body)))
        if self._closing:
            self._transport.close()
        elif self._held:
            if not self._full:
                self._transport.resume_reading()
                self._look()
        else:
            self._timer = self._loop.call_later(self._idle_seconds, self._transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _answer(body: bytes) -> tuple[bytes, bytes, bytes]:
    """First line, headers and body."""
    return b"HTTP/1.1 200 OK\r\n", b"content-length: %d\r\n%b" % (len(body), _LAST), body


def _refusal(answer: Response) -> tuple[bytes, bytes, bytes]:
    status = HTTPStatus(answer.status_code)
    first = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode("ascii")
    return first, _lines((*answer.raw_headers, *HEADERS)), bytes(answer.body)

"""ASGI middleware: bodies within their bounds, headers on every answer."""

import asyncio
import json

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .limits import BackendLimits
from .problems import MEDIA_TYPE, Problem

# Answers are worth money, and addresses hold codes: no cache keeps them, no browser passes
# them on.
HEADERS = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)

# Where bodies may be long.
_BOOKS = ("/v1/batches/", "/v1/orders/", "/v1/aggregations/", "/v1/scan-ins/")


class Guard:
    """Reads the body whole before the application runs; refuses a body too large or too slow."""

    def __init__(self, app: ASGIApp, limits: BackendLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve an ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        try:
            body = await asyncio.wait_for(
                self._body(scope, receive), timeout=self._limits.body_seconds
            )
        except Problem as problem:
            await _refuse(problem, guarded)
        except TimeoutError:
            await _refuse(Problem("timeout", "send the body in one go"), guarded)
        else:
            if body is not None:
                await self._app(scope, _replay(body, receive), guarded)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The body, or None if the sender hung up. Raises `Problem` too-large."""
        books = scope["path"].startswith(_BOOKS)
        most = self._limits.body_bytes if books else self._limits.scan_body_bytes
        problem = Problem("too-large", f"at most {most} bytes")
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if len(length) > 12 or int(length) > most:
            raise problem
        body, more = bytearray(), True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > most:
                raise problem
            more = message.get("more_body", False)
        return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body, then the server's own messages."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _refuse(problem: Problem, send: Send) -> None:
    text = json.dumps(problem.body()).encode("ascii")
    headers = [
        (b"content-type", MEDIA_TYPE.encode("ascii")),
        (b"content-length", str(len(text)).encode("ascii")),
        # The rest of the body would be taken for the next request.
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": text})

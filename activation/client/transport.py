"""Requests and answers over HTTP, as bytes: limits, signatures, and every way to fail.

`Transport.call` is the only place that touches the network. It returns a 2xx answer or
raises `Away` or `Declined`; no exception of httpx2 leaves here.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from ...codegen import times
from ...codegen.errors import UsageError
from .address import checked_url
from .protocol import Away, Declined, ProblemDetails
from .signing import SignsRequests

if TYPE_CHECKING:
    import ssl

    import httpx2

PROBLEM_PREFIX = "urn:mintmark:problem:"


@dataclass(frozen=True)
class ClientLimits:
    """How long and how much a backend may take."""

    connect_seconds: float = 5.0
    call_seconds: float = 30.0  # a whole call; of headers that drip, each piece
    codes_per_second: float = 10_000.0  # slowest: an activation moves every fingerprint
    answer_bytes: int = 4 * 1024 * 1024
    problem_text: int = 500  # characters shown of a problem's title or detail
    retry_after_seconds: float = 3_600.0


DEFAULT_LIMITS = ClientLimits()


class Transport:
    """Calls to the backend at `base_url`; see `HttpClient` for the arguments."""

    def __init__(
        self,
        base_url: str,
        *,
        sign: SignsRequests | None,
        tls: "ssl.SSLContext | None",
        now: Callable[[], datetime],
        limits: ClientLimits,
    ) -> None:
        self._base, loopback = checked_url(base_url)
        if tls is None and self._base.lower().startswith("http:"):
            tls = _trusting_nobody()
        self._sign, self._now, self.limits = sign, now, limits
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        self._http = http_client(tls, headers, loopback=loopback)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(  # noqa: PLR0913 - the parts of a request
        self,
        method: str,
        path: str,
        body: bytes,
        kind: str,
        *,
        line: str | None = None,
        seconds: float | None = None,
    ) -> tuple[int, bytes]:
        """Status and body of a 2xx answer to a request signed for `line`.

        `kind` is the content type of `body`; `seconds` bounds the whole call. Raises `Away`
        and `Declined`.
        """
        import httpx2

        seconds = seconds or self.limits.call_seconds
        timeout = httpx2.Timeout(seconds, connect=min(seconds, self.limits.connect_seconds))
        headers = {"Content-Type": kind} if body else {}
        try:
            request = self._http.build_request(
                method, self._base + path, content=body or None, headers=headers, timeout=timeout
            )
            if self._sign:
                self._sign(request, body, line)
            return self._exchange(request, time.monotonic() + seconds)
        except httpx2.TimeoutException:
            raise Away("it took too long") from None
        # The texts of these may quote what was sent; their types suffice.
        except httpx2.HTTPError as error:
            raise Away(_REASONS.get(type(error).__name__, "the connection failed")) from None
        # A port of a proxy that there is not is an OverflowError.
        except (httpx2.InvalidURL, httpx2.StreamError, ValueError, OSError, OverflowError):
            raise Away("the connection failed") from None

    def _exchange(self, request: "httpx2.Request", deadline: float) -> tuple[int, bytes]:
        response = self._http.send(request, stream=True)
        try:
            body = self._read(response, deadline)
        finally:
            response.close()
        status = response.status_code
        if 200 <= status < 300:
            return status, body
        if 300 <= status < 400:
            raise Away("it redirects; name its final address")
        problem = self._problem(response, body)
        if status == 401:
            # About the sender's key or clock, not about this order.
            raise Away(_unaccepted_signature(problem, self._now()))
        if status in (408, 425, 429) or status >= 500:
            retry_after = self._retry_after(response)
            raise Away(f"status {status}{_title(problem)}", retry_after, status)
        # A gateway before a dead backend describes problems too: its refusal is not the backend's.
        if problem is None or not problem.name:
            raise Away(f"status {status} without a problem of the agreed form", status=status)
        raise Declined(problem)

    def _read(self, response: "httpx2.Response", deadline: float) -> bytes:
        """The raw body, within the limits of size and time."""
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise Away("it compresses its answers unasked")
        body = bytearray()
        for piece in response.iter_raw():
            body += piece
            if len(body) > self.limits.answer_bytes:
                raise Away("its answer is too large")
            if time.monotonic() > deadline:
                raise Away("it took too long")
        return bytes(body)

    def _retry_after(self, response: "httpx2.Response") -> float | None:
        text = response.headers.get("Retry-After", "")
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            return None
        return min(float(text), self.limits.retry_after_seconds)

    def _problem(self, response: "httpx2.Response", body: bytes) -> ProblemDetails | None:
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/problem+json":
            return None
        data = loads(body)
        if not isinstance(data, dict):
            return None
        limit = self.limits.problem_text
        title, detail = (_printable(data.get(key), limit) for key in ("title", "detail"))
        name = _printable(data.get("type"), 200)
        return ProblemDetails(
            response.status_code,
            name.removeprefix(PROBLEM_PREFIX) if name.startswith(PROBLEM_PREFIX) else "",
            title,
            detail,
            MappingProxyType(data),
        )


def _trusting_nobody() -> "ssl.SSLContext":
    """For plain HTTP, where none is needed, but httpx2 wants one: Python's takes 20 ms to read."""
    import ssl

    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def http_client(
    tls: "ssl.SSLContext | None", headers: Mapping[str, str], *, loopback: bool
) -> "httpx2.Client":
    """A client that follows no redirect; close it. To this machine it uses no proxy.

    Raises `UsageError` for a proxy or certificates of the environment that can't be used.
    """
    import httpx2  # here: it costs 110 ms, and a line script may never need it

    try:
        return httpx2.Client(
            trust_env=not loopback,
            verify=tls or True,
            follow_redirects=False,
            # Shorter than the 5 s after which servers like uvicorn hang up: otherwise now and
            # then a request would meet a connection that is just being closed.
            limits=httpx2.Limits(keepalive_expiry=4.0),
            headers=dict(headers),
        )
    except OSError:
        raise UsageError(
            "the certificates that SSL_CERT_FILE or SSL_CERT_DIR names can't be used",
            "name a file of PEM certificates, or unset the variable",
        ) from None
    # What it says may quote the proxy's password.
    except (httpx2.InvalidURL, ValueError, ImportError):
        raise UsageError(
            "a proxy that the environment names can't be used: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY",
            "write http://proxy:8080 (socks5 is not spoken), or name the backend in NO_PROXY",
            "a file of settings written on Windows ends its lines in CR LF: save it with LF",
        ) from None


_REASONS = {
    "ConnectError": "it cannot be reached",
    "RemoteProtocolError": "it does not speak HTTP, or hung up",
    "ProxyError": "the proxy refused",
    "UnsupportedProtocol": "its address is no HTTP address",
}


def loads(body: bytes) -> object:
    """The JSON value of `body`. Raises `Away`, which quotes nothing."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Away("its answer is not JSON") from None


def _printable(value: object, limit: int) -> str:
    """Foreign text of at most `limit` characters, made safe for a line of a terminal."""
    if not isinstance(value, str):
        return ""
    return "".join(letter if letter.isprintable() else " " for letter in value[:limit]).strip()


def _unaccepted_signature(problem: ProblemDetails | None, now: datetime) -> str:
    """Why a signature may not have been accepted."""
    refusal = "it does not accept this line's signature"
    try:
        theirs = times.parse(str(problem.members["server_time"])) if problem else now
    except (KeyError, ValueError):
        return refusal
    apart = round((theirs - now).total_seconds() / 60)
    if not apart:
        return f"{refusal}: is the line's key known there, and this address its own name?"
    side = "behind" if apart > 0 else "ahead of"
    return f"{refusal}: this machine's clock is {abs(apart)} minutes {side} the backend's"


def _title(problem: ProblemDetails | None) -> str:
    return f": {problem.title}" if problem and problem.title else ""

"""The activation API as a line uses it: the `Client` protocol, and `HttpClient` over httpx2.

Three outcomes, no others: an answer that passed its checks; `Declined`, the backend's own
no, which is final; `Away` for everything else, after which the same call may be made
again. Every call is idempotent: batches, uploads and orders carry ids chosen here.
"""

import copy
import ipaddress
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar
from urllib.parse import quote, urlsplit

from ...codegen import times
from ...codegen.errors import EnvironmentFailure, Refused, UsageError
from ...codegen.invocation import utc_now
from ...codegen.ranges.lifecycle import Action
from .signing import SignsRequests
from .wire import (
    PAGE_CODES,
    Batch,
    BatchPage,
    HealthAnswer,
    MalformedAnswer,
    Order,
    OrderAnswer,
    RangeState,
    ScanAnswer,
    UnknownPage,
)

if TYPE_CHECKING:
    import ssl

    import httpx2

__all__ = [
    "Away",
    "Batch",
    "BatchPage",
    "Client",
    "ClientLimits",
    "Declined",
    "HealthAnswer",
    "HttpClient",
    "Order",
    "OrderAnswer",
    "ProblemDetails",
    "RangeState",
    "ScanAnswer",
    "UnknownPage",
    "batch_ranges",
    "is_loopback",
]

T = TypeVar("T")
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


@dataclass(frozen=True)
class ProblemDetails:
    """An RFC 9457 problem. `name` is what follows `urn:mintmark:problem:`, or empty."""

    status: int
    name: str
    title: str
    detail: str
    members: Mapping[str, Any] = field(default_factory=dict)


class Away(EnvironmentFailure):
    """No usable answer: try again later. `retry_after`: seconds, if the backend named some."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(
            f"the scan backend gave no usable answer: {reason}",
            "nothing is lost: the order stays queued; send it again with mintmark deliver",
        )
        self.reason = reason
        self.retry_after = retry_after


class Declined(Refused):
    """The backend understood, and said no: `problem`, and `summary`, one line of it."""

    def __init__(self, problem: ProblemDetails) -> None:
        texts = (problem.title, problem.detail)
        self.summary = ": ".join(filter(None, texts)) or f"status {problem.status}"
        super().__init__(
            f"the scan backend refused: {self.summary}",
            "ask the backend's team, or whether this line's key may do this: mintmark key list",
            problem=problem.name,
        )
        self.problem = problem


class Client(Protocol):
    """A scan backend, as a line sees it. Every method may raise `Away` and `Declined`."""

    def as_line(self, line: str | None) -> "Client":
        """The same client, signing with the key of `line`; None: of the default one."""
        ...

    def register(self, batch: Batch) -> None:
        """Make the batch known; again with the same values is harmless."""
        ...

    def upload(self, batch: str, first: int, data: bytes) -> None:
        """Fingerprints of serials from `first`, 16 bytes each, at most 65,536 of them."""
        ...

    def order(self, order: Order) -> OrderAnswer:
        """Apply the order once, whatever happens to the answers."""
        ...

    def get_order(self, order: str) -> OrderAnswer | None:
        """The answer given to an order, or None if the backend never took it."""
        ...

    def batch_page(self, batch: str, after: int = 0, *, digests: bool = False) -> BatchPage:
        """The ranges after serial `after`; with `digests` over at most 1,048,576 serials."""
        ...

    def unknown_scans(self, after: int = 0) -> UnknownPage:
        """Scanned fingerprints the backend does not know."""
        ...

    def health(self) -> HealthAnswer:
        """Whether it is there, and which fingerprints it understands."""
        ...


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address without brackets, is this machine."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def batch_ranges(client: Client, batch: str, *, digests: bool = False) -> Iterator[RangeState]:
    """Every range of `batch` at the backend, page by page."""
    after: int | None = 0
    while after is not None:
        page = client.batch_page(batch, after, digests=digests)
        yield from page.ranges
        after = page.next


class HttpClient:
    """`Client` over HTTP. A context manager; safe to share between threads.

    Raises `UsageError` for an address that is not https, or http to this machine. TLS
    certificates are verified, by `tls` where it is given; redirects are not followed;
    proxies of the environment are used, except to this machine. `now` is told apart from
    the backend's clock where that refuses a signature.
    """

    def __init__(
        self,
        base_url: str,
        *,
        sign: SignsRequests | None = None,
        tls: "ssl.SSLContext | None" = None,
        now: Callable[[], datetime] = utc_now,
        limits: ClientLimits = DEFAULT_LIMITS,
    ) -> None:
        import httpx2  # here: it costs 110 ms, and a line script may never need it

        self._base, loopback = checked_url(base_url)
        self._sign = sign
        self._line: str | None = None
        self._now, self._limits = now, limits
        self._http = httpx2.Client(
            trust_env=not loopback,
            verify=tls or True,
            follow_redirects=False,
            # Shorter than the 5 s after which servers like uvicorn hang up: otherwise now and
            # then a request would meet a connection that is just being closed.
            limits=httpx2.Limits(keepalive_expiry=4.0),
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def as_line(self, line: str | None) -> "HttpClient":
        """See `Client`. Both use the same connections."""
        other = copy.copy(self)
        other._line = line  # noqa: SLF001 - of this class
        return other

    def register(self, batch: Batch) -> None:
        """See `Client`."""
        answer = self._json("PUT", f"/v1/batches/{_part(batch.batch)}", batch.body())
        if _parsed(lambda data: Batch.parse(batch.batch, data), answer) != batch:
            raise Away("it answered with another batch than the one registered")

    def upload(self, batch: str, first: int, data: bytes) -> None:
        """See `Client`."""
        path = f"/v1/batches/{_part(batch)}/fingerprints/{first}"
        status, _ = self._call("PUT", path, data, "application/octet-stream")
        if status != 204:
            raise Away(f"it answered an upload with status {status}")

    def order(self, order: Order) -> OrderAnswer:
        """See `Client`."""
        path = f"/v1/orders/{_part(order.order)}"
        # Only what moves fingerprints may take long: a line waits for the others.
        moving = order.serials if order.action == Action.ACTIVATE.value else ()
        seconds = self._seconds(sum(last - first + 1 for first, last in moving))
        data = self._json("PUT", path, order.body(), seconds)
        answer = _parsed(OrderAnswer.parse, data)
        asked = (order.order, order.batch, order.action, order.dry_run)
        if (answer.order, answer.batch, answer.action, answer.dry_run) != asked:
            raise Away("it answered for another order than the one sent")
        return answer

    def get_order(self, order: str) -> OrderAnswer | None:
        """See `Client`."""
        try:
            data = self._json("GET", f"/v1/orders/{_part(order)}")
        except Declined as declined:
            if declined.problem.name == "not-found":
                return None
            raise
        answer = _parsed(OrderAnswer.parse, data)
        if answer.order != order:
            raise Away("it answered for another order than the one asked for")
        return answer

    def batch_page(self, batch: str, after: int = 0, *, digests: bool = False) -> BatchPage:
        """See `Client`."""
        query = f"?after={after}" + ("&digests=true" if digests else "")
        data = self._json(
            "GET", f"/v1/batches/{_part(batch)}{query}", seconds=self._seconds(PAGE_CODES)
        )
        page = _parsed(lambda found: BatchPage.parse(batch, found), data)
        if page.ranges and page.ranges[0].first <= after:
            raise Away("it answered with serials not asked for")
        return page

    def unknown_scans(self, after: int = 0) -> UnknownPage:
        """See `Client`."""
        data = self._json("GET", f"/v1/unknown-scans?after={after}")
        return _parsed(lambda page: UnknownPage.parse(page, after), data)

    def health(self) -> HealthAnswer:
        """See `Client`."""
        return _parsed(HealthAnswer.parse, self._json("GET", "/v1/health"))

    def scan(self, code: str, scan_id: str | None = None) -> ScanAnswer:
        """Scan as a consumer's phone would; lines never do."""
        body = {"code": code} | ({"scan_id": scan_id} if scan_id else {})
        return _parsed(ScanAnswer.parse, self._json("POST", "/v1/scans", body))

    def _seconds(self, codes: int) -> float:
        """How long a call about so many codes may take."""
        return self._limits.call_seconds + codes / self._limits.codes_per_second

    def _json(
        self, method: str, path: str, body: object = None, seconds: float | None = None
    ) -> object:
        """The JSON of a 200 answer."""
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        status, answer = self._call(method, path, content, "application/json", seconds)
        if status != 200:
            raise Away(f"it answered with status {status}")
        return _loads(answer)

    def _call(
        self, method: str, path: str, body: bytes, kind: str, seconds: float | None = None
    ) -> tuple[int, bytes]:
        """Status and body of a 2xx answer. The only method that touches the network."""
        import httpx2

        seconds = seconds or self._limits.call_seconds
        timeout = httpx2.Timeout(seconds, connect=min(seconds, self._limits.connect_seconds))
        headers = {"Content-Type": kind} if body else {}
        request = self._http.build_request(
            method, self._base + path, content=body or None, headers=headers, timeout=timeout
        )
        if self._sign:
            self._sign(request, body, self._line)
        try:
            return self._sent(request, time.monotonic() + seconds)
        except httpx2.TimeoutException:
            raise Away("it took too long") from None
        # The texts of these may quote what was sent; their kinds say enough.
        except httpx2.HTTPError as error:
            raise Away(_REASONS.get(type(error).__name__, "the connection failed")) from None
        except (httpx2.InvalidURL, httpx2.StreamError, ValueError, OSError):
            raise Away("the connection failed") from None

    def _sent(self, request: "httpx2.Request", deadline: float) -> tuple[int, bytes]:
        response = self._http.send(request, stream=True)
        try:
            body = self._read(response, deadline)
        finally:
            response.close()
        status, retry_after = response.status_code, self._retry_after(response)
        if 200 <= status < 300:
            return status, body
        if 300 <= status < 400:
            raise Away("it redirects; name its final address")
        if status == 401:
            # About the sender's key or clock, not about this order.
            raise Away(_stranger(self._problem(response, body), self._now()))
        if status in (408, 425, 429) or status >= 500:
            raise Away(f"status {status}{_title(self._problem(response, body))}", retry_after)
        problem = self._problem(response, body)
        # Also a gateway before a dead backend describes problems: its no is not the backend's.
        if problem is None or not problem.name:
            raise Away(f"status {status} without a problem of the agreed form")
        raise Declined(problem)

    def _read(self, response: "httpx2.Response", deadline: float) -> bytes:
        """The raw body, within the limits of size and time."""
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise Away("it compresses its answers unasked")
        body = bytearray()
        for piece in response.iter_raw():
            body += piece
            if len(body) > self._limits.answer_bytes:
                raise Away("its answer is too large")
            if time.monotonic() > deadline:
                raise Away("it took too long")
        return bytes(body)

    def _retry_after(self, response: "httpx2.Response") -> float | None:
        text = response.headers.get("Retry-After", "")
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            return None
        return min(float(text), self._limits.retry_after_seconds)

    def _problem(self, response: "httpx2.Response", body: bytes) -> ProblemDetails | None:
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/problem+json":
            return None
        data = _loads(body)
        if not isinstance(data, dict):
            return None
        most = self._limits.problem_text
        title, detail = (_line(data.get(key), most) for key in ("title", "detail"))
        name = _line(data.get("type"), 200)
        return ProblemDetails(
            response.status_code,
            name.removeprefix(PROBLEM_PREFIX) if name.startswith(PROBLEM_PREFIX) else "",
            title,
            detail,
            MappingProxyType(data),
        )


_REASONS = {
    "ConnectError": "it cannot be reached",
    "RemoteProtocolError": "it does not speak HTTP, or hung up",
    "ProxyError": "the proxy refused",
    "UnsupportedProtocol": "its address is not one of HTTP",
}


def checked_url(base_url: str) -> tuple[str, bool]:
    """`base_url` without its last slash, and whether it leads to this machine."""
    try:
        url = urlsplit(base_url)
        host, _ = url.hostname or "", url.port
    except ValueError:
        raise UsageError("the backend's address is no URL", _FORM) from None
    if url.scheme not in ("http", "https") or not host or url.query or url.fragment:
        raise UsageError("the backend's address is not http(s)://host[:port][/path]", _FORM)
    if url.username or url.password:
        raise UsageError("the backend's address holds a user or password", "leave them out")
    loopback = is_loopback(host)
    if url.scheme == "http" and not loopback:
        raise UsageError("plain http is spoken only to this machine", "use https")
    return base_url.rstrip("/"), loopback


_FORM = "write for example https://scan.example.com, or http://127.0.0.1:8765"


def _part(text: str) -> str:
    return quote(text, safe="")


def _parsed(parse: Callable[[object], T], data: object) -> T:
    try:
        return parse(data)
    except MalformedAnswer as error:
        raise Away(f"its answer is not of the agreed form: {error}") from None


def _loads(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Away("its answer is not JSON") from None


def _line(value: object, most: int) -> str:
    """Foreign text made safe for one line of a terminal."""
    if not isinstance(value, str):
        return ""
    return "".join(letter if letter.isprintable() else " " for letter in value[:most]).strip()


def _stranger(problem: ProblemDetails | None, now: datetime) -> str:
    """Why a signature may not have been accepted."""
    told = "it does not accept this line's signature"
    try:
        theirs = times.parse(str(problem.members["server_time"])) if problem else now
    except (KeyError, ValueError):
        return told
    apart = round((theirs - now).total_seconds() / 60)
    if not apart:
        return f"{told}: is the line's key known there, and this address its own name?"
    side = "behind" if apart > 0 else "ahead of"
    return f"{told}: this machine's clock is {abs(apart)} minutes {side} the backend's"


def _title(problem: ProblemDetails | None) -> str:
    return f": {problem.title}" if problem and problem.title else ""

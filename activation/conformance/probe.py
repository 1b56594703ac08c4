"""Raw requests to a backend, and its answers, bounded in size and time.

Only the clauses know which answer is right. `HttpClient` is not used, for it judges answers
itself.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, Self

from ...codegen.errors import EnvironmentFailure
from ...codegen.invocation import utc_now
from ..client.address import checked_url
from ..client.signing import RequestSigner
from ..client.transport import http_client
from .form import AS_AGREED

if TYPE_CHECKING:
    import ssl

    import httpx2

SECONDS = 30.0  # as long as a line waits for an answer; of headers that drip, for each piece
TRIES = 4  # of a request that is answered 503: the contract has callers send it again
MOST_WAIT = 2.0  # seconds, whatever Retry-After says
ANSWER_BYTES = 8 * 1024 * 1024
JSON_TYPE, STREAM = "application/json", "application/octet-stream"
KEPT_EVERY = 1.0
PREFIX = "urn:mintmark:problem:"
# As the document's table has them.
STATUSES: Mapping[str, int] = MappingProxyType(
    {"invalid": 422, "unauthorised": 401, "forbidden": 403, "not-found": 404}
    | {"method-not-allowed": 405, "timeout": 408, "too-large": 413, "media-type": 415}
    | {"too-many": 429, "unavailable": 503, "internal": 500}
)
CONFLICT = 409  # of every other problem


@dataclass(frozen=True)
class Answer:
    """An answer. The names of `headers` are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def data(self) -> Any:  # noqa: ANN401 - JSON
        """The body as JSON, or None if it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def problem(self) -> str:
        """The problem's name, or empty if it is not a problem of the API."""
        data = self.data
        kind = data.get("type") if isinstance(data, dict) else None
        return kind.removeprefix(PREFIX) if isinstance(kind, str) else ""

    def __str__(self) -> str:
        name = f" {self.problem}" if self.problem else ""
        return f"{self.status}{name}"


Recorder = Callable[["httpx2.Request", Answer], None]


def _unrecorded(_: "httpx2.Request", __: Answer) -> None:
    """Nobody wants to know."""


class SignsOddly(Protocol):
    """A form in which requests are signed: `SignatureForm` or `RawForm`."""

    def sign(self, signer: RequestSigner, request: "httpx2.Request", body: bytes) -> None:
        """Sign `request`, whose content is `body`."""
        ...


class Probe:
    """Sends requests to the backend at `url`. A context manager; safe to share.

    Raises `UsageError` for an address that is not https, or http to this machine.
    """

    def __init__(
        self,
        url: str,
        sign: RequestSigner | None = None,
        tls: "ssl.SSLContext | None" = None,
        *,
        now: Callable[[], datetime] = utc_now,
        record: Recorder = _unrecorded,
    ) -> None:
        self.signs, self.now, self.record = sign is not None, now, record
        self._base, local = checked_url(url)
        self.scheme = self._base.partition(":")[0]
        self._sign = sign
        self._ahead: timedelta | None = None
        self.unavailable = 0  # requests that were sent again
        self.last = (0.0, "")  # when, and what: the newest request, a code in it left out
        # Of the signed requests that were taken, one a second, each with the time it was sent.
        self.taken: list[tuple[float, httpx2.Request]] = []
        self._http = http_client(tls, {"Accept-Encoding": "identity"}, loopback=local)
        self._http.timeout = SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        kind: str | None = None,
        form: SignsOddly | None = AS_AGREED,
    ) -> Answer:
        """Send a request and read its answer.

        `body`: bytes, or what becomes JSON. `form`: how it is signed if the kit has a key; None:
        not at all.
        """
        made: list[httpx2.Request] = []

        def signed() -> "httpx2.Request":
            made.append(self.request(method, path, body, kind=kind, form=form))
            return made[-1]

        answer = self.send(signed(), signed)
        if self.signs and form is AS_AGREED and method == "GET" and answer.status == 200:
            self._keep(made[-1])
        return answer

    def _keep(self, request: "httpx2.Request") -> None:
        if not self.taken or time.monotonic() > self.taken[-1][0] + KEPT_EVERY:
            self.taken.append((time.monotonic(), request))

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        kind: str | None = None,
        form: SignsOddly | None = AS_AGREED,
    ) -> "httpx2.Request":
        """A request ready to be sent: see `__call__`."""
        content = self.content(body)
        kind = kind or (STREAM if isinstance(body, bytes) else JSON_TYPE)
        headers = {"Content-Type": kind} if body is not None else {}
        request = self._http.build_request(
            method, self._base + path, content=content or None, headers=headers
        )
        if form:
            self.sign(request, form)
        return request

    @staticmethod
    def content(body: object) -> bytes:
        """The bytes that are sent for `body`."""
        if body is None:
            return b""
        if isinstance(body, bytes):
            return body
        return json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")

    def sign(self, request: "httpx2.Request", form: SignsOddly) -> None:
        """Sign `request` in this form, if the kit has a key."""
        if self._sign:
            form.sign(self._sign, request, request.content)

    @property
    def key_id(self) -> str:
        """The id of the key that signs; empty without one."""
        return self._sign.keys(None).key_id if self._sign else ""

    def clock(self) -> datetime | None:
        """The backend's time, by the Date header of its last answer; None if it sends none."""
        return None if self._ahead is None else self.now() + self._ahead

    def send(
        self, request: "httpx2.Request", anew: Callable[[], "httpx2.Request"] | None = None
    ) -> Answer:
        """The answer to `request`, which is sent again while it is answered 503.

        `anew`: the same request, under a signature of its own. Raises `EnvironmentFailure` if no
        answer comes.
        """
        answer = self._exchange(request)
        for _ in range(TRIES - 1):
            if answer.status != 503:
                break
            self.unavailable += 1
            time.sleep(_pause(answer))
            answer = self._exchange(anew() if anew else request)
        return answer

    def _exchange(self, request: "httpx2.Request") -> Answer:
        import httpx2

        deadline = time.monotonic() + SECONDS
        path = request.url.raw_path.decode("ascii")
        shown = path if path.startswith("/v1/") else "/{code}"
        self.last = time.monotonic(), f"{request.method} {shown}"
        try:
            response = self._http.send(request, stream=True)
            try:
                body = bytearray()
                for piece in response.iter_raw():
                    body += piece
                    if len(body) > ANSWER_BYTES:
                        raise EnvironmentFailure("the backend's answer is too large to be one")
                    if time.monotonic() > deadline:
                        raise EnvironmentFailure("the backend's answer does not end")
            finally:
                response.close()
        # The texts of these exceptions may quote what was sent.
        except (
            httpx2.HTTPError,
            httpx2.InvalidURL,
            httpx2.StreamError,
            ValueError,
            OSError,
            OverflowError,
        ):
            raise EnvironmentFailure(
                "the backend cannot be reached, or hung up", "is it running, and is the URL right?"
            ) from None
        answer = Answer(response.status_code, dict(response.headers), bytes(body))
        self._ahead = _ahead(answer, self.now())
        self.record(request, answer)
        return answer


def _pause(answer: Answer) -> float:
    """How long the backend asks to be left alone, in seconds."""
    text = answer.headers.get("retry-after", "")
    return min(float(text), MOST_WAIT) if text.isascii() and text.isdigit() else 0.1


def _ahead(answer: Answer, now: datetime) -> timedelta | None:
    try:
        return parsedate_to_datetime(answer.headers["date"]).astimezone(UTC) - now
    except (KeyError, ValueError, TypeError, OverflowError):
        return None

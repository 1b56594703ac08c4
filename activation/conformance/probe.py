"""Raw requests to a backend, and its answers, bounded in size and time.

Only the clauses know which answer is right. `HttpClient` is not used, for it judges answers
itself.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from ...codegen.errors import EnvironmentFailure
from ..client.address import checked_url
from ..client.signing import RequestSigner
from ..client.transport import http_client
from .form import AS_AGREED, SignatureForm

if TYPE_CHECKING:
    import ssl

    import httpx2

SECONDS = 60.0
ANSWER_BYTES = 8 * 1024 * 1024
JSON_TYPE, STREAM = "application/json", "application/octet-stream"
PREFIX = "urn:mintmark:problem:"


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


class Probe:
    """Sends requests to the backend at `url`. A context manager; safe to share.

    Raises `UsageError` for an address that is not https, or http to this machine.
    """

    def __init__(
        self, url: str, sign: RequestSigner | None = None, tls: "ssl.SSLContext | None" = None
    ) -> None:
        self.signs = sign is not None
        self._base, local = checked_url(url)
        self._sign = sign
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
        form: SignatureForm | None = AS_AGREED,
    ) -> Answer:
        """Send a request and read its answer. `body`: bytes, or what becomes JSON.

        `form`: how it is signed if the kit has a key; None: not at all.
        """
        return self.send(self.request(method, path, body, kind=kind, form=form))

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        kind: str | None = None,
        form: SignatureForm | None = AS_AGREED,
    ) -> "httpx2.Request":
        """A request ready to be sent: see `__call__`."""
        content = body if isinstance(body, bytes) else b""
        if body is not None and not isinstance(body, bytes):
            content = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
        kind = kind or (STREAM if isinstance(body, bytes) else JSON_TYPE)
        headers = {"Content-Type": kind} if body is not None else {}
        request = self._http.build_request(
            method, self._base + path, content=content or None, headers=headers
        )
        if self._sign and form:
            form.sign(self._sign, request, content)
        return request

    def send(self, request: "httpx2.Request") -> Answer:
        """The answer to `request`. Raises `EnvironmentFailure` if none comes."""
        import httpx2

        try:
            response = self._http.send(request, stream=True)
            try:
                body = bytearray()
                for piece in response.iter_raw():
                    body += piece
                    if len(body) > ANSWER_BYTES:
                        raise EnvironmentFailure("the backend's answer is too large to be one")
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
        return Answer(response.status_code, dict(response.headers), bytes(body))

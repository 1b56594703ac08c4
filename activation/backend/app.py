"""The activation API and the phone page, over HTTP.

Ordering rules: the body is read whole, within its bounds, before anything looks at it;
who may send is decided before what was sent is checked, beyond being JSON. Left to
others: the books (`store`), the verdict (`scan`), sockets and signals (`serve`).
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from fastapi import Depends, FastAPI, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from ...codegen.codes.fingerprint import SCHEME, key_id
from ...codegen.secret import Secret
from ..client import wire
from ..client.client import is_loopback
from ..client.signing import COMPONENTS, TAG
from . import models, page
from .group_commit import Gathering
from .guard import Guard
from .problems import KINDS, MEDIA_TYPE, Problem
from .scan import Result, candidates
from .scan_counters import Asked
from .senders import LOOPBACK, Sender, Senders, unauthorised, verify
from .store import Store
from .throttle import Network, Throttle, caller

API = "v1"
_RETRY_SECONDS = "5"
_COVERED = " ".join(f'"{name}"' for name in (*COMPONENTS, "content-digest"))
_ACCEPTED = f'{TAG}=({_COVERED});created;expires;keyid;nonce;tag="{TAG}"'
_OF_PROXIES = ("forwarded", "via", "x-real-ip")


@dataclass(frozen=True)
class Backend:
    """What every request needs."""

    store: Store
    fingerprint_key: Secret
    now: Callable[[], datetime]
    trust_loopback: bool
    senders: Senders | None = None
    proxies: tuple[Network, ...] = ()
    names: tuple[str, ...] | None = None  # what it is called by; None: whatever it is called
    throttle: Throttle = field(default_factory=Throttle)

    @cached_property
    def key_id(self) -> str:
        """Which fingerprint key this is."""
        return key_id(self.fingerprint_key)

    async def scan(self, request: Request, code: str, scan_id: str | None) -> wire.ScanAnswer:
        """Answer and count a scan; the code goes no further than its fingerprint.

        Raises `Problem` too-many for an address that scans or guesses too much.
        """
        peer = request.client.host if request.client else ""
        forwarded = request.headers.getlist("x-forwarded-for")
        address = caller(peer, forwarded, self.proxies, direct=_direct(request))
        at = self.now().timestamp()
        if address is not None and (seconds := self.throttle.wait(address, at)):
            raise Problem("too-many", "scan again later", retry_after=seconds)
        answer = await self._answer(code, scan_id)
        if address is not None and answer.result == Result.UNKNOWN.value:
            self.throttle.unknown(address, at)
        return answer

    async def _answer(self, code: str, scan_id: str | None) -> wire.ScanAnswer:
        if len(code) > self.store.limits.code_chars:
            return wire.ScanAnswer(Result.UNKNOWN.value)
        found = candidates(code, self.store.rules(), self.fingerprint_key)
        if not found:
            return wire.ScanAnswer(Result.UNKNOWN.value)
        return await asyncio.wrap_future(self.gathering.ask(Asked(found, scan_id)))

    @cached_property
    def gathering(self) -> Gathering:
        """Where scans wait for each other."""
        return Gathering(lambda group: self.store.scans(group, self.now()))

    def close(self) -> None:
        """Answer what waits, and close the books."""
        self.gathering.close()
        self.store.close()
        if self.senders is not None:
            self.senders.close()


async def _backend(request: Request) -> Backend:
    # async: FastAPI would find it a thread for every request.
    backend: Backend = request.app.state.backend
    return backend


async def authorise(request: Request) -> Sender:
    """Who sends this request. Raises `Problem` unauthorised.

    A signature is checked wherever there is one, and is good for this backend's names only:
    else who runs another that knows the same keys could pass a request on. Without one, this
    machine is let in if the server was told so: not what a proxy on it forwards, as far as
    that shows, nor what a web page here sends under a foreign name (DNS rebinding).
    """
    backend: Backend = request.app.state.backend
    now = backend.now()
    if "signature-input" in request.headers and backend.senders is not None:
        if not _is_called(request, backend.names):
            raise unauthorised(now)
        signed = verify(request, await request.body(), backend.senders, now)
        key, nonce = signed.sender.key_id, signed.nonce
        if not await run_in_threadpool(backend.store.fresh, key, nonce, signed.until, now):
            raise unauthorised(now)
        return signed.sender
    peer = request.client.host if request.client else ""
    trusted = backend.trust_loopback
    if not (trusted and is_loopback(peer) and is_loopback(_host(request)) and _direct(request)):
        raise unauthorised(now)
    return LOOPBACK


def _host(request: Request) -> str:
    """The name this server was called by; empty for one that no client of ours sends."""
    named = request.headers.get("host", "")
    try:
        return "" if "@" in named else urlsplit(f"//{named}").hostname or ""
    except ValueError:
        return ""


def _is_called(request: Request, names: tuple[str, ...] | None) -> bool:
    """Whether the request is for one of `names`, with a port or whatever the port."""
    if names is None:
        return True
    host = _host(request)
    return host in names or request.headers.get("host", "").lower() in names


def _direct(request: Request) -> bool:
    """Whether no proxy shows. nginx, told nothing, names itself as host and speaks 1.0."""
    names = request.headers
    proxied = any(name in _OF_PROXIES or name.startswith("x-forwarded-") for name in names)
    return not proxied and request.scope["http_version"] != "1.0"


Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
Books = Annotated[Backend, Depends(_backend)]
From = Annotated[Sender, Depends(authorise)]
Id = Annotated[str, Path(pattern=models.NAME)]
First = Annotated[int, Path(ge=1, le=wire.SERIAL_MAX)]
After = Annotated[int, Query(ge=0, le=wire.SERIAL_MAX)]


def create_app(backend: Backend, lifespan: Lifespan | None = None) -> FastAPI:
    """The ASGI application; who calls this, or its `lifespan`, closes the store."""
    app = FastAPI(
        title="mintmark activation API",
        # The interactive pages load scripts from elsewhere; activation/openapi.yaml is the schema.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.backend = backend
    app.add_middleware(Guard, limits=backend.store.limits)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(SQLAlchemyError, _database)
    app.add_exception_handler(Exception, _internal)
    _lines(app)
    _consumers(app)
    return app


def _lines(app: FastAPI) -> None:
    """What lines call: all of it goes through `authorise`."""

    @app.put("/v1/batches/{batch}")
    def register(batch: Id, body: models.Batch, books: Books, sender: From) -> JSONResponse:
        sender.permit(batch)
        info = body.info(batch)
        if (info.scheme, info.fingerprint_key_id) != (SCHEME, books.key_id):
            raise Problem(
                "key-unknown",
                f"this backend holds key {books.key_id} of scheme {SCHEME}",
                scheme=SCHEME,
                fingerprint_key_id=books.key_id,
            )
        books.store.register(info, books.now())
        return JSONResponse(info.body())

    @app.put("/v1/batches/{batch}/fingerprints/{first}", status_code=204)
    async def upload(
        batch: Id, first: First, request: Request, books: Books, sender: From
    ) -> Response:
        sender.permit(batch, upload=True)
        if request.headers.get("content-type") != "application/octet-stream":
            raise Problem("media-type", "send application/octet-stream")
        data = await request.body()
        await run_in_threadpool(books.store.upload, batch, first, data, books.now())
        return Response(status_code=204)

    @app.get("/v1/batches/{batch}")
    def batch_page(
        batch: Id,
        books: Books,
        sender: From,
        after: After = 0,
        digests: bool = False,  # noqa: FBT001, FBT002 — a query parameter
    ) -> JSONResponse:
        sender.permit(batch)
        return JSONResponse(books.store.page(batch, after, digests=digests).body())

    @app.put("/v1/orders/{order}")
    def put_order(order: Id, body: models.Order, books: Books, sender: From) -> JSONResponse:
        asked = body.request(order)
        sender.permit_order(asked.batch, asked.action, asked.attributes)
        return JSONResponse(books.store.order(asked, books.now()).body())

    @app.get("/v1/orders/{order}")
    def get_order(order: Id, books: Books, sender: From) -> JSONResponse:
        return JSONResponse(books.store.get_order(order, sender.permit).body())

    @app.get("/v1/unknown-scans")
    def unknown_scans(books: Books, _: From, after: After = 0) -> JSONResponse:
        return JSONResponse(books.store.unknown(after, books.now()).body())


def _consumers(app: FastAPI) -> None:
    """What anybody may call."""

    @app.get("/v1/health")
    def health(books: Books) -> JSONResponse:
        return JSONResponse(wire.HealthAnswer(API, SCHEME, books.key_id).body())

    @app.post("/v1/scans")
    async def scan(body: models.Scan, request: Request, books: Books) -> JSONResponse:
        return JSONResponse((await books.scan(request, body.code, body.scan_id)).body())

    @app.get("/robots.txt")
    def robots() -> PlainTextResponse:
        return PlainTextResponse("User-agent: *\nDisallow: /\n")

    @app.get("/favicon.ico")
    def favicon() -> Response:
        return Response(status_code=204)

    @app.api_route("/{code}", methods=["GET", "HEAD"])
    async def show() -> HTMLResponse:
        return _html(page.ask(secrets.token_hex(16)))

    @app.post("/{code}")
    async def check(code: str, request: Request, books: Books) -> HTMLResponse:
        scan_id = _scan_id(await request.body())
        try:
            answer = await books.scan(request, code, scan_id)
        except Problem as problem:
            if problem.name != "too-many":
                raise
            return _html(page.busy(), problem.status, str(problem.members["retry_after"]))
        return _html(page.render(answer))


def _scan_id(form: bytes) -> str | None:
    """The page's own scan id; a form that is not the page's has none."""
    try:
        fields = parse_qs(form.decode("ascii"), max_num_fields=4)
        return models.Form(scan_id=fields.get("scan_id", [""])[0]).scan_id
    except (ValueError, ValidationError):
        return None


def _html(text: str, status: int = 200, retry_after: str | None = None) -> HTMLResponse:
    headers = {"Content-Security-Policy": page.CONTENT_SECURITY_POLICY}
    if retry_after:
        headers["Retry-After"] = retry_after
    return HTMLResponse(text, status, headers)


def _problem(_: Request, error: Exception) -> Response:
    problem = error if isinstance(error, Problem) else Problem("internal", "")
    headers: dict[str, str] = {}
    if problem.status == 401:
        # RFC 9421, section 5: what a signature is to cover.
        headers |= {"WWW-Authenticate": "Signature", "Accept-Signature": _ACCEPTED}
    if problem.status == 429:
        headers["Retry-After"] = str(problem.members["retry_after"])
    if problem.status == 503:
        headers["Retry-After"] = _RETRY_SECONDS
    return JSONResponse(problem.body(), problem.status, headers, MEDIA_TYPE)


def _invalid(request: Request, error: Exception) -> Response:
    """Where, and what was expected; never what was sent: it may be a code."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    known = {"body", "path", "query", *models.FIELDS, "batch", "order", "first", "after", "digests"}
    texts = []
    for item in found[:5]:
        place = [str(step) for step in item["loc"] if isinstance(step, int) or step in known]
        texts.append(f"{'.'.join(place)}: {item['msg']}")
    return _problem(request, Problem("invalid", "; ".join(texts)))


def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    for name in ("not-found", "method-not-allowed", "media-type", "internal"):
        if KINDS[name][0] == status:
            return _problem(request, Problem(name, ""))
    return _problem(request, Problem("invalid", "the body cannot be read"))


def _database(request: Request, _: Exception) -> Response:
    return _problem(request, Problem("unavailable", "the books cannot be reached; try again"))


def _internal(request: Request, _: Exception) -> Response:
    return _problem(request, Problem("internal", ""))

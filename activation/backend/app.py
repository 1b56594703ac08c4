"""The activation API and the phone page, over HTTP: the routes.

Ordering rules, which are also the order of refusals that docs/activation-api.md promises:
1. The body is read whole, within its bounds, before anything looks at it (`guard`).
2. The sender is known before the body is looked at (`_LineRoute`).
3. The request is of the agreed form, or refused (`models`).
4. What the sender may do is decided before the books are asked (`Sender.permit`).
Left to others: the books (`store`), the verdict (`scan`), sockets and signals (`serve`). Most scans
never come here: `scan_lane` answers them, as the route here would.
"""

import secrets
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import parse_qs

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute
from pydantic import ValidationError

from ...codegen.codes.fingerprint import SCHEME
from ..client import wire
from . import models, page
from .authorise import address_of, authorise, scanner
from .backend import Backend
from .failures import add_handlers
from .guard import Guard
from .parameters import After, AfterCode, Books, First, From, Id, Over, Page
from .problems import Problem
from .scanned_code import ScannedBy
from .sender import Sender
from .store import check_length

API = "v1"


class _LineRoute(APIRoute):
    """An address of lines: FastAPI itself would refuse a body that is no JSON before a stranger."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        answer = super().get_route_handler()

        async def authorised(request: Request) -> Response:
            request.state.sender = await authorise(request)
            return await answer(request)

        return authorised


class _ScanRoute(APIRoute):
    """An address of consumers: a signature that comes along must be right, and none is needed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        answer = super().get_route_handler()

        async def known(request: Request) -> Response:
            request.state.sender = await scanner(request)
            return await answer(request)

        return known


Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Any]]]


def create_app(backend: Backend, lifespan: Lifespan | None = None) -> FastAPI:
    """The ASGI application. The caller, or its `lifespan`, closes the backend."""
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
    add_handlers(app)
    app.router.route_class = _LineRoute
    _lines(app)
    _packing(app)
    _taking_in(app)
    _watching(app)
    app.router.route_class = _ScanRoute
    _scans(app)
    app.router.route_class = APIRoute
    _consumers(app)
    return app


def _lines(app: FastAPI) -> None:
    """What lines call."""

    @app.put("/v1/batches/{batch}")
    def register(batch: Id, body: models.BatchBody, books: Books, sender: From) -> JSONResponse:
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
        if request.headers.get("content-type") != "application/octet-stream":
            raise Problem("media-type", "send application/octet-stream")
        data = await request.body()
        check_length(data)
        sender.permit(batch, upload=True)
        await run_in_threadpool(books.store.upload, batch, first, data, books.now())
        return Response(status_code=204)

    @app.get("/v1/batches/{batch}")
    def batch_page(batch: Id, books: Books, sender: From, query: Page) -> JSONResponse:
        sender.permit(batch)
        return JSONResponse(books.store.query(batch, query).body())

    @app.put("/v1/orders/{order}")
    def put_order(order: Id, body: models.OrderBody, books: Books, sender: From) -> JSONResponse:
        wanted = body.request(order)
        sender.permit_order(wanted.batch, wanted.action, wanted.attributes)
        return JSONResponse(books.store.order(wanted, books.now()).body())

    @app.get("/v1/orders/{order}")
    def get_order(order: Id, books: Books, sender: From) -> JSONResponse:
        sender.permit_line()
        return JSONResponse(books.store.get_order(order, sender.permit).body())

    @app.get("/v1/homes/{home}/head")
    def head(home: Id, books: Books, sender: From) -> JSONResponse:
        sender.permit_line()
        return JSONResponse(books.store.head(home).body())


def _packing(app: FastAPI) -> None:
    """What lines call about what lies in what."""

    @app.get("/v1/batches/{batch}/parents")
    def parents(batch: Id, books: Books, sender: From, after: After = 0) -> JSONResponse:
        sender.permit(batch)
        return JSONResponse(books.store.parents(batch, after).body())

    @app.put("/v1/aggregations/{aggregation}")
    def put_aggregation(
        aggregation: Id, body: models.AggregationBody, books: Books, sender: From
    ) -> JSONResponse:
        wanted = body.request(aggregation)
        sender.permit_packing(wanted.named(), wanted.action)
        return JSONResponse(books.store.aggregate(wanted, books.now()).body())

    @app.get("/v1/aggregations/{aggregation}")
    def get_aggregation(aggregation: Id, books: Books, sender: From) -> JSONResponse:
        sender.permit_line()
        return JSONResponse(books.store.get_aggregation(aggregation, sender.permit).body())


def _taking_in(app: FastAPI) -> None:
    """What dealers call, and lines read back."""

    @app.put("/v1/scan-ins/{scan_in}")
    def put_scan_in(
        scan_in: Id, body: models.ScanInBody, books: Books, sender: From
    ) -> JSONResponse:
        parts = body.parts()
        dealer = sender.dealer_of(body.dealer)
        for part in parts:
            sender.permit_batch(part.batch)
        return JSONResponse(books.scan_in(scan_in, dealer, body, sender.permit_batch).body())

    @app.get("/v1/scan-ins")
    def scan_ins(books: Books, sender: From, after: After = 0) -> JSONResponse:
        sender.permit_line()
        return JSONResponse(books.store.scan_ins(after).body())


def _watching(app: FastAPI) -> None:
    """What whoever watches the market reads."""

    @app.get("/v1/unknown-scans")
    def unknown_scans(books: Books, sender: From, after: After = 0) -> JSONResponse:
        sender.permit_line()
        return JSONResponse(books.store.unknown(after, books.now()).body())

    @app.get("/v1/refused-scans")
    def refused_scans(books: Books, _: From, after: After = 0) -> JSONResponse:
        return JSONResponse(books.store.refused(after, books.now()).body())

    @app.get("/v1/repeats")
    def repeats(books: Books, _: From, over: Over = 1, after: AfterCode = None) -> JSONResponse:
        return JSONResponse(books.store.repeats(over, after).body())

    @app.get("/v1/batches/{batch}/regions")
    def regions(batch: Id, books: Books, sender: From, after: After = 0) -> JSONResponse:
        sender.permit(batch)
        return JSONResponse(books.store.regions(batch, after).body())


def _scans(app: FastAPI) -> None:
    """What anybody may call, and platforms sign."""

    @app.post("/v1/scans")
    async def scan(body: models.ScanBody, request: Request, books: Books) -> JSONResponse:
        sender: Sender | None = request.state.sender
        if sender is None and body.as_ is not None:
            sender = await authorise(request)  # this machine, if it is trusted, and nobody else
        address = None
        if sender is None:
            address = address_of(request, books)
        else:
            sender.permit_scan(body.party)
        by = ScannedBy(body.party, body.region, signed=sender is not None)
        return JSONResponse((await books.scan(address, body.code, body.scan_id, by)).body())


def _consumers(app: FastAPI) -> None:
    """What anybody may call."""

    @app.api_route("/v1/health", methods=["GET", "HEAD"])
    def health(books: Books) -> JSONResponse:
        return JSONResponse(wire.HealthAnswer(API, SCHEME, books.key_id).body())

    @app.get("/robots.txt")
    def robots() -> PlainTextResponse:
        return PlainTextResponse("User-agent: *\nDisallow: /\n")

    @app.get("/favicon.ico")
    def favicon() -> Response:
        return Response(status_code=204)

    @app.api_route("/{code}", methods=["GET", "HEAD"])
    async def show() -> HTMLResponse:
        return _html(page.scan_form(secrets.token_hex(16)))

    @app.post("/{code}")
    async def check(code: str, request: Request, books: Books) -> HTMLResponse:
        scan_id = _scan_id(await request.body())
        try:
            answer = await books.scan(address_of(request, books), code, scan_id)
        except Problem as problem:
            if problem.name != "too-many":
                raise
            return _html(page.busy(), problem.status, str(problem.members["retry_after"]))
        return _html(page.render(answer))


def _scan_id(form: bytes) -> str | None:
    """The scan id that the page put into its form; another form has none."""
    try:
        fields = parse_qs(form.decode("ascii"), max_num_fields=4)
        return models.ScanForm(scan_id=fields.get("scan_id", [""])[0]).scan_id
    except (ValueError, ValidationError):
        return None


def _html(text: str, status: int = 200, retry_after: str | None = None) -> HTMLResponse:
    headers = {"Content-Security-Policy": page.CONTENT_SECURITY_POLICY}
    if retry_after:
        headers["Retry-After"] = retry_after
    return HTMLResponse(text, status, headers)

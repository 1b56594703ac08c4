"""Every failure becomes an RFC 9457 problem, which quotes nothing that was sent."""

import secrets
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from ...codegen.away import OutOfReach
from ..client.signing import COMPONENTS, TAG
from . import log, models
from .damage import COPY, Damaged, is_damage
from .guard import HEADERS
from .problems import KINDS, MEDIA_TYPE, Problem

_RETRY_SECONDS: Final = "5"
# Names that may stand in an error: every other name in a request is the sender's own.
_KNOWN: Final = {"body", "path", "query", *models.FIELDS} | {
    *("batch", "order", "aggregation", "home", "first", "after", "digests"),
    *("since", "over", "scan_in"),
}


def add_handlers(app: FastAPI) -> None:
    """Have `app` answer every exception as a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(SQLAlchemyError, _database)
    app.add_exception_handler(OutOfReach, _database)
    app.add_exception_handler(Damaged, _database)
    app.add_exception_handler(Exception, _internal)


def _problem(request: Request, error: Exception) -> Response:
    answer = _told(error if isinstance(error, Problem) else Problem("internal", ""))
    if answer.status_code == 401:
        answer.headers["WWW-Authenticate"] = "Signature"
        answer.headers["Accept-Signature"] = _accepted(request)
    return answer


def _told(problem: Problem) -> Response:
    headers: dict[str, str] = {}
    if problem.status == 429:
        headers["Retry-After"] = str(problem.members["retry_after"])
    if problem.status == 503:
        headers["Retry-After"] = _RETRY_SECONDS
    return JSONResponse(problem.body(), problem.status, headers, MEDIA_TYPE)


def refusal(error: Exception) -> Response:
    """The answer to a scan that failed, where no framework catches its exception."""
    if isinstance(error, Problem):
        return _told(error)
    if isinstance(error, (SQLAlchemyError, Damaged)):
        return _told(_of_database(error))
    log.failure(error, "a scan was answered 500")
    return _told(Problem("internal", ""))


def _accepted(request: Request) -> str:
    """How to sign this request (RFC 9421, section 5.1).

    A parameter that stands there has the value that is asked for, but for the two times: so a
    nonce is made, and no key is named.
    """
    names = request.headers
    body = "transfer-encoding" in names or names.get("content-length", "0") != "0"
    covered = " ".join(f'"{name}"' for name in (*COMPONENTS, *["content-digest"] * body))
    return f'{TAG}=({covered});created;expires;nonce="{secrets.token_hex(16)}";tag="{TAG}"'


def _invalid(request: Request, error: Exception) -> Response:
    """The place in the request and what was expected; the value sent may be a code."""
    errors = error.errors() if isinstance(error, RequestValidationError) else []
    texts = []
    for item in errors[:5]:
        path = [str(step) for step in item["loc"] if isinstance(step, int) or step in _KNOWN]
        texts.append(f"{'.'.join(path)}: {item['msg']}")
    return _problem(request, Problem("invalid", "; ".join(texts)))


def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 405:
        return _not_allowed(request)
    for name in ("not-found", "media-type", "internal"):
        if KINDS[name][0] == status:
            return _problem(request, Problem(name, ""))
    return _problem(request, Problem("invalid", "the body cannot be read"))


def _not_allowed(request: Request) -> Response:
    """RFC 9110, section 15.5.6: every method of the address; Starlette names those of one route."""
    methods: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods
    allowed = ", ".join(sorted(methods))
    answer = _problem(request, Problem("method-not-allowed", f"send one of: {allowed}"))
    answer.headers["Allow"] = allowed
    return answer


def _database(request: Request, error: Exception) -> Response:
    return _problem(request, _of_database(error))


def _of_database(error: Exception) -> Problem:
    if is_damage(error):
        log.failure(error, f"a request was answered 500, the database is damaged: {COPY}")
        return Problem("internal", "the backend's books are damaged")
    log.failure(error, "a request was answered 503, the database failed")
    return Problem("unavailable", "the books cannot be reached; try again")


def _internal(request: Request, _: Exception) -> Response:
    answer = _problem(request, Problem("internal", ""))
    answer.raw_headers.extend(HEADERS)  # this answer is made outside of `Guard`
    return answer

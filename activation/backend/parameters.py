"""What routes are given: the books, whoever calls, and what stands in address and query."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from pydantic import BeforeValidator

from ..client import wire
from . import models
from .backend import Backend
from .batch_page import PageQuery
from .sender import Sender


async def _backend(request: Request) -> Backend:
    # async: for a plain function FastAPI would use a thread per request.
    backend: Backend = request.app.state.backend
    return backend


async def _sender(request: Request) -> Sender:
    sender: Sender = request.state.sender
    return sender


def _spelled(pattern: str) -> Callable[[object], object]:
    """Taken as it is spelled in the document: the framework reads 1.0 as 1, and yes as true."""

    def check(value: object) -> object:
        if isinstance(value, str) and re.fullmatch(pattern, value) is None:
            raise ValueError("not spelled as in the document")
        return value

    return check


Books = Annotated[Backend, Depends(_backend)]
From = Annotated[Sender, Depends(_sender)]
Id = Annotated[str, Path(pattern=models.NAME)]
First = Annotated[int, BeforeValidator(_spelled("[0-9]{1,12}")), Path(ge=1, le=wire.SERIAL_MAX)]
After = Annotated[int, BeforeValidator(_spelled("[0-9]{1,12}")), Query(ge=0, le=wire.SERIAL_MAX)]
Over = Annotated[int, BeforeValidator(_spelled("[0-9]{1,12}")), Query(ge=1, le=wire.SERIAL_MAX)]
AfterCode = Annotated[str | None, Query(pattern=models.CODE)]
Since = Annotated[datetime | None, BeforeValidator(models.moment)]
Flag = Annotated[bool, BeforeValidator(_spelled("true|false"))]


async def _page(
    after: After = 0,
    digests: Flag = False,  # noqa: FBT002 — a query parameter
    since: Since = None,
) -> PageQuery:
    return PageQuery(after, digests, since)


Page = Annotated[PageQuery, Depends(_page)]

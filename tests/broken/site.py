"""Where a variant is built: the reference backend, and what a fault may change of it.

A fault is a subclass of `Store`, or a function that is called with a `Site`. The kit runs in
the same process as the variant, so a fault patches names of the backend's modules, and never
what the kit imports as well.
"""

import json
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

import pytest
from backend_kit import BACKEND_KEY
from conformance_kit import Known, books, now, serving

from mintmark.activation.backend.app import create_app
from mintmark.activation.backend.backend import Backend
from mintmark.activation.backend.problems import MEDIA_TYPE, Problem
from mintmark.activation.backend.store import Store


@dataclass(frozen=True)
class Call:
    """A request as it came."""

    method: str
    path: str
    query: bytes
    headers: tuple
    body: bytes

    @property
    def data(self):
        """The body's JSON object; of anything else, an empty one."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def is_order(self):
        return self.method == "PUT" and self.path.startswith("/v1/orders/")

    def with_data(self, data):
        return replace(self, body=json.dumps(data, ensure_ascii=False).encode())


@dataclass(frozen=True)
class Reply:
    """An answer as it goes out."""

    status: int
    headers: tuple
    body: bytes

    @property
    def data(self):
        """The body's JSON object; of anything else, an empty one."""
        return Call.data.fget(self)

    @property
    def problem(self):
        return str(self.data.get("type", "")).rpartition(":")[2] if self.status >= 400 else ""

    def with_data(self, data):
        return replace(self, body=json.dumps(data, ensure_ascii=False).encode())

    def with_headers(self, *, without, more=()):
        kept = tuple(pair for pair in self.headers if pair[0] not in without)
        return replace(self, headers=(*kept, *more))

    @classmethod
    def refusal(cls, name, **members):
        problem = Problem(name, "", **members)
        headers = ((b"content-type", MEDIA_TYPE.encode()), (b"cache-control", b"no-store"))
        return cls(problem.status, headers, json.dumps(problem.body()).encode())


class Around:
    """ASGI middleware: changes a request before the app sees it, or its answer afterwards."""

    def __init__(self, app, asked, told):
        self._app, self._asked, self._told = app, asked, told

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        fields = scope["method"], scope["path"], scope["query_string"], tuple(scope["headers"])
        call = Call(*fields, body)
        asked = self._asked(call)
        reply = asked if isinstance(asked, Reply) else await self._reply(scope, asked)
        reply = self._told(call, reply)
        headers = [pair for pair in reply.headers if pair[0] != b"content-length"]
        if reply.status != 204:
            headers.append((b"content-length", str(len(reply.body)).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else reply.body
        await send({"type": "http.response.body", "body": body})

    async def _reply(self, scope, call):
        sent, out = [], {}

        async def receive():
            sent.append(1)
            return {"type": "http.request", "body": call.body, "more_body": False}

        async def send(message):
            if message["type"] == "http.response.start":
                out.update(status=message["status"], headers=tuple(message["headers"]))
            else:
                out["body"] = out.get("body", b"") + message.get("body", b"")

        length = (b"content-length", str(len(call.body)).encode())
        others = [pair for pair in call.headers if pair[0] != b"content-length"]
        changed = scope | {
            "method": call.method,
            "path": call.path,
            "raw_path": scope.get("raw_path") if call.path == scope["path"] else call.path.encode(),
            "query_string": call.query,
            "headers": [*others, length] if call.body else others,
        }
        await self._app(changed, receive, send)
        return Reply(out["status"], out["headers"], out.get("body", b""))


class Site:
    """What a fault may change: what stands in `__init__`, and names of modules by `patch`."""

    def __init__(self, patch):
        self.patch = patch
        self.store: type[Store] = Store
        self.names: tuple[str, ...] | None = ("127.0.0.1", "localhost")
        self.senders: Callable[..., object] = Known
        self.revoked: frozenset[str] = frozenset()
        self._around: list[tuple[Callable, Callable]] = []

    def around(self, asked=lambda call: call, told=lambda _, reply: reply):
        """Change requests, or answer them at once with a `Reply`; change answers."""
        self._around.append((asked, told))

    @contextmanager
    def url(self, folder, *, sign):
        """The address at which the variant answers."""
        known = self.senders(self.revoked)
        with books(self.store, folder) as made:
            backend = Backend(made, BACKEND_KEY, now, not sign, known, names=self.names)
            app = create_app(backend)
            for asked, told in self._around:
                app = Around(app, asked, told)
            with closing(backend), serving(app) as url:
                yield url


@contextmanager
def built(fault, folder, *, sign, revoked=()):
    """The address of the reference backend with this fault, as long as the context lasts.

    `revoked`: the ids of keys that are revoked.
    """
    with pytest.MonkeyPatch.context() as patch:
        site = Site(patch)
        site.revoked = frozenset(revoked)
        if isinstance(fault, type):
            site.store = fault
        else:
            fault(site)
        with site.url(folder, sign=sign) as url:
            yield url


FAULTS: list[object] = []


def fault(made):
    """Add a fault to those of the table; its docstring is what the table says of it."""
    FAULTS.append(made)
    return made


def named(made, name, says):
    """A fault that was made from a pattern, with the name and the text of its own."""
    made.__name__, made.__doc__ = name, says
    return fault(made)

"""A network between a line and its backend that does what networks do: a real TCP proxy.

It drops requests, drops answers, delays, sends twice, lets a request arrive long after
its sender gave up, cuts bodies, and answers for the backend with errors. What happens to
which request follows from a seed.
"""

import contextlib
import http.client
import random
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from patience import PATIENCE

FAULTS = (
    *("drop request", "drop answer", "delay", "twice", "late", "cut", "500", "503", "429"),
    *("html", "empty"),
)
_ANSWERS = {
    "500": (500, "text/plain", b"Internal Server Error", {}),
    "503": (503, "application/problem+json", b'{"title": "busy"}', {"Retry-After": "1"}),
    "503 for an hour": (503, "text/plain", b"later", {"Retry-After": "3600"}),
    "429": (429, "text/plain", b"slow down", {"Retry-After": "soon"}),
    "html": (200, "text/html", b"<html>Welcome to the hotel's WLAN</html>", {}),
    "empty": (200, "application/json", b"", {}),
}


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: bytes
    headers: tuple


@dataclass(frozen=True)
class Seen:
    """A request on its way: when it came and when it was answered, or given up."""

    method: str
    path: str
    began: float
    ended: float


@dataclass
class Proxy:
    """Between `url` and the backend at `target`. `fault(request)` names what goes wrong.

    `passed((request, status))` is called with what the backend answered.
    """

    target: str
    fault: object = lambda _: ""
    passed: object = lambda _: None
    delay: float = 0.02
    seen: list = field(default_factory=list)
    faults: dict = field(default_factory=dict)
    held: list = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def forward(self, request):
        """Status, content type and body of the backend's answer; raises OSError."""
        address = urlsplit(self.target)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.putrequest(
                request.method, request.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in request.headers:
                connection.putheader(name, value)
            connection.endheaders(request.body)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Content-Type"), answer.read()

    def release(self, chosen=lambda _: True):
        """Let held requests arrive now; nobody hears the answers."""
        with self._lock:
            going = [request for request in self.held if chosen(request)]
            self.held = [request for request in self.held if request not in going]
        for request in going:
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.forward(request)
        return going

    def note(self, name):
        with self._lock:
            self.faults[name] = self.faults.get(name, 0) + 1


class Seeded:
    """Faults by a seeded choice, `share` of all requests; none once it is `quiet`."""

    def __init__(self, seed, share=0.4, names=FAULTS):
        self._random = random.Random(seed)
        self._share, self._names = share, names
        self._lock = threading.Lock()
        self.quiet = False

    def __call__(self, _):
        with self._lock:
            draw, name = self._random.random(), self._random.choice(self._names)
        return name if draw < self._share and not self.quiet else ""


def _handler(proxy):  # noqa: C901 - one class
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self):
            began = time.monotonic()
            size = int(self.headers.get("Content-Length") or 0)
            # As they came, Host too: it is signed.
            headers = tuple(self.headers.items())
            request = Request(self.command, self.path, self.rfile.read(size), headers)
            fault = proxy.fault(request)
            if fault:
                proxy.note(fault)
            try:
                with contextlib.suppress(OSError, http.client.HTTPException):
                    self.pass_on(request, fault)
                    return
                self.close_connection = True
            finally:
                seen = Seen(request.method, request.path, began, time.monotonic())
                proxy.seen.append(seen)

        do_GET = do_PUT = do_POST = answer  # noqa: N815 - http.server's names

        def pass_on(self, request, fault):
            if fault in _ANSWERS:
                status, kind, body, headers = _ANSWERS[fault]
                self.reply(status, kind, body, headers)
                return
            if fault == "late":
                proxy.held.append(request)
            if fault in ("late", "drop request"):
                self.close_connection = True
                return
            if fault == "delay":
                time.sleep(proxy.delay)
            # An earlier request that this one overtakes arrives just before, or just after.
            proxy.release(lambda held: held.path == request.path)
            status, kind, body = proxy.forward(request)
            proxy.passed((request, status))
            if fault == "twice":
                status, kind, body = proxy.forward(request)
            if fault == "drop answer":
                self.close_connection = True
                return
            self.reply(status, kind, body, cut=fault == "cut")

        def reply(self, status, kind, body, headers=None, *, cut=False):
            self.send_response(status)
            for name, text in {"Content-Type": kind, **(headers or {})}.items():
                if text:
                    self.send_header(name, text)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if cut:
                self.close_connection = True
            self.wfile.write(body[: len(body) // 2] if cut else body)

        def log_message(self, *_):
            """Quiet."""

    return Handler

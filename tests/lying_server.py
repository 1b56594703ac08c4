"""A server that answers whatever it is told to, and what a client makes of it."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mintmark.activation.client.client import HttpClient
from mintmark.activation.client.protocol import Away
from mintmark.codegen.errors import EnvironmentFailure


class Fake(BaseHTTPRequestHandler):
    """Answers everything with the server's `status`, `headers`, `body`."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append((self.command, self.path, dict(self.headers)))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.server.pour(self.server, self.wfile)

    do_GET = do_PUT = do_POST = answer  # noqa: N815

    def log_message(self, *_):
        pass


@contextmanager
def fake(status=200, body=b"", headers=None, pour=None, **options):
    with ThreadingHTTPServer(("127.0.0.1", 0), Fake) as server:
        server.status, server.requests = status, []
        server.headers = {"Content-Type": "application/json"} | (headers or {})
        server.pour = pour or (lambda _, out: out.write(body))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        server.let_go = threading.Event()
        try:
            with HttpClient(url, **options) as client:
                yield client, server
        finally:
            server.let_go.set()
            server.shutdown()
            thread.join()


def away(client, call):
    with pytest.raises(Away) as caught:
        call(client)
    assert isinstance(caught.value, EnvironmentFailure)
    return caught.value


def problem(status, name, **members):
    body = {"type": f"urn:mintmark:problem:{name}", "title": "T", "status": status, "detail": "D"}
    return {
        "status": status,
        "body": json.dumps(body | members).encode(),
        "headers": {"Content-Type": "application/problem+json"},
    }

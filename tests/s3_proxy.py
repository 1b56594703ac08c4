"""A network between a vault and its object store: requests and answers that are lost, refusals.

What goes wrong is asked of `fault(moment)`, as in `wire_proxy.py`.
"""

import contextlib
import http.client
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from patience import PATIENCE
from wire_proxy import CUT, LOST, Moment, Network

HALF = "half an answer"
REFUSALS = {
    "503": (503, "SlowDown"),
    "409": (409, "ConditionalRequestConflict"),
    "412": (412, "PreconditionFailed"),
}


@dataclass
class S3Proxy(Network):
    """Before the server of S3 at `target`; `url` is the endpoint that a client uses instead.

    Of a request: `CUT` (it never arrives), `STALL`, `LOST` (it arrives, and the answer does not),
    `HALF`, and the `REFUSALS`, of which 409 and 412 are for those with a condition. While it is
    `down()`, connections are closed unheard.
    """

    target: str = ""
    is_down: bool = False

    def __enter__(self):
        self._serving = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._serving.daemon_threads = True
        self._thread = threading.Thread(target=self._serving.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._serving.server_port}"
        return self

    def __exit__(self, *_):
        self._serving.shutdown()
        self._serving.server_close()
        self._thread.join()

    def down(self):
        """Hear nobody."""
        self.is_down = True

    def up(self):
        """Hear everybody again."""
        self.is_down = False

    def fault_of(self, method, path, headers):
        """What happens to a request."""
        if self.is_down:
            return CUT
        conditional = bool(headers.get("If-None-Match") or headers.get("If-Match"))
        return self.fault_at(Moment(method, path, conditional))

    def forward(self, method, path, headers, body):
        """Status, headers and body of the server's answer; raises OSError."""
        address = urlsplit(self.target)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()


def _handler(network):
    class Requested(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = network.fault_of(self.command, self.path, self.headers)
            with contextlib.suppress(OSError, http.client.HTTPException):
                if fault in REFUSALS:
                    status, code = REFUSALS[fault]
                    text = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
                    self.reply(status, [("Content-Type", "application/xml")], text)
                    return
                if fault != CUT:
                    # The headers as they came, Host too: it is signed.
                    found = network.forward(self.command, self.path, self.headers.items(), body)
                    if fault != LOST:
                        self.reply(*found, half=fault == HALF)
                        return
            self.close_connection = True

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer  # noqa: N815 - http.server's names

        def reply(self, status, headers, body, *, half=False):
            self.send_response_only(status)
            sized = False
            for name, value in headers:
                if name.lower() not in ("transfer-encoding", "connection"):
                    self.send_header(name, value)
                    sized = sized or name.lower() == "content-length"
            if not sized and status not in (204, 304):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.close_connection = self.close_connection or half
            self.wfile.write(body[: len(body) // 2] if half else body)

        def log_message(self, *_):
            """Quiet."""

    return Requested

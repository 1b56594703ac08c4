"""What receives alarms in the tests: a web hook and a mail server, stopped and started at will."""

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from patience import PATIENCE


class Hook:
    """A chat robot's web hook; `got` are the bodies it took, in order.

    It answers with `status` and `answer`, and only once `free` is set.
    """

    def __init__(self):
        self.got, self.asked = [], []
        self.status, self.answer = 200, {"errcode": 0, "code": 0}
        self.arrived, self.free = threading.Event(), threading.Event()
        self.free.set()
        self._server, self._port = None, 0

    @property
    def url(self):
        return f"json://127.0.0.1:{self._port}/hook"

    @property
    def http(self):
        return f"http://127.0.0.1:{self._port}/hook"

    @property
    def texts(self):
        return [f"{body['title']}\n{body['message']}" for body in self.got]

    def __enter__(self):
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook.arrived.set()
                assert hook.free.wait(PATIENCE)
                if hook.status == 200:
                    hook.got.append(body)
                    hook.asked.append(self.path)
                data = json.dumps(hook.answer).encode()
                self.send_response(hook.status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)


class Mail:
    """A mail server that takes everything (RFC 5321); `got` are the messages."""

    def __enter__(self):
        self.got = got = []

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self.say("220 mail")
                while line := self.rfile.readline().decode().strip():
                    word = line.split()[0].upper()
                    if word == "DATA":
                        self.say("354 go on")
                        lines = iter(self.rfile.readline, b".\r\n")
                        got.append(b"".join(lines))
                    self.say("221 bye" if word == "QUIT" else "250 ok")
                    if word == "QUIT":
                        return

            def say(self, text):
                self.wfile.write(f"{text}\r\n".encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)

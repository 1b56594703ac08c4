"""What receives alarms in the tests: web hooks and mail servers, with the faults they have."""

import contextlib
import email
import json
import re
import socketserver
import threading
from email import policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

from backend_kit import Clock
from line_kit import home_with_batches, opened

from mintmark.activation.monitor import notify, sending
from mintmark.activation.monitor.cursor import NAME
from mintmark.codegen.finding import ERROR, Finding
from mintmark.codegen.ledger import changes as c

WAIT = 30
POLL = 0.02  # between two looks of a server whether it is to end


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
                assert hook.free.wait(WAIT)
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
        self._thread = threading.Thread(target=self._server.serve_forever, args=(POLL,))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(WAIT)


class Wire:
    """A server that answers as a test says, byte for byte; `got` are the bodies it read.

    `say` writes the answer to a socket; `gone` is set when the server ends. `first`: it does not
    wait for a request.
    """

    def __init__(self, say, *, first=False):
        self.say, self.first, self.got, self.paths = say, first, [], []
        self.gone = threading.Event()

    @property
    def http(self):
        return f"http://127.0.0.1:{self.port}/hook"

    def __enter__(self):
        wire = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                if wire.first:
                    with contextlib.suppress(OSError):
                        wire.say(self.request)
                    return
                words = self.rfile.readline().split()
                headers = iter(lambda: self.rfile.readline().strip().lower(), b"")
                sizes = [int(h.partition(b":")[2]) for h in headers if h[:15] == b"content-length:"]
                body = self.rfile.read(sum(sizes))
                if len(words) > 1:
                    wire.paths.append(words[1].decode("ascii", "replace"))
                    wire.got.append(body)
                with contextlib.suppress(OSError):
                    wire.say(self.request)

        self._server, self._thread = _served(Handler)
        self.port = self._server.server_address[1]
        return self

    def __exit__(self, *_):
        self.gone.set()
        _ended(self._server, self._thread)

    def hangs(self, _):
        """An answer that never comes: the end of the test frees it."""
        assert self.gone.wait(WAIT)

    def drips(self, sock):
        """An answer without an end, a byte at a time."""
        sock.sendall(b"2" if self.first else b"HTTP/1.1 200 OK\r\nX-Drip: ")
        while not self.gone.wait(0.05):
            sock.sendall(b"a")


def answers(status, body=b"", **headers):
    """Says a whole answer."""
    lines = [f"HTTP/1.1 {status} .", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return lambda sock: sock.sendall("\r\n".join([*lines, "", ""]).encode() + body)


def _served(handler):
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(POLL,))
    thread.start()
    return server, thread


def _ended(server, thread):
    server.shutdown()
    server.server_close()
    thread.join(WAIT)


class _HungUp(Exception):
    pass


class _Conversation(socketserver.StreamRequestHandler):
    """A mail server's side of a connection; `server.mail` is the `Mail`."""

    def handle(self):
        with contextlib.suppress(OSError, _HungUp):
            self.say("CONNECT", "220 mail")
            while line := self.rfile.readline().decode().strip():
                self.answer(line)

    def answer(self, line):
        word, mail = line.split()[0].upper(), self.server.mail
        if word == "RCPT":
            self.to = line.partition("<")[2].partition(">")[0]
            self.say(self.to if self.to in mail.says else word, "250 ok")
        elif word == "DATA":
            self.say("354", "354 go on")
            if "354" in mail.says:
                return
            text = b"".join(iter(self.rfile.readline, b".\r\n"))
            if word not in mail.says:
                mail.got.append((self.to, text))
            self.say(word, "250 ok")
        else:
            self.say(word, "221 bye" if word == "QUIT" else "250 ok")

    def say(self, word, text):
        mail = self.server.mail
        if word == mail.hangs:
            assert mail.gone.wait(WAIT)
        if word in {mail.hangs, mail.hangs_up}:
            raise _HungUp
        self.wfile.write(f"{mail.says.get(word, text)}\r\n".encode())
        if word == "QUIT":
            raise _HungUp


class Mail:
    """A mail server (RFC 5321); `got` are the messages it took, and for whom.

    `says` has what it answers where that is not yes: by command, or by an address. `hangs` is
    the command after which it says nothing, `hangs_up` that after which it closes.
    """

    def __init__(self, says=None, hangs=None, hangs_up=None):
        self.says, self.hangs, self.hangs_up = says or {}, hangs, hangs_up
        self.got, self.gone = [], threading.Event()

    def url(self, *to, **more):
        words = {"from": "mint@example.com", "to": ",".join(to), **more}
        return f"mailto://127.0.0.1:{self.port}?{urlencode(words)}"

    def letters(self, to):
        """The letters that one recipient has."""
        return [
            email.message_from_bytes(text, policy=policy.default)
            for whom, text in self.got
            if whom == to
        ]

    def texts(self, to):
        """What they say."""
        return [letter.get_content() for letter in self.letters(to)]

    def __enter__(self):
        self._server, self._thread = _served(_Conversation)
        self._server.mail, self.port = self, self._server.server_address[1]
        return self

    def __exit__(self, *_):
        self.gone.set()
        _ended(self._server, self._thread)


class Scene:
    """A home, and what is sent from it."""

    def __init__(self, tmp_path):
        self.home, (self.batch,) = home_with_batches(tmp_path)
        self.clock = Clock()
        self.errors = []

    def book(self, *changes):
        with opened(self.home.path, self.clock) as station:
            return [done.seq for done in station.ledger.commit(station.author, *changes)]

    def trouble(self, count=1, kind="leak-found"):
        return self.book(*(c.Incident(kind, f"number {n}") for n in range(count)))

    def check(self, _):
        return iter([Finding(ERROR, "vault", text) for text in self.errors])

    def send(self, failpoint=lambda _: None, **urls):
        return self.round(notify.targets(list(urls.items())), failpoint)

    def round(self, targets, failpoint=lambda _: None):
        with opened(self.home.path, self.clock) as station:
            station.failpoint = failpoint
            return sending.send(station, targets, (self.check,))

    def cursors(self):
        return json.loads((self.home.path / NAME).read_text("ascii"))["targets"]

    def configure(self, **targets):
        file = self.home.path / "mintmark.toml"
        text = "".join(f'{name} = "{url}"\n' for name, url in targets.items())
        file.write_text(f"{file.read_text('utf-8')}\n{text}", "utf-8")


def numbers(hook):
    """The numbers of the alarms, in the order they arrived."""
    return numbers_in(hook.texts)


def numbers_in(texts):
    """The numbers of the alarms in texts."""
    return [int(found) for text in texts for found in re.findall(r"^#(\d+) ", text, re.MULTILINE)]

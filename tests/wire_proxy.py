"""A network that does what networks do, between a station and its database.

It forwards to a target that may change, and asks `fault(moment)` what shall go wrong;
`proxy.Seeded` is such a function. What went wrong is counted in `faults`. To an object store:
`s3_proxy.py`.
"""

import contextlib
import select
import shutil
import socket
import struct
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from patience import PATIENCE
from psycopg.conninfo import conninfo_to_dict

CUT, STALL = "cut", "stall"
# What was asked is done, and nobody hears it: of a COMMIT that ended, and of one that may not have.
LOST, EARLY = "answer lost", "answer lost early"
_STARTS = {80877102, 80877103, 80877104}  # cancel, SSL, GSSAPI: PostgreSQL's protocol, 55.2.10 ff.
_CHUNK = 1 << 18


@dataclass(frozen=True)
class Moment:
    """What is on its way: `connect`, `statement`, `commit`, or the method of a request of S3."""

    name: str
    path: str = ""
    conditional: bool = False


@dataclass
class Network:
    """What proxies have in common; `stall` is in seconds."""

    fault: object = lambda _: ""
    stall: float = 0.2
    faults: dict = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fault_at(self, moment):
        """What happens now, which is counted."""
        if name := self.fault(moment):
            with self._lock:
                key = f"{moment.name}: {name}"
                self.faults[key] = self.faults.get(key, 0) + 1
        if name == STALL:
            time.sleep(self.stall)
        return name


@dataclass
class PostgresProxy(Network):
    """Before the database at the URL `target`; `url` is what a client uses instead.

    Of a statement: `CUT`, `STALL`. Of a COMMIT `LOST` and `EARLY` too. While it is `down()`,
    nobody listens, and all connections are cut.
    """

    target: str = ""
    _open: dict = field(default_factory=dict)

    def __enter__(self):
        self._folder = Path(tempfile.mkdtemp(prefix="mm-px-", dir="/tmp"))
        self._folder.chmod(0o755)
        known = conninfo_to_dict(self.target)
        self.url = f"postgresql://{known['user']}@/{known['dbname']}?host={self._folder}"
        self._listening = None
        self.up()
        return self

    def __exit__(self, *_):
        self.down()
        shutil.rmtree(self._folder, ignore_errors=True)

    def up(self):
        """Listen, if nobody does."""
        if self._listening is None:
            self._listening = socket.socket(socket.AF_UNIX)
            self._listening.bind(str(self._socket))
            self._socket.chmod(0o777)
            self._listening.listen(64)
            threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def down(self):
        """Listen no more, and cut every connection."""
        if self._listening is not None:
            self._socket.unlink()
            _shut(self._listening)
            self._listening = None
        self.cut_all()

    def cut_all(self):
        """Cut every connection there is, and wait until the server has ended its part."""
        with self._lock:
            going = list(self._open.items())
        for thread, client in going:
            _shut(client)
            thread.join(PATIENCE)

    @property
    def _socket(self):
        return self._folder / ".s.PGSQL.5432"

    def _accept(self, listening):
        with listening, contextlib.suppress(OSError):
            while True:
                client, _ = listening.accept()
                threading.Thread(target=self._connected, args=(client,), daemon=True).start()

    def _connected(self, client):
        me = threading.current_thread()
        with client, contextlib.suppress(OSError), _reached(self.target) as server:
            with self._lock:
                self._open[me] = client
            try:
                if self.fault_at(Moment("connect")) != CUT:
                    _Conversation(client, server, self.fault_at).run()
            finally:
                client.close()
                _drain(server)
                with self._lock:
                    del self._open[me]


class _Conversation:
    """One connection: messages of the client, which are looked at, and bytes of the server."""

    def __init__(self, client, server, fault):
        self._client, self._server, self._fault = client, server, fault
        self._said, self._started = bytearray(), False
        self._ending, self._answer = "", bytearray()
        self._prepared, self._reads = {}, False

    def run(self):
        """Pass on until somebody ends it, or a fault does."""
        going = [self._client, self._server]
        while True:
            for end in select.select(going, [], [])[0]:
                data = end.recv(_CHUNK)
                if not data or not self._pass(end, data):
                    return
            if self._ending == EARLY and not self._said and self._client in going:
                going.remove(self._client)
                _shut(self._client)

    def _pass(self, end, data):
        if end is self._client:
            self._said += data
            return all(self._heard(message) for message in self._messages())
        if not self._ending:
            self._client.sendall(data)
            return True
        self._answer += data
        return b"COMMIT\0" not in self._answer and b"ROLLBACK\0" not in self._answer

    def _messages(self):
        """The messages that are whole."""
        while len(self._said) >= (head := 5 if self._started else 4):
            (size,) = struct.unpack_from("!I", self._said, head - 4)
            whole = size + head - 4
            if len(self._said) < whole:
                return
            message = bytes(self._said[:whole])
            del self._said[:whole]
            # What comes before the first of all others has no letter.
            self._started = self._started or struct.unpack_from("!I", message, 4)[0] not in _STARTS
            yield message

    def _asked(self, message):
        """`commit` or `statement` for what the server is to run, or nothing.

        The end of a transaction that only reads is a statement as others are.
        """
        kind, rest = message[:1], message[5:]
        if kind == b"Q":
            return self._runs(_words(rest))
        if kind == b"P":  # it has a name, or none, under which it is run later
            name, text = rest.split(b"\0", 2)[:2]
            self._prepared[name] = _words(text)
        elif kind == b"B":
            return self._runs(self._prepared.get(rest.split(b"\0", 2)[1], b""))
        return ""

    def _runs(self, words):
        if words.startswith(b"BEGIN"):
            self._reads = b"READ ONLY" in words
        return "commit" if words == b"COMMIT" and not self._reads else "statement"

    def _heard(self, message):
        """Pass on a message of the client; False if the connection ends here."""
        asked = self._asked(message)
        if asked and not self._ending:
            fault = self._fault(Moment(asked))
            if fault == CUT:
                return False
            if asked == "commit" and fault in (LOST, EARLY):
                self._ending = fault
        self._server.sendall(message)
        return True


def _words(text):
    return text.strip(b"\0 ;").upper()


@contextlib.contextmanager
def _reached(target):
    known = conninfo_to_dict(target)
    port = int(known.get("port", "5432"))
    if known["host"].startswith("/"):
        with socket.socket(socket.AF_UNIX) as server:
            server.connect(f"{known['host']}/.s.PGSQL.{port}")
            yield server
    else:
        with socket.create_connection((known["host"], port)) as server:
            yield server


def _drain(server):
    """Say that nobody speaks any more, and wait until the server has ended what it does."""
    with contextlib.suppress(OSError):
        server.shutdown(socket.SHUT_WR)
        while server.recv(_CHUNK):
            pass


def _shut(end):
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)

"""The hot path of scans answers as the framework's route does, byte for byte, or not at all."""

import json
import random
import re
import socket
import threading
from contextlib import contextmanager
from ipaddress import ip_network
from types import SimpleNamespace

import pytest
from backend_kit import Clock, Seconds, make_batch, make_codes, prints, settings
from patience import PATIENCE
from sqlalchemy.exc import OperationalError

from mintmark.activation.backend import phone_request, scan_lane
from mintmark.activation.backend.database import sqlite_url
from mintmark.activation.backend.models import OrderBody
from mintmark.activation.backend.phone_request import NotAScan, PhoneRequest
from mintmark.activation.backend.serve import Server
from mintmark.activation.backend.store import Store

BATCH, CODES = make_batch(40), make_codes(40)
ORDERS = (
    {"action": "activate", "serials": [[1, 30]], "attributes": {"lot": "批次 1", "dealer": "D"}},
    {"action": "freeze", "serials": [[11, 15]]},
    {"action": "assign", "serials": [[16, 20]], "expires_at": "2026-01-01T00:00:00Z"},
    {"action": "assign", "serials": [[21, 25]], "attributes": {"max_scans": 3, "role": "guide"}},
    {"action": "void", "serials": [[26, 30]], "count": 5},
)


def fill(folder):
    store, now = Store(sqlite_url(folder)), Clock()()
    store.register(BATCH, now)
    store.upload(BATCH.batch, 1, prints(CODES), now)
    for number, order in enumerate(ORDERS):
        body = OrderBody(**{"batch": BATCH.batch, **order})
        store.order(body.request(f"o{number}"), now)
    store.close()


@contextmanager
def served(folder, *, lane=True, **config):
    """The port of a server over `folder`, and the server; without `lane` it is the framework's."""
    folder.mkdir()
    fill(folder)
    proxies = (ip_network("127.0.0.0/8"),)
    told = settings(folder, proxies=proxies, monotonic=Seconds(), trust_loopback=True)
    up = threading.Event()
    server = Server("127.0.0.1", 0, told, ready=lambda _: up.set())
    settings_of = server._uvicorn.config
    if not lane:
        settings_of.http = "auto"
    for name, value in config.items():
        setattr(settings_of, name, value)
    thread = threading.Thread(target=server.run)
    thread.start()
    assert up.wait(PATIENCE)
    try:
        yield int(server.url.rpartition(":")[2]), server
    finally:
        server.stop()
        thread.join(PATIENCE)


class Line:
    """A connection; `hear` reads one answer from it."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.held = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def say(self, data):
        self.socket.sendall(data)

    def hear(self):
        while b"\r\n\r\n" not in self.held:
            self._more()
        head, _, self.held = self.held.partition(b"\r\n\r\n")
        size = int(re.search(rb"content-length: (\d+)", head)[1])
        while len(self.held) < size:
            self._more()
        body, self.held = self.held[:size], self.held[size:]
        return head + b"\r\n\r\n" + body

    def closed(self):
        return self.socket.recv(1) == b""

    def _more(self):
        data = self.socket.recv(65_536)
        assert data, "hung up"
        self.held += data


def request(body, *headers, line=b"POST /v1/scans HTTP/1.1"):
    lines = [line, b"Host: localhost", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


JSON = b"Content-Type: application/json"


def scan(**fields):
    return request(json.dumps(fields).encode(), JSON)


def told(answer):
    """An answer without what is another at every moment."""
    answer = re.sub(rb"date: [^\r]+\r\n", b"", answer)
    return re.sub(rb'nonce="[0-9a-f]+"', b"", answer)


# --- thousands of requests, good and bad ----------------------------------------------

TEXTS = [
    *CODES[:3], CODES[12], CODES[17], CODES[22], CODES[27], CODES[35], "Z" * 16,
    "abcd-0000-0000-0001", "", " ", "a" * 128, "a" * 129, "码", "\ud800", "\0", "\u00e9" * 3,
    "x\ny", CODES[0].lower(),
]  # fmt: skip
IDS = ["a", "b", "phone-1", "", "-x", "a" * 64, "a" * 65, "a b", "x\n", "ä", "0.0_0-0", None, 5]
REGIONS = ["CN", "CN-BJ", "11", "1101", "110101", "111", "cn", "CN-", "CN\n", "", None, [], "DE-1"]
OTHERS = [None, True, 1.5, [], {}, "guide", "dealer", "store", "consumer", 10**400]
TYPES = [
    JSON, JSON, JSON, JSON, b"content-type:application/json", b"Content-Type:  application/json ",
    b"Content-Type: application/json; charset=utf-8", b"Content-Type: text/plain", b"X: y",
    b"Content-Type: application/problem+json",
]  # fmt: skip
MORE = [
    b"User-Agent: phone", b"Accept: */*", b"X-Forwarded-For: 192.0.2.1", b"Via: 1.1 x",
    b"Forwarded: for=192.0.2.9",
    b"X-Forwarded-For: 192.0.2.2, 127.0.0.1", b"X-Forwarded-For: nobody", b"X-Real-IP: 192.0.2.3",
    b"Connection: keep-alive", b"Connection: Keep-Alive", b"Signature-Input: x",
    b"Connection: close", b"X-Forwarded-Proto: https", b"X-Forwarded-For: ::1", b"Empty:",
    b"Accept-Language: \xe4", b"Content-Encoding: gzip", b"X-Forwarded-For: [2001:db8::1]:80",
]  # fmt: skip
LINES = [b"POST /v1/scans HTTP/1.0", b"POST /v1/scans?a=1 HTTP/1.1", b"PUT /v1/scans HTTP/1.1"]


def field(draw, pool):
    return draw.choice(OTHERS) if draw.random() < 0.05 else draw.choice(pool)


def body(draw):
    data = {"code": field(draw, TEXTS)}
    if draw.random() < 0.7:
        data["scan_id"] = field(draw, IDS)
    if draw.random() < 0.3:
        data["region"] = field(draw, REGIONS)
    if draw.random() < 0.1:
        data[draw.choice(["as", "more", "Code", ""])] = draw.choice(OTHERS)
    if draw.random() < 0.03:
        del data["code"]
    items = list(data.items())
    draw.shuffle(items)
    plain = json.dumps(dict(items), ensure_ascii=draw.random() < 0.5)
    written = plain.encode(draw.choice(["utf-8", "utf-8", "utf-8", "utf-16", "utf-8-sig"])
                           if draw.random() < 0.1 else "utf-8", "surrogatepass")  # fmt: skip
    return spoiled(draw, written)


def spoiled(draw, written):
    kind = draw.random()
    if kind < 0.05:
        at = draw.randrange(len(written))
        return written[:at] + bytes([draw.randrange(256)]) + written[at + draw.randrange(2) :]
    if kind < 0.08:
        return draw.choice(
            [b"", b"[]", b"null", b"5", b'"x"', b"{}", b"{" * 2_000, written * 2, b"[" * 4_000,
             b" " * 4_097, written + b" " * 4_000, b'{"code": NaN}',
             b'{"code": "Z", "code": "%s"}' % CODES[4].encode()]
        )  # fmt: skip
    if kind < 0.12:
        return b"\n " + written + b"\t\r\n"
    return written


def any_request(draw):
    headers = [draw.choice(TYPES), *draw.sample(MORE, draw.choice([0, 0, 1, 2, 3]))]
    draw.shuffle(headers)
    line = draw.choice(LINES) if draw.random() < 0.03 else b"POST /v1/scans HTTP/1.1"
    return request(body(draw), *headers, line=line)


def test_it_answers_as_the_framework_does(tmp_path):
    draw, statuses = random.Random(16), set()
    with served(tmp_path / "a") as (ours, _), served(tmp_path / "b", lane=False) as (theirs, _):
        for _ in range(1_500):
            asked = any_request(draw)
            answers = []
            for port in (ours, theirs):
                with Line(port) as line:
                    line.say(asked)
                    answers.append(told(line.hear()))
            assert answers[0] == answers[1], asked
            statuses.add((answers[0].split()[1], is_ours(asked)))
    assert {(b"200", True), (b"429", True), (b"200", False), (b"422", False)} <= statuses
    assert {(b"401", False), (b"413", False), (b"405", False)} <= statuses
    assert not {status for status, mine in statuses if mine} - {b"200", b"429"}


def is_ours(asked):
    return isinstance(phone_request.read(asked, 4_096, 128), PhoneRequest)


# --- bytes -----------------------------------------------------------------------------

GOOD = scan(code=CODES[0], scan_id="abc", region="CN-BJ")


def test_every_beginning_of_a_request_may_become_one_and_nothing_may_follow():
    for size in range(len(GOOD)):
        assert phone_request.read(GOOD[:size], 4_096, 128) is NotAScan.BEGINNING, size
    found = phone_request.read(GOOD, 4_096, 128)
    assert (found.code, found.scan_id, found.region) == (CODES[0], "abc", "CN-BJ")
    assert found.headers[b"host"] == b"localhost"
    for more in (b" ", GOOD, b"\r\n"):
        assert phone_request.read(GOOD + more, 4_096, 128) is NotAScan.OTHER


@pytest.mark.parametrize(
    "header",
    [
        b"Transfer-Encoding: chunked", b"Content-Length: 64", b"Content-Length : 64", b" X: y",
        b"Expect: 100-continue", b"Upgrade: h2c", b"Signature-Input: x", b"Connection: close",
        b"X\0: y", b"X: \x01", b"X: y\nZ: w", b"X: \xff", b"X:\ty", b"no colon", b": y",
    ],
)  # fmt: skip
def test_where_others_could_read_it_otherwise_it_is_not_told(header):
    written = json.dumps({"code": CODES[0]}).encode()
    assert is_ours(request(written, JSON, b"X: y"))
    assert not is_ours(request(written, JSON, header))


@pytest.mark.parametrize("size", [b"+27", b"027x", b"", b"1e1", b"-1", b"4097"])
def test_a_length_is_digits_within_the_bound(size):
    asked = re.sub(rb"Content-Length: \d+", b"Content-Length: " + size, GOOD)
    assert phone_request.read(asked, 4_096, 128) is NotAScan.OTHER


# --- connections -----------------------------------------------------------------------


def results(answers):
    return [json.loads(answer.partition(b"\r\n\r\n")[2]).get("scans") for answer in answers]


def test_scans_that_follow_at_once_are_answered_in_their_order(tmp_path):
    with served(tmp_path / "a") as (port, _), Line(port) as line:
        for part in (GOOD, scan(code=CODES[0]), scan(code=CODES[0])):
            line.say(part)
        assert results(line.hear() for _ in range(3)) == [1, 2, 3]
        line.say(GOOD * 2)  # in one piece
        assert results(line.hear() for _ in range(2)) == [1, 1]


def test_a_connection_goes_on_with_uvicorn_once_anything_else_comes(tmp_path):
    health = b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with served(tmp_path / "a") as (port, _), Line(port) as line:
        line.say(GOOD)
        line.hear()
        line.say(health + scan(code=CODES[0]))
        assert b"fingerprint_key_id" in line.hear()
        line.say(scan(code=CODES[0]))
        assert results(line.hear() for _ in range(2)) == [2, 3]


@pytest.mark.parametrize("patience", [PATIENCE, 0.0])
def test_a_scan_in_pieces_is_counted_once(tmp_path, monkeypatch, patience):
    monkeypatch.setattr(scan_lane, "_PATIENCE", patience)  # with none, uvicorn takes it over
    with served(tmp_path / "a") as (port, _), Line(port) as line:
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(GOOD), 7):
            line.say(GOOD[at : at + 7])
        line.say(scan(code=CODES[0]))
        assert results(line.hear() for _ in range(2)) == [1, 2]


class Wire:
    """A transport and a loop: what a lane did to them, and the timers it has running."""

    def __init__(self):
        self.said, self.timers, self.reading = [], [], True

    def get_extra_info(self, _):
        return ("127.0.0.1", 1)

    def is_closing(self):
        return False

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True

    def write(self, data):
        self.said.append(data)

    def close(self):
        self.said.append("closed")

    def call_later(self, seconds, _):
        timer = SimpleNamespace(seconds=seconds, cancel=lambda: self.timers.remove(timer))
        self.timers.append(timer)
        return timer


def lane_over(wire):
    """A lane whose desk answers at once with what was asked."""
    desk = SimpleNamespace(
        read=lambda data: phone_request.read(data, 4_096, 128),
        ask=lambda request, _, tell: tell(request.code.encode()),
    )
    config = SimpleNamespace(limit_concurrency=None, timeout_keep_alive=5)
    state = SimpleNamespace(connections=set(), default_headers=[])
    lane = scan_lane.ScanLane(config, state, {scan_lane.DESK: desk}, wire)
    lane.connection_made(wire)
    return lane


def test_a_request_that_drips_in_is_waited_for_from_its_first_piece():
    wire = Wire()
    lane = lane_over(wire)
    lane.data_received(GOOD)
    (resting,) = wire.timers
    lane.data_received(GOOD[:1])
    (waiting,) = wire.timers
    assert (resting.seconds, waiting.seconds) == (5, scan_lane._PATIENCE)
    for at in range(1, len(GOOD) - 1):
        lane.data_received(GOOD[at : at + 1])
        assert wire.timers == [waiting]
    lane.data_received(GOOD[-1:])
    assert [timer.seconds for timer in wire.timers] == [5]
    assert len(wire.said) == 2


def test_who_reads_no_answers_is_asked_for_nothing_more():
    wire = Wire()
    lane = lane_over(wire)
    lane.pause_writing()
    lane.data_received(GOOD)
    assert not wire.reading
    assert not wire.said
    lane.resume_writing()
    assert wire.reading
    assert len(wire.said) == 1
    lane.data_received(GOOD)
    assert len(wire.said) == 2


def test_a_connection_that_rests_is_closed(tmp_path):
    with served(tmp_path / "a", timeout_keep_alive=0) as (port, _), Line(port) as line:
        line.say(GOOD)
        line.hear()
        assert line.closed()


def test_more_connections_than_there_may_be_are_answered_503(tmp_path):
    with served(tmp_path / "a", limit_concurrency=1) as (port, _), Line(port) as line:
        line.say(GOOD)
        assert line.hear().startswith(b"HTTP/1.1 503 ")


def test_a_failure_of_the_database_is_told_as_everywhere(tmp_path, monkeypatch):
    def failing(*_):
        raise OperationalError("SELECT 1", {}, Exception())

    answers = []
    with served(tmp_path / "a") as (ours, _), served(tmp_path / "b", lane=False) as (theirs, _):
        monkeypatch.setattr(Store, "scans", failing)
        for port in (ours, theirs):
            with Line(port) as line:
                line.say(GOOD)
                answers.append(told(line.hear()))
    assert answers[0] == answers[1]
    assert answers[0].startswith(b"HTTP/1.1 503 ")


def test_a_scan_on_its_way_is_answered_when_the_server_stops(tmp_path, monkeypatch):
    begun, go, right = threading.Event(), threading.Event(), Store.scans

    def slow(*arguments):
        begun.set()
        assert go.wait(PATIENCE)
        return right(*arguments)

    with served(tmp_path / "a") as (port, server), Line(port) as line:
        with Line(port) as resting:
            monkeypatch.setattr(Store, "scans", slow)
            line.say(GOOD)
            assert begun.wait(PATIENCE)
            server.stop()
            assert resting.closed()  # all connections are told by then
            go.set()
        answer = line.hear()
        assert b"\r\nconnection: close\r\n" in answer
        assert results([answer]) == [1]
        assert line.closed()

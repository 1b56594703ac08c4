"""Line mode: an answer to every line, whatever it is, and nothing lost by a stop."""

import io
import json
import os
import queue
import signal
import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_kit import (
    Backend,
    client,
    ended,
    home_with_batches,
    opened,
    program,
    read_answer,
    send_message,
    terminate,
)
from patience import PATIENCE
from proxy import Proxy

from mintmark.activation.intake import line as line_mode
from mintmark.activation.intake.inbox import AHEAD, MESSAGE_BYTES, Inbox, JsonMessages, in_a_row
from mintmark.activation.intake.line import OrderStream
from mintmark.codegen import roster
from mintmark.codegen.ledger.changes import Ordered
from mintmark.codegen.scans.settings import read_tables


@pytest.fixture
def made(tmp_path):
    home, (batch,) = home_with_batches(tmp_path)
    with Backend(tmp_path / "backend", home.path) as backend, opened(home.path) as station:
        yield station, backend, batch


@pytest.fixture
def line(made):
    station, backend, _ = made
    with client(backend.url) as http:
        yield OrderStream(station, http)


def send(line, /, **order):
    return line.answer(json.dumps(order).encode())


def ordered(station):
    with station.ledger.read() as view:
        return [e.change.order for e in view.events(limit=1_000) if isinstance(e.change, Ordered)]


def test_an_order_is_answered_with_what_became_of_it(line, made):
    _, _, batch = made
    answer = send(line, id=7, action="activate", batch=batch, serials="1-5", set={"lot": "L1"})
    assert answer.pop("order")
    assert answer == {
        "id": 7, "ok": True, "exit": 0, "batch": batch, "action": "activate",
        "serials": [[1, 5]], "applied": [[1, 5]], "skipped": [],
        "delivery": "acknowledged", "dry_run": False, "detail": None,
        "attributes": {"lot": "L1"}, "repeated": False, "undone": [], "notes": [],
        "at": None, "scheduled": None,
    }  # fmt: skip


def test_status_and_the_same_order_again(line, made):
    station, _, batch = made
    order = {"action": "activate", "batch": batch, "serials": "1-5", "order": "reel-1"}
    assert send(line, **order)["ok"]
    assert send(line, **order)["delivery"] == "acknowledged"
    assert ordered(station) == ["reel-1"]
    status = send(line, op="status", order="reel-1", id="s")
    assert (status["ok"], status["status"], status["id"]) == (True, "acknowledged", "s")
    assert send(line, op="status", order="none")["exit"] == 4


@pytest.mark.parametrize(
    ("message", "code", "why"),
    [
        (b"rubbish", 2, "malformed"),
        (b'"text"', 2, "malformed"),
        (b'{"a": 1, "a": 2}', 2, "malformed"),
        (b"\xff\xfe", 2, "UTF-8"),
        (b"[" * 100_000, 2, "malformed"),
        (b"x" * (MESSAGE_BYTES + 1), 2, "longer"),
        (b'{"op": "stop"}', 2, "unknown op"),
        (b'{"op": "status"}', 2, "by its id"),
        (b'{"id": [1]}', 2, "id must be text or a number"),
        (b'{"id": 1764217290.5}', 2, "id must be text or a whole number, and this one is none"),
        (b'{"id": 1e300}', 2, "id must be text or a whole number"),
        (b'{"action": "activate", "batch": "B", "serials": "1", "count": 2.5}', 2, "a fraction"),
        (b'{"action": "activate", "batch": "B", "serials": "1", "count": 1e999}', 2, "a fraction"),
        (b'{"action": "activate", "batch": "B", "serials": "1", "count": true}', 2, "count must"),
        (b'{"action": "activate", "batch": "B", "serials": [[1.0, 2.0]]}', 2, "decimal point"),
        (b'{"id": "%s"}' % (b"x" * 300), 2, "id is longer"),
        (b'{"action": "activate", "batch": "NOPE", "serials": "1"}', 4, "no batch"),
        (
            b'{"action": "activate", "batch": "NOPE", "serials": "1", "conut": 1}',
            2,
            "unknown field",
        ),
    ],
)
def test_a_bad_line_gets_an_error_and_the_next_is_served(line, made, message, code, why):
    _, _, batch = made
    answer = line.answer(message)
    assert (answer["ok"], answer["exit"]) == (False, code)
    assert why in answer["error"]
    assert answer["hint"]
    assert send(line, action="activate", batch=batch, serials="1")["ok"]


def test_what_a_plc_writes_as_a_real_is_a_whole_number(line, made):
    """`2.0` is a count; as an id it comes back as it is."""
    _, _, batch = made
    order = {"action": "activate", "batch": batch, "serials": "1-2", "tolerance": 0.0}
    answer = send(line, id=1.0, count=2.0, **order)
    assert (answer["ok"], answer["applied"]) == (True, [[1, 2]])
    assert json.dumps(answer["id"]) == "1.0"
    assert send(line, count=3.0, **order)["exit"] == 3


def test_an_order_without_an_id_is_refused_where_ids_are_required(made):
    station, _, batch = made
    line = OrderStream(station, None, require_order=True)
    order = {"action": "activate", "batch": batch, "serials": "1-5"}
    for blank in ({}, {"order": None}, {"order": " "}):
        answer = send(line, id=1, **order, **blank)
        assert (answer["id"], answer["ok"], answer["exit"]) == (1, False, 2)
        assert "no id of its own" in answer["error"]
    assert ordered(station) == []
    assert send(line, **order, order="reel-1")["ok"]
    # A gateway hands a retained message over once more: nothing happens again.
    assert send(line, **order, order="reel-1")["ok"]
    assert ordered(station) == ["reel-1"]
    assert send(line, op="status", order="reel-1")["ok"]


def test_a_line_reads_codes_as_its_reader_sends_them(tmp_path):
    home, (batch,) = home_with_batches(tmp_path)
    codes, station = home.codes(batch), home.station()
    settings = read_tables({"r": {"prefix": "P{digits:2}-"}})["r"]
    line = OrderStream(station, None, reader=settings)
    order = {"action": "activate", "batch": batch, "dry_run": True}
    ends = {"from_code": f"P01-{codes[4]}", "to_code": f"]Q1P02-{codes[0].lower()}\r"}
    assert send(line, **order, **ends)["applied"] == [[1, 5]]
    plain = send(OrderStream(station, None), **order, **ends)
    assert (plain["exit"], "prefix in [readers.NAME]" in plain["hint"]) == (4, True)
    home.close()


def test_a_bug_is_an_answer_too(line, made, monkeypatch):
    _, _, batch = made

    def broken(*_):
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(line_mode, "place", broken)
    answer = send(line, id=1, action="activate", batch=batch, serials="1")
    assert (answer["id"], answer["ok"], answer["exit"]) == (1, False, 1)
    assert "secret" not in json.dumps(answer)


@given(st.binary(max_size=300))
def test_any_bytes_get_an_answer(message):
    answer = OrderStream(None, None).answer(message)
    assert answer["ok"] is False
    assert json.dumps(answer).isascii()


def test_a_dry_run_changes_nothing(line, made):
    station, _, batch = made
    answer = send(line, action="activate", batch=batch, serials="1-5", dry_run=True)
    assert (answer["ok"], answer["delivery"], answer["applied"]) == (True, None, [[1, 5]])
    assert ordered(station) == []


def test_while_the_backend_is_away_orders_are_booked_at_once_and_go_out_later(made):
    station, backend, batch = made
    clock = [0.0]
    with client(backend.url) as http:
        line = OrderStream(station, http, clock=lambda: clock[0])
        backend.stop()
        for serial in (1, 2, 3):
            answer = send(line, action="activate", batch=batch, serials=str(serial))
            assert (answer["delivery"], answer["exit"]) == ("queued", 75)
            assert answer["detail"]
        with station.ledger.read() as view:
            tried = [row.attempts for row in view.orders()]
        # The first was tried, and once more for the connection's sake; the others not.
        assert tried == [2, 0, 0]
        backend.start()
        line.idle(lambda: False)  # too early
        with station.ledger.read() as view:
            assert view.queued() == 3
        clock[0] = 1_000.0
        # What waits goes first, then the new order.
        assert send(line, action="freeze", batch=batch, serials="1-3")["delivery"] == "acknowledged"
    with station.ledger.read() as view:
        assert view.queued() == 0


def test_a_backend_that_asks_for_an_hour_is_left_alone_for_an_hour(made):
    station, backend, batch = made
    clock, asked = [0.0], []

    def busy(request):
        if "/batches/" in request.path:  # and not: which head came last
            asked.append(request.path)
        return "503 for an hour"

    with Proxy(backend.url, busy) as proxy, client(proxy.url) as http:
        line = OrderStream(station, http, clock=lambda: clock[0])
        for serial, at in enumerate((0.0, 10.0, 3_599.0), 1):
            clock[0] = at
            answer = send(line, action="activate", batch=batch, serials=str(serial))
            assert (answer["exit"], answer["delivery"]) == (75, "queued")
            line.idle(lambda: False)
        assert len(asked) == 1
        clock[0] = 3_601.0
        send(line, action="activate", batch=batch, serials="4")
        assert len(asked) == 2


def test_a_line_signs_with_the_key_it_has_now(made):
    station, backend, batch = made
    roster.new_line(station, "line-3")
    with client(backend.url, station) as http:
        line = OrderStream(station, http)
        assert send(line, action="activate", batch=batch, serials="1", line="line-3")["ok"]
        (old,) = [key for key in roster.listed(station).keys if key.name == "line-3"]
        roster.revoke(station, old.key_id, "PC replaced")
        (station.home / "keys" / "lines" / "line-3.key").unlink(missing_ok=True)
        roster.new_line(station, "line-3")
        answer = send(line, action="activate", batch=batch, serials="2", line="line-3")
    assert (answer["ok"], answer["delivery"], answer["detail"]) == (True, "acknowledged", None)


def test_what_is_queued_goes_out_while_no_order_comes(made):
    station, backend, batch = made
    send(OrderStream(station, None), action="activate", batch=batch, serials="1-5")
    with client(backend.url) as http:
        OrderStream(station, http).idle(lambda: False)
    with station.ledger.read() as view:
        assert view.queued() == 0


def test_a_connection_the_backend_closed_costs_no_order_its_turn(made):
    station, backend, batch = made
    with client(backend.url) as http:
        line = OrderStream(station, http)
        assert send(line, action="activate", batch=batch, serials="1")["delivery"] == "acknowledged"
        backend.stop()
        backend.start()
        assert send(line, action="activate", batch=batch, serials="2")["delivery"] == "acknowledged"


def test_a_backend_set_up_anew_is_told_of_the_batch_again(made, tmp_path):
    station, backend, batch = made
    with client(backend.url) as http:
        line = OrderStream(station, http)
        assert send(line, action="assign", batch=batch, serials="1", set={"lot": "a"})["ok"]
        backend.stop()
        backend._data = tmp_path / "empty"
        backend.start()
        answer = send(line, action="assign", batch=batch, serials="1", set={"lot": "b"})
    assert answer["delivery"] == "acknowledged"


def test_damaged_fingerprints_keep_the_order_queued_and_the_line_alive(line, made):
    station, _, batch = made
    path = station.vault.parts(batch).fingerprints
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)
    answer = send(line, action="activate", batch=batch, serials="1-5")
    assert (answer["ok"], answer["delivery"]) == (True, "queued")
    assert "fingerprints" in answer["detail"]


# --- the inbox -----------------------------------------------------------------------------


def taken(read):
    inbox = Inbox(read, JsonMessages())
    inbox.start()
    found = []
    while (line := inbox.take(10)) is not None:
        found.append(line)
    return found


ENDS = {*b"\r\n\0\x02\x03\x04\x1e"}


@given(
    st.lists(st.binary(max_size=20).filter(lambda line: not ENDS & {*line}), max_size=8).filter(
        lambda lines: not b"\n".join(lines).startswith((b"\xff\xfe", b"\xfe\xff"))
    ),
    st.integers(1, 9),
)
def test_lines_come_as_they_were_written(lines, size):
    stream = io.BytesIO(b"".join(line + b"\n" for line in lines))
    assert taken(lambda _: stream.read(size)) == lines


TWO = [b'{"id": 1, "action": "x"}', b'{"id": 2, "serials": [[1, 2]], "set": {"a": "x"}}']


@pytest.mark.parametrize(
    "stream",
    [
        b"%s\n%s\n",
        b"%s\r%s\r",
        b"%s\r\n%s\r\n",
        b"\r\r%s\r\n\r%s",
        b"\x02%s\x03\x02%s\x03",
        b"\x02%s\x03\r\n\x02%s\x03\r\n",
        b"%s\0\0\0\0%s\0\0\0\0",
        b"\x1e%s\n\x1e%s\n",
        b"%s%s\n",
        b"%s \t%s",
        b"%s\x04%s\x04",
        b"\xef\xbb\xbf%s\n%s\n",
    ],
)
@pytest.mark.parametrize("size", [1, 5, 65_536])
def test_messages_are_split_as_devices_frame_them(stream, size):
    data = io.BytesIO(stream % (*TWO,))
    found = [message for message in taken(lambda _: data.read(size)) if message]
    assert [json.loads(message.decode("utf-8-sig")) for message in found] == list(
        map(json.loads, TWO)
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_messages_with_a_byte_order_mark(encoding):
    data = io.BytesIO("\r\n".join(map(bytes.decode, TWO)).encode(encoding))
    found = [message for message in taken(lambda _: data.read(3)) if message]
    assert [json.loads(m.decode("utf-8-sig"))["id"] for m in found] == [1, 2]


@pytest.mark.parametrize("line", [b'{"a": 1}{"b": ', b'{"a": 1} x {"b": 2}', b"}{", b'"}{"'])
def test_what_is_no_row_of_objects_stays_a_line(line):
    assert in_a_row(line) == [line]


def test_braces_within_a_text_end_no_object():
    texts = [b'{"a": "}{"}', b'{"b": "} {"}']
    assert in_a_row(b" ".join(texts)) == texts


def test_an_order_is_answered_when_its_cr_is_there(made, byte_code):
    """Also two orders between which a CR stands alone; the stream stays open."""
    station, backend, batch = made
    process = program("line", "run", home=station.home, url=backend.url, byte_code=byte_code)
    order = '{{"id": {0}, "action": "activate", "batch": "' + batch + '", "serials": "{0}"}}'
    process.stdin.write(f"{order.format(1)}\r{order.format(2)}\r\x02{order.format(3)}\x03")
    process.stdin.flush()
    for number in (1, 2, 3):
        answer = read_answer(process)
        assert (answer["id"], answer["applied"]) == (number, [[number, number]])
    assert ended(process)[0] == 0


def test_the_last_line_needs_no_end(monkeypatch):
    assert taken(io.BytesIO(b"a\nb").read) == [b"a", b"b"]


@pytest.mark.parametrize("size", [1_000, 65_536])
def test_a_line_too_long_is_cut_and_the_next_is_whole(size):
    stream = io.BytesIO(b"x" * (3 * MESSAGE_BYTES) + b"\nnext\n")
    long, following = taken(lambda _: stream.read(size))
    assert MESSAGE_BYTES < len(long) <= MESSAGE_BYTES + size
    assert following == b"next"


def test_no_more_is_read_than_is_answered():
    reads = []
    full = threading.Event()

    def read(_):
        reads.append(None)
        if len(reads) > AHEAD:
            full.set()
        return b"x\n" * 1

    inbox = Inbox(read, JsonMessages())
    inbox.start()
    assert full.wait(PATIENCE)
    assert len(reads) <= AHEAD + 2
    inbox.close()
    assert inbox.take(PATIENCE) is None


def test_an_empty_inbox_says_so():
    reading, writing = os.pipe()
    inbox = Inbox(lambda size: os.read(reading, size), JsonMessages())
    inbox.start()
    with pytest.raises(queue.Empty):
        inbox.take(0.01)
    os.close(writing)
    assert inbox.take(PATIENCE) is None
    os.close(reading)


# --- as a process --------------------------------------------------------------------------


def test_one_process_and_one_connection_for_many_orders(made, byte_code):
    station, backend, batch = made
    addresses = set()
    with Proxy(backend.url) as proxy:
        handler = proxy._server.RequestHandlerClass
        answer = handler.answer

        def noted(self):
            addresses.add(self.client_address)
            answer(self)

        handler.do_PUT = handler.do_GET = noted
        process = program("line", "run", home=station.home, url=proxy.url, byte_code=byte_code)
        for serial in range(1, 6):
            send_message(process, action="activate", batch=batch, serials=str(serial), id=serial)
            answered = read_answer(process)
            assert (answered["id"], answered["delivery"]) == (serial, "acknowledged")
        process.stdin.write("rubbish\n\n")
        process.stdin.flush()
        assert read_answer(process)["exit"] == 2
        code, out, err = ended(process)
    assert (code, out, err) == (0, "", "")
    assert len(addresses) == 1


def test_sigterm_ends_it_with_the_order_under_way_done(made, byte_code):
    station, backend, batch = made
    reached, go = threading.Event(), threading.Event()

    def hold(request):
        if "/orders/" in request.path:
            reached.set()
            go.wait(PATIENCE)
        return ""

    with Proxy(backend.url, hold) as proxy:
        process = program("line", "run", home=station.home, url=proxy.url, byte_code=byte_code)
        send_message(process, action="activate", batch=batch, serials="1-5", order="reel-1")
        send_message(process, action="activate", batch=batch, serials="6-9", order="reel-2")
        assert reached.wait(PATIENCE)
        process.send_signal(signal.SIGTERM)
        go.set()
        code, out, err = ended(process)
    assert (code, err) == (0, "")
    (answer,) = map(json.loads, out.splitlines())
    assert (answer["order"], answer["delivery"]) == ("reel-1", "acknowledged")
    assert ordered(station) == ["reel-1"]  # the other was not begun


def test_sigterm_ends_one_that_waits_for_a_line(made, byte_code):
    station, backend, _ = made
    process = program("line", "run", home=station.home, url=backend.url, byte_code=byte_code)
    send_message(process, op="status", order="none")
    read_answer(process)
    assert terminate(process)[0] == 0


def test_a_scheduled_order_goes_out_between_two_messages(made):
    station, backend, batch = made
    now = [station.now()]
    with opened(station.home, now=lambda: now[0]) as mine, client(backend.url) as http:
        line = OrderStream(mine, http)
        morning = (now[0] + timedelta(hours=12)).isoformat(timespec="seconds")
        order = {"action": "activate", "batch": batch, "serials": "1-5", "order": "morning"}
        answer = send(line, **order, at=morning)
        assert (answer["ok"], answer["exit"], answer["delivery"]) == (True, 0, "scheduled")
        assert send(line, op="status", order="morning")["status"] == "scheduled"
        line.idle(lambda: False)
        assert send(line, op="status", order="morning")["status"] == "scheduled"
        now[0] += timedelta(hours=13)
        line.idle(lambda: False)
        assert send(line, op="status", order="morning")["status"] == "acknowledged"
        assert send(line, **order, at=morning)["repeated"]
        assert send(line, **{**order, "order": "late"}, at=morning)["exit"] == 3

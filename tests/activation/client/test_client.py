"""The client: against the real server, and against servers that lie, stall and fall silent."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from backend_kit import make_batch, make_codes, prints
from hypothesis import given
from hypothesis import strategies as st
from lying_server import Fake, away, fake, problem
from patience import PATIENCE

from mintmark.activation.client import wire
from mintmark.activation.client.address import is_loopback
from mintmark.activation.client.client import HttpClient
from mintmark.activation.client.protocol import Away, Declined, batch_ranges
from mintmark.activation.client.transport import ClientLimits
from mintmark.activation.client.wire import Order
from mintmark.codegen.errors import Refused, UsageError

BATCH = make_batch(10)
CODES = make_codes(10)
ORDER = Order("o-1", BATCH.batch, "activate", [[1, 5]])
ANSWER = {
    "order": "o-1",
    "batch": BATCH.batch,
    "action": "activate",
    "dry_run": False,
    "applied": [[1, 5]],
    "applied_count": 5,
    "skipped": [],
    "skipped_count": 0,
    "truncated": False,
    "scanned_before": [3],
}


def order(client):
    return client.order(ORDER)


PIECE = {"serials": [1, 5], "state": "active", "attributes": {}, "scanned": 0}


def test_every_call_against_the_real_backend(client):
    assert client.get_order("o-1") is None
    client.register(BATCH)
    client.upload(BATCH.batch, 1, prints(CODES))
    answer = client.order(ORDER)
    assert answer == client.get_order("o-1") == client.order(ORDER)
    assert answer.applied_count == 5
    assert client.scan(CODES[0], "me") == client.scan(CODES[0], "me")
    assert client.scan(CODES[9]).result == "unknown"
    found = list(batch_ranges(client, BATCH.batch, digests=True))
    assert [(piece.first, piece.last, piece.held) for piece in found] == [(1, 5, 5), (6, 10, 0)]
    assert [scan.fingerprint for scan in client.unknown_scans().scans] == [prints(CODES[9:])]
    assert client.health().scheme == BATCH.scheme


def test_a_refusal_is_final_and_says_why(client):
    with pytest.raises(Declined) as caught:
        client.order(ORDER)
    assert isinstance(caught.value, Refused)
    assert caught.value.problem.name == "not-found"
    assert caught.value.problem.status == 404
    client.register(BATCH)
    with pytest.raises(Declined) as caught:
        client.order(ORDER)
    assert caught.value.problem.name == "fingerprints-missing"
    assert caught.value.problem.members["serial"] == 1
    assert "upload the fingerprints from serial 1" in caught.value.summary


def test_pages_are_walked_to_the_end(client, monkeypatch):
    monkeypatch.setattr("mintmark.activation.client.wire.PAGE_RANGES", 2)
    client.register(BATCH)
    client.order(Order("f", BATCH.batch, "freeze", [[2, 2], [4, 4], [6, 6]]))
    found = [(piece.first, piece.last) for piece in batch_ranges(client, BATCH.batch)]
    assert found == [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 10)]


def test_a_good_answer_is_taken():
    with fake(body=json.dumps(ANSWER | {"later": "keys"}).encode()) as (client, _):
        answer = client.order(ORDER)
    assert answer.body() == ANSWER


@pytest.mark.parametrize(
    "change",
    [
        {"order": "o-2"},
        {"batch": "HM00-OTHER000"},
        {"action": "freeze"},
        {"action": "explode"},
        {"applied": [[5, 1]]},
        {"applied": [[1, 5], [5, 6]]},
        {"applied": [[1, "5"]]},
        {"applied": None},
        {"applied": [[1, 1]] * 1_001},
        {"applied_count": -1},
        {"applied_count": 5.0},
        {"applied_count": True},
        {"skipped_count": None},
        {"dry_run": 0},
        {"dry_run": True},
        {"truncated": "no"},
        {"scanned_before": [0]},
        {"scanned_before": ["1"]},
        {"scanned_before": [1] * 1_001},
    ],
)
def test_an_answer_of_another_form_is_no_answer(change):
    with fake(body=json.dumps(ANSWER | change).encode()) as (client, _):
        away(client, order)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff", b'{"order": ' + b"9" * 9_999 + b"}"],
)
def test_rubbish_is_no_answer(body):
    with fake(body=body) as (client, _):
        assert "form" in (reason := away(client, order).reason) or "not JSON" in reason


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 400, 404, 409, 500, 502, 503])
def test_a_status_without_its_form_is_no_answer(status):
    with fake(status, b"<html>", {"Location": "/elsewhere"}) as (client, server):
        away(client, order)
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_what_passes_is_tried_again(status):
    answer = problem(status, "unavailable")
    answer["headers"]["Retry-After"] = "17"
    with fake(**answer) as (client, _):
        assert away(client, order).retry_after == 17


@pytest.mark.parametrize(
    ("server_time", "reason"),
    [
        ("2026-11-22T09:01:00Z", "this machine's clock is 61 minutes behind the backend's"),
        ("2026-11-22T07:00:00Z", "this machine's clock is 60 minutes ahead of the backend's"),
        ("2026-11-22T08:00:20Z", "is the line's key known there, and this address its own name?"),
        ("soon", "it does not accept this line's signature"),
        (None, "it does not accept this line's signature"),
    ],
)
def test_a_line_that_is_not_known_learns_what_its_clock_has_to_do_with_it(server_time, reason):
    now = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    body = {"type": "urn:mintmark:problem:unauthorised", "title": "who?", "status": 401}
    body |= {} if server_time is None else {"server_time": server_time}
    answer = {"status": 401, "headers": {"Content-Type": "application/problem+json"}}
    with fake(**answer, body=json.dumps(body).encode(), now=lambda: now) as (client, _):
        assert away(client, order).reason.endswith(reason)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("99999999", 3_600),
        ("9" * 99, None),
    ],
)
def test_retry_after_is_bounded(text, seconds):
    with fake(503, headers={"Retry-After": text.encode("utf-8").decode("latin-1")}) as (client, _):
        assert away(client, order).retry_after == seconds


@pytest.mark.parametrize("kind", ["about:blank", "https://gateway.example/gone", None, 7])
def test_a_problem_of_somebody_else_is_not_the_backends_no(kind):
    """A gateway before a dead backend describes its 404 as well."""
    answer = problem(404, "x", type=kind)
    with fake(**answer) as (client, _):
        assert "of the agreed form" in away(client, order).reason


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 415, 422])
def test_a_problem_is_the_backends_no(status):
    answer = problem(status, "blocked", blocked_total=3)
    with fake(**answer) as (client, _), pytest.raises(Declined) as caught:
        client.order(ORDER)
    assert caught.value.summary == "T: D"
    assert (caught.value.problem.status, caught.value.problem.name) == (status, "blocked")
    assert caught.value.problem.members["blocked_total"] == 3


def test_foreign_text_is_one_short_line():
    answer = problem(409, "x", title="a\nb\x1b[31m" + "c" * 9_999, detail=7)
    with fake(**answer) as (client, _), pytest.raises(Declined) as caught:
        client.order(ORDER)
    assert "\n" not in caught.value.summary
    assert "\x1b" not in caught.value.summary
    assert len(caught.value.summary) <= 500


def test_an_answer_too_large_is_cut_off():
    def pour(server, out):
        try:
            while not server.let_go.is_set():
                out.write(b" " * 65_536)
        except OSError:
            pass

    with fake(pour=pour) as (client, _):
        assert "too large" in away(client, order).reason


def test_a_compressed_answer_is_not_unpacked():
    with fake(headers={"Content-Encoding": "gzip"}) as (client, server):
        assert "compresses" in away(client, order).reason
        assert server.requests[0][2]["Accept-Encoding"] == "identity"


def test_an_answer_that_drips_is_given_up():
    """Each byte comes in time; the whole does not."""

    def pour(server, out):
        try:
            while not server.let_go.wait(0.02):
                out.write(b" ")
                out.flush()
        except OSError:
            pass

    limits = ClientLimits(call_seconds=0.3)
    with fake(pour=pour, limits=limits) as (client, _):
        assert "too long" in away(client, order).reason


def test_silence_is_given_up():
    limits = ClientLimits(call_seconds=0.2)
    with fake(pour=lambda server, _: server.let_go.wait(PATIENCE), limits=limits) as (client, _):
        assert "too long" in away(client, order).reason


@pytest.mark.parametrize(
    ("action", "serials", "seconds"),
    [("activate", [[1, 500_000], [600_001, 600_001]], 80), ("freeze", [[1, 500_000]], 30)],
)
def test_only_what_moves_fingerprints_may_take_long(action, serials, seconds):
    asked = []

    class Noting(HttpClient):
        def _json(self, method, path, body=None, seconds=None):
            asked.append(seconds)
            return super()._json(method, path, body, seconds)

    with Noting("http://127.0.0.1:9") as client:
        order = replace(ORDER, action=action, serials=serials)
        with pytest.raises(Away):
            client.order(order)
    assert round(asked[0]) == seconds


def test_nobody_there():
    with fake() as (_, server):
        url = f"http://127.0.0.1:{server.server_port}"
    with HttpClient(url) as client:
        for call in (
            lambda c: c.register(BATCH),
            lambda c: c.upload(BATCH.batch, 1, bytes(16)),
            lambda c: c.order(ORDER),
            lambda c: c.get_order("o"),
            lambda c: c.batch_page(BATCH.batch),
            lambda c: c.unknown_scans(),
            lambda c: c.health(),
            lambda c: c.scan(CODES[0]),
        ):
            error = away(client, call)
            assert CODES[0] not in str(error)
            assert error.__cause__ is None


def test_not_http_at_all():
    with fake(pour=lambda *_: None) as (client, server):
        server.RequestHandlerClass.answer, kept = (
            lambda self: self.wfile.write(b"SSH-2.0\r\n\r\n"),
            server.RequestHandlerClass.answer,
        )
        try:
            Fake.do_PUT = Fake.answer
            away(client, order)
        finally:
            Fake.answer = kept
            Fake.do_PUT = kept


def test_registering_something_else_is_noticed():
    body = BATCH.body() | {"quantity": 11}
    with fake(body=json.dumps(body).encode()) as (client, _):
        away(client, lambda c: c.register(BATCH))


@pytest.mark.parametrize(
    "change",
    [
        {"next": 4},
        {"next": 0},
        {"ranges": [], "next": 5},
        {"ranges": [{"serials": [5, 6]}]},
        {"ranges": "all"},
        {"ranges": [PIECE, PIECE]},
        {"ranges": [PIECE | {"serials": [2, 3]}, PIECE | {"serials": [1, 1]}], "next": 1},
        {"ranges": [PIECE | {"serials": [5, 1]}], "next": 1},
        {"ranges": [PIECE | {"scanned": -1}]},
        {"ranges": [PIECE | {"digest": "ab"}]},
        {"ranges": [PIECE | {"attributes": {"lot": None}}]},
    ],
)
def test_a_page_that_leads_nowhere_is_no_answer(change):
    page = BATCH.body() | {"ranges": [PIECE], "next": 5} | change
    with fake(body=json.dumps(page).encode()) as (client, _):
        away(client, lambda c: c.batch_page(BATCH.batch))


def test_a_page_of_other_serials_is_no_answer():
    page = BATCH.body() | {"ranges": [PIECE], "next": None}
    with fake(body=json.dumps(page).encode()) as (client, _):
        assert client.batch_page(BATCH.batch).next is None
        away(client, lambda c: c.batch_page(BATCH.batch, 5))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*ANSWER, *BATCH.body(), "ranges", "next", "unknown"]), inner
        )
    ),
    max_leaves=12,
)


@given(json_values, st.sampled_from(["order", "page", "unknown", "scan", "health", "batch"]))
def test_parsers_answer_or_say_rubbish(value, kind):
    parse = {
        "order": wire.OrderAnswer.parse,
        "page": lambda data: wire.BatchPage.parse("b", data),
        "unknown": wire.UnknownPage.parse,
        "scan": wire.ScanAnswer.parse,
        "health": wire.HealthAnswer.parse,
        "batch": lambda data: wire.Batch.parse("b", data),
    }[kind]
    try:
        parsed = parse(value)
    except wire.MalformedAnswer:
        return
    assert parse(parsed.body()) == parsed


@pytest.mark.parametrize(
    "url",
    [
        "http://scan.example.com",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "http://[2001:db8::1]/",
        "ftp://127.0.0.1",
        "127.0.0.1:80",
        "https://",
        "https://me:secret@scan.example.com",
        "https://scan.example.com/?q=1",
        "https://scan.example.com:port",
        "http://[::1",
    ],
)
def test_addresses_that_are_refused(url):
    with pytest.raises(UsageError) as caught:
        HttpClient(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1", "http://localhost", "http://[::1]:8", "https://scan.example.com/x/"],
)
def test_addresses_that_are_taken(url):
    with HttpClient(url) as client:
        assert client._transport._base == url.rstrip("/")


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("LOCALHOST.", True),
        ("::ffff:10.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_what_is_this_machine(host, here):
    assert is_loopback(host) is here


def test_the_environments_proxy_is_not_used_for_this_machine(client, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with HttpClient(client._transport._base) as fresh:
        assert fresh.health().api == "v1"


def test_each_attempt_is_signed_afresh():
    signed = []

    def sign(request, body, line):
        assert line is None
        signed.append((request.method, request.url.path, body))
        request.headers["Signature"] = str(len(signed))

    with fake(503, sign=sign) as (client, server):
        for _ in range(2):
            away(client, order)
    assert [headers["Signature"] for _, _, headers in server.requests] == ["1", "2"]
    assert signed[0] == signed[1]
    assert json.loads(signed[0][2]) == ORDER.body()

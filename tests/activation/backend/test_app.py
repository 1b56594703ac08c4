"""The backend over HTTP, in process: forms, problems, who may call, the page's routes."""

import json
import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from backend_kit import BACKEND_KEY, Asgi, app_over, make_batch, make_codes, prints
from sqlalchemy.exc import OperationalError

from mintmark.activation.backend.page import CONTENT_SECURITY_POLICY
from mintmark.activation.backend.problems import KINDS
from mintmark.codegen.codes.fingerprint import fingerprint, key_id
from mintmark.codegen.codes.spec import canonicalise
from mintmark.codegen.ranges.lifecycle import RULES, Action, State

CODES = make_codes(10)
BATCH = make_batch(10)
PATH = f"/v1/batches/{BATCH.batch}"
STREAM = {"Content-Type": "application/octet-stream"}
ORDER = {"batch": BATCH.batch, "action": "activate", "serials": [[1, 5]]}


def problem(answer, name):
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == f"urn:mintmark:problem:{name}"
    assert (answer.status_code, body["status"]) == (KINDS[name][0],) * 2
    assert body["title"] == KINDS[name][1]
    return body


@pytest.fixture
def ready(call):
    assert call("PUT", PATH, json=BATCH.body()).json() == BATCH.body()
    answer = call("PUT", f"{PATH}/fingerprints/1", content=prints(CODES), headers=STREAM)
    assert (answer.status_code, answer.content) == (204, b"")
    return call


def test_the_whole_way(ready):
    order = ready("PUT", "/v1/orders/o-1", json=ORDER | {"attributes": {"lot": "L1"}})
    assert order.json() == {
        "order": "o-1",
        "batch": BATCH.batch,
        "action": "activate",
        "dry_run": False,
        "applied": [[1, 5]],
        "applied_count": 5,
        "skipped": [],
        "skipped_count": 0,
        "truncated": False,
        "scanned_before": [],
    }
    assert ready("GET", "/v1/orders/o-1").json() == order.json()
    assert ready("POST", "/v1/scans", json={"code": CODES[0].lower()}).json() == {
        "result": "genuine",
        "scans": 1,
        "first_scan": "2026-11-22T12:00:00Z",
        "batch": BATCH.batch,
        "serial": 1,
        "role": "item",
        "attributes": {"lot": "L1"},
        "pairs": [],
        "as": "consumer",
        "parties": {"consumer": 1},
        "gate": None,
    }
    assert ready("POST", "/v1/scans", json={"code": CODES[9]}).json() == {
        "result": "unknown",
        "scans": 0,
        "first_scan": None,
        "batch": None,
        "serial": None,
        "role": None,
        "attributes": {},
        "pairs": [],
        "as": "consumer",
        "parties": {},
        "gate": None,
    }
    unknown = ready("GET", "/v1/unknown-scans").json()
    assert unknown["unknown"][0]["fingerprint"] == prints(CODES[9:]).hex()
    page = ready("GET", f"{PATH}?after=2&digests=true").json()
    assert [piece["serials"] for piece in page["ranges"]] == [[3, 5], [6, 10]]
    assert ready("GET", "/v1/health").json() == {
        "api": "v1",
        "scheme": "hmac-sha256-128",
        "fingerprint_key_id": key_id(BACKEND_KEY),
    }


def test_validity_folds_into_the_attributes(ready, clock):
    times = {"effective_at": "2026-11-23T00:00:00+08:00", "expires_at": "2026-11-24T00:00:00Z"}
    ready("PUT", "/v1/orders/a", json=ORDER | times)
    scan = ready("POST", "/v1/scans", json={"code": CODES[0]}).json()
    assert scan["result"] == "not_yet"
    assert scan["attributes"] == times
    clock.forward(days=1)
    assert ready("POST", "/v1/scans", json={"code": CODES[0]}).json()["result"] == "genuine"
    clock.forward(days=1)
    assert ready("POST", "/v1/scans", json={"code": CODES[0]}).json()["result"] == "expired"
    lift = ORDER | {"action": "assign", "attributes": {"expires_at": None}}
    ready("PUT", "/v1/orders/b", json=lift)
    assert ready("POST", "/v1/scans", json={"code": CODES[0]}).json()["result"] == "repeat"


@pytest.mark.parametrize(
    "change",
    [
        {"action": "explode"},
        {"serials": []},
        {"serials": [[1]]},
        {"serials": [[0, 1]]},
        {"serials": [[2, 1]]},
        {"serials": [[1, 2], [2, 3]]},
        {"serials": [[1, 2.0]]},
        {"serials": [["1", "2"]]},
        {"serials": [[True, 2]]},
        {"serials": [[1, 10**12]]},
        {"serials": [[1, 1]] * 1_001},
        {"skip": ["active"]},
        {"count": "5"},
        {"count": -1},
        {"from": "packaged"},
        {"from_": "active"},
        {"attributes": {"colour": "red"}},
        {"attributes": {"lot": 5}},
        {"attributes": {"lot": {"a": "b"}}},
        {"attributes": {"max_scans": True}},
        {"attributes": {"effective_at": "2026-11-23T00:00:00Z"}},
        {"attributes": {"expires_at": None}, "expires_at": "2026-11-23T00:00:00Z"},
        {"effective_at": "2026-11-23"},
        {"effective_at": "2026-11-23T00:00:00"},
        {"expires_at": "2026-13-23T00:00:00Z"},
        {"effective_at": "2027-06-01T00:00:00+08:00", "expires_at": "2027-01-01T00:00:00+08:00"},
        {"effective_at": "2027-06-01T00:00:00+08:00", "expires_at": "2027-05-31T16:00:00Z"},
        {"effective_at": "9999-12-31T23:59:59-14:00", "expires_at": "0001-01-01T00:00:00+14:00"},
        {"dry_run": 1},
        {"audit_head": "abc"},
        {"reason": "x" * 501},
        {"batch": "../../etc"},
        {"surprise": 1},
    ],
)
def test_orders_are_taken_strictly(ready, change):
    problem(ready("PUT", "/v1/orders/o-1", json=ORDER | change), "invalid")
    problem(ready("GET", "/v1/orders/o-1"), "not-found")


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": 0},
        {"quantity": 10**12},
        {"length": 65},
        {"canonical": "none"},
        {"role": "god"},
        {"symbols": "A B"},
        {"home": ""},
        {"extra": None},
    ],
)
def test_batches_are_taken_strictly(call, change):
    problem(call("PUT", PATH, json=BATCH.body() | change), "invalid")


def test_fingerprints_of_another_key_are_refused(call):
    for change in ({"fingerprint_key_id": "0" * 16}, {"scheme": "sha1"}):
        body = problem(call("PUT", PATH, json=BATCH.body() | change), "key-unknown")
        assert body["fingerprint_key_id"] == key_id(BACKEND_KEY)


def test_conflicts_are_problems(ready):
    problem(ready("PUT", PATH, json=BATCH.body() | {"quantity": 11}), "batch-differs")
    spoiled = ready("PUT", f"{PATH}/fingerprints/2", content=bytes(16), headers=STREAM)
    problem(spoiled, "fingerprints-differ")
    ready("PUT", "/v1/orders/a", json=ORDER)
    problem(ready("PUT", "/v1/orders/a", json=ORDER | {"count": 5}), "order-differs")
    body = problem(ready("PUT", "/v1/orders/b", json=ORDER), "blocked")
    assert body["blocked"] == [{"serials": [1, 5], "state": "active"}]
    problem(ready("PUT", "/v1/orders/b", json=ORDER | {"batch": "HM00-NONE"}), "order-differs")
    problem(ready("PUT", "/v1/orders/c", json=ORDER | {"batch": "HM00-NONE"}), "not-found")


def test_uploads_are_bounded_and_typed(ready):
    path = f"{PATH}/fingerprints/1"
    problem(ready("PUT", path, content=bytes(17), headers=STREAM), "invalid")
    problem(ready("PUT", path, content=bytes(16 * 11), headers=STREAM), "outside")
    problem(ready("PUT", path, content=bytes(16)), "media-type")
    problem(ready("PUT", path, content=bytes(1_048_577), headers=STREAM), "too-large")
    problem(ready("PUT", f"{PATH}/fingerprints/0", content=bytes(16), headers=STREAM), "invalid")
    lying = STREAM | {"Content-Length": "1048577"}
    problem(ready("PUT", path, content=bytes(16), headers=lying), "too-large")

    async def streamed():
        for _ in range(17):
            yield bytes(65_536)

    problem(ready("PUT", path, content=streamed(), headers=STREAM), "too-large")
    problem(ready("POST", "/v1/scans", content=b" " * 4_097), "too-large")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'"SECRETCODE123456"',
        b'{"code": ["SECRETCODE123456"]}',
        b'{"code": "SECRETCODE123456", "SECRETCODE123456": 1}',
        b'{"code": "' + b"SECRETCODE123456" * 9 + b'"}',
        b'{"code": "A", "scan_id": "SECRETCODE123456/"}',
        b'{"code": "A", "scan_id": "' + b"SECRETCODE123456" * 5 + b'"}',
        b'{"code": 1}',
        b"[" * 4_000,
        b"\xff\xfe",
    ],
)
def test_a_refused_scan_quotes_nothing(call, content):
    answer = call(
        "POST", "/v1/scans", content=content, headers={"Content-Type": "application/json"}
    )
    problem(answer, "invalid")
    assert "SECRET" not in answer.text


def test_addresses_and_methods_nobody_serves(call):
    problem(call("GET", "/v1/nothing"), "not-found")
    problem(call("GET", "/"), "not-found")
    problem(call("GET", "/docs/oauth2-redirect"), "not-found")
    problem(call("DELETE", "/v1/orders/a"), "method-not-allowed")
    problem(call("PUT", "/v1/scans"), "method-not-allowed")
    problem(call("GET", f"/v1/orders/{'x' * 65}"), "invalid")


LINE_CALLS = [
    ("PUT", PATH),
    ("PUT", f"{PATH}/fingerprints/1"),
    ("GET", PATH),
    ("PUT", "/v1/orders/a"),
    ("GET", "/v1/orders/a"),
    ("PUT", "/v1/aggregations/a"),
    ("GET", "/v1/aggregations/a"),
    ("GET", f"{PATH}/parents"),
    ("GET", "/v1/homes/HM00-000000000000/head"),
    ("GET", "/v1/unknown-scans"),
    ("GET", "/v1/refused-scans"),
    ("GET", "/v1/repeats"),
    ("GET", f"{PATH}/regions"),
    ("PUT", "/v1/scan-ins/a"),
    ("GET", "/v1/scan-ins"),
]


def test_every_address_of_lines_asks_who_calls(app):
    """Also one that somebody adds later."""
    free = {"/v1/health", "/v1/scans"}
    routes = {
        (method, route.path.replace("{batch}", BATCH.batch).replace("{home}", BATCH.home))
        for route in app.routes
        for method in route.methods
        if route.path.startswith("/v1/") and route.path not in free
    }
    listed = {
        (
            method,
            path.replace("/fingerprints/1", "/fingerprints/{first}")
            .replace("/orders/a", "/orders/{order}")
            .replace("/aggregations/a", "/aggregations/{aggregation}")
            .replace("/scan-ins/a", "/scan-ins/{scan_in}"),
        )
        for method, path in LINE_CALLS
    }
    assert routes == listed


@pytest.mark.parametrize(("method", "path"), LINE_CALLS)
def test_only_this_machine_is_trusted_and_only_if_told(app, store, clock, method, path):
    here, elsewhere = Asgi(app), Asgi(app, peer="192.0.2.7")
    problem(elsewhere(method, path), "unauthorised")
    for header in ("Forwarded", "X-Forwarded-For"):
        problem(here(method, path, headers={header: "for=192.0.2.7"}), "unauthorised")
    for header in ("Via", "X-Real-IP"):
        problem(here(method, path, headers={header: "192.0.2.7"}), "unauthorised")
    for host in ("rebound.example.com", "[", "[::1", "evil@127.0.0.1", ""):
        problem(here(method, path, headers={"Host": host}), "unauthorised")
    assert here(method, path).status_code != 401
    assert here(method, path, host="[::1]:8000").status_code != 401
    strict = app_over(store, clock, trust_loopback=False)
    answer = Asgi(strict)(method, path)
    problem(answer, "unauthorised")
    assert answer.headers["www-authenticate"]


def test_a_proxy_that_says_nothing_of_itself_shows_by_its_http(server):
    """nginx as it comes: the host it connects to, HTTP/1.0, no header of its own."""
    place = urlsplit(server.url)
    statuses = []
    for version in ("1.1", "1.0"):
        with socket.create_connection((place.hostname, place.port), 10) as line:
            line.sendall(
                f"GET /v1/unknown-scans HTTP/{version}\r\nHost: {place.netloc}\r\n"
                "Connection: close\r\n\r\n".encode("ascii")
            )
            statuses.append(line.makefile("rb").readline().split()[1])
    assert statuses == [b"200", b"401"]


def test_anybody_may_scan(app):
    elsewhere = Asgi(app, peer="192.0.2.7")
    for method, path, options in (
        ("POST", "/v1/scans", {"json": {"code": "X"}}),
        ("GET", "/v1/health", {}),
        ("GET", "/X", {}),
        ("POST", "/X", {}),
    ):
        assert elsewhere(method, path, host="scan.example.com", **options).status_code == 200


def form(scan_id):
    return {
        "content": f"scan_id={scan_id}",
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
    }


def test_every_id_a_page_hands_out_is_one_the_backend_takes(ready):
    """One in 32 began with a hyphen or an underscore: a reload was then a second scan."""
    for _ in range(300):
        page = ready("GET", f"/{CODES[0]}").text
        assert re.search(r'name="scan_id" value="[0-9A-Za-z][0-9A-Za-z._-]{0,63}"', page)


def test_looking_at_the_page_counts_nothing_and_its_button_once(ready):
    ready("PUT", "/v1/orders/a", json=ORDER)
    for method in ("GET", "HEAD", "GET"):
        page = ready(method, f"/{CODES[0]}")
        assert page.status_code == 200
        assert page.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
    assert CODES[0] not in page.text
    scan_id = re.search(r'name="scan_id" value="([^"]+)"', page.text)[1]
    for _ in range(2):
        answer = ready("POST", f"/{CODES[0]}", **form(scan_id))
        assert '<main class="genuine">' in answer.text
        assert CODES[0] not in answer.text
    assert '<main class="repeat">' in ready("POST", f"/{CODES[0]}", **form("other")).text
    assert ready("GET", PATH).json()["ranges"][0]["scanned"] == 1


def test_every_page_has_a_scan_id_of_its_own(call):
    pages = {call("GET", "/ABC").text for _ in range(3)}
    assert len(pages) == 3


@pytest.mark.parametrize(
    "body", ["", "scan_id=", "scan_id=a%20b", "x=1&" * 9, "scan_id=" + "a" * 65]
)
def test_a_form_that_is_not_the_pages_is_a_scan_without_id(ready, body):
    ready("PUT", "/v1/orders/a", json=ORDER)
    options = {"content": body, "headers": {"Content-Type": "application/x-www-form-urlencoded"}}
    assert '<main class="genuine">' in ready("POST", f"/{CODES[0]}", **options).text
    assert '<main class="repeat">' in ready("POST", f"/{CODES[0]}", **options).text


@pytest.mark.parametrize("path", ["/" + "A" * 129, "/%E7%A0%81", "/%00", "/%3Cscript%3E"])
def test_an_address_that_can_be_no_code_is_unknown(call, path):
    assert '<main class="unknown">' in call("POST", path).text


def test_what_browsers_and_robots_ask_for_is_no_scan(call):
    assert call("GET", "/favicon.ico").status_code == 204
    assert "Disallow: /" in call("GET", "/robots.txt").text


def test_a_failure_of_the_books_is_reported_without_detail(call, store, monkeypatch, caplog):
    def broken(*_):
        raise OperationalError("SELECT secret", {"a": "secret"}, ValueError("secret: disk full"))

    monkeypatch.setattr(store, "rules", broken)
    answer = call("POST", "/v1/scans", json={"code": "SECRETCODE123456"})
    problem(answer, "unavailable")
    assert answer.headers["retry-after"] == "5"
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("mintmark.backend", "ERROR")
    assert record.getMessage() == (
        "a request was answered 503, the database failed: OperationalError from ValueError (SELECT)"
    )
    assert record.exc_info is None
    monkeypatch.setattr(store, "rules", lambda: 1 / 0)
    text = json.dumps(problem(call("POST", "/v1/scans", json={"code": "X"}), "internal"))
    assert "secret" not in text
    assert "division" not in text


DOCUMENT = (Path(__file__).parents[3] / "docs/activation-api.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)


def test_the_documents_requests_work_as_they_stand(call):
    """Every `curl … -d '…'`, in the order of the document."""
    key = json.dumps(key_id(BACKEND_KEY))
    done = []
    for text in "".join(blocks("sh")).replace("\\\n", "").split("curl -s ")[1:]:
        path = re.search(r"\$B(/[^\s\"]+)", text)[1]
        method = re.search(r"-X (\w+)", text)
        body = re.search(r"-d '(\{.*\})'", text, re.DOTALL)
        if "--data-binary" in text:
            options = {"content": prints(make_codes(1_000)), "headers": STREAM}
        elif body:
            options = {"json": json.loads(body[1].replace("\"'$KEY'\"", key))}
        else:
            options = {}
        name = method[1] if method else "POST" if body else "GET"
        answer = call(name, path, **options)
        assert answer.is_success, answer.text
        done.append((name, path.partition("?")[0]))
    assert [name for name, _ in done] == [
        *("GET", "GET", "PUT", "PUT", "PUT"),  # health twice, a batch, fingerprints, an order
        *("PUT", "PUT", "PUT"),  # a window, cartons, what lies in them
        *("GET", "GET", "GET", "GET", "GET"),  # the batch, links, refused scans, repeats, regions
        *("POST", "PUT"),  # a scan, a scan-in
    ]
    page = call("GET", "/v1/batches/7Q2M-0K4T9WXA").json()
    states = [(piece["serials"], piece["state"]) for piece in page["ranges"]]
    # The scan-in took the codes of one carton in, and the window is on a few more.
    assert states[:3] == [([1, 48], "active"), ([49, 60], "active"), ([61, 400], "active")]


def test_the_document_lists_every_problem_and_no_other():
    table = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", DOCUMENT, re.MULTILINE)
    assert {name: int(status) for name, status in table} == {
        name: status for name, (status, _) in KINDS.items()
    }


def test_the_documents_states_are_those_of_the_code():
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", DOCUMENT.split("### States")[1], re.MULTILINE)
    columns = (State.PACKAGED, State.ACTIVE, State.FROZEN, State.VOID)
    table = {Action(name): cells.split(" | ") for name, cells in rows[: len(Action)]}
    assert set(table) == set(Action)
    for action, cells in table.items():
        assert [cell != "–" for cell in cells] == [state in RULES[action] for state in columns]


def test_the_documents_snippet_makes_our_fingerprints():
    [snippet] = blocks("python")
    names = {}
    exec(snippet, names)  # noqa: S102 — our own document
    for rule in ("upper", "crockford32"):
        for text in ("abcd-0123 oil", "ABCDOIL", "a.b~c_d", "ß", "ı", "", " -", "A\n", "码"):
            try:
                expected = fingerprint(canonicalise(rule, text).encode(), BACKEND_KEY)
            except ValueError:
                with pytest.raises(ValueError):
                    names["canonical"](rule, text)
            else:
                assert names["fingerprint"](BACKEND_KEY.reveal(), rule, text) == expected

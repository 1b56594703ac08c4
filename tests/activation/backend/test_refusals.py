"""Which refusal comes first, what is in the way, and what an answer says beside its body."""

import itertools
import json
import os

import httpx2
import pytest
from backend_kit import BACKEND_KEY, Asgi, app_over, make_batch, make_codes, prints
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mintmark.activation.backend import senders
from mintmark.activation.backend.app import create_app
from mintmark.activation.backend.apply_order import Request
from mintmark.activation.backend.backend import Backend
from mintmark.activation.backend.database import sqlite_url
from mintmark.activation.backend.limits import BackendLimits
from mintmark.activation.backend.problems import Problem
from mintmark.activation.backend.store import Store
from mintmark.activation.client.signing import Key, RequestSigner
from mintmark.codegen.ranges.lifecycle import Action, ApiState
from mintmark.codegen.ranges.serials import Range

N = 60
CODES = make_codes(N)
BATCH = make_batch(N)
PATH = f"/v1/batches/{BATCH.batch}"
STREAM = {"Content-Type": "application/octet-stream"}
KEY = Key("1f0c2a9b3d4e5f60", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def request(order, action, *pairs, batch=BATCH.batch, **options):
    return Request(order, batch, Action(action), tuple(Range(*pair) for pair in pairs), **options)


def name_of(answer):
    return None if answer.is_success else answer.json()["type"].rpartition(":")[2]


@pytest.fixture(params=[3, 5, 4_096])
def cut(request, tmp_path, clock):
    """A store that reads a few tiles at a time, over a batch of many tiles: every third frozen.

    Fingerprints of serials 1 to 30 were uploaded, of 40 as well, but that one is another code's.
    """
    store = Store(sqlite_url(tmp_path), BackendLimits(window_tiles=request.param))
    other = "HM00-OTHER000"
    for batch in (BATCH, make_batch(1, other)):
        store.register(batch, clock())
    store.upload(other, 1, prints(CODES[39:40]), clock())
    store.order(activation("other", (1, 1), batch=other), clock())
    store.upload(BATCH.batch, 1, prints(CODES[:30]), clock())
    store.upload(BATCH.batch, 40, prints(CODES[39:40]), clock())
    store.order(freeze("thirds", *[(n, n) for n in range(3, N, 3)]), clock())
    store.order(Request("v", BATCH.batch, Action.VOID, (Range(2, 2),), reason="lost"), clock())
    yield store
    store.close()


def activation(order, *pairs, **options):
    return request(order, "activate", *pairs, **options)


def freeze(order, *pairs, **options):
    return request(order, "freeze", *pairs, **options)


def refused(store, clock, order):
    with pytest.raises(Problem) as caught:
        store.order(order, clock())
    return caught.value


# An order of two serials with each of these faults, in the order in which they are told.
FAULTS = {
    "outside": (N + 1, {}),
    "blocked": (58, {"from_state": ApiState.FROZEN}),
    "count-differs": (58, {"count": 9}),
    "fingerprints-missing": (31, {}),
}


@pytest.mark.parametrize(("first", "second"), [*itertools.combinations(FAULTS, 2)])
def test_of_two_refusals_of_the_books_the_same_one_comes_first(cut, clock, first, second):
    """Whatever the window: missing fingerprints stand before a code in the way, and far off."""
    pairs = sorted({FAULTS[name][0] for name in (first, second)} | {1})
    options = FAULTS[first][1] | FAULTS[second][1]
    order = activation("o", *[(n, n) for n in pairs], **options)
    assert refused(cut, clock, order).name == first


def test_a_range_in_the_way_far_off_comes_before_fingerprints_that_are_missing(cut, clock):
    problem = refused(cut, clock, activation("o", (31, 32), (34, 35), (57, 57)))
    assert (problem.name, problem.members["blocked"]) == (
        "blocked",
        [{"serials": [57, 57], "state": "frozen"}],
    )


@pytest.mark.parametrize(
    ("pairs", "name", "serial"),
    [
        ([(28, 29), (31, 32), (40, 40)], "fingerprints-missing", 31),
        ([(1, 1), (40, 41), (58, 58)], "fingerprints-taken", 40),
        ([(1, 2), (58, 58)], "fingerprints-missing", 58),
    ],
)
def test_the_lowest_serial_without_a_fingerprint_of_its_own_decides(
    cut, clock, pairs, name, serial
):
    problem = refused(cut, clock, activation("o", *pairs, skip_void=True))
    assert (problem.name, problem.members["serial"]) == (name, serial)


def test_an_activation_over_many_windows_makes_all_its_fingerprints_live(cut, clock):
    cut.order(request("u", "unfreeze", *[(n, n) for n in range(3, N, 3)]), clock())
    cut.order(request("assign", "assign", *[(n, n) for n in (7, 9, 20)]), clock())
    assert cut.order(activation("o", (1, 10), (15, 30), skip_void=True), clock()).applied_count
    live = [cut.scan([prints([code])], None, clock()).serial for code in CODES[:30]]
    assert live == [1, None, *range(3, 11), *[None] * 4, *range(15, 31)]


# --- what is in the way ------------------------------------------------------------


@pytest.fixture
def mixed(cut, clock):
    """1-9 active in three lots, 10-12 frozen from active, 13-15 frozen from inactive, 16 void."""
    cut.order(request("u", "unfreeze", *[(n, n) for n in range(3, N, 3)]), clock())
    cut.order(request("back", "unvoid", (2, 2)), clock())
    for first, last in ((1, 3), (4, 6), (7, 12)):
        lot = {"lot": f"L{first}"}
        cut.order(activation(f"a{first}", (first, last), attributes=lot), clock())
    cut.order(freeze("f", (10, 15)), clock())
    cut.order(request("v1", "void", (16, 16), reason="lost"), clock())
    cut.order(request("v2", "void", (17, 17), reason="stolen"), clock())
    return cut


ACTIVE, FROZEN, VOID = ([1, 9], "active"), ([10, 15], "frozen"), ([16, 17], "void")


@pytest.mark.parametrize(
    ("action", "pairs", "options", "name", "ranges"),
    [
        ("activate", [(1, 20)], {"skip_void": False}, "blocked", [ACTIVE, FROZEN, VOID]),
        ("activate", [(2, 4), (6, 20)], {}, "blocked", [([2, 4], "active"), ([6, 9], "active")]),
        ("void", [(2, 8), (18, 18)], {}, "count-required", [([2, 8], "active")]),
        ("void", [(1, 15)], {}, "count-required", [ACTIVE, ([10, 12], "frozen")]),
        ("void", [(9, 16)], {"skip_void": False}, "blocked", [([9, 9], "active")]),
        ("void", [(1, 3)], {"from_state": ApiState.FROZEN}, "blocked", [([1, 3], "active")]),
        ("void", [(1, 3)], {"from_state": ApiState.ACTIVE}, "count-required", None),
        ("freeze", [(1, 20)], {"from_state": ApiState.ACTIVE}, "blocked", None),
    ],
)
def test_ranges_in_the_way_are_joined_by_state_and_clipped(  # noqa: PLR0917 - the table's columns
    mixed, clock, action, pairs, options, name, ranges
):
    problem = refused(mixed, clock, request("o", action, *pairs, **({"skip_void": True} | options)))
    assert problem.name == name
    found = [(item["serials"], item["state"]) for item in problem.members["blocked"]]
    assert problem.members["blocked_total"] == len(found)
    assert ranges is None or found[: len(ranges)] == ranges
    inside = [n for first, last in pairs for n in range(first, last + 1)]
    told = [n for (first, last), _ in found for n in range(first, last + 1)]
    assert set(told) <= set(inside)
    assert told == sorted(set(told))
    assert all(a != b or x[1] + 1 != y[0] for (x, a), (y, b) in itertools.pairwise(found))


def test_what_is_in_the_way_beyond_the_list_decides_too(store, clock):
    """A count would not help: the last of 103 ranges is in the way whatever the order names."""
    store.register(make_batch(300), clock())
    store.upload(BATCH.batch, 1, prints(make_codes(300)), clock())
    singles = [(n, n) for n in range(1, 206, 2)]
    store.order(activation("a", *singles), clock())
    store.order(request("v", "void", (300, 300), reason="lost"), clock())
    without = request("x", "void", *singles, reason="lost")
    assert refused(store, clock, without).name == "count-required"
    order = request("o", "void", *singles, (300, 300), reason="lost", skip_void=False)
    problem = refused(store, clock, order)
    assert (problem.name, problem.members["blocked_total"]) == ("blocked", 104)
    assert len(problem.members["blocked"]) == 100


def test_too_many_attributes_on_a_range_are_in_the_way(store, clock):
    store.register(BATCH, clock())
    keys = [f"native.k{n}" for n in range(65)]
    store.order(request("a", "assign", (1, 5), attributes=dict.fromkeys(keys[:64], "x")), clock())
    more = request("b", "assign", (1, 9), attributes={keys[64]: "x"})
    assert refused(store, clock, more).members["blocked"] == [
        {"serials": [1, 5], "state": "inactive"}
    ]


# --- before the books --------------------------------------------------------------


class Known:
    """A single key, for a batch of which the order's is none, without the right to upload."""

    def __call__(self, key_id):
        public = KEY.private.public_key()
        return senders.Sender(
            key_id, "x", senders.ED25519, public, batches=("OTHER-*",), upload=False
        )

    def close(self):
        pass


@pytest.fixture
def wire(store, clock):
    """A call, signed or not, to a backend that knows one key with narrow scopes."""
    here = Asgi(app_over(store, clock, trust_loopback=False))
    strict = Asgi(create(store, clock))
    signer = RequestSigner(lambda _: KEY, clock, os.urandom)

    def call(method, path, content, kind, *, sign=True):
        headers = {"Content-Type": kind}
        if not sign:
            return here(method, path, content=content, headers=headers)
        built = httpx2.Request(method, f"http://127.0.0.1{path}", content=content, headers=headers)
        signer(built, content, None)
        return strict(method, path, content=content, headers=dict(built.headers))

    return call


def create(store, clock):
    return create_app(Backend(store, BACKEND_KEY, clock, False, Known()))


GOOD = json.dumps({"batch": BATCH.batch, "action": "activate", "serials": [[1, 2]]}).encode()
BAD, LONG = b"{", b" " * 1_048_577
JSON, OCTETS, ORDER = "application/json", "application/octet-stream", "/v1/orders/o"
PACKING = "/v1/aggregations/a"
ONE = {"batch": BATCH.batch, "serials": [[1, 1]]}
PACK = json.dumps({"action": "associate", "parents": ONE, "children": [ONE]}).encode()


@pytest.mark.parametrize(
    ("method", "path", "content", "kind", "sign", "name"),
    [
        ("PATCH", ORDER, LONG, JSON, False, "too-large"),
        ("PATCH", ORDER, BAD, JSON, False, "method-not-allowed"),
        ("PUT", "/v1/orders/o/x", BAD, JSON, False, "not-found"),
        ("PUT", ORDER, BAD, JSON, False, "unauthorised"),
        ("PUT", "/v1/orders/-", GOOD, JSON, False, "unauthorised"),
        ("PUT", ORDER, BAD, JSON, True, "invalid"),
        ("PUT", ORDER, GOOD, "text/plain", True, "invalid"),
        ("PUT", ORDER, GOOD, JSON, True, "forbidden"),
        ("PUT", f"{PATH}/fingerprints/1", b"x", JSON, False, "unauthorised"),
        ("PUT", f"{PATH}/fingerprints/1", b"x", JSON, True, "media-type"),
        ("PUT", f"{PATH}/fingerprints/1", b"x", OCTETS, True, "invalid"),
        ("PUT", f"{PATH}/fingerprints/1", b"x" * 16, OCTETS, True, "forbidden"),
        ("PUT", PATH, json.dumps(BATCH.body()).encode(), JSON, True, "forbidden"),
        ("GET", PATH, b"", JSON, True, "forbidden"),
        ("GET", f"{PATH}?after=x", b"", JSON, True, "invalid"),
        ("GET", ORDER, b"", JSON, True, "not-found"),
        ("PUT", PACKING, BAD, JSON, False, "unauthorised"),
        ("PUT", PACKING, BAD, JSON, True, "invalid"),
        ("PUT", PACKING, PACK, JSON, True, "forbidden"),
        ("GET", PACKING, b"", JSON, True, "not-found"),
        ("GET", f"{PATH}/parents?after=-1", b"", JSON, True, "invalid"),
        ("GET", f"{PATH}/parents", b"", JSON, True, "forbidden"),
        ("GET", "/v1/unknown-scans", b"", JSON, True, None),
        ("GET", "/v1/homes/HOME/head", b"", JSON, True, None),
    ],
)
def test_what_shows_without_the_books_comes_first(  # noqa: PLR0917 - the columns of its table
    wire, method, path, content, kind, sign, name
):
    assert name_of(wire(method, path, content, kind, sign=sign)) == name


def test_of_a_registration_the_key_comes_before_its_other_values(call):
    assert call("PUT", PATH, json=BATCH.body()).status_code == 200
    changed = BATCH.body() | {"quantity": N + 1, "fingerprint_key_id": "0" * 16}
    assert name_of(call("PUT", PATH, json=changed)) == "key-unknown"


def test_a_used_id_comes_before_its_batch_and_its_validity(call):
    call("PUT", PATH, json=BATCH.body())
    order = {"batch": BATCH.batch, "action": "assign", "serials": [[1, 2]]}
    assert call("PUT", ORDER, json=order).status_code == 200
    never = {"effective_at": "2027-01-02T00:00:00Z", "expires_at": "2027-01-01T00:00:00Z"}
    away = {"batch": "HM00-NONE"}
    assert name_of(call("PUT", ORDER, json=order | never)) == "order-differs"
    assert name_of(call("PUT", ORDER, json=order | away)) == "order-differs"
    assert name_of(call("PUT", "/v1/orders/p", json=order | never | away)) == "not-found"
    outside = {"serials": [[N, N + 1]]}
    assert name_of(call("PUT", "/v1/orders/p", json=order | never | outside)) == "invalid"


# What an aggregation of three codes meets with each of these faults, in the order of the refusals.
PACKING_FAULTS = {
    "not-found": {"children": [{"batch": "HM00-NONE", "serials": [[1, 1]]}]},
    "outside": {"children": [{"batch": BATCH.batch, "serials": [[N + 1, N + 1]]}]},
    "blocked": {"children": [{"batch": BATCH.batch, "serials": [[3, 3]]}]},
    "nesting": {"parents": {"batch": BATCH.batch, "serials": [[5, 5]]}},
    "child-taken": {"children": [{"batch": BATCH.batch, "serials": [[2, 2]]}]},
}


@pytest.mark.parametrize(("first", "second"), [*itertools.combinations(PACKING_FAULTS, 2)])
def test_of_two_refusals_of_an_aggregation_the_same_one_comes_first(call, first, second):
    """Carton 5 lies in 6, and 6 is among the children; 2 lies in 4, and 3 is void."""
    call("PUT", PATH, json=BATCH.body())
    for name, parent, child in (("a", 6, 5), ("b", 4, 2)):
        given = {"parents": codes_of(parent), "children": [codes_of(child)], "action": "associate"}
        assert call("PUT", f"/v1/aggregations/{name}", json=given).is_success
    void = {"batch": BATCH.batch, "action": "void", "serials": [[3, 3]]}
    assert call("PUT", "/v1/orders/v", json=void).is_success
    faults = [PACKING_FAULTS[first], PACKING_FAULTS[second]]
    children = {"batch": BATCH.batch, "serials": [[6, 6]]}
    for fault in faults:
        for part in fault.get("children", ()):
            if part["batch"] == BATCH.batch:
                children["serials"] += part["serials"]
    body = {"action": "associate", "parents": codes_of(7), "children": [children]}
    for fault in faults:
        body |= {"parents": fault.get("parents", body["parents"])}
        body["children"] += [p for p in fault.get("children", ()) if p["batch"] != BATCH.batch]
    assert name_of(call("PUT", "/v1/aggregations/x", json=body)) == first


def codes_of(serial):
    return {"batch": BATCH.batch, "serials": [[serial, serial]]}


def test_an_uploads_place_comes_before_its_bytes(call):
    path = f"{PATH}/fingerprints/{N}"
    assert name_of(call("PUT", path, content=bytes(32), headers=STREAM)) == "not-found"
    call("PUT", PATH, json=BATCH.body())
    call("PUT", path, content=prints(CODES[-1:]), headers=STREAM)
    assert name_of(call("PUT", path, content=bytes(32), headers=STREAM)) == "outside"
    assert name_of(call("PUT", path, content=bytes(16), headers=STREAM)) == "fingerprints-differ"


# --- methods and headers -----------------------------------------------------------

METHODS = {
    PATH: "GET, PUT",
    f"{PATH}/fingerprints/1": "PUT",
    ORDER: "GET, PUT",
    "/v1/aggregations/a": "GET, PUT",
    f"{PATH}/parents": "GET",
    "/v1/homes/HOME/head": "GET",
    "/v1/unknown-scans": "GET",
    "/v1/health": "GET, HEAD",
    "/v1/scans": "POST",
    "/ABC": "GET, HEAD, POST",
}


@pytest.mark.parametrize(("path", "methods"), [*METHODS.items()])
def test_a_405_names_the_methods_of_its_address(call, path, methods):
    for method in ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"):
        answer = call(method, path)
        if method in methods.split(", "):
            assert answer.status_code != 405
        else:
            assert (answer.status_code, answer.headers["allow"]) == (405, methods)


def test_a_question_for_health_needs_no_body(call):
    answers = [call(method, "/v1/health") for method in ("GET", "HEAD")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].headers == answers[1].headers


def test_no_answer_is_kept_by_a_cache(call, store, monkeypatch):
    """Whatever its status; and the one that is made when everything else has failed."""
    body = {"code": "X"}
    statuses = {
        answer.status_code
        for answer in (
            call("GET", "/v1/health"),
            call("PUT", PATH, json=BATCH.body()),
            call("PUT", f"{PATH}/fingerprints/1", content=bytes(16), headers=STREAM),
            call("GET", PATH),
            call("GET", ORDER),
            call("DELETE", ORDER),
            call("PUT", ORDER, content=LONG),
            call("PUT", ORDER, content=BAD),
            call("GET", PATH, headers={"Via": "x"}),
            call("POST", "/v1/scans", json=body),
            call("GET", "/X"),
        )
        if answer.headers["cache-control"] == "no-store"
    }
    assert statuses == {200, 204, 401, 404, 405, 413, 422}
    monkeypatch.setattr(store, "rules", lambda: 1 / 0)
    answer = call("POST", "/v1/scans", json=body)
    assert (answer.status_code, answer.headers["cache-control"]) == (500, "no-store")


def test_a_parameter_that_nobody_knows_is_passed_over(call):
    call("PUT", PATH, json=BATCH.body())
    assert call("GET", f"{PATH}?x=1&after=5").json()["ranges"][0]["serials"] == [6, N]
    for query in ("after=-1", "after=", "after=1000000000000", "digests=maybe"):
        assert name_of(call("GET", f"{PATH}?{query}")) == "invalid"

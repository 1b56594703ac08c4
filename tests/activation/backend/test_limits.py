"""The bounds that docs/activation-api.md lists: the last value taken, and the first refused."""

import itertools

import pytest
from backend_kit import Asgi, Clock, app_over, make_batch

from mintmark.activation.backend.database import sqlite_url
from mintmark.activation.backend.store import Store

BATCH = make_batch(3_000)
PATH = f"/v1/batches/{BATCH.batch}"
ORDER = {"batch": BATCH.batch, "action": "assign", "serials": [[1, 1]]}
STREAM = {"Content-Type": "application/octet-stream"}
NUMBERS = itertools.count()
MOST = 999_999_999_999


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """One backend for all bounds: nothing here hangs on what another case left."""
    store = Store(sqlite_url(tmp_path_factory.mktemp("books")))
    call = Asgi(app_over(store, Clock()))
    assert call("PUT", PATH, json=BATCH.body()).status_code == 200
    yield call
    store.close()


def name_of(answer):
    return None if answer.is_success else answer.json()["type"].rpartition(":")[2]


def attributes(**values):
    return {"attributes": values}


def own(length):
    return {"attributes": {f"native.{'k' * length}": "x"}}


def keys(count):
    return {"attributes": {f"activity.k{n}": None for n in range(count)}}


def ranges(count):
    return {"serials": [[n * 2 + 1, n * 2 + 1] for n in range(count)]}


@pytest.mark.parametrize(
    ("taken", "refused", "name"),
    [
        (ranges(1_000), ranges(1_001), "invalid"),
        (ranges(1), ranges(0), "invalid"),
        ({"serials": [[1, 2], [3, 4]]}, {"serials": [[1, 2], [2, 4]]}, "invalid"),
        ({"serials": [[1, 3_000]]}, {"serials": [[1, 3_001]]}, "outside"),
        ({"serials": [[3_000, 3_000]]}, {"serials": [[1, MOST]]}, "outside"),
        ({"serials": [[1, 1]]}, {"serials": [[1, MOST + 1]]}, "invalid"),
        ({"count": 1}, {"count": 0}, "count-differs"),
        ({"count": None}, {"count": MOST}, "count-differs"),
        ({"count": 1}, {"count": MOST + 1}, "invalid"),
        (keys(64), keys(65), "invalid"),
        (attributes(lot="x" * 1_024), attributes(lot="x" * 1_025), "invalid"),
        (attributes(lot="茶" * 341), attributes(lot="茶" * 342), "invalid"),
        (attributes(lot=""), attributes(lot=1), "invalid"),
        (attributes(max_scans=1_000_000), attributes(max_scans=1_000_001), "invalid"),
        (attributes(max_scans=1), attributes(max_scans=0), "invalid"),
        (attributes(max_scans=None), attributes(max_scans="1"), "invalid"),
        (attributes(role="guide"), attributes(role="toy"), "invalid"),
        (own(41), own(42), "invalid"),
        (own(1), own(0), "invalid"),
        ({"reason": "茶" * 500}, {"reason": "茶" * 501}, "invalid"),
        ({"reason": "because"}, {"reason": 1}, "invalid"),
        ({"skip": ["void"]}, {"skip": ["void", "void"]}, "invalid"),
        ({"skip": []}, {"skip": None}, "invalid"),
        ({"attributes": {}}, {"attributes": None}, "invalid"),
        ({"dry_run": False}, {"dry_run": None}, "invalid"),
        (
            {"effective_at": "2026-01-01T00:00:00.123456Z"},
            {"effective_at": "2026-01-01T00:00:00.1234567Z"},
            "invalid",
        ),
        (
            {"effective_at": "2026-01-01T00:00:00-00:00"},
            {"effective_at": "2026-01-01t00:00:00z"},
            "invalid",
        ),
        ({"audit_head": "ab" * 32}, {"audit_head": "AB" * 32}, "invalid"),
    ],
)
def test_the_bounds_of_an_order(served, taken, refused, name):
    answers = []
    for change in (taken, refused):
        path = f"/v1/orders/o-{next(NUMBERS)}"
        answers.append(name_of(served("PUT", path, json=ORDER | change)))
    assert answers == [None, name]


@pytest.mark.parametrize("text", [r'"lot": "\ud800"', r'"lot": "\udc00\ud800"'])
def test_half_a_surrogate_pair_is_no_text(served, text):
    body = f'{{"batch": "{BATCH.batch}", "action": "assign", "serials": [[1, 1]], '
    kind = {"Content-Type": "application/json"}
    for rest in (f'"attributes": {{{text}}}}}', f"{text.replace('lot', 'reason')}}}"):
        answer = served("PUT", "/v1/orders/half", content=body + rest, headers=kind)
        assert name_of(answer) == "invalid"


@pytest.mark.parametrize(
    ("taken", "refused"),
    [
        ({"symbols": "01"}, {"symbols": "0"}),
        ({"symbols": "".join(map(chr, range(0x21, 0x7F)))}, {"symbols": "x" * 95}),
        ({"length": 64}, {"length": 65}),
        ({"length": 1}, {"length": 0}),
        ({"quantity": MOST}, {"quantity": MOST + 1}),
        ({"home": "h" * 64}, {"home": "h" * 65}),
        ({"pair_of": "p.q_r-s"}, {"pair_of": ".p"}),
        ({"pair_of": None}, {"role": None}),
    ],
)
def test_the_bounds_of_a_batch(served, taken, refused):
    path = f"/v1/batches/B{next(NUMBERS)}"
    assert name_of(served("PUT", path, json=BATCH.body() | taken)) is None
    assert name_of(served("PUT", path, json=BATCH.body() | refused)) == "invalid"


def test_a_registration_is_told_with_its_defaults(served):
    given = {key: value for key, value in BATCH.body().items() if key not in ("role", "pair_of")}
    for body in (given, given | {"role": "item", "pair_of": None}):
        answer = served("PUT", "/v1/batches/DEFAULTS", json=body)
        assert (answer.status_code, answer.json()) == (200, BATCH.body())


@pytest.mark.parametrize(
    ("path", "most", "kind"),
    [
        ("/v1/orders/o", 1_048_576, "application/json"),
        ("/v1/aggregations/o", 1_048_576, "application/json"),
        (PATH, 1_048_576, "application/json"),
        ("/v1/scans", 4_096, "application/json"),
        ("/X", 4_096, "application/x-www-form-urlencoded"),
        ("/v1/unknown-scans", 4_096, "application/json"),
    ],
)
def test_the_bounds_of_a_body(served, path, most, kind):
    method = {"/v1/scans": "POST", "/X": "POST", "/v1/unknown-scans": "GET"}.get(path, "PUT")
    for size in (most, most + 1):
        answer = served(method, path, content=b" " * size, headers={"Content-Type": kind})
        assert (name_of(answer) == "too-large") == (size > most)


def test_the_bounds_of_an_upload(served):
    """65,536 codes are a body of just a megabyte."""
    path = f"{PATH}/fingerprints/1"
    answers = [
        name_of(served("PUT", path, content=bytes(size), headers=STREAM))
        for size in (0, 15, 16, 16 * 65_536, 16 * 65_536 + 1)
    ]
    assert answers == ["invalid", "invalid", None, "outside", "too-large"]


@pytest.mark.parametrize(
    ("scan", "name"),
    [
        ({"code": "茶" * 128}, None),
        ({"code": "x" * 129}, "invalid"),
        ({"code": ""}, None),
        ({"code": "X", "scan_id": "s" * 64}, None),
        ({"code": "X", "scan_id": "s" * 65}, "invalid"),
        ({"code": "X", "scan_id": "-s"}, "invalid"),
        ({"code": "X", "scan_id": ""}, "invalid"),
        ({"code": "X", "scan_id": None}, None),
        ({"scan_id": "s"}, "invalid"),
    ],
)
def test_the_bounds_of_a_scan(served, scan, name):
    assert name_of(served("POST", "/v1/scans", json=scan)) == name


@pytest.mark.parametrize(
    ("query", "name"),
    [
        (f"after={MOST}", None),
        (f"after={MOST + 1}", "invalid"),
        ("after=-1", "invalid"),
        ("digests=true&after=0", None),
        ("digests=false", None),
        ("digests=2", "invalid"),
    ],
)
def test_the_bounds_of_a_page(served, query, name):
    assert name_of(served("GET", f"{PATH}?{query}")) == name

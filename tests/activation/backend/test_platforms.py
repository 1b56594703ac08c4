"""Signed scans: who may scan for whom, and what else a platform's or a dealer's key may do."""

import os

import httpx2
import made_books
import pytest
from backend_kit import BACKEND_KEY, Asgi, make_batch, make_codes, prints
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mintmark.activation.backend import lines_file, senders
from mintmark.activation.backend.app import create_app
from mintmark.activation.backend.backend import Backend
from mintmark.activation.backend.sender import SCAN_IN
from mintmark.activation.backend.throttle import Rates, Throttle
from mintmark.activation.client.signing import Key, RequestSigner
from mintmark.activation.client.wire import Party
from mintmark.codegen.errors import UsageError
from mintmark.codegen.ranges.attributes import Layer

BATCH, CODES = make_batch(20), make_codes(20)
PATH = f"/v1/batches/{BATCH.batch}"
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PLATFORM = {"line": False, "platform": True, "actions": frozenset()}
D7 = {"attributes": {"dealer": "D7"}}
KEYS = {
    "line": {},
    "platform": PLATFORM,
    "guides": PLATFORM | {"parties": frozenset({Party.GUIDE})},
    "shops": PLATFORM | {"actions": frozenset({SCAN_IN})},
    "d7": D7,
    "d7-platform": PLATFORM | D7 | {"actions": frozenset({SCAN_IN})},
    "narrow": {"batches": ("OTHER-*",)},
    "campaigns": {"attributes": {"campaign": "DEC", "max_scans": 1}},
    "worth": {"layers": frozenset({Layer.ACTIVITY})},
    "freezes": {"actions": frozenset({"freeze"})},
}


class Keys:
    def __call__(self, key_id):
        if key_id not in KEYS:
            return None
        return senders.Sender(key_id, key_id, senders.ED25519, PRIVATE.public_key(), **KEYS[key_id])

    def close(self):
        pass


@pytest.fixture
def database(tmp_path):
    """One kind is enough: who may do what is decided before the books are asked."""
    return made_books.sqlite(tmp_path)


@pytest.fixture
def send(store, clock):
    """Sends as `key`, from elsewhere; unsigned without one. Few scans are allowed to an address."""
    throttle = Throttle(Rates(scans=3, scans_per_second=0.001, unknown=1))
    backend = Backend(store, BACKEND_KEY, clock, False, Keys(), throttle=throttle)
    there = Asgi(create_app(backend), peer="192.0.2.7")

    def send(method, path, json=None, key=None, **options):
        built = httpx2.Request(method, f"http://127.0.0.1{path}", json=json, **options)
        if key is not None:
            RequestSigner(lambda _: Key(key, PRIVATE), clock, os.urandom)(built, built.content, "")
        send.last = lambda: there(method, path, content=built.content, headers=dict(built.headers))
        return send.last()

    octets = {"content": prints(CODES), "headers": {"Content-Type": "application/octet-stream"}}
    assert send("PUT", PATH, BATCH.body(), "line").status_code == 200
    assert send("PUT", f"{PATH}/fingerprints/1", key="line", **octets).status_code == 204
    assert send("PUT", "/v1/orders/on", order("activate", lot="L1"), "line").status_code == 200
    return send


def order(action, **attributes):
    return {"batch": BATCH.batch, "action": action, "serials": [[1, 20]], "attributes": attributes}


def scan(**more):
    return {"code": CODES[0], **more}


@pytest.mark.parametrize(
    ("key", "party", "status"),
    [
        (None, None, 200),
        (None, "guide", 401),
        ("stranger", None, 401),
        ("stranger", "guide", 401),
        ("line", None, 403),
        ("line", "guide", 403),
        ("platform", None, 200),
        ("platform", "store", 200),
        ("guides", "guide", 200),
        ("guides", None, 200),
        ("guides", "dealer", 403),
        ("platform", "consumer", 422),
    ],
)
def test_who_may_scan_for_whom(send, key, party, status):
    answer = send("POST", "/v1/scans", scan(**{"as": party}), key)
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["as"] == (party or "consumer")
        assert answer.json()["attributes"] == {"lot": "L1"}


def test_a_signed_scan_is_good_once(send):
    assert send("POST", "/v1/scans", scan(**{"as": "guide"}), "platform").json()["scans"] == 1
    assert send.last().status_code == 401
    assert send("POST", "/v1/scans", scan(**{"as": "guide"}), "platform").json()["scans"] == 2


def test_what_a_stranger_signs_is_not_parsed(send):
    answer = send("POST", "/v1/scans", key="stranger", content=b"{not json")
    assert answer.json()["type"].endswith(":unauthorised")
    answer = send("POST", "/v1/scans", key="line", content=b"{not json")
    assert answer.json()["type"].endswith(":invalid")


@pytest.mark.parametrize(
    ("region", "status"),
    [
        *((name, 200) for name in ("CN-33", "CN-ZJ", "DE-BY", "DE", "33", "3301", "330106", None)),
        *((name, 422) for name in ("", "cn-33", "CN-", "CN-3301", "3", "330", "33010", "3301066")),
        *((name, 422) for name in ("CN-33\n", "CN 33", "\uff13\uff13", 33, "浙江")),
    ],
)
def test_a_region_is_of_iso_3166_2_or_of_gb_t_2260(send, region, status):
    assert send("POST", "/v1/scans", scan(region=region), "platform").status_code == status


def test_a_platform_scans_without_a_limit_and_everybody_else_with_one(send):
    for _ in range(3):
        assert send("POST", "/v1/scans", scan()).status_code == 200
    assert send("POST", "/v1/scans", scan()).status_code == 429
    for _ in range(5):
        assert send("POST", "/v1/scans", scan(), "platform").status_code == 200
        assert send("POST", "/v1/scans", {"code": "NOTOURS000000000"}, "guides").status_code == 200


@pytest.mark.parametrize("key", ["platform", "d7-platform"])
def test_a_platform_does_nothing_that_lines_do(send, key):
    items = [{"batch": BATCH.batch, "serials": [[1, 2]]}]
    calls = [
        ("PUT", PATH, BATCH.body()),
        ("GET", PATH, None),
        ("GET", f"{PATH}/parents", None),
        ("GET", f"{PATH}/regions", None),
        ("PUT", "/v1/orders/on", order("activate", lot="L1")),
        ("GET", "/v1/orders/on", None),
        ("GET", "/v1/orders/none", None),
        ("PUT", "/v1/aggregations/a", {"action": "dissociate", "children": items}),
        ("GET", "/v1/aggregations/a", None),
        ("GET", f"/v1/homes/{BATCH.home}/head", None),
        ("GET", "/v1/unknown-scans", None),
        ("GET", "/v1/scan-ins", None),
    ]
    assert [send(*call, key).status_code for call in calls] == [403] * len(calls)
    for path in ("/v1/refused-scans", "/v1/repeats"):
        assert send("GET", path, None, key).status_code == 200


@pytest.mark.parametrize(
    ("key", "dealer", "status"),
    [
        ("line", "D8", 200),
        ("line", None, 422),
        ("line", "", 422),
        ("line", "x" * 1_025, 422),
        ("d7", None, 200),
        ("d7", "D7", 200),
        ("d7", "D8", 403),
        ("shops", "D8", 200),
        ("platform", "D7", 403),
        ("d7-platform", None, 200),
        ("narrow", "D7", 403),
        ("campaigns", "D7", 403),
        ("worth", "D7", 403),
        ("freezes", "D7", 403),
        (None, "D7", 401),
    ],
)
@pytest.mark.parametrize("named", ["codes", "ranges"])
def test_who_may_take_in_for_whom(send, key, dealer, status, named):
    what = {"codes": CODES[:2], "ranges": [{"batch": BATCH.batch, "serials": [[1, 2]]}]}
    answer = send("PUT", "/v1/scan-ins/s", {"dealer": dealer, named: what[named]}, key)
    assert answer.status_code == status
    piece = send("GET", PATH, None, "line").json()["ranges"][0]
    if status == 200:
        assert answer.json()["opened_count"] == 2
        assert piece["attributes"]["dealer"] == answer.json()["dealer"]
    else:
        assert piece["serials"] == [1, 20]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"codes": ["x"] * 1_001},
        {"codes": ["x"] * 1_000, "ranges": [{"batch": BATCH.batch, "serials": [[1, 1]]}]},
        {"codes": ["x" * 129]},
        {"ranges": [{"batch": BATCH.batch, "serials": [[2, 1]]}]},
        {"codes": ["x"], "contents": 1},
        {"codes": ["x"], "more": 1},
    ],
)
def test_a_scan_in_of_another_form_is_refused(send, body):
    assert send("PUT", "/v1/scan-ins/s", {"dealer": "D7", **body}, "line").status_code == 422


def test_a_scan_in_is_as_long_as_it_may_be(send):
    codes = [*CODES, *("\u7801" * 128 for _ in range(980))]
    answer = send("PUT", "/v1/scan-ins/s", {"dealer": "D7", "codes": codes}, "line")
    assert (answer.json()["opened_count"], len(answer.json()["unknown"])) == (20, 980)


@pytest.mark.parametrize(
    ("key", "attributes", "status"),
    [
        ("d7", {}, 200),
        ("d7", {"dealer": "D7"}, 200),
        ("d7", {"dealer": "D8"}, 403),
        ("d7", {"dealer": None}, 403),
        ("d7", {"campaign": "X"}, 403),
        ("d7", {"scanned_in": "2026-12-01T00:00:00Z"}, 403),
        ("d7", {"expires_at": None}, 403),
        ("campaigns", {"campaign": "DEC", "max_scans": 1}, 200),
        ("campaigns", {"campaign": "DEC", "max_scans": 2}, 403),
        ("worth", {"window.w": {"daily": ["18:00Z", "19:00Z"], "attributes": {"lot": "x"}}}, 403),
        ("worth", {"window.w": {"daily": ["18:00Z", "19:00Z"], "attributes": {"campaign": "x"}}},
         200),
        ("campaigns", {"window.w": {"daily": ["18:00Z", "19:00Z"],
                                    "attributes": {"campaign": "DEC"}}}, 403),
    ],
)  # fmt: skip
def test_a_key_sets_what_its_scope_lets_it_set(send, key, attributes, status):
    body = order("assign", **attributes)
    assert send("PUT", "/v1/orders/o", body, key).status_code == status


def test_a_key_that_is_held_to_attributes_sets_no_validity(send):
    body = order("assign") | {"expires_at": "2027-01-01T00:00:00Z"}
    assert send("PUT", "/v1/orders/o", body, "d7").status_code == 403


@pytest.mark.parametrize(
    "value",
    [
        {"attributes": {"lot": "x"}},
        {"from": "2026-12-01", "attributes": {"lot": "x"}},
        {"from": "2026-12-01T00:00:00Z", "attributes": {"role": "guide"}},
        {"from": "2026-12-01T00:00:00Z", "attributes": {"lot": True}},
        {"from": "2026-12-01T00:00:00Z", "attributes": {"lot": {"lot": "x"}}},
        {"from": "2026-12-01T00:00:00Z", "attributes": {"lot": "x"}, "more": None},
        "december",
        1,
    ],
)
def test_a_window_of_another_form_is_refused(send, value):
    body = order("assign", **{"window.w": value})
    assert send("PUT", "/v1/orders/o", body, "line").status_code == 422


def test_a_window_is_for_windows_alone_and_null_takes_it_away(send):
    window = {"from": "2026-11-22T00:00:00Z", "attributes": {"campaign": "X"}}
    assert send("PUT", "/v1/orders/a", order("assign", lot=window), "line").status_code == 422
    assert (
        send("PUT", "/v1/orders/b", order("assign", **{"window.w": window}), "line").status_code
        == 200
    )
    (piece,) = send("GET", PATH, None, "line").json()["ranges"]
    assert piece["attributes"]["window.w"] == window | {"until": None, "daily": None}
    assert send("POST", "/v1/scans", scan()).json()["attributes"] == {
        "lot": "L1", "campaign": "X",
    }  # fmt: skip
    assert "<dd>X</dd>" in send("POST", f"/{CODES[1]}").text
    body = order("assign", **{"window.w": None})
    assert send("PUT", "/v1/orders/c", body, "line").status_code == 200
    assert send("POST", "/v1/scans", scan()).json()["attributes"] == {"lot": "L1"}


FILE = """[[line]]
name = "D7"
key_id = "0a1b2c3d4e5f6071"
algorithm = "ed25519"
public_key = "92c064b9a8ce3674ab9d443e10d63e3623b7892da641bb822016912010d31f5c"
actions = ["scan_in"]
attributes = {dealer = "D7"}

[[platform]]
name = "mall"
key_id = "1a1b2c3d4e5f6071"
algorithm = "ed25519"
public_key = "92c064b9a8ce3674ab9d443e10d63e3623b7892da641bb822016912010d31f5c"
parties = ["guide", "store"]
"""


def test_a_file_of_lines_names_platforms_as_well(tmp_path):
    found = lines_file.parse(FILE.encode(), tmp_path)
    line, platform = found.values()
    assert (line.line, line.platform, line.attributes) == (True, False, {"dealer": "D7"})
    assert (platform.line, platform.platform) == (False, True)
    assert platform.parties == {Party.GUIDE, Party.STORE}
    assert (line.actions, platform.actions) == ({SCAN_IN}, frozenset())
    alone = lines_file.parse(FILE[FILE.index("[[platform]]") :].encode(), tmp_path)
    assert list(alone) == ["1a1b2c3d4e5f6071"]


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ('parties = ["guide", "store"]', 'parties = ["consumer"]', "consumer"),
        ('parties = ["guide", "store"]', 'parties = ["stranger"]', "stranger"),
        ('parties = ["guide", "store"]', 'parties = "guide"', "parties"),
        ('parties = ["guide", "store"]', 'actions = ["activate"]', "activate"),
        ('parties = ["guide", "store"]', 'layers = ["activity"]', "layers"),
        ('parties = ["guide", "store"]', "upload = false", "upload"),
        ('actions = ["scan_in"]', 'parties = ["guide"]', "parties"),
        ('{dealer = "D7"}', '"D7"', "attributes"),
        ("{dealer", "{expires_at", "expires_at"),
        ("{dealer", '{"window.x"', "window.x"),
        ("{dealer", "{nonsense", "nonsense"),
        ('{dealer = "D7"}', "{dealer = 7}", "dealer"),
        ("[[platform]]", "[[platforms]]", "platform"),
        ("[[platform]]", "[platform]", "platform"),
        ('{dealer = "D7"}', '{dealer = ""}', "dealer"),
        ("1a1b2c3d4e5f6071", "0a1b2c3d4e5f6071", "twice"),
        ('name = "D7"', f"name = {'9' * 5_000}", "not TOML"),
        *(
            ('"ed25519"\npublic_key = "92', f'"hmac-sha256"\n{secret}\n# "', "secret_file")
            for secret in ("", "secret_file = 5", "secret_file = ''", 'secret_file = "."',
                           'secret_file = "a\\u0000"', f"secret_file = '{'a' * 5_000}'")
        ),
    ],
)  # fmt: skip
def test_a_malformed_file_of_lines_is_refused(tmp_path, right, wrong, named):
    assert right in FILE
    with pytest.raises(UsageError, match=named):
        lines_file.parse(FILE.replace(right, wrong, 1).encode(), tmp_path)

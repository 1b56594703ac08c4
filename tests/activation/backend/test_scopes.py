"""What a key with a scope may read, and what a kept answer is to a key whose scope was narrowed."""

import os

import httpx2
import pytest
from backend_kit import BACKEND_KEY, Asgi, make_batch, make_codes, prints
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mintmark.activation.backend import lines_file, senders
from mintmark.activation.backend.app import create_app
from mintmark.activation.backend.backend import Backend
from mintmark.activation.client.signing import Key, RequestSigner
from mintmark.codegen.errors import UsageError
from mintmark.codegen.ranges.aggregation import Packing
from mintmark.codegen.ranges.attributes import Layer
from mintmark.codegen.ranges.lifecycle import Action

BATCH = make_batch(10)
PATH = f"/v1/batches/{BATCH.batch}"
ORDER = {
    "batch": BATCH.batch,
    "action": "activate",
    "serials": [[1, 5]],
    "attributes": {"lot": "L1"},
}
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


class Keys(dict):
    """Key id → its scope; a test narrows it between two requests."""

    def __call__(self, key_id):
        if key_id not in self:
            return None
        return senders.Sender(key_id, key_id, senders.ED25519, PRIVATE.public_key(), **self[key_id])

    def close(self):
        pass


@pytest.fixture
def keys():
    return Keys(line={}, other={})


@pytest.fixture
def send(store, clock, keys):
    here = Asgi(create_app(Backend(store, BACKEND_KEY, clock, False, keys)))

    def call(method, path, json=None, key="line", **options):
        built = httpx2.Request(method, f"http://127.0.0.1{path}", json=json, **options)
        RequestSigner(lambda _: Key(key, PRIVATE), clock, os.urandom)(built, built.content, None)
        return here(method, path, content=built.content, headers=dict(built.headers))

    assert call("PUT", PATH, BATCH.body()).status_code == 200
    stream = {"content": prints(make_codes(10)), "headers": {"Content-Type": OCTETS}}
    assert call("PUT", f"{PATH}/fingerprints/1", **stream).status_code == 204
    assert call("PUT", "/v1/orders/done", ORDER).status_code == 200
    return call


OCTETS = "application/octet-stream"
NOTHING = {"actions": frozenset(), "layers": frozenset(), "upload": False}
READS = [PATH, "/v1/orders/done", "/v1/orders/none", f"/v1/homes/{BATCH.home}/head"]
READS += ["/v1/unknown-scans", "/v1/batches/HM00-NONE"]


@pytest.mark.parametrize(
    ("scope", "statuses"),
    [
        ({}, [200, 200, 404, 200, 200, 404]),
        (NOTHING, [200, 200, 404, 200, 200, 404]),
        ({"batches": ("OTHER-*",)}, [403, 403, 404, 200, 200, 403]),
        ({"batches": ()}, [403, 403, 404, 200, 200, 403]),
    ],
)
def test_what_a_key_may_read_follows_from_its_batches_alone(send, keys, scope, statuses):
    keys["line"] = scope
    assert [send("GET", path).status_code for path in READS] == statuses


@pytest.mark.parametrize(
    ("scope", "put", "get"),
    [
        ({"batches": ("OTHER-*",)}, 403, 403),
        ({"actions": frozenset({Action.FREEZE})}, 403, 200),
        ({"layers": frozenset({Layer.ACTIVITY})}, 403, 200),
        ({"upload": False}, 200, 200),
    ],
)
def test_a_kept_answer_is_given_to_a_key_that_might_order_it_now(send, keys, scope, put, get):
    keys["line"] = scope
    assert send("PUT", "/v1/orders/done", ORDER).status_code == put
    assert send("GET", "/v1/orders/done").status_code == get


def test_who_sends_is_no_part_of_the_content(send):
    first = send("GET", "/v1/orders/done").json()
    again = send("PUT", "/v1/orders/done", ORDER, key="other")
    assert (again.status_code, again.json()) == (200, first)
    freeze = ORDER | {"action": "freeze"}
    assert send("PUT", "/v1/orders/done", freeze, key="other").status_code == 409


def test_registering_is_a_matter_of_batches_and_uploading_a_right_of_its_own(send, keys):
    keys["line"] = {"actions": frozenset(), "upload": False}
    assert send("PUT", PATH, BATCH.body()).status_code == 200
    stream = {"content": prints(make_codes(1)), "headers": {"Content-Type": OCTETS}}
    assert send("PUT", f"{PATH}/fingerprints/1", **stream).status_code == 403
    keys["line"] = {"batches": ("OTHER-*",)}
    assert send("PUT", PATH, BATCH.body()).status_code == 403


CARTONS = make_batch(3, "HM00-CARTON00", role="carton")
PACK = {
    "action": "associate",
    "parents": {"batch": CARTONS.batch, "serials": [[1, 1]]},
    "children": [{"batch": BATCH.batch, "serials": [[1, 2]]}],
}


@pytest.mark.parametrize(
    ("scope", "put", "get"),
    [
        ({}, 200, 200),
        (
            {"actions": frozenset({Packing.ASSOCIATE}), "layers": frozenset(), "upload": False},
            200,
            200,
        ),
        ({"actions": frozenset(Action)}, 403, 200),  # a list from before there were aggregations
        ({"actions": frozenset({Packing.DISSOCIATE})}, 403, 200),
        ({"batches": (BATCH.batch,)}, 403, 403),
        ({"batches": (CARTONS.batch,)}, 403, 403),
        ({"batches": ("HM00-*",)}, 200, 200),
    ],
)
def test_a_key_packs_what_it_may_in_every_batch_that_is_named(send, keys, scope, put, get):
    assert send("PUT", f"/v1/batches/{CARTONS.batch}", CARTONS.body()).status_code == 200
    done = PACK | {"children": [{"batch": BATCH.batch, "serials": [[3, 4]]}]}
    assert send("PUT", "/v1/aggregations/done", done).status_code == 200
    keys["line"] = scope
    for name, body in (("new", PACK), ("done", done)):
        assert send("PUT", f"/v1/aggregations/{name}", body).status_code == put
    assert send("GET", "/v1/aggregations/done").status_code == get
    assert send("GET", "/v1/aggregations/none").status_code == 404
    parents = send("GET", f"{PATH}/parents").status_code
    assert parents == (403 if scope.get("batches") == (CARTONS.batch,) else 200)


def test_a_file_of_lines_names_packing_like_any_action(tmp_path):
    text = """[[line]]
name = "line"
key_id = "0a1b2c3d4e5f6071"
algorithm = "ed25519"
public_key = "92c064b9a8ce3674ab9d443e10d63e3623b7892da641bb822016912010d31f5c"
actions = ["freeze", "associate", "dissociate"]
"""
    (sender,) = lines_file.parse(text.encode(), tmp_path).values()
    assert sender.actions == {Action.FREEZE, Packing.ASSOCIATE, Packing.DISSOCIATE}
    with pytest.raises(UsageError, match="packs"):
        lines_file.parse(text.replace("associate", "packs", 1).encode(), tmp_path)

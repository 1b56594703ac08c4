"""Which requests under one order id want the same, and orders that an older version kept."""

import json

import pytest
from backend_kit import make_batch
from sqlalchemy import insert, select

from mintmark.activation.backend import tables
from mintmark.activation.backend.same_content import is_same

BATCH = make_batch(60)
PATH = f"/v1/batches/{BATCH.batch}"
ORDER = {
    "batch": BATCH.batch,
    "action": "assign",
    "serials": [[1, 5], [6, 10], [20, 30]],
    "skip": [],
    "count": None,
    "from": None,
    "attributes": {"lot": "L1", "produced_at": "2026-01-01T08:00:00+08:00", "dealer": None},
    "effective_at": "2026-01-01T08:00:00+08:00",
    "expires_at": None,
    "reason": None,
    "dry_run": False,
    "audit_head": None,
}
DEFAULTS = ("skip", "count", "from", "expires_at", "reason", "dry_run", "audit_head")


@pytest.fixture
def send(call):
    """Sends an order under one id; gives the status and the problem's name."""
    assert call("PUT", PATH, json=BATCH.body()).status_code == 200

    def put(order):
        headers = {"Content-Type": "application/json"}
        answer = call("PUT", "/v1/orders/o", content=json.dumps(order), headers=headers)
        return answer.status_code, answer.json().get("type", "").rpartition(":")[2]

    return put


SAME = {
    "keys in another order": dict(reversed(ORDER.items())),
    "attributes in another order": ORDER
    | {"attributes": dict(reversed(ORDER["attributes"].items()))},
    "defaults left out": {key: ORDER[key] for key in ORDER if key not in DEFAULTS},
    "ranges in another order": ORDER | {"serials": [[20, 30], [6, 10], [1, 5]]},
    "ranges joined": ORDER | {"serials": [[1, 10], [20, 30]]},
    "ranges split": ORDER | {"serials": [[n, n] for n in [*range(1, 11), *range(20, 31)]]},
    "the instant in UTC": ORDER | {"effective_at": "2026-01-01T00:00:00Z"},
    "the instant with parts of a second": ORDER | {"effective_at": "2025-12-31T19:00:00.000-05:00"},
    "another head": ORDER | {"audit_head": "ab" * 32},
    "a dry run": ORDER | {"dry_run": True},
}
OTHER = {
    "another action": {"action": "freeze"},
    "a serial less": {"serials": [[1, 5], [6, 10], [20, 29]]},
    "void codes skipped": {"skip": ["void"]},
    "a count": {"count": 21},
    "a state it must be in": {"from": "inactive"},
    "another text": {"attributes": ORDER["attributes"] | {"lot": "l1"}},
    "a text that is the same instant": {
        "attributes": ORDER["attributes"] | {"produced_at": "2026-01-01T00:00:00Z"}
    },
    "an attribute that stays instead of going": {
        "attributes": {k: v for k, v in ORDER["attributes"].items() if v}
    },
    "a validity that goes instead of staying": {
        "attributes": ORDER["attributes"] | {"expires_at": None}
    },
    "another instant": {"effective_at": "2026-01-01T08:00:00Z"},
    "a microsecond": {"effective_at": "2026-01-01T00:00:00.000001Z"},
    "no instant": {"effective_at": None},
    "the other end": {"effective_at": None, "expires_at": ORDER["effective_at"]},
    "a reason": {"reason": ""},
    "another batch": {"batch": "HM00-NONE"},
}


@pytest.mark.parametrize("order", SAME.values(), ids=SAME)
def test_what_makes_no_difference(send, call, order):
    assert send(ORDER)[0] == 200
    first = call("GET", "/v1/orders/o").json()
    assert send(order) == (200, "")
    assert call("GET", "/v1/orders/o").json() == first


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER)
def test_what_makes_another_order(send, change):
    assert send(ORDER)[0] == 200
    assert send(ORDER | change) == (409, "order-differs")
    assert send(ORDER)[0] == 200


def test_a_refusal_is_kept_for_the_same_content_alone(send):
    blocked = ORDER | {"action": "unfreeze"}
    assert send(blocked) == (409, "blocked")
    assert send(blocked | {"effective_at": "2026-01-01T00:00:00Z"}) == (409, "blocked")
    assert send(blocked | {"dry_run": True}) == (409, "blocked")
    assert send(ORDER) == (409, "order-differs")


# As versions before this comparison wrote it: the times as they were sent.
KEPT = (
    '{"action": "assign", "attributes": {"dealer": null, "effective_at": '
    '"2026-01-01T08:00:00+08:00", "lot": "L1", "produced_at": "2026-01-01T08:00:00+08:00"}, '
    '"batch": "HM00-BATCH001", "count": null, "from_state": null, "order": "o", "reason": null, '
    '"serials": [[1, 10], [20, 30]], "skip_void": false}'
)
ANSWER = {
    "order": "o",
    "batch": BATCH.batch,
    "action": "assign",
    "dry_run": False,
    "applied": [[1, 10], [20, 30]],
    "applied_count": 21,
    "skipped": [],
    "skipped_count": 0,
    "truncated": False,
    "scanned_before": [],
}


def test_an_order_that_an_older_version_kept_is_still_itself(send, call, store):
    with store._database.write() as connection:
        kept = {"order_id": "o", "identity": KEPT, "answer": json.dumps(ANSWER), "arrived": 1}
        connection.execute(insert(tables.orders).values(kept))
    for order in SAME.values():
        assert send(order) == (200, "")
    assert call("GET", "/v1/orders/o").json() == ANSWER
    assert send(ORDER | {"effective_at": "2026-01-01T08:00:00Z"}) == (409, "order-differs")
    assert call("GET", PATH).json()["ranges"][0]["attributes"] == {}


def test_what_is_kept_is_what_older_versions_kept(send, store):
    """So that a machine that goes back to one of them still knows its orders."""
    assert send(ORDER)[0] == 200
    with store._database.read() as connection:
        assert connection.execute(select(tables.orders.c.identity)).scalar_one() == KEPT


def test_instants_at_the_ends_of_time_are_compared():
    def kept(time):
        return json.dumps({"attributes": {"expires_at": time}})

    for one, other in (
        ("9999-12-31T23:59:59.999999-23:59", "9999-12-31T23:59:59.999999-23:58"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+13:00"),
    ):
        assert is_same(kept(one), kept(one))
        assert not is_same(kept(one), kept(other))
    assert is_same(kept("0001-01-01T01:00:00+14:00"), kept("0001-01-01T00:00:00+13:00"))

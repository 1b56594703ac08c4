"""What lies in what: each request against a model that knows every code by itself."""

import itertools
import json
import random

import pytest
from backend_kit import make_batch
from packing_kit import CARTONS, ITEMS, PALLETS, QUANTITIES, codes, name_of, pack, unpack, walk

from mintmark.activation.client import wire

NUMBERS = itertools.count()
# For what does not hang on the kind of database.
ONE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def ready(call):
    for name, quantity in QUANTITIES.items():
        body = make_batch(quantity, name).body()
        assert call("PUT", f"/v1/batches/{name}", json=body).status_code == 200
    return call


def send(call, body, name=None):
    return call("PUT", f"/v1/aggregations/{name or f'a-{next(NUMBERS)}'}", json=body)


def links(call, batch=ITEMS, after=0):
    page = call("GET", f"/v1/batches/{batch}/parents?after={after}").json()
    assert (page["batch"], page["next"]) == (batch, None)
    assert wire.ParentsPage.parse(batch, page, after).body() == page
    return [(*link["serials"], link["parent"]["serial"]) for link in page["links"]]


CARTON = codes(CARTONS, (7, 7))


def test_bottles_lie_in_cartons_and_cartons_on_pallets(ready):
    body = pack(codes(CARTONS, (3, 4)), codes(ITEMS, (1, 10), (21, 25)), each=8)
    assert send(ready, body, "one").json() == {
        "aggregation": "one",
        "action": "associate",
        "parents_count": 2,
        "children_count": 15,
        "dry_run": False,
    }
    assert links(ready) == [(1, 8, 3), (9, 10, 4), (21, 25, 4)]
    assert links(ready, after=5) == [(6, 8, 3), (9, 10, 4), (21, 25, 4)]
    assert send(ready, pack(codes(PALLETS, (1, 1)), codes(CARTONS, (3, 4)))).is_success
    assert links(ready, CARTONS) == [(3, 4, 1)]
    assert links(ready, after=999_999_999_999) == links(ready, PALLETS) == []


def test_what_touches_in_one_parent_is_one_link_whoever_came_first(ready):
    for first, last in ((1, 3), (7, 9), (5, 5), (4, 4), (6, 6)):
        assert send(ready, pack(CARTON, codes(ITEMS, (first, last)))).is_success
    assert links(ready) == [(1, 9, 7)]
    assert send(ready, unpack(CARTON, codes(ITEMS, (2, 3), (9, 9)))).is_success
    assert links(ready) == [(1, 1, 7), (4, 8, 7)]
    assert send(ready, pack(codes(CARTONS, (8, 8)), codes(ITEMS, (2, 3), (9, 10)))).is_success
    assert send(ready, unpack(None, codes(ITEMS, (3, 9)))).is_success
    assert links(ready) == [(1, 1, 7), (2, 2, 8), (10, 10, 8)]
    # Two ranges with one that is there between them.
    assert send(ready, pack(CARTON, codes(ITEMS, (5, 5)))).is_success
    assert send(ready, pack(CARTON, codes(ITEMS, (4, 4), (6, 6)))).is_success
    assert links(ready) == [(1, 1, 7), (2, 2, 8), (4, 6, 7), (10, 10, 8)]


def test_a_child_has_one_parent_at_a_time(ready):
    assert send(ready, pack(codes(CARTONS, (1, 2)), codes(ITEMS, (1, 20)), each=10)).is_success
    body = send(ready, pack(CARTON, codes(ITEMS, (5, 5), (9, 12), (30, 31)))).json()
    assert (body["type"], body["status"]) == ("urn:mintmark:problem:child-taken", 409)
    ones = [[entry["serials"], entry["parent"]["serial"]] for entry in body["taken"]]
    assert ones == [[[5, 5], 1], [[9, 10], 1], [[11, 12], 2]]
    assert {entry["parent"]["batch"] for entry in body["taken"]} == {CARTONS}
    assert (body["taken_total"], body["taken"][0]["batch"]) == (3, ITEMS)
    assert name_of(send(ready, pack(codes(CARTONS, (1, 1)), codes(ITEMS, (5, 5))))) == "child-taken"
    assert links(ready) == [(1, 10, 1), (11, 20, 2)]


def test_nobody_leaves_where_he_is_not(ready):
    assert send(ready, pack(codes(CARTONS, (1, 2)), codes(ITEMS, (1, 20)), each=10)).is_success
    body = send(ready, unpack(codes(CARTONS, (1, 1)), codes(ITEMS, (9, 22)))).json()
    assert body["type"] == "urn:mintmark:problem:child-elsewhere"
    assert body["elsewhere"] == [
        {"batch": ITEMS, "serials": [11, 20], "parent": {"batch": CARTONS, "serial": 2}},
        {"batch": ITEMS, "serials": [21, 22], "parent": None},
    ]
    assert body["elsewhere_total"] == 2
    assert name_of(send(ready, unpack(None, codes(ITEMS, (9, 22))))) == "child-elsewhere"
    swapped = unpack(codes(CARTONS, (1, 2)), codes(ITEMS, (2, 11)), each=5)
    assert name_of(send(ready, swapped)) == "child-elsewhere"
    assert send(ready, unpack(codes(CARTONS, (1, 2)), codes(ITEMS, (6, 15)), each=5)).is_success
    assert links(ready) == [(1, 5, 1), (16, 20, 2)]


def test_more_than_a_hundred_are_counted_and_not_all_told(ready):
    for name in ("HM00-MANY00001", "HM00-MANY00002"):
        ready("PUT", f"/v1/batches/{name}", json=make_batch(400, name).body())
    odd = [(n, n) for n in range(1, 240, 2)]
    assert send(ready, pack(CARTON, codes("HM00-MANY00002", *odd))).is_success
    whole = [codes(name, (1, 250)) for name in ("HM00-MANY00002", "HM00-MANY00001")]
    body = send(ready, pack(CARTON, *whole)).json()
    assert (len(body["taken"]), body["taken_total"]) == (100, 120)
    body = send(ready, unpack(CARTON, *whole)).json()
    assert (len(body["elsewhere"]), body["elsewhere_total"]) == (100, 121)
    assert body["elsewhere"][0] == {
        "batch": "HM00-MANY00001",
        "serials": [1, 250],
        "parent": None,
    }


def freely(call, batch, action, *pairs, **options):
    body = {"batch": batch, "action": action, "serials": [*map(list, pairs)], **options}
    answer = call("PUT", f"/v1/orders/o-{next(NUMBERS)}", json=body)
    assert answer.is_success, answer.text


def test_void_codes_are_packed_into_nothing_and_nothing_into_them(ready):
    freely(ready, ITEMS, "void", (2, 3), reason="lost")
    freely(ready, ITEMS, "void", (4, 4), reason="stolen")
    freely(ready, CARTONS, "void", (8, 8))
    body = send(ready, pack(codes(CARTONS, (8, 8)), codes(ITEMS, (1, 2), (4, 5)))).json()
    assert body["type"] == "urn:mintmark:problem:blocked"
    assert body["blocked"] == [
        {"batch": CARTONS, "serials": [8, 8], "state": "void"},
        {"batch": ITEMS, "serials": [2, 2], "state": "void"},
        {"batch": ITEMS, "serials": [4, 4], "state": "void"},
    ]
    assert body["blocked_total"] == 3
    body = send(ready, pack(CARTON, codes(ITEMS, (1, 60)))).json()
    assert [entry["serials"] for entry in body["blocked"]] == [[2, 4]]


@pytest.mark.parametrize("action", ["freeze", "void"])
def test_what_is_voided_later_stays_and_may_leave(ready, action):
    if action == "freeze":
        freely(ready, ITEMS, action, (1, 3))
    assert send(ready, pack(CARTON, codes(ITEMS, (1, 3)))).is_success
    if action == "void":
        freely(ready, ITEMS, action, (2, 2))
        freely(ready, CARTONS, action, (7, 7))
    assert links(ready) == [(1, 3, 7)]
    assert send(ready, unpack(CARTON, codes(ITEMS, (2, 2)))).is_success
    assert links(ready) == [(1, 1, 7), (3, 3, 7)]


@pytest.mark.parametrize(
    "body",
    [
        pack(codes(CARTONS, (1, 1)), codes(CARTONS, (1, 1))),
        pack(codes(CARTONS, (2, 2)), codes(CARTONS, (1, 9))),
        pack(codes(CARTONS, (3, 3)), codes(PALLETS, (1, 1))),
        pack(codes(ITEMS, (5, 5)), codes(PALLETS, (1, 1)), codes(ITEMS, (40, 40))),
        pack(codes(CARTONS, (4, 4)), codes(CARTONS, (3, 3))),
        # One that is taken as well.
        pack(codes(ITEMS, (5, 5)), codes(CARTONS, (3, 3))),
        # Through two links of its own: 6 into 5, 5 into 4.
        pack(codes(PALLETS, (2, 3)), codes(CARTONS, (4, 5)), each=1),
    ],
)
def test_nothing_lies_within_itself_whatever_is_between(ready, body):
    """Bottle 5 in carton 3, that on pallet 1; and, as no line would do, 4 on 3 and 5 on 2."""
    for given in (
        pack(codes(CARTONS, (3, 3)), codes(ITEMS, (5, 5))),
        pack(codes(PALLETS, (1, 1)), codes(CARTONS, (3, 3))),
        pack(codes(CARTONS, (4, 4)), codes(PALLETS, (3, 3))),
        pack(codes(CARTONS, (5, 5)), codes(PALLETS, (2, 2))),
    ):
        assert send(ready, given).is_success
    if body["children"][0] == codes(CARTONS, (3, 3)) and body["parents"]["batch"] == CARTONS:
        assert name_of(send(ready, body)) == "child-taken"  # no circle: 3 is on a pallet
    else:
        assert name_of(send(ready, body)) == "nesting"


def test_a_pack_in_a_pack_of_one_batch_is_no_circle(ready):
    """Carton 2 in 1, 3 in 2: among the children are parents, and it ends."""
    body = pack(codes(CARTONS, (1, 4)), codes(CARTONS, (2, 5)), each=1)
    assert send(ready, body).is_success
    assert links(ready, CARTONS) == [(n + 1, n + 1, n) for n in range(1, 5)]
    assert name_of(send(ready, pack(codes(CARTONS, (5, 5)), codes(CARTONS, (1, 1))))) == "nesting"


# --- the same again ----------------------------------------------------------------

BODY = pack(codes(CARTONS, (7, 7)), codes(ITEMS, (1, 4)), codes(PALLETS, (2, 2)))


@ONE
@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"audit_head": "ab" * 32}, True),
        ({"each": None, "reason": None, "dry_run": True}, True),
        ({"children": [codes(PALLETS, (2, 2)), codes(ITEMS, (3, 4), (1, 2))]}, True),
        ({"children": [codes(ITEMS, (1, 4))]}, False),
        ({"children": [codes(ITEMS, (1, 5)), codes(PALLETS, (2, 2))]}, False),
        ({"parents": codes(CARTONS, (8, 8))}, False),
        ({"reason": "again"}, False),
        ({"action": "dissociate"}, False),
        ({"action": "dissociate", "parents": None}, False),
    ],
)
def test_the_same_content_gets_the_same_answer(ready, change, same):
    first = send(ready, BODY, "one")
    assert send(ready, unpack(None, codes(ITEMS, (1, 2)))).is_success
    again = send(ready, BODY | change, "one")
    assert name_of(again) == (None if same else "order-differs")
    assert (again.content == first.content) == same
    assert ready("GET", "/v1/aggregations/one").content == first.content
    assert links(ready) == [(3, 4, 7)]


def test_each_is_part_of_the_content(ready):
    body = pack(CARTON, codes(ITEMS, (1, 4)))
    assert send(ready, body, "one").is_success
    assert name_of(send(ready, body | {"each": 4}, "one")) == "order-differs"


def test_an_order_may_have_the_same_id(ready):
    assert send(ready, BODY, "one").is_success
    order = {"batch": ITEMS, "action": "assign", "serials": [[1, 1]]}
    assert ready("PUT", "/v1/orders/one", json=order).is_success
    assert ready("GET", "/v1/orders/one").json()["applied_count"] == 1


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("outside", pack(CARTON, codes(ITEMS, (60, 61)))),
        ("blocked", pack(CARTON, codes(ITEMS, (50, 50)))),
        ("nesting", pack(CARTON, CARTON)),
        ("child-taken", pack(CARTON, codes(ITEMS, (1, 1)))),
        ("child-elsewhere", unpack(CARTON, codes(ITEMS, (1, 1)))),
    ],
)
def test_these_refusals_are_kept_though_their_cause_goes(ready, name, body):
    freely(ready, ITEMS, "void", (50, 50))
    assert send(ready, pack(codes(CARTONS, (8, 8)), codes(ITEMS, (1, 1)))).is_success
    dry = send(ready, body | {"dry_run": True}, "x")
    assert ready("GET", "/v1/aggregations/x").status_code == 404
    first = send(ready, body, "x")
    assert name_of(dry) == name_of(first) == name
    freely(ready, ITEMS, "unvoid", (50, 50))
    assert send(ready, unpack(None, codes(ITEMS, (1, 1)))).is_success
    assert send(ready, body, "x").content == first.content == dry.content
    assert ready("GET", "/v1/aggregations/x").content == first.content


def test_a_batch_that_comes_to_be_known_is_no_final_refusal(ready):
    body = pack(codes("HM00-LATER000", (1, 1)), codes(ITEMS, (1, 1)))
    assert name_of(send(ready, body, "x")) == "not-found"
    assert name_of(ready("GET", "/v1/aggregations/x")) == "not-found"
    ready("PUT", "/v1/batches/HM00-LATER000", json=make_batch(1, "HM00-LATER000").body())
    assert send(ready, body, "x").is_success
    assert name_of(ready("GET", "/v1/batches/HM00-NONE/parents")) == "not-found"


def test_a_dry_run_leaves_nothing(ready):
    body = pack(CARTON, codes(ITEMS, (1, 3)), dry_run=True, audit_head="ab" * 32)
    assert send(ready, body, "x").json()["dry_run"] is True
    assert name_of(ready("GET", "/v1/aggregations/x")) == "not-found"
    assert links(ready) == []
    assert ready("GET", f"/v1/homes/{make_batch(1).home}/head").json()["head"] is None


def test_it_brings_a_head_if_all_its_batches_are_of_one_home(ready):
    home = make_batch(1).home
    assert send(ready, BODY | {"audit_head": "ab" * 32}, "one").is_success
    head = {"home": home, "head": "ab" * 32, "order": "one", "at": "2026-11-22T12:00:00Z"}
    assert ready("GET", f"/v1/homes/{home}/head").json() == head
    other = make_batch(5, "HM01-OTHER000", home="HM01-HOME")
    ready("PUT", f"/v1/batches/{other.batch}", json=other.body())
    mixed = pack(CARTON, codes(other.batch, (1, 1)), audit_head="cd" * 32)
    assert send(ready, mixed, "two").is_success
    assert ready("GET", f"/v1/homes/{home}/head").json() == head
    assert ready("GET", "/v1/homes/HM01-HOME/head").json()["head"] is None


# --- form --------------------------------------------------------------------------

RANGES = [(n * 2 + 1, n * 2 + 1) for n in range(1_000)]


@ONE
@pytest.mark.parametrize(
    ("taken", "refused"),
    [
        (pack(CARTON, codes(ITEMS, (1, 2))), pack(None, codes(ITEMS, (1, 2)))),
        (unpack(None, codes(ITEMS, (1, 2))), unpack(None, codes(ITEMS, (1, 2)), each=1)),
        (pack(CARTON, codes(ITEMS, (1, 2))), pack(CARTON)),
        (pack(CARTON, codes(ITEMS, (1, 2))), pack(CARTON, codes(ITEMS))),
        (pack(CARTON, codes(ITEMS, (1, 2))), pack(codes(CARTONS), codes(ITEMS, (1, 2)))),
        (pack(CARTON, codes(ITEMS, (1, 2))), pack(CARTON, codes(ITEMS, (2, 1)))),
        (pack(CARTON, codes(ITEMS, (1, 1), (2, 2))), pack(CARTON, codes(ITEMS, (1, 2), (2, 3)))),
        (pack(CARTON, codes(ITEMS, (1, 2))), pack(CARTON, *[codes(ITEMS, (n, n)) for n in (1, 2)])),
        (pack(CARTON, codes(ITEMS, (1, 2)), each=2), pack(CARTON, codes(ITEMS, (1, 3)), each=2)),
        (pack(CARTON, codes(ITEMS, (1, 1)), each=2), pack(CARTON, codes(ITEMS, (1, 1)), each=0)),
        (
            pack(CARTON, codes(ITEMS, (1, 1)), each=1_000_000),
            pack(CARTON, codes(ITEMS, (1, 1)), each=1_000_001),
        ),
        (pack(CARTON, codes(ITEMS, (1, 2))), pack(codes(CARTONS, (6, 7)), codes(ITEMS, (1, 2)))),
        (BODY, BODY | {"each": 5}),
        (BODY | {"reason": "茶" * 500}, BODY | {"reason": "茶" * 501}),
        (BODY, BODY | {"audit_head": "AB" * 32}),
        (BODY, BODY | {"dry_run": None}),
        (BODY, BODY | {"action": "activate"}),
        (BODY, BODY | {"count": 1}),
        (BODY, BODY | {"parents": CARTON | {"role": "carton"}}),
        (BODY, {key: value for key, value in BODY.items() if key != "children"}),
        (BODY, {key: value for key, value in BODY.items() if key != "action"}),
        (BODY, BODY | {"children": [codes(ITEMS, (1.0, 1))]}),
        (pack(CARTON, codes(ITEMS, *RANGES[:30])), pack(CARTON, codes(ITEMS, *RANGES))),
    ],
)
def test_the_bounds_of_an_aggregation(ready, taken, refused):
    if taken["action"] == "dissociate":
        assert send(ready, taken | {"action": "associate", "parents": CARTON}).is_success
    assert name_of(send(ready, refused)) == "invalid"
    assert name_of(send(ready, taken)) is None


@ONE
def test_twenty_batches_of_children_and_a_thousand_ranges_of_all(ready):
    names = [f"HM00-B{n:07d}" for n in range(21)]
    for name in names:
        ready("PUT", f"/v1/batches/{name}", json=make_batch(2_000, name).body())
    children = [codes(name, (1, 1)) for name in names]
    assert name_of(send(ready, pack(CARTON, *children))) == "invalid"
    assert name_of(send(ready, pack(CARTON, *children[:20]))) is None
    many = codes(names[0], *[(n + 1, n + 1) for n, _ in RANGES])
    assert name_of(send(ready, pack(CARTON, many))) == "invalid"  # 1,001 with the carton's
    many["serials"].pop()
    assert name_of(send(ready, pack(CARTON, many))) is None


@ONE
def test_a_million_parents_are_enough(ready):
    for name in ("HM00-WIDE00001", "HM00-WIDE00002"):
        ready("PUT", f"/v1/batches/{name}", json=make_batch(1_000_001, name).body())
    one, two = (codes(f"HM00-WIDE0000{n}", (1, 1_000_001)) for n in (1, 2))
    assert name_of(send(ready, pack(one, two, each=1))) == "invalid"


# --- pages -------------------------------------------------------------------------


@ONE
def test_a_page_ends_after_ten_thousand_links(ready):
    for name in ("HM00-LONG00001", "HM00-LONG00002"):
        ready("PUT", f"/v1/batches/{name}", json=make_batch(30_000, name).body())
    body = pack(codes("HM00-LONG00002", (1, 10_001)), codes("HM00-LONG00001", (1, 20_002)), each=2)
    assert send(ready, body).is_success
    path = "/v1/batches/HM00-LONG00001/parents"
    page = ready("GET", f"{path}?after=1").json()
    assert (len(page["links"]), page["next"]) == (10_000, 20_000)
    assert page["links"][0]["serials"] == [2, 2]
    assert len(json.dumps(page)) < 4 << 20
    rest = ready("GET", f"{path}?after={page['next']}").json()
    assert [link["serials"] for link in rest["links"]] == [[20_001, 20_002]]
    assert rest["next"] is None
    assert ready("GET", f"{path}?after=2").json()["next"] is None


# --- at random ---------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_sent_ends_as_code_by_code(ready, seed):
    def read(batch):
        page = ready("GET", f"/v1/batches/{batch}/parents").json()
        return [[*link["serials"], tuple(link["parent"].values())] for link in page["links"]]

    def void(batch, serial):
        freely(ready, batch, "void", (serial, serial))

    seen = walk(random.Random(seed), 60, lambda body: send(ready, body), void, read)
    assert seen >= {None, "child-taken", "child-elsewhere"}

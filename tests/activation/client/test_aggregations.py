"""What a client makes of answers about what lies in what: taken, refused, or no answer."""

import json
from dataclasses import replace

import pytest
from lying_server import away, fake, problem

from mintmark.activation.client import wire
from mintmark.activation.client.client import HttpClient
from mintmark.activation.client.protocol import Declined, StrangeAnswer, batch_links
from mintmark.codegen.ranges.aggregation import CodeRanges, CodeRef, Link, Packing
from mintmark.codegen.ranges.serials import Range

ITEMS, CARTONS = "HM00-ITEMS000", "HM00-CARTONS0"
ASKED = wire.Aggregation(
    "a-1",
    Packing.ASSOCIATE,
    CodeRanges(CARTONS, (Range(7, 8),)),
    (CodeRanges(ITEMS, (Range(1, 30), Range(40, 57))),),
    24,
)
ANSWER = {
    "aggregation": "a-1",
    "action": "associate",
    "parents_count": 2,
    "children_count": 48,
    "dry_run": False,
}
CARTON = {"batch": CARTONS, "serial": 7}
PAGE = {
    "batch": ITEMS,
    "links": [{"serials": [1, 24], "parent": CARTON}, {"serials": [30, 30], "parent": CARTON}],
    "next": 30,
}


def aggregate(client):
    return client.aggregate(ASKED)


def asked_again(client):
    return client.get_aggregation("a-1")


def page(client):
    return client.parents_page(ITEMS, 0)


def test_an_aggregation_is_sent_whole():
    assert ASKED.body() == {
        "action": "associate",
        "parents": {"batch": CARTONS, "serials": [[7, 8]]},
        "children": [{"batch": ITEMS, "serials": [[1, 30], [40, 57]]}],
        "each": 24,
        "reason": None,
        "dry_run": False,
        "audit_head": None,
    }
    leaving = wire.Aggregation("a-2", Packing.DISSOCIATE, None, ASKED.children, reason="broken")
    assert leaving.body()["parents"] is None
    assert leaving.body()["reason"] == "broken"


@pytest.mark.parametrize("call", [aggregate, asked_again])
def test_a_good_answer_is_taken_also_with_later_keys(call):
    with fake(body=json.dumps(ANSWER | {"later": 1}).encode()) as (client, server):
        assert call(client).body() == ANSWER
    ((_, path, _),) = server.requests
    assert path == "/v1/aggregations/a-1"


@pytest.mark.parametrize("call", [aggregate, asked_again])
@pytest.mark.parametrize(
    "change",
    [
        {"aggregation": "a-2"},
        {"aggregation": None},
        {"action": "activate"},
        {"action": ["associate"]},
        {"parents_count": -1},
        {"parents_count": 2.0},
        {"parents_count": True},
        {"children_count": "48"},
        {"children_count": None},
        {"children_count": 10**12},
        {"dry_run": 0},
    ],
)
def test_an_answer_of_another_form_is_no_answer(call, change):
    with fake(body=json.dumps(ANSWER | change).encode()) as (client, _):
        assert isinstance(away(client, call), StrangeAnswer)


@pytest.mark.parametrize("change", [{"action": "dissociate"}, {"dry_run": True}])
def test_an_answer_to_another_aggregation_is_no_answer(change):
    with fake(body=json.dumps(ANSWER | change).encode()) as (client, _):
        assert isinstance(away(client, aggregate), StrangeAnswer)


@pytest.mark.parametrize("body", [b"null", b"[]", b"{}", b"7", b"[" * 100_000])
@pytest.mark.parametrize("call", [aggregate, asked_again, page, lambda c: c.head("HM00")])
def test_rubbish_is_never_taken_for_a_backend_that_knows_nothing(call, body):
    with fake(body=body) as (client, _):
        away(client, call)


def test_a_refusal_is_final_and_an_unknown_id_is_none():
    with fake(**problem(409, "child-taken", taken_total=1)) as (client, _):
        for call in (aggregate, asked_again):
            with pytest.raises(Declined) as caught:
                call(client)
            assert caught.value.problem.name == "child-taken"
    with fake(**problem(404, "not-found")) as (client, _):
        assert client.get_aggregation("a-1") is None


def test_a_page_of_parents():
    with fake(body=json.dumps(PAGE).encode()) as (client, server):
        found = page(client)
    assert found.links == (
        Link(ITEMS, Range(1, 24), CodeRef(CARTONS, 7)),
        Link(ITEMS, Range(30, 30), CodeRef(CARTONS, 7)),
    )
    assert (found.next, found.body()) == (30, PAGE)
    assert server.requests[0][1] == f"/v1/batches/{ITEMS}/parents?after=0"


@pytest.mark.parametrize(
    "change",
    [
        {"batch": CARTONS},
        {"links": None},
        {"links": [{"serials": [1, 24]}]},
        {"links": [{"serials": [1, 24], "parent": [CARTONS, 7]}]},
        {"links": [{"serials": [1, 24], "parent": CARTON | {"serial": 0}}]},
        {"links": [{"serials": [1, 24], "parent": CARTON | {"serial": "7"}}]},
        {"links": [{"serials": [24, 1], "parent": CARTON}]},
        {"links": [{"serials": [0, 30], "parent": CARTON}]},
        {"links": [{"serials": [1, 24, 30], "parent": CARTON}]},
        {"links": PAGE["links"][::-1], "next": 24},
        {"links": [PAGE["links"][0]] * 2, "next": 24},
        {"links": []},
        {"links": [{"serials": [n, n], "parent": CARTON} for n in range(1, 10_002)], "next": None},
        {"next": 29},
        {"next": 31},
        {"next": "30"},
    ],
)
def test_a_page_of_another_form_is_no_answer(change):
    with fake(body=json.dumps(PAGE | change).encode()) as (client, _):
        assert isinstance(away(client, page), StrangeAnswer)


def test_a_page_that_was_not_asked_for_is_no_answer():
    with fake(body=json.dumps(PAGE).encode()) as (client, _):
        away(client, lambda c: c.parents_page(ITEMS, 1))


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_backend_without_the_address_is_none_in_whatever_form(status):
    for answer in (problem(status, "not-found"), {"status": status, "body": b"<html>"}):
        with fake(**answer) as (client, _):
            assert page(client) is None


@pytest.mark.parametrize("status", [403, 500, 503])
def test_any_other_answer_is_no_sign_that_it_is_not_offered(status):
    with fake(status, b"<html>") as (client, _):
        away(client, page)


def test_links_are_walked_to_the_end_and_no_page_may_be_missing():
    class Pages:
        def __init__(self, *pages):
            self.pages, self.asked = list(pages), []

        def parents_page(self, batch, after=0):
            self.asked.append((batch, after))
            return self.pages.pop(0)

    link = Link(ITEMS, Range(31, 40), CodeRef(CARTONS, 8))
    first, last = wire.ParentsPage.parse(ITEMS, PAGE), wire.ParentsPage(ITEMS, (link,), None)
    line = Pages(last)
    assert list(batch_links(line, ITEMS, first)) == [*first.links, link]
    assert line.asked == [(ITEMS, 30)]
    with pytest.raises(StrangeAnswer, match="no longer"):
        list(batch_links(Pages(None), ITEMS, first))


@pytest.mark.parametrize(("parents", "each"), [(None, None), (Range(1, 50_000), 12)])
def test_a_backend_may_take_a_second_more_for_ten_thousand_children(parents, each):
    asked = []

    class Noting(HttpClient):
        def _json(self, method, path, body=None, seconds=None):
            asked.append(seconds)
            return super()._json(method, path, body, seconds)

    children = (CodeRanges("B1", (Range(1, 400_000),)), CodeRanges(ITEMS, (Range(1, 200_000),)))
    wanted = wire.Aggregation(
        "a-1", Packing.DISSOCIATE, CodeRanges(CARTONS, (parents,)) if parents else None, children
    )
    with Noting("http://127.0.0.1:9") as client:
        away(client, lambda line: line.aggregate(replace(wanted, each=each)))
    assert round(asked[0]) == 30 + 60

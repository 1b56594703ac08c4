"""What a client makes of answers about scans, parties, regions and dealers' scan-ins."""

import json
from datetime import datetime, timedelta, timezone

import pytest
from lying_server import away, fake, problem

from mintmark.activation.client import wire
from mintmark.activation.client.protocol import Declined, StrangeAnswer
from mintmark.codegen.ranges.aggregation import CodeRanges
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.ranges.values import Gate

BATCH, OTHER = "HM00-BATCH001", "HM00-BATCH002"
AT, LATER = "2026-11-22T12:00:00Z", "2026-11-23T12:00:00Z"

REFUSED = {
    "refused": [
        {
            "batch": BATCH,
            "serial": 7,
            "state": "frozen",
            "first": AT,
            "last": LATER,
            "count": 3,
        }
    ],
    "next": 12,
}
REPEATS = {
    "repeats": [
        {"batch": BATCH, "serial": 7, "scans": 3, "first_scan": AT, "last_scan": LATER},
        {"batch": OTHER, "serial": 1, "scans": 9, "first_scan": AT, "last_scan": AT},
    ],
    "next": f"{OTHER}:1",
}
ROW = {
    "serials": [1, 5],
    "region": "CN-33",
    "codes": 2,
    "scans": 4,
    "first": AT,
    "last": LATER,
    "examples": [2, 3],
}
REGIONS = {
    "batch": BATCH,
    "regions": [
        ROW,
        ROW | {"region": "CN-ZJ"},
        ROW | {"serials": [9, 9], "examples": [9], "codes": 1},
    ],
    "next": 9,
}
SCAN_IN = {
    "number": 5,
    "scan_in": "in-1",
    "dealer": "D7",
    "at": AT,
    "codes": [
        {"batch": BATCH, "serials": [[1, 5], [9, 9]]},
        {"batch": OTHER, "serials": [[1, 1]]},
    ],
}
SCAN_INS = {"scan_ins": [SCAN_IN, SCAN_IN | {"number": 6, "scan_in": "in-2"}], "next": 6}
TAKEN = {
    "scan_in": "in-1",
    "dealer": "D7",
    "at": AT,
    "opened": SCAN_IN["codes"],
    "opened_count": 7,
    "unknown": [0, 2],
    "truncated": False,
}
SCAN = {
    "result": "genuine",
    "scans": 1,
    "first_scan": AT,
    "batch": BATCH,
    "serial": 7,
    "role": "item",
    "attributes": {"campaign": "DEC"},
    "pairs": [],
    "as": "guide",
    "parties": {"consumer": 2, "guide": 1},
    "gate": "open",
}
IN = wire.ScanIn("in-1", "D7", ("CODE",), (CodeRanges(BATCH, (Range(1, 5),)),))


def refused(client):
    return client.refused_scans(4)


def repeats(client):
    return client.repeats(2, f"{BATCH}:6")


def regions(client):
    return client.regions(BATCH, 0)


def scan_ins(client):
    return client.scan_ins(4)


def scan_in(client):
    return client.put_scan_in(IN)


def scan(client):
    return client.scan("CODE", "me", wire.Party.GUIDE, "CN-33")


PAGES = [(refused, REFUSED), (repeats, REPEATS), (regions, REGIONS), (scan_ins, SCAN_INS)]


@pytest.mark.parametrize(("call", "answer"), [*PAGES, (scan_in, TAKEN), (scan, SCAN)])
def test_a_good_answer_is_taken_whole(call, answer):
    with fake(body=json.dumps(answer | {"later": "keys"}).encode()) as (client, _):
        assert call(client).body() == answer


@pytest.mark.parametrize("call", [call for call, _ in PAGES])
@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_backend_of_before_offers_none_of_it(call, status):
    with fake(status, b"<html>nothing here") as (client, _):
        assert call(client) is None
    with fake(**problem(status, "not-found")) as (client, _):
        assert call(client) is None


@pytest.mark.parametrize("call", [call for call, _ in PAGES])
def test_a_refusal_and_a_silence_are_no_missing_address(call):
    with fake(**problem(403, "forbidden")) as (client, _), pytest.raises(Declined):
        call(client)
    with fake(503, b"") as (client, _):
        away(client, call)


def row(answer, key, **change):
    return answer | {key: [answer[key][0] | change, *answer[key][1:]]}


WRONG = [
    *((refused, row(REFUSED, "refused", **change)) for change in (
        {"serial": 0}, {"batch": 7}, {"state": None}, {"first": "yesterday"}, {"count": -1},
    )),
    (refused, REFUSED | {"next": 4}),
    (refused, REFUSED | {"refused": REFUSED["refused"] * 1_001}),
    *((repeats, row(REPEATS, "repeats", **change)) for change in (
        {"scans": 2}, {"serial": 6}, {"serial": "7"}, {"first_scan": None}, {"batch": "HM01"},
    )),
    (repeats, REPEATS | {"next": f"{OTHER}:2"}),
    (repeats, REPEATS | {"next": 1}),
    (repeats, {"repeats": [], "next": f"{BATCH}:6"}),
    *((regions, row(REGIONS, "regions", **change)) for change in (
        {"region": ""}, {"region": "CN-330000"}, {"codes": 0}, {"codes": 6}, {"scans": None},
        {"examples": [0]}, {"examples": [3, 2]}, {"examples": [6]}, {"examples": ["2"]},
        {"examples": [2, 2]}, {"serials": [5, 1]}, {"serials": [3, 5]}, {"last": 7},
    )),
    (regions, REGIONS | {"batch": OTHER}),
    (regions, REGIONS | {"next": 8}),
    (regions, REGIONS | {"regions": REGIONS["regions"][::-1]}),
    (regions, {"batch": BATCH, "regions": [], "next": 0}),
    *((scan_ins, row(SCAN_INS, "scan_ins", **change)) for change in (
        {"number": 4}, {"number": 6}, {"scan_in": 1}, {"dealer": ""}, {"dealer": "D" * 1_025},
        {"dealer": "\ud800"}, {"at": "now"}, {"codes": [{"batch": BATCH, "serials": []}]},
        {"codes": [{"batch": BATCH, "serials": [[2, 1]]}]}, {"codes": SCAN_IN["codes"] * 2},
    )),
    (scan_ins, SCAN_INS | {"next": 5}),
    (scan_ins, {"scan_ins": [], "next": 4}),
    (scan_in, TAKEN | {"scan_in": "in-2"}),
    (scan_in, TAKEN | {"dealer": "D8"}),
    (scan_in, TAKEN | {"unknown": [-1]}),
    (scan_in, TAKEN | {"opened_count": None}),
    (scan, SCAN | {"as": "consumer"}),
    (scan, SCAN | {"as": "printer"}),
    (scan, SCAN | {"parties": {"printer": 1}}),
    (scan, SCAN | {"parties": {"guide": -1}}),
    (scan, SCAN | {"gate": "ajar"}),
]  # fmt: skip


@pytest.mark.parametrize(("call", "answer"), WRONG)
def test_an_answer_of_another_form_is_no_answer(call, answer):
    with fake(body=json.dumps(answer).encode()) as (client, _):
        assert isinstance(away(client, call), StrangeAnswer)


def test_a_scan_answered_by_a_backend_of_before_is_a_consumers():
    old = {key: value for key, value in SCAN.items() if key not in ("as", "parties", "gate")}
    with fake(body=json.dumps(old).encode()) as (client, _):
        answer = client.scan("CODE")
        assert (answer.party, answer.parties, answer.gate) == (wire.Party.CONSUMER, {}, None)
        # It took a guide's scan for a consumer's: that must not pass for an answer.
        assert isinstance(away(client, scan), StrangeAnswer)


def test_what_is_asked_stands_in_the_address():
    china = timezone(timedelta(hours=8))
    since = datetime(2026, 11, 22, 8, tzinfo=china)
    with fake(503) as (client, server):
        for call in (refused, repeats, regions, scan_ins):
            away(client, call)
        away(client, lambda client: client.batch_page(BATCH, 3, digests=True, since=since))
    assert [path for _, path, _ in server.requests] == [
        "/v1/refused-scans?after=4",
        f"/v1/repeats?over=2&after={BATCH}%3A6",
        f"/v1/batches/{BATCH}/regions?after=0",
        "/v1/scan-ins?after=4",
        f"/v1/batches/{BATCH}?after=3&digests=true&since=2026-11-22T00%3A00%3A00.000000Z",
    ]


def test_the_gate_and_the_parties_are_read():
    answer = wire.ScanAnswer.parse(SCAN)
    assert answer.gate is Gate.OPEN
    assert answer.parties == {wire.Party.CONSUMER: 2, wire.Party.GUIDE: 1}


WINDOW = {"from": AT, "until": None, "daily": None, "attributes": {"campaign": "DEC"}}
PIECE = {
    "serials": [1, 5],
    "state": "active",
    "attributes": {"lot": "L1", "window.dec": {"attributes": {"campaign": "DEC"}, "from": AT}},
    "scanned": 3,
    "scanned_since": 2,
}


def test_a_range_tells_its_windows_and_who_is_new():
    piece = wire.RangeState.parse(PIECE)
    assert piece.scanned_since == 2
    assert piece.attributes == {"lot": "L1", "window.dec": WINDOW}
    assert wire.RangeState.parse(PIECE | {"scanned_since": None}).scanned_since is None


@pytest.mark.parametrize(
    "change",
    [
        {"scanned_since": 4},
        {"scanned_since": -1},
        {"scanned_since": "2"},
        {"attributes": {"lot": WINDOW}},
        {"attributes": {"lot": None}},
        {"attributes": {"window.dec": "text"}},
        {"attributes": {"window.dec": None}},
        {"attributes": {"window.DEC!": WINDOW}},
        {"attributes": {"window.dec": WINDOW | {"from": None}}},
        {"attributes": {"window.dec": WINDOW | {"attributes": {"unheard": "x"}}}},
        {"attributes": {"window.dec": WINDOW | {"attributes": {"campaign": 5}}}},
    ],
)
def test_a_range_of_another_form_is_no_range(change):
    with pytest.raises(wire.MalformedAnswer):
        wire.RangeState.parse(PIECE | change)

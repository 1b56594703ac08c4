"""Clauses on parties: who scans has a counter of its own, and a platform signs for it."""

import re

from ..clause import Clauses
from ..clock import around
from ..form import SignatureForm
from ..market import (
    expect_parties,
    expect_told,
    scan,
    scan_text,
    send,
    with_parties,
    with_windows,
)
from ..outcome import Broken, NotOffered, expect, expect_same
from ..probe import Probe
from ..trial import Trial

PARTIES = Clauses("parties", "6. Scan")


def _signed(probe: Probe) -> None:
    """Raises `NotOffered` if nothing is signed."""
    if not probe.signs:
        raise NotOffered("only with --platform-key")


@PARTIES.clause("each", "each party has a counter of every code, and answers tell them all")
@with_parties
def _each(t: Trial, platform: Probe) -> None:
    (serial, _) = t.active(1)
    for party, probe, scans, parties in (
        ("guide", platform, 1, {"guide": 1}),
        (None, None, 1, {"consumer": 1, "guide": 1}),
        ("dealer", platform, 1, {"consumer": 1, "guide": 1, "dealer": 1}),
    ):
        told = scan(t, serial, probe, as_=party)
        expect_told(told, result="genuine", scans=scans, as_=party or "consumer")
        expect_same(told.get("parties"), parties, "parties")
        expect([*told["parties"]], [*parties], "the order of the parties")
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(told.get("first_scan"))):
            raise Broken("first_scan of this party: a time in UTC", told.get("first_scan"))
    expect_told(scan(t, serial, platform, as_="guide"), result="repeat", scans=2)
    expect_told(scan(t, serial), result="repeat", scans=2, as_="consumer")


@PARTIES.clause("limits", "guide_scans limits a guide's scans, max_scans a consumer's")
@with_parties
def _limits(t: Trial, platform: Probe) -> None:
    (serial, _) = t.active(1, attributes={"max_scans": 3, "guide_scans": 2})
    for result in ("genuine", "genuine", "repeat"):
        expect_told(scan(t, serial, platform, as_="guide"), result=result)
    for result in ("genuine", "repeat"):
        expect_told(scan(t, serial, platform, as_="dealer"), result=result)
    for result in ("genuine", "genuine", "genuine", "repeat"):
        expect_told(scan(t, serial), result=result)


@PARTIES.clause("window-limits", "a window may hold a party's limit", section="Windows")
@with_windows
def _window_limits(t: Trial) -> None:
    @with_parties
    def attempt(t: Trial, platform: Probe) -> None:
        window = {"from": around(t, -1), "attributes": {"guide_scans": 2}}
        (serial, _) = t.active(1, attributes={"window.w": window})
        for result in ("genuine", "genuine", "repeat"):
            expect_told(scan(t, serial, platform, as_="guide"), result=result)

    attempt(t)


@PARTIES.clause("passed-on", "a platform that gives no as passes on a consumer's scan")
@with_parties
def _passed_on(t: Trial, platform: Probe) -> None:
    (serial, _) = t.active(1)
    expect_told(scan(t, serial, platform), result="genuine", scans=1, as_="consumer")
    expect_told(scan(t, serial, platform, as_=None), result="repeat", scans=2, as_="consumer")
    told = scan(t, serial)
    expect_told(told, result="repeat", scans=3, parties={"consumer": 3})


@PARTIES.clause("attributes", "who signs is told all attributes, who does not the public ones")
@with_parties
def _attributes(t: Trial, platform: Probe) -> None:
    public = {"product": "tea", "campaign": "x"}
    hidden = {"dealer": "D7", "region": "CN-33", "guide_scans": 5, "native.a": "b"}
    serials = t.active(1, attributes=public | hidden)
    for action in ("freeze", "void"):
        told = scan(t, serials[0], platform, as_="guide")
        expect_same(told.get("attributes"), public | hidden, "attributes told to a guide")
        expect_same(scan(t, serials[0]).get("attributes"), public, "attributes told to anybody")
        t.done(action, serials, count=1)


@PARTIES.clause("scan-id", "a scan_id is of one code and one party, signed or not")
@with_parties
def _scan_id(t: Trial, platform: Probe) -> None:
    (serial, _) = t.active(1, attributes={"lot": "L", "dealer": "D7"})
    name = t.order_id()
    guide = scan(t, serial, platform, as_="guide", scan_id=name)
    expect_told(guide, result="genuine", scans=1)
    mine = scan(t, serial, scan_id=name)
    expect_told(mine, result="genuine", scans=1, as_="consumer", attributes={"lot": "L"})
    expect_same(scan(t, serial, platform, as_="guide", scan_id=name), guide, "the same once more")
    expect_same(scan(t, serial, scan_id=name), mine, "a consumer's once more")
    expect_told(scan(t, serial, platform, as_="dealer", scan_id=name), result="genuine", scans=1)


@PARTIES.clause("public", "a scan that is repeated is told what who repeats it may see")
@with_parties
def _public(t: Trial, platform: Probe) -> None:
    _signed(platform)
    (serial, _) = t.active(1, attributes={"lot": "L", "dealer": "D7"})
    name = t.order_id()
    signed = scan(t, serial, platform, scan_id=name)
    expect_told(signed, result="genuine", attributes={"lot": "L", "dealer": "D7"})
    again = scan(t, serial, scan_id=name)
    expect_same(again, {**signed, "attributes": {"lot": "L"}}, "the same scan, anonymous")
    (serial, _) = t.active(1, attributes={"lot": "L", "dealer": "D7"})
    mine = scan(t, serial, scan_id=name)
    again = scan(t, serial, platform, scan_id=name)
    wanted = {**mine, "attributes": {"lot": "L", "dealer": "D7"}}
    expect_same(again, wanted, "the same, signed")


@PARTIES.clause(
    "scanned", "scanned of a batch's page counts consumers alone", section="5. Read back"
)
@with_parties
def _scanned(t: Trial, platform: Probe) -> None:
    first, last = serials = t.active(2)
    scan(t, first, platform, as_="guide")
    scan(t, last, platform, as_="dealer")
    expect([item["scanned"] for item in t.ranges(serials)], [0], "scanned after others' scans")
    scan(t, first)
    expect([item["scanned"] for item in t.ranges(serials)], [1], "scanned after a consumer's")


@PARTIES.clause("early", "any party's early scan is noted", section="What a scan leaves")
@with_parties
def _early(t: Trial, platform: Probe) -> None:
    first, last = serials = t.active(3)
    t.done("freeze", serials)
    expect_told(scan(t, first, platform, as_="guide"), result="frozen", scans=0, parties={})
    for probe, party in ((platform, "dealer"), (None, None)):
        scan(t, last, probe, as_=party)
    t.done("unfreeze", serials)
    t.done("revoke", serials)
    answer = t.done("activate", serials)
    expect(answer.get("scanned_before"), [first, last], "scanned_before")


@PARTIES.clause("unknown", "of an unknown code, the party is told and nothing else")
@with_parties
def _unknown(t: Trial, platform: Probe) -> None:
    for probe, party in ((None, None), (platform, "guide")):
        told = scan_text(t, t.new_code(), probe, as_=party, region="CN-33")
        expect_told(told, result="unknown", scans=0, as_=party or "consumer", parties={})
        expect_told(told, gate=None, attributes={})


@PARTIES.clause("form", "another word than guide, dealer or store, and no region, is invalid")
def _form(t: Trial) -> None:
    expect_parties(t)
    (serial, _) = t.active(1)
    code = t.code(serial)
    for word in ("consumer", "Guide", "", 1, ["guide"]):
        answer = send(t, code, as_=word)
        if answer.problem != "invalid":
            raise Broken(f"nobody scans as {word!a}: invalid", answer)
    for region in ("", "cn-33", "CN-", "CHN", "CN-3344", "CN_33", "3", "330", "33010", "3301001"):
        answer = send(t, code, region=region)
        if answer.problem != "invalid":
            raise Broken(f"{region!a} is no region: invalid", answer)
    for good in ("CN-33", "CN-ZJ", "DE", "GB-ENG", "33", "3301", "330106", None):
        expect(send(t, code, region=good).status, 200, f"the status of region {good}")


@PARTIES.clause("unsigned", "as without a signature is unauthorised, and counts nothing")
@with_parties
def _unsigned(t: Trial, platform: Probe) -> None:
    _signed(platform)
    (serial, _) = t.active(1)
    for party in ("guide", "dealer", "store"):
        t.refused(send(t, t.code(serial), as_=party), "unauthorised")
    t.refused(send(t, t.code(serial), as_="guide", surprise=1), "invalid")
    expect_told(scan(t, serial, platform, as_="guide"), scans=1, parties={"guide": 1})


@PARTIES.clause("signature", "a signature that is not good is refused, whatever the body says")
@with_parties
def _signature(t: Trial, platform: Probe) -> None:
    _signed(platform)
    (serial, _) = t.active(1)
    wrong = SignatureForm(key_id=t.probe.key_id)
    for body in ({}, {"as": "guide"}):
        whole = {"code": t.code(serial)} | body
        t.refused(platform("POST", "/v1/scans", whole, form=wrong), "unauthorised")
    t.scanned(serial, result="genuine", scans=1)


@PARTIES.clause("replay", "the same signed scan is not taken twice, and counts once")
@with_parties
def _replay(t: Trial, platform: Probe) -> None:
    _signed(platform)
    (serial, _) = t.active(1, attributes={"max_scans": 9})
    code = t.code(serial)
    for body in ({"code": code}, {"code": code, "as": "guide"}):
        request = platform.request("POST", "/v1/scans", body)
        first = platform.send(request)
        if first.status != 200 or not isinstance(first.data, dict):
            raise Broken("a signed scan is taken", first)
        t.noise.note(code, first.data.get("result"))
        t.refused(platform.send(request), "unauthorised")
    expect_told(scan(t, serial), scans=2, parties={"consumer": 2, "guide": 1})


@PARTIES.clause("keys", "a line's key scans for nobody", section="6. Scan")
@with_parties
def _keys(t: Trial, platform: Probe) -> None:
    _signed(platform)
    (serial, _) = t.active(1)
    for told in ({}, {"as_": "guide"}):
        t.refused(send(t, t.code(serial), t.probe, **told), "forbidden")
    t.refused(send(t, t.code(serial), t.probe, surprise=1), "invalid")
    t.scanned(serial, result="genuine", scans=1, parties={"consumer": 1})


@PARTIES.clause("others", "a platform scans for the parties in its scope alone")
@with_parties
def _others(t: Trial, platform: Probe) -> None:
    _signed(platform)
    (serial, _) = t.active(1)
    t.refused(send(t, t.code(serial), platform, as_="store"), "forbidden")
    expect_told(scan(t, serial, platform, as_="dealer"), result="genuine", parties={"dealer": 1})

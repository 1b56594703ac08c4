"""Clauses on orders of several ranges, and on orders inside a range."""

from collections.abc import Mapping, Sequence

from ..clause import Clauses
from ..outcome import Broken, expect
from ..trial import QUANTITY, Serials, Trial

RANGES = Clauses("ranges", "3. Order")


def three(t: Trial, *, upload: bool = True) -> tuple[Serials, Serials, Serials]:
    """Three ranges of 3 new serials, with serials between them that no order names."""
    first, _ = t.uploaded(12) if upload else t.serials(12)
    return (first, first + 2), (first + 4, first + 6), (first + 8, first + 10)


@RANGES.clause("blocked", "the second or third range in the way: blocked, and none has changed")
def _blocked(t: Trial) -> None:
    for at in (1, 2):
        ranges = three(t)
        taken = (ranges[at][0] + 1, ranges[at][0] + 1)
        t.done("activate", taken)
        body = t.refused(t.order("activate", *ranges), "blocked")
        _shown(body.get("blocked"), [{"serials": [*taken], "state": "active"}])
        expect(body.get("blocked_total"), 1, "blocked_total")
        for pair in ranges:
            wanted = [
                "active" if s == taken[0] else "inactive" for s in range(pair[0], pair[1] + 1)
            ]
            expect(t.states(pair), wanted, "states afterwards")
        expect(t.held(ranges[0]), 0, "live fingerprints of the first range")


@RANGES.clause(
    "blocked-listed", "every range in the way is listed in order, cut to the order's own"
)
def _blocked_listed(t: Trial) -> None:
    first, _ = t.uploaded(12)
    t.done("activate", (first + 1, first + 4))
    # What else distinguishes them does not show here.
    t.done("assign", (first + 1, first + 3), attributes={"lot": "other"})
    t.done("freeze", (first + 7, first + 7))
    body = t.refused(t.order("activate", (first + 3, first + 5), (first + 6, first + 9)), "blocked")
    wanted = [
        {"serials": [first + 3, first + 4], "state": "active"},
        {"serials": [first + 7, first + 7], "state": "frozen"},
    ]
    _shown(body.get("blocked"), wanted)
    expect(body.get("blocked_total"), 2, "blocked_total")


@RANGES.clause("missing", "a fingerprint missing in the second range: none of them is active")
def _missing(t: Trial) -> None:
    for at in (1, 2):
        ranges = three(t, upload=False)
        for pair in (*ranges[:at], *ranges[at + 1 :]):
            t.upload(pair[0], t.fingerprints(pair))
        t.upload(ranges[at][0], t.fingerprints((ranges[at][0], ranges[at][0])))
        body = t.refused(t.order("activate", *ranges), "fingerprints-missing")
        expect(body.get("serial"), ranges[at][0] + 1, "serial in the problem")
        for pair in ranges:
            expect(t.states(pair), ["inactive"] * 3, "states afterwards")
        expect(t.held(ranges[0]), 0, "live fingerprints of the first range")


@RANGES.clause(
    "outside", "the last range outside the batch: outside, and the first has not changed"
)
def _outside(t: Trial) -> None:
    ranges = three(t)
    t.refused(t.order("activate", *ranges, (QUANTITY, QUANTITY + 1)), "outside")
    for pair in ranges:
        expect(t.states(pair), ["inactive"] * 3, "states afterwards")


@RANGES.clause("count", "count is of all ranges together")
def _count(t: Trial) -> None:
    ranges = three(t)
    body = t.refused(t.order("activate", *ranges, count=3), "count-differs")
    expect((body.get("count"), body.get("would_touch")), (3, 9), "count, would_touch")
    expect(t.states(ranges[0]), ["inactive"] * 3, "states afterwards")
    t.done("activate", *ranges, count=9)


@RANGES.clause("from", "a second range in another state than from is in the way")
def _from(t: Trial) -> None:
    ranges = three(t)
    t.done("activate", ranges[1])
    t.refused(t.order("freeze", *ranges, from_="inactive"), "blocked")
    for pair, state in zip(ranges, ("inactive", "active", "inactive"), strict=True):
        expect(t.states(pair), [state] * 3, "states afterwards")


@RANGES.clause("attributes", "an order over several ranges leaves each its own other attributes")
def _attributes(t: Trial) -> None:
    ranges = three(t)
    own: tuple[dict[str, str], ...] = (
        {"lot": "A", "dealer": "D1"},
        {"lot": "B", "region": "CN-31"},
        {},
    )
    for pair, attributes in zip(ranges, own, strict=True):
        t.done("activate", pair, attributes=attributes)
    t.done("assign", *ranges, attributes={"campaign": "C"})
    t.done("freeze", *ranges, attributes={"lot": None})
    for pair, attributes in zip(ranges, own, strict=True):
        wanted = {key: value for key, value in attributes.items() if key != "lot"}
        (item,) = t.ranges(pair)
        expect(item["attributes"], wanted | {"campaign": "C"}, "attributes of each range")


@RANGES.clause("inside", "an order inside a range leaves the rest as it was, attributes and all")
def _inside(t: Trial) -> None:
    first, last = t.active(10, attributes={"lot": "L1", "max_scans": 2})
    t.done("freeze", (first + 3, first + 4))
    t.done("assign", (first + 6, first + 6), attributes={"lot": "L2"})
    t.done("void", (last, last), reason="lost", count=1)
    lots = [
        (item["attributes"].get("lot"), item["attributes"].get("max_scans"), item["state"])
        for item in t.ranges((first, last))
        for _ in range(*_span(item["serials"]))
    ]
    active, frozen = ("L1", 2, "active"), ("L1", 2, "frozen")
    wanted = [*[active] * 3, *[frozen] * 2, active, ("L2", 2, "active"), *[active] * 2]
    expect(lots, [*wanted, ("L1", 2, "void")], "lot, max_scans and state of every serial")


@RANGES.clause("joined", "applied and skipped join ranges that touch, in the order of the serials")
def _joined(t: Trial) -> None:
    first, last = t.uploaded(12)
    t.done("void", (first + 5, first + 6), reason="misprint")
    pairs = ((first + 8, last), (first, first + 3), (first + 4, first + 7))
    data = t.done("activate", *pairs, skip=["void"])
    expect(data.get("applied"), [[first, first + 4], [first + 7, last]], "applied")
    expect(data.get("skipped"), [[first + 5, first + 6]], "skipped")
    expect((data.get("applied_count"), data.get("skipped_count")), (10, 2), "the counts")


@RANGES.clause("overlap", "ranges that overlap are invalid")
def _overlap(t: Trial) -> None:
    first, last = t.serials(6)
    for pairs in (((first, first + 3), (first + 3, last)), ((first, last), (first + 1, first + 2))):
        t.refused(t.order("assign", *pairs), "invalid")


@RANGES.clause("back", "one unfreeze brings each range back to where it was")
def _back(t: Trial) -> None:
    ranges = three(t)
    t.done("activate", ranges[1])
    t.done("freeze", *ranges)
    t.done("unfreeze", *ranges)
    for pair, state in zip(ranges, ("inactive", "active", "inactive"), strict=True):
        expect(t.states(pair), [state] * 3, "states afterwards")


@RANGES.clause(
    "void-count", "active codes in one range of several want a count; others in the way block"
)
def _void_count(t: Trial) -> None:
    ranges = three(t)
    t.done("activate", ranges[2])
    body = t.refused(t.order("void", *ranges, reason="lost"), "count-required")
    _shown(body.get("blocked"), [{"serials": [*ranges[2]], "state": "active"}])
    expect(body.get("blocked_total"), 1, "blocked_total")
    t.done("void", ranges[0], reason="lost")
    t.refused(t.order("void", *ranges, reason="lost"), "blocked")
    data = t.done("void", *ranges, reason="lost", count=6, skip=["void"])
    expect(data.get("skipped"), [[*ranges[0]]], "skipped")


@RANGES.clause("thousand", "1,000 ranges are taken; a list of more is cut, its count is not")
def _thousand(t: Trial) -> None:
    first, last = t.serials(4_000)
    middles = tuple((serial + 1, serial + 1) for serial in range(first, last, 4))
    t.done("void", *middles, reason="misprint")
    triples = tuple((serial, serial + 2) for serial in range(first, last, 4))
    data = t.done("assign", *triples, skip=["void"], count=2_000)
    counts = data.get("applied_count"), data.get("skipped_count"), data.get("truncated")
    expect(counts, (2_000, 1_000, True), "applied_count, skipped_count, truncated")
    if (listed := len(data.get("applied", []))) != 1_000:
        raise Broken("1,000 ranges listed as applied", listed)
    expect(len(data.get("skipped", [])), 1_000, "ranges listed as skipped")
    t.done("unvoid", *middles)  # for short pages from here on


def _shown(blocked: object, wanted: Sequence[Mapping[str, object]]) -> None:
    found = blocked if isinstance(blocked, list) else []
    shown = [{key: item.get(key) for key in ("serials", "state")} for item in found]
    if shown != wanted:
        raise Broken(f"blocked: {wanted}", shown)


def _span(pair: list[int]) -> tuple[int, int]:
    return pair[0], pair[1] + 1


@RANGES.clause("blocked-many", "of many ranges in the way the first are listed, and all counted")
def _blocked_many(t: Trial) -> None:
    first, last = t.serials(600)
    singles = tuple((serial, serial) for serial in range(first, last, 2))
    t.done("freeze", *singles)
    body = t.refused(t.order("revoke", (first, last), from_="inactive", count=1), "blocked")
    expect(body.get("blocked_total"), 600, "blocked_total of a revoke")
    body = t.refused(t.order("freeze", (first, last)), "blocked")
    expect(body.get("blocked_total"), 300, "blocked_total of a freeze")
    listed = body.get("blocked", [])
    wanted = [{"serials": [*pair], "state": "frozen"} for pair in singles[: len(listed)]]
    if not listed:
        raise Broken("at least the first range in the way", "an empty list")
    _shown(listed, wanted)
    t.done("unfreeze", *singles)  # for short pages from here on

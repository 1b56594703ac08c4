"""Clauses on attributes, and on reading ranges back."""

from ..clause import Clauses
from ..outcome import Broken, expect, expect_same
from ..trial import QUANTITY, Trial

ATTRIBUTES = Clauses("attributes", "Attributes")
READ = Clauses("read", "5. Read back")


@ATTRIBUTES.clause("patch", "each key set is set, null removes it, the others stay")
def _patch(t: Trial) -> None:
    serials = t.active(2, attributes={"lot": "L1", "region": "CN-31", "max_scans": 2})
    t.done("assign", serials, attributes={"lot": "L2", "region": None, "native.shift": "night"})
    (item,) = t.ranges(serials)
    wanted = {"lot": "L2", "max_scans": 2, "native.shift": "night"}
    expect(item["attributes"], wanted, "attributes")


@ATTRIBUTES.clause("validity", "effective_at and expires_at are kept, removed by a null among them")
def _validity(t: Trial) -> None:
    times = {"effective_at": "2026-01-01T00:00:00Z", "expires_at": "2099-01-01T08:00:00+08:00"}
    serials = t.active(1, **times)
    (item,) = t.ranges(serials)
    expect(sorted(item["attributes"]), ["effective_at", "expires_at"], "attributes")
    t.done("assign", serials, **dict.fromkeys(times), attributes={"lot": "L"})
    (item,) = t.ranges(serials)
    expect(item["attributes"], times | {"lot": "L"}, "attributes after null in both fields")
    t.done("assign", serials, effective_at=None, attributes={"expires_at": None})
    (item,) = t.ranges(serials)
    expect(sorted(item["attributes"]), ["effective_at", "lot"], "attributes afterwards")


@ATTRIBUTES.clause("times", "a time without an offset is invalid")
def _times(t: Trial) -> None:
    serials = t.uploaded(1)
    for text in ("2027-01-01T00:00:00", "2027-01-01", "tomorrow", "2027-13-01T00:00:00Z", ""):
        t.refused(t.order("activate", serials, expires_at=text), "invalid")
        t.refused(t.order("activate", serials, effective_at=text), "invalid")
    expect(t.states(serials), ["inactive"], "states afterwards")


@ATTRIBUTES.clause(
    "never-valid", "an expires_at not after effective_at is invalid; one that is past is taken"
)
def _never_valid(t: Trial) -> None:
    serials, noon = t.uploaded(1), "2027-01-01T12:00:00+08:00"
    for ends in ("2026-12-31T00:00:00Z", noon, "2027-01-01T04:00:00Z", "2027-01-01T05:00:00+09:00"):
        t.refused(t.order("activate", serials, effective_at=noon, expires_at=ends), "invalid")
    expect(t.states(serials), ["inactive"], "states afterwards")
    t.done("activate", serials, effective_at=noon, expires_at="2027-01-01T04:00:01Z")
    past = {"effective_at": "2020-01-01T00:00:00Z", "expires_at": "2020-01-02T00:00:00Z"}
    t.done("assign", serials, **past)


@ATTRIBUTES.clause("checked", "unknown keys, other types and long values are invalid")
def _checked(t: Trial) -> None:
    serials = t.uploaded(1)
    bad: tuple[dict[str, object], ...] = (
        {"colour": "red"},
        {"native.Ü": "x"},
        {"max_scans": "2"},
        {"max_scans": 0},
        {"lot": 5},
        {"lot": "x" * 1_025},
        {"lot": "茶" * 342},
        {"lot": ["a"]},
    )
    for attributes in bad:
        t.refused(t.order("activate", serials, attributes=attributes), "invalid")
    t.done("activate", serials, attributes={"lot": "x" * 1_024})


@ATTRIBUTES.clause("most", "64 attributes are taken; an order that would leave more is blocked")
def _most(t: Trial) -> None:
    serials = t.serials(1)
    many = {f"native.k{number}": "" for number in range(65)}
    t.refused(t.order("assign", serials, attributes=many), "invalid")
    del many["native.k64"]
    t.done("assign", serials, attributes=many)
    body = t.refused(t.order("assign", serials, attributes={"lot": "L"}), "blocked")
    expect(body.get("blocked_total"), 1, "blocked_total")
    t.done("assign", serials, attributes={"lot": "L", "native.k0": None})
    (item,) = t.ranges(serials)
    expect(len(item["attributes"]), 64, "how many attributes")


@ATTRIBUTES.clause("keys", "own keys: a prefix, then 1 to 41 of a-z 0-9 _, a letter first")
def _keys(t: Trial) -> None:
    serials = t.serials(1)
    good = {f"{layer}.{'k' * 40}_": "x" for layer in ("native", "property", "activity")}
    t.done("assign", serials, attributes=good)
    for key in ("k" * 42, "1k", "_k", "K", "k.k", "k-k", "k ", "\u00e9"):
        t.refused(t.order("assign", serials, attributes={f"native.{key}": "x"}), "invalid")
    for key in ("batch.k", "lot.k", "Lot", "native"):
        t.refused(t.order("assign", serials, attributes={key: "x"}), "invalid")


@ATTRIBUTES.clause("unicode", "half a surrogate pair is invalid; any other text is taken as it is")
def _unicode(t: Trial) -> None:
    serials, order = t.serials(1), t.order_id()
    text = t.probe.content(t.body("assign", serials, attributes={"lot": "HALF"}))
    half = text.replace(b"HALF", b"\\ud83c")
    answer = t.probe("PUT", f"/v1/orders/{order}", half, kind="application/json")
    t.refused(answer, "invalid")
    lot = "\U0001f375 e\u0301 \u00e9 \u0000 \u202e <b> \" '"
    t.done("assign", serials, attributes={"lot": lot})
    (item,) = t.ranges(serials)
    expect_same(item["attributes"].get("lot"), lot, "the text as it was sent")


@READ.clause("pages", "pages tile the batch: ascending, no gap, at most 1,000 ranges, next to null")
def _pages(t: Trial) -> None:
    first, last = t.serials(2_400)
    singles = [(serial, serial) for serial in range(first, last, 2)]
    for part in (singles[:1_000], singles[1_000:]):
        t.done("assign", *part, attributes={"lot": "odd"})
    after: int | None = 0
    reached, pages = 0, 0
    while after is not None:
        data = t.page(after).data
        pages += 1
        if len(data["ranges"]) > 1_000 or pages > QUANTITY:
            raise Broken("at most 1,000 ranges a page", len(data["ranges"]))
        for item in data["ranges"]:
            if item["serials"][0] != reached + 1:
                raise Broken(f"a range from {reached + 1}", item["serials"])
            reached = item["serials"][1]
        after = data["next"]
        if after is not None and (after != reached or not data["ranges"]):
            raise Broken(f"next: {reached}, the last serial shown", after)
        if reached == QUANTITY and after is not None:
            raise Broken("next: null on the last page", after)
    expect(reached, QUANTITY, "the last serial of the last page")
    t.done("assign", (first, last), attributes={"lot": None})  # for short pages from here on
    if pages == 1:
        raise Broken("several pages for 2,400 ranges", "one")


@READ.clause("middle", "a page begins with the serial after `after`, also within a range")
def _middle(t: Trial) -> None:
    first, last = t.active(6)
    t.done("assign", (first, last), attributes={"lot": "middle"})
    data = t.page(first + 1).data
    expect(data["ranges"][0]["serials"], [first + 2, last], "the first range of the page")


@READ.clause("head", "the head that came with the home's newest order is told, and which order")
def _head(t: Trial) -> None:
    serials = t.serials(1)
    for head in (t.new_head(), t.new_head()):
        order = t.order_id()
        t.done("assign", serials, order=order, audit_head=head)
        t.done("assign", serials)
        t.done("assign", serials, audit_head=t.new_head(), dry_run=True)
        found = t.head(t.home)
        expect(found.get("home"), t.home, "home")
        expect((found.get("head"), found.get("order")), (head, order), "head, order")


@READ.clause("head-home", "a home of which no order came has no head, whatever others brought")
def _head_home(t: Trial) -> None:
    t.done("assign", t.serials(1), audit_head=t.new_head())
    other = f"{t.home}-{t.new_head()[:8]}"
    found = t.head(other)
    told = found.get("home"), found.get("head"), found.get("order"), found.get("at")
    expect(told, (other, None, None, None), "home, head, order, at of another home")


@READ.clause("head-kept", "an order answered with what is kept brings no head; a kept refusal does")
def _head_kept(t: Trial) -> None:
    serials = t.serials(1)
    first, order = t.new_head(), t.order_id()
    t.done("assign", serials, order=order, audit_head=first)
    t.done("assign", serials, order=order, audit_head=t.new_head())
    expect(t.head(t.home).get("head"), first, "the head after the same order again")
    newer, mine = t.new_head(), t.order_id()
    t.done("assign", serials, order=mine, audit_head=newer)
    t.done("assign", serials, order=order, audit_head=first)
    found = t.head(t.home)
    told = found.get("head"), found.get("order")
    expect(told, (newer, mine), "head and order after an old order that came again")
    first = newer
    for action, name in (("activate", "fingerprints-missing"), ("revoke", "blocked")):
        head = t.new_head()
        t.refused(t.order(action, serials, audit_head=head), name)
        first = head if name == "blocked" else first
        expect(t.head(t.home).get("head"), first, f"the head after {name}")
    other = t.other("apart")
    other.done("assign", other.serials(1), audit_head=(newest := t.new_head()))
    expect(t.head(t.home).get("head"), newest, "the head after an order of the home's second batch")

"""Clauses on the id of an order: what is the same order, what is another, and what is kept."""

from typing import Any

from ..clause import Clauses
from ..defaults import DEFAULTS
from ..outcome import Broken, expect, expect_same
from ..trial import QUANTITY, Serials, Trial

ONCE = Clauses("once", "3. Order")


@ONCE.clause(
    "spelled", "the same content, its keys in another order or defaults spelled, is the same"
)
def _spelled(t: Trial) -> None:
    serials = t.uploaded(3)
    order = t.order_id()
    short = t.body("activate", serials)
    first = t.done("activate", serials, order=order)
    for body in (dict(reversed(short.items())), short | DEFAULTS, DEFAULTS | short):
        _same(t, order, body, first)
    for key, value in DEFAULTS.items():
        _same(t, order, short | {key: value}, first)


@ONCE.clause("attributes-order", "attributes in another order are the same content")
def _attributes_order(t: Trial) -> None:
    serials, order = t.uploaded(2), t.order_id()
    attributes = {"lot": "L1", "product": "P", "native.shift": None}
    first = t.done("activate", serials, order=order, attributes=attributes)
    _same(
        t, order, t.body("activate", serials, attributes=dict(reversed(attributes.items()))), first
    )


@ONCE.clause("ranges-order", "the same ranges in another order, or split, are the same content")
def _ranges_order(t: Trial) -> None:
    first, last = t.uploaded(9)
    pairs = ((first, first + 1), (first + 3, first + 4), (first + 7, last))
    order = t.order_id()
    answer = t.done("activate", *pairs, order=order)
    _same(t, order, t.body("activate", *reversed(pairs)), answer)
    _same(t, order, t.body("activate", pairs[1], pairs[0], pairs[2]), answer)
    split = ((last, last), (first, first), (first + 1, first + 1), (first + 3, first + 4))
    _same(t, order, t.body("activate", *split, (first + 7, last - 1)), answer)


TIMES = {"effective_at": "2026-01-01T00:00:00Z", "expires_at": "2099-01-01T00:00:00Z"}
# An attribute is a text: the same instant, written otherwise, is another.
PRODUCED = (
    {"produced_at": "2026-01-01T08:00:00+08:00"},
    {"produced_at": "2026-01-01T00:00:00Z"},
)
# A member's name; an order's members when it is first sent; and when it is sent again.
CONTENTS: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("attributes", {"attributes": {"lot": "A"}}, {"attributes": {"lot": "B"}}),
    ("attributes", {"attributes": {"lot": "A"}}, {}),
    ("attributes", {"attributes": {"lot": "A"}}, {"attributes": {"lot": "A", "line": "1"}}),
    ("attributes", {"attributes": {"lot": None}}, {"attributes": {"line": None}}),
    ("attributes", {}, {"attributes": {"lot": None}}),
    ("max_scans", {"attributes": {"max_scans": 2}}, {"attributes": {"max_scans": 3}}),
    ("produced_at", {"attributes": PRODUCED[0]}, {"attributes": PRODUCED[1]}),
    ("null", {}, {"attributes": {"expires_at": None}}),
    ("from", {}, {"from": "inactive"}),
    ("from", {"from": "inactive"}, {"from": "active"}),
    ("reason", {}, {"reason": "other"}),
    ("reason", {"reason": "lost"}, {"reason": "stolen"}),
    ("skip", {}, {"skip": ["void"]}),
    ("skip", {"skip": ["void"]}, {}),
    ("count", {}, {"count": 2}),
    ("count", {"count": 2}, {}),
    ("effective_at", {}, {"effective_at": TIMES["effective_at"]}),
    ("expires_at", TIMES, TIMES | {"expires_at": "2099-01-01T00:00:01Z"}),
    ("expires_at", TIMES, {"effective_at": TIMES["effective_at"]}),
    ("action", {}, {"action": "assign"}),
)


@ONCE.clause("content", "a used id with any member of its content changed is order-differs")
def _content(t: Trial) -> None:
    for name, sent, changed in CONTENTS:
        serials, order = t.serials(2), t.order_id()
        plain = t.body("freeze", serials)
        path = f"/v1/orders/{order}"
        expect(t.probe("PUT", path, plain | sent).status, 200, f"the status of freeze with {name}")
        answer = t.probe("PUT", path, plain | changed)
        if answer.problem != "order-differs":
            raise Broken(f"another {name} under a used id: order-differs", answer)
        expect(t.states(serials), ["frozen"] * 2, f"states after another {name}")


@ONCE.clause("serials", "a used id with other serials, or another batch, is order-differs")
def _serials(t: Trial) -> None:
    first, last = t.serials(4)
    order = t.order_id()
    t.done("freeze", (first, first + 2), order=order)
    # Fewer, more, others of the same number, and some of them left out.
    others: tuple[tuple[Serials, ...], ...] = (
        ((first, first + 1),),
        ((first, last),),
        ((first + 1, last),),
        ((first, first), (first + 2, last)),
        ((first, first), (first + 2, first + 2)),
    )
    for pairs in others:
        t.refused(t.order("freeze", *pairs, order=order), "order-differs")
    body = t.body("freeze", (first, first + 2)) | {"batch": f"{t.batch}-x"}
    t.refused(t.probe("PUT", f"/v1/orders/{order}", body), "order-differs")
    expect(t.states((first, last)), ["frozen"] * 3 + ["inactive"], "states afterwards")


@ONCE.clause(
    "refused-content", "another content under the id of a refusal is order-differs as well"
)
def _refused_content(t: Trial) -> None:
    serials, order = t.active(2), t.order_id()
    t.refused(t.order("activate", serials, order=order), "blocked")
    for more in ({"attributes": {"lot": "A"}}, {"from_": "inactive"}, {"skip": ["void"]}):
        t.refused(t.order("activate", serials, order=order, **more), "order-differs")
    t.refused(t.order("revoke", serials, order=order), "order-differs")
    expect(t.states(serials), ["active"] * 2, "states afterwards")


@ONCE.clause("other-id", "the same content under another id is another order")
def _other_id(t: Trial) -> None:
    serials = t.serials(2)
    for order in (t.order_id(), t.order_id()):
        answer = t.done("assign", serials, order=order, attributes={"lot": "L"})
        expect(answer.get("order"), order, "order")


@ONCE.clause("other-batch", "an id is used in all batches at once")
def _other_batch(t: Trial) -> None:
    other, order = t.other("apart"), t.order_id()
    t.done("assign", t.serials(2), order=order)
    t.refused(other.order("assign", other.serials(2), order=order), "order-differs")


@ONCE.clause("instants", "the same instants with another offset are the same content")
def _instants(t: Trial) -> None:
    serials, order = t.uploaded(2), t.order_id()
    here = {"effective_at": "2026-01-01T08:00:00+08:00", "expires_at": "2099-12-31T19:00:00-05:00"}
    utc = {"effective_at": "2026-01-01T00:00:00Z", "expires_at": "2100-01-01T00:00:00Z"}
    first = t.done("activate", serials, order=order, **here)
    _same(t, order, t.body("activate", serials, **utc), first)
    wrong = {**here, "expires_at": "2099-12-31T19:00:00+08:00"}
    t.refused(t.order("activate", serials, order=order, **wrong), "order-differs")


@ONCE.clause("late", "an old order that comes again undoes nothing that came after it")
def _late(t: Trial) -> None:
    serials, order = t.active(2), t.order_id()
    first = t.done("assign", serials, order=order, attributes={"lot": "old"})
    t.done("assign", serials, attributes={"lot": "new"})
    _same(t, order, t.body("assign", serials, attributes={"lot": "old"}), first)
    (item,) = t.ranges(serials)
    expect(item["attributes"], {"lot": "new"}, "attributes afterwards")


@ONCE.clause("blocked", "blocked is kept under the id, when the way is free and in a GET")
def _blocked(t: Trial) -> None:
    serials, order = t.active(2), t.order_id()
    first = t.refused(t.order("activate", serials, order=order), "blocked")
    t.done("revoke", serials)
    _stays(t, order, t.body("activate", serials), first, "blocked")
    expect(t.states(serials), ["inactive"] * 2, "states afterwards")


@ONCE.clause("count-differs", "count-differs is kept under the id, when it is right and in a GET")
def _count_differs(t: Trial) -> None:
    first, last = t.uploaded(4)
    order, more = t.order_id(), {"count": 3, "skip": ["void"]}
    problem = t.refused(t.order("activate", (first, last), order=order, **more), "count-differs")
    t.done("void", (first, first), reason="misprint")
    _stays(t, order, t.body("activate", (first, last), **more), problem, "count-differs")
    expect(t.states((first, last)), ["void"] + ["inactive"] * 3, "states afterwards")


@ONCE.clause("count-required", "count-required is kept under the id, when none is and in a GET")
def _count_required(t: Trial) -> None:
    serials, order = t.active(2), t.order_id()
    problem = t.refused(t.order("void", serials, order=order, reason="lost"), "count-required")
    t.done("revoke", serials)
    _stays(t, order, t.body("void", serials, reason="lost"), problem, "count-required")
    expect(t.states(serials), ["inactive"] * 2, "states afterwards")


@ONCE.clause("outside", "outside is kept under the id, and in a GET")
def _outside(t: Trial) -> None:
    order, pair = t.order_id(), (QUANTITY, QUANTITY + 1)
    problem = t.refused(t.order("assign", pair, order=order), "outside")
    _stays(t, order, t.body("assign", pair), problem, "outside")
    t.refused(t.order("assign", (1, 1), order=order), "order-differs")


@ONCE.clause("mended", "fingerprints-missing, not-found and invalid leave the id unused")
def _mended(t: Trial) -> None:
    serials, order = t.serials(2), t.order_id()
    t.refused(t.order("activate", serials, order=order), "fingerprints-missing")
    t.not_found(order)
    t.refused(t.order("activate", serials, order=order, surprise=1), "invalid")
    t.not_found(order)
    strange = t.body("activate", serials) | {"batch": f"{t.batch}-none"}
    t.refused(t.probe("PUT", f"/v1/orders/{order}", strange), "not-found")
    t.not_found(order)
    t.upload(serials[0], t.fingerprints(serials))
    t.done("activate", serials, order=order)
    order = t.order_id()
    t.refused(t.order("activate", t.serials(1), order=order), "fingerprints-missing")
    t.done("freeze", t.serials(1), order=order)


@ONCE.clause("never-valid", "a validity that ends before it begins leaves the id unused")
def _never_valid(t: Trial) -> None:
    serials, order = t.uploaded(1), t.order_id()
    times = {"effective_at": "2099-01-01T00:00:00Z", "expires_at": "2098-01-01T00:00:00Z"}
    t.refused(t.order("activate", serials, order=order, **times), "invalid")
    t.not_found(order)
    t.done("activate", serials, order=order)


@ONCE.clause("dry-refusal", "the refusal of a dry run is not kept")
def _dry_refusal(t: Trial) -> None:
    serials = t.active(2)
    wrong: tuple[tuple[str, Serials, dict[str, Any], str], ...] = (
        ("activate", serials, {}, "blocked"),
        ("assign", (QUANTITY, QUANTITY + 1), {}, "outside"),
        ("freeze", serials, {"count": 1}, "count-differs"),
        ("void", serials, {}, "count-required"),
    )
    for action, pair, more, name in wrong:
        order = t.order_id()
        t.refused(t.order(action, pair, order=order, dry_run=True, **more), name)
        t.not_found(order)
        t.done("assign", serials, order=order)


@ONCE.clause("dry-used", "a dry run under a used id changes nothing, and neither what is kept")
def _dry_used(t: Trial) -> None:
    serials, order = t.uploaded(2), t.order_id()
    first = t.done("activate", serials, order=order)
    dry = t.done("activate", serials, order=order, dry_run=True)
    expect({**dry, "dry_run": False}, first, "the answer of a dry run under a used id")
    t.refused(t.order("revoke", serials, order=order, dry_run=True), "order-differs")
    expect(t.states(serials), ["active"] * 2, "states afterwards")
    _same(t, order, t.body("activate", serials), first)


@ONCE.clause("dry-same", "a dry run answers as the order itself does, and brings nothing to life")
def _dry_same(t: Trial) -> None:
    first, last = t.uploaded(5)
    t.done("void", (first + 1, first + 1), reason="damaged")
    dry = t.done("activate", (first, last), skip=["void"], dry_run=True)
    expect(t.held((first, last)), 0, "live fingerprints after a dry run")
    real = t.done("activate", (first, last), skip=["void"])
    for key in ("applied", "applied_count", "skipped", "skipped_count", "scanned_before"):
        expect(dry.get(key), real.get(key), f"{key} of the dry run")
    missing = t.order("activate", t.serials(1), dry_run=True)
    t.refused(missing, "fingerprints-missing")


def _same(t: Trial, order: str, body: dict[str, Any], wanted: object) -> None:
    answer = t.probe("PUT", f"/v1/orders/{order}", body)
    if answer.status != 200:
        raise Broken("the same content: 200 with the answer that is kept", answer)
    expect_same(answer.data, wanted, "the answer that is kept")


def _stays(t: Trial, order: str, body: dict[str, Any], first: object, name: str) -> None:
    again = t.probe("PUT", f"/v1/orders/{order}", body)
    read = t.probe("GET", f"/v1/orders/{order}")
    for answer, how in ((again, "sent again"), (read, "read back")):
        expect_same(t.refused(answer, name), first, f"the same problem, {how}")

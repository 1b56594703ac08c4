"""Clauses on orders: applied once, atomic, guarded."""

from ..clause import Clauses
from ..outcome import Broken, expect
from ..trial import QUANTITY, Trial

ORDERS = Clauses("orders", "3. Order")


@ORDERS.clause("answer", "the answer says what was applied, skipped and counted")
def _answer(t: Trial) -> None:
    first, last = t.uploaded(10)
    t.done("void", (first + 2, first + 3), reason="misprint")
    order = t.order_id()
    data = t.done("activate", (first, first + 5), (first + 8, last), order=order, skip=["void"])
    wanted = {
        "order": order,
        "batch": t.batch,
        "action": "activate",
        "dry_run": False,
        "applied": [[first, first + 1], [first + 4, first + 5], [first + 8, last]],
        "applied_count": 6,
        "skipped": [[first + 2, first + 3]],
        "skipped_count": 2,
        "truncated": False,
    }
    for key, value in wanted.items():
        expect(data.get(key), value, key)


@ORDERS.clause("missing", "an activation without all fingerprints is fingerprints-missing, atomic")
def _missing(t: Trial) -> None:
    first, last = t.serials(5)
    t.upload(first, t.fingerprints((first, first + 2)))
    order = t.order_id()
    body = t.refused(t.order("activate", (first, last), order=order), "fingerprints-missing")
    expect(body.get("serial"), first + 3, "serial in the problem")
    expect(t.states((first, last)), ["inactive"] * 5, "states afterwards")
    t.upload(first + 3, t.fingerprints((first + 3, last)))
    expect(t.order("activate", (first, last), order=order).status, 200, "sent again when mended")


@ORDERS.clause("atomic", "one range in the way, and nothing changes; the ranges are listed")
def _atomic(t: Trial) -> None:
    first, last = t.uploaded(9)
    t.done("activate", (first + 4, first + 5))
    body = t.refused(t.order("activate", (first, last)), "blocked")
    blocked = [{"serials": [first + 4, first + 5], "state": "active"}]
    if [{k: item.get(k) for k in ("serials", "state")} for item in body.get("blocked", [])] != (
        blocked
    ):
        raise Broken(f"blocked: {blocked}", body.get("blocked"))
    expect(body.get("blocked_total"), 1, "blocked_total")
    expect(t.states((first, last)), ["inactive"] * 4 + ["active"] * 2 + ["inactive"] * 3, "states")


@ORDERS.clause("once", "the same order again gets the same answer, also when ranges moved on")
def _once(t: Trial) -> None:
    serials, order = t.uploaded(4), t.order_id()
    first = t.done("activate", serials, order=order)
    t.done("freeze", serials)
    again = t.done("activate", serials, order=order, audit_head="ab" * 32)
    expect(again, first, "the answer")
    expect(t.states(serials), ["frozen"] * 4, "states afterwards")
    read = t.probe("GET", f"/v1/orders/{order}")
    expect(read.data, first, "the answer read back")


@ORDERS.clause("differs", "another order under a used id is order-differs")
def _differs(t: Trial) -> None:
    serials, order = t.uploaded(4), t.order_id()
    t.done("activate", serials, order=order)
    for action, more in (("freeze", {}), ("activate", {"count": 4}), ("activate", {"reason": "x"})):
        t.refused(t.order(action, serials, order=order, **more), "order-differs")
    t.refused(t.order("activate", (serials[0], serials[0]), order=order), "order-differs")
    expect(t.states(serials), ["active"] * 4, "states afterwards")


@ORDERS.clause("refusal-stays", "a refused order stays refused under its id")
def _stays(t: Trial) -> None:
    serials, order = t.active(3), t.order_id()
    t.refused(t.order("activate", serials, order=order), "blocked")
    t.done("revoke", serials)
    t.refused(t.order("activate", serials, order=order), "blocked")
    expect(t.states(serials), ["inactive"] * 3, "states afterwards")
    t.refused(t.probe("GET", f"/v1/orders/{order}"), "blocked")
    t.refused(t.order("activate", serials, order=order, count=3), "order-differs")


@ORDERS.clause("dry-run", "a dry run answers as if, and keeps nothing, not even the id")
def _dry_run(t: Trial) -> None:
    serials, order = t.uploaded(4), t.order_id()
    data = t.done("activate", serials, order=order, dry_run=True)
    expect((data.get("dry_run"), data.get("applied_count")), (True, 4), "dry_run, applied_count")
    expect(t.states(serials), ["inactive"] * 4, "states afterwards")
    t.refused(t.probe("GET", f"/v1/orders/{order}"), "not-found")
    t.done("freeze", serials, order=order)


@ORDERS.clause("count", "another number of codes than count is count-differs, with both numbers")
def _count(t: Trial) -> None:
    serials = t.uploaded(6)
    body = t.refused(t.order("activate", serials, count=5), "count-differs")
    expect((body.get("count"), body.get("would_touch")), (5, 6), "count, would_touch")
    expect(t.states(serials), ["inactive"] * 6, "states afterwards")
    t.done("activate", serials, count=6)


@ORDERS.clause("from", "codes in another state than from are in the way")
def _from(t: Trial) -> None:
    serials = t.uploaded(3)
    t.refused(t.order("freeze", serials, from_="active"), "blocked")
    expect(t.states(serials), ["inactive"] * 3, "states afterwards")
    t.done("activate", serials, from_="inactive")


@ORDERS.clause("skip", "void codes are in the way, unless skip passes over them")
def _skip(t: Trial) -> None:
    first, last = t.uploaded(4)
    t.done("void", (first, first), reason="damaged")
    t.refused(t.order("activate", (first, last)), "blocked")
    data = t.done("activate", (first, last), skip=["void"], count=3)
    expect(data.get("skipped"), [[first, first]], "skipped")
    expect(t.states((first, last)), ["void"] + ["active"] * 3, "states afterwards")


@ORDERS.clause("outside", "serials outside the batch are refused")
def _outside(t: Trial) -> None:
    t.refused(t.order("assign", (QUANTITY, QUANTITY + 1)), "outside")
    t.done("assign", (QUANTITY, QUANTITY))
    expect(t.states((QUANTITY, QUANTITY)), ["inactive"], "the state of the last serial")


@ORDERS.clause("void-count", "active codes, also frozen ones, are voided only with a count")
def _void_count(t: Trial) -> None:
    first, last = t.active(4)
    t.done("freeze", (first, first))
    for serial in (first, last):
        t.refused(t.order("void", (serial, serial), reason="lost"), "count-required")
    expect(t.states((first, last)), ["frozen"] + ["active"] * 3, "states afterwards")
    t.done("void", (first, last), reason="lost", count=4)
    expect(t.states((first, last)), ["void"] * 4, "states afterwards")


@ORDERS.clause("nothing", "an order that skips all of its codes is taken, and applies to none")
def _nothing(t: Trial) -> None:
    serials = t.serials(2)
    t.done("void", serials, reason="unused")
    data = t.done("activate", serials, skip=["void"], count=0)
    expect((data.get("applied"), data.get("applied_count")), ([], 0), "applied, applied_count")
    expect(data.get("skipped"), [[*serials]], "skipped")


@ORDERS.clause("from-skipped", "from is not asked of codes that are skipped")
def _from_skipped(t: Trial) -> None:
    first, last = t.uploaded(3)
    t.done("void", (first, first), reason="unused")
    t.done("activate", (first, last), skip=["void"], from_="inactive", count=2)
    expect(t.states((first, last)), ["void", "active", "active"], "states afterwards")


@ORDERS.clause("reason", "a reason is any text, with any action, and no answer shows it")
def _reason(t: Trial) -> None:
    serials, order = t.uploaded(1), t.order_id()
    words = f"because {t.new_head()[:16]}"
    for action in ("assign", "activate", "freeze"):
        t.done(action, serials, reason=words)
    t.done("void", serials, reason=words, count=1, order=order)
    for answer in (t.page(serials[0] - 1), t.probe("GET", f"/v1/orders/{order}")):
        if words.encode() in answer.body:
            raise Broken("a reason is shown in no answer", "it is")


@ORDERS.clause("unvoid-skip", "skip has no meaning for unvoid: it applies to void codes")
def _unvoid_skip(t: Trial) -> None:
    serials = t.serials(2)
    t.done("void", serials, reason="misprint")
    data = t.done("unvoid", serials, skip=["void"])
    expect((data.get("applied"), data.get("skipped")), ([[*serials]], []), "applied, skipped")
    expect(t.states(serials), ["inactive"] * 2, "states afterwards")


@ORDERS.clause(
    "count-zero", "a count of 0 is a count: of an order that would touch codes it differs"
)
def _count_zero(t: Trial) -> None:
    serials = t.active(2)
    for action in ("freeze", "void"):
        body = t.refused(t.order(action, serials, count=0), "count-differs")
        expect((body.get("count"), body.get("would_touch")), (0, 2), "count, would_touch")
    expect(t.states(serials), ["active"] * 2, "states afterwards")

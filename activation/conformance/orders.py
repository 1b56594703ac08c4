"""Clauses on orders: once, atomic, guarded, and the whole table of states."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from .clause import Clauses
from .outcome import Broken, expect
from .trial import QUANTITY, Serials, Trial

ORDERS = Clauses("orders", "3. Order")
STATES = Clauses("states", "States")
ATTRIBUTES = Clauses("attributes", "Attributes")
READ = Clauses("read", "4. Read back")


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
    where, order = t.uploaded(4), t.order_id()
    first = t.done("activate", where, order=order)
    t.done("freeze", where)
    again = t.done("activate", where, order=order, audit_head="ab" * 32)
    expect(again, first, "the answer")
    expect(t.states(where), ["frozen"] * 4, "states afterwards")
    read = t.probe("GET", f"/v1/orders/{order}")
    expect(read.data, first, "the answer read back")


@ORDERS.clause("differs", "another order under a used id is order-differs")
def _differs(t: Trial) -> None:
    where, order = t.uploaded(4), t.order_id()
    t.done("activate", where, order=order)
    for action, more in (("freeze", {}), ("activate", {"count": 4}), ("activate", {"reason": "x"})):
        t.refused(t.order(action, where, order=order, **more), "order-differs")
    t.refused(t.order("activate", (where[0], where[0]), order=order), "order-differs")
    expect(t.states(where), ["active"] * 4, "states afterwards")


@ORDERS.clause("refusal-stays", "a refused order stays refused under its id")
def _stays(t: Trial) -> None:
    where, order = t.active(3), t.order_id()
    t.refused(t.order("activate", where, order=order), "blocked")
    t.done("revoke", where)
    t.refused(t.order("activate", where, order=order), "blocked")
    expect(t.states(where), ["inactive"] * 3, "states afterwards")
    t.refused(t.probe("GET", f"/v1/orders/{order}"), "blocked")
    t.refused(t.order("activate", where, order=order, count=3), "order-differs")


@ORDERS.clause("dry-run", "a dry run answers as if, and keeps nothing, not even the id")
def _dry_run(t: Trial) -> None:
    where, order = t.uploaded(4), t.order_id()
    data = t.done("activate", where, order=order, dry_run=True)
    expect((data.get("dry_run"), data.get("applied_count")), (True, 4), "dry_run, applied_count")
    expect(t.states(where), ["inactive"] * 4, "states afterwards")
    t.refused(t.probe("GET", f"/v1/orders/{order}"), "not-found")
    t.done("freeze", where, order=order)


@ORDERS.clause("count", "another number of codes than count is count-differs, with both numbers")
def _count(t: Trial) -> None:
    where = t.uploaded(6)
    body = t.refused(t.order("activate", where, count=5), "count-differs")
    expect((body.get("count"), body.get("would_touch")), (5, 6), "count, would_touch")
    expect(t.states(where), ["inactive"] * 6, "states afterwards")
    t.done("activate", where, count=6)


@ORDERS.clause("from", "codes in another state than from are in the way")
def _from(t: Trial) -> None:
    where = t.uploaded(3)
    t.refused(t.order("freeze", where, from_="active"), "blocked")
    expect(t.states(where), ["inactive"] * 3, "states afterwards")
    t.done("activate", where, from_="inactive")


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


@ORDERS.clause("void-count", "active codes, also frozen ones, are voided only with a count")
def _void_count(t: Trial) -> None:
    first, last = t.active(4)
    t.done("freeze", (first, first))
    for one in ((first, first), (last, last)):
        t.refused(t.order("void", one, reason="lost"), "count-required")
    expect(t.states((first, last)), ["frozen"] + ["active"] * 3, "states afterwards")
    t.done("void", (first, last), reason="lost", count=4)
    expect(t.states((first, last)), ["void"] * 4, "states afterwards")


# --- the table of states -----------------------------------------------------------

# Written down from the document, cell by cell: state → action → state afterwards; the rest is
# in the way.
TABLE: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "inactive": {
            "activate": "active",
            "freeze": "frozen",
            "void": "void",
            "assign": "inactive",
        },
        "active": {
            "revoke": "inactive",
            "freeze": "frozen",
            "void": "void",
            "assign": "active",
        },
        "frozen": {"unfreeze": "inactive", "void": "void", "assign": "frozen"},
        "frozen while active": {
            "unfreeze": "active",
            "void": "void",
            "assign": "frozen",
        },
        "void": {"unvoid": "inactive"},
    }
)
# What some actions need besides the serials.
MORE: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {"assign": {"attributes": {"lot": "L1"}}, "void": {"reason": "other", "count": 2}}
)
ACTIONS = ("activate", "revoke", "freeze", "unfreeze", "void", "unvoid", "assign")


def _brought(t: Trial, state: str) -> Serials:
    where = t.uploaded(2)
    if state in ("active", "frozen while active"):
        t.done("activate", where)
    if state.startswith("frozen"):
        t.done("freeze", where)
    if state == "void":
        t.done("void", where, reason="other")
    return where


def _cell(state: str) -> Callable[[Trial], None]:
    def attempt(t: Trial) -> None:
        for action in ACTIONS:
            where = _brought(t, state)
            more = MORE.get(action, {})
            after = TABLE[state].get(action)
            if after is None:
                t.refused(t.order(action, where, **more), "blocked")
                after = state.partition(" ")[0]
            else:
                t.done(action, where, **more)
            expect(t.states(where), [after] * 2, f"{action} of {state}: states afterwards")

    return attempt


for _state in TABLE:
    _name = _state.replace(" ", "-")
    STATES.clause(_name, f"every action on codes that are {_state}, as the table says")(
        _cell(_state)
    )


# --- attributes --------------------------------------------------------------------


@ATTRIBUTES.clause("patch", "each key set is set, null removes it, the others stay")
def _patch(t: Trial) -> None:
    where = t.active(2, attributes={"lot": "L1", "region": "CN-31", "max_scans": 2})
    t.done("assign", where, attributes={"lot": "L2", "region": None, "native.shift": "night"})
    (item,) = t.ranges(where)
    wanted = {"lot": "L2", "max_scans": 2, "native.shift": "night"}
    expect(item["attributes"], wanted, "attributes")


@ATTRIBUTES.clause("validity", "effective_at and expires_at are kept, removed by a null among them")
def _validity(t: Trial) -> None:
    times = {"effective_at": "2026-01-01T00:00:00Z", "expires_at": "2099-01-01T08:00:00+08:00"}
    where = t.active(1, **times)
    (item,) = t.ranges(where)
    expect(sorted(item["attributes"]), ["effective_at", "expires_at"], "attributes")
    t.done("assign", where, effective_at=None, attributes={"expires_at": None})
    (item,) = t.ranges(where)
    expect(sorted(item["attributes"]), ["effective_at"], "attributes afterwards")


@ATTRIBUTES.clause("times", "a time without an offset is invalid")
def _times(t: Trial) -> None:
    where = t.uploaded(1)
    for text in ("2027-01-01T00:00:00", "2027-01-01", "tomorrow", "2027-13-01T00:00:00Z", ""):
        t.refused(t.order("activate", where, expires_at=text), "invalid")
        t.refused(t.order("activate", where, effective_at=text), "invalid")
    expect(t.states(where), ["inactive"], "states afterwards")


@ATTRIBUTES.clause("checked", "unknown keys, other types and long values are invalid")
def _checked(t: Trial) -> None:
    where = t.uploaded(1)
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
        t.refused(t.order("activate", where, attributes=attributes), "invalid")
    t.done("activate", where, attributes={"lot": "x" * 1_024})


# --- reading -----------------------------------------------------------------------


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
        if after is not None and after != reached:
            raise Broken(f"next: {reached}, the last serial shown", after)
    expect(reached, QUANTITY, "the last serial of the last page")
    if pages == 1:
        raise Broken("several pages for 2,400 ranges", "one")


@READ.clause("middle", "a page begins with the serial after `after`, also within a range")
def _middle(t: Trial) -> None:
    first, last = t.active(6)
    t.done("assign", (first, last), attributes={"lot": "middle"})
    data = t.page(first + 1).data
    expect(data["ranges"][0]["serials"], [first + 2, last], "the first range of the page")

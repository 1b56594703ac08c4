"""Clauses on what is kept of a code whatever is ordered: attributes, early scans, what is told."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from ..clause import Clauses
from ..depth import Depth
from ..noise import unknown_rows
from ..outcome import Broken, expect, expect_same
from ..trial import Serials, Trial
from .counters import ordered
from .states import TABLE

PHONES = 8
# What a consumer is told of a code besides its validity, and what is between lines and backend.
PUBLIC = {"lot": "L", "product": "P", "produced_at": "2026-11-22", "campaign": "C"}
PRIVATE: dict[str, object] = {
    "dealer": "D",
    "region": "R",
    "line": "3",
    "max_scans": 1,
    "native.x": "N",
    "property.x": "P",
    "activity.x": "A",
}
FACTS = Clauses("facts", "States")
KEYS = ("lot", "line", "dealer", "region", "campaign", "native.k", "property.k", "activity.k")
ATTRIBUTES = {
    "lot": "L1",
    "dealer": "D1",
    "campaign": "C1",
    "native.shift": "night",
    "effective_at": "2026-01-01T08:00:00+08:00",
    "expires_at": "2099-01-01T00:00:00Z",
}


def _full(t: Trial, state: str, size: int) -> Serials:
    """Codes in this state, which got their attributes before they came there."""
    serials = t.uploaded(size)
    fields = {key: value for key, value in ATTRIBUTES.items() if key.endswith("_at")}
    others = {key: value for key, value in ATTRIBUTES.items() if key not in fields}
    t.done("assign", serials, attributes=others, **fields)
    way = {"active": ("activate",), "frozen while active": ("activate", "freeze")}
    for action in way.get(state, {"frozen": ("freeze",), "void": ("void",)}.get(state, ())):
        t.done(action, serials)
    return serials


def _survive(state: str) -> Callable[[Trial], None]:
    def attempt(t: Trial) -> None:
        first, _ = _full(t, state, len(TABLE[state]))
        for number, action in enumerate(TABLE[state]):
            serials = (first + number, first + number)
            ordered(t, action, serials)
            (item,) = t.ranges(serials)
            expect(item["attributes"], ATTRIBUTES, f"attributes after {action} of {state}")

    return attempt


for _state in TABLE:
    FACTS.clause(
        f"attributes-{_state.replace(' ', '-')}",
        f"attributes of codes that are {_state} survive every action",
    )(_survive(_state))


@FACTS.clause("patched", "every action may carry attributes, and sets them")
def _patched(t: Trial) -> None:
    serials = t.uploaded(1)
    orders = ("activate", "freeze", "unfreeze", "revoke", "void", "unvoid", "assign")
    wanted: dict[str, str] = {}
    for action in orders:
        t.done(action, serials, attributes={f"native.{action}": action, "lot": action})
        wanted |= {f"native.{action}": action, "lot": action}
        (item,) = t.ranges(serials)
        expect(item["attributes"], wanted, f"attributes after {action}")


@FACTS.clause("as-sent", "attributes come back as they were sent, times character by character")
def _as_sent(t: Trial) -> None:
    fields = {
        "effective_at": "2026-01-01T08:00:00.50+08:00",
        "expires_at": "2099-06-30T23:59:59-05:00",
    }
    attributes = {key: f" {key}, as  sent" for key in KEYS} | {
        "produced_at": "2026-11-22T20:00:00+08:00",
        "product": " a  b ",
        "lot": "",
        "max_scans": 1_000_000,
    }
    serials = t.active(1, attributes=attributes, **fields)
    (item,) = t.ranges(serials)
    expect(item["attributes"], attributes | fields, "attributes")


@FACTS.clause("skipped", "codes that an order skips keep their attributes and are not reported")
def _skipped(t: Trial) -> None:
    first, last = t.uploaded(3)
    t.scan(t.code(first))
    t.done("void", (first, first), reason="damaged", attributes={"lot": "old"})
    data = t.done("activate", (first, last), skip=["void"], attributes={"lot": "new"})
    expect(data.get("scanned_before"), [], "scanned_before, of which skipped codes are no part")
    lots = [item["attributes"].get("lot") for item in t.ranges((first, last))]
    expect(lots, ["old", "new"], "lots")
    t.scanned(first, result="unknown")


def _early(state: str) -> Callable[[Trial], None]:
    def attempt(t: Trial) -> None:
        (serial, last) = serials = t.uploaded(2)
        times = {"effective_at": "2099-01-01T00:00:00Z"} if state == "not_yet" else {}
        if state == "unknown":
            t.scanned(serial, result="unknown")
        else:
            t.done("activate", serials, **times)
            if state == "inactive":
                t.done("revoke", serials)
            elif state != "not_yet":
                ordered_all = {"frozen": "freeze", "void": "void"}[state]
                t.done(ordered_all, serials, count=2)
            t.scanned(serial, result=state)
        back = {"frozen": ("unfreeze", "revoke"), "void": ("unvoid",), "not_yet": ("revoke",)}
        for action in back.get(state, ()):
            t.done(action, serials)
        for turn in ("first", "second"):
            dry = t.done("activate", serials, dry_run=True)
            expect(dry.get("scanned_before"), [serial], f"scanned_before of a dry run, {turn} time")
            order = t.order_id()
            told = t.done("activate", serials, order=order)
            expect(told.get("scanned_before"), [serial], f"scanned_before, {turn} activation")
            expect_same(t.done("activate", serials, order=order), told, "the answer that is kept")
            t.done("revoke", serials)
        other = t.done("activate", (last, last))
        expect(other.get("scanned_before"), [], "scanned_before of another serial")

    return attempt


for _state in ("unknown", "inactive", "frozen", "void", "not_yet"):
    FACTS.clause(
        f"before-{_state.replace('_', '-')}",
        f"a scan answered {_state} is told by every later activation of the code",
        section="What a scan leaves",
    )(_early(_state))


@FACTS.clause(
    "before-stays", "no action takes the note of an early scan back", section="What a scan leaves"
)
def _before_stays(t: Trial) -> None:
    (serial, _) = serials = t.uploaded(1)
    t.scanned(serial, result="unknown")
    for ended in (("freeze", "unfreeze"), ("freeze", "void", "unvoid"), ("void", "unvoid")):
        for action in (*ended, "assign"):
            t.done(action, serials, attributes={"lot": action})
        told = t.done("activate", serials)
        expect(told.get("scanned_before"), [serial], f"scanned_before after {', '.join(ended)}")
        t.done("revoke", serials)


@FACTS.clause(
    "before-between",
    "scanned_before is of the order's own serials, not of those between them",
    section="3. Order",
)
def _before_between(t: Trial) -> None:
    first, last = t.uploaded(5)
    t.scanned(first + 2, result="unknown")
    t.done("activate", (first + 2, first + 2))
    data = t.done("activate", (first, first), (last, last))
    expect(data.get("scanned_before"), [], "scanned_before")


@FACTS.clause("before-none", "genuine, repeat and expired scans are not told", section="6. Scan")
def _before_none(t: Trial) -> None:
    first, last = t.active(2)
    for result in ("genuine", "repeat"):
        t.scanned(first, result=result)
    t.done("assign", (last, last), expires_at="2020-01-01T00:00:00Z")
    t.scanned(last, result="expired")
    t.done("revoke", (first, last))
    data = t.done("activate", (first, last))
    expect(data.get("scanned_before"), [], "scanned_before")


@FACTS.clause(
    "row-leaves",
    "an unknown scan is no unknown scan once its code is active",
    section="5. Read back",
)
def _row_leaves(t: Trial) -> None:
    first, last = t.uploaded(2)
    for serial in (first, last):
        t.scanned(serial, result="unknown")
    rows = {str(row["fingerprint"]).lower() for row in unknown_rows(t.probe)}
    prints = [t.fingerprints((serial, serial)).hex() for serial in (first, last)]
    expect([name in rows for name in prints], [True, True], "listed before")
    t.done("activate", (first, first))
    rows = {str(row["fingerprint"]).lower() for row in unknown_rows(t.probe)}
    expect([name in rows for name in prints], [False, True], "listed after the first was activated")
    t.done("revoke", (first, first))
    t.scanned(first, result="inactive")
    known = [row["fingerprint"] for row in unknown_rows(t.probe) if row["fingerprint"] == prints[0]]
    expect(known, [], "rows of a code that is known and inactive")


@FACTS.clause("told", "a scan tells what is known, in every state alike", section="6. Scan")
def _told(t: Trial) -> None:
    first, last = t.active(5, attributes=PUBLIC | PRIVATE)
    t.scan(t.code(first))
    when = t.scan(t.code(first)).get("first_scan")
    steps = (("freeze", "frozen"), ("unfreeze", "repeat"), ("revoke", "inactive"), ("void", "void"))
    scans = 2
    for action, result in steps:
        t.done(action, (first, first))
        scans += result == "repeat"
        told = t.scanned(
            first, result=result, batch=t.batch, serial=first, role="item", scans=scans
        )
        expect(told.get("attributes"), PUBLIC, f"attributes told of a code that is {result}")
        expect(told.get("first_scan"), when, f"first_scan told of a code that is {result}")
    times = {"effective_at": "2099-01-01T00:00:00Z", "expires_at": "2099-01-02T00:00:00Z"}
    t.done("assign", (last, last), **times)
    told = t.scanned(last, result="not_yet", scans=0, first_scan=None, serial=last)
    expect(told.get("attributes"), PUBLIC | times, "attributes told of a code that is not_yet")
    past = {"effective_at": "2020-01-01T00:00:00Z", "expires_at": "2020-01-02T00:00:00Z"}
    t.done("assign", (last, last), **past)
    told = t.scanned(last, result="expired", scans=0, first_scan=None, serial=last)
    expect(told.get("attributes"), PUBLIC | past, "attributes told of a code that is expired")


@FACTS.clause("told-unknown", "of an unknown code nothing is told", section="6. Scan")
def _told_unknown(t: Trial) -> None:
    (serial, _) = t.uploaded(1)
    nothing = {"first_scan": None, "batch": None, "serial": None, "role": None}
    t.scanned(serial, result="unknown", scans=0, attributes={}, **nothing)


@FACTS.clause(
    "before-many",
    "scanned_before names the first 1,000, in the order of the serials",
    section="3. Order",
    depth=Depth.THOROUGH,
)
def _before_many(t: Trial) -> None:
    first, last = t.uploaded(1_010)
    with ThreadPoolExecutor(PHONES) as phones:
        list(phones.map(lambda serial: t.scan(t.code(serial)), range(last, first - 1, -1)))
    data = t.done("activate", (first, last))
    told = data.get("scanned_before", [])
    if told != [*range(first, first + 1_000)]:
        raise Broken("the first 1,000 serials, ascending", f"{len(told)} serials")
    lists = {"truncated": data.get("truncated")}
    expect(lists, {"truncated": False}, "what is told of the lists of ranges")

"""Clauses on counters: no order, and no two of them, reset one."""

from collections.abc import Callable

from ..clause import Clauses
from ..depth import Depth
from ..outcome import Broken, expect
from ..trial import Serials, Trial
from .states import TABLE

COUNTERS = Clauses("counters", "States")

# How a code gets from a state to `active` again.
_HOME = {
    "inactive": ("activate",),
    "active": (),
    "frozen": ("unfreeze", "activate"),
    "frozen while active": ("unfreeze",),
    "void": ("unvoid", "activate"),
}


def after(state: str, action: str) -> str | None:
    """The state after `action`, None if it is not possible; tells the two kinds of frozen apart."""
    found = TABLE[state].get(action)
    if found != "frozen":
        return found
    if action == "assign":
        return state
    return "frozen while active" if state == "active" else "frozen"


def ordered(t: Trial, action: str, serials: Serials) -> None:
    """Order it, with what the action needs."""
    more = {"reason": "other", "count": 1} if action == "void" else {}
    t.done(action, serials, **more)


def _second(first: str) -> list[tuple[str, ...]]:
    """Every sequence that begins with `first` on an active code and has at most two orders."""
    middle = after("active", first) or ""
    return [(first,), *((first, second) for second in TABLE[middle])]


def _kept(t: Trial, actions: tuple[str, ...]) -> None:
    (serial, _) = serials = t.active(1, attributes={"max_scans": 2})
    first = t.scanned(serial, result="genuine", scans=1).get("first_scan")
    state = "active"
    for action in actions:
        ordered(t, action, serials)
        state = after(state, action) or ""
    told = t.scan(t.code(serial)) if state != "active" else {"scans": 1, "first_scan": first}
    for action in _HOME[state]:
        ordered(t, action, serials)
    (item,) = t.ranges(serials)
    answers = [told, *(t.scan(t.code(serial)) for _ in range(2))]
    found = [item.get("scanned"), *(answer.get("scans") for answer in answers)]
    results = [answer.get("result") for answer in answers[1:]]
    firsts = {answer.get("first_scan") for answer in answers}
    if (found, results, firsts) != ([1, 1, 2, 3], ["genuine", "repeat"], {first}):
        wanted = "one scan of two used up, its time kept: then genuine, then repeat"
        steps = ("activate max_scans=2", "scan", *actions, *_HOME[state], "scan", "scan")
        raise Broken(wanted, f"scanned, scans {found}, {results}", steps)


def _clause(first: str) -> Callable[[Trial], None]:
    def attempt(t: Trial) -> None:
        # What brings codes back is where counters are lost: a quick check follows a void alone.
        whole = t.depth is not Depth.QUICK or first == "void"
        for actions in _second(first) if whole else [(first,)]:
            _kept(t, actions)

    return attempt


for _action in TABLE["active"]:
    COUNTERS.clause(_action, f"no counter is reset by {_action}, nor by any order after it")(
        _clause(_action)
    )


@COUNTERS.clause("refused", "a refused order resets no counter, nor does the order sent again")
def _refused(t: Trial) -> None:
    serials, order = t.uploaded(1), t.order_id()
    t.done("activate", serials, order=order)
    t.scanned(serials[0], scans=1)
    t.refused(t.order("activate", serials), "blocked")
    t.done("activate", serials, order=order)
    t.done("void", serials, reason="lost", count=1, dry_run=True)
    t.upload(serials[0], t.fingerprints(serials))
    t.register()
    t.scanned(serials[0], result="repeat", scans=2)


@COUNTERS.clause("raised", "another max_scans counts the scans that were before it")
def _raised(t: Trial) -> None:
    serials = t.active(1)
    t.scanned(serials[0], result="genuine")
    t.done("assign", serials, attributes={"max_scans": 3})
    for result in ("genuine", "genuine", "repeat"):
        t.scanned(serials[0], result=result)
    t.done("assign", serials, attributes={"max_scans": None})
    t.scanned(serials[0], result="repeat", scans=5)


@COUNTERS.clause("each", "every code counts for itself, also within a range")
def _each(t: Trial) -> None:
    first, last = t.active(3)
    for _ in range(2):
        t.scan(t.code(first))
    t.scanned(last, result="genuine", scans=1)
    t.scanned(first + 1, result="genuine", scans=1)
    t.scanned(first, result="repeat", scans=3)


@COUNTERS.clause("scanned", "scanned counts the codes with a counted scan, not the scans")
def _scanned(t: Trial) -> None:
    first, last = t.active(4, attributes={"lot": "counted"})
    for serial in (first, first, first + 1):
        t.scan(t.code(serial))
    t.done("freeze", (last, last))
    t.scan(t.code(last))
    counts = [item.get("scanned") for item in t.ranges((first, last))]
    expect(counts, [2, 0], "scanned of the active and the frozen range")
    (item,) = t.ranges((first, first))
    data = t.page(first).data
    expect((item.get("scanned"), data["ranges"][0].get("scanned")), (2, 1), "scanned, cut by after")

"""Clauses on what comes at once: each ends as if one had come after the other."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from ..clause import Clauses
from ..depth import Depth
from ..outcome import Broken, expect
from ..probe import Answer
from ..trial import Serials, Trial

PARALLEL = Clauses("parallel", "Rules for all of it")
ROUNDS = {Depth.QUICK: 3, Depth.NORMAL: 6, Depth.THOROUGH: 20}
T = TypeVar("T")


def rounds(t: Trial) -> range:
    """How often a race is run: a backend that loses one may win the next."""
    return range(ROUNDS[t.depth])


def together(calls: Sequence[Callable[[], T]]) -> list[T]:
    """The results of `calls`, which begin at the same moment."""
    gate = threading.Barrier(len(calls))

    def begin(call: Callable[[], T]) -> T:
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(begin, calls))


def put(t: Trial, order: str, body: dict[str, Any]) -> Callable[[], Answer]:
    """A call that sends the order, and again while the backend says that it is busy."""

    def call() -> Answer:
        for _ in range(10):
            answer = t.probe("PUT", f"/v1/orders/{order}", body)
            # "Try again later": whoever calls at once may hear it.
            if answer.status not in (408, 425, 429, 503):
                break
        return answer

    return call


def _one(answers: Sequence[Answer], wanted: str) -> int:
    """The index of the only answer 200; all others are refused as `wanted`."""
    taken = [at for at, answer in enumerate(answers) if answer.status == 200]
    others = [answer.problem for answer in answers if answer.status != 200]
    if len(taken) != 1 or set(others) != {wanted}:
        found = ", ".join(map(str, answers))
        raise Broken(f"exactly one 200, the others {wanted}", found)
    return taken[0]


@PARALLEL.clause("orders", "of two orders that exclude each other, sent at once, one is refused")
def _orders(t: Trial) -> None:
    for _ in rounds(t):
        serials = t.uploaded(3)
        actions = ("void", "freeze", "activate")
        bodies = [t.body(action, serials, from_="inactive", count=3) for action in actions]
        at = _one(together([put(t, t.order_id(), body) for body in bodies]), "blocked")
        state = ("void", "frozen", "active")[at]
        expect(t.states(serials), [state] * 3, "states, as the order that was taken leaves them")


@PARALLEL.clause("states", "void and freeze at once: void, whichever came first")
def _states(t: Trial) -> None:
    for _ in rounds(t):
        serials = t.serials(3)
        calls = [put(t, t.order_id(), t.body(action, serials)) for action in ("void", "freeze")]
        void, freeze = together(calls)
        expect(void.status, 200, "the status of void")
        if freeze.status != 200:
            t.refused(freeze, "blocked")
        expect(t.states(serials), ["void"] * 3, "states afterwards")


@PARALLEL.clause(
    "ranges", "activations that overlap, sent at once: one is taken, one changes nothing"
)
def _ranges(t: Trial) -> None:
    for _ in rounds(t):
        first, last = t.uploaded(9)
        ranges: tuple[Serials, Serials] = ((first, last - 3), (first + 3, last))
        at = _one(
            together([put(t, t.order_id(), t.body("activate", r)) for r in ranges]), "blocked"
        )
        wanted = [
            "active" if ranges[at][0] <= s <= ranges[at][1] else "inactive"
            for s in range(first, last + 1)
        ]
        expect(t.states((first, last)), wanted, "states afterwards")


@PARALLEL.clause("same", "one order sent several times at once is applied once, with one answer")
def _same(t: Trial) -> None:
    for _ in rounds(t):
        serials, order = t.uploaded(3), t.order_id()
        answers = together([put(t, order, t.body("activate", serials))] * 4)
        for answer in answers:
            if answer.status != 200 or answer.data != answers[0].data:
                found = ", ".join(map(str, answers))
                raise Broken("the same answer to each, 200", found)
        expect(t.states(serials), ["active"] * 3, "states afterwards")


@PARALLEL.clause(
    "refusal", "one order that is refused, sent several times at once, has one refusal"
)
def _refusal(t: Trial) -> None:
    for _ in rounds(t):
        serials, order = t.active(2), t.order_id()
        answers = together([put(t, order, t.body("activate", serials))] * 4)
        for answer in answers:
            t.refused(answer, "blocked")
        t.refused(t.probe("GET", f"/v1/orders/{order}"), "blocked")


@PARALLEL.clause(
    "differs", "two orders under one id at once: one is taken, the other order-differs"
)
def _differs(t: Trial) -> None:
    for _ in rounds(t):
        (mine, theirs), order = (t.uploaded(2), t.uploaded(2)), t.order_id()
        bodies = [t.body("activate", mine), t.body("activate", theirs)]
        at = _one(together([put(t, order, body) for body in bodies]), "order-differs")
        states = (t.states(mine), t.states(theirs))
        expect(states[at], ["active"] * 2, "states of the order that was taken")
        expect(states[1 - at], ["inactive"] * 2, "states of the order that was not")


@PARALLEL.clause("patches", "attributes set at once are all set, none is lost")
def _patches(t: Trial) -> None:
    for _ in rounds(t):
        serials = t.serials(2)
        patches = [{f"native.k{n}": str(n)} for n in range(4)]
        bodies = [t.body("assign", serials, attributes=patch) for patch in patches]
        for answer in together([put(t, t.order_id(), body) for body in bodies]):
            expect(answer.status, 200, "the status of assign")
        wanted = {key: value for patch in patches for key, value in patch.items()}
        (item,) = t.ranges(serials)
        expect(item["attributes"], wanted, "attributes afterwards")


@PARALLEL.clause("register", "one id registered at once with two quantities is one batch")
def _register(t: Trial) -> None:
    name = f"/v1/batches/{t.batch}-atonce"
    calls = [partial(t.probe, "PUT", name, t.registration(quantity=100 + n)) for n in range(3)]
    at = _one(together(calls), "batch-differs")
    expect(t.probe("GET", f"{name}?after=0").data["quantity"], 100 + at, "quantity as read back")


@PARALLEL.clause("uploads", "uploads beside each other, and beside an activation, are all kept")
def _uploads(t: Trial) -> None:
    first, last = t.uploaded(4)
    parts = [t.serials(50) for _ in range(4)]
    data = [(part[0], t.fingerprints(part)) for part in parts]
    calls: list[Callable[[], Answer]] = [partial(t.upload, *item) for item in data]
    answers = together([*calls, put(t, t.order_id(), t.body("activate", (first, last)))])
    expect([answer.status for answer in answers], [204] * 4 + [200], "the statuses")
    t.done("activate", *parts, count=200)


@PARALLEL.clause(
    "uploads-differ",
    "of different uploads for one serial at once, one is taken",
    depth=Depth.NORMAL,
)
def _uploads_differ(t: Trial) -> None:
    for _ in rounds(t):
        (serial, _) = serials = t.serials(1)
        codes = [t.new_code() for _ in range(4)]
        prints = [t.fingerprint(code) for code in codes]
        answers = together([partial(t.upload, serial, data) for data in prints])
        taken = [code for code, answer in zip(codes, answers, strict=True) if answer.status == 204]
        found = sorted(answer.problem for answer in answers)
        expect(found, ["", *["fingerprints-differ"] * 3], "the problems of four uploads")
        t.give(serial, taken[0])
        t.done("activate", serials)
        expect(
            t.upload(serial, t.fingerprints(serials)).status, 204, "the status of the same again"
        )


@PARALLEL.clause(
    "scans", "scans beside orders: no scan is lost, none is answered by a state long past"
)
def _scans(t: Trial) -> None:
    for _ in rounds(t):
        (serial, _) = serials = t.active(1, attributes={"max_scans": 100})
        t.scan(t.code(serial))
        scans = [partial(t.scan, t.code(serial)) for _ in range(4)]
        freeze = t.body("freeze", serials)
        calls: list[Callable[[], Any]] = [*scans, put(t, t.order_id(), freeze)]
        *answers, _ = together(calls)
        t.scanned(serial, result="frozen")
        counted = sum(answer.get("result") == "genuine" for answer in answers)
        t.done("unfreeze", serials)
        t.scanned(serial, result="genuine", scans=counted + 2)


@PARALLEL.clause(
    "scan-id",
    "one scan sent several times at once under its scan_id counts once",
    depth=Depth.NORMAL,
)
def _scan_id(t: Trial) -> None:
    for _ in rounds(t):
        (serial, _) = t.active(1)
        name = f"kit-{t.order_id()}"
        answers = together([partial(t.scan, t.code(serial), name)] * 5)
        if any(answer != answers[0] for answer in answers):
            raise Broken("the same answer to each", [a.get("result") for a in answers])
        t.scanned(serial, result="repeat", scans=2)

"""Clauses on refusals: which comes first if several apply, and what is left unchanged."""

from collections.abc import Callable
from typing import Any

from ..clause import Clauses
from ..outcome import Broken, expect
from ..probe import Answer
from ..trial import QUANTITY, Serials, Trial

REFUSALS = Clauses("refusals", "Which refusal comes first")


def _first(name: str, text: str) -> Callable[[Callable[[Trial], Answer]], None]:
    """A clause: what the function sends is refused as `name`, although more would apply."""

    def add(send: Callable[[Trial], Answer]) -> None:
        def attempt(t: Trial) -> None:
            t.refused(send(t), name)

        REFUSALS.clause(f"first-{name}", text)(attempt)

    return add


@_first("invalid", "an order of no good form is invalid before anything is looked at")
def _invalid(t: Trial) -> Answer:
    order = t.order_id()
    t.done("assign", t.serials(1), order=order)
    body = t.body("activate", (QUANTITY, QUANTITY + 1), batch=f"{t.batch}-none", surprise=1)
    return t.probe("PUT", f"/v1/orders/{order}", body)


@_first("order-differs", "a used id is order-differs before the batch is looked for")
def _order_differs(t: Trial) -> Answer:
    order = t.order_id()
    t.done("assign", t.serials(1), order=order)
    body = t.body("assign", (QUANTITY, QUANTITY + 1)) | {"batch": f"{t.batch}-none"}
    return t.probe("PUT", f"/v1/orders/{order}", body)


@REFUSALS.clause(
    "first-never-valid", "a validity that is none is invalid before outside and blocked"
)
def _never_valid(t: Trial) -> None:
    times = {"effective_at": "2099-01-01T00:00:00Z", "expires_at": "2098-01-01T00:00:00Z"}
    tries: tuple[tuple[Serials, dict[str, Any]], ...] = (
        ((QUANTITY, QUANTITY + 1), {}),
        (t.active(1), {}),
        (t.serials(1), {"count": 7}),
    )
    for serials, more in tries:
        t.refused(t.order("activate", serials, **times, **more), "invalid")
    nowhere = t.body("activate", (1, 1), **times) | {"batch": f"{t.batch}-none"}
    t.refused(t.probe("PUT", f"/v1/orders/{t.order_id()}", nowhere), "not-found")


@_first("outside", "outside comes before blocked, count-differs and fingerprints-missing")
def _outside(t: Trial) -> Answer:
    return t.order("activate", t.active(1), t.serials(1), (QUANTITY, QUANTITY + 1), count=1)


@_first("blocked", "blocked comes before count-differs, count-required and fingerprints-missing")
def _blocked(t: Trial) -> Answer:
    missing, taken = t.serials(1), t.active(1)
    return t.order("activate", missing, taken, count=7)


@_first("count-differs", "count-differs comes before fingerprints-missing")
def _count_differs(t: Trial) -> Answer:
    return t.order("activate", t.serials(2), count=7)


@REFUSALS.clause(
    "upload-first", "media-type, invalid, not-found, outside, then fingerprints-differ"
)
def _upload_first(t: Trial) -> None:
    other = t.other("apart")
    quantity = other.form.quantity
    none, far = f"{t.batch}-none", quantity + 1
    strange = t.probe("PUT", f"/v1/batches/{none}/fingerprints/{far}", bytes(15), kind="text/plain")
    t.refused(strange, "media-type")
    t.refused(t.probe("PUT", f"/v1/batches/{none}/fingerprints/{far}", bytes(15)), "invalid")
    t.refused(t.probe("PUT", f"/v1/batches/{none}/fingerprints/{far}", bytes(16)), "not-found")
    # Of the last serial something else is held.
    other.upload(quantity, other.fingerprints((quantity, quantity)))
    t.refused(other.upload(quantity, bytes(32)), "outside")
    t.refused(other.upload(quantity, bytes(16)), "fingerprints-differ")


@REFUSALS.clause(
    "key-before-differs", "key-unknown comes before batch-differs", section="1. Register a batch"
)
def _key_before(t: Trial) -> None:
    changed: dict[str, Any] = {"quantity": QUANTITY + 1, "fingerprint_key_id": "0" * 16}
    t.refused(t.register(**changed), "key-unknown")


@REFUSALS.clause("upload", "a refused upload keeps nothing", section="2. Upload fingerprints")
def _upload(t: Trial) -> None:
    serials = t.serials(2)
    t.refused(t.upload(serials[0], t.fingerprints(serials) + b"x"), "invalid")
    t.refused(t.order("activate", serials), "fingerprints-missing")
    near_end = t.fingerprints((QUANTITY, QUANTITY)) * 2
    t.refused(t.upload(QUANTITY, near_end), "outside")
    t.refused(t.order("activate", (QUANTITY, QUANTITY)), "fingerprints-missing")


@REFUSALS.clause("unchanged", "a refused order changes no attribute, and no state")
def _unchanged(t: Trial) -> None:
    first, last = t.active(4, attributes={"lot": "L1"})
    t.done("freeze", (last, last))
    before = t.ranges((first, last), digests=True)
    patch: dict[str, Any] = {"attributes": {"lot": "L2"}, "expires_at": "2020-01-01T00:00:00Z"}
    t.refused(t.order("revoke", (first, last), **patch), "blocked")
    t.refused(t.order("assign", (first, last), count=3, **patch), "count-differs")
    t.refused(t.order("void", (first, first), reason="lost", **patch), "count-required")
    t.refused(t.order("freeze", (first, first), from_="inactive", **patch), "blocked")
    expect(t.ranges((first, last), digests=True), before, "ranges afterwards")


@REFUSALS.clause(
    "members",
    "a problem has type, title, status and detail, and its own members",
    section="Problems",
)
def _members(t: Trial) -> None:
    serials = t.active(2)
    answers = (
        t.order("activate", serials),
        t.order("freeze", serials, count=1),
        t.order("void", serials),
        t.order("activate", t.serials(1)),
        t.order("activate", serials, surprise=1),
        t.order("assign", (QUANTITY, QUANTITY + 1)),
        t.probe("GET", f"/v1/orders/{t.order_id()}"),
        t.register(quantity=1),
    )
    statuses = (409, 409, 409, 409, 422, 409, 404, 409)
    for answer, status in zip(answers, statuses, strict=True):
        name = answer.problem
        if not name:
            raise Broken("a problem of the API", answer)
        body = t.refused(answer, name)
        expect(answer.status, status, f"the status of {name}")
        for key in ("title", "detail"):
            expect(type(body.get(key)).__name__, "str", f"{key} of {name}")

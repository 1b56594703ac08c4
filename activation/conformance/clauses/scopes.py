"""Clauses on scopes: what a second key may not do. Its scope stands in docs/conformance.md."""

from collections.abc import Callable

from ..clause import Attempt, Clauses
from ..form import SignatureForm
from ..outcome import NotOffered, expect
from ..probe import Answer, Probe
from ..raw_form import with_nonce
from ..trial import Serials, Trial

SCOPES = Clauses("scopes", "Scopes", "signing.md")
NARROW = "narrow"  # the batch that the second key is for: its pattern is *-narrow


def second(attempt: Callable[[Trial, Probe], None]) -> Attempt:
    """Have the clause not offered without a second key; else it gets that key's probe."""

    def guarded(t: Trial) -> None:
        if t.second is None:
            raise NotOffered("only with --second-key")
        attempt(t, t.second)

    return guarded


def _narrow(t: Trial) -> Trial:
    return t.other(NARROW)


def _order(
    probe: Probe, t: Trial, action: str, serials: Serials, order: str, **more: object
) -> Answer:
    return probe("PUT", f"/v1/orders/{order}", t.body(action, serials, **more))


@SCOPES.clause(
    "permitted", "a key may do what is in its scope: freeze, read the batch and the order"
)
@second
def _permitted(t: Trial, probe: Probe) -> None:
    batch = _narrow(t)
    serials, order = batch.serials(2), t.order_id()
    expect(_order(probe, batch, "freeze", serials, order).status, 200, "the status of freeze")
    expect(batch.states(serials), ["frozen"] * 2, "states afterwards")
    for path in (f"/v1/orders/{order}", f"/v1/batches/{batch.batch}?after=0"):
        expect(probe("GET", path).status, 200, f"the status of GET {path.partition('/v1')[2]}")
    for path in (f"/v1/homes/{t.home}/head", "/v1/unknown-scans?after=0"):
        answer = probe("GET", path)
        if answer.status not in (404, 405, 501):
            expect(answer.status, 200, "the status of what any key may read")
    registered = probe("PUT", f"/v1/batches/{batch.batch}", batch.registration())
    expect(registered.status, 200, "the status of registering its own batch again")


@SCOPES.clause(
    "actions", "an action that is not in the key's scope is forbidden, and keeps nothing"
)
@second
def _actions(t: Trial, probe: Probe) -> None:
    batch = _narrow(t)
    serials = batch.uploaded(2)
    for action in ("activate", "assign", "void", "unfreeze", "revoke", "unvoid"):
        order = t.order_id()
        t.refused(_order(probe, batch, action, serials, order), "forbidden")
        t.not_found(order)
    dry = _order(probe, batch, "activate", serials, t.order_id(), dry_run=True)
    t.refused(dry, "forbidden")
    expect(batch.states(serials), ["inactive"] * 2, "states afterwards")


@SCOPES.clause(
    "batches", "a batch that is not in the key's scope is forbidden, to order and to read"
)
@second
def _batches(t: Trial, probe: Probe) -> None:
    serials, order = t.serials(2), t.order_id()
    t.refused(_order(probe, t, "freeze", serials, order), "forbidden")
    t.not_found(order)
    t.done("freeze", serials, order=order)
    t.refused(probe("GET", f"/v1/orders/{order}"), "forbidden")
    t.refused(probe("GET", f"/v1/orders/{t.order_id()}"), "not-found")
    t.refused(probe("GET", f"/v1/batches/{t.batch}?after=0"), "forbidden")
    t.refused(probe("PUT", f"/v1/batches/{t.batch}", t.registration()), "forbidden")
    for new in (f"{t.batch}-{NARROW}-not", f"{t.batch}-{NARROW.upper()}"):
        t.refused(probe("PUT", f"/v1/batches/{new}", t.registration()), "forbidden")
        t.refused(t.probe("GET", f"/v1/batches/{new}?after=0"), "not-found")


@SCOPES.clause("unknown-batch", "what is not in the scope is forbidden whether it exists or not")
@second
def _unknown_batch(t: Trial, probe: Probe) -> None:
    t.refused(probe("GET", f"/v1/batches/{t.batch}-none?after=0"), "forbidden")
    body = t.body("freeze", (1, 1)) | {"batch": f"{t.batch}-none"}
    t.refused(probe("PUT", f"/v1/orders/{t.order_id()}", body), "forbidden")


@SCOPES.clause("layers", "attributes of a layer that is not in the scope are forbidden, null too")
@second
def _layers(t: Trial, probe: Probe) -> None:
    batch = _narrow(t)
    serials = batch.serials(2)
    wrong: tuple[dict[str, object], ...] = (
        {"attributes": {"lot": "L"}},
        {"attributes": {"dealer": None}},
        {"attributes": {"activity.x": "1"}},
        {"expires_at": "2099-01-01T00:00:00Z"},
        {"attributes": {"effective_at": None}},
    )
    for more in wrong:
        order = t.order_id()
        t.refused(_order(probe, batch, "freeze", serials, order, **more), "forbidden")
        t.not_found(order)
    expect(batch.states(serials), ["inactive"] * 2, "states afterwards")


@SCOPES.clause("upload", "a key that may not upload is forbidden to, and nothing is kept")
@second
def _upload(t: Trial, probe: Probe) -> None:
    batch = _narrow(t)
    serials = batch.serials(2)
    path = f"/v1/batches/{batch.batch}/fingerprints/{serials[0]}"
    t.refused(probe("PUT", path, batch.fingerprints(serials)), "forbidden")
    t.refused(batch.order("activate", serials), "fingerprints-missing")


@SCOPES.clause(
    "kept", "a kept answer does not open a scope: sent again it is forbidden, read it is not"
)
@second
def _kept(t: Trial, probe: Probe) -> None:
    batch = _narrow(t)
    serials, order = batch.uploaded(2), t.order_id()
    first = batch.done("activate", serials, order=order)
    t.refused(_order(probe, batch, "activate", serials, order), "forbidden")
    expect(probe("GET", f"/v1/orders/{order}").data, first, "the answer read by the second key")
    order, frozen = t.order_id(), batch.serials(1)
    first = batch.done("freeze", frozen, order=order)
    again = _order(probe, batch, "freeze", frozen, order)
    expect(again.data, first, "the answer of an order in its scope, that another key sent first")


@SCOPES.clause("order", "forbidden comes after invalid, and before order-differs and outside")
@second
def _forbidden_first(t: Trial, probe: Probe) -> None:
    order = t.order_id()
    t.done("assign", t.serials(1), order=order)
    t.refused(_order(probe, t, "freeze", (1, 1), order), "forbidden")
    far = t.form.quantity + 1
    t.refused(_order(probe, t, "freeze", (far, far), t.order_id()), "forbidden")
    t.refused(_order(probe, t, "freeze", (1, 1), t.order_id(), surprise=1), "invalid")


@SCOPES.clause(
    "key", "a key's signature under the id of another is refused", section="What the backend checks"
)
@second
def _key(t: Trial, probe: Probe) -> None:
    mine, theirs = t.probe.key_id, probe.key_id
    for signer, name in ((t.probe, theirs), (probe, mine)):
        answer = signer("GET", f"/v1/batches/{t.batch}?after=0", form=SignatureForm(key_id=name))
        t.refused(answer, "unauthorised")


@SCOPES.clause(
    "nonce", "a nonce is kept per key: another key may use it", section="What the backend checks"
)
@second
def _nonce(t: Trial, probe: Probe) -> None:
    text = t.new_head()[:32]
    path = f"/v1/batches/{_narrow(t).batch}?after=0"
    for sender in (t.probe, probe):
        answer = sender("GET", path, form=with_nonce(text))
        expect(answer.status, 200, "the status of a request with a nonce that another key used")
        t.refused(sender("GET", path, form=with_nonce(text)), "unauthorised")

"""Clauses on signatures: an unknown key, a wrong time and another request are refused."""

from collections.abc import Callable
from datetime import timedelta

from ...client.signing import COMPONENTS
from ..clause import Clauses
from ..form import SignatureForm
from ..outcome import Broken, NotOffered
from ..trial import Trial

SIGNING = Clauses("signing", "What the backend checks", "signing.md")
HOUR = timedelta(hours=1)


def signed(attempt: Callable[[Trial], None]) -> Callable[[Trial], None]:
    """Have the clause not offered if the kit was given no key."""

    def guarded(t: Trial) -> None:
        if not t.probe.signs:
            raise NotOffered("not without signatures")
        attempt(t)

    return guarded


@SIGNING.clause("needed", "without a signature nobody reads or orders: 401, with the server's time")
@signed
def _needed(t: Trial) -> None:
    for method, path, body in calls(t):
        answer = t.probe(method, path, body, form=None)
        if "server_time" not in t.refused(answer, "unauthorised"):
            raise Broken("server_time in the problem", "none")


@SIGNING.clause("replay", "the same signed request is not taken twice")
@signed
def _replay(t: Trial) -> None:
    for method, path, body in calls(t):
        request = t.probe.request(method, path, body)
        first = t.probe.send(request)
        if first.status >= 400:
            raise Broken("a signed request is taken", first)
        t.refused(t.probe.send(request), "unauthorised")


@SIGNING.clause("covers", "method, path, query and body can't be changed on the way")
@signed
def _covers(t: Trial) -> None:
    order = f"/v1/orders/{t.order_id()}"
    body = {"batch": t.batch, "action": "assign", "serials": [list(t.uploaded(1))]}
    good = t.probe.request("PUT", order, body)
    other = {**body, "action": "freeze"}
    for changed in (
        t.probe.request("PUT", f"{order}x", body, form=None),
        t.probe.request("PUT", f"{order}?dry_run=1", body, form=None),
        t.probe.request("PUT", order, other, form=None),
    ):
        for name in ("signature", "signature-input", "content-digest"):
            changed.headers[name] = good.headers[name]
        t.refused(t.probe.send(changed), "unauthorised")
    t.refused(t.probe("GET", order), "not-found")


@SIGNING.clause("forged", "a signature with one bit changed is refused")
@signed
def _forged(t: Trial) -> None:
    request = t.probe.request("GET", t.reading())
    text = request.headers["signature"]
    at = text.index("=:") + 5
    request.headers["signature"] = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
    t.refused(t.probe.send(request), "unauthorised")


@SIGNING.clause("expired", "a signature made an hour ago, or past its expires, is refused")
@signed
def _expired(t: Trial) -> None:
    _refused(t, SignatureForm(shift=-HOUR))
    # However long it claims to be good: five minutes are the most.
    _refused(t, SignatureForm(shift=-HOUR, valid=3 * HOUR))
    _refused(t, SignatureForm(shift=-timedelta(minutes=2), valid=timedelta(minutes=1)))


@SIGNING.clause("early", "a signature made an hour from now is refused")
@signed
def _early(t: Trial) -> None:
    _refused(t, SignatureForm(shift=HOUR))


@SIGNING.clause("components", "a signature that leaves out what it must cover is refused")
@signed
def _components(t: Trial) -> None:
    for left_out in COMPONENTS:
        _refused(t, SignatureForm(covered=tuple(name for name in COMPONENTS if name != left_out)))
    _, order, _ = calls(t)
    bare = t.probe.request(*order, form=SignatureForm(digest=False))
    # A digest that is right and not covered: who changes the body can change the digest too.
    uncovered = t.probe.request(*order, form=SignatureForm(digest=False))
    uncovered.headers["content-digest"] = t.probe.request(*order).headers["content-digest"]
    for request in (bare, uncovered):
        t.refused(t.probe.send(request), "unauthorised")


@SIGNING.clause("nonce", "a signature without a nonce is refused")
@signed
def _nonce(t: Trial) -> None:
    _refused(t, SignatureForm(nonce=False))


@SIGNING.clause("algorithm", "the public key, used as a shared secret, signs nothing")
@signed
def _algorithm(t: Trial) -> None:
    _refused(t, SignatureForm(confused=True))


@SIGNING.clause("stranger", "a signature under a key id that nobody registered is refused")
@signed
def _stranger(t: Trial) -> None:
    _refused(t, SignatureForm(key_id=t.order_id()))


def _refused(t: Trial, form: SignatureForm) -> None:
    """Expect 401 for every call signed in this form."""
    for call in calls(t):
        t.refused(t.probe(*call, form=form), "unauthorised")


def calls(t: Trial) -> tuple[tuple[str, str, object], ...]:
    """A reading, an order and a registration that are good, apart from their signatures."""
    body = {"batch": t.batch, "action": "assign", "serials": [list(t.serials(1))]}
    return (
        ("GET", t.reading(), None),
        ("PUT", f"/v1/orders/{t.order_id()}", body),
        ("PUT", f"/v1/batches/{t.batch}", t.registration()),
    )

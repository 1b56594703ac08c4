"""Clauses on when a signature is good, and that it is good once."""

import time
from datetime import timedelta
from functools import partial

from ....codegen import times
from ..clause import Clauses
from ..form import SignatureForm
from ..outcome import Broken, NotOffered, expect
from ..probe import Answer
from ..raw_form import RawForm
from ..trial import Trial
from .parallel import together
from .signatures import calls, signed

SIGNING_TIME = Clauses("signing", "What the backend checks", "signing.md")
# A request that took this long says nothing about an edge: it is tried again.
SLOW_SECONDS = 4.0
TRIES = 5
GOOD_SECONDS = 300.0
REPLAYED = 12


def _shift(t: Trial) -> timedelta:
    """By how much the backend's clock is ahead of this machine's, to a second and an answer."""
    body = t.probe("GET", t.reading(), form=None).data
    try:
        theirs = times.parse(str(body["server_time"]))
    except (KeyError, TypeError, ValueError):
        raise NotOffered("the backend tells no server_time to measure its clock by") from None
    return theirs - t.probe.now()


def _at(t: Trial, created: timedelta, valid: timedelta = timedelta(minutes=5)) -> Answer:
    """The answer to a request whose `created` lies there by the backend's clock."""
    for _ in range(TRIES):
        begun = time.monotonic()
        form = RawForm(shift=_shift(t) + created, valid=valid)
        answer = t.probe("GET", t.reading(), form=form)
        if time.monotonic() - begun < SLOW_SECONDS:
            return answer
    raise NotOffered("the backend answers too slowly to tell seconds apart")


@SIGNING_TIME.clause(
    "ahead", "created may lie 60 seconds ahead of the backend's clock, and no more"
)
@signed
def _ahead(t: Trial) -> None:
    for seconds in (30, 55):
        answer = _at(t, timedelta(seconds=seconds))
        if answer.status != 200:
            raise Broken(f"created {seconds} s ahead of the backend's clock is taken", answer)
    for seconds in (70, 120):
        answer = _at(t, timedelta(seconds=seconds))
        if answer.problem != "unauthorised":
            raise Broken(f"created {seconds} s ahead of the backend's clock is refused", answer)


@SIGNING_TIME.clause("old", "a signature is good for five minutes from created, whatever it claims")
@signed
def _old(t: Trial) -> None:
    for seconds in (120, 285):
        answer = _at(t, -timedelta(seconds=seconds))
        if answer.status != 200:
            raise Broken(f"created {seconds} s ago is taken", answer)
    for seconds in (310, 330):
        for valid in (timedelta(minutes=5), timedelta(minutes=10)):
            answer = _at(t, -timedelta(seconds=seconds), valid)
            if answer.problem != "unauthorised":
                raise Broken(f"created {seconds} s ago is refused", answer)


@SIGNING_TIME.clause("expires", "a signature whose expires is past is refused, however young it is")
@signed
def _expires(t: Trial) -> None:
    answer = _at(t, -timedelta(seconds=40), timedelta(seconds=25))
    if answer.problem != "unauthorised":
        raise Broken("expires 15 s ago is refused", answer)
    answer = _at(t, -timedelta(seconds=40), timedelta(seconds=60))
    expect(answer.status, 200, "the status of a request whose expires lies 20 s ahead")
    answer = _at(t, -timedelta(seconds=40), timedelta(hours=1))
    expect(answer.status, 200, "the status of a request whose expires lies an hour off")


@SIGNING_TIME.clause(
    "replay-later", "a signed request is not taken again after others, nor after a refusal"
)
@signed
def _replay_later(t: Trial) -> None:
    requests = [t.probe.request(*call) for call in calls(t)]
    blocked = t.body("activate", t.active(1))
    requests.append(t.probe.request("PUT", f"/v1/orders/{t.order_id()}", blocked))
    requests.append(t.probe.request("PUT", f"/v1/orders/{t.order_id()}", {"surprise": 1}))
    statuses = [t.probe.send(request).status for request in requests]
    expect(statuses, [200, 200, 200, 409, 422], "the statuses of the first sending")
    for _ in range(8):
        t.page(t.form.quantity)
    for request in reversed(requests):
        t.refused(t.probe.send(request), "unauthorised")


@SIGNING_TIME.clause(
    "replay-old", "no signed request of this check is taken again while its signature is good"
)
@signed
def _replay_old(t: Trial) -> None:
    since = time.monotonic() - GOOD_SECONDS
    requests = [request for sent, request in t.probe.taken if sent > since]
    for request in requests[:: max(1, len(requests) // REPLAYED)]:
        t.refused(t.probe.send(request), "unauthorised")


@SIGNING_TIME.clause("replay-parallel", "a signed request sent several times at once is taken once")
@signed
def _replay_parallel(t: Trial) -> None:
    for _ in range(4):
        request = t.probe.request("GET", t.reading())
        answers = together([partial(t.probe.send, request)] * 5)
        taken = sum(answer.status == 200 for answer in answers)
        refused = sum(answer.problem == "unauthorised" for answer in answers)
        if (taken, refused) != (1, 4):
            raise Broken("one 200, the others unauthorised", ", ".join(map(str, answers)))


@SIGNING_TIME.clause("everywhere", "every address of lines asks for a signature")
@signed
def _everywhere(t: Trial) -> None:
    order = t.order_id()
    t.done("assign", t.serials(1), order=order)
    upload = t.serials(1)
    paths: tuple[tuple[str, str, object], ...] = (
        ("GET", f"/v1/orders/{order}", None),
        ("GET", f"/v1/homes/{t.home}/head", None),
        ("GET", "/v1/unknown-scans?after=0", None),
        ("PUT", f"/v1/batches/{t.batch}/fingerprints/{upload[0]}", t.fingerprints(upload)),
        ("PUT", f"/v1/orders/{t.order_id()}", t.body("assign", t.serials(1))),
    )
    for method, path, body in paths:
        for form in (None, SignatureForm(shift=-timedelta(hours=1))):
            answer = t.probe(method, path, body, form=form)
            # An address that a backend does not offer is nowhere.
            if answer.status not in (404, 405, 501) or "orders" in path:
                t.refused(answer, "unauthorised")


@SIGNING_TIME.clause(
    "first", "without a signature nothing is told: 401 comes before 422, 403, 404 and 409"
)
@signed
def _first(t: Trial) -> None:
    order = t.order_id()
    t.done("assign", t.serials(1), order=order)
    body = t.body("assign", (1, 1))
    paths: tuple[tuple[str, str, object], ...] = (
        ("GET", f"/v1/batches/{t.batch}-none?after=0", None),
        ("GET", f"/v1/orders/{t.order_id()}", None),
        ("PUT", f"/v1/orders/{order}", body),
        ("PUT", f"/v1/orders/{t.order_id()}", {"surprise": 1}),
        ("PUT", f"/v1/batches/{t.batch}", t.registration(quantity=1)),
    )
    for method, path, content in paths:
        t.refused(t.probe(method, path, content, form=None), "unauthorised")

"""Clauses on a backend that was restarted, or restored: it forgets nothing that it has answered.

They re-ask what an earlier check asked, by its trace. Its codes are void by now.
"""

import random
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from ..clause import Attempt, Clauses
from ..depth import Depth
from ..outcome import Broken, NotOffered, expect
from ..raw_form import with_nonce
from ..recorded import Exchange, Recorded
from ..trial import Trial

AGAIN = Clauses("again", "3. Order")
SIGNED = Clauses("again", "What the backend checks", "signing.md")
# As many of each kind as are asked again; a thorough check asks all.
SAMPLE: Final = 120
# A signature is good for five minutes; the rest is for clocks and slow answers.
NONCE_KEPT: Final = timedelta(minutes=4)
SCAN_ID_KEPT: Final = timedelta(hours=23)
_NONCE: Final = re.compile(r';nonce="([0-9a-f]{32})"')


def recorded(attempt: Callable[[Trial, Recorded], None]) -> Attempt:
    """Have the attempt get the earlier check."""

    def guarded(t: Trial) -> None:
        if t.last is None:
            raise NotOffered
        attempt(t, t.last)

    return guarded


def _sample(t: Trial, found: list[tuple[str, Exchange]]) -> list[tuple[str, Exchange]]:
    if not found:
        raise NotOffered("the earlier check has nothing of this kind")
    if t.depth is Depth.THOROUGH or len(found) <= SAMPLE:
        return found
    # Which ones is no secret, and the same seed asks the same.
    return random.Random(t.seed).sample(found, SAMPLE)  # noqa: S311


@AGAIN.clause("health", "the fingerprint key is the one it was")
@recorded
def _health(t: Trial, last: Recorded) -> None:
    data = t.probe("GET", "/v1/health", form=None).data or {}
    expect(data.get("fingerprint_key_id"), last.key_id, "fingerprint_key_id")


@AGAIN.clause("answers", "an order of the earlier check gets the answer that it got")
@recorded
def _answers(t: Trial, last: Recorded) -> None:
    _asked(t, [item for item in last.orders().items() if item[1].status == 200])


@AGAIN.clause("refusals", "an order that was refused is refused with the same problem")
@recorded
def _refusals(t: Trial, last: Recorded) -> None:
    _asked(t, [item for item in last.orders().items() if item[1].status != 200])


def _asked(t: Trial, found: list[tuple[str, Exchange]]) -> None:
    for order, one in _sample(t, found):
        answer = t.probe("PUT", one.path, one.sent)
        if (answer.status, answer.data) != (one.status, one.data):
            raise Broken(f"order {order} again: {one.status}, as it was answered", answer)
        answer = t.probe("GET", one.path)
        if (answer.status, answer.data) != (one.status, one.data):
            raise Broken(f"order {order} read: {one.status}, as it was answered", answer)


@AGAIN.clause("differs", "a used id is order-differs with another content")
@recorded
def _differs(t: Trial, last: Recorded) -> None:
    for _, one in _sample(t, [*last.orders().items()])[:SAMPLE]:
        changed = {**one.sent, "reason": "asked again"}
        t.refused(t.probe("PUT", one.path, changed), "order-differs")


@AGAIN.clause(
    "states", "states, attributes, digests and counts are as they were left", section="5. Read back"
)
@recorded
def _states(t: Trial, last: Recorded) -> None:
    for _, one in _sample(t, [(one.path, one) for one in last.left()]):
        answer = t.probe("GET", one.path)
        if answer.data != one.data:
            raise Broken(f"{one.path}: as it was left", answer)


@AGAIN.clause(
    "aggregations",
    "an aggregation gets the answer, or refusal, that it got",
    section="4. Pack",
)
@recorded
def _aggregations(t: Trial, last: Recorded) -> None:
    _asked(t, [*last.aggregations().items()])


@AGAIN.clause(
    "scan-ins", "a scan-in gets the answer, or refusal, that it got", section="7. Scan in"
)
@recorded
def _scan_ins(t: Trial, last: Recorded) -> None:
    for name, one in _sample(t, [*last.scan_ins().items()]):
        # The key that sent it may have been bound to the dealer, whom this one names.
        answer = t.probe("PUT", one.path, {"dealer": one.data.get("dealer"), **_named(one.sent)})
        if (answer.status, answer.data) != (one.status, one.data):
            raise Broken(f"scan-in {name} again: {one.status}, as it was answered", answer)


def _named(sent: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in sent.items() if value is not None}


@AGAIN.clause("parents", "what lies in what is as it was left", section="5. Read back")
@recorded
def _parents(t: Trial, last: Recorded) -> None:
    for _, one in _sample(t, [(one.path, one) for one in last.parents()]):
        answer = t.probe("GET", one.path)
        if answer.data != one.data:
            raise Broken(f"{one.path}: as it was left", answer)


@AGAIN.clause("head", "the newest head of the check's home is still told", section="5. Read back")
@recorded
def _head(t: Trial, last: Recorded) -> None:
    kept = (*last.orders().values(), *last.aggregations().values())
    brought = {one.sent["audit_head"] for one in kept if one.sent.get("audit_head")}
    if not brought:
        raise NotOffered("the earlier check has nothing of this kind")
    found = t.head(last.home)
    if found.get("head") is None:
        raise Broken("a head", found.get("head"))
    # Another check may have come in between, and its orders have other ids.
    if str(found.get("order")).startswith(last.batch) and found["head"] not in brought:
        raise Broken("a head that the earlier check brought", "another")


@AGAIN.clause("counters", "the scans of every code are as many as they were", section="6. Scan")
@recorded
def _counters(t: Trial, last: Recorded) -> None:
    for _, one in _sample(t, [(one.path, one) for one in last.scans().values()]):
        answer = t.scan(one.sent["code"])
        wanted = one.data["scans"], one.data["first_scan"], one.data["serial"]
        found = answer.get("scans"), answer.get("first_scan"), answer.get("serial")
        if found != wanted or answer.get("result") in ("genuine", "repeat"):
            raise Broken(
                f"void; scans, first_scan, serial: {wanted}", (answer.get("result"), *found)
            )


@AGAIN.clause("scan-ids", "a counted answer comes again under its scan_id", section="6. Scan")
@recorded
def _scan_ids(t: Trial, last: Recorded) -> None:
    young = [
        (one.path, one)
        for one in last.exchanges
        if one.of_a_consumer
        and one.sent.get("scan_id")
        and not one.sent.get("as")
        and one.data.get("result") in ("genuine", "repeat")
        and one.data.get("batch") == last.batch
        and t.probe.now() - one.at < SCAN_ID_KEPT
    ]
    for _, one in _sample(t, young):
        answer = t.scan(one.sent["code"], one.sent["scan_id"])
        if answer != one.data:
            raise Broken(f"{one.data['result']}, the answer it got", answer.get("result"))


@SIGNED.clause("nonces", "a nonce of the earlier check is refused, under a new signature")
@recorded
def _nonces(t: Trial, last: Recorded) -> None:
    if not t.probe.signs:
        raise NotOffered("not without signatures")
    found = 0
    for one in last.exchanges:
        nonce = _NONCE.search(one.headers.get("signature-input", ""))
        if one.key != "first" or one.status != 200 or nonce is None:
            continue
        if t.probe.now() - one.at > NONCE_KEPT:
            continue
        form = with_nonce(nonce.group(1))
        answer = t.probe("GET", f"/v1/batches/{last.batch}?after=0", form=form)
        t.refused(answer, "unauthorised")
        found += 1
        if found == SAMPLE:
            break
    if not found:
        raise NotOffered("no nonce of the earlier check is as young as four minutes")


@SIGNED.clause("revoked", "the second key, revoked since, is refused")
@recorded
def _revoked(t: Trial, last: Recorded) -> None:
    if t.second is None:
        raise NotOffered("only with --second-key")
    for path in (f"/v1/batches/{last.batch}-narrow?after=0", "/v1/unknown-scans?after=0"):
        t.refused(t.second("GET", path), "unauthorised")

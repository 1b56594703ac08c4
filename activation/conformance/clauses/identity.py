"""Clauses on what names a code: its fingerprint, in one batch only; the id of a scan, per code."""

from ..clause import Clauses
from ..depth import Depth
from ..outcome import expect
from ..trial import Trial

IDENTITY = Clauses("identity", "3. Order")


@IDENTITY.clause("taken", "a live fingerprint is taken: a second batch can't have it")
def _taken(t: Trial) -> None:
    other = t.other("apart")
    (mine, _) = t.active(1, attributes={"max_scans": 9, "lot": "mine"})
    t.scanned(mine, result="genuine", scans=1)
    first, last = other.serials(3)
    other.give(first + 1, t.code(mine))
    other.upload(first, other.fingerprints((first, last)))
    order = t.order_id()
    body = t.refused(other.order("activate", (first, last), order=order), "fingerprints-taken")
    expect(body.get("serial"), first + 1, "serial in the problem")
    t.not_found(order)
    expect(other.states((first, last)), ["inactive"] * 3, "states in the second batch")
    t.scanned(mine, result="genuine", scans=2, batch=t.batch, serial=mine)


@IDENTITY.clause(
    "kept", "the first batch keeps it when its code is revoked, frozen or void", depth=Depth.NORMAL
)
def _kept(t: Trial) -> None:
    other = t.other("apart")
    for action, result in (("revoke", "inactive"), ("freeze", "frozen"), ("void", "void")):
        (mine, _) = serials = t.active(1)
        t.scan(t.code(mine))
        t.done(action, serials, count=1)
        (theirs, _) = taken = other.serials(1)
        other.give(theirs, t.code(mine))
        other.upload(theirs, other.fingerprints(taken))
        t.refused(other.order("activate", taken), "fingerprints-taken")
        t.scanned(mine, result=result, scans=1, batch=t.batch, serial=mine)


@IDENTITY.clause("twice", "two serials of one order can't have the same fingerprint")
def _twice(t: Trial) -> None:
    first, last = t.serials(3)
    t.give(last, t.code(first))
    answer = t.upload(first, t.fingerprints((first, last)))
    expect(answer.status, 204, "the status of the upload")
    body = t.refused(t.order("activate", (first, last)), "fingerprints-taken")
    expect(body.get("serial"), last, "serial in the problem")
    expect(t.states((first, last)), ["inactive"] * 3, "states afterwards")
    t.done("activate", (first, first + 1))
    t.refused(t.order("activate", (last, last)), "fingerprints-taken")
    t.scanned(first, result="genuine", serial=first)


@IDENTITY.clause("lowest", "the lowest serial without a fingerprint of its own names the problem")
def _lowest(t: Trial) -> None:
    other = t.other("apart")
    (mine, _) = t.active(1)
    for order, name in ((("taken", "none"), "taken"), (("none", "taken"), "missing")):
        first, last = other.serials(4)
        for serial, kind in zip((first + 1, last), order, strict=True):
            if kind == "taken":
                other.give(serial, t.code(mine))
                other.upload(serial, other.fingerprints((serial, serial)))
        other.upload(first, other.fingerprints((first, first)))
        other.upload(first + 2, other.fingerprints((first + 2, first + 2)))
        pairs = ((first, first), (first + 1, last))
        body = t.refused(other.order("activate", *pairs), f"fingerprints-{name}")
        expect(body.get("serial"), first + 1, "serial in the problem")


@IDENTITY.clause("scan-id", "one scan_id for two codes is two scans", section="6. Scan")
def _scan_id(t: Trial) -> None:
    first, last = t.active(2)
    name = f"kit-{t.order_id()}"
    for serial in (first, last):
        answer = t.scan(t.code(serial), name)
        expect((answer.get("result"), answer.get("serial")), ("genuine", serial), "result, serial")
    for serial in (first, last):
        t.scanned(serial, result="repeat", scans=2)


@IDENTITY.clause(
    "scan-id-batches",
    "one scan_id for the same serial of two batches is two scans",
    section="6. Scan",
)
def _scan_id_batches(t: Trial) -> None:
    other = t.other("apart")
    (mine, _), (theirs, _) = t.serials(1), other.serials(1)
    # The batch that is behind catches up, so that both use the same serial.
    (_, serial) = (t if mine < theirs else other).serials(abs(mine - theirs))
    for trial in (t, other):
        trial.upload(serial, trial.fingerprints((serial, serial)))
        trial.done("activate", (serial, serial))
    name = f"kit-{t.order_id()}"
    for trial in (t, other):
        answer = trial.scan(trial.code(serial), name)
        seen = answer.get("result"), answer.get("batch"), answer.get("serial")
        expect(seen, ("genuine", trial.batch, serial), "result, batch, serial")


@IDENTITY.clause(
    "scan-id-kept",
    "a counted answer comes again under its scan_id, whatever is ordered",
    section="6. Scan",
)
def _scan_id_kept(t: Trial) -> None:
    (serial, _) = serials = t.active(1)
    name = f"kit-{t.order_id()}"
    first = t.scan(t.code(serial), name)
    for action, back in (("revoke", "activate"), ("freeze", "unfreeze")):
        t.done(action, serials)
        expect(t.scan(t.code(serial), name), first, f"the answer after {action}")
        t.done(back, serials)
    t.done("assign", serials, attributes={"lot": "new"}, expires_at="2020-01-01T00:00:00Z")
    expect(t.scan(t.code(serial), name), first, "the answer after expires_at")
    t.done("void", serials, reason="lost", count=1)
    expect(t.scan(t.code(serial), name), first, "the answer after void")
    t.scanned(serial, result="void", scans=1)


@IDENTITY.clause(
    "scan-id-uncounted",
    "a scan that did not count keeps nothing under its scan_id",
    section="6. Scan",
)
def _scan_id_uncounted(t: Trial) -> None:
    (serial, _) = serials = t.active(1)
    name = f"kit-{t.order_id()}"
    t.done("freeze", serials)
    expect(t.scan(t.code(serial), name).get("result"), "frozen", "the result")
    t.done("unfreeze", serials)
    answer = t.scan(t.code(serial), name)
    expect((answer.get("result"), answer.get("scans")), ("genuine", 1), "result, scans")
    expect(t.scan(t.code(serial), name), answer, "the answer again")
    t.scanned(serial, result="repeat", scans=2)


@IDENTITY.clause("scan-id-pending", "a scan_id of an unknown code keeps nothing", section="6. Scan")
def _scan_id_pending(t: Trial) -> None:
    (serial, _) = serials = t.uploaded(1)
    name = f"kit-{t.order_id()}"
    expect(t.scan(t.code(serial), name).get("result"), "unknown", "the result")
    t.done("activate", serials)
    answer = t.scan(t.code(serial), name)
    expect((answer.get("result"), answer.get("scans")), ("genuine", 1), "result, scans")


@IDENTITY.clause(
    "scan-id-many",
    "at least the newest 64 scan_ids of a code are kept",
    section="6. Scan",
    depth=Depth.NORMAL,
)
def _scan_id_many(t: Trial) -> None:
    (serial, _) = t.active(1)
    names = [f"kit-{t.order_id()}" for _ in range(64)]
    answers = [t.scan(t.code(serial), name) for name in names]
    for at in (0, 31, 63):
        expect(t.scan(t.code(serial), names[at]), answers[at], f"the answer of scan {at + 1} of 64")
    t.scanned(serial, result="repeat", scans=65)

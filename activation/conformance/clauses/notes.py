"""Clauses on the note of an early scan: whose it is, who names it, and that it is never lost."""

from ..clause import Clauses
from ..depth import Depth
from ..outcome import expect
from ..trial import Serials, Trial

NOTES = Clauses("notes", "What a scan leaves")


def _named(t: Trial, wanted: list[int], what: str, *ranges: Serials, **more: object) -> None:
    told = t.done("activate", *ranges, **more)
    expect(told.get("scanned_before"), wanted, f"scanned_before of {what}")


@NOTES.clause("kept", "no order and no counted scan takes the note back")
def _kept(t: Trial) -> None:
    serials = t.uploaded(1)
    t.scanned(serials[0], result="unknown")
    _named(t, [serials[0]], "the first activation", serials)
    t.scanned(serials[0], result="genuine")
    for way in (("revoke",), ("freeze", "unfreeze", "revoke"), ("void", "unvoid")):
        for action in way:
            t.done(action, serials, count=1, attributes={"lot": action})
        _named(t, [serials[0]], f"an activation after {', '.join(way)}", serials)
        t.scanned(serials[0], result="repeat")


@NOTES.clause(
    "ranges",
    "every range of the order is searched, in the order of the serials",
    depth=Depth.NORMAL,
)
def _ranges(t: Trial) -> None:
    other = t.other("apart")
    first, last = t.uploaded(8)
    far, _ = other.uploaded(8)
    for serial in (last, last - 1, first + 1):
        t.scanned(serial, result="unknown")
    other.scanned(far, result="unknown")
    _named(other, [far], "the other batch", (far, far + 7))
    pairs = ((last - 2, last), (first, first + 2))
    _named(t, [first + 1, last - 1, last], "two ranges", *pairs)


@NOTES.clause(
    "batch", "the note is of a code, not of the same serial of another batch", depth=Depth.NORMAL
)
def _batch(t: Trial) -> None:
    one, two = t.other("notes"), t.other("notes-2")
    serials = one.uploaded(2)
    expect(two.uploaded(2), serials, "the serials in both batches")
    one.scanned(serials[0], result="unknown")
    _named(one, [serials[0]], "the batch whose code was scanned", serials)
    _named(two, [], "the batch whose codes nobody scanned", serials)


@NOTES.clause(
    "skipped", "a skipped code that has a note is not named", section="3. Order", depth=Depth.NORMAL
)
def _skipped(t: Trial) -> None:
    first, last = t.active(2)
    t.done("revoke", (first, last))
    t.scanned(first, result="inactive")
    t.done("void", (first, first), reason="damaged")
    t.scanned(first, result="void")
    _named(t, [], "an activation that skips the code", (first, last), skip=["void"])


@NOTES.clause(
    "activations", "no other action names anybody", section="3. Order", depth=Depth.NORMAL
)
def _activations(t: Trial) -> None:
    serials = t.active(1)
    t.done("freeze", serials)
    t.scanned(serials[0], result="frozen")
    for action in ("assign", "unfreeze", "freeze", "unfreeze", "revoke", "void", "unvoid"):
        told = t.done(action, serials, count=1)
        expect(told.get("scanned_before"), [], f"scanned_before of {action}")

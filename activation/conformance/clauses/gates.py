"""Clauses on gates, and on the values of what came with them."""

from ..clause import Clauses
from ..clock import around
from ..market import with_windows
from ..outcome import Broken, expect
from ..trial import Trial

GATES = Clauses("gates", "The gate")
OPENED = "2026-11-22T12:00:00Z"


@GATES.clause("closed", "a closed gate leaves out the activity layer, and scans count as before")
@with_windows
def _closed(t: Trial) -> None:
    values = {"gate": "scan_in", "campaign": "x", "product": "tea", "max_scans": 2}
    (serial, _) = t.active(1, attributes=values, expires_at="2099-01-01T00:00:00Z")
    wanted = {"product": "tea", "expires_at": "2099-01-01T00:00:00Z"}
    for result in ("genuine", "genuine", "repeat"):
        t.scanned(serial, result=result, gate="closed", attributes=wanted)


@GATES.clause("open", "scanned_in opens the gate; removed, it is closed again")
@with_windows
def _open(t: Trial) -> None:
    serials = t.active(1, attributes={"gate": "scan_in", "campaign": "x", "max_scans": 9})
    for scanned_in, gate, told in (
        (OPENED, "open", {"campaign": "x"}),
        (None, "closed", {}),
        (OPENED, "open", {"campaign": "x"}),
    ):
        t.done("assign", serials, attributes={"scanned_in": scanned_in})
        t.scanned(serials[0], gate=gate, attributes=told)
    t.done("assign", serials, attributes={"gate": None})
    t.scanned(serials[0], gate=None, attributes={"campaign": "x"})


@GATES.clause("window", "a gate in a window is a gate while the window holds")
@with_windows
def _window(t: Trial) -> None:
    for begins, ends, gate, told in (
        (-1, None, "closed", {}),
        (1, None, None, {"campaign": "x"}),
        (-2, -1, None, {"campaign": "x"}),
    ):
        pair = [None if hours is None else around(t, hours) for hours in (begins, ends)]
        window = {"from": pair[0], "until": pair[1], "attributes": {"gate": "scan_in"}}
        (serial, _) = t.active(1, attributes={"window.w": window, "campaign": "x"})
        t.scanned(serial, gate=gate, attributes=told)
    taking = {"from": around(t, -1), "attributes": {"gate": None}}
    (serial, _) = t.active(1, attributes={"window.w": taking, "gate": "scan_in", "campaign": "x"})
    t.scanned(serial, gate=None, attributes={"campaign": "x"})


@GATES.clause("none", "without a gate it is null, scanned in or not")
@with_windows
def _none(t: Trial) -> None:
    serials = t.active(1, attributes={"campaign": "x"})
    t.scanned(serials[0], gate=None, attributes={"campaign": "x"})
    t.done("assign", serials, attributes={"scanned_in": OPENED})
    t.scanned(serials[0], gate=None, attributes={"campaign": "x"})


@GATES.clause("values", "gate is scan_in, scanned_in a time, limits of parties 1 to 1,000,000")
@with_windows
def _values(t: Trial) -> None:
    serials = t.serials(1)
    limits = ("guide_scans", "dealer_scans", "store_scans")
    numbers: tuple[object, ...] = (0, 1_000_001, "2", {})
    bad: tuple[tuple[str, object], ...] = (
        *(("gate", value) for value in ("", "open", "Scan_in", 1, True)),
        *(("scanned_in", value) for value in ("", "today", "2026-11-22", 1, "2026-11-22T12:00:00")),
        *((key, value) for key in limits for value in numbers),
    )
    for key, value in bad:
        answer = t.order("assign", serials, attributes={key: value})
        if answer.problem != "invalid":
            raise Broken(f"{key} {value!a} is invalid", answer)
    good = dict.fromkeys(limits, 1_000_000) | {"gate": "scan_in", "scanned_in": OPENED}
    t.done("assign", serials, attributes=good)
    (item,) = t.ranges(serials)
    expect(item["attributes"], good, "attributes")

"""Clauses on windows: attributes that hold for a time, over those that hold otherwise."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from .. import clock
from ..clause import Clauses
from ..clock import around, now, written
from ..depth import Depth
from ..market import with_windows
from ..outcome import Broken, NotOffered, expect, expect_same
from ..trial import Trial

WINDOWS = Clauses("windows", "Windows")
LATER = "2098-01-01T00:00:00+08:00"
NOT_YET = {"from": LATER, "until": None, "daily": None, "attributes": {"campaign": "later"}}
MOST_BYTES = 4_096
_POLL = 0.3
Window = dict[str, Any]


def _window(begins: str | None, ends: str | None = None, **held: object) -> Window:
    return {"from": begins, "until": ends, "attributes": held or {"campaign": "window"}}


def _campaign(t: Trial, serial: int) -> object:
    """What a consumer is told at this moment."""
    return t.scan(t.code(serial)).get("attributes", {}).get("campaign")


def _expect(t: Trial, wanted: str | None, case: str, **windows: Window) -> None:
    """A code with these windows over the campaign `base`, and what a consumer is told."""
    patch = {f"window.{name}": window for name, window in windows.items()}
    (serial, _) = t.active(1, attributes={"campaign": "base", **patch})
    if (found := _campaign(t, serial)) != wanted:
        raise Broken(f"{case}: campaign {wanted}", found)


@WINDOWS.clause("holds", "a window holds from its first moment to its last, whatever their offset")
@with_windows
def _holds(t: Trial) -> None:
    for begins, ends, wanted in (
        (-1, None, "window"),
        (1, None, "base"),
        (None, -1, "base"),
        (None, 1, "window"),
        (-1, 1, "window"),
        (-2, -1, "base"),
        (1, 2, "base"),
    ):
        for zone in (0, 8, -5):
            pair = (None if hours is None else around(t, hours, zone) for hours in (begins, ends))
            case = f"from {begins} to {ends} hours from now, at offset {zone:+}"
            _expect(t, wanted, case, w=_window(*pair))


@WINDOWS.clause("edges", "of two windows that meet, one holds at every moment", depth=Depth.NORMAL)
@with_windows
def _edges(t: Trial) -> None:
    if t.probe.clock() is None:
        raise NotOffered("the backend's answers have no Date to go by")
    at = written(now(t) + timedelta(seconds=2), 8)
    before, after = _window(None, at, campaign="before"), _window(at, campaign="after")
    # The one that holds no more would cover the other by its name, if it held.
    patch = {"window.z": before, "window.a": after, "max_scans": 1_000}
    (serial, _) = t.active(1, attributes=patch)
    until = time.monotonic() + clock.SLOWEST
    while (found := _campaign(t, serial)) != "after":
        if found != "before" or time.monotonic() > until:
            raise Broken("campaign before, then after within seconds", found)
        time.sleep(_POLL)


@WINDOWS.clause("daily", "daily holds from one time of day to the other, also over midnight")
@with_windows
def _daily(t: Trial) -> None:
    for hour, first, last, wanted in (
        (12, "10:30", "14:00", "window"),
        (12, "14:00", "10:30", "base"),
        (12, "09:00", "11:00", "base"),
        (12, "13:30", "15:00", "base"),
        (0, "22:00", "02:00", "window"),
        (0, "02:00", "22:00", "base"),
    ):
        zone = _zone(now(t), hour)
        window: Window = {
            "daily": [first + zone, last + zone],
            "attributes": {"campaign": "window"},
        }
        _expect(t, wanted, f"daily {first} to {last} of a place where it is {hour}", w=window)
    zone = _zone(now(t), 12)
    closed: Window = {"daily": ["10:30" + zone, "14:00" + zone], "from": LATER, "until": None}
    held = {"attributes": {"campaign": "window"}}
    _expect(t, "base", "the right hour, years before from", w=closed | held)


@WINDOWS.clause("daily-edges", "daily begins with its first minute, and ends before its last")
@with_windows
def _daily_edges(t: Trial) -> None:
    minute = now(t)
    for begins, ends, wanted in ((0, 30, "window"), (-30, 0, "base")):
        pair = (minute + timedelta(minutes=by) for by in (begins, ends))
        daily = [f"{moment.astimezone(UTC):%H:%MZ}" for moment in pair]
        window: Window = {"daily": daily, "attributes": {"campaign": "window"}}
        _expect(t, wanted, f"daily from {begins} to {ends} minutes from now", w=window)


def _zone(moment: datetime, hour: int) -> str:
    """The offset of a place where it is about this hour."""
    ahead = (hour - moment.hour + 12) % 24 - 12
    return f"{'-' if ahead < 0 else '+'}{abs(ahead):02}:00"


@WINDOWS.clause("cover", "the window that began later covers; then the one whose name comes later")
@with_windows
def _cover(t: Trial) -> None:
    old, new = (_window(around(t, hours), campaign=name) for hours, name in ((-2, "o"), (-1, "n")))
    _expect(t, "n", "the later of two", a=old, b=new)
    _expect(t, "n", "the later of two, whose name comes first", b=old, a=new)
    # As texts, they would come the other way round.
    east, west = around(t, -3, 8), around(t, -2, -5)
    pair = _window(east, campaign="o"), _window(west, campaign="n")
    _expect(t, "n", "the later instant, at another offset", b=pair[0], a=pair[1])
    moment = now(t) - timedelta(hours=1)
    same = (_window(written(moment, zone), campaign=f"at {zone}") for zone in (8, 0))
    a, b = same
    _expect(t, "at 0", "of the same instant, the later name", a=a, b=b)
    endless = _window(None, LATER, campaign="endless")
    _expect(t, "o", "one with from over one without", z=endless, a=old)
    _expect(t, "window", "of two without from, the later name", b=_window(None, LATER), a=endless)
    both = {"a": old | {"attributes": {"campaign": "o", "lot": "L"}}, "b": new}
    (serial, _) = t.active(1, attributes={f"window.{name}": held for name, held in both.items()})
    told = t.scan(t.code(serial)).get("attributes")
    expect(told, {"campaign": "n", "lot": "L"}, "attributes of two windows, key by key")


@WINDOWS.clause("null", "a null in a window takes the key away while the window holds")
@with_windows
def _null(t: Trial) -> None:
    taking = _window(around(t, -1), campaign=None)
    _expect(t, None, "a window that takes the campaign away", w=taking)
    _expect(t, "base", "one that did", w=taking | {"until": around(t, -0.5)})
    over = _window(around(t, -0.5), campaign="again")
    _expect(t, "again", "one over the one that takes away", w=taking, x=over)


@WINDOWS.clause("limits", "max_scans of a window counts while it holds, and leaves the validity")
@with_windows
def _limits(t: Trial) -> None:
    (serial, _) = t.active(1, attributes={"window.w": _window(around(t, -1), max_scans=3)})
    for result in ("genuine", "genuine", "genuine", "repeat"):
        t.scanned(serial, result=result)
    for window in (_window(LATER, max_scans=3), _window(None, around(t, -1), max_scans=3)):
        serials = t.active(1, attributes={"window.w": window})
        for result in ("genuine", "repeat"):
            t.scanned(serials[0], result=result)


@WINDOWS.clause("told", "window.… is told to nobody who scans; what holds is told in every state")
@with_windows
def _told(t: Trial) -> None:
    window = _window(around(t, -1), campaign="window")
    serials = t.active(1, attributes={"window.w": window, "lot": "L"})
    wanted = {"campaign": "window", "lot": "L"}
    expect(t.scan(t.code(serials[0])).get("attributes"), wanted, "attributes of a genuine code")
    for action in ("freeze", "void"):
        t.done(action, serials, count=1)
        expect(t.scan(t.code(serials[0])).get("attributes"), wanted, f"attributes after {action}")


@WINDOWS.clause("read", "windows read back with four keys, are patched by name, tell ranges apart")
@with_windows
def _read(t: Trial) -> None:
    first, last = serials = t.serials(4)
    short = {"attributes": {"max_scans": 2, "campaign": "later"}, "from": LATER}
    t.done("assign", (first, first + 1), attributes={"window.w": short, "lot": "L"})
    whole = short | {"until": None, "daily": None}
    turned: Window = {"until": None, "from": LATER, "daily": None}
    turned["attributes"] = {"campaign": "later", "max_scans": 2}
    t.done("assign", (first + 2, last), attributes={"lot": "L", "window.w": turned})
    (item,) = t.ranges(serials)
    expect_same(item["attributes"], {"lot": "L", "window.w": whole}, "attributes")
    t.done("assign", (last, last), attributes={"window.x": NOT_YET})
    items = t.ranges(serials)
    expect([item["serials"] for item in items], [[first, last - 1], [last, last]], "ranges")
    expect_same(items[1]["attributes"]["window.w"], whole, "the window beside a new one")
    t.done("assign", (last, last), attributes={"window.x": None})
    t.done("assign", serials, attributes={"window.w": NOT_YET})
    (item,) = t.ranges(serials)
    expect_same(item["attributes"], {"lot": "L", "window.w": NOT_YET}, "attributes afterwards")


@WINDOWS.clause("most", "eight windows are taken; an order that would leave a ninth is blocked")
@with_windows
def _most(t: Trial) -> None:
    serials = t.serials(1)
    nine = {f"window.w{number}": NOT_YET for number in range(9)}
    t.refused(t.order("assign", serials, attributes=nine), "blocked")
    ninth = {"window.w8": nine.pop("window.w8")}
    t.done("assign", serials, attributes=nine)
    body = t.refused(t.order("assign", serials, attributes=ninth), "blocked")
    expect(body.get("blocked_total"), 1, "blocked_total")
    t.done("assign", serials, attributes=ninth | {"window.w0": None})
    (item,) = t.ranges(serials)
    expect(len(item["attributes"]), 8, "how many windows")


@WINDOWS.clause(
    "size", "a window of 4,096 bytes is taken; one of more is invalid", section="Limits"
)
@with_windows
def _size(t: Trial) -> None:
    serials = t.serials(1)
    held = {f"native.a{number}": "x" * 900 for number in range(4)}
    short = len(json.dumps(NOT_YET | {"attributes": held | {"native.b": ""}}))
    for more, wanted in ((1, "invalid"), (0, ""), (100, "invalid")):
        inner = held | {"native.b": "x" * (MOST_BYTES - short + more)}
        window = NOT_YET | {"attributes": inner}
        answer = t.order("assign", serials, attributes={"window.w": window})
        if answer.problem != wanted:
            raise Broken(f"a window of {MOST_BYTES + more} bytes: {wanted or 'taken'}", answer)


@WINDOWS.clause("same", "the same window otherwise written is the same content; its times are text")
@with_windows
def _same(t: Trial) -> None:
    serials, order = t.serials(1), t.order_id()
    window = {"from": LATER, "attributes": {"campaign": "x", "lot": "L"}}
    first = t.done("assign", serials, order=order, attributes={"window.w": window})
    turned: Window = {"daily": None, "attributes": {"lot": "L", "campaign": "x"}, "from": LATER}
    again = t.done("assign", serials, order=order, attributes={"window.w": turned})
    expect(again, first, "the answer to the same window, its keys turned and a null written")
    for other in (
        window | {"from": "2097-12-31T16:00:00Z"},
        window | {"until": "2099-01-01T00:00:00Z"},
        window | {"attributes": {"campaign": "x", "lot": "L", "product": None}},
    ):
        answer = t.order("assign", serials, order=order, attributes={"window.w": other})
        t.refused(answer, "order-differs")


@WINDOWS.clause("form", "a window that is none, or that holds what none holds, is invalid")
@with_windows
def _form(t: Trial) -> None:
    serials, held = t.uploaded(1), {"attributes": {"lot": "L"}}
    none: tuple[object, ...] = ({}, None, [], {"colour": "red"})
    good = {"from": LATER} | held
    bad: tuple[object, ...] = (
        *("x", 1, [], {}, held, {"from": LATER}, good | {"surprise": 1}, good | {"from": 5}),
        {"from": None, "until": None, "daily": None} | held,
        *(good | {"until": text} for text in (LATER, "2020-01-01T00:00:00Z", "tomorrow", "")),
        *({"from": LATER, "attributes": inner} for inner in none),
        *({"from": LATER, "attributes": {key: None}} for key in ("role", "scanned_in")),
        *({"from": LATER, "attributes": {key: None}} for key in ("effective_at", "expires_at")),
        {"from": LATER, "attributes": {"window.x": good}},
        {"from": LATER, "attributes": {"window.x": None}},
        *({"from": LATER, "attributes": {"max_scans": value}} for value in (0, "2", 1_000_001)),
        *({"from": LATER, "attributes": {"lot": value}} for value in (5, "x" * 1_025, good)),
        {"from": LATER, "attributes": {f"native.a{n}": "x" * 1_000 for n in range(5)}},
        *({"daily": daily} | held for daily in ([], ["18:00Z"], "18:00Z", [18, 22])),
        *({"daily": [text, "22:00Z"]} | held for text in ("18:00", "24:00Z", "8:00Z", "22:00Z")),
        *({"daily": [text, "22:00Z"]} | held for text in ("18:00+00:00", "18:60Z", "18:00z")),
        {"daily": ["18:00+15:00", "22:00+15:00"]} | held,
    )
    for window in bad:
        answer = t.order("activate", serials, attributes={"window.w": window})
        if answer.problem != "invalid":
            raise Broken(f"the window {window!a:.120} is invalid", answer)
    for name in ("", "W", "-w", "w" * 33, "w.x", "w x", "\u00e9"):
        answer = t.order("activate", serials, attributes={f"window.{name}": good})
        if answer.problem != "invalid":
            raise Broken(f"a window has no name {name!a}: invalid", answer)
    names = ("w" * 32, "0", "a-_9")
    t.done("activate", serials, attributes={f"window.{name}": good for name in names})

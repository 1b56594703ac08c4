"""Faults of what a code is worth at a moment: windows, and the gate."""

import re
from dataclasses import replace
from types import SimpleNamespace

from broken.site import fault, named

from mintmark.activation.backend import scan_counters
from mintmark.activation.backend.store import Store
from mintmark.codegen import times
from mintmark.codegen.ranges import attributes, values, windows
from mintmark.codegen.ranges.attributes import from_json, public_of, to_json


def _right(found, now):
    return values.at(from_json(found), now)


def _windows(found):
    return {key: value for key, value in found.items() if windows.is_window(key)}


def _base(found):
    return {key: value for key, value in found.items() if not windows.is_window(key)}


def _worth(name, says, wrong, gate=values.gate):
    """A fault of what is told: `wrong(found, now)` has the attributes as an object."""

    def fault(site):
        double = SimpleNamespace(at=lambda held, now: wrong(to_json(held), now), gate=gate)
        site.patch.setattr(scan_counters, "values", double)

    return named(fault, name, says)


def _changed(name, says, change):
    """A fault of windows: each is read as what `change` makes of it, None if it never holds."""

    def wrong(found, now):
        read = {key: change(value) for key, value in _windows(found).items()}
        return _right(_base(found) | {k: v for k, v in read.items() if v is not None}, now)

    return _worth(name, says, wrong)


windows_ignored = _worth(
    "windows_ignored",
    "Keeps windows, and never looks at them.",
    lambda found, now: _right(_base(found), now),
)


@fault
def windows_told(site):
    """Tells whoever scans the windows as well."""
    double = SimpleNamespace(
        at=lambda held, now: {**values.at(held, now), **_windows(to_json(held))}, gate=values.gate
    )
    site.patch.setattr(scan_counters, "values", double)
    site.patch.setattr(
        scan_counters, "public_of", lambda found: {**public_of(found), **_windows(found)}
    )


windows_never_end = _changed(
    "windows_never_end",
    "Looks at when a window begins, and not at when it ends.",
    lambda window: window | {"until": None, "daily": window["daily"] or ["00:00Z", "23:59Z"]},
)


def _on_the_wall(window):
    """The ends as a clock on the wall shows them, taken for UTC."""
    texts = {end: window[end] for end in ("from", "until") if window[end]}
    return window | {end: re.sub(r"[+-]\d\d:\d\d$", "Z", text) for end, text in texts.items()}


def _in_order(window):
    begins, ends = window["from"], window["until"]
    return None if begins and ends and begins >= ends else window


window_wall_time = _changed(
    "window_wall_time",
    "Reads the ends of a window without their offset.",
    lambda window: _in_order(_on_the_wall(window)),
)
daily_in_utc = _changed(
    "daily_in_utc",
    "Reads the times of day of a window without their offset.",
    lambda window: window | {"daily": [text[:5] + "Z" for text in window["daily"] or []] or None},
)


def _to_the_end(window):
    if not window["daily"]:
        return window
    first, last = window["daily"]
    minute = (int(last[:2]) * 60 + int(last[3:5]) + 1) % 1_440
    return window | {"daily": [first, f"{minute // 60:02}:{minute % 60:02}{last[5:]}"]}


daily_to_the_end = _changed(
    "daily_to_the_end", "Has a window hold through the minute that it ends with.", _to_the_end
)
no_midnight = _changed(
    "no_midnight",
    "Has a window that goes over midnight never hold.",
    lambda window: None if window["daily"] and window["daily"] > window["daily"][::-1] else window,
)


def _without_nulls(window):
    held = {key: value for key, value in window["attributes"].items() if value is not None}
    return window | {"attributes": held} if held else None


window_nulls_skipped = _changed(
    "window_nulls_skipped", "Passes over nulls in a window.", _without_nulls
)


def _laid(name, says, order, lay=lambda base, held: base | held):
    """A fault of what covers: the windows that hold, in this order, each laid over the rest."""

    def wrong(found, now):
        read = [windows.read(key, value) for key, value in _windows(found).items()]
        worth = _base(found)
        for window in sorted((w for w in read if w.holds(now)), key=order):
            worth = lay(worth, dict(window.attributes))
        return _right({key: value for key, value in worth.items() if value is not None}, now)

    return _worth(name, says, wrong)


covered_by_name = _laid(
    "covered_by_name", "Has the window cover whose name comes last.", lambda window: window.name
)


def _youngest_first(window):
    began = window.order[0].replace(tzinfo=None)
    return began.min - began, window.name


covered_by_oldest = _laid(
    "covered_by_oldest", "Has the window cover that began first.", _youngest_first
)
window_in_the_place = _laid(
    "window_in_the_place",
    "Puts the attributes of a window in the place of all others.",
    lambda window: window.order,
    lambda _, held: held,
)


def _old_limits(found, now):
    worth = dict(_right(found, now))
    limits = {key: value for key, value in _base(found).items() if key.endswith("_scans")}
    kept = {key: value for key, value in worth.items() if not key.endswith("_scans")}
    return kept | limits


window_limits_ignored = _worth(
    "window_limits_ignored", "Counts scans by the limits outside of windows.", _old_limits
)


@fault
def windows_without_number(site):
    """Takes any number of windows."""
    site.patch.setattr(windows, "MOST", 64)


@fault
def windows_a_little_large(site):
    """Takes a window of 4,200 bytes."""
    site.patch.setattr(attributes, "WINDOW_BYTES", 4_200)


def _put_windows(call, change):
    """The order with its windows changed; any other request as it is."""
    if not call.is_order() or not isinstance(call.data.get("attributes"), dict):
        return call
    held = {
        key: change(value) if windows.is_window(key) and isinstance(value, dict) else value
        for key, value in call.data["attributes"].items()
    }
    return call.with_data(call.data | {"attributes": held})


@fault
def windows_in_utc(site):
    """Keeps the times of a window in UTC: another spelling of an instant is the same content."""

    def utc(window):
        ends = {end: window.get(end) for end in ("from", "until")}
        return window | {end: _utc(text) for end, text in ends.items() if isinstance(text, str)}

    site.around(lambda call: _put_windows(call, utc))


def _utc(text):
    try:
        return times.format_utc(times.parse(text), "seconds")
    except ValueError:
        return text


@fault
def windows_as_sent(site):
    """Reads a window back as it was sent, without the keys that were left out."""

    def told(call, reply):
        if call.method != "GET" or "ranges" not in reply.data:
            return reply
        data = reply.data
        for part in data["ranges"]:
            for key, window in _windows(part["attributes"]).items():
                part["attributes"][key] = {k: v for k, v in window.items() if v is not None}
        return reply.with_data(data)

    site.around(told=told)


@fault
class WindowsReplaced(Store):
    """Takes an order with a window for one that removes all others."""

    def _applied(self, connection, row, order, now):
        if any(map(windows.is_window, order.attributes)):
            others = dict.fromkeys(f"window.{name}" for name in ("w", "x", "w0", "w1"))
            order = replace(order, attributes=others | order.attributes)
        return super()._applied(connection, row, order, now)


@fault
def role_in_a_window(site):
    """Takes a window that holds a role, or when a dealer scanned in."""
    site.patch.setattr(windows, "EXCLUDED", frozenset({"effective_at", "expires_at"}))


gate_ignored = _worth(
    "gate_ignored",
    "Knows no gate: a code is worth all that it has.",
    lambda found, now: _right({**found, "scanned_in": "2026-01-01T00:00:00Z"}, now),
)
gate_hides_all = _worth(
    "gate_hides_all",
    "Leaves nothing of a code behind a closed gate.",
    lambda found, now: (
        {"gate": "scan_in"}
        if values.gate(worth := _right(found, now)) is values.Gate.CLOSED
        else worth
    ),
)


def _gate_of_base(found, now):
    """The windows laid over what the gate outside of them left."""
    worth = dict(_right({k: v for k, v in found.items() if k != "gate"}, now))
    gate = {"gate": found["gate"]} if "gate" in found else {}
    return _right({**_base(worth), **gate, **_scanned(found)}, now)


def _scanned(found):
    return {"scanned_in": found["scanned_in"]} if "scanned_in" in found else {}


gate_of_windows_ignored = _worth(
    "gate_of_windows_ignored", "Looks for a gate outside of windows alone.", _gate_of_base
)


@fault
def gate_stays_open(site):
    """Takes a scanned_in that was removed for one that is there."""

    def asked(call):
        held = call.data.get("attributes") if call.is_order() else None
        if isinstance(held, dict) and "scanned_in" in held and held["scanned_in"] is None:
            left = {key: value for key, value in held.items() if key != "scanned_in"}
            return call.with_data(call.data | {"attributes": left})
        return call

    site.around(asked)


always_a_gate = _worth(
    "always_a_gate",
    "Tells an open gate of codes that have none.",
    _right,
    gate=lambda worth: values.gate(worth) or values.Gate.OPEN,
)

"""Windows: attributes that hold for a time, over those that hold otherwise. Pure.

A window is an attribute as well, under the key `window.NAME`; its value is a JSON object:

    {"from": T | null, "until": T | null, "daily": [A, B] | null, "attributes": {key: value}}

`from` and `until` are RFC 3339 times; the window holds from the first, and until just before the
second; null: without that end. `daily` are two times of day with one offset, `18:00+08:00`: it
holds on every day from the first until just before the second, over midnight if the second is
the earlier one. The attributes are a patch of what holds otherwise: null takes a key away.

A window says nothing of what a code is or of its validity, so it holds no role, no effective_at,
no expires_at, no scanned_in, and no window.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any

from .. import times

PREFIX = "window."
MOST = 8  # on a range
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}", re.ASCII)
# What no window holds: `attributes` refuses these keys inside.
EXCLUDED = frozenset({"effective_at", "expires_at", "role", "scanned_in"})
_FIELDS = frozenset({"from", "until", "daily", "attributes"})
_OF_DAY = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(Z|[+-](?:0\d|1[0-4]):[0-5]\d)", re.ASCII)
_FIRST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Window:
    """A window, read. `begins`, `ends`: None without that end; `daily`: times of day in `zone`."""

    name: str
    begins: datetime | None
    ends: datetime | None
    daily: tuple[time, time] | None
    zone: timezone
    attributes: Mapping[str, Any]

    @property
    def order(self) -> tuple[datetime, str]:
        """Where it stands among others that hold at the same time: the later covers the earlier."""
        return self.begins or _FIRST, self.name

    def holds(self, now: datetime) -> bool:
        """Whether it holds at `now`."""
        if self.begins is not None and now < self.begins:
            return False
        if self.ends is not None and now >= self.ends:
            return False
        if self.daily is None:
            return True
        first, last = self.daily
        clock = _clock(now, self.zone)
        return first <= clock < last if first < last else clock >= first or clock < last


def is_window(key: str) -> bool:
    """Whether an attribute of this key is a window; its name may be malformed."""
    return key.startswith(PREFIX)


def name_of(key: str) -> str:
    """The name in `window.NAME`. Raises `ValueError` for a malformed one."""
    name = key.removeprefix(PREFIX)
    if not is_window(key) or NAME.fullmatch(name) is None:
        raise ValueError("a window's name is 1 to 32 small letters, digits, - and _")
    return name


def read(key: str, value: object) -> Window:
    """The window in an attribute. Raises `ValueError`, which says what is wrong, and no values.

    What its attributes may be is for `attributes.check` to say.
    """
    name = name_of(key)
    if not isinstance(value, Mapping) or set(value) - _FIELDS:
        raise ValueError("a window is an object of from, until, daily and attributes")
    patch = value.get("attributes")
    if not isinstance(patch, Mapping) or not patch:
        raise ValueError("a window holds one attribute or more")
    begins, ends = (_moment(value.get(end)) for end in ("from", "until"))
    daily, zone = _of_day(value.get("daily"))
    if begins is None and ends is None and daily is None:
        raise ValueError("a window needs from, until or daily: without them it would hold for ever")
    if begins is not None and ends is not None and begins >= ends:
        raise ValueError("a window's until must come after its from")
    return Window(name, begins, ends, daily, zone, patch)


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        return times.parse(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("from and until are RFC 3339 times with an offset, or null") from None


def _of_day(value: object) -> tuple[tuple[time, time] | None, timezone]:
    if value is None:
        return None, UTC
    texts = value if isinstance(value, list) else []
    found = [_OF_DAY.fullmatch(text) for text in texts if isinstance(text, str)]
    first, last = found if len(found) == len(texts) == 2 else (None, None)
    if first is None or last is None or first[3] != last[3] or first[0] == last[0]:
        raise ValueError("daily is two different times of day with the same offset, as 18:00+08:00")
    both = time(int(first[1]), int(first[2])), time(int(last[1]), int(last[2]))
    return both, _zone(first[3])


def _zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    distance = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return timezone(-distance if text[0] == "-" else distance)


def _clock(now: datetime, zone: timezone) -> time:
    try:
        return now.astimezone(zone).time()
    except OverflowError:  # the first or last day of all: its offset leads out of the calendar
        return now.time()


def describe(key: str, value: object, zone: tzinfo | None = None) -> str:
    """The value of an attribute in words for people: of a window when it holds, and what.

    Of any other key the value as it is, also of a window that cannot be read. Times are told in
    `zone`, or else as they are written.
    """
    try:
        window = read(key, value) if is_window(key) else None
    except ValueError:
        window = None
    if window is None:
        return str(value)
    held = ", ".join(
        f"{inner} removed" if held is None else f"{inner}={held}"
        for inner, held in window.attributes.items()
    )
    return f"{', '.join(_when(window, zone))}: {held}"


def _when(window: Window, zone: tzinfo | None) -> Iterator[str]:
    begins, ends = (_there(moment, zone) for moment in (window.begins, window.ends))
    told = []
    if begins is not None:
        told.append(f"from {_day_and_clock(begins)}")
    if ends is not None and ends.time() == time() and ends.date() > date.min:
        told.append(f"through {ends.date() - timedelta(days=1)}")
    elif ends is not None:
        told.append(f"until {_day_and_clock(ends)}")
    offsets = {moment.isoformat()[-6:] for moment in (begins, ends) if moment is not None}
    if told:
        yield f"{' '.join(told)} ({' and '.join(sorted(offsets))})"
    if window.daily is not None:
        first, last = window.daily
        offset = datetime(2000, 1, 1, tzinfo=window.zone).isoformat()[-6:]
        apart = "" if offsets == {offset} else f" ({offset})"
        yield f"daily {first:%H:%M}-{last:%H:%M}{apart}"


def _there(moment: datetime | None, zone: tzinfo | None) -> datetime | None:
    try:
        return moment.astimezone(zone) if moment and zone else moment
    except OverflowError:  # as in `_clock`
        return moment


def _day_and_clock(moment: datetime) -> str:
    if moment.time() == time():
        return str(moment.date())
    return f"{moment:%Y-%m-%d %H:%M:%S}".removesuffix(":00")

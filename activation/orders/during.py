"""When the attributes of an order hold: `--during`, `--daily` and `--window` make a window. Pure.

The rules, of which `docs/line.md` has the table:

1. `A..B` are a begin and an end as `typed_times` reads them: an end that is a day, or a midnight,
   includes that day. Without A the window holds from the first, without B for good.
2. `--daily 18:00-22:00` are times of day in the home's zone, by the offset that it has then; over
   midnight if the second is the earlier one. Where clocks are changed while the window holds, the
   hours would be others from then on: refused.
3. A window that is given no name gets one of its times, so that the same times are the same window.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from ...codegen.errors import UsageError
from ...codegen.ranges import attributes, windows
from ...codegen.ranges.attributes import Value
from ...codegen.ranges.notation import fold
from ...codegen.times import parse
from . import typed_times

_RANGE = re.compile(r" *(?:\.\.|至|到) *")
_DASH = r"(?:——|[-~‐‑‒–—―−～〜]|至|到)"
_OF_DAY = r"(?:(\d{1,2}):(\d\d)|(\d{1,2}) ?[时時](?: ?(\d{1,2}) ?分)?)"
_DAILY = re.compile(rf"{_OF_DAY} ?{_DASH} ?{_OF_DAY}", re.ASCII)
_DAY = timedelta(days=1)
_DAYS = 3_700  # ten years: clocks that are changed at all are changed every year
_ANY_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class During:
    """The texts, as they were written; `dashes`: what stands before a name of theirs in errors."""

    during: str | None
    daily: str | None = None
    window: str | None = None
    dashes: str = ""

    @property
    def is_given(self) -> bool:
        """Whether any of them is given."""
        return any(text is not None for text in (self.during, self.daily, self.window))


def windowed(
    patch: Mapping[str, Value], written: During, zone: tzinfo, *, of_cells: bool = False
) -> tuple[dict[str, Value], tuple[str, ...]]:
    """`patch` as the window that holds it, and notes on how it was understood.

    As it is if no window is written. `of_cells`: the texts stand in a table. Raises `UsageError`.
    """
    if not written.is_given:
        return dict(patch), ()
    dashes = written.dashes
    if written.during is None and written.daily is None:
        raise UsageError(
            f"{dashes}window names a window, and nothing says when it holds",
            f"say when: {dashes}during A..B; to take it away: --set window.NAME=",
        )
    if any(key in patch for key in attributes.VALIDITY):
        raise UsageError(
            f"{dashes}during leaves the validity of codes alone, and a validity is given too",
            "give the validity in an order of its own",
        )
    if not patch:
        raise UsageError(
            f"{dashes}during holds attributes, and none are given",
            "give for example: --set campaign=DEC",
        )
    begins, ends, notes = _ends(written, zone, of_cells=of_cells)
    daily = _daily(written, zone, begins, ends)
    made = _made_name(begins, ends, daily)
    name = made if written.window is None else _name(written.window, dashes)
    value = {
        "from": _text(begins),
        "until": _text(ends),
        "daily": list(daily) if daily else None,
        "attributes": dict(patch),
    }
    checked = attributes.check({f"{windows.PREFIX}{name}": value})
    if written.window is None:
        notes += (f"the window is called {name}, by its times",)
    return checked, notes


def ending(text: str) -> str:
    """The end in `A..B`, as it is written; a text of another form is returned whole."""
    return _RANGE.split(text.strip())[-1]


def _ends(
    written: During, zone: tzinfo, *, of_cells: bool
) -> tuple[datetime | None, datetime | None, tuple[str, ...]]:
    """Begin and end, in `zone`; None where the window has none."""
    if written.during is None:
        return None, None, ()
    name = f"{written.dashes}during"
    parts = _RANGE.split(fold(written.during))
    if len(parts) != 2 or not any(parts) or any(p[:1] == "." or p[-1:] == "." for p in parts):
        raise UsageError(
            f"{name} is not two times with .. between them",
            "write 2026-12-01..2026-12-31, 2026-12-01.. or ..2026-12-31; for one day, that day"
            " twice",
        )
    begin, end = parts
    typed = [
        typed_times.start(begin, zone, f"{name}, begin") if begin else None,
        typed_times.end(end, zone, f"{name}, end", of_cell=of_cells) if end else None,
    ]
    begins, ends = (parse(each.wire).astimezone(zone) if each else None for each in typed)
    if begins and ends and begins >= ends:
        raise UsageError(
            f"{name} does not begin before it ends: it would never hold",
            "look whether the two were mixed up",
        )
    return begins, ends, tuple(each.note for each in typed if each and each.note)


def _daily(
    written: During, zone: tzinfo, begins: datetime | None, ends: datetime | None
) -> tuple[str, str] | None:
    """The two times of day with their offset, as `18:00+08:00`."""
    if written.daily is None:
        return None
    name = f"{written.dashes}daily"
    found = _DAILY.fullmatch(fold(written.daily))
    if found is None:
        raise UsageError(
            f"{name} is not two times of day, by a clock of 24 hours", "write 18:00-22:00"
        )
    first, last = (_of_day(found.groups()[at : at + 4], name) for at in (0, 4))
    if first == last:
        raise UsageError(
            f"{name} begins and ends at the same time", f"for whole days leave {name} out"
        )
    offset = _offset(zone, begins, ends, name)
    return f"{first:%H:%M}{offset}", f"{last:%H:%M}{offset}"


def _of_day(parts: tuple[str | None, ...], name: str) -> time:
    hour, minute = int(parts[0] or parts[2] or 0), int(parts[1] or parts[3] or 0)
    if (hour, minute) == (24, 0):
        return time()
    if hour > 23 or minute > 59:
        raise UsageError(f"{name} is not two times of day that there are", "write 18:00-22:00")
    return time(hour, minute)


def _offset(zone: tzinfo, begins: datetime | None, ends: datetime | None, name: str) -> str:
    """The one offset that `zone` has while the window holds, as `+08:00`."""
    first = begins or (ends - _DAYS * _DAY if ends else _ANY_YEAR)
    last = ends or first + _DAYS * _DAY
    days = min((last - first) // _DAY, _DAYS)
    moments = [*(first + number * _DAY for number in range(days + 1)), last]
    texts = [f"{moment.astimezone(zone):%z}" for moment in moments]
    changed = next((m for m, text in zip(moments, texts, strict=True) if text != texts[0]), None)
    if changed is not None:
        raise UsageError(
            f"{name}: clocks are changed in {zone} while it would hold, before"
            f" {changed.astimezone(zone).date()}",
            "end the window before that day, and give another from it on",
        )
    return f"{texts[0][:3]}:{texts[0][3:5]}"


def _name(text: str, dashes: str) -> str:
    name = fold(text).lower()
    try:
        return windows.name_of(f"{windows.PREFIX}{name}")
    except ValueError as error:
        raise UsageError(f"{dashes}window: {error}", "write for example december") from None


def _made_name(
    begins: datetime | None, ends: datetime | None, daily: tuple[str, str] | None
) -> str:
    """A name of its times: `20261201-20261231`, with its last day where it ends with a day."""
    whole = _joined(begins, ends, daily, "t%H%M%S")
    if windows.NAME.fullmatch(whole):
        return whole
    digest = hashlib.sha256(whole.encode("ascii")).hexdigest()[:8]
    return f"{_joined(begins, ends, None, '')}-{digest}"


def _joined(
    begins: datetime | None, ends: datetime | None, daily: tuple[str, str] | None, clock: str
) -> str:
    if ends is not None and ends.time() == time():
        ends -= _DAY  # its last day
    parts = [f"{day:%Y%m%d}{_clock(day, clock)}" for day in (begins, ends) if day is not None]
    if begins is None or ends is None:
        parts.insert(0, "from" if begins else "until" if ends else "daily")
    return "-".join(parts + [each[:5].replace(":", "") for each in daily or ()])


def _clock(moment: datetime, form: str) -> str:
    return "" if not form or moment.time() == time() else f"{moment:{form}}".removesuffix("00")


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")

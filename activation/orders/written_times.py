"""A day, or a day with a time, as a person types it and as a program writes it. Pure.

Taken is what has one meaning: the year first and in four digits. Refused, each with a reason of
its own, is what has two (`01/02/2027`), what is no day (`2027-12`), numbers (`46752`, a day in
Excel) and the dates by which programs say that there is no date (`0001-01-01`, `1899-12-30`).

Of a validity the years 2000 to 2099 are taken: every date by which a program says "none" or "for
ever" lies outside of them, and nothing that is printed on a label today does.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, time, timedelta, timezone

from ...codegen.errors import UsageError
from ...codegen.ranges.notation import fold

Years = tuple[int, int]  # the first and the last that are taken
OF_VALIDITY: Years = (2000, 2099)
OF_BOOKS: Years = (1900, 9998)  # a day more or less is a date still, in every zone
FORMS = "write 2026-12-31, 2026-12-31 20:00 or 2026-12-31T20:00:00+08:00"
LONGEST = 64

# Of dashes `fold` makes one only where they separate serials.
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")
_DAY = (
    r"(?:(?P<y>\d{4})(?P<sep>[-/.])(?P<m>\d{1,2})(?P=sep)(?P<d>\d{1,2})"
    r"|(?P<cy>\d{4}) ?年 ?(?P<cm>\d{1,2}) ?月 ?(?P<cd>\d{1,2}) ?[日号]?"
    r"|(?P<by>\d{4})(?P<bm>\d\d)(?P<bd>\d\d))"
)
_CLOCK = (
    r"(?:(?P<h>\d{1,2}):(?P<mi>\d\d)(?::(?P<s>\d\d)(?:[.,](?P<f>\d{1,9}))?)?"
    r"|(?P<ch>\d{1,2}) ?[时時](?: ?(?P<cmi>\d{1,2}) ?分(?: ?(?P<cs>\d{1,2}) ?秒)?)?"
    r"|(?P<bh>\d\d)(?:(?P<bmi>\d\d)(?P<bs>\d\d)?)?)"
)
_OFFSET = r"(?: ?(?P<utc>[Zz]|UTC|GMT)| ?(?P<sign>[-+])(?P<oh>\d\d)(?::?(?P<om>\d\d))?)"
_DAY_OFFSET = r"(?P<utc>[Zz])|(?P<sign>[-+])(?P<oh>\d\d):(?P<om>\d\d)"
_WITH_CLOCK = re.compile(
    rf"{_DAY}(?:[Tt]| +|(?<=[日号])(?=\d\d?(?::| ?[时時]))){_CLOCK}{_OFFSET}?", re.ASCII
)
_WITHOUT = re.compile(rf"{_DAY}(?:{_DAY_OFFSET})?", re.ASCII)
# 20271231235959, as payment systems write it.
_STAMP = re.compile(
    r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)(?P<h>\d\d)(?P<mi>\d\d)(?P<s>\d\d)", re.ASCII
)
_SAFE = re.compile(r"[-0-9/.:,+TZ 年月日号时時分秒]{1,30}", re.ASCII)

_YEAR_FIRST = "write the year first: 2026-12-31"
# What the texts look like that people and programs write and nobody can be sure of.
_DOUBTS: tuple[tuple[str, str, str], ...] = (
    (
        r"\d{1,6}(?:[.,]\d*)?|\d{5,6}\.\d+",
        "is a number, not a date; Excel, for one, counts days",
        "format the cell as a date, or write it as text: 2026-12-31",
    ),
    (r"\d{10}(?:\.\d+)?|\d{13}", "is a number, perhaps of seconds since 1970", FORMS),
    (r"\d+(?:\.\d+)?", "is a number, not a date", FORMS),
    (r"(?i:.*(?:\d ?[ap]\.?m\.?|[上下]午).*)", "has a clock of 12 hours", "write 20:30"),
    (r"\d{1,2}[-/. ]\d{1,2}", "names no year", _YEAR_FIRST),
    (r"\d{1,2}[-/.]\d{1,2}[-/.]\d{1,4}.*", "can be read in several ways", _YEAR_FIRST),
    (r"\d{4}([-/.])\d{1,2}\1\d{1,2}.+", "has more after the day than a time of day", FORMS),
    (r"\d{4} ?[-/.年] ?\d{1,2} ?月?", "names a month, not a day", "name its day: 2026-12-31"),
    (r"\d{4}-?[Ww]\d\d.*", "names a week", "write the day: 2026-12-31"),
    (r"\d{4}-\d{3}", "names a day by its number in the year", "write month and day: 2026-12-31"),
    (
        r"(?i:null|none|nil|nat|nan|n/a|na|\\n|-+|undefined|invalid date|无|永久|长期)",
        "is a program's word for no date",
        "leave it out, or leave the cell empty",
    ),
)


@dataclass(frozen=True)
class WrittenTime:
    """What stands in a text. `clock` and `offset` are None if they do not stand there.

    `day` with `end_of_day` is a time of 24:00 (ISO 8601): the end of that day. `fraction` are the
    digits after the whole seconds of `clock`.
    """

    day: date
    clock: time | None = None
    fraction: str = ""
    offset: timezone | None = None
    end_of_day: bool = False

    @property
    def midnight(self) -> bool:
        """Whether a day alone stands there, or its first moment."""
        return not self.end_of_day and self.clock in (None, time()) and not self.fraction.strip("0")


def read(text: str, name: str, years: Years = OF_VALIDITY) -> WrittenTime:
    """What `text` says; `name` is how the error calls it: an option or a field.

    Raises `UsageError`, which quotes a text only if it looks like a date.
    """
    folded = fold(text).translate(_DASHES) if len(text) <= LONGEST else ""
    found = _WITHOUT.fullmatch(folded) or _WITH_CLOCK.fullmatch(folded) or _STAMP.fullmatch(folded)
    if found is None:
        raise _refusal(name, text, folded)
    parts = found.groupdict()
    try:
        day = _day(parts, years)
        clock, whole = _clock(parts)
        offset = _offset(parts)
    except ValueError:
        raise UsageError(
            f"{name} {shown(text)}is not a date or time that there is", FORMS
        ) from None
    if day is None:
        raise UsageError(
            f"{name} {shown(text)}is not a date between the years {years[0]} and {years[1]}: a"
            " program that has no date writes one like it",
            "leave it out, or leave the cell empty; else write the real date",
        )
    if clock is None and not whole and offset == UTC:
        offset = None  # 2027-12-31Z, a date of XML: a day all the same
    return WrittenTime(day, clock, parts.get("f") or "", offset, whole)


def shown(text: str) -> str:
    """`text` for an error, with a space after it; nothing if it might be anything but a date."""
    return f"{text!r} " if _SAFE.fullmatch(text) and not re.search(r"\d{9}", text) else ""


def _refusal(name: str, text: str, folded: str) -> UsageError:
    for pattern, why, hint in _DOUBTS:
        if re.fullmatch(pattern, folded, re.ASCII):
            return UsageError(f"{name} {shown(text)}is not a date or time: it {why}", hint)
    return UsageError(f"{name} {shown(text)}is not a date or time", FORMS)


def _day(parts: dict[str, str | None], years: Years) -> date | None:
    """The day; None for a year that is not taken. Raises `ValueError` for the 30th of February."""
    year, month, day = (
        int(next(filter(None, (parts.get(prefix + key) for prefix in ("", "c", "b"))), "0"))
        for key in ("y", "m", "d")
    )
    if not years[0] <= year <= years[1]:
        return None
    return date(year, month, day)


def _clock(parts: dict[str, str | None]) -> tuple[time | None, bool]:
    """Time of the day, in whole seconds; and whether it is 24:00, which `time` does not know."""
    hour, minute, second = (
        next(filter(None, (parts.get(prefix + key) for prefix in ("", "c", "b"))), None)
        for key in ("h", "mi", "s")
    )
    if hour is None:
        return None, False
    found = int(hour), int(minute or 0), int(second or 0)
    if found == (24, 0, 0) and not (parts.get("f") or "").strip("0"):
        return None, True
    return time(*found), False


def _offset(parts: dict[str, str | None]) -> timezone | None:
    if parts.get("utc"):
        return UTC
    if not parts.get("sign"):
        return None
    hours, minutes = int(parts["oh"] or 0), int(parts["om"] or 0)
    if minutes > 59 or hours * 60 + minutes > 14 * 60:
        raise ValueError("no such offset")
    way = -1 if parts["sign"] == "-" else 1
    return timezone(way * timedelta(hours=hours, minutes=minutes))

"""Times as text: RFC 3339, section 5.6, always with an offset. Pure; nothing here reads a clock."""

import re
from datetime import UTC, datetime, tzinfo
from typing import Final, Literal

# A date-time in upper case, at most microseconds, no leap second.
PATTERN: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:[0-5]\d)", re.ASCII
)
_MICROSECONDS = "%Y-%m-%dT%H:%M:%S.%fZ"

Precision = Literal["auto", "seconds", "milliseconds", "microseconds"]


def format_utc(time: datetime, precision: Precision = "microseconds") -> str:
    """`time` in UTC, ending in Z. Texts of the same precision sort as their times do.

    `auto` leaves microseconds out if they are 0. Raises `ValueError` for a time without a
    zone: `astimezone` would take it for the local time of this machine.
    """
    if time.tzinfo is None:
        raise ValueError("a time without a zone")
    return time.astimezone(UTC).isoformat(timespec=precision).removesuffix("+00:00") + "Z"


def parse_utc(text: str) -> datetime:
    """The inverse of `format_utc` with microseconds. Raises `ValueError` for any other form."""
    return datetime.strptime(text, _MICROSECONDS).replace(tzinfo=UTC)


def parse(text: str) -> datetime:
    """The date-time of `text`, with its offset. Raises `ValueError` for any other text."""
    if PATTERN.fullmatch(text) is None:
        raise ValueError("not an RFC 3339 time with an offset")
    return datetime.fromisoformat(text)


def in_zone(time: datetime, zone: tzinfo) -> datetime:
    """`time` in `zone`, or as near to it as years 1 to 9999 allow: a backend may say any."""
    try:
        time = time.astimezone(UTC)
    except OverflowError:
        return time.replace(tzinfo=UTC)
    try:
        return time.astimezone(zone)
    except OverflowError:
        return time

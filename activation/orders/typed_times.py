"""Times as people type them, and as the wire wants them (RFC 3339). Pure."""

import re
from datetime import date, datetime, time, timedelta, tzinfo

from ...codegen.errors import UsageError
from ...codegen.times import format_utc

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def start(text: str, zone: tzinfo) -> str:
    """When something begins: a bare date means its first moment in `zone`."""
    return _wire(_parse(text, zone))


def end(text: str, zone: tzinfo) -> str:
    """When something ends: a bare date includes that whole day in `zone`."""
    parsed = _parse(text, zone)
    return _wire(parsed + timedelta(days=1) if _DATE.fullmatch(text.strip()) else parsed)


def _parse(text: str, zone: tzinfo) -> datetime:
    text = text.strip()
    try:
        if _DATE.fullmatch(text):
            return datetime.combine(date.fromisoformat(text), time(), zone)
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"not a date or time: {text[:40]!r}",
            "write 2026-12-31, 2026-12-31T08:00 or 2026-12-31T08:00:00+08:00",
        ) from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)


def _wire(time: datetime) -> str:
    return format_utc(time, "seconds")

"""The backend's time, and how times are written."""

from datetime import datetime, timedelta, timezone

from .trial import Trial

HOUR = timedelta(hours=1)
# Seconds, as a slow clock may need: a backend that reads minutes or days is not done by then.
SLOWEST = 30.0


def now(t: Trial) -> datetime:
    """The backend's time, as its Date header says; else this machine's."""
    return t.probe.clock() or t.probe.now()


def written(moment: datetime, hours: int = 0) -> str:
    """RFC 3339 in whole seconds, at this offset from UTC."""
    return moment.astimezone(timezone(timedelta(hours=hours))).isoformat(timespec="seconds")


def around(t: Trial, hours: float, zone: int = 0) -> str:
    """So many hours from now, written at the offset `zone`."""
    return written(now(t) + hours * HOUR, zone)

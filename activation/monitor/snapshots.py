"""How many codes had been scanned by which day: `scanned.json` in the home.

The backend has a total of all days. For each day the last total of that day is kept, by the
home's time zone; the difference of two totals is what was scanned in between.
"""

import contextlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from ...codegen import notes

NAME = "scanned.json"  # if it is lost, a single difference is missing
DAYS = 400
_BYTES = 100_000
_MOST = 2**63 - 1  # codes, and more than there can be

Totals = Mapping[date, int]


def load(home: Path) -> Totals | None:
    """The totals that were kept; None if the file is damaged."""
    try:
        kept = notes.read(home / NAME, _BYTES)
        return {date.fromisoformat(day): _total(total) for day, total in kept.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        return None


def keep(home: Path, totals: Totals) -> None:
    """Keep the last `DAYS` of `totals`. If that fails, a difference is missing later."""
    last = {day.isoformat(): totals[day] for day in sorted(totals)[-DAYS:]}
    with contextlib.suppress(OSError):
        notes.write(home / NAME, last)


def since(totals: Totals, day: date) -> tuple[int, date] | None:
    """What `day` added to the last known day before it, and which day that is."""
    before = max((known for known in totals if known < day), default=None)
    if before is None or day not in totals or totals[day] < totals[before]:
        return None  # fewer than before: a new backend was set up
    return totals[day] - totals[before], before


def _total(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ValueError("not a total")
    return value

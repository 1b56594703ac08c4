"""How many codes had been scanned by which day: `scanned.json` in the home.

The backend tells a total of all days. It is kept for each day as last seen on that day, in
the home's time zone; the difference of two is what was scanned between both looks.
"""

import contextlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from ...codegen.files import write_atomically

NAME = "scanned.json"  # losing it costs one difference
DAYS = 400
_BYTES = 100_000

Totals = Mapping[date, int]


def load(home: Path) -> Totals | None:
    """The totals that were kept; None where the file is not as we wrote it."""
    try:
        with (home / NAME).open("rb") as file:
            kept = json.loads(file.read(_BYTES))
        return {date.fromisoformat(day): _total(total) for day, total in kept.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def keep(home: Path, totals: Totals) -> None:
    """Keep the last `DAYS` of `totals`. Where that fails, a difference is missing later."""
    last = {day.isoformat(): totals[day] for day in sorted(totals)[-DAYS:]}
    with contextlib.suppress(OSError):
        write_atomically(home / NAME, json.dumps(last).encode("ascii"))


def since(totals: Totals, day: date) -> tuple[int, date] | None:
    """What `day` added to the last day before it that is known, and which that is."""
    before = max((one for one in totals if one < day), default=None)
    if before is None or day not in totals or totals[day] < totals[before]:
        return None  # fewer than before: the backend was set up anew
    return totals[day] - totals[before], before


def _total(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("not a total")
    return value

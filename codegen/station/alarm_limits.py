"""`[alarms]` of `mintmark.toml`: from when on something is an alarm. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError

# Each with the most that may be written.
_MOST: Mapping[str, int] = {
    "receipt_days": 3_650,
    "activation_days": 3_650,
    "delivery_minutes": 525_600,
    "copied_scans": 1_000_000,
    "export_burst": 10_000,
}
KEYS = frozenset(_MOST)


@dataclass(frozen=True)
class AlarmLimits:
    """From when on something is an alarm; None: never.

    Days after which a package lacks its final receipt, or has codes that were not activated;
    minutes that an order may wait for the backend. `copied_scans`: how many scans of a code
    beyond those that it allows; `export_burst`: how many exports within an hour.
    """

    receipt_days: int | None = None
    activation_days: int | None = None
    delivery_minutes: int | None = None
    copied_scans: int = 20
    export_burst: int = 10


_DEFAULT = AlarmLimits()


def read_limits(table: Mapping[str, Any]) -> AlarmLimits:
    """The limits in a table; other keys are passed over. Raises `UsageError` naming the key."""
    given = {key: table[key] for key in _MOST if key in table}
    for key, value in given.items():
        if type(value) is not int or not 1 <= value <= _MOST[key]:
            never = (
                "nothing is looked for" if getattr(_DEFAULT, key) is None else "the default holds"
            )
            raise UsageError(
                f"{key} in [alarms] must be a number from 1 to {_MOST[key]:,}",
                f"write it unquoted, for example: {key} = 14; without the line {never}",
            )
    return AlarmLimits(**given)

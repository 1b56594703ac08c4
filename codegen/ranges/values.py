"""What a code is worth at a moment: its attributes, its windows and its gate, put together. Pure.

Ledger and reference backend share it, so that what was told here is what a phone is told.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from . import windows
from .attributes import GATE_SCAN_IN, Attributes, Layer, layer, to_json
from .windows import Window

# What a closed gate leaves of the activity layer: how a code counts, and not what it is worth.
_STAYS = frozenset(
    {"max_scans", "guide_scans", "dealer_scans", "store_scans", "role", "gate"}
    | {"effective_at", "expires_at"}
)


class Gate(StrEnum):
    """Whether a dealer's scan-in, on which the worth of the code depends, has come."""

    OPEN = "open"
    CLOSED = "closed"


def at(attributes: Attributes, now: datetime) -> Mapping[str, Any]:
    """The attributes that hold at `now`: the windows that hold then, over the others.

    Of several windows the one that began later covers the other; of those that began together,
    the one whose name comes later. While the gate is closed, the activity layer is left out but
    for what counts scans. No `window.` keys are in it.
    """
    base, found = _split(attributes)
    holding = [window for window in found if window.holds(now)]
    if not holding and "gate" not in base:
        return base
    values = dict(base)
    for window in holding:
        for key, value in window.attributes.items():
            if value is None:
                values.pop(key, None)
            else:
                values[key] = value
    if gate(values) is Gate.CLOSED:
        return {
            key: value
            for key, value in values.items()
            if key in _STAYS or layer(key) is not Layer.ACTIVITY
        }
    return values


def holding(attributes: Attributes, now: datetime) -> tuple[str, ...]:
    """The names of the windows that hold at `now`, each before the one that covers it."""
    return tuple(window.name for window in _split(attributes)[1] if window.holds(now))


def gate(values: Mapping[str, Any]) -> Gate | None:
    """The gate of a code whose attributes `at` a moment are `values`; None: it has none."""
    if values.get("gate") != GATE_SCAN_IN:
        return None
    return Gate.OPEN if values.get("scanned_in") else Gate.CLOSED


@lru_cache(maxsize=4_096)
def _split(attributes: Attributes) -> tuple[Mapping[str, Any], tuple[Window, ...]]:
    """The attributes that hold otherwise, and the windows in the order in which they cover."""
    values = to_json(attributes)
    found = (windows.read(key, value) for key, value in values.items() if windows.is_window(key))
    base = {key: value for key, value in values.items() if not windows.is_window(key)}
    return base, tuple(sorted(found, key=lambda window: window.order))

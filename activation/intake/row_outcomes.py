"""What is told of each order of a file. Nothing is quoted that may be a code."""

from typing import Any

from ...codegen import ids
from ...codegen.away import OutOfReach
from ...codegen.errors import MintmarkError
from ...codegen.station.station import Station
from ..away.desk import InQueue
from ..orders.orders import QUEUED, REFUSED, SCHEDULED
from ..orders.placed import Placed, PlacedOrder
from ..orders.scheduled import WAITING
from ..orders.sheets import Row
from .applied import UNTRIED, Outcome


def booked(row: Row, placed: Placed, order: PlacedOrder, told: tuple[str, ...]) -> Outcome:
    """An order that was booked now or before, `told` being notes on its row."""
    is_first = order is placed.orders[0]
    if not order.is_booked:
        return _later(row, order, told if is_first else ())
    return Outcome(
        row.number,
        order.change.order,
        order.change.action.value,
        order.change.batch,
        QUEUED,
        booked=True,
        repeated=order.repeated,
        applied=order.applied,
        skipped=order.skipped,
        exit=75,
        notes=told if is_first else (),
        changed=is_first and placed.group is not None and placed.group.changed,
    )


def waiting(row: Row, place: InQueue) -> Outcome:
    """An order that waits at this station until the ledger answers."""
    return Outcome(
        row.number,
        ids.masked(place.order),  # nothing can be asked whether it is a code
        _field(row, "action"),
        _field(row, "batch"),
        QUEUED,
        booked=False,
        repeated=place.repeated,
        detail=f"waits at this station: {place.reason}",
        exit=75,
    )


def _later(row: Row, order: PlacedOrder, told: tuple[str, ...]) -> Outcome:
    """An order that waits for its time, or was given before and ended before it."""
    waits = order.scheduled == WAITING
    return Outcome(
        row.number,
        order.change.order,
        order.change.action.value,
        order.change.batch,
        SCHEDULED if waits else REFUSED,
        booked=False,
        repeated=order.repeated,
        applied=order.applied,
        skipped=order.skipped,
        detail=order.detail if waits else f"{order.scheduled} before: {order.detail}",
        exit=0 if waits else 3,
        notes=told,
    )


def refused(station: Station, row: Row, order: str, error: MintmarkError) -> Outcome:
    """An order of which nothing was booked, and why."""
    # The sender's own id comes back, unless it is a code.
    return Outcome(
        row.number,
        _own_id(station, order),
        _field(row, "action"),
        _field(row, "batch"),
        REFUSED,
        booked=False,
        detail=error.message,
        hint="; ".join(error.hints) or None,
        exit=error.exit_code,
    )


def _own_id(station: Station, order: str) -> str:
    try:
        return ids.shown(order) if station.holds_code(order) else order
    except OutOfReach:
        return ids.masked(order)


def untried(row: Row, order: str) -> Outcome:
    """An order that this machine came to no more."""
    return Outcome(
        row.number,
        ids.masked(order),  # nothing can be asked whether it is a code
        _field(row, "action"),
        _field(row, "batch"),
        UNTRIED,
        booked=False,
        detail="not tried: this machine failed first",
        hint="give the same file again",
        exit=6,
    )


def _field(row: Row, name: str) -> str | None:
    """A field of a row that may be malformed, if it is no code that stands in the wrong column."""
    value: Any = row.fields.get(name)
    shown = isinstance(value, str) and value.isprintable() and ids.harmless(value, name=True)
    return value if shown else None

"""Orders as a person asks for them, also while the books are away: then those that wait here."""

from typing import TYPE_CHECKING

from ...codegen.away import OutOfReach
from ...codegen.errors import NotFound
from ...codegen.station.station import Station
from ..orders.listing import listed, show
from ..orders.orders import QUEUED
from .desk import is_shared

# In the functions: only a shared home pays for what reads intents.
if TYPE_CHECKING:
    from ..orders.booked import OrderList, OrderShown
    from .answers import ShownHere


def shown(station: Station, order: str) -> "OrderShown | ShownHere":
    """An order of the books, or else one that waits here. Raises `NotFound`."""
    try:
        return show(station, order)
    except (OutOfReach, NotFound) as error:
        if not is_shared(station):
            raise
        from .listing import waiting_order

        if (found := waiting_order(station, order, error.message)) is None:
            raise
        return found


def listed_here(
    station: Station, batch: str | None, status: str | None, limit: int
) -> "OrderList | ShownHere":
    """Orders of the books; while they are away, those that wait here."""
    try:
        return listed(station, batch, status, limit)
    except OutOfReach as away:
        if not is_shared(station) or status not in (None, QUEUED):
            raise
        from .listing import waiting_orders

        return waiting_orders(station, batch, limit, away.message)

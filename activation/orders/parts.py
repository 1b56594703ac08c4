"""The orders that one request became: how they are called, and which of them are booked.

The first has the id of the request, the others `ID.part-2`, `ID.part-3` and so on.
"""

import hashlib
from collections.abc import Iterator

from ...codegen.ledger.records import OrderRow
from ...codegen.ledger.view import View

MEMBERS = 1_000  # orders of a request
ID_CHARS = 64


def member_id(order: str, number: int) -> str:
    """The id of the order with that number, from 1, of the group `order`: 64 characters at most."""
    name = f"{order}.part-{number}"
    if number == 1 or len(name) <= ID_CHARS:
        return order if number == 1 else name
    digest = hashlib.sha256(order.encode("ascii")).hexdigest()[:16]
    return f"{order[:32]}.{digest}.part-{number}"


def booked_parts(view: View, order: str) -> Iterator[OrderRow]:
    """The order, and those that were booked with it for one request. Raises `NotFound`."""
    first = view.order(order)
    yield first
    for number in range(2, MEMBERS + 1):
        name = member_id(order, number)
        row = view.order(name) if view.is_booked(name) else None
        if row is None or row.ordered_at != first.ordered_at:
            return
        yield row

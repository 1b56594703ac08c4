"""Dealers that codes were given after a scan-in which is read back only now.

The order came to the backend after the scan-in, or will, and has the last word there. So it has it
in the books, though the scan-in is booked after it.
"""

from datetime import datetime

from ...codegen import times
from ...codegen.ledger.changes import ScannedIn
from ...codegen.ledger.records import OrderRow
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.aggregation import CodeRanges


class LaterDealers:
    """Looks orders up once for many scan-ins, the oldest of which comes first as a rule."""

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._orders: tuple[OrderRow, ...] = ()

    def of(self, view: View, event: ScannedIn) -> tuple[CodeRanges, ...]:
        """The codes of `event` whose dealer such an order sets, or takes away."""
        if not event.parts:
            return ()
        at = times.parse(event.at)
        if self._since is None or at < self._since:
            self._since, self._orders = at, view.dealer_orders(at)
        later = [row for row in self._orders if row.settled_at is None or row.settled_at >= at]
        found = []
        for part in event.parts:
            given = serials.union(
                piece for row in later if row.batch == part.batch for piece in row.touched
            )
            if both := serials.intersect(part.serials, given):
                found.append(CodeRanges(part.batch, both))
        return tuple(found)

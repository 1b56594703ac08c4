"""What a receipt voids: the orders that are booked with it, and what has to be confirmed first."""

from ...codegen.errors import Refused
from ...codegen.ledger.changes import Ordered
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.lifecycle import Action, State, live
from ...codegen.ranges.receipts import Account
from ...codegen.ranges.selection import RANGES_PER_ORDER
from ...codegen.ranges.serials import Range, Ranges
from ...codegen.station.station import Station


class Voids:
    """The void orders of a receipt, for each batch of the package its own.

    A serial counts once, also if its codes are voided in both batches of a package of two.
    """

    def __init__(self, view: View, batches: tuple[str, ...]) -> None:
        self._view, self._batches = view, batches
        self.orders: list[Ordered] = []
        self.serials: Ranges = ()
        self._live: Ranges = ()

    @property
    def codes(self) -> int:
        """How many serials have a code that is voided."""
        return serials.count(self.serials)

    @property
    def live(self) -> int:
        """How many of them have a code that is active, or frozen while active."""
        return serials.count(self._live)

    def check_count(self, package: str, count: int | None) -> None:
        """Raises `Refused` if another number was confirmed, or none and some codes are live."""
        if count is not None and count != self.codes:
            raise Refused(
                f"the receipt would void {self.codes:,} codes, not {count:,}",
                f"see their states: mintmark package show {package}",
                count=self.codes,
            )
        if count is None and self.live:
            raise Refused(
                f"{self.live:,} of the codes to be voided are active, or frozen while active: they"
                " may be in shoppers' hands",
                f"to void them all the same, confirm their number: --count {self.codes}",
                count=self.codes,
            )

    def add(self, station: Station, ranges: Ranges, reason: str) -> None:
        """Void the serials that are not void yet, up to `RANGES_PER_ORDER` per order."""
        for batch in self._batches if ranges else ():
            self._add(station, batch, ranges, reason)

    def _add(self, station: Station, batch: str, ranges: Ranges, reason: str) -> None:
        pieces: list[Range] = []
        alive: list[Range] = []
        for tile in self._view.select(batch, ranges):
            if tile.value.state is not State.VOID:
                pieces.append(tile.serials)
                if live(tile.value):
                    alive.append(tile.serials)
        self.serials = serials.union((*self.serials, *pieces))
        self._live = serials.union((*self._live, *alive))
        for at in range(0, len(pieces), RANGES_PER_ORDER):
            part = serials.ordered(pieces[at : at + RANGES_PER_ORDER])
            self.orders.append(
                Ordered(
                    order=station.new_order_id(),
                    batch=batch,
                    action=Action.VOID,
                    serials=part,
                    count=serials.count(part) if serials.intersect(part, alive) else None,
                    reason=reason,
                )
            )


def check_copies(voids: Voids, spoiled: Ranges, account: Account, count: int | None) -> None:
    """Raises `Refused` if codes that are on many labels would be void for one spoiled label."""
    if account.copies == 1 or count is not None or not spoiled:
        return
    raise Refused(
        f"each code of package {account.package} is on {account.copies:,} labels, and would be void"
        f" on all of them: {serials.describe(spoiled)}",
        "if some of its labels are spoiled, the code stays good; report how many labels:"
        " --spoiled-count N (报废张数)",
        f"if every label of these codes is spoiled: --count {voids.codes}",
        count=voids.codes,
    )

"""What `deliver` did: for people, and for programs."""

from collections.abc import Iterator
from dataclasses import dataclass

from ...codegen.result import Result
from ..orders.due import Ended


@dataclass(frozen=True)
class DeliverResult(Result):
    """The ids of the orders that were settled, and how many are still queued.

    `scheduled`: orders of which the time had come, and what became of them. `scan_ins`: how many
    scan-ins of dealers were read back; `scan_ins_detail`: why not all. Of orders that had waited
    at this station for the ledger: `away_booked` now, `away_refused` then, `away_waiting` still.
    """

    delivered: tuple[str, ...]
    queued: int
    refused: tuple[str, ...]
    detail: str | None = None
    scheduled: tuple[Ended, ...] = ()
    scan_ins: int = 0
    scan_ins_detail: str | None = None
    away_booked: int = 0
    away_refused: int = 0
    away_waiting: int = 0

    @property
    def exit_code(self) -> int:
        """6 if the backend refused an order, 3 if the books did, 75 while something is queued."""
        if self.refused:
            return 6
        if self.away_refused:
            return 3
        return 75 if self.queued or self.away_waiting else 0

    def lines(self) -> Iterator[str]:
        """Counts, then scheduled orders, then the refused orders by id."""
        yield (
            f"{len(self.delivered)} delivered, {self.queued} queued, {len(self.refused)} refused"
            f"{f' ({self.detail})' if self.detail else ''}"
        )
        if self.away_booked or self.away_refused or self.away_waiting:
            yield (
                f"  of those that waited at this station: {self.away_booked:,} booked,"
                f" {self.away_refused:,} refused, {self.away_waiting:,} waiting"
            )
        for ended in self.scheduled:
            yield f"  {ended.text()}"
        for order in self.refused:
            yield f"  refused {order}: see mintmark orders show {order}"
        if self.scan_ins:
            yield f"  scan-ins of dealers read back: {self.scan_ins:,}"
        if self.scan_ins_detail:
            yield f"  scan-ins of dealers not read: {self.scan_ins_detail}"

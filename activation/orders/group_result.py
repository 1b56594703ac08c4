"""What a request that became several orders did."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ...codegen.ranges import serials
from ...codegen.ranges.lifecycle import Action
from ...codegen.ranges.serials import Ranges
from ...codegen.result import Result
from .orders import (
    ACKNOWLEDGED,
    CANCELLED,
    QUEUED,
    REFUSED,
    SCHEDULED,
    OrderResult,
    at_time,
    set_or_removed,
    waiting,
)

WORST = (REFUSED, CANCELLED, QUEUED, SCHEDULED, ACKNOWLEDGED)


@dataclass(frozen=True)
class GroupResult(Result):
    """The orders of a request for several batches, in the order in which they go out.

    `items_count`: the items at the lowest level, which hold nothing, that it changed; the other
    counts are codes. It is None if `changed`: a repetition would name other codes today, which
    `notes` tell, and what was booked stands. `delivery` is the worst of the orders.
    """

    order: str
    action: Action
    orders: tuple[OrderResult, ...]
    items_count: int | None
    applied_count: int
    skipped_count: int
    delivery: str | None
    dry_run: bool = False
    repeated: bool = False
    changed: bool = False
    notes: tuple[str, ...] = ()
    at: datetime | None = None

    @property
    def reads(self) -> bool:
        """Whether it was a dry run."""
        return self.dry_run

    @property
    def exit_code(self) -> int:
        """The worst of its orders: see `exit_of`."""
        return exit_of(self.orders, changed=self.changed)

    def lines(self) -> Iterator[str]:
        """The whole, a line per order, and what to do if the backend has not taken it."""
        would = "would " if self.dry_run else ""
        batches = len({order.batch for order in self.orders})
        items = f"{self.items_count:,} items, " if self.items_count is not None else ""
        of = f" of {batches:,} batches" if batches > 1 else ""
        what = f"{would}{self.action.value} {items}{self.applied_count:,} codes{of}"
        yield f"{what}{at_time(self.at)}"
        for order in self.orders:
            yield from self._of(order)
        yield from self._attributes()
        if self.dry_run:
            yield "  nothing was changed"
            return
        yield from after(self.order, self.delivery, repeated=self.repeated)

    def _attributes(self) -> Iterator[str]:
        """What all orders set; then what one sets alone, such as the product of its batch."""
        every = [order.attributes.items() for order in self.orders]
        shared = [pair for pair in every[0] if all(pair in pairs for pairs in every)]
        yield from (set_or_removed(key, value) for key, value in shared)
        for order, pairs in zip(self.orders, every, strict=True):
            for key, value in (pair for pair in pairs if pair not in shared):
                yield f"{set_or_removed(key, value)}, of batch {order.batch}"

    def _of(self, order: OrderResult) -> Iterator[str]:
        sent = "" if self.dry_run else f"  order {order.order}: {order.delivery}"
        detail = f", {order.detail}" if order.detail else ""
        codes = serials.count(order.applied)
        yield f"  {order.batch}  {serials.describe(order.applied)} ({codes:,}){sent}{detail}"
        if order.skipped:
            void = serials.count(order.skipped)
            yield f"    skipped  {serials.describe(order.skipped)} ({void:,} void)"
        yield from trouble(order)


class _OneOfMany(Protocol):
    """An order of a request that became several: what both kinds of results tell of it."""

    @property
    def batch(self) -> str: ...
    @property
    def delivery(self) -> str | None: ...
    @property
    def scheduled(self) -> str | None: ...
    @property
    def undone(self) -> Ranges: ...
    @property
    def exit_code(self) -> int: ...


def trouble(order: _OneOfMany) -> Iterator[str]:
    """What somebody should look at, below the line of `order`."""
    if order.undone:
        yield (
            f"    {serials.count(order.undone):,} of its codes have changed since:"
            f" {serials.describe(order.undone)}"
        )
    if order.delivery == REFUSED and order.scheduled != REFUSED:
        yield f"    it is booked here; what the backend has: mintmark reconcile {order.batch}"


def after(order: str, delivery: str | None, *, repeated: bool) -> Iterator[str]:
    """The last lines: what happens next to what was booked under the id `order`."""
    if repeated:
        yield "  booked before, and not done again"
    if delivery == SCHEDULED:
        yield from waiting(order)
    if delivery == QUEUED:
        yield "  the orders are booked here; send them with: mintmark deliver"


def exit_of(orders: Iterable[_OneOfMany], *, changed: bool) -> int:
    """The worst of orders: 6, then 3, then 75; 3 also if a repetition would name others."""
    codes = {order.exit_code for order in orders} | ({3} if changed else set())
    return next((code for code in (6, 3, 75) if code in codes), 0)


def worst(deliveries: Iterator[str | None]) -> str | None:
    """The worst of what became of several orders; None on a dry run."""
    found = set(deliveries)
    return next((status for status in WORST if status in found), None)

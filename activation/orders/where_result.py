"""What a request for codes that meet conditions did, or would do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from ...codegen.ranges import serials
from ...codegen.ranges.attributes import Value
from ...codegen.ranges.lifecycle import Action, State
from ...codegen.ranges.serials import Ranges
from ...codegen.result import Result
from .group_result import exit_of
from .orders import (
    CANCELLED,
    QUEUED,
    REFUSED,
    SCHEDULED,
    at_time,
    set_or_removed,
    waiting,
)


@dataclass(frozen=True)
class WhereOrder:
    """An order of a batch; `order` and `delivery` are None if nothing was booked.

    `states`: in which states the codes that change were before; none of an order booked before.
    """

    batch: str
    serials: Ranges
    codes: int
    order: str | None
    delivery: str | None
    detail: str | None
    applied: Ranges
    skipped: Ranges
    states: Mapping[State, int]
    repeated: bool = False
    undone: Ranges = ()
    scheduled: str | None = None

    @property
    def exit_code(self) -> int:
        """As that of a single order."""
        if self.scheduled == REFUSED:
            return 3  # by a guard, at its time
        if self.delivery == REFUSED:
            return 6
        if self.undone or self.delivery == CANCELLED:
            return 3
        return 75 if self.delivery == QUEUED else 0

    def lines(self) -> Iterator[str]:
        """The codes, the states that they had, and what became of the order."""
        told = ", ".join(f"{codes:,} {state}" for state, codes in self.states.items() if codes)
        ranges = f"{serials.describe(self.applied)} ({self.codes:,}{f': {told}' if told else ''})"
        sent = f"  {self.order}  {self.delivery}" if self.order else ""
        yield f"  {self.batch}  {ranges}{sent}{f': {self.detail}' if self.detail else ''}"
        if self.undone:
            yield (
                f"    {serials.count(self.undone):,} of its codes have changed since:"
                f" {serials.describe(self.undone)}"
            )
        if self.delivery == REFUSED and self.scheduled != REFUSED:
            yield f"    it is booked here; what the backend has: mintmark reconcile {self.batch}"


@dataclass(frozen=True)
class WhereResult(Result):
    """The orders for the codes that meet `where`, in the order in which they go out.

    `order`: the id that stands for all of them, None if nothing was booked. `items_count` and
    `changed` as in `GroupResult`.
    """

    codes: int
    dry_run: bool
    attributes: Mapping[str, Value]
    orders: tuple[WhereOrder, ...]
    notes: tuple[str, ...]
    order: str | None
    action: Action
    where: tuple[str, ...]
    states: Mapping[State, int]
    items_count: int | None
    applied_count: int
    skipped_count: int
    delivery: str | None
    repeated: bool = False
    changed: bool = False
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
        """The whole, a line per order, and how to do it."""
        would = "would " if self.dry_run else ""
        batches = len({order.batch for order in self.orders})
        of = f" of {batches:,} batches" if batches > 1 else ""
        what = f"{would}{self.action} {self.codes:,} codes{of} where {'; '.join(self.where)}"
        yield f"{what}{at_time(self.at)}"
        for order in self.orders:
            yield from order.lines()
        for key, value in self.attributes.items():
            yield set_or_removed(key, value)
        if self.dry_run:
            yield "  nothing was changed; to do it, give --yes, or --count and how many there are"
            return
        if self.repeated:
            yield "  booked before, and not done again"
        if self.delivery == SCHEDULED:
            yield from waiting(self.order or "")
        if self.delivery == QUEUED:
            yield "  the orders are booked here; send them with: mintmark deliver"

"""What a request for codes that meet conditions did, or would do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from ...codegen.ranges import serials
from ...codegen.ranges.attributes import Value
from ...codegen.ranges.lifecycle import Action, State
from ...codegen.ranges.serials import Ranges
from ...codegen.result import Result
from .group_result import after, exit_of, trouble
from .orders import (
    OrderResult,
    at_time,
    exit_of_order,
    set_or_removed,
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

    @classmethod
    def of(cls, order: OrderResult, states: Mapping[State, int], *, booked: bool) -> Self:
        """From the order's own result."""
        return cls(
            batch=order.batch,
            serials=order.applied,
            codes=serials.count(order.applied),
            order=order.order if booked else None,
            delivery=order.delivery,
            detail=order.detail,
            applied=order.applied,
            skipped=order.skipped,
            states=states,
            repeated=order.repeated,
            undone=order.undone,
            scheduled=order.scheduled,
        )

    @property
    def exit_code(self) -> int:
        """See `exit_of_order`."""
        return exit_of_order(self.delivery, self.scheduled, self.undone)

    def lines(self) -> Iterator[str]:
        """The codes, the states that they had, and what became of the order."""
        told = ", ".join(f"{codes:,} {state}" for state, codes in self.states.items() if codes)
        ranges = f"{serials.describe(self.applied)} ({self.codes:,}{f': {told}' if told else ''})"
        sent = f"  {self.order}  {self.delivery}" if self.order else ""
        yield f"  {self.batch}  {ranges}{sent}{f': {self.detail}' if self.detail else ''}"
        yield from trouble(self)


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
        yield from after(self.order or "", self.delivery, repeated=self.repeated)

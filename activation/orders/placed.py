"""What a request became: orders, each booked or kept for its time."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...codegen.ledger.changes import Ordered
from ...codegen.ranges.lifecycle import State
from ...codegen.ranges.serials import Ranges


@dataclass(frozen=True)
class PlacedOrder:
    """An order of a request, with the serials it touched and passed over.

    `repeated`: it was booked before, and nothing was done now. `states`: of a request for several
    batches, in which states its codes were before, if it is new. `scheduled`: what became of one
    that is given for later, waiting, booked, cancelled or refused; None of any other. Until it is
    booked the serials are those that it would touch now, and `detail` is why it never was.
    """

    change: Ordered
    applied: Ranges
    skipped: Ranges
    repeated: bool
    states: Mapping[State, int] = field(default_factory=dict)
    scheduled: str | None = None
    detail: str | None = None

    @property
    def is_booked(self) -> bool:
        """Whether it is there to be sent, or was sent."""
        return self.scheduled in (None, "booked")


@dataclass(frozen=True)
class Group:
    """What holds for all orders of a request: its `order` id, and how many `items` change.

    `changed`: of a repetition, that other codes would be named today; `items` is None then.
    `notes` are sentences.
    """

    order: str
    items: int | None
    changed: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Placed:
    """The orders that a request became. Without a `group` it is a plain order of one batch.

    `told` are sentences on what it did away with, and on scheduled orders whose time had come:
    `due` are their batches.
    """

    orders: tuple[PlacedOrder, ...]
    group: Group | None = None
    told: tuple[str, ...] = ()
    due: tuple[str, ...] = ()

    @property
    def batches(self) -> tuple[str, ...]:
        """The batches of the booked orders, each once, in the order in which they go out."""
        own = (order.change.batch for order in self.orders if order.is_booked)
        return tuple(dict.fromkeys((*self.due, *own)))

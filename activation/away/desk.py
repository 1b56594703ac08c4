"""Where a line's orders go: into the books, or, while they are out of reach, into the queue.

In this order:

1. Nothing waits here: book the order. If the books, or the store of the vault, turn out to be out
   of reach, write it down (`Keeper.append`): the line goes on.
2. Something waits here: book that first (`drain`), for so many seconds. Then 1.
3. It waits still: write the order down behind it. It must not overtake what was given before.

The order has its id before 1, and keeps it: booked and lost on the way back, or booked by another
process out of the queue, it is the same order and takes effect once.

A crash after 1 or 3, before the answer: the order is booked, or waits here. A home that no other
station shares has no queue: its books are a file beside it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from ...codegen.away import OutOfReach
from ...codegen.errors import Refused
from ...codegen.ids import masked
from ...codegen.station.station import Station
from ..backoff import wait
from .drained import Drained
from .refused import RefusedIntent

# In the functions below: only a shared home pays for what reads and books intents.
if TYPE_CHECKING:
    from .intent import WrittenOrder
    from .keeper import Keeper

STREAM, COMMAND = 2.0, 30.0  # seconds for what waits before an order
LONGEST_REST = 15.0  # seconds between two tries to reach the books

T = TypeVar("T")
Notify = Callable[[str], None]


@dataclass(frozen=True)
class InQueue:
    """An order that waits at this station. `reason`: why; `repeated`: it waited here already."""

    order: str
    number: int
    reason: str
    repeated: bool = False


def is_shared(station: Station) -> bool:
    """Whether the books lie elsewhere, where they may be out of reach."""
    return station.config.ledger_url is not None


class AwayDesk:
    """Takes orders. `seconds`: how long it books what waits before one; `notify` tells people."""

    def __init__(
        self,
        station: Station,
        seconds: float,
        notify: Notify = lambda _: None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._station, self._seconds, self._notify = station, seconds, notify
        self._clock = clock or time.monotonic
        self._failures, self._rest_until = 0, self._clock()
        self._reason = ""

    @cached_property
    def _keeper(self) -> "Keeper":
        from .keeper import Keeper

        return Keeper(self._station)

    @cached_property
    def _is_shared(self) -> bool:
        return is_shared(self._station)

    def order_id(self, given: str | None) -> str | None:
        """The id of an order: that which was given; one is drawn now if it may have to wait."""
        return given or (self._station.new_order_id() if self._is_shared else None)

    def take(self, write: "Callable[[], WrittenOrder]", book: Callable[[], T]) -> T | InQueue:
        """What `book` returns, or where the order waits. `write` gives the order written down.

        Raises what `book` raises but `OutOfReach`; what `write` raises, if the order cannot wait;
        `IntegrityError` for a damaged queue.
        """
        if not self._is_shared:
            return book()
        reason = self._waits()
        if reason is None:
            try:
                done = book()
            except OutOfReach as away:
                self._rest(away.message)
                reason = away.message
            else:
                self._failures = 0
                return done
        return self._append(write(), reason)

    @property
    def is_resting(self) -> bool:
        """Whether the books were out of reach a moment ago, and are not asked again yet."""
        return self._clock() < self._rest_until

    def drain(self, stop: Callable[[], bool] = lambda: False) -> Drained:
        """Book what waits, until `stop`, unless the books were out of reach a moment ago."""
        if not self._is_shared or self._keeper.queue.is_empty:
            return Drained()
        if self.is_resting:
            return Drained(left=self._reason)
        from .drain import drain

        drained = drain(self._keeper, stop)
        if drained.away:
            self._rest(drained.left or "")
        for refused in drained.refused:
            self._notify(f"warning: {told(refused)}")
        return drained

    def _waits(self) -> str | None:
        """Why the next order has to wait; None: it can be booked, as far as is known."""
        if self.is_resting:
            return self._reason
        if self._keeper.queue.is_empty:
            return None
        deadline = self._clock() + self._seconds
        return self.drain(lambda: self._clock() > deadline).left

    def _rest(self, reason: str) -> None:
        seconds = min(wait(self._failures, 0.5).total_seconds(), LONGEST_REST)
        self._failures += 1
        self._reason, self._rest_until = reason, self._clock() + seconds

    def _append(self, written: "WrittenOrder", reason: str) -> InQueue:
        from .intent import alike

        known = self._keeper.find(written.order)
        if known is not None:
            if not alike(known.written, written):
                raise Refused(
                    f"order {masked(written.order)} waits here already, and says something else",
                    "see it: mintmark orders away",
                    "give a new order another id",
                )
            return InQueue(written.order, known.number, reason, repeated=True)
        return InQueue(written.order, self._keeper.append(written), reason)


def told(refused: RefusedIntent) -> str:
    """A sentence on an order that was refused after it had waited here."""
    return (
        f"order {refused.order}, given while the ledger was away, is refused: {refused.error};"
        " see mintmark orders away"
    )

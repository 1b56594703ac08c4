"""The answers of orders that wait at this station: those of the same command, and `away`.

They have every key of the command's answer, and exit with 75: what was asked is kept, and will be
booked and sent. What only the books could tell is empty, and so are texts that somebody wrote:
nothing can be asked now whether one is a code.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...codegen.ids import masked
from ...codegen.ranges.aggregation import Packing
from ...codegen.result import Result
from ...codegen.station.station import Station
from ..association.outcome import PackingResult
from ..orders.group_result import GroupResult
from ..orders.matching import every_state
from ..orders.orders import QUEUED, OrderRequest, OrderResult
from ..orders.selection import ByConditions
from ..orders.where_result import WhereResult
from .desk import InQueue


@dataclass(frozen=True)
class QueuedHere(Result):
    """An order that waits at this station. `answer`: what the command answers otherwise."""

    answer: Result
    place: InQueue

    @property
    def notes(self) -> tuple[str, ...]:
        """None beside what it says."""
        return ()

    @property
    def exit_code(self) -> int:
        """75: it is kept, and neither booked nor sent yet."""
        return 75

    def lines(self) -> Iterator[str]:
        """Where it waits, and why."""
        again = " (given before)" if self.place.repeated else ""
        yield f"order {masked(self.place.order)} waits at this station{again}: {self.place.reason}"
        yield "  it is neither booked nor sent, and will be when the ledger answers: the next"
        yield "  order, deliver or line run does that; what waits: mintmark orders away"

    def records(self) -> Iterator[dict[str, Any]]:
        """The command's own keys, and `away`."""
        for record in self.answer.records():
            yield {**record, "away": True}


@dataclass(frozen=True)
class ShownHere(Result):
    """What `orders show` and `orders list` tell of orders that wait here; nothing was changed."""

    reads = True

    answer: Result

    def lines(self) -> Iterator[str]:
        """As of booked orders."""
        yield from self.answer.lines()

    def records(self) -> Iterator[dict[str, Any]]:
        """The command's own keys, and `away`."""
        for record in self.answer.records():
            yield {**record, "away": True}


def range_waits(station: Station, request: OrderRequest, place: InQueue) -> QueuedHere:
    """The answer of a range order. `request` has its id."""
    at = request.at.astimezone(station.config.time_zone) if request.at else None
    return QueuedHere(_of_range(request, place, at), place)


def _of_range(request: OrderRequest, place: InQueue, at: Any) -> Result:  # noqa: ANN401
    detail = f"waits at this station: {place.reason}"
    if not request.is_group:
        return OrderResult(
            order=masked(place.order),
            batch=request.batch,
            serials=(),
            applied=(),
            skipped=(),
            action=request.action,
            delivery=QUEUED,
            detail=detail,
            repeated=place.repeated,
            notes=request.notes,
            at=at,
        )
    notes = (*request.notes, detail)
    if not isinstance(request.selection, ByConditions):
        return GroupResult(
            order=masked(place.order),
            action=request.action,
            orders=(),
            items_count=None,
            applied_count=0,
            skipped_count=0,
            delivery=QUEUED,
            repeated=place.repeated,
            notes=notes,
            at=at,
        )
    return WhereResult(
        codes=0,
        dry_run=False,
        attributes={},
        orders=(),
        notes=notes,
        order=masked(place.order),
        action=request.action,
        where=tuple(map(masked, request.selection.where.texts())),
        states=every_state({}),
        items_count=None,
        applied_count=0,
        skipped_count=0,
        delivery=QUEUED,
        repeated=place.repeated,
        changed=False,
        at=at,
    )


def packing_waits(action: Packing, place: InQueue) -> QueuedHere:
    """The answer of an order of packing."""
    answer = PackingResult(
        order=masked(place.order),
        action=action,
        parent=None,
        parents_count=0,
        children=(),
        children_count=0,
        dry_run=False,
        delivery=QUEUED,
        detail=f"waits at this station: {place.reason}",
        repeated=place.repeated,
    )
    return QueuedHere(answer, place)

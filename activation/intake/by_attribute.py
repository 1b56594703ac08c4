"""`assign --where key=value`: attributes for all codes that carry other attributes.

Shown first; booked only with `--yes`. An order for each batch and each 1,000 ranges. Each
order is atomic, all of them together are not: run it again after a crash.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ...codegen import ids
from ...codegen.errors import NotFound, UsageError
from ...codegen.ledger.changes import Ordered
from ...codegen.ledger.view import View
from ...codegen.progress import Progress
from ...codegen.ranges import serials
from ...codegen.ranges.attributes import Value
from ...codegen.ranges.lifecycle import Action
from ...codegen.ranges.selection import RANGES_PER_ORDER
from ...codegen.ranges.serials import Ranges
from ...codegen.result import Result
from ...codegen.station.station import Station
from ..client.protocol import Client
from ..delivery.deliver import Courier
from ..orders import validity
from ..orders.orders import QUEUED, REFUSED, OrderRequest, book, said
from ..orders.selection import ByAttributes, ByRanges, matching


@dataclass(frozen=True)
class Assigned:
    """An order of several; `order` and `delivery` are None if nothing was booked."""

    batch: str
    serials: Ranges
    codes: int
    order: str | None = None
    delivery: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class AssignedWhere(Result):
    """What would be assigned, or was."""

    codes: int
    dry_run: bool
    attributes: Mapping[str, Value]
    orders: tuple[Assigned, ...]
    notes: tuple[str, ...] = ()

    @property
    def reads(self) -> bool:
        """Whether it was a dry run."""
        return self.dry_run

    @property
    def exit_code(self) -> int:
        """6 if the backend refused an order, 75 while an order is queued."""
        deliveries = {assigned.delivery for assigned in self.orders}
        if REFUSED in deliveries:
            return 6
        return 75 if QUEUED in deliveries else 0

    def lines(self) -> Iterator[str]:
        """A line per order, and how to book them."""
        patch = ", ".join(f"{k}={'' if v is None else v}" for k, v in self.attributes.items())
        would = "would assign" if self.dry_run else "assigned"
        yield f"{would} {patch} to {self.codes:,} codes"
        for assigned in self.orders:
            sent = f"  {assigned.order}  {assigned.delivery}" if assigned.order else ""
            detail = f": {assigned.detail}" if assigned.detail else ""
            ranges = f"{serials.describe(assigned.serials)} ({assigned.codes:,})"
            yield f"  {assigned.batch}  {ranges}{sent}{detail}"
        if self.dry_run:
            yield "  nothing was changed; to do it, give --yes"


def assign_by_attribute(
    station: Station,
    client: Client | None,
    request: OrderRequest,
    *,
    every_batch: bool,
    progress: Progress = lambda *_: None,
) -> AssignedWhere:
    """Assign `request.attributes` to the codes, of a batch or of all, that `request` selects.

    It selects by attributes; its `dry_run` decides whether anything is booked. Raises
    `UsageError`, `NotFound`, `Refused`.
    """
    if request.count is not None or request.order is not None:
        raise UsageError(
            "--count and --order speak of one order, and --where may make several",
            "leave them out, and look at what is shown first",
        )
    selected = request.selection
    if not isinstance(selected, ByAttributes) or not selected.carried or not request.attributes:
        raise UsageError("nothing to assign", "give for example --set region=X")
    with station.ledger.read() as view:
        batches = [row.batch for row in view.batches()] if every_batch else [request.batch]
        parts = [(batch, part) for batch in batches for part in _parts(view, batch, selected)]
        for batch, part in parts:  # all of them, before the first is booked
            validity.check(view, _change(batch, part, request), station.now(), said(request))
    if not parts:
        raise NotFound("no codes carry these attributes", "see: mintmark batch show BATCH")
    orders = [
        Assigned(batch, part, serials.count(part))
        if request.dry_run
        else _booked(station, batch, part, request)
        for batch, part in parts
    ]
    if not request.dry_run:
        orders = _delivered(station, client, orders, progress)
    return AssignedWhere(
        codes=sum(assigned.codes for assigned in orders),
        dry_run=request.dry_run,
        attributes=request.attributes,
        orders=tuple(orders),
        notes=request.notes,
    )


def _parts(view: View, batch: str, selected: ByAttributes) -> Iterator[Ranges]:
    """The ranges of `batch` that match, as many at a time as an order takes."""
    ranges = matching(view, batch, selected.carried)
    for first in range(0, len(ranges), RANGES_PER_ORDER):
        yield ranges[first : first + RANGES_PER_ORDER]


def _change(batch: str, part: Ranges, request: OrderRequest) -> Ordered:
    """What will be booked, as far as it concerns validity."""
    return Ordered("", batch, Action.ASSIGN, part, attributes=dict(request.attributes))


def _booked(station: Station, batch: str, part: Ranges, request: OrderRequest) -> Assigned:
    codes = serials.count(part)
    order = replace(
        request,
        action=Action.ASSIGN,
        batch=ids.fold(batch),
        selection=ByRanges(part),
        count=codes,  # the guard: codes voided since they were shown make it another order
    )
    change, _ = book(station, order)
    return Assigned(batch, part, codes, change.order, QUEUED)


def _delivered(
    station: Station, client: Client | None, orders: Sequence[Assigned], progress: Progress
) -> list[Assigned]:
    """Send the orders; the same with what the ledger has of them then."""
    detail = "no backend is configured"
    if client is not None:
        courier = Courier(station, client, progress, sturdy=True)
        for batch in dict.fromkeys(assigned.batch for assigned in orders):
            detail = courier.deliver(batch=batch).detail or ""
    settled = []
    for assigned in orders:
        with station.ledger.read() as view:
            row = view.order(assigned.order or "")
        why = row.detail or (detail or None if row.status == QUEUED else None)
        settled.append(replace(assigned, delivery=row.status, detail=why))
    return settled

"""`assign --where key=value`: attributes for whatever carries other attributes, in any batch.

Shown first; booked only with `--yes`. One order a batch and 1,000 ranges; each is atomic,
all of them together are not: run it again after a crash.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ...codegen import ids
from ...codegen.errors import NotFound, UsageError
from ...codegen.ledger.view import View
from ...codegen.ranges import serials, tiling
from ...codegen.ranges.attributes import Value, to_json
from ...codegen.ranges.lifecycle import Action, State
from ...codegen.ranges.selection import RANGES_PER_ORDER
from ...codegen.ranges.serials import Range, Ranges
from ...codegen.ranges.tiling import Tile
from ...codegen.result import Result
from ...codegen.station.station import Station
from ..client.protocol import Client
from ..delivery.deliver import Courier
from ..delivery.upload import Progress
from ..orders.form import written
from ..orders.orders import QUEUED, REFUSED, OrderRequest, book


@dataclass(frozen=True)
class Assigned:
    """One order of several; `order` and `delivery` are None where nothing was booked."""

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

    @property
    def exit_code(self) -> int:
        """6 where the backend refused an order, 75 while one is queued."""
        deliveries = {one.delivery for one in self.orders}
        if REFUSED in deliveries:
            return 6
        return 75 if QUEUED in deliveries else 0

    def lines(self) -> Iterator[str]:
        """A line an order, and how to do it."""
        said = ", ".join(f"{k}={'' if v is None else v}" for k, v in self.attributes.items())
        would = "would assign" if self.dry_run else "assigned"
        yield f"{would} {said} to {self.codes:,} codes"
        for one in self.orders:
            sent = f"  {one.order}  {one.delivery}" if one.order else ""
            detail = f": {one.detail}" if one.detail else ""
            yield f"  {one.batch}  {serials.describe(one.serials)} ({one.codes:,}){sent}{detail}"
        if self.dry_run:
            yield "  nothing was changed; to do it, give --yes"


def assign_where(  # noqa: PLR0913 - the command's options
    station: Station,
    client: Client | None,
    where: Mapping[str, Value],
    request: OrderRequest,
    *,
    every_batch: bool,
    progress: Progress = lambda *_: None,
) -> AssignedWhere:
    """Assign `request.attributes` to the codes, of one batch or all, that match `where`.

    A value None matches codes without that attribute. Void codes never match. `request`
    names no serials; its `dry_run` decides. Raises `UsageError`, `NotFound`, `Refused`.
    """
    if request.count is not None or request.order is not None:
        raise UsageError(
            "--count and --order speak of one order, and --where may make several",
            "leave them out, and look at what is shown first",
        )
    if not where or not request.attributes:
        raise UsageError("nothing to assign", "give for example --set region=X")
    with station.ledger.read() as view:
        batches = [row.batch for row in view.batches()] if every_batch else [request.batch]
        found = [(batch, part) for batch in batches for part in _matching(view, batch, where)]
    if not found:
        raise NotFound("no codes carry these attributes", "see: mintmark batch show BATCH")
    orders = [
        Assigned(batch, part, serials.count(part))
        if request.dry_run
        else _booked(station, batch, part, request)
        for batch, part in found
    ]
    if not request.dry_run:
        orders = _delivered(station, client, orders, progress)
    return AssignedWhere(
        codes=sum(one.codes for one in orders),
        dry_run=request.dry_run,
        attributes=request.attributes,
        orders=tuple(orders),
    )


def _matching(view: View, batch: str, where: Mapping[str, Value]) -> Iterator[Ranges]:
    """The ranges of `batch` that match, as many at a time as an order takes."""
    quantity = view.batch(batch).quantity
    hits: list[Tile[bool]] = []
    for tile in view.select(batch, (Range(1, quantity),)):
        carried = to_json(tile.value.attributes)
        matches = all(carried.get(key) == value for key, value in where.items())
        if matches and tile.value.state is not State.VOID:
            hits.append(Tile(tile.serials, value=True))
    joined = tuple(tile.serials for tile in tiling.join(hits))
    for first in range(0, len(joined), RANGES_PER_ORDER):
        yield joined[first : first + RANGES_PER_ORDER]


def _booked(station: Station, batch: str, part: Ranges, request: OrderRequest) -> Assigned:
    codes = serials.count(part)
    # The guard: what was void meanwhile, or is new, is another order.
    one = replace(
        request, action=Action.ASSIGN, batch=ids.fold(batch), serials=written(part), count=codes
    )
    change, _ = book(station, one)
    return Assigned(batch, part, codes, change.order, QUEUED)


def _delivered(
    station: Station, client: Client | None, orders: Sequence[Assigned], progress: Progress
) -> list[Assigned]:
    detail = "no backend is configured"
    if client is not None:
        courier = Courier(station, client, progress, sturdy=True)
        for batch in dict.fromkeys(one.batch for one in orders):
            detail = courier.deliver(batch=batch).detail or ""
    found = []
    for one in orders:
        with station.ledger.read() as view:
            row = view.order(one.order or "")
        why = row.detail or (detail or None if row.status == QUEUED else None)
        found.append(replace(one, delivery=row.status, detail=why))
    return found

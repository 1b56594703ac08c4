"""What became of an order of packing: for people, and for programs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...codegen.errors import NotFound
from ...codegen.ledger.changes import Associated
from ...codegen.ledger.view import View
from ...codegen.mint_sscc import sscc_of
from ...codegen.ranges import serials
from ...codegen.ranges.aggregation import CodeRanges, CodeRef, Packing
from ...codegen.ranges.serials import Range
from ...codegen.result import Result
from ...codegen.station.station import Station
from ..orders.booked import told, undone
from ..orders.orders import CANCELLED, QUEUED, REFUSED
from .packing import BookedPacking, PackingRequest

STANDS = "it lies there already, as it was scanned: nothing was booked"


@dataclass(frozen=True)
class ParentShown:
    """A carton or a pallet, and the SSCC that it carries, if it has one."""

    batch: str
    serial: int
    sscc: str | None


@dataclass(frozen=True)
class PackingResult(Result):
    """What an order of packing did here, and whether the backend has it.

    `parent` is None if there are many, or none was named. `order` is None if nothing had to be
    booked. `repeated`: it was booked before, under the same id, or the children lay there already.
    """

    order: str | None
    action: Packing
    parent: ParentShown | None
    parents_count: int
    children: tuple[CodeRanges, ...]
    children_count: int
    delivery: str | None
    dry_run: bool = False
    repeated: bool = False
    detail: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def reads(self) -> bool:
        """Whether it was a dry run, or nothing had to be done."""
        return self.dry_run or self.order is None

    @property
    def exit_code(self) -> int:
        """75 while the backend has not answered, 6 if it refused, 3 if it was cancelled."""
        return {QUEUED: 75, REFUSED: 6, CANCELLED: 3}.get(self.delivery or "", 0)

    def lines(self) -> Iterator[str]:
        """What happened, and what to do if the backend has not taken it."""
        would = "would " if self.dry_run else ""
        children = "child" if self.children_count == 1 else "children"
        yield f"{would}{self.action.value} {self.children_count:,} {children}{self._where()}"
        for part in self.children:
            yield f"  children {part.batch}: {serials.describe(part.serials)}"
        if self.order and not self.dry_run:
            yield f"  order    {self.order}{' (booked before)' if self.repeated else ''}"
        if self.dry_run:
            yield "  nothing was changed"
        if self.delivery is None:
            yield from [f"  {self.detail}"] if self.detail else []
            return
        yield f"  backend  {self.delivery}{f': {self.detail}' if self.detail else ''}"
        if self.delivery == QUEUED:
            yield "  the order is booked here; send it with: mintmark deliver"
        if self.delivery == REFUSED:
            batch = self.children[0].batch
            yield f"  it is booked here; what the backend has: mintmark reconcile {batch}"

    def _where(self) -> str:
        if self.parent is None:
            return f", {self.parents_count:,} parents" if self.parents_count else ""
        number = f" (SSCC {self.parent.sscc})" if self.parent.sscc else ""
        return f", parent {self.parent.batch}:{self.parent.serial}{number}"


def again(station: Station, parent: CodeRef, holds: int) -> PackingResult | None:
    """The answer to a label that is read once more: its carton is full, or None."""
    alone = CodeRanges(parent.batch, (Range(parent.serial, parent.serial),))
    with station.ledger.read() as view:
        children = view.children(parent)
    if sum(map(len, children)) != holds:
        return None
    request = PackingRequest(Packing.ASSOCIATE, children, alone)
    change = Associated(station.new_order_id(), Packing.ASSOCIATE, alone, children)
    return outcome(station, BookedPacking(request, change, None), None)


def outcome(station: Station, packed: BookedPacking, undelivered: str | None) -> PackingResult:
    """The result of an order of packing; `undelivered`: why it is queued, if it is."""
    change, done, dry_run = packed.change, packed.committed, packed.request.dry_run
    parents, notes = change.parents, packed.request.notes
    facts: dict[str, Any] = {"order": None, "delivery": None, "detail": STANDS, "repeated": True}
    with station.ledger.read() as view:
        if done is not None:
            facts = {"order": change.order, "delivery": None, "repeated": done.repeated}
        if done is not None and not dry_run:
            row = view.order(change.order)
            gone = undone(view, row) if done.repeated else ()
            notes += (told(gone),) if gone else ()
            facts["delivery"] = row.status
            facts["detail"] = row.detail or (undelivered if row.status == QUEUED else None)
        parent = _shown(view, parents) if parents and len(parents) == 1 else None
    return PackingResult(
        action=change.action,
        parent=parent,
        parents_count=len(parents) if parents else 0,
        children=change.children,
        children_count=sum(map(len, change.children)),
        dry_run=dry_run,
        notes=notes,
        **facts,
    )


def _shown(view: View, parents: CodeRanges) -> ParentShown:
    batch, serial = parents.batch, parents.serials[0].first
    try:
        return ParentShown(batch, serial, sscc_of(view.batch(batch), serial))
    except NotFound:
        return ParentShown(batch, serial, None)

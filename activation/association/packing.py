"""Orders of packing: children join a parent or leave it; booked here first, like every order.

A carton that holds exactly these children already is a repeat without effect, under whatever
id it comes: a reader sees the same carton twice. That is found under the ledger's lock, and so
is whether a carton would hold more than it may.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from ...codegen.errors import NotFound, Refused, UsageError
from ...codegen.ledger.changes import Associated
from ...codegen.ledger.view import View
from ...codegen.ranges import aggregation, serials
from ...codegen.ranges.aggregation import CodeRanges, CodeRef, Link, Packing
from ...codegen.ranges.serials import Range
from ...codegen.result import Result
from ...codegen.station.station import DEFAULT_LINE, Station
from ..orders.orders import CANCELLED, QUEUED, REASON_CHARS, REFUSED, check_order_id

if TYPE_CHECKING:
    from ...codegen.ledger.ledger import Committed

STANDS = "it lies there already, as it was scanned: nothing was booked"


@dataclass(frozen=True)
class PackingRequest:
    """Which children join which parents, or leave them.

    Without `parents` children leave whatever each is in. `each`: how many children of one batch
    every parent gets in turn. `count`: how many children there must be. `holds`: how many a
    parent may hold in the end, those that lie in it already included.
    """

    action: Packing
    children: tuple[CodeRanges, ...]
    parents: CodeRanges | None = None
    each: int | None = None
    count: int | None = None
    holds: int | None = None
    reason: str | None = None
    line: str | None = None
    order: str | None = None
    dry_run: bool = False
    notes: tuple[str, ...] = ()


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


def parts_of(codes: Iterable[CodeRef]) -> tuple[CodeRanges, ...]:
    """The codes, batch by batch. Raises `UsageError` if one is named twice."""
    found: dict[str, list[int]] = {}
    for code in codes:
        found.setdefault(code.batch, []).append(code.serial)
    for batch, numbers in found.items():
        if len(set(numbers)) < len(numbers):
            raise UsageError(f"a code of batch {batch} is named twice", "name each code once")
    return tuple(CodeRanges(batch, serials.of(numbers)) for batch, numbers in found.items())


@dataclass(frozen=True)
class BookedPacking:
    """An order of packing that was booked; `committed` is None if nothing had to be."""

    request: PackingRequest
    change: Associated
    committed: "Committed | None"

    @property
    def is_new(self) -> bool:
        """Whether something is to be sent."""
        return self.committed is not None and not self.request.dry_run


class _Stands(Exception):
    """Nothing is to be done: the children lie there already."""


def book(
    station: Station, request: PackingRequest, claim: tuple[str, datetime] | None = None
) -> BookedPacking:
    """Book the order, signed by the line. Dry runs change nothing.

    `claim`: for the courier that is about to send it, see `Courier.claim`. Raises `UsageError`
    for a malformed request, `NotFound` for unknown lines and batches, `Refused` if a role, a
    state, a guard or another parent forbids it.
    """
    line = station.line(request.line or DEFAULT_LINE)
    _check(request)
    change = Associated(
        order=request.order or station.new_order_id(),
        action=request.action,
        parents=request.parents,
        children=tuple(sorted(request.children, key=attrgetter("batch"))),
        each=request.each,
        reason=request.reason,
        line=line.name,
    )
    try:
        (done,) = station.ledger.commit(
            station.author_of(line),
            change,
            guard=_guard(request, change),
            dry_run=request.dry_run,
            claim=claim,
        )
    except _Stands:
        return BookedPacking(request, change, None)
    return BookedPacking(request, change, done)


def _check(request: PackingRequest) -> None:
    check_order_id(request.order)
    if len(request.reason or "") > REASON_CHARS:
        raise UsageError(
            f"the reason is longer than {REASON_CHARS} characters", "say it in a sentence"
        )
    aggregation.check(request.parents, request.children, request.each)
    total = sum(map(len, request.children))
    if request.count is not None and request.count != total:
        raise Refused(
            f"{total:,} children, not {request.count:,}",
            "count the carton again, and read each of its codes",
            count=total,
        )


def _guard(request: PackingRequest, change: Associated) -> Callable[[View], None] | None:
    """What is looked at under the ledger's lock; an order that is booked already passes."""
    parents = change.parents
    if change.action is not Packing.ASSOCIATE or parents is None:
        return None

    def check(view: View) -> None:
        if view.has_order(change.order):
            return
        there = sum(map(len, _inside(view, parents)))
        if not there:
            return
        if _stands(view, change, parents, there):
            raise _Stands
        _check_room(request, parents, there)

    return check


def _inside(view: View, parents: CodeRanges) -> tuple[CodeRanges, ...]:
    if len(parents) == 1:
        return view.children(CodeRef(parents.batch, parents.serials[0].first))
    return view.contents(parents)


def _check_room(request: PackingRequest, parents: CodeRanges, there: int) -> None:
    """Raises `Refused` if a parent would hold more than it may."""
    if request.holds is None:
        return
    if len(parents) > 1:
        raise Refused(
            f"some of the {len(parents):,} parents are not empty: {there:,} codes lie in them",
            "name empty ones; what lies in one: mintmark locate BATCH:SERIAL",
        )
    more = sum(map(len, request.children))
    if there + more > request.holds:
        named = f"{parents.batch}:{parents.serials[0].first}"
        raise Refused(
            f"{named} holds {there:,} already, and with {more:,} more would hold more than"
            f" {request.holds:,}",
            f"see what lies in it: mintmark locate {named}; to add to it: --parent {named}",
        )


def _stands(view: View, change: Associated, parents: CodeRanges, there: int) -> bool:
    """Whether exactly these children lie in their parents, and nothing else."""
    if there != sum(map(len, change.children)):
        return False
    for part in change.children:
        dealt = _joined(aggregation.deal(parents, (part,), change.each))
        pairs = zip_longest(dealt, view.parents(part.batch, part.serials))
        if any(ours != theirs for ours, theirs in pairs):
            return False
    return True


def _joined(links: Iterable[Link]) -> Iterator[Link]:
    """Ascending links, those that touch and have the same parent as one."""
    last: Link | None = None
    for link in links:
        touches = last and last.parent == link.parent
        if last and touches and last.serials.last + 1 == link.serials.first:
            last = Link(last.batch, Range(last.serials.first, link.serials.last), last.parent)
            continue
        if last:
            yield last
        last = link
    if last:
        yield last


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
    parents = change.parents
    facts: dict[str, Any] = {"order": None, "delivery": None, "detail": STANDS, "repeated": True}
    with station.ledger.read() as view:
        if done is not None:
            facts = {"order": change.order, "delivery": None, "repeated": done.repeated}
        if done is not None and not dry_run:
            row = view.order(change.order)
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
        notes=packed.request.notes,
        **facts,
    )


def _shown(view: View, parents: CodeRanges) -> ParentShown:
    ref = CodeRef(parents.batch, parents.serials[0].first)
    try:
        return ParentShown(ref.batch, ref.serial, view.sscc_of(ref))
    except NotFound:
        return ParentShown(ref.batch, ref.serial, None)

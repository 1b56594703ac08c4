"""Orders of packing: children join a parent or leave it; booked here first, like every order.

A carton that holds exactly these children already is a repeat without effect, under whatever
id it comes: a reader sees the same carton twice. That is found under the ledger's lock, and so
is whether a carton would hold more than it may.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING

from ...codegen.errors import Refused, UsageError
from ...codegen.ledger.changes import Associated
from ...codegen.ledger.view import View
from ...codegen.ranges import aggregation, serials
from ...codegen.ranges.aggregation import CodeRanges, CodeRef, Packing
from ...codegen.station.station import DEFAULT_LINE, Station
from ..orders.due import book_due
from ..orders.orders import check_written
from ..orders.packed import astray

if TYPE_CHECKING:
    from ...codegen.ledger.ledger import Committed


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
    if not request.dry_run:
        book_due(station)
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
    check_written(request.order, request.reason)
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
        if there and _stands(view, change, there):
            raise _Stands
        _check_pairs(view, change.children)
        if there:
            _check_room(request, parents, there)

    return check


def _check_pairs(view: View, children: tuple[CodeRanges, ...]) -> None:
    """Raises `Refused` for an item that is packed by two of its codes: it would count twice."""
    for part in children:
        partners = {row.batch for row in view.partners(part.batch)}
        for other in children:
            twice = serials.intersect(part.serials, other.serials)
            if twice and other.batch in partners:
                first = twice[0].first
                raise Refused(
                    f"{part.batch}:{first} and {other.batch}:{first} are codes of one item",
                    "pack an item by one of its codes, and all items by the same",
                )
        for partner in partners:
            if link := next(view.parents(partner, part.serials), None):
                first = link.serials.first
                raise Refused(
                    f"{part.batch}:{first} lies in {link.parent} already, by its other code"
                    f" {partner}:{first}",
                    f"take it out of there first: mintmark dissociate {partner} --serials {first}",
                )


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


def _stands(view: View, change: Associated, there: int) -> bool:
    """Whether exactly these children lie in their parents, and nothing else."""
    if there != sum(map(len, change.children)):
        return False
    differing = (
        astray(change, part, view.parents(part.batch, part.serials)) for part in change.children
    )
    return all(next(found, None) is None for found in differing)

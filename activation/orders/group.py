"""A request that becomes several orders, of several batches, booked together or not at all.

The steps (their ids: `parts.py`):

1. Under that id something is booked: the request is a repetition. It is answered with what was
   booked then, and told what has changed since. Nothing is done.
2. Find the codes, and plan an order for each batch and each 1,000 ranges.
3. Book all of them in one commit. Under the ledger's lock the plan is made again: what it names
   may not have changed, for example a bottle that was taken out of its carton meanwhile.

A crash before the end of 3 leaves nothing, a crash after it all orders, queued.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from ...codegen.errors import NotFound, Refused
from ...codegen.ledger.changes import Ordered
from ...codegen.ledger.records import OrderRow
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.aggregation import CodeRanges
from ...codegen.ranges.serials import Ranges
from ...codegen.station.station import DEFAULT_LINE, Station
from . import due, guards, lost, scheduled
from .completed import apart, completed
from .named import Find, Named, families, finder, merged
from .orders import OrderRequest, book, check, ordered, said
from .own_batch import with_batch
from .parts import booked_parts, member_id
from .placed import Group, Placed, PlacedOrder
from .plan import Plan, orderable, plan
from .selection import ByConditions


class _BookedMeanwhile(Exception):
    """Another process has booked the same request since it was looked up."""


def notes(station: Station, request: OrderRequest, placed: Placed) -> tuple[str, ...]:
    """What to tell of a request and of what it became, each sentence once."""
    told = [*placed.told, *(placed.group.notes if placed.group else ())]
    told += request.notes
    if request.include_lost:
        with station.ledger.read() as view:
            for order in placed.orders:
                told += lost.notes(view, order.change.batch, request.action, order.applied)
    return tuple(dict.fromkeys(told))


def place(
    station: Station, request: OrderRequest, claim: tuple[str, datetime] | None = None
) -> Placed:
    """Book what `request` asks for, as one order or as several, signed by the line.

    `claim`: for the courier that is about to send it. Dry runs change nothing. Raises as
    `orders.book` and `named.finder`, and `Refused` if what lies in the carton changes meanwhile.
    """
    ended = () if request.dry_run else due.book_due(station)
    placed = _placed_now(station, request, claim)
    told = (*(each.text() for each in ended), *placed.told)
    return replace(placed, told=told, due=tuple(each.batch for each in ended))


def _placed_now(
    station: Station, request: OrderRequest, claim: tuple[str, datetime] | None
) -> Placed:
    request = with_batch(station, request)
    if request.at is not None:
        return scheduled.schedule(station, request, request.at)
    if request.is_group:
        return _place_group(station, request, claim)
    told: list[str] = []
    change, done = book(station, request, claim, told.append)
    order = PlacedOrder(change, done.applied, done.skipped, done.repeated)
    return Placed((order,), told=tuple(told))


def _place_group(
    station: Station, request: OrderRequest, claim: tuple[str, datetime] | None
) -> Placed:
    line = station.line(request.line or DEFAULT_LINE)
    check(request)
    author = station.author_of(line)
    order = request.order or station.new_order_id()
    find = finder(station, request)
    with station.ledger.read() as view:
        if view.is_booked(order):
            return _repeated(view, request, line.name, order, find)  # 1
        planned, changes = _prepared(view, request, line.name, order, find)  # 2
    told: list[str] = []
    each = [
        guards.guard(
            station,
            change,
            said(request, planned.items),
            include_lost=request.include_lost,
            tell=told.append,
        )
        for change in changes
    ]
    guard = _guard(request, find, planned, changes, each)
    try:
        done = station.ledger.commit(
            author, *changes, guard=guard, dry_run=request.dry_run, claim=claim
        )  # 3
    except _BookedMeanwhile:
        with station.ledger.read() as view:
            return _repeated(view, request, line.name, order, find)
    orders = tuple(
        PlacedOrder(change, one.applied, one.skipped, repeated=False, states=member.states)
        # After them come orders that only bring the product.
        for change, one, member in zip(changes, done, planned.members, strict=False)
    )
    group = Group(order, planned.items, changed=False, notes=planned.notes)
    return Placed(orders, group, tuple(told))


def _guard(
    request: OrderRequest,
    find: Find,
    planned: Plan,
    changes: list[Ordered],
    each: list[Callable[[View], None]],
) -> Callable[[View], None]:
    """What has to be right when they are booked, `each` for itself; under the ledger's lock."""

    def check(view: View) -> None:
        first = changes[0]
        if view.is_booked(first.order):
            raise _BookedMeanwhile
        again = _prepared(view, request, first.line or "", first.order, find)
        if again != (planned, changes):
            raise Refused(
                "what it names was changed at the same moment: nothing is ordered",
                "look at it, and give the order again",
            )
        for one in each:
            one(view)

    return check


def _prepared(
    view: View, request: OrderRequest, line: str, order: str, find: Find
) -> tuple[Plan, list[Ordered]]:
    """The plan, and the orders that come of it."""
    planned = plan(view, request, find(view))
    found = []
    for number, member in enumerate(planned.members, 1):
        # The count of the request is of items: each order is guarded by the codes of its own.
        count = member.changing if request.count is not None else None
        change = ordered(request, line, member_id(order, number), member.codes, count)
        found.append(completed(view, change))
    for change in tuple(found):
        found += apart(view, change, order, len(found) + 1)
    return planned, found


def _repeated(view: View, request: OrderRequest, line: str, order: str, find: Find) -> Placed:
    """What was booked under the id of `request`. Raises `Refused` if it says something else."""
    rows = [row for row in booked_parts(view, order) if row.change.action is request.action]
    if not rows:
        raise _another(order)
    booked = merged((row.batch, row.range_order.serials) for row in rows)
    try:
        named = find(view)
    except (Refused, NotFound):  # it is empty by now, or nothing meets the conditions any more
        named = Named({}, {}, {})
    added, gone = _orderable(view, _less(named.codes, booked)), _less(booked, named.codes)
    if isinstance(request.selection, ByConditions):
        # What the order did may be why its codes meet the conditions no more.
        every = {*booked, *named.codes}
        family = families(view, every) if request.both else {batch: batch for batch in every}
        named, gone = Named(named.codes, {}, family), {}
    orders = tuple(_placed(row) for row in rows)
    items = None
    if not added and not gone:
        items = named.items(merged((each.change.batch, each.applied) for each in orders))
    alike = all(_is_alike(view, request, line, row) for row in rows)
    if not alike or not _is_it(request, named, booked, {*added, *gone}, items):
        raise _another(order)
    return Placed(orders, Group(order, items, items is None, tuple(_told(added, gone))))


def _another(order: str) -> Refused:
    return Refused(
        f"order {order} is booked already, and says something else",
        f"see it: mintmark orders show {order}",
        "give a new order another id",
    )


def _placed(row: OrderRow) -> PlacedOrder:
    return PlacedOrder(row.range_order, row.touched, row.skipped, repeated=True)


def _is_alike(view: View, request: OrderRequest, line: str, row: OrderRow) -> bool:
    """Whether `request` would book this order, if it named these codes."""
    known = row.range_order
    counted = (request.count is None) == (known.count is None)
    codes = CodeRanges(row.batch, known.serials)
    change = ordered(request, line, row.order, codes, known.count)
    return counted and known == completed(view, change)


def _is_it(
    request: OrderRequest,
    named: Named,
    booked: Mapping[str, Ranges],
    differing: set[str],
    items: int | None,
) -> bool:
    """Whether `request` may have named what was booked: a carton's content may have changed.

    `differing`: the batches of which it names other codes today.
    """
    if items is not None:
        return request.count is None or abs(items - request.count) <= (request.tolerance or 0)
    if request.batch and not isinstance(request.selection, ByConditions):
        return request.batch not in differing
    common = (serials.intersect(named.codes[b], booked[b]) for b in named.codes.keys() & booked)
    return not named.codes or any(common)


def _less(codes: Mapping[str, Ranges], others: Mapping[str, Ranges]) -> dict[str, Ranges]:
    left = {b: serials.subtract(ranges, others.get(b, ())) for b, ranges in codes.items()}
    return {batch: ranges for batch, ranges in left.items() if ranges}


def _orderable(view: View, codes: Mapping[str, Ranges]) -> dict[str, Ranges]:
    """The codes that no group passes over, whatever its action."""
    found = {batch: orderable(view, batch, ranges) for batch, ranges in codes.items()}
    return {batch: ranges for batch, ranges in found.items() if ranges}


def _told(added: Mapping[str, Ranges], gone: Mapping[str, Ranges]) -> Iterator[str]:
    """What a repetition would name today, and the order did not, or the other way round."""
    for batch, ranges in added.items():
        yield (
            f"batch {batch}, {serials.describe(ranges, 3)}: would be named today, and was not when"
            " the order was booked; to order it now, give another order id"
        )
    for batch, ranges in gone.items():
        yield (
            f"batch {batch}, {serials.describe(ranges, 3)}: named by the order as it was booked,"
            " which stands, and would not be today"
        )

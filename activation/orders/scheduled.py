"""Orders that are given now and booked later: `--at T`.

What is named, and in which orders it goes out, is settled now; the states of the codes and the
guards are judged at T, by `due.py`, which books the order under the id that it has from now on.
What can never come right is refused now; what would be refused as the books stand is told.

The steps, and what a crash after each of them leaves:

1. Under that id something is scheduled: the request is a repetition, and nothing is done.
2. Find the codes, and make an order for each batch and each 1,000 ranges. Nothing has changed.
3. Try them on the books as they stand, as a dry run. Nothing has changed.
4. Keep all of them in one commit, `Scheduled`. They wait, and `orders cancel` takes them back.

What comes after T is in `due.py`.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import datetime

from ...codegen.errors import NotFound, Refused, UsageError
from ...codegen.ledger.changes import Ordered, Scheduled
from ...codegen.ledger.records import ScheduledRow
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.aggregation import CodeRanges
from ...codegen.ranges.lifecycle import RULES, State, passed_over
from ...codegen.station.station import DEFAULT_LINE, Station
from ...codegen.times import format_utc
from . import guards, validity
from .completed import completed
from .named import Find, Named, finder, merged
from .orders import OrderRequest, check, said
from .parts import MEMBERS, member_id
from .placed import Group, Placed, PlacedOrder
from .plan import plan
from .selection import ByConditions
from .validity import Said

WAITING, BOOKED = "waiting", "booked"


class _KeptMeanwhile(Exception):
    """Another process has kept the same request since it was looked up."""


def schedule(station: Station, request: OrderRequest, at: datetime) -> Placed:
    """Keep what `request` asks for until `at`. A dry run changes nothing.

    Raises as `orders.book` and `named.finder`, and `Refused` for a time that is past.
    """
    line = station.line(request.line or DEFAULT_LINE)
    check(request)
    _check_possible(request)
    author, order = station.author_of(line), request.order or station.new_order_id()
    find = finder(station, request)
    with station.ledger.read() as view:
        if view.has_order(order):
            return _repeated(view, request, line.name, order, _named(view, find))  # 1
        _check_future(at.astimezone(station.config.time_zone), station.now())
        changes, group = _made(view, request, line.name, order, find(view))  # 2
        meant = said(request, group.items if group else None)
        for change in changes:
            _check_hopeless(view, change, at, meant)
        placed = tuple(_waiting(view, change, repeated=False) for change in changes)
    told = (*_would(station, request, line.name, changes),)  # 3

    def check_new(view: View) -> None:
        if view.has_order(order):
            raise _KeptMeanwhile

    try:
        station.ledger.commit(author, *changes, guard=check_new, dry_run=request.dry_run)  # 4
    except _KeptMeanwhile:
        with station.ledger.read() as view:
            return _repeated(view, request, line.name, order, _named(view, find))
    return Placed(placed, group, told)


def _named(view: View, find: Find) -> Named:
    """The codes that a repetition names; none if what it names is empty by now."""
    try:
        return find(view)
    except (NotFound, Refused):
        return Named({}, {}, {})


def order_of(change: Scheduled) -> Ordered:
    """The order that is booked at its time."""
    return Ordered(**{each.name: getattr(change, each.name) for each in fields(Ordered)})


def parts(view: View, order: str) -> Iterator[ScheduledRow]:
    """The scheduled order, and those that were kept with it for one request."""
    first = view.scheduled_order(order)
    for number in range(1, MEMBERS + 1):
        row = view.scheduled_order(member_id(order, number))
        if first is None or row is None or row.seq != first.seq + number - 1:
            return
        yield row


def _check_future(at: datetime, now: datetime) -> None:
    if at <= now:
        raise Refused(
            f"{at.isoformat(' ', 'seconds')} is past, by this machine's clock",
            "to order it now, leave out --at; in a file or a message, at",
            clock=format_utc(now, "seconds"),
        )


def _check_possible(request: OrderRequest) -> None:
    """Raises `UsageError` if no code can ever be what the order wants."""
    if request.from_state is not None and request.from_state not in RULES[request.action]:
        raise UsageError(
            f"{request.action} is not possible from {request.from_state}",
            f"from: {', '.join(RULES[request.action])}",
        )


def _made(
    view: View, request: OrderRequest, line: str, order: str, named: Named
) -> tuple[list[Scheduled], Group | None]:
    """What to keep; without a group it is one order."""
    if not request.is_group:
        codes = CodeRanges(request.batch, named.codes[request.batch])
        return [_counted(view, _kept(request, line, order, codes, request.count), request)], None
    planned = plan(view, request, named, later=True)
    found = []
    for number, member in enumerate(planned.members, 1):
        count = member.changing if request.count is not None else None
        found.append(_kept(request, line, member_id(order, number), member.codes, count))
    return found, Group(order, planned.items, changed=False, notes=planned.notes)


def _kept(
    request: OrderRequest, line: str, order: str, codes: CodeRanges, count: int | None
) -> Scheduled:
    if request.at is None:
        raise TypeError("an order without a time")
    return Scheduled(
        order=order,
        at=format_utc(request.at),
        batch=codes.batch,
        action=request.action,
        serials=serials.ordered(codes.serials),
        skip_void=not request.strict,
        count=count,
        from_state=request.from_state,
        attributes=dict(request.attributes),
        reason=request.reason,
        line=line,
        allow_past=request.allow_past,
        include_lost=request.include_lost,
    )


def _counted(view: View, change: Scheduled, request: OrderRequest) -> Scheduled:
    """`change` with the count that its codes have, if a tolerance says that it may differ."""
    if not request.tolerance:
        return change
    return replace(change, count=guards.near(view, order_of(change), request.tolerance))


def _check_hopeless(view: View, change: Scheduled, at: datetime, meant: Said) -> None:
    """Raises `Refused` for what will not come right until its time."""
    if change.count is not None and change.count > serials.count(change.serials):
        raise Refused(
            f"the order names {serials.count(change.serials):,} codes, fewer than {change.count:,}",
            "look at its serials, and at --count",
            count=serials.count(change.serials),
        )
    validity.check(view, order_of(change), at, meant)


def _would(
    station: Station, request: OrderRequest, line: str, changes: list[Scheduled]
) -> Iterator[str]:
    """A sentence if the orders would be refused as the books stand; and that nobody may send."""
    with station.ledger.read() as view:
        orders = [completed(view, order_of(change)) for change in changes]
    each = [
        guards.guard(station, o, said(request), include_lost=request.include_lost) for o in orders
    ]

    def check_all(view: View) -> None:
        for one in each:
            one(view)

    author = station.author_of(station.line(line))
    try:
        station.ledger.commit(author, *orders, guard=check_all, dry_run=True)
    except Refused as refused:
        yield f"as the books stand now it would be refused then: {refused.message}"


def _waiting(view: View, change: Scheduled, *, repeated: bool) -> PlacedOrder:
    """What would change as the books stand, and what would be passed over."""
    skipped, states = [], Counter[State]()
    for tile in view.select(change.batch, change.serials):
        if change.skip_void and passed_over(tile.value.state, change.action):
            skipped.append(tile.serials)
        else:
            states[tile.value.state] += len(tile.serials)
    passed = serials.join(skipped)
    applied = serials.subtract(change.serials, passed)
    order = order_of(change)
    return PlacedOrder(order, applied, passed, repeated, states=states, scheduled=WAITING)


def _repeated(view: View, request: OrderRequest, line: str, order: str, named: Named) -> Placed:
    """What was kept under the id of `request`. Raises `Refused` if it says something else."""
    rows = list(parts(view, order))
    kept = merged((row.batch, row.change.serials) for row in rows)
    differs = kept != {b: serials.ordered(ranges) for b, ranges in named.codes.items()}
    shared = (serials.intersect(kept.get(b, ()), ranges) for b, ranges in named.codes.items())
    common = not named.codes or any(shared)
    by_conditions = isinstance(request.selection, ByConditions)
    bound = not request.is_group or (bool(request.batch) and not by_conditions)
    if (
        not rows
        or not all(_is_alike(request, line, row) for row in rows)
        or (differs and (bound or not common))
    ):
        raise Refused(
            f"order {order} is given already, and says something else",
            f"see it: mintmark orders show {order}",
            "give a new order another id",
        )
    placed = tuple(_as_kept(view, row) for row in rows)
    if not request.is_group:
        return Placed(placed)
    notes = ("other codes would be named today; what was kept stands",) if differs else ()
    items = None if differs else named.items(kept)
    return Placed(placed, Group(order, items, changed=differs, notes=notes))


def _is_alike(request: OrderRequest, line: str, row: ScheduledRow) -> bool:
    """Whether `request` would keep this order, if it named these codes."""
    known = row.change
    if (request.count is None) != (known.count is None):
        return False
    off = abs((request.count or 0) - (known.count or 0))
    if not request.is_group and off > (request.tolerance or 0):
        return False
    codes = CodeRanges(row.batch, known.serials)
    return known == _kept(request, line, row.order, codes, known.count)


def _as_kept(view: View, row: ScheduledRow) -> PlacedOrder:
    if row.status == BOOKED:
        booked = view.order(row.order)
        order = PlacedOrder(booked.range_order, booked.touched, booked.skipped, repeated=True)
    else:
        order = _waiting(view, row.change, repeated=True)
    return replace(order, scheduled=row.status, detail=row.detail)

"""Range orders: booked in the ledger first, then delivered to the scan backend.

A booked order is never rolled back. It stays `queued` (unacknowledged) until the backend
settles it; what the backend refuses is reported, and corrected by the next order.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from ...codegen import ids
from ...codegen.errors import UsageError
from ...codegen.ledger.changes import Ordered
from ...codegen.ranges import serials, windows
from ...codegen.ranges.aggregation import CodeRanges
from ...codegen.ranges.attributes import Value
from ...codegen.ranges.lifecycle import Action, Reason, State
from ...codegen.ranges.serials import Ranges
from ...codegen.result import Result
from ...codegen.station.station import DEFAULT_LINE, Station
from . import guards
from .completed import apart, completed
from .selection import ByCarton, ByConditions, Selection, resolve
from .validity import Said

if TYPE_CHECKING:
    from ...codegen.ledger.ledger import Committed

_ORDER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
REASON_CHARS = 500  # as many as the API takes
ACKNOWLEDGED, QUEUED, REFUSED, CANCELLED = "acknowledged", "queued", "refused", "cancelled"
SCHEDULED = "scheduled"


@dataclass(frozen=True)
class OrderRequest:
    """An order as requested. `tolerance`: how far the codes that change may be from `count`.

    `batch` is empty if the selection tells its batches: what is in a carton, what meets
    conditions, a code, a unit, a package (`own_batch`). `both`: the codes of partner batches,
    which are on the same items, take part. `at`: when it is to be booked; None: now
    (`scheduled`).
    `allow_past`: validity or window may have ended already. `include_lost`: codes of units that are
    lost may come to life. `notes`: sentences on how the order was understood.
    """

    action: Action
    batch: str
    selection: Selection
    attributes: Mapping[str, Value] = field(default_factory=dict)
    count: int | None = None
    tolerance: int | None = None
    from_state: State | None = None
    strict: bool = False
    reason: str | None = None
    line: str | None = None
    order: str | None = None
    dry_run: bool = False
    allow_past: bool = False
    include_lost: bool = False
    both: bool = False
    at: datetime | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_group(self) -> bool:
        """Whether it may become several orders, of several batches: see `group.py`."""
        return self.both or isinstance(self.selection, ByCarton | ByConditions)


@dataclass(frozen=True)
class OrderResult(Result):
    """What an order did here, and whether the backend has it.

    `repeated`: it was booked before, under the same id, and nothing was done now. `undone`: the
    serials of a repeated order that later orders have changed since.
    `notes`: sentences on how it was understood, and on what it touched. `at`: when it is to be
    booked, or was; `scheduled`: what became of that, as in `PlacedOrder`.
    """

    order: str
    batch: str
    serials: Ranges
    applied: Ranges
    skipped: Ranges
    action: Action
    delivery: str | None
    dry_run: bool = False
    detail: str | None = None
    attributes: Mapping[str, Value] = field(default_factory=dict)
    repeated: bool = False
    undone: Ranges = ()
    notes: tuple[str, ...] = ()
    at: datetime | None = None
    scheduled: str | None = None

    @property
    def reads(self) -> bool:
        """Whether it was a dry run."""
        return self.dry_run

    @property
    def exit_code(self) -> int:
        """See `exit_of_order`."""
        return exit_of_order(self.delivery, self.scheduled, self.undone)

    def lines(self) -> Iterator[str]:
        """What happened, and what to do if the backend has not taken it."""
        would = "would " if self.dry_run else ""
        codes = serials.count(self.applied)
        yield f"{would}{self.action.value} {codes:,} codes of batch {self.batch}{at_time(self.at)}"
        yield f"  applied  {serials.describe(self.applied)}"
        if self.skipped:
            void = serials.count(self.skipped)
            yield f"  skipped  {serials.describe(self.skipped)} ({void:,} void)"
        for key, value in self.attributes.items():
            yield set_or_removed(key, value)
        if self.repeated or not self.dry_run:
            yield f"  order    {self.order}{' (booked before)' if self.repeated else ''}"
        if self.undone:
            yield f"  {serials.count(self.undone):,} of its codes have changed since, and it was"
            yield f"  not done again: {serials.describe(self.undone)}"
            yield "  if it was meant anew, give it another order id"
        if self.dry_run:
            yield "  nothing was changed"
            return
        if self.delivery == SCHEDULED:
            yield from waiting(self.order)
            return
        if self.scheduled in (REFUSED, CANCELLED):
            yield f"  ended    {self.delivery}: {self.detail}"
            return
        yield f"  backend  {self.delivery}{f': {self.detail}' if self.detail else ''}"
        if self.delivery == QUEUED:
            yield "  the order is booked here; send it with: mintmark deliver"
        if self.delivery == REFUSED and self.scheduled != REFUSED:
            yield f"  it is booked here; what the backend has: mintmark reconcile {self.batch}"


def exit_of_order(delivery: str | None, scheduled: str | None, undone: Ranges) -> int:
    """75 while the backend has not answered, 6 if it refused; 3 if a repeat stands no more.

    `delivery`, `scheduled`, `undone`: as in `OrderResult`.
    """
    if scheduled == REFUSED:
        return 3  # by a guard, at its time
    if delivery == REFUSED:
        # Not 3: that means nothing changed, and the order is booked here.
        return 6
    if undone or delivery == CANCELLED:
        return 3
    return 75 if delivery == QUEUED else 0


def at_time(at: datetime | None) -> str:
    """When an order is booked, at the end of a line; nothing for one that is booked at once."""
    return "" if at is None else f", at {at.isoformat(' ', 'minutes')}"


def waiting(order: str) -> Iterator[str]:
    """Lines on a scheduled order: who books it, and how to take it back."""
    yield "  it waits here; deliver, deliver --watch, line run or the next order books it then"
    yield f"  to take it back: mintmark orders cancel {order}"


def set_or_removed(key: str, value: Value) -> str:
    """A line for people on what becomes of an attribute."""
    if value is None:
        return f"  remove   {key}"
    return f"  set      {key} = {windows.describe(key, value)}"


def book(
    station: Station,
    request: OrderRequest,
    claim: tuple[str, datetime] | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> "tuple[Ordered, Committed]":
    """Book the order in the ledger, signed by the line. Dry runs change nothing.

    `claim`: for the courier that is about to send it, see `Courier.claim`. `tell`: see
    `guards.guard`.

    Raises `UsageError` for a malformed request, `NotFound` for unknown lines, batches, units
    and packages, `Refused` if a state or a guard forbids it.
    """
    line = station.line(request.line or DEFAULT_LINE)
    check(request)
    order = request.order or station.new_order_id()
    ranges = resolve(station, request.batch, request.selection)
    change = ordered(request, line.name, order, CodeRanges(request.batch, ranges), request.count)
    author = station.author_of(line)
    with station.ledger.read() as view:
        change = completed(view, change)
        if request.tolerance:
            change = replace(change, count=guards.near(view, change, request.tolerance))
        more = tuple(apart(view, change, order, 2))
    done, *_ = station.ledger.commit(
        author,
        change,
        *more,
        guard=guards.guard(
            station, change, said(request), include_lost=request.include_lost, tell=tell
        ),
        dry_run=request.dry_run,
        claim=claim,
    )
    return change, done


def said(request: OrderRequest, items: int | None = None) -> Said:
    """What `request` says beside its content; it is about so many `items`, None: about codes."""
    return Said(request.allow_past, counted=request.count is not None, items=items)


def ordered(
    request: OrderRequest, line: str, order: str, codes: CodeRanges, count: int | None
) -> Ordered:
    """The order of `codes` that `request` asks for, to be booked under the id `order`."""
    return Ordered(
        order=order,
        batch=codes.batch,
        action=request.action,
        serials=codes.serials,
        skip_void=not request.strict,
        count=count,
        from_state=request.from_state,
        attributes=dict(request.attributes),
        reason=request.reason,
        line=line,
    )


def check_written(order: str | None, reason: str | None) -> None:
    """Raises `UsageError` for what can be no order's id or reason; None: there is none yet."""
    if order is not None and not _ORDER_ID.fullmatch(order):
        raise UsageError(
            "an order id is 1 to 64 letters, digits, dots, hyphens and underscores",
            "leave --order out to have one made",
        )
    if len(reason or "") > REASON_CHARS:
        raise UsageError(
            f"the reason is longer than {REASON_CHARS} characters", "say it in a sentence"
        )


def check(request: OrderRequest) -> None:
    """Raises `UsageError` for a request that means nothing, whatever the books say."""
    if request.tolerance and request.count is None:
        raise UsageError("--tolerance needs --count", "say how many codes were counted")
    check_written(request.order, request.reason)
    if request.action is Action.VOID:
        reasons = ", ".join(reason.value for reason in Reason)
        if request.reason is None:
            raise UsageError("voiding needs a reason", f"--reason {reasons}")
        if request.reason not in set(Reason):
            raise UsageError(
                f"unknown reason {ids.shown(request.reason, name=True)}", f"known: {reasons}"
            )
    if request.action is Action.ASSIGN and not request.attributes:
        raise UsageError("nothing to assign", "give for example --set region=X")

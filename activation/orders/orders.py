"""Range orders: booked in the ledger first, then delivered to the scan backend.

A booked order is never rolled back. It stays `queued` (unacknowledged) until the backend
settles it; what the backend refuses is reported, and corrected by the next order.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from ...codegen import ids, policy
from ...codegen.errors import NotFound, Refused, UsageError
from ...codegen.ledger.changes import Ordered
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.attributes import Value
from ...codegen.ranges.lifecycle import Action, Reason, State, passed_over
from ...codegen.ranges.serials import Ranges
from ...codegen.result import Result
from ...codegen.station.station import DEFAULT_LINE, Station
from . import lost, validity
from .selection import Selection, resolve

if TYPE_CHECKING:
    from ...codegen.ledger.ledger import Committed

_ORDER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
REASON_CHARS = 500  # as many as the API takes
ACKNOWLEDGED, QUEUED, REFUSED, CANCELLED = "acknowledged", "queued", "refused", "cancelled"


@dataclass(frozen=True)
class OrderRequest:
    """An order as requested. `tolerance`: how far the codes that change may be from `count`.

    `allow_past`: the validity may have ended already. `include_lost`: codes of units that are
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
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class OrderResult(Result):
    """What an order did here, and whether the backend has it.

    `repeated`: it was booked before, under the same id, and nothing was done now. `undone`: the
    serials of a repeated order that later orders have changed since.
    `notes`: sentences on how it was understood, and on what it touched.
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

    @property
    def reads(self) -> bool:
        """Whether it was a dry run."""
        return self.dry_run

    @property
    def exit_code(self) -> int:
        """75 while the backend has not answered, 6 if it refused; 3 if a repeat stands no more."""
        if self.delivery == REFUSED:
            # Not 3: that means nothing changed, and the order is booked here.
            return 6
        if self.undone or self.delivery == CANCELLED:
            return 3
        return 75 if self.delivery == QUEUED else 0

    def lines(self) -> Iterator[str]:
        """What happened, and what to do if the backend has not taken it."""
        would = "would " if self.dry_run else ""
        codes = serials.count(self.applied)
        yield f"{would}{self.action.value} {codes:,} codes of batch {self.batch}"
        yield f"  applied  {serials.describe(self.applied)}"
        if self.skipped:
            void = serials.count(self.skipped)
            yield f"  skipped  {serials.describe(self.skipped)} ({void:,} void)"
        for key, value in self.attributes.items():
            yield f"  set      {key} = {value}" if value is not None else f"  remove   {key}"
        if self.repeated or not self.dry_run:
            yield f"  order    {self.order}{' (booked before)' if self.repeated else ''}"
        if self.undone:
            yield f"  {serials.count(self.undone):,} of its codes have changed since, and it was"
            yield f"  not done again: {serials.describe(self.undone)}"
            yield "  if it was meant anew, give it another order id"
        if self.dry_run:
            yield "  nothing was changed"
            return
        yield f"  backend  {self.delivery}{f': {self.detail}' if self.detail else ''}"
        if self.delivery == QUEUED:
            yield "  the order is booked here; send it with: mintmark deliver"
        if self.delivery == REFUSED:
            yield f"  it is booked here; what the backend has: mintmark reconcile {self.batch}"


def book(
    station: Station, request: OrderRequest, claim: tuple[str, datetime] | None = None
) -> "tuple[Ordered, Committed]":
    """Book the order in the ledger, signed by the line. Dry runs change nothing.

    `claim`: for the courier that is about to send it, see `Courier.claim`.

    Raises `UsageError` for a malformed request, `NotFound` for unknown lines, batches, units
    and packages, `Refused` if a state or a guard forbids it.
    """
    line = station.line(request.line or DEFAULT_LINE)
    _check(request)
    change = Ordered(
        order=request.order or station.new_order_id(),
        batch=request.batch,
        action=request.action,
        serials=resolve(station, request.batch, request.selection),
        skip_void=not request.strict,
        count=request.count,
        from_state=request.from_state,
        attributes=dict(request.attributes),
        reason=request.reason,
        line=line.name,
    )
    author = station.author_of(line)
    if request.tolerance:
        with station.ledger.read() as view:
            change = replace(change, count=_near(view, change, request.tolerance))
    (done,) = station.ledger.commit(
        author,
        change,
        guard=_guard(station, request, change),
        dry_run=request.dry_run,
        claim=claim,
    )
    return change, done


def notes(station: Station, request: OrderRequest, applied: Ranges) -> tuple[str, ...]:
    """What to tell of an order of which the `applied` serials were changed."""
    if not request.include_lost:
        return request.notes
    with station.ledger.read() as view:
        return (*request.notes, *lost.notes(view, request.batch, request.action, applied))


def _guard(station: Station, request: OrderRequest, change: Ordered) -> Callable[[View], None]:
    """What has to be right when the order is booked; it runs under the ledger's lock.

    An order that is booked already passes: the same order again changes nothing.
    """
    by_policy = policy.guard(station.config, change)

    def check(view: View) -> None:
        if by_policy is not None:
            by_policy(view)
        if not request.include_lost:
            lost.check(view, change)
        validity.check(view, change, station.now(), allow_past=request.allow_past)

    return check


def _near(view: View, change: Ordered, tolerance: int) -> int:
    """How many codes the order would change, if that is near what was counted."""
    try:
        # What moved since it was booked must not make it another order.
        would = view.order(change.order).range_order.count or 0
    except NotFound:
        would = sum(
            len(tile.serials)
            for tile in view.select(change.batch, change.serials)
            if not (change.skip_void and passed_over(tile.value.state, change.action))
        )
    if abs(would - (change.count or 0)) > tolerance:
        raise Refused(
            f"{would:,} codes would change, not {change.count:,} give or take {tolerance:,}",
            "count the reel again, and scan its first and its last code",
            count=would,
        )
    return would


def _check(request: OrderRequest) -> None:
    if request.tolerance and request.count is None:
        raise UsageError("--tolerance needs --count", "say how many codes were counted")
    if request.order is not None and not _ORDER_ID.fullmatch(request.order):
        raise UsageError(
            "an order id is 1 to 64 letters, digits, dots, hyphens and underscores",
            "leave --order out to have one made",
        )
    if len(request.reason or "") > REASON_CHARS:
        raise UsageError(
            f"the reason is longer than {REASON_CHARS} characters", "say it in a sentence"
        )
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

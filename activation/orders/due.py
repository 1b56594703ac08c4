"""Scheduled orders whose time has come: booked by whoever is about to send or to give orders.

First in, first out by their time. The steps for each, and what a crash after each leaves:

1. Complete the order as one that is given now. It waits still, and the next to come books it.
2. Book it, with the note that its waiting is over, in one commit: `ScheduleEnded`, `Ordered`. It is
   queued, like any order.
3. If it is refused now, by a state or a guard: `ScheduleEnded` says why, with an incident, in one
   commit. Nothing is ordered, and somebody is told.

Several processes may come at once: under the ledger's lock the first one ends it, the others see
that it is over. A machine that was off books it late, and says so.

Of stations that share a home, only the one that has the key of the line books what that line gave,
and not before its time by the clock that they share either: one whose clock is a day ahead would.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ...codegen.errors import IntegrityError, NotFound, Refused, UsageError
from ...codegen.ledger.changes import Incident, IncidentFacts, ScheduleEnded
from ...codegen.ledger.ledger import Author
from ...codegen.ledger.records import ScheduledRow
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.station.station import DEFAULT_LINE, Station
from . import guards
from .completed import apart, completed
from .orders import REFUSED
from .parts import MEMBERS, member_id
from .scheduled import BOOKED, WAITING, order_of
from .validity import Said

SCHEDULED_REFUSED = "scheduled-refused"
LATE = timedelta(minutes=1)
AT_ONCE = 100


@dataclass(frozen=True)
class Ended:
    """A scheduled order that was booked, or refused, at its time. `detail`: why, or how late."""

    order: str
    batch: str
    status: str
    detail: str | None

    def text(self) -> str:
        """A line for people."""
        detail = f": {self.detail}" if self.detail else ""
        return f"scheduled order {self.order} of batch {self.batch} {self.status}{detail}"


class _EndedMeanwhile(Exception):
    """Another process has ended it since it was looked up."""


def book_due(station: Station, stop: Callable[[], bool] = lambda: False) -> tuple[Ended, ...]:
    """Book what is due, until nothing is left or `stop()`. Raises if this machine fails."""
    ended: list[Ended] = []
    left: set[str] = set()  # for another station, or for later
    while True:
        with station.ledger.read() as view:
            found = view.scheduled_due(station.now(), AT_ONCE + len(left))
        rows = [row for row in found if row.order not in left]
        for row in rows:
            if stop():
                return tuple(ended)
            if _is_left(station, row):
                left.add(row.order)
                continue
            done = _end(station, row)
            ended += [done] if done is not None else []
        if not rows:
            return tuple(ended)


def _is_left(station: Station, row: ScheduledRow) -> bool:
    if station.config.ledger_url is None:
        return False
    return is_elsewhere(station, row.change.line) or station.ledger.clock() < row.at


def is_elsewhere(station: Station, line: str | None) -> bool:
    """Whether the key of a line is good, and lies at another station of a shared home."""
    name = line or DEFAULT_LINE
    try:
        station.line(name)
    except NotFound:
        with station.ledger.read() as view:
            return any(row.name == name and not row.revoked for row in view.roster("line"))
    except IntegrityError:
        pass  # it is damaged, but here
    return False


def _end(station: Station, row: ScheduledRow) -> Ended | None:
    """What became of `row`; None if another process ended it."""
    try:
        return _book(station, row)
    except _EndedMeanwhile:
        return None
    except (NotFound, Refused, UsageError) as error:
        why = error.message
    try:
        return _refuse(station, row, why)
    except _EndedMeanwhile:
        return None


def _book(station: Station, row: ScheduledRow) -> Ended:
    author = _author(station, row)
    with station.ledger.read() as view:
        change = completed(view, order_of(row.change))  # 1
        free = _free(view, row.order)
        more = tuple(apart(view, change, row.order, free))
    said = Said(row.change.allow_past, counted=row.change.count is not None)
    held = guards.guard(station, change, said, include_lost=row.change.include_lost)

    def check(view: View) -> None:
        _check_waiting(view, row)
        held(view)

    late = _late(station, row)
    ended = ScheduleEnded(row.order, BOOKED, late)
    station.ledger.commit(author, ended, change, *more, guard=check)  # 2
    return Ended(row.order, row.batch, BOOKED, late)


def _author(station: Station, row: ScheduledRow) -> Author:
    """The line that gave the order. Raises `NotFound` or `Refused` if it cannot sign."""
    try:
        return station.author_of(station.line(row.change.line or DEFAULT_LINE))
    except IntegrityError as damaged:
        # Its key alone: what other lines order and send must not wait until it is brought back.
        raise Refused(damaged.message) from None


def _free(view: View, order: str) -> int:
    """The first number under which the request `order` has no order yet."""
    numbers = range(2, MEMBERS + 1)
    return next((n for n in numbers if not view.has_order(member_id(order, n))), MEMBERS + 1)


def _refuse(station: Station, row: ScheduledRow, why: str) -> Ended:
    codes = serials.count(row.change.serials)
    facts = IncidentFacts(
        batch=row.batch,
        order=row.order,
        action=row.change.action,
        serials=row.change.serials[:100],
        codes=codes,
    )
    told = (
        f"order {row.order}, to {row.change.action} {codes:,} codes of batch {row.batch}"
        f" ({serials.describe(row.change.serials, 3)}) at {_local(station, row.at)}: {why}"
    )
    station.ledger.commit(
        station.author,
        ScheduleEnded(row.order, REFUSED, why),
        Incident(SCHEDULED_REFUSED, told, facts),
        guard=lambda view: _check_waiting(view, row),
    )  # 3
    return Ended(row.order, row.batch, REFUSED, why)


def _check_waiting(view: View, row: ScheduledRow) -> None:
    fresh = view.scheduled_order(row.order)
    if fresh is None or fresh.status != WAITING:
        raise _EndedMeanwhile


def _late(station: Station, row: ScheduledRow) -> str | None:
    """How late it is booked, if that is news."""
    late = station.now() - row.at
    if late < LATE:
        return None
    minutes = int(late.total_seconds()) // 60
    days, rest = divmod(minutes, 24 * 60)
    took = f"{days} d " * bool(days) + f"{rest // 60} h {rest % 60} min"
    return f"{took} late: it was due at {_local(station, row.at)}, and nothing sent orders"


def _local(station: Station, at: datetime) -> str:
    return at.astimezone(station.config.time_zone).isoformat(" ", "minutes")

"""What waits at this station, as a person asks for it; and the end of what was refused."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...codegen import ids
from ...codegen.errors import NotFound
from ...codegen.ledger.changes import Incident
from ...codegen.ranges.aggregation import Packing
from ...codegen.ranges.lifecycle import Action, State
from ...codegen.result import Result
from ...codegen.station.station import Station
from ...codegen.times import format_utc
from ..orders.booked import OrderList, OrderShown
from ..orders.orders import QUEUED
from .answers import ShownHere
from .drain import skip_damaged
from .intent import Intent
from .keeper import Keeper
from .refused import RefusedIntent

SHOWN = 20
DISCARDED_KIND = "away-discarded"


@dataclass(frozen=True)
class WaitingIntent:
    """An order that waits here; of one that cannot be read, only its number is known."""

    number: int
    order: str | None
    action: str | None
    batch: str | None
    line: str | None
    at: str | None

    @classmethod
    def of(cls, number: int, intent: Intent | None) -> "WaitingIntent":
        """From the queue. The order's id may be a code: nothing was asked yet."""
        if intent is None:
            return cls(number, None, None, None, None, None)
        fields = intent.written.fields
        batch = fields.get("batch")
        return cls(
            number=number,
            order=ids.masked(intent.written.order),
            action=str(fields.get("action")),
            batch=batch if isinstance(batch, str) and ids.is_id(batch) else None,
            line=intent.line,
            at=format_utc(intent.at, "seconds"),
        )

    def text(self) -> str:
        """A line for people."""
        if self.order is None:
            return f"{self.number}  cannot be read: it was changed, moved or taken away"
        what = f"{self.action} {self.batch or ''}".strip()
        return f"{self.number}  {self.order}  {what}, line {self.line}, given at {self.at}"


@dataclass(frozen=True)
class WaitingHere(Result):
    """Orders that were given while the ledger was away: what waits, and what was refused then."""

    reads = True

    waiting: tuple[WaitingIntent, ...]
    refused: tuple[RefusedIntent, ...]

    def lines(self) -> Iterator[str]:
        """Counts, then the orders; what was refused comes first."""
        yield f"{len(self.waiting):,} orders wait at this station, {len(self.refused):,} refused"
        for one in self.refused:
            yield f"  refused {one.order}, {one.action}, given at {one.at}: {one.error}"
            yield f"    settle it: mintmark orders away --discard {one.order}"
        for each in self.waiting[:SHOWN]:
            yield f"  waiting {each.text()}"
        if len(self.waiting) > SHOWN:
            yield f"  and {len(self.waiting) - SHOWN:,} more: see --json"


def waiting_here(station: Station) -> WaitingHere:
    """What waits at this station, and what was refused and not settled."""
    keeper = Keeper(station)
    note, there = keeper.queue.note(), keeper.queue.numbers()
    numbers = sorted(
        {*range(note.done + 1, note.written + 1), *(n for n in there if n > note.done)}
    )
    waiting = tuple(WaitingIntent.of(number, keeper.at(number)) for number in numbers)
    refused = keeper.refused.all()
    return WaitingHere(waiting, tuple(one or _unreadable(name) for name, one in refused.items()))


def _unreadable(name: str) -> RefusedIntent:
    number = int(name.partition("-")[0])
    why = "its reason cannot be read any more"
    return RefusedIntent(number, str(number), "?", None, "?", "?", why, None, 5)


def waiting_order(station: Station, order: str, why: str) -> ShownHere | None:
    """The order that waits here under that id, if one does."""
    intent = Keeper(station).find(order)
    return None if intent is None else ShownHere(_as_shown(intent, why))


def waiting_orders(station: Station, batch: str | None, limit: int, why: str) -> ShownHere:
    """The orders that wait here, as `orders list` tells them."""
    keeper = Keeper(station)
    found = (keeper.at(number) for number in keeper.queue.numbers())
    rows = (_as_shown(intent, why) for intent in found if intent is not None)
    return ShownHere(OrderList(tuple(row for row in rows if batch in (None, row.batch))[:limit]))


def _as_shown(intent: Intent, why: str) -> OrderShown:
    """A waiting order, without the texts that somebody wrote: any may be a code."""
    fields = intent.written.fields
    action, batch = str(fields["action"]), fields.get("batch")
    from_state = fields.get("from")
    return OrderShown(
        order=ids.masked(intent.written.order),
        batch=batch if isinstance(batch, str) and ids.is_id(batch) else "",
        action=Packing(action) if action in set(Packing) else Action(action),
        serials=(),
        status=QUEUED,
        applied_count=0,
        skipped_count=0,
        attributes={},
        count=fields.get("count"),
        from_state=State(from_state) if from_state else None,
        reason=None,
        line=intent.line,
        attempts=0,
        detail=f"waits at this station since {format_utc(intent.at, 'seconds')}: {why}",
    )


def discard(station: Station, which: str) -> WaitingHere:
    """Settle what was refused, by its order id or its number; or go on without a damaged intent.

    The books are told. Raises `NotFound` if nothing of that name was refused or is damaged.
    """
    keeper = Keeper(station)
    mark = keeper.mark(which)
    for name, refused in keeper.refused.all().items():
        number, its_mark = name.split("-")
        if which in (number.lstrip("0"), refused and refused.order) or its_mark == mark:
            _tell(station, f"order {refused.order if refused else number}, which was refused")
            keeper.refused.discard(name)
            return waiting_here(station)
    if which.isascii() and which.isdigit() and skip_damaged(keeper, int(which), _teller(station)):
        return waiting_here(station)
    raise NotFound(
        f"no order {ids.shown(which)} was refused here, and none of that number is damaged",
        "see what there is: mintmark orders away",
    )


def _teller(station: Station) -> Callable[[str], None]:
    return lambda what: _tell(station, what)


def _tell(station: Station, what: str) -> None:
    host = station.actor.host
    detail = f"{what}, was discarded at the station on host {host}"
    station.ledger.commit(station.author, Incident(DISCARDED_KIND, detail))

"""`orders apply`: a file of orders, each booked by itself, then all sent.

A bad order does not stop the others, whatever is wrong with it. An order for a carton may become
several, of several batches: booked together, told one by one. An order without an id gets an
id that follows from the file, its size and the time of its last change, so that applying a file
twice orders nothing twice, and a file written anew is taken for new orders.

1. Book scheduled orders whose time has come, then each order.
2. Send what was booked.
3. Judge the orders that were booked before: does what they did still stand?

If this machine fails in 1 to 3, what was done is reported all the same (`keep`), with the
orders that were not tried. If the ledger of a shared home is out of reach, the orders wait at this
station instead (`activation/away`), and the file is done with.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from ...codegen.away import OutOfReach
from ...codegen.errors import (
    EnvironmentFailure,
    IntegrityError,
    MintmarkError,
    NotFound,
    Refused,
    UsageError,
)
from ...codegen.progress import Progress
from ...codegen.ranges.serials import Ranges
from ...codegen.station.station import Station
from ..association import packing
from ..association.form import fields_of_row, from_row, is_packing
from ..association.outcome import STANDS
from ..away.desk import STREAM, AwayDesk, InQueue
from ..away.written import write_packing, write_range
from ..client.protocol import Client
from ..delivery.deliver import Courier
from ..orders import booked, sheets
from ..orders.due import book_due
from ..orders.group import notes, place
from ..orders.orders import ACKNOWLEDGED, CANCELLED, QUEUED, REFUSED
from ..orders.sheets import Row
from . import repeats, row_outcomes
from .applied import AGAIN, AppliedFile, Outcome, reported, summarise
from .order_file import OrderFile


def apply(  # noqa: PLR0913 - the command's options
    station: Station,
    client: Client | None,
    file: OrderFile,
    *,
    name: str = "",
    shown: str = "a file of orders",
    failures_only: bool = False,
    progress: Progress = lambda *_: None,
    keep: Callable[[Sequence[Outcome]], None] = lambda _: None,
    desk: AwayDesk | None = None,
) -> AppliedFile:
    """Book every row, send what was booked, and return the outcome of each.

    `name` tells apart files of the same content; `shown` names the file in an alarm. `keep`
    gets what there is to report, also if this raises. `desk`: of a service, which keeps it.

    Raises `IntegrityError` and `EnvironmentFailure`, after which the same file can be
    applied again.
    """
    named = sheets.order_ids(station.config.home_id, file.rows, name, file.version)
    outcomes: list[Outcome] = []
    done = 0
    try:
        desk = desk or AwayDesk(station, STREAM)
        due = _due(station, desk)
        for row, order in zip(file.rows, named, strict=True):
            outcomes += _book(station, desk, row, order)  # 1
            done += 1
            progress("orders", done, len(file.rows))
        # What waits here, or is booked, is reported as such, and sent by the next run.
        with contextlib.suppress(OutOfReach):
            detail = _send(station, client, outcomes, due)  # 2
            outcomes = _judged(station, _settled(station, outcomes, detail))  # 3
            gone = {outcome.order: outcome.undone for outcome in outcomes if outcome.undone}
            repeats.alarm(station, shown, len(outcomes), gone)
    except BaseException:
        rest = zip(file.rows[done:], named[done:], strict=True)
        # The failure itself is what must be heard of, also if the disk is full.
        with contextlib.suppress(OSError):
            everything = [*outcomes, *(row_outcomes.untried(*pair) for pair in rest)]
            keep(reported(everything, failures_only=failures_only))
        raise
    result = summarise(outcomes, failures_only=failures_only)
    keep(result.results)
    return result


def _due(station: Station, desk: AwayDesk) -> list[str]:
    """The batches of scheduled orders that were booked now."""
    try:
        if desk.drain().left is not None:
            return []
        return [each.batch for each in book_due(station)]
    except OutOfReach:
        return []


def _book(station: Station, desk: AwayDesk, row: Row, order: str) -> list[Outcome]:
    config = station.config
    try:
        if is_packing(row.fields.get("action")):
            fields = fields_of_row(row.fields, is_json=row.is_json)
            taken = desk.take(
                lambda: write_packing(order, {**fields, "order": order}, config.home_id),
                lambda: _packed(station, row, order),
            )
            return [row_outcomes.waiting(row, taken) if isinstance(taken, InQueue) else taken]
        request = replace(row.request(config.time_zone), order=order)
        placed = desk.take(
            lambda: write_range(request, config.home_id, config.time_zone),
            lambda: place(station, request),
        )
        if isinstance(placed, InQueue):
            return [row_outcomes.waiting(row, placed)]
    except (EnvironmentFailure, IntegrityError, OSError):
        raise
    except (UsageError, Refused, NotFound) as error:
        return [row_outcomes.refused(station, row, order, error)]
    except Exception as error:  # noqa: BLE001 - one row must not take the others with it
        bug = f"unexpected {type(error).__name__}: this is a bug"
        return [
            row_outcomes.refused(
                station, row, order, MintmarkError(bug, "report it, with this row")
            )
        ]
    told = notes(station, request, placed)
    return [row_outcomes.booked(row, placed, each, told) for each in placed.orders]


def _packed(station: Station, row: Row, order: str) -> Outcome:
    request = from_row(station, row.fields, is_json=row.is_json)
    packed = packing.book(station, replace(request, order=order))
    change, done = packed.change, packed.committed
    outcome = Outcome(
        row.number,
        order,
        change.action.value,
        change.batch,
        QUEUED,
        booked=True,
        repeated=done is None or done.repeated,
        applied=change.children[0].serials,
        exit=75,
        notes=request.notes,
    )
    if done is not None:
        return outcome
    return replace(outcome, status=ACKNOWLEDGED, booked=False, detail=STANDS, exit=0)


def _send(
    station: Station, client: Client | None, outcomes: Sequence[Outcome], due: Sequence[str]
) -> str | None:
    if client is None:
        return "no backend is configured"
    courier, detail = Courier(station, client, sturdy=True), None
    booked = (outcome.batch for outcome in outcomes if outcome.booked)
    for batch in dict.fromkeys((*due, *booked)):
        try:
            detail = courier.deliver(batch=batch).detail or detail
        except (MintmarkError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - what is booked must be reported
            detail = f"unexpected {type(error).__name__}: this is a bug"
    return detail


def _settled(station: Station, outcomes: Sequence[Outcome], detail: str | None) -> list[Outcome]:
    """The outcomes with what the ledger has of the orders now."""
    return [_as_booked(station, item, detail) if item.booked else item for item in outcomes]


def _as_booked(station: Station, outcome: Outcome, detail: str | None) -> Outcome:
    with station.ledger.read() as view:
        row = view.order(outcome.order)
    exits = {QUEUED: 75, REFUSED: 6, CANCELLED: 3}
    return replace(
        outcome,
        status=row.status,
        detail=row.detail or (detail if row.status == QUEUED else None),
        exit=exits.get(row.status, 0),
    )


def _judged(station: Station, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes, with what has become of orders that were booked before."""
    orders = [(item.order, item.repeated) for item in outcomes if item.booked]
    with station.ledger.read() as view:
        gone = repeats.undone(view, orders)
    return [_told(item, gone.get(item.order, ())) for item in outcomes]


def _told(outcome: Outcome, gone: Ranges) -> Outcome:
    if not outcome.repeated or not (gone or outcome.changed):
        return outcome
    told = (booked.told(gone),) if gone else outcome.notes
    detail = "; ".join(filter(None, (outcome.detail, *told)))
    return replace(outcome, undone=gone, detail=detail, hint=AGAIN, exit=max(outcome.exit % 75, 3))

"""`orders apply`: a file of orders, each booked by itself, then all sent.

A bad order does not stop the others, whatever is wrong with it. An order for a carton may become
several, of several batches: booked together, told one by one. An order without an id gets an
id that follows from the file, its size and the time of its last change, so that applying a file
twice orders nothing twice, and a file written anew is taken for new orders.

1. Book scheduled orders whose time has come, then each order.
2. Send what was booked.
3. Judge the orders that were booked before: does what they did still stand?

If this machine fails in 1 to 3, what was done is reported all the same (`keep`), with the
orders that were not tried.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ...codegen import ids
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
from ..association.form import from_row, is_packing
from ..association.outcome import STANDS
from ..client.protocol import Client
from ..delivery.deliver import Courier
from ..orders import booked, sheets
from ..orders.due import book_due
from ..orders.group import notes, place
from ..orders.orders import ACKNOWLEDGED, CANCELLED, QUEUED, REFUSED, SCHEDULED
from ..orders.placed import Placed, PlacedOrder
from ..orders.scheduled import WAITING
from ..orders.sheets import Row
from . import repeats
from .applied import AGAIN, UNTRIED, AppliedFile, Outcome, reported, summarise
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
) -> AppliedFile:
    """Book every row, send what was booked, and return the outcome of each.

    `name` tells apart files of the same content; `shown` names the file in an alarm. `keep`
    gets what there is to report, also if this raises.

    Raises `IntegrityError` and `EnvironmentFailure`, after which the same file can be
    applied again.
    """
    named = sheets.order_ids(station.config.home_id, file.rows, name, file.version)
    outcomes: list[Outcome] = []
    done = 0
    try:
        due = [each.batch for each in book_due(station)]
        for row, order in zip(file.rows, named, strict=True):
            outcomes += _book(station, row, order)  # 1
            done += 1
            progress("orders", done, len(file.rows))
        detail = _send(station, client, outcomes, due)  # 2
        outcomes = _judged(station, _settled(station, outcomes, detail))  # 3
        gone = {outcome.order: outcome.undone for outcome in outcomes if outcome.undone}
        repeats.alarm(station, shown, len(outcomes), gone)
    except BaseException:
        rest = zip(file.rows[done:], named[done:], strict=True)
        # The failure itself is what must be heard of, also if the disk is full.
        with contextlib.suppress(OSError):
            everything = [*outcomes, *(_untried(*pair) for pair in rest)]
            keep(reported(everything, failures_only=failures_only))
        raise
    result = summarise(outcomes, failures_only=failures_only)
    keep(result.results)
    return result


def _book(station: Station, row: Row, order: str) -> list[Outcome]:
    try:
        if is_packing(row.fields.get("action")):
            return [_packed(station, row, order)]
        request = replace(row.request(station.config.time_zone), order=order)
        placed = place(station, request)
    except (EnvironmentFailure, IntegrityError, OSError):
        raise
    except (UsageError, Refused, NotFound) as error:
        return [_refused(station, row, order, error)]
    except Exception as error:  # noqa: BLE001 - one row must not take the others with it
        bug = f"unexpected {type(error).__name__}: this is a bug"
        return [_refused(station, row, order, MintmarkError(bug, "report it, with this row"))]
    told = notes(station, request, placed)
    return [_booked(row, placed, each, told) for each in placed.orders]


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


def _booked(row: Row, placed: Placed, order: PlacedOrder, told: tuple[str, ...]) -> Outcome:
    is_first = order is placed.orders[0]
    if not order.is_booked:
        return _later(row, order, told if is_first else ())
    return Outcome(
        row.number,
        order.change.order,
        order.change.action.value,
        order.change.batch,
        QUEUED,
        booked=True,
        repeated=order.repeated,
        applied=order.applied,
        skipped=order.skipped,
        exit=75,
        notes=told if is_first else (),
        changed=is_first and placed.group is not None and placed.group.changed,
    )


def _later(row: Row, order: PlacedOrder, told: tuple[str, ...]) -> Outcome:
    """An order that waits for its time, or was given before and ended before it."""
    waits = order.scheduled == WAITING
    return Outcome(
        row.number,
        order.change.order,
        order.change.action.value,
        order.change.batch,
        SCHEDULED if waits else REFUSED,
        booked=False,
        repeated=order.repeated,
        applied=order.applied,
        skipped=order.skipped,
        detail=order.detail if waits else f"{order.scheduled} before: {order.detail}",
        exit=0 if waits else 3,
        notes=told,
    )


def _refused(station: Station, row: Row, order: str, error: MintmarkError) -> Outcome:
    # The sender's own id comes back, unless it is a code.
    return Outcome(
        row.number,
        ids.shown(order) if station.holds_code(order) else order,
        _field(row, "action"),
        _field(row, "batch"),
        REFUSED,
        booked=False,
        detail=error.message,
        hint="; ".join(error.hints) or None,
        exit=error.exit_code,
    )


def _untried(row: Row, order: str) -> Outcome:
    return Outcome(
        row.number,
        ids.masked(order),  # nothing can be asked whether it is a code
        _field(row, "action"),
        _field(row, "batch"),
        UNTRIED,
        booked=False,
        detail="not tried: this machine failed first",
        hint="give the same file again",
        exit=6,
    )


def _field(row: Row, name: str) -> str | None:
    """A field of a row that may be malformed, if it is no code that stands in the wrong column."""
    value: Any = row.fields.get(name)
    shown = isinstance(value, str) and value.isprintable() and ids.harmless(value, name=True)
    return value if shown else None


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

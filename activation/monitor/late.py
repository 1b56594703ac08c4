"""What people wait for and what did not come: receipts, activations, answers of the backend.

`[alarms]` says how long is too long; what it does not name is looked for by nobody. Each package
and each order is told of once. `alarms send` and `report daily` look.
"""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from ...codegen import times
from ...codegen.errors import MintmarkError
from ...codegen.ledger.changes import Associated, Change, Incident, IncidentFacts
from ...codegen.ledger.records import OrderRow, PackageRow
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.lifecycle import State
from ...codegen.station.station import Station
from ..orders.orders import QUEUED
from .once import book_once, booked

RECEIPT, ACTIVATION, DELIVERY = "receipt-late", "activation-late", "delivery-late"  # incidents
KINDS = (RECEIPT, ACTIVATION, DELIVERY)
EACH = 10  # orders that get an incident of their own; where more are late, all get one together
ORDERS = 1_000  # that are looked at, each time


def book_late(station: Station) -> int:
    """Book what is late and was not told of; returns how many incidents that were."""
    limits = station.config.alarm_limits
    if not any((limits.receipt_days, limits.activation_days, limits.delivery_minutes)):
        return 0
    return book_once(station, KINDS, lambda view: missing(station, view))


def tried_late(station: Station) -> int:
    """As `book_late`, for those who have other work: what cannot be booked waits."""
    with contextlib.suppress(MintmarkError):
        return book_late(station)
    return 0


def missing(station: Station, view: View) -> Iterator[Change]:
    """The incidents to book, the packages first."""
    limits, now = station.config.alarm_limits, station.now()
    for kind, days, states in (
        (RECEIPT, limits.receipt_days, set(State) - {State.VOID}),
        (ACTIVATION, limits.activation_days, {State.PACKAGED}),
    ):
        if days is not None:
            late = _packages(view, kind, now - timedelta(days=days))
            yield from _of_packages(station, view, kind, late, states)
    if limits.delivery_minutes is not None:
        before = now - timedelta(minutes=limits.delivery_minutes)
        yield from _of_orders(station, _orders(view, before))


def _packages(view: View, kind: str, before: datetime) -> list[PackageRow]:
    """Packages of before that time that were not told of."""
    late = [
        row
        for row in view.packages()
        if row.status == "packaged"
        and row.ended_at is not None
        and row.ended_at < before
        and (kind == ACTIVATION or row.final_at is None)
    ]
    # Incidents are looked for in the whole chain.
    told = {change.facts.package for change in booked(view, kind) if change.facts} if late else ()
    return [row for row in late if row.package not in told]


def _of_packages(
    station: Station, view: View, kind: str, rows: Sequence[PackageRow], states: set[State]
) -> Iterator[Incident]:
    """An incident for each of `rows` that has codes in one of `states`."""
    found = view.states_by_package() if rows else {}
    for row in rows:
        codes = sum(count for state, count in found.get(row.package, {}).items() if state in states)
        if not codes or row.ended_at is None:
            continue
        still = f"{codes:,} code{'s' * (codes != 1)} not activated"
        what = "no final receipt" if kind == RECEIPT else still
        since = _shown(station, row.ended_at)
        detail = f"{what}: package {row.package} of contact {row.contact}, made {since}"
        facts = IncidentFacts(
            batch=row.batch,
            package=row.package,
            contact=row.contact,
            codes=codes,
            since=times.format_utc(row.ended_at),
        )
        yield Incident(kind, f"{detail}, batch {row.batch}", facts)


def _orders(view: View, before: datetime) -> list[OrderRow]:
    """Queued orders of before that time; those up to the last one told of were told of.

    An incident names the last of its orders, so nothing is looked at twice, however many wait.
    """
    if not any(row.ordered_at < before for row in view.orders(None, QUEUED, "", ORDERS)):
        return []
    told = [change.facts.order for change in booked(view, DELIVERY) if change.facts]
    after = (told[-1] if told else None) or ""
    found = view.orders(None, QUEUED, after, ORDERS)
    return [row for row in found if row.ordered_at < before]


def _of_orders(station: Station, rows: Sequence[OrderRow]) -> Iterator[Incident]:
    if len(rows) <= EACH:
        for row in rows:
            why = f"; last try: {row.detail}" if row.detail else ""
            what = f"order {row.order} of batch {row.batch} ({row.change.action.value})"
            since = _shown(station, row.ordered_at)
            yield _delivery(f"{what} waits since {since}{why}", row, rows=[row], batch=row.batch)
        return
    first, last = rows[0], rows[-1]
    since = _shown(station, min(row.ordered_at for row in rows))
    yield _delivery(f"{len(rows):,} orders wait since {since}, the first {first.order}", last, rows)


def _delivery(detail: str, last: OrderRow, rows: Iterable[OrderRow], **more: Any) -> Incident:  # noqa: ANN401
    since = min(row.ordered_at for row in rows)
    codes = sum(_codes(row) for row in rows)
    facts = IncidentFacts(order=last.order, codes=codes, since=times.format_utc(since), **more)
    return Incident(DELIVERY, detail, facts)


def _codes(row: OrderRow) -> int:
    change = row.change
    if isinstance(change, Associated):
        return sum(serials.count(part.serials) for part in change.children)
    return row.applied_count


def _shown(station: Station, time: datetime) -> str:
    return f"{time.astimezone(station.config.time_zone):%Y-%m-%d %H:%M}"

"""What booking a change will ask, asked of PostgreSQL in one trip, with the lock: see `_trips`.

This is a guess and no more. An answer that nobody then asks for was asked in vain, and a question
that is missing here is a trip of its own; what is booked is the same. SQLite, which is no trip
away, is asked nothing ahead.
"""

from collections.abc import Iterator, Sequence
from functools import singledispatch
from itertools import islice

from sqlalchemy import Connection

from ..ranges.serials import Ranges
from . import _agreed, _balance, _events, _exports, _outbox, _packages, _tables, _tiles
from ._prepared import Asked, ahead
from .changes import (
    Associated,
    BatchMinted,
    Change,
    ExportBegun,
    Ordered,
    Packaged,
    Scheduled,
    Settled,
)

# Beyond these, a commit is long whatever is foreseen.
_CHANGES, _BATCHES, _RANGES = 20, 10, 10


def ask(
    connection: Connection, key_id: str, changes: Sequence[Change], seen: tuple[int, str] | None
) -> None:
    """Ask what a commit of `changes`, signed by `key_id`, will ask; `seen` is a head remembered."""
    asked: list[Asked] = [(_events.LAST, {})]
    asked.append((_agreed.bearing(_tables.keys, "key_id"), {"value": key_id}))
    if seen is not None:
        asked.append((_events.STAMP, {"seq": seen[0]}))
    ahead(connection, (*asked, *(each for change in changes[:_CHANGES] for each in of(change))))


def ask_again(connection: Connection, change: Change) -> None:
    """Ask what booking `change` will ask, after others of the same commit were booked."""
    ahead(connection, of(change))


def ask_of_delivery(connection: Connection, order: str) -> None:
    """Ask what noting something of the delivery of `order` will ask."""
    told: Asked = (_agreed.bearing(_tables.deliveries, "order_id"), {"value": order})
    ahead(connection, ((_outbox.WHOLE, {"number": order}), told))


@singledispatch
def of(change: Change) -> Iterator[Asked]:  # noqa: ARG001
    """What booking `change` asks, beside the head and the key."""
    yield from ()


@of.register
def _(change: Ordered) -> Iterator[Asked]:
    yield from _order(change.order)
    yield from _balance.questions(change.batch)
    yield _exports.UNDER_REPRINT, {"b": change.batch}
    yield from _read(change.batch, change.serials)
    if change.serials:  # what its guard asks
        low, high = change.serials[0].first, change.serials[-1].last
        yield _packages.LOST, {"b": change.batch, "low": low, "high": high}


@of.register
def _(change: Associated) -> Iterator[Asked]:
    yield from _order(change.order)
    for batch in list(dict.fromkeys(part.batch for part in change.parts))[:_BATCHES]:
        yield from _balance.questions(batch)


@of.register
def _(change: ExportBegun) -> Iterator[Asked]:
    for batch in filter(None, (change.batch, change.pair)):
        yield from _balance.questions(batch)
        yield from _read(batch, change.serials)
    yield _agreed.bearing(_tables.contacts, "contact"), {"value": change.contact}
    yield _agreed.bearing(_tables.packages, "package"), {"value": change.package}


@of.register
def _(change: Packaged) -> Iterator[Asked]:
    yield _agreed.bearing(_tables.packages, "package"), {"value": change.package}
    yield _agreed.bearing(_tables.keys, "key_id"), {"value": change.custodian_key_id}


@of.register
def _(change: Scheduled) -> Iterator[Asked]:
    yield from _order(change.order)
    yield _agreed.bearing(_tables.batches, "batch"), {"value": change.batch}


@of.register
def _(change: Settled) -> Iterator[Asked]:
    for table in (_tables.orders, _tables.deliveries):
        yield _agreed.bearing(table, "order_id"), {"value": change.order}


@of.register
def _(change: BatchMinted) -> Iterator[Asked]:
    yield _agreed.bearing(_tables.batches, "batch"), {"value": change.batch}
    if change.ref is not None:
        yield _agreed.bearing(_tables.batches, "ref"), {"value": change.ref}


def _order(order: str) -> Iterator[Asked]:
    for table in (_tables.orders, _tables.scheduled):
        yield _agreed.bearing(table, "order_id"), {"value": order}


def _read(batch: str, ranges: Ranges) -> Iterator[Asked]:
    for group in islice(_tiles.groups(ranges), _RANGES):
        values = {"b": batch, "low": group.first, "high": group.last, "most": _tiles.PAGE}
        yield _tiles.READ, values

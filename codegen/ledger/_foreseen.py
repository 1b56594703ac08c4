"""What booking a change will ask, asked of PostgreSQL in one trip, with the lock: see `_trips`.

This is a guess and no more. An answer that nobody then asks for was asked in vain, and a question
that is missing here is a trip of its own; what is booked is the same.
"""

from collections.abc import Iterator, Sequence
from functools import singledispatch
from typing import Any

from sqlalchemy import Connection

from ..ranges.serials import Ranges
from . import _agreed, _balance, _events, _exports, _tables, _tiles
from ._prepared import POSTGRESQL, Prepared
from .changes import Associated, BatchMinted, Change, Ordered, Scheduled, Settled

# Beyond these, a commit is long whatever is foreseen.
_BATCHES, _RANGES = 10, 10
Asked = tuple[Prepared, dict[str, Any]]


def ask(connection: Connection, key_id: str, changes: Sequence[Change]) -> None:
    """Ask what a commit of `changes`, signed by `key_id`, will ask. Nothing on SQLite."""
    if connection.dialect.name != POSTGRESQL:
        return
    from . import _trips

    asked = [
        (_events.LAST, {}),
        (_agreed.bearing(_tables.keys, "key_id"), {"value": key_id}),
        # What the first one writes is asked for anew by the others.
        *(question for change in changes[:1] for question in of(change)),
    ]
    _trips.of(connection).ahead(each.foreseen(connection, **values) for each, values in asked)


@singledispatch
def of(change: Change) -> Iterator[Asked]:  # noqa: ARG001
    """What booking `change` asks, beside the head and the key."""
    yield from ()


@of.register
def _(change: Ordered) -> Iterator[Asked]:
    yield from _order(change.order)
    yield from _batch(change.batch)
    yield _exports.UNDER_REPRINT, {"b": change.batch}
    yield from _read(change.batch, change.serials)


@of.register
def _(change: Associated) -> Iterator[Asked]:
    yield from _order(change.order)
    for batch in list(dict.fromkeys(part.batch for part in change.parts))[:_BATCHES]:
        yield from _batch(batch)


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


def _batch(batch: str) -> Iterator[Asked]:
    yield _agreed.bearing(_tables.batches, "batch"), {"value": batch}
    yield _balance.COUNTERS, {"b": batch}
    yield _balance.TILES, {"b": batch, "most": _balance.EACH + 1}
    yield _balance.PACKAGES, {"b": batch}


def _read(batch: str, ranges: Ranges) -> Iterator[Asked]:
    if ranges:
        # How many codes the batch has is not known yet; beyond its last there are no tiles.
        for group in list(_tiles.groups(ranges, ranges[-1].last + 1))[:_RANGES]:
            values = {"b": batch, "low": group.first, "high": group.last, "most": _tiles.PAGE}
            yield _tiles.READ, values

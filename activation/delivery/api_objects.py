"""Batches and orders of the ledger, as the activation API names them."""

from collections.abc import Mapping

from ...codegen import times
from ...codegen.ledger.changes import Associated, Ordered
from ...codegen.ledger.records import OrderRow
from ...codegen.ranges import serials
from ...codegen.ranges.attributes import VALIDITY, Value
from ...codegen.ranges.lifecycle import to_api_state
from ...codegen.station.station import Station
from ..client import wire


def batch_of(station: Station, batch: str) -> wire.Batch:
    """The batch, as it is registered with a backend."""
    with station.ledger.read() as view:
        home, row = view.home(), view.batch(batch)
    return wire.Batch(
        batch=row.batch,
        home=home.home,
        symbols=row.alphabet,
        length=row.length,
        canonical=row.canonical,
        quantity=row.quantity,
        scheme=home.fingerprint_scheme,
        fingerprint_key_id=home.fingerprint_key_id,
        role=row.role,
        pair_of=row.pair_of,
    )


def batches_of(row: OrderRow) -> tuple[str, ...]:
    """Every batch that an order names."""
    return row.change.batches if isinstance(row.change, Associated) else (row.batch,)


def aggregation_of(change: Associated, head: str | None) -> wire.Aggregation:
    """The association, as it is sent. `head`: as of `order_of`."""
    return wire.Aggregation(
        aggregation=change.order,
        action=change.action,
        parents=change.parents,
        children=change.children,
        each=change.each,
        reason=change.reason,
        audit_head=head,
    )


def order_of(change: Ordered, head: str | None) -> wire.Order:
    """The order, as it is sent. `head`: the end of the audit chain; None: it brings none."""
    return wire.Order(
        order=change.order,
        batch=change.batch,
        action=change.action.value,
        serials=serials.to_pairs(change.serials),
        skip=("void",) if change.skip_void else (),
        count=change.count,
        from_state=to_api_state(change.from_state).value if change.from_state else None,
        attributes=patch_of(change.attributes),
        effective_at=time_of(change.attributes, "effective_at"),
        expires_at=time_of(change.attributes, "expires_at"),
        reason=change.reason,
        audit_head=head,
    )


def is_same(key: str, ours: Value, theirs: Value) -> bool:
    """Whether both sides have the same value of an attribute, however a moment is written."""
    if ours == theirs or key not in VALIDITY:
        return ours == theirs
    try:
        # A backend may write a moment in another zone.
        return times.parse(str(ours)) == times.parse(str(theirs))
    except ValueError:
        return False


def patch_of(attributes: Mapping[str, Value]) -> dict[str, Value]:
    """The part of a patch that travels among the attributes.

    Validity has fields of its own. There null means "unchanged", so removing it travels here.
    """
    return {k: v for k, v in attributes.items() if k not in VALIDITY or v is None}


def time_of(attributes: Mapping[str, Value], key: str) -> str | None:
    """The part of a patch that travels in the field `key`."""
    value = attributes.get(key)
    return None if value is None else str(value)

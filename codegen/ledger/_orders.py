"""Range orders: booked when committed here, settled when the backend has answered."""

from sqlalchemy import Connection, bindparam, update

from .. import ids
from ..errors import Refused, UsageError
from ..ranges import attributes, serials
from ..ranges.lifecycle import Action, Reason, Standing, passed_over, step
from ..ranges.tiling import Stuck
from . import _agreed, _exports, _pairs, _sql, _tables
from ._prepared import Prepared, inserting
from ._sql import NOTHING, Touched
from ._tiles import Effect
from .chain import Event
from .changes import Ordered, Settled

_further = _tables.order_batches
_SETTLE_FURTHER = Prepared(
    lambda: (
        update(_further)
        .where(_further.c.order_id == bindparam("order"))
        .values(status=bindparam("now"))
    )
)


def order(change: Ordered, connection: Connection, event: Event) -> Touched:
    """Rewrite the tiles, and queue the order for the backend."""
    check_order(change)
    book = _sql.book_of(connection, change.batch, change.serials)
    _sql.require_unused(connection, _tables.orders, "order_id", change.order)
    reprinted = _exports.under_reprint(connection, change.batch)

    def stepped(standing: Standing) -> Standing:
        elsewhere = change.from_state is not None and standing.state is not change.from_state
        if elsewhere or standing.package in reprinted:
            raise Stuck
        return step(standing, change.action, attributes=change.attributes, reason=change.reason)

    def skip(standing: Standing) -> bool:
        return change.skip_void and passed_over(standing.state, change.action)

    effect = book.rewrite(change.serials, stepped, skip)
    during = f" while package {min(reprinted)} is being reprinted" if reprinted else ""
    _sql.refuse_blocked(effect, change.batch, f"{change.action} is not possible there{during}")
    _check_count(change, effect)
    skipped = serials.join(effect.skipped)
    row = {
        "order_id": change.order, "seq": event.seq, "batch": change.batch, "status": "queued",
        "applied": effect.applied.total(), "skipped_count": serials.count(skipped),
        "skipped": _pairs.to_text(skipped),
    }  # fmt: skip
    inserting(_tables.orders, *row).run(connection, row)
    return Touched(serials.subtract(change.serials, skipped), skipped)


def settle(change: Settled, connection: Connection, event: Event) -> Touched:
    """Note the last word on an order."""
    if change.status not in _tables.SETTLED:
        raise UsageError(f"an order is settled as one of: {', '.join(_tables.SETTLED)}")
    row = _sql.find(
        connection, _tables.orders, "order_id", change.order, "see: mintmark orders list"
    )
    if row.status != "queued":
        raise Refused(
            f"order {change.order} is {row.status} already",
            f"see: mintmark orders show {change.order}",
        )
    tried = _agreed.row(connection, _tables.deliveries, "order_id", change.order)
    if change.status == "cancelled" and tried is not None and tried.attempts:
        raise Refused(
            f"order {change.order} may have reached the backend and cannot be cancelled",
            "send it, then give the opposite order: mintmark deliver",
        )
    _sql.update(
        connection, _tables.orders, "order_id", change.order,
        status=change.status, detail=change.detail, settled_at=event.at,
    )  # fmt: skip
    _SETTLE_FURTHER.run(connection, {"order": change.order, "now": change.status})
    return NOTHING


def check_order(change: Ordered) -> None:
    """Raises `UsageError` for attributes or a reason that mean nothing."""
    attributes.check_booked(change.attributes)
    if change.action is Action.VOID and change.reason not in (None, *Reason):
        raise UsageError(
            f"codes are not voided for the reason {ids.shown(str(change.reason), name=True)}",
            f"reasons: {', '.join(Reason)}",
        )


def _check_count(change: Ordered, effect: Effect) -> None:
    applied, batch = effect.applied.total(), change.batch
    if change.count is not None and change.count != applied:
        raise Refused(
            f"the order would {change.action} {applied} codes, not {change.count}",
            f"see where they stand: mintmark batch show {batch}",
            count=applied,
        )
    if not applied:
        raise Refused(
            "every code named is void already: there is nothing to do",
            f"see where they stand: mintmark batch show {batch}",
        )
    if change.action is Action.VOID and change.count is None and effect.live:
        raise Refused(
            f"{effect.live} of these codes are active, or frozen while active: they may be in"
            " shoppers' hands",
            f"to void them all the same, say how many codes you mean: --count {applied}",
            count=applied,
        )

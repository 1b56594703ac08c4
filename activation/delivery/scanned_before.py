"""Codes scanned before they were active: what follows when an activation's answer names some.

A label was copied, or goods were sold before they were activated: the two look alike
from here. It is an incident in the audit chain; if the home's `[policy]` demands it, exactly these
codes are frozen. Both are booked in one transaction with the activation's settlement.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from ...codegen.ledger.changes import Change, Incident, IncidentFacts, Ordered
from ...codegen.ledger.records import OrderRow
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.lifecycle import Action, step
from ...codegen.ranges.serials import Ranges
from ...codegen.ranges.tiling import Stuck
from ..client.wire import LISTED

KIND = "scanned-before"  # of incident
REASON = "scanned before it was active"


@dataclass(frozen=True)
class Consequences:
    """What to book beside the settlement, what to remark on it, and the freeze order's id."""

    changes: tuple[Change, ...] = ()
    remark: str | None = None
    freeze: str | None = None


NOTHING = Consequences()


def consequences(
    view: View, row: OrderRow, named: Sequence[int], *, policy: bool, freeze: bool
) -> Consequences:
    """What follows when the backend took `row` and `named` serials as scanned before.

    `policy`: the home wants them frozen; `freeze`: the ledger has not refused that yet. Serials
    that the order did not touch are passed over.
    """
    # Only within the order: nothing else that a backend says may move codes.
    early = among(named, row.touched)
    if not early:
        return NOTHING
    order = _freeze(view, row, early) if policy and freeze else None
    more = "; the backend names 1,000 at most: there may be more" if len(named) >= LISTED else ""
    end = _end(early, order) if policy else ""
    noted = incident(row.batch, row.order, early, end + more)
    remark = f"{serials.count(early):,} of these codes had been scanned before they were active"
    changes: tuple[Change, ...] = (noted, order) if order else (noted,)
    return Consequences(changes, remark + end + more, order.order if order else None)


def incident(batch: str, order: str, early: Ranges, end: str = "") -> Incident:
    """The incident of codes that `order` made active. Serials come last: alarms are cut."""
    named, codes = ",".join(map(str, early)), serials.count(early)
    return Incident(
        KIND,
        f"{codes:,} code{'s' * (codes != 1)} made active by order {order} had been scanned"
        f" before{end}; batch {batch}, serials {named}",
        IncidentFacts(batch=batch, order=order, serials=early, codes=codes),
    )


def among(named: Sequence[int], ranges: Ranges) -> Ranges:
    """`named` serials that lie in `ranges`, as ranges."""
    return serials.intersect(serials.of(named), ranges)


def order_id(activation: str) -> str:
    """The id of the order that freezes what `activation` found: always the same."""
    return f"freeze-{hashlib.sha256(activation.encode()).hexdigest()[:16]}"


def _freeze(view: View, row: OrderRow, early: Ranges) -> Ordered | None:
    """The order for those that can be frozen: another order may have moved some on since."""
    able = []
    for tile in view.select(row.batch, early):
        try:
            step(tile.value, Action.FREEZE)
        except Stuck:
            continue
        able.append(tile.serials)
    if not able:
        return None
    return Ordered(
        order=order_id(row.order),
        batch=row.batch,
        action=Action.FREEZE,
        serials=serials.ordered(able),
        reason=REASON,
        line=row.change.line,
    )


def _end(early: Ranges, order: Ordered | None) -> str:
    if order is None:
        return "; none can be frozen as they stand"
    left = serials.count(early) - serials.count(order.serials)
    rest = f", {left:,} of them cannot be as they stand" if left else ""
    return f"; frozen by order {order.order}{rest}"

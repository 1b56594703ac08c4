"""What has to be right when an order is booked, beyond its states: policy, lost units, validity."""

from collections.abc import Callable

from ...codegen import policy
from ...codegen.errors import NotFound, Refused
from ...codegen.ledger.changes import Ordered
from ...codegen.ledger.view import View
from ...codegen.ranges.lifecycle import passed_over
from ...codegen.station.station import Station
from . import lost, validity


def guard(
    station: Station, change: Ordered, *, allow_past: bool, include_lost: bool
) -> Callable[[View], None]:
    """The guard of a commit of `change`; it runs under the ledger's lock.

    An order that is booked already passes: the same order again changes nothing.
    """
    by_policy = policy.guard(station.config, change)

    def check(view: View) -> None:
        if by_policy is not None:
            by_policy(view)
        if not include_lost:
            lost.check(view, change)
        validity.check(view, change, station.now(), allow_past=allow_past)

    return check


def near(view: View, change: Ordered, tolerance: int) -> int:
    """How many codes the order would change, if that is near what was counted, or `Refused`."""
    try:
        # What moved since it was booked must not make it another order.
        known = view.order(change.order).change
        would = (known.count if isinstance(known, Ordered) else change.count) or 0
    except NotFound:
        would = sum(
            len(tile.serials)
            for tile in view.select(change.batch, change.serials)
            if not (change.skip_void and passed_over(tile.value.state, change.action))
        )
    if abs(would - (change.count or 0)) > tolerance:
        raise Refused(
            f"{would:,} codes would change, not {change.count:,} give or take {tolerance:,}",
            "count the reel again, and scan its first and its last code",
            count=would,
        )
    return would

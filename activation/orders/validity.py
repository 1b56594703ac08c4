"""Whether the codes of an order have a time in which they are valid, by the books and the clock.

`typed_times` refuses an order that contradicts itself. Here are the two questions that the order
alone does not answer: has its end come already, and what did earlier orders say?
"""

from datetime import datetime

from ...codegen import times
from ...codegen.errors import Refused
from ...codegen.ledger.changes import Ordered
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.attributes import VALIDITY, Value, to_json
from ...codegen.ranges.lifecycle import passed_over

BEGINS, ENDS = VALIDITY


def check(view: View, change: Ordered, now: datetime, *, allow_past: bool) -> None:
    """Raises `Refused` if the order's end is past, unless `allow_past`, or no code would be valid.

    The second is judged with what each code carries: an order may set the end alone. An order
    that sets neither end nor beginning passes, and one that is booked already.
    """
    patch = {key: change.attributes.get(key) for key in VALIDITY if key in change.attributes}
    if not any(patch.values()) or view.has_order(change.order):
        return
    end = patch.get(ENDS)
    if end is not None and not allow_past and times.parse(str(end)) <= now:
        raise Refused(
            f"the validity would have ended at {end} already, by this machine's clock",
            "look at the year, and at the clock",
            "if they are meant to be expired: --allow-past; in a file or a message, allow_past",
            clock=times.format_utc(now, "seconds"),
        )
    _check_carried(view, change, patch)


def _check_carried(view: View, change: Ordered, patch: dict[str, Value]) -> None:
    stuck = []
    for tile in view.select(change.batch, serials.ordered(change.serials)):
        if change.skip_void and passed_over(tile.value.state, change.action):
            continue
        after = {**to_json(tile.value.attributes), **patch}
        begins, ends = after.get(BEGINS), after.get(ENDS)
        if begins and ends and times.parse(str(begins)) >= times.parse(str(ends)):
            stuck.append((tile.serials, begins, ends))
    if stuck:
        ranges = serials.join(piece for piece, _, _ in stuck)
        _, begins, ends = stuck[0]
        raise Refused(
            f"serials {serials.describe(ranges)} would never be valid: from {begins}, and until"
            f" {ends}",
            "an earlier order set one of the two; set both: --effective-at T --expires-at T",
            never_valid=serials.to_pairs(ranges[:100]),
        )

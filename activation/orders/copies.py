"""How often codes that are on many items may be scanned: settled when they are first activated.

A code on N labels (`export --copies N`) is genuine N times, and the next scan is a repeat. So an
order that activates it sets `max_scans` to N, unless the order or an earlier one says otherwise.
"""

from dataclasses import replace

from ...codegen.errors import Refused
from ...codegen.ledger.changes import Ordered
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.attributes import to_json
from ...codegen.ranges.lifecycle import Action, passed_over
from ...codegen.ranges.serials import Range

MAX_SCANS = "max_scans"
_SHOWN = 100


def with_max_scans(view: View, change: Ordered) -> Ordered:
    """`change`, with `max_scans` if it activates codes that are on many labels.

    Raises `Refused` if its codes would need several values: an order sets one for all.
    """
    if change.action is not Action.ACTIVATE or MAX_SCANS in change.attributes:
        return change
    unset, values = _values(view, change)
    if not any(copies > 1 for copies in unset):
        return change
    if len(values) > 1:
        shown = sorted(values.items())
        raise Refused(
            "these codes are on different numbers of labels, and an order sets one max_scans: "
            + "; ".join(f"{most:,} for {serials.describe(where, 3)}" for most, where in shown[:3]),
            "activate them package by package: --package P",
            "or say how often each may be scanned: --set max_scans=N, or max_scans=unlimited",
            max_scans=[
                {"max_scans": most, "serials": serials.to_pairs(where[:_SHOWN])}
                for most, where in shown[:_SHOWN]
            ],
        )
    return replace(change, attributes={**change.attributes, MAX_SCANS: max(values)})


def _values(view: View, change: Ordered) -> tuple[set[int], dict[int, list[Range]]]:
    """The values that codes without a max_scans need; and of all codes value → serials."""
    unset: set[int] = set()
    values: dict[int, list[Range]] = {}
    copies: dict[str | None, int] = {None: 1}
    for tile in view.select(change.batch, change.serials):
        standing = tile.value
        if change.skip_void and passed_over(standing.state, change.action):
            continue
        most = to_json(standing.attributes).get(MAX_SCANS)
        if most is None:
            if standing.package not in copies:
                copies[standing.package] = view.package(str(standing.package)).copies
            most = copies[standing.package]
            unset.add(most)
        values.setdefault(int(str(most)), []).append(tile.serials)
    return unset, values

"""Codes of a unit that is marked lost: nothing brings them to life unawares.

Whoever holds a lost reel holds labels that win as soon as they are active. So `activate`,
`unfreeze` and `unvoid` of its codes are refused unless the order says that it means them.
`freeze`, `revoke` and `void` are what to do about a lost reel, and `assign` brings nothing to life.
"""

from collections.abc import Iterator

from ...codegen.errors import Refused
from ...codegen.ledger.changes import Ordered
from ...codegen.ledger.records import UnitRow
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.lifecycle import Action, passed_over
from ...codegen.ranges.serials import Range, Ranges

WAKING = frozenset({Action.ACTIVATE, Action.UNFREEZE, Action.UNVOID})


def check(view: View, change: Ordered) -> None:
    """Raises `Refused`, naming the units, if the order brings codes of lost units to life.

    Void codes that it passes over do not count, and an order that is booked already passes.
    """
    if change.action not in WAKING:
        return
    wanted = serials.ordered(change.serials)
    if not wanted or not view.lost_units(change.batch, wanted):
        return
    touched = serials.join(
        tile.serials
        for tile in view.select(change.batch, wanted)
        if not (change.skip_void and passed_over(tile.value.state, change.action))
    )
    found = view.lost_units(change.batch, touched) if touched else ()
    if not found or view.is_booked(change.order):
        return
    names = ", ".join(f"{unit.unit} ({_within(unit, touched)})" for unit in found[:5])
    more = f" and {len(found) - 5} more units" if len(found) > 5 else ""
    raise Refused(
        f"marked lost: {names}{more}; to {change.action.value} their codes would bring labels to"
        " life that somebody else may hold",
        *_ways_out(change, found[0]),
        "to do it all the same: --include-lost; in a file or a message, include_lost",
        lost=[
            {"unit": unit.unit, "package": unit.package, "serials": [[unit.first, unit.last]]}
            for unit in found[:100]
        ],
    )


def _ways_out(change: Ordered, unit: UnitRow) -> Iterator[str]:
    if change.action is not Action.UNVOID:
        yield (
            f"if it is gone: mintmark void {change.batch} --unit {unit.unit} --reason lost;"
            " orders pass over void codes"
        )
    yield f"if it was found: mintmark package unit {unit.unit} --status received"


def notes(view: View, batch: str, action: Action, applied: Ranges) -> Iterator[str]:
    """A sentence for each lost unit whose codes came to life."""
    if action not in WAKING or not applied:
        return
    for unit in view.lost_units(batch, applied)[:5]:
        yield (
            f"unit {unit.unit} ({_within(unit, applied)}) stays marked lost; if it was found:"
            f" mintmark package unit {unit.unit} --status received"
        )


def _within(unit: UnitRow, ranges: Ranges) -> str:
    return serials.describe(serials.intersect(ranges, (Range(unit.first, unit.last),)), 3)

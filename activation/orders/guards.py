"""What has to be right when an order is booked, beyond its states: policy, lost units, validity."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from ...codegen import policy
from ...codegen.errors import Refused
from ...codegen.ledger.changes import Ordered
from ...codegen.ledger.view import View
from ...codegen.ranges import serials, windows
from ...codegen.ranges.attributes import patch, to_json
from ...codegen.ranges.lifecycle import Standing, passed_over
from ...codegen.ranges.tiling import Tile
from ...codegen.station.station import Station
from . import lost, validity
from .validity import Said


def guard(
    station: Station,
    change: Ordered,
    said: Said,
    *,
    include_lost: bool,
    tell: Callable[[str], None] = lambda _: None,
) -> Callable[[View], None]:
    """The guard of a commit of `change`; it runs under the ledger's lock.

    An order that is booked already passes: the same order again changes nothing. `tell` takes
    sentences on what a new one will do away with.
    """
    by_policy = policy.guard(station.config, change)

    def check(view: View) -> None:
        if by_policy is not None:
            by_policy(view)
        if not include_lost:
            lost.check(view, change)
        validity.check(view, change, station.now(), said)
        if any(map(windows.is_window, change.attributes)) and not view.is_booked(change.order):
            check_room(_changing(view, change), change.attributes)
        for note in _replaced(view, change):
            tell(note)

    return check


def check_room(tiles: Iterable[Tile[Standing]], attributes: Mapping[str, object]) -> None:
    """Raises `Refused`, which says what there would be too many of, if a patch finds no room."""
    for tile in tiles:
        try:
            patch(tile.value.attributes, attributes)
        except Refused as full:
            raise Refused(f"serials {tile.serials}: {full.message}", *full.hints) from None


def _changing(view: View, change: Ordered) -> Iterator[Tile[Standing]]:
    for tile in view.select(change.batch, serials.ordered(change.serials)):
        if not (change.skip_void and passed_over(tile.value.state, change.action)):
            yield tile


def _replaced(view: View, change: Ordered) -> Iterator[str]:
    """A sentence for each window of the order that is to replace one of that name."""
    new = {k: v for k, v in change.attributes.items() if v is not None and windows.is_window(k)}
    if not new or view.is_booked(change.order):
        return
    carried = [(t.serials, to_json(t.value.attributes)) for t in _changing(view, change)]
    for key, value in new.items():
        old = [(at, held[key]) for at, held in carried if held.get(key) not in (None, value)]
        if old:
            where = serials.join(at for at, _ in old)
            yield (
                f"window {windows.name_of(key)} is replaced on {serials.count(where):,} codes"
                f" ({serials.describe(where, 3)}); it was: {windows.describe(key, old[0][1])}"
            )


def near(view: View, change: Ordered, tolerance: int) -> int:
    """How many codes the order would change, if that is near what was counted, or `Refused`."""
    booked = view.find_order(change.order)
    if booked is None:
        would = sum(len(tile.serials) for tile in _changing(view, change))
    else:
        # What moved since it was booked must not make it another order.
        known = booked.change
        would = (known.count if isinstance(known, Ordered) else change.count) or 0
    if abs(would - (change.count or 0)) > tolerance:
        raise Refused(
            f"{would:,} codes would change, not {change.count:,} give or take {tolerance:,}",
            "count the reel again, and scan its first and its last code",
            count=would,
        )
    return would

"""Whether the codes of an order have a time in which they are valid, by the books and the clock.

`typed_times` refuses an order that contradicts itself. Here are the questions that the order alone
does not answer: has its end come already, what did earlier orders say, and does it take goods off
the market that are on sale?
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...codegen import times
from ...codegen.errors import Refused
from ...codegen.ledger.changes import Ordered
from ...codegen.ledger.view import View
from ...codegen.ranges import serials, windows
from ...codegen.ranges.attributes import VALIDITY, to_json
from ...codegen.ranges.lifecycle import Action, Standing, live, passed_over
from ...codegen.ranges.serials import Range
from ...codegen.ranges.tiling import Tile

BEGINS, ENDS = VALIDITY


@dataclass(frozen=True)
class Said:
    """What whoever gives an order has said of it beside its content.

    `counted`: how many codes, or items, it is about. `items`: how many items it would be about,
    if they are not its codes.
    """

    allow_past: bool = False
    counted: bool = False
    items: int | None = None


def check(view: View, change: Ordered, now: datetime, said: Said) -> None:
    """Raises `Refused` if the order is about a time that is none, or takes goods off the market.

    That is: its end, or that of a window, is past, unless `allow_past`; no code would be valid
    with what it carries already; or active codes that are valid now would not be, unless the order
    activates, or is counted. An order that is booked already passes.
    """
    patch = {key: change.attributes.get(key) for key in VALIDITY if key in change.attributes}
    held = [key for key, value in change.attributes.items() if windows.is_window(key) and value]
    if not (any(patch.values()) or held) or view.is_booked(change.order):
        return
    if not said.allow_past:
        _check_ends(change, patch.get(ENDS), held, now)
    if any(patch.values()):
        tiles = [
            tile
            for tile in view.select(change.batch, serials.ordered(change.serials))
            if not (change.skip_void and passed_over(tile.value.state, change.action))
        ]
        _check_carried(tiles, patch)
        if change.action is not Action.ACTIVATE and not said.counted:
            _check_on_sale(tiles, patch, now, said.items)


def _check_ends(change: Ordered, end: object, held: list[str], now: datetime) -> None:
    what, ends = "validity", times.parse(str(end)) if end is not None else None
    for key in held:
        window = windows.read(key, change.attributes[key])
        if window.ends is not None and (ends is None or window.ends < ends):
            what, ends, end = f"window {window.name}", window.ends, window.ends.isoformat()
    if ends is not None and ends <= now:
        raise Refused(
            f"the {what} would have ended at {end} already, by this machine's clock",
            "look at the year, and at the clock",
            "if that is meant: --allow-past; in a file or a message, allow_past",
            clock=times.format_utc(now, "seconds"),
        )


def _after(standing: Standing, patch: Mapping[str, object]) -> dict[str, Any]:
    return {**to_json(standing.attributes), **patch}


def _check_carried(tiles: list[Tile[Standing]], patch: Mapping[str, object]) -> None:
    stuck = []
    for tile in tiles:
        after = _after(tile.value, patch)
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


def _check_on_sale(
    tiles: list[Tile[Standing]], patch: Mapping[str, object], now: datetime, items: int | None
) -> None:
    leaving: list[Range] = [
        tile.serials
        for tile in tiles
        if live(tile.value)
        and is_valid(to_json(tile.value.attributes), now)
        and not is_valid(_after(tile.value, patch), now)
    ]
    if not leaving:
        return
    ranges, of = serials.join(leaving), "codes" if items is None else "items"
    needed = sum(len(tile.serials) for tile in tiles) if items is None else items
    raise Refused(
        f"{serials.count(ranges):,} of these codes are active and valid now, and would not be"
        f" ({serials.describe(ranges, 3)}): whoever scans one would hear that it is not valid yet,"
        " or no longer",
        "attributes for a time leave the validity alone: --during A..B --set key=value",
        f"if these goods are to leave the market, say how many {of} you mean: --count {needed}",
        leaving_validity=serials.to_pairs(ranges[:100]),
        leaving_validity_count=serials.count(ranges),
        count=needed,
    )


def is_valid(attributes: Mapping[str, Any], now: datetime) -> bool:
    """Whether a code with these attributes is valid at `now`."""
    begins, ends = attributes.get(BEGINS), attributes.get(ENDS)
    early = begins is not None and now < times.parse(str(begins))
    return not early and (ends is None or now < times.parse(str(ends)))

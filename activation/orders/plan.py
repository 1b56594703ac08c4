"""What a request for several batches would do: an order per batch, and what speaks against it.

Read in the books as they are; whoever books it reads it again under the ledger's lock.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...codegen.errors import Refused, UsageError
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.aggregation import CodeRanges
from ...codegen.ranges.lifecycle import RULES, Action, Standing, State, live, passed_over, step
from ...codegen.ranges.selection import RANGES_PER_ORDER
from ...codegen.ranges.serials import Range, Ranges
from ...codegen.ranges.tiling import Stuck, Tile
from .guards import check_room
from .named import Named
from .orders import OrderRequest
from .parts import MEMBERS
from .selection import ByConditions

SHOWN = 100  # ranges in the way


@dataclass(frozen=True)
class Member:
    """An order that a group would have: its codes, how many of them change, and their states."""

    codes: CodeRanges
    changing: int
    states: Mapping[State, int]


@dataclass(frozen=True)
class Plan:
    """The orders of a group, in the order in which they go out.

    `items` at the lowest level are those that hold nothing: the bottles. `notes`: what is passed
    over, in sentences.
    """

    members: tuple[Member, ...]
    items: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _OfBatch:
    """What is found of a batch."""

    batch: str
    wanted: Ranges
    changing: Ranges
    unlabelled: Ranges
    states: Mapping[State, Ranges]
    blocked: tuple[Tile[Standing], ...]
    live: int


def plan(view: View, request: OrderRequest, named: Named, *, later: bool = False) -> Plan:
    """What `request` would do to the codes that are `named`; `later`: no state is in the way now.

    Raises `Refused` if a state is in the way, the count is another, or nothing is left to do;
    `UsageError` if it would be too many orders.
    """
    found = [_found(view, request, batch, ranges) for batch, ranges in named.codes.items()]
    if not later:
        _check_states(request, found)
    _check_any(found)
    _check_count(request, named, found)
    members = tuple(member for each in found for member in _members(each))
    if len(members) > MEMBERS:
        raise UsageError(
            f"{len(members):,} orders of {RANGES_PER_ORDER:,} ranges; at once there are at most"
            f" {MEMBERS:,}",
            "name the cartons in it one by one, or fewer batches: batch in A,B",
        )
    changing = {each.batch: each.changing for each in found}
    return Plan(members, named.items(changing), tuple(note for f in found for note in _notes(f)))


def orderable(view: View, batch: str, ranges: Ranges) -> Ranges:
    """The codes of `ranges` that no group passes over: neither void nor without a label."""
    has_sscc = view.batch(batch).sscc_prefix is not None
    return serials.join(
        tile.serials
        for tile in view.select(batch, ranges)
        if tile.value.state is not State.VOID and not (has_sscc and _is_bare(tile.value))
    )


def _is_bare(standing: Standing) -> bool:
    return standing.state is State.SEALED and standing.package is None


def _found(view: View, request: OrderRequest, batch: str, ranges: Ranges) -> _OfBatch:
    # Conditions name what they mean; who names a carton means what has a label.
    by_conditions = isinstance(request.selection, ByConditions)
    has_sscc = not by_conditions and view.batch(batch).sscc_prefix is not None
    bare: list[Range] = []
    changing: list[Range] = []
    states: defaultdict[State, list[Range]] = defaultdict(list)
    blocked: list[Tile[Standing]] = []
    alive = 0
    for tile in view.select(batch, ranges):
        if has_sscc and _is_bare(tile.value):
            bare.append(tile.serials)
        elif request.strict or not passed_over(tile.value.state, request.action):
            changing.append(tile.serials)
            states[tile.value.state].append(tile.serials)
            alive += len(tile.serials) if live(tile.value) else 0
            if not _can(tile.value, request):
                blocked.append(tile)
    wanted = serials.subtract(ranges, bare)
    return _OfBatch(
        batch,
        wanted,
        serials.join(changing),
        serials.join(bare),
        {state: serials.join(pieces) for state, pieces in states.items()},
        tuple(blocked),
        alive,
    )


def _can(standing: Standing, request: OrderRequest) -> bool:
    if request.from_state not in (None, standing.state):
        return False
    try:
        step(standing, request.action, attributes=request.attributes, reason=request.reason)
    except Stuck:
        return False
    return True


def _members(found: _OfBatch) -> Iterator[Member]:
    """The orders of a batch: as many ranges in each as an order takes; none for void codes only."""
    for first in range(0, len(found.wanted), RANGES_PER_ORDER):
        ranges = found.wanted[first : first + RANGES_PER_ORDER]
        changing = serials.count(serials.intersect(ranges, found.changing))
        if changing:
            states = {
                state: serials.count(serials.intersect(ranges, pieces))
                for state, pieces in found.states.items()
            }
            yield Member(CodeRanges(found.batch, ranges), changing, states)


def _check_states(request: OrderRequest, found: list[_OfBatch]) -> None:
    stuck = [each for each in found if each.blocked]
    for each in stuck:
        check_room(each.blocked, request.attributes)
    if stuck:
        told = "; ".join(f"batch {each.batch}: {_in_words(each.blocked)}" for each in stuck[:5])
        raise Refused(
            f"in the way: {told}: {request.action} is not possible there",
            *_ways_out(request),
            f"see where every code stands: mintmark batch show {stuck[0].batch}",
            blocked=[
                {
                    "batch": each.batch,
                    "serials": [tile.serials.pair()],
                    "state": tile.value.state.value,
                }
                for each in stuck
                for tile in each.blocked
            ][:SHOWN],
            blocked_total=sum(len(each.blocked) for each in stuck),
        )


def _check_any(found: list[_OfBatch]) -> None:
    if not any(each.changing for each in found):
        raise Refused(
            "every code named is void already, or was never exported: there is nothing to do",
            f"see where they stand: mintmark batch show {found[0].batch}",
        )


def _ways_out(request: OrderRequest) -> Iterator[str]:
    """How conditions leave out what is in the way."""
    if isinstance(request.selection, ByConditions):
        states = [request.from_state] if request.from_state else RULES[request.action]
        yield f"name the states that are meant, too: --where 'state in {','.join(states)}'"


def _in_words(tiles: tuple[Tile[Standing], ...]) -> str:
    shown = ", ".join(f"{tile.serials} {tile.value.state}" for tile in tiles[:5])
    return shown + (f" and {len(tiles) - 5} more ranges" if len(tiles) > 5 else "")


def _check_count(request: OrderRequest, named: Named, found: list[_OfBatch]) -> None:
    changing: Mapping[str, Ranges] = {each.batch: each.changing for each in found}
    items, codes = named.items(changing), sum(map(serials.count, changing.values()))
    if request.count is None:
        alive = sum(each.live for each in found)
        if request.action is Action.VOID and alive:
            raise Refused(
                f"{alive:,} of these codes are active, or frozen while active: they may be in"
                " shoppers' hands",
                f"to void them all the same, say how many items you mean: --count {items}",
                count=items,
                codes=codes,
            )
        return
    tolerance = request.tolerance or 0
    if abs(items - request.count) > tolerance:
        give = f" give or take {tolerance:,}" if tolerance else ""
        raise Refused(
            f"the order would {request.action} {items:,} items ({codes:,} codes in all), not"
            f" {request.count:,}{give}",
            _how_to_count(request),
            count=items,
            codes=codes,
        )
    half = _half(named, found)
    if half:
        raise Refused(
            f"of {half:,} of the {items:,} items only some of their codes would {request.action}",
            "see which are void: mintmark batch show; without --count they are passed over",
            count=items,
            codes=codes,
        )


def _how_to_count(request: OrderRequest) -> str:
    if isinstance(request.selection, ByConditions) and not request.both:
        return "look at them first: mintmark find --where CONDITION"
    return "count the items at the lowest level, such as bottles; cartons are not counted"


def _half(named: Named, found: list[_OfBatch]) -> int:
    """Of how many items some codes change, and others that are named do not."""
    wanted = {each.batch: each.wanted for each in found}
    changing = {each.batch: each.changing for each in found}
    left = {batch: serials.subtract(wanted[batch], changing[batch]) for batch in wanted}
    return named.items(changing) + named.items(left) - named.items(wanted)


def _notes(found: _OfBatch) -> Iterator[str]:
    if found.unlabelled:
        yield (
            f"batch {found.batch}, {serials.describe(found.unlabelled, 3)}: passed over, for these"
            " codes were never exported; their labels bear an SSCC only"
        )
    if found.wanted and not found.changing:
        yield f"batch {found.batch}, {serials.describe(found.wanted, 3)}: void, and passed over"

"""Reconciliation: the ledger and the scan backend, compared range by range. Pure.

Tiles of the ledger and ranges of the backend go in, differences come out, and for each
difference the next order that brings the backend nearer to the ledger. The ledger is
right: it is signed, and the backend is what missed something. An order is a step; if two
are needed (void → inactive → active), compare again after the first.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import chain

from ...codegen.ranges import windows
from ...codegen.ranges.attributes import Value, to_json
from ...codegen.ranges.lifecycle import Action, ApiState, Standing, State, to_api_state
from ...codegen.ranges.serials import Range, Ranges, count
from ...codegen.ranges.tiling import Tile
from ..client.wire import RangeState
from ..delivery.api_objects import is_same

INACTIVE, ACTIVE, FROZEN, VOID = ApiState.INACTIVE, ApiState.ACTIVE, ApiState.FROZEN, ApiState.VOID

Digest = Callable[[Ranges], str]


class DifferenceKind(StrEnum):
    """What differs."""

    STATE = "state"
    ATTRIBUTES = "attributes"
    FINGERPRINTS = "fingerprints"


@dataclass(frozen=True)
class Difference:
    """Serials that differ at the backend. The texts are for people."""

    serials: Range
    kind: DifferenceKind
    ours: str
    theirs: str


@dataclass(frozen=True)
class Step:
    """An order that would bring some ranges nearer to the ledger.

    It holds only while the backend's codes are still in `from_state`, and are `count`.
    """

    action: Action
    serials: Ranges
    from_state: ApiState
    attributes: Mapping[str, Value] = field(default_factory=dict)
    reason: str | None = None

    @property
    def count(self) -> int:
        """How many codes it touches: all it names."""
        return sum(map(len, self.serials))


@dataclass(frozen=True)
class Pair:
    """Serials of one state and one set of attributes here, and of one there."""

    serials: Range
    ours: Standing
    theirs: RangeState


# State at the backend → state wanted → next action. The result of freezing or unfreezing
# depends on what the backend remembers; the next comparison sees it.
NEXT: Mapping[tuple[ApiState, ApiState], Action] = {
    (INACTIVE, ACTIVE): Action.ACTIVATE,
    (INACTIVE, FROZEN): Action.FREEZE,
    (INACTIVE, VOID): Action.VOID,
    (ACTIVE, INACTIVE): Action.REVOKE,
    (ACTIVE, FROZEN): Action.FREEZE,
    (ACTIVE, VOID): Action.VOID,
    (FROZEN, INACTIVE): Action.UNFREEZE,
    (FROZEN, ACTIVE): Action.UNFREEZE,
    (FROZEN, VOID): Action.VOID,
    (VOID, INACTIVE): Action.UNVOID,
    (VOID, ACTIVE): Action.UNVOID,
    (VOID, FROZEN): Action.UNVOID,
}


def pairs(ours: Iterable[Tile[Standing]], theirs: Iterable[RangeState]) -> Iterator[Pair]:
    """Both sides cut at each other's edges, ascending.

    Both tile 1..N. Raises `ValueError` if a side has a gap, or ends before the other.
    """
    mine = iter(ours)
    tile = next(mine, None)
    expected = 1
    for their in theirs:
        if their.first != expected:
            raise ValueError(f"the backend's ranges have a gap at serial {expected}")
        while expected <= their.last:
            while tile is not None and tile.serials.last < expected:
                tile = next(mine, None)
            if tile is None or tile.serials.first > expected:
                raise ValueError(f"the ledger's ranges have a gap at serial {expected}")
            last = min(tile.serials.last, their.last)
            yield Pair(Range(expected, last), tile.value, their)
            expected = last + 1
    if tile is not None and (tile.serials.last >= expected or next(mine, None) is not None):
        raise ValueError(f"the backend's ranges end before serial {expected}")


def standing_differences(pair: Pair) -> Iterator[Difference]:
    """What differs in state and attributes."""
    ours, theirs = to_api_state(pair.ours.state), pair.theirs.state
    if ours is not theirs:
        yield Difference(pair.serials, DifferenceKind.STATE, ours.value, theirs.value)
    patch = attribute_patch(pair)
    if patch:
        mine = to_json(pair.ours.attributes)
        here = ", ".join(_text(key, mine.get(key)) for key in patch)
        there = ", ".join(_text(key, pair.theirs.attributes.get(key)) for key in patch)
        yield Difference(pair.serials, DifferenceKind.ATTRIBUTES, here, there)


def _text(key: str, value: Value) -> str:
    return f"no {key}" if value is None else f"{key}={windows.describe(key, value)}"


def attribute_patch(pair: Pair) -> dict[str, Value]:
    """What has to be set or removed at the backend."""
    mine, theirs = to_json(pair.ours.attributes), pair.theirs.attributes
    keys = sorted(mine.keys() | theirs.keys())
    return {key: mine.get(key) for key in keys if not is_same(key, mine.get(key), theirs.get(key))}


def fingerprint_differences(
    their: RangeState, digest: Digest, sent: Ranges = ()
) -> list[Difference]:
    """What is wrong with the fingerprints of a range of the backend.

    `digest(ranges)` is ours; `sent` are the serials of the range whose fingerprints it must
    hold. No order corrects this: the backend's store is wrong. If it holds more than these, and
    not all of the range, its digest says nothing, and is passed over.
    """
    whole, held = Range(their.first, their.last), their.held or 0
    size, least = len(whole), count(sent)

    def difference(ours: str, theirs: str, *where: Range) -> list[Difference]:
        named = where or (whole,)
        return [Difference(part, DifferenceKind.FINGERPRINTS, ours, theirs) for part in named]

    if their.state is ACTIVE and held < size:
        return difference(f"{size} sent", f"{held} held")
    if held > size:
        return difference(f"{size} codes", f"{held} held")
    if held < least:
        return difference(f"{least} sent", f"{held} held", *(() if held else sent))
    comparable = (whole,) if held == size else sent if held == least else ()
    if comparable and their.digest != digest(comparable):
        return difference("as minted", "others", *comparable)
    return []


def unverified(their: RangeState, sent: Ranges = ()) -> int:
    """How many fingerprints cannot be compared, as nobody knows whose they are."""
    held = their.held or 0
    return held if held < their.last - their.first + 1 and held != count(sent) else 0


def step(pair: Pair) -> Step | None:
    """The next order for a pair; None if its sides agree."""
    ours, theirs = to_api_state(pair.ours.state), pair.theirs.state
    patch = attribute_patch(pair)
    action = NEXT.get((theirs, ours))
    if (theirs, ours) == (ACTIVE, FROZEN) and pair.ours.back is not State.ACTIVE:
        # Frozen as it is, it would be active again when it is unfrozen. The other way round
        # codes are not made active, even for a moment, that the ledger has frozen.
        action = Action.REVOKE
    if action is None:
        if not patch:
            return None
        # A void code takes no attributes: it is brought back, and voided again.
        action = Action.UNVOID if theirs is VOID else Action.ASSIGN
    reason = (pair.ours.reason or "other") if action is Action.VOID else None
    return Step(action, (pair.serials,), theirs, patch, reason)


def steps(found: Iterable[Pair], ranges: int) -> list[Step]:
    """The next orders for all of `found`, joined where alike, at most `ranges` in each."""
    groups: dict[object, list[tuple[Step, list[Range]]]] = {}
    for next_step in filter(None, map(step, found)):
        patch = json.dumps(next_step.attributes, sort_keys=True)
        alike = (next_step.action, next_step.from_state, next_step.reason, patch)
        orders = groups.setdefault(alike, [])
        serials = next_step.serials[0]
        last = orders[-1][1] if orders else []
        if last and last[-1].last + 1 == serials.first:
            last[-1] = Range(last[-1].first, serials.last)
        elif last and len(last) < ranges:
            last.append(serials)
        else:
            orders.append((next_step, [serials]))
    return [
        replace(first, serials=tuple(parts))
        for first, parts in chain.from_iterable(groups.values())
    ]

"""Reconciliation: the ledger and the scan backend, compared range by range. Pure.

Tiles of the ledger and ranges of the backend go in, differences come out, and for each
difference the next order that brings the backend nearer to the ledger. The ledger is
right: it is signed, and the backend is what missed something. An order is a step; where
two are needed (void → inactive → active), compare again after the first.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain

from ...codegen import times
from ...codegen.ranges.attributes import VALIDITY, Value, to_json
from ...codegen.ranges.lifecycle import Action, ApiState, Standing, State, to_api_state
from ...codegen.ranges.serials import Range, Ranges
from ...codegen.ranges.tiling import Tile
from ..client.wire import RangeState

INACTIVE, ACTIVE, FROZEN, VOID = ApiState.INACTIVE, ApiState.ACTIVE, ApiState.FROZEN, ApiState.VOID

Digest = Callable[[Range], str]


class DifferenceKind(StrEnum):
    """What differs."""

    STATE = "state"
    ATTRIBUTES = "attributes"
    FINGERPRINTS = "fingerprints"


@dataclass(frozen=True)
class Difference:
    """Serials that stand otherwise at the backend. The texts are for people."""

    serials: Range
    kind: DifferenceKind
    ours: str
    theirs: str


@dataclass(frozen=True)
class Step:
    """An order that would bring some ranges nearer to the ledger.

    It holds only where the backend's codes are still in `from_state`, and are `count`.
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
    """Serials that stand alike here, and alike there."""

    serials: Range
    ours: Standing
    theirs: RangeState


# State at the backend → state wanted → next action. Where freezing or unfreezing leads
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

    Both tile 1..N. Raises `ValueError` where one has a gap, or ends before the other.
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
        told = ", ".join(_said(key, mine.get(key)) for key in patch)
        heard = ", ".join(_said(key, pair.theirs.attributes.get(key)) for key in patch)
        yield Difference(pair.serials, DifferenceKind.ATTRIBUTES, told, heard)


def _said(key: str, value: Value) -> str:
    return f"no {key}" if value is None else f"{key}={value}"


def attribute_patch(pair: Pair) -> dict[str, Value]:
    """What has to be set or removed at the backend."""
    mine, theirs = to_json(pair.ours.attributes), pair.theirs.attributes
    keys = sorted(mine.keys() | theirs.keys())
    return {key: mine.get(key) for key in keys if not _same(key, mine.get(key), theirs.get(key))}


def _same(key: str, ours: Value, theirs: Value) -> bool:
    if ours == theirs or key not in VALIDITY:
        return ours == theirs
    try:
        # A backend may write a moment in another zone.
        return times.parse(str(ours)) == times.parse(str(theirs))
    except ValueError:
        return False


def fingerprint_differences(their: RangeState, digest: Digest) -> list[Difference]:
    """What is wrong with the fingerprints of one of the backend's ranges.

    `digest(range)` is ours. No order heals this: it is the backend's store that is wrong.
    Where it holds some of a range and not all, their digest says nothing and is passed over.
    """
    where = Range(their.first, their.last)
    held = their.held or 0
    if their.state is ACTIVE and held < len(where):
        return [
            Difference(where, DifferenceKind.FINGERPRINTS, f"{len(where)} sent", f"{held} held")
        ]
    if held > len(where):
        return [
            Difference(where, DifferenceKind.FINGERPRINTS, f"{len(where)} codes", f"{held} held")
        ]
    if held == len(where) and their.digest != digest(where):
        return [Difference(where, DifferenceKind.FINGERPRINTS, "as minted", "others")]
    return []


def unverified(their: RangeState) -> int:
    """How many fingerprints of a range cannot be compared, since it holds others not."""
    held = their.held or 0
    return held if held < their.last - their.first + 1 else 0


def step(pair: Pair) -> Step | None:
    """The next order for one pair; None where they agree."""
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
    """The next orders for all of `found`, alike ones together, at most `ranges` in each."""
    groups: dict[object, list[tuple[Step, list[Range]]]] = {}
    for one in filter(None, map(step, found)):
        key = (
            one.action,
            one.from_state,
            one.reason,
            tuple(sorted(one.attributes.items(), key=str)),
        )
        parts = groups.setdefault(key, [])
        where = one.serials[0]
        if parts and parts[-1][1][-1].last + 1 == where.first:
            parts[-1][1][-1] = Range(parts[-1][1][-1].first, where.last)
        elif parts and len(parts[-1][1]) < ranges:
            parts[-1][1].append(where)
        else:
            parts.append((one, [where]))
    return [
        Step(one.action, tuple(where), one.from_state, one.attributes, one.reason)
        for one, where in chain.from_iterable(groups.values())
    ]

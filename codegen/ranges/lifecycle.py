"""What may happen to a code: five states, seven actions, one table.

Pure. The reference backend shares it: it starts every registered code at `PACKAGED`,
which a backend calls `inactive`, and never sees `SEALED`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from ..errors import Refused
from .attributes import Attributes, patch
from .tiling import Stuck


class State(StrEnum):
    """Where a code stands in the ledger."""

    SEALED = "sealed"
    PACKAGED = "packaged"
    ACTIVE = "active"
    FROZEN = "frozen"
    VOID = "void"


class ApiState(StrEnum):
    """What a scan backend may know of it."""

    INACTIVE = "inactive"
    ACTIVE = "active"
    FROZEN = "frozen"
    VOID = "void"


class Action(StrEnum):
    """What an order does to a range."""

    ACTIVATE = "activate"
    FREEZE = "freeze"
    UNFREEZE = "unfreeze"
    REVOKE = "revoke"
    VOID = "void"
    UNVOID = "unvoid"
    ASSIGN = "assign"


class Reason(StrEnum):
    """Why codes were voided (OPEN-SCS tells scrapped labels from sampled ones)."""

    MISPRINT = "misprint"
    OVERPRINT = "overprint"
    DAMAGED = "damaged"
    LOST = "lost"
    STOLEN = "stolen"
    SAMPLE = "sample"
    UNUSED = "unused"
    EXPIRED = "expired"
    RECALLED = "recalled"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything the books say of one code, apart from its serial.

    `package` is the package that holds it; with state `SEALED` it is reserved for an
    export under way. `back` is the state that unfreeze or unvoid returns to. `reason`
    is why it was voided.
    """

    state: State
    package: str | None = None
    back: State | None = None
    attributes: Attributes = ()
    reason: str | None = None


_SEALED, _PACKAGED, _ACTIVE = State.SEALED, State.PACKAGED, State.ACTIVE
_FROZEN, _VOID = State.FROZEN, State.VOID

# action → state now → (next state, state that undoing returns to). None as the next
# state: the one kept in `back`; ASSIGN leaves `back` alone. A voided code never comes
# back active: whoever brings it back says so again with an activation, because that is
# what costs money.
RULES: Mapping[Action, Mapping[State, tuple[State | None, State | None]]] = MappingProxyType(
    {
        Action.ACTIVATE: {_PACKAGED: (_ACTIVE, None)},
        Action.FREEZE: {_PACKAGED: (_FROZEN, _PACKAGED), _ACTIVE: (_FROZEN, _ACTIVE)},
        Action.UNFREEZE: {_FROZEN: (None, None)},
        Action.REVOKE: {_ACTIVE: (_PACKAGED, None)},
        Action.VOID: {
            _SEALED: (_VOID, _SEALED),
            _PACKAGED: (_VOID, _PACKAGED),
            _ACTIVE: (_VOID, _PACKAGED),
            _FROZEN: (_VOID, _PACKAGED),
        },
        Action.UNVOID: {_VOID: (None, None)},
        Action.ASSIGN: {
            _SEALED: (_SEALED, None),
            _PACKAGED: (_PACKAGED, None),
            _ACTIVE: (_ACTIVE, None),
            _FROZEN: (_FROZEN, None),
        },
    }
)


def step(
    standing: Standing,
    action: Action,
    *,
    attributes: Mapping[str, object] = MappingProxyType({}),
    reason: str | None = None,
) -> Standing:
    """`standing` after `action`, with `attributes` patched in key by key (null deletes).

    Raises `tiling.Stuck` where the table has no such step, for codes reserved by an
    export under way, and where the patch would leave too many attributes.
    """
    rule = RULES[action].get(standing.state)
    reserved = standing.state is _SEALED and standing.package is not None
    if rule is None or reserved:
        raise Stuck
    try:
        patched = patch(standing.attributes, attributes)
    except Refused:
        raise Stuck from None
    if action is Action.ASSIGN:
        return replace(standing, attributes=patched)
    state, back = rule
    return Standing(
        state=state or standing.back or _PACKAGED,
        package=standing.package,
        back=back,
        attributes=patched,
        reason=reason if action is Action.VOID else None,
    )


def passed_over(state: State, action: Action) -> bool:
    """Whether an order that skips void codes leaves one in `state` alone.

    Unvoid is the one action that wants them.
    """
    return state is _VOID and action is not Action.UNVOID


def live(standing: Standing) -> bool:
    """Whether the code may be in a shopper's hands: active, or active until it was frozen.

    Such codes are voided only by an order that says how many it means.
    """
    return standing.state is _ACTIVE or (standing.state is _FROZEN and standing.back is _ACTIVE)


def to_api_state(state: State) -> ApiState:
    """A ledger state as the activation API words it."""
    if state in (_SEALED, _PACKAGED):
        return ApiState.INACTIVE
    return ApiState(state.value)

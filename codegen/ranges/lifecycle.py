"""What may happen to a code: five states, seven actions, one table.

The rules:

1. A minted code is sealed. An export reserves it (sealed, with a package), then makes it
   packaged, or releases it. The ledger does that; no order does.
2. A reserved code takes no order: the export is writing it into an archive.
3. Only a packaged code is activated. Revoke leads back from active to packaged.
4. A packaged or active code is frozen; unfreeze leads back to the state before.
5. A code in any state but void is voided. Unvoid leads back to sealed or to packaged, and
   never to active or frozen: whoever brings a code back activates it again, because that is
   the step which costs money.
6. Assign changes attributes alone, in any state but void. Every other order may change
   attributes too.
7. Attributes and package outlive every step. A reason stays as long as the code is void.

Pure. The reference backend shares it: it starts every registered code at `PACKAGED`,
which a backend calls `inactive`, and never sees `SEALED`. Which codes an order skips, and how
many it must name, is decided by whoever books orders.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from ..errors import Refused
from .attributes import Attributes, patch
from .tiling import Stuck


class State(StrEnum):
    """The state of a code in the ledger."""

    SEALED = "sealed"
    PACKAGED = "packaged"
    ACTIVE = "active"
    FROZEN = "frozen"
    VOID = "void"


class ApiState(StrEnum):
    """The state of a code as a scan backend may know it."""

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
    """All that the books record of a code, apart from its serial.

    `package`: the package that holds the code; with state `SEALED`, the export that reserved
    it. `back`: the state that unfreeze or unvoid returns to. `reason`: why it was voided.
    """

    state: State
    package: str | None = None
    back: State | None = None
    attributes: Attributes = ()
    reason: str | None = None


_SEALED, _PACKAGED, _ACTIVE = State.SEALED, State.PACKAGED, State.ACTIVE
_FROZEN, _VOID = State.FROZEN, State.VOID

# action → state now → (next state, state that undoing returns to). A next state of None is
# the state kept in `back`. ASSIGN leaves `back` alone.
RULES: Mapping[Action, Mapping[State, tuple[State | None, State | None]]] = MappingProxyType(
    {
        Action.ACTIVATE: {_PACKAGED: (_ACTIVE, None)},  # rule 3
        Action.FREEZE: {_PACKAGED: (_FROZEN, _PACKAGED), _ACTIVE: (_FROZEN, _ACTIVE)},  # rule 4
        Action.UNFREEZE: {_FROZEN: (None, None)},  # rule 4
        Action.REVOKE: {_ACTIVE: (_PACKAGED, None)},  # rule 3
        Action.VOID: {  # rule 5
            _SEALED: (_VOID, _SEALED),
            _PACKAGED: (_VOID, _PACKAGED),
            _ACTIVE: (_VOID, _PACKAGED),
            _FROZEN: (_VOID, _PACKAGED),
        },
        Action.UNVOID: {_VOID: (None, None)},  # rule 5
        Action.ASSIGN: {  # rule 6
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

    Raises `tiling.Stuck` if the table has no such step, for a reserved code, and if the patch
    would leave too many attributes.
    """
    rule = RULES[action].get(standing.state)
    reserved = standing.state is _SEALED and standing.package is not None
    if rule is None or reserved:  # rule 2
        raise Stuck
    try:
        patched = patch(standing.attributes, attributes)
    except Refused:
        raise Stuck from None
    if action is Action.ASSIGN:  # rule 6
        return replace(standing, attributes=patched)
    state, back = rule
    return Standing(
        # The last alternative is not reached: every way into FROZEN and VOID sets `back`.
        state=state or standing.back or _PACKAGED,
        package=standing.package,  # rule 7
        back=back,
        attributes=patched,
        reason=reason if action is Action.VOID else None,
    )


def passed_over(state: State, action: Action) -> bool:
    """Whether an order that skips void codes leaves a code in `state` alone.

    Unvoid is the only action meant for void codes, so it skips none.
    """
    return state is _VOID and action is not Action.UNVOID


def live(standing: Standing) -> bool:
    """Whether the code may be in a shopper's hands: active, or active until it was frozen.

    Such codes are voided only by an order that states how many codes it is about.
    """
    return standing.state is _ACTIVE or (standing.state is _FROZEN and standing.back is _ACTIVE)


def to_api_state(state: State) -> ApiState:
    """The state that the activation API shows for a state of the ledger."""
    if state in (_SEALED, _PACKAGED):
        return ApiState.INACTIVE
    return ApiState(state.value)

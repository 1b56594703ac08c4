"""Clauses on states: every action on every state, as the document's table has it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ..clause import Clauses
from ..outcome import expect
from ..trial import Serials, Trial

STATES = Clauses("states", "States")

# Written down from the document, cell by cell: state → action → state afterwards. Every other
# action is refused.
TABLE: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "inactive": {
            "activate": "active",
            "freeze": "frozen",
            "void": "void",
            "assign": "inactive",
        },
        "active": {
            "revoke": "inactive",
            "freeze": "frozen",
            "void": "void",
            "assign": "active",
        },
        "frozen": {"unfreeze": "inactive", "void": "void", "assign": "frozen"},
        "frozen while active": {
            "unfreeze": "active",
            "void": "void",
            "assign": "frozen",
        },
        "void": {"unvoid": "inactive"},
    }
)
# What some actions need besides the serials.
MORE: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {"assign": {"attributes": {"lot": "L1"}}, "void": {"reason": "other", "count": 2}}
)
ACTIONS = ("activate", "revoke", "freeze", "unfreeze", "void", "unvoid", "assign")


def _brought(t: Trial, state: str, size: int = 2) -> Serials:
    serials = t.uploaded(size)
    if state in ("active", "frozen while active"):
        t.done("activate", serials)
    if state.startswith("frozen"):
        t.done("freeze", serials)
    if state == "void":
        t.done("void", serials, reason="other")
    return serials


def _cell(state: str) -> Callable[[Trial], None]:
    def attempt(t: Trial) -> None:
        first, _ = _brought(t, state, 2 * len(ACTIONS))
        for number, action in enumerate(ACTIONS):
            serials = (first + 2 * number, first + 2 * number + 1)
            more = MORE.get(action, {})
            after = TABLE[state].get(action)
            if after is None:
                t.refused(t.order(action, serials, **more), "blocked")
                after = state.partition(" ")[0]
            else:
                t.done(action, serials, **more)
            expect(t.states(serials), [after] * 2, f"{action} of {state}: states afterwards")

    return attempt


for _state in TABLE:
    _name = _state.replace(" ", "-")
    STATES.clause(_name, f"every action on codes that are {_state}, as the table says")(
        _cell(_state)
    )


@STATES.clause("unvoid", "unvoid leads to inactive, wherever the code was before it was void")
def _unvoid(t: Trial) -> None:
    for state in TABLE:
        serials = _brought(t, state)
        if state != "void":
            t.done("void", serials, reason="lost", count=2)
        t.done("unvoid", serials)
        expect(t.states(serials), ["inactive"] * 2, f"states after void and unvoid of {state}")
        t.refused(t.order("unfreeze", serials), "blocked")

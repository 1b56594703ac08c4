"""The commands of range orders: `activate` … `assign`. Words become a request.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...codegen.invocation import Invocation
from ...codegen.ranges.lifecycle import Action
from ..orders.commands import RangeOptions

if TYPE_CHECKING:
    from ...codegen.result import Result


def _range_order(action: Action, summary: str, *examples: str) -> Callable[..., "Result"]:
    """The command for `action`: the seven differ in their rules, not in their options."""

    def command(invocation: Invocation, **typed: Any) -> "Result":  # noqa: ANN401 - see RangeOptions
        return _ordered(invocation, action, RangeOptions(**typed))

    own = inspect.signature(RangeOptions).parameters.values()
    taken = next(iter(inspect.signature(command).parameters.values()))
    command.__signature__ = inspect.Signature([taken, *own])  # type: ignore[attr-defined]
    shown = "".join(f"  mintmark {action.value} {example}\n" for example in examples)
    command.__doc__ = f"{summary}\n\n\b\nExample:\n{shown}"
    return command


def _ordered(invocation: Invocation, action: Action, options: RangeOptions) -> "Result":
    from ...codegen import stdin
    from ...codegen.away import OutOfReach
    from ..orders.options import order_request
    from .order_and_deliver import book_and_deliver

    station = invocation.station()
    try:
        request = order_request(station, action, options, stdin.opened)
    except OutOfReach as away:
        from ..away.written import no_codes

        raise no_codes(away) from None
    return book_and_deliver(station, request, invocation.progress, invocation.notify)


_ASSIGN = """Give attributes to codes in any state.

With --where the codes are those that carry an attribute, in one batch or in all; they
are shown, and assigned to only with --yes."""

RANGE_ORDERS = tuple(
    (action.value, _range_order(action, *words))
    for action, words in {
        Action.ACTIVATE: (
            "Bring printed codes to life.",
            "K7QM-3T9A2BCD --serials 1-10000 --set lot=L42",
        ),
        Action.FREEZE: ("Stop codes for a while.", "K7QM-3T9A2BCD --serials 1-10000"),
        Action.UNFREEZE: ("Let frozen codes go on as before.", "K7QM-3T9A2BCD --serials 1-10000"),
        Action.REVOKE: ("Take an activation back.", "K7QM-3T9A2BCD --serials 1-10000"),
        Action.VOID: (
            "End codes that will never be used.\n\nActive ones only with --count.",
            "K7QM-3T9A2BCD --serials 501-520 --reason misprint",
        ),
        Action.UNVOID: (
            "Correct a void by mistake; the codes come back inactive.",
            "K7QM-3T9A2BCD --serials 501-520",
        ),
        Action.ASSIGN: (
            _ASSIGN,
            "K7QM-3T9A2BCD --serials all --set region=Hunan",
            "--where region=Hunan --set dealer=D7 --yes",
        ),
    }.items()
)

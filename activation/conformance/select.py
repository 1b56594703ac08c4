"""The clauses that somebody asks for, by name."""

import difflib
from collections.abc import Sequence
from dataclasses import replace

from ...codegen import ids
from ...codegen.errors import UsageError
from .clause import Clause, Clauses
from .clauses import again
from .depth import Depth
from .kit import AREAS, FIRST

# Of a check that asks an earlier one again: these alone are tried.
AGAIN: tuple[Clauses, ...] = (again.AGAIN, again.SIGNED)
CLOSE = 3


def clauses(only: Sequence[str] = ()) -> list[Clause]:
    """The clauses of these areas, or of these names, with those that must go first; or all.

    One that is asked for by its name is tried however quick the check is. Raises
    `UsageError` for a name of nothing, with those that are close.
    """
    found = [clause for area in AREAS for clause in area]
    for name in only:
        if not any(_is_called(clause, name) for clause in found):
            raise _unknown(name, found)
    if not only:
        return found
    return [
        replace(clause, depth=Depth.QUICK) if clause.name in only else clause
        for clause in found
        if clause.name in FIRST or any(_is_called(clause, name) for name in only)
    ]


def clauses_again() -> list[Clause]:
    """The clauses that ask an earlier check again."""
    return [clause for area in AGAIN for clause in area]


def _is_called(clause: Clause, name: str) -> bool:
    return name in (clause.name, clause.name.partition(".")[0])


def _unknown(name: str, found: Sequence[Clause]) -> UsageError:
    names = [clause.name for clause in found]
    areas = list(dict.fromkeys(name.partition(".")[0] for name in names))
    close = difflib.get_close_matches(name, [*areas, *names], CLOSE, 0.5)
    return UsageError(
        f"there is no clause or area {ids.shown(name, name=True)}",
        f"did you mean {' or '.join(close)}?" if close else f"the areas: {', '.join(areas)}",
    )

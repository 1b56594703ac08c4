"""A clause of the contract: what must hold, the section that says so, and how it is tried."""

from collections.abc import Callable
from dataclasses import dataclass

from .depth import Depth
from .trial import Trial

Attempt = Callable[[Trial], None]


@dataclass(frozen=True)
class Clause:
    """`name` is stable: area, dot, what. `section` is a heading of `document`, a file in docs.

    `depth`: the least deep check that tries it.
    """

    name: str
    text: str
    document: str
    section: str
    depth: Depth
    attempt: Attempt


class Clauses(list[Clause]):
    """The clauses of one area, in the order they are tried."""

    def __init__(self, area: str, section: str, document: str = "activation-api.md") -> None:
        super().__init__()
        self.area, self._section, self._document = area, section, document

    def clause(
        self,
        name: str,
        text: str,
        *,
        section: str | None = None,
        depth: Depth = Depth.QUICK,
    ) -> Callable[[Attempt], Attempt]:
        """Make the decorated function the attempt at a clause."""

        def add(attempt: Attempt) -> Attempt:
            place = section or self._section
            name_ = f"{self.area}.{name}"
            self.append(Clause(name_, text, self._document, place, depth, attempt))
            return attempt

        return add

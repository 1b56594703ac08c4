"""A clause of the contract: what must hold, the section that says so, and how it is tried."""

from collections.abc import Callable
from dataclasses import dataclass

from .trial import Trial


@dataclass(frozen=True)
class Clause:
    """`name` is stable: area, dot, what. `section` is a heading of docs/activation-api.md."""

    name: str
    text: str
    section: str
    attempt: Callable[[Trial], None]


class Clauses(list[Clause]):
    """The clauses of one area, in the order they are tried."""

    def __init__(self, area: str, section: str) -> None:
        super().__init__()
        self._area, self._section = area, section

    def clause(
        self, name: str, text: str
    ) -> Callable[[Callable[[Trial], None]], Callable[[Trial], None]]:
        """Make the decorated function the attempt at a clause."""

        def add(attempt: Callable[[Trial], None]) -> Callable[[Trial], None]:
            self.append(Clause(f"{self._area}.{name}", text, self._section, attempt))
            return attempt

        return add

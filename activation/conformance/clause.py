"""A clause of the contract: what must hold, where it is written, and how it is tried."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .trial import Trial


class Broken(Exception):
    """The clause does not hold: what was expected, and what came. Never a code."""

    def __init__(self, expected: str, found: object) -> None:
        super().__init__(expected)
        self.expected, self.found = expected, str(found)[:300]


class NotOffered(Exception):
    """The backend leaves this part out, and may."""


@dataclass(frozen=True)
class Clause:
    """`name` is stable: area, dot, what. `section` is a heading of docs/activation-api.md."""

    name: str
    says: str
    section: str
    attempt: Callable[["Trial"], None]


class Clauses(list[Clause]):
    """The clauses of one area, in the order they are tried."""

    def __init__(self, area: str, section: str) -> None:
        super().__init__()
        self._area, self._section = area, section

    def clause(
        self, name: str, says: str
    ) -> Callable[[Callable[["Trial"], None]], Callable[["Trial"], None]]:
        """Make the decorated function the attempt at a clause."""

        def add(attempt: Callable[["Trial"], None]) -> Callable[["Trial"], None]:
            self.append(Clause(f"{self._area}.{name}", says, self._section, attempt))
            return attempt

        return add


def expect(found: object, expected: object, what: str) -> None:
    """Raises `Broken` where `found` is not `expected`."""
    if found != expected:
        raise Broken(f"{what}: {expected}", found)

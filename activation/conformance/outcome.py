"""How an attempt at a clause ends, when it does not simply hold."""

from typing import Final

# What reading an answer may raise that has any form but the document's.
MALFORMED: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
# After so many questions in a row without an answer, each of which may have waited for long,
# nothing more is asked.
SILENT: Final = 3


class Broken(Exception):
    """The clause does not hold: what was expected and what was found, never a code.

    `steps`: the calls that lead there, one line each, for a clause that made them up.
    """

    def __init__(self, expected: str, found: object, steps: tuple[str, ...] = ()) -> None:
        super().__init__(expected)
        self.expected, self.found, self.steps = expected, str(found)[:300], steps


class NotOffered(Exception):
    """The backend leaves out this part, as it may; or it cannot be tried, and the text says why."""


def expect_same(found: object, expected: object, what: str) -> None:
    """As `expect`, of two JSON values; of two objects it names the first member that differs."""
    if found == expected:
        return
    if not isinstance(found, dict) or not isinstance(expected, dict):
        raise Broken(f"{what}: {expected!a}", ascii(found))
    names = sorted(found.keys() | expected.keys())
    name = next(n for n in names if found.get(n, ...) != expected.get(n, ...))
    raise Broken(f"{what}; {name}: {expected.get(name)!a}", f"{name}: {found.get(name)!a}")


def expect(found: object, expected: object, what: str) -> None:
    """Raises `Broken` if `found` is not `expected`."""
    if found != expected:
        raise Broken(f"{what}: {expected}", found)

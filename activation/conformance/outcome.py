"""How an attempt at a clause ends, when it does not simply hold."""


class Broken(Exception):
    """The clause does not hold: what was expected and what was found, never a code.

    `steps`: the calls that lead there, one line each, for a clause that made them up.
    """

    def __init__(self, expected: str, found: object, steps: tuple[str, ...] = ()) -> None:
        super().__init__(expected)
        self.expected, self.found, self.steps = expected, str(found)[:300], steps


class NotOffered(Exception):
    """The backend leaves out this part, as it may; or it cannot be tried, and the text says why."""


def expect(found: object, expected: object, what: str) -> None:
    """Raises `Broken` if `found` is not `expected`."""
    if found != expected:
        raise Broken(f"{what}: {expected}", found)

"""How an attempt at a clause ends, when it does not simply hold."""


class Broken(Exception):
    """The clause does not hold: what was expected, and what came. Never a code."""

    def __init__(self, expected: str, found: object) -> None:
        super().__init__(expected)
        self.expected, self.found = expected, str(found)[:300]


class NotOffered(Exception):
    """The backend leaves this part out, and may."""


def expect(found: object, expected: object, what: str) -> None:
    """Raises `Broken` where `found` is not `expected`."""
    if found != expected:
        raise Broken(f"{what}: {expected}", found)

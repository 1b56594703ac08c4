"""How an attempt at a clause ends, when it does not simply hold."""


class Broken(Exception):
    """The clause does not hold. It holds what was expected and what was found, never a code."""

    def __init__(self, expected: str, found: object) -> None:
        super().__init__(expected)
        self.expected, self.found = expected, str(found)[:300]


class NotOffered(Exception):
    """The backend leaves out this part, as it may."""


def expect(found: object, expected: object, what: str) -> None:
    """Raises `Broken` if `found` is not `expected`."""
    if found != expected:
        raise Broken(f"{what}: {expected}", found)

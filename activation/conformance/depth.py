"""How far a check goes: a look on every save, a full check, or a night's work."""

from enum import StrEnum


class Depth(StrEnum):
    """`QUICK` ends within 20 seconds at the reference backend, `THOROUGH` within 3 minutes."""

    QUICK = "quick"
    NORMAL = "normal"
    THOROUGH = "thorough"

    @property
    def rank(self) -> int:
        """0 for the quickest."""
        return [*Depth].index(self)

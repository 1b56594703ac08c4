"""What stands in the way of a request: joined where it touches, all of it counted. Pure."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ...codegen.ranges.serials import Range
from ...codegen.ranges.tiling import BLOCKED_SHOWN

T = TypeVar("T")


@dataclass
class InTheWay(Generic[T]):
    """Ranges as they come, each with what is said of it; those that touch and say the same are one.

    `shown` are the first `BLOCKED_SHOWN`, `total` counts all of them.
    """

    shown: list[tuple[Range, T]] = field(default_factory=list)
    total: int = 0
    _last: tuple[int, T] | None = None  # where the newest range ends, and what is said of it

    def add(self, piece: Range, said: T) -> None:
        """One more; ranges of which the same may be said come ascending."""
        touches = self._last == (piece.first - 1, said)
        self._last = piece.last, said
        if not touches:
            self.total += 1
            if self.total <= BLOCKED_SHOWN:
                self.shown.append((piece, said))
        elif self.total <= BLOCKED_SHOWN:
            self.shown[-1] = Range(self.shown[-1][0].first, piece.last), said

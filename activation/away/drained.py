"""What became of the queue when it was booked."""

from dataclasses import dataclass, field

from .refused import RefusedIntent


@dataclass
class Drained:
    """What a drain did.

    `left`: why something waits still, None if nothing does; `away`: the books are out of reach.
    `waiting`: how many. `booked` are the ids of orders, `batches` those that they touch; `refused`
    what stepped aside.
    """

    booked: list[str] = field(default_factory=list)
    batches: list[str] = field(default_factory=list)
    refused: list[RefusedIntent] = field(default_factory=list)
    left: str | None = None
    away: bool = False
    waiting: int = 0

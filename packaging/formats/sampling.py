"""Which symbols another decoder reads: all, or a random sample. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from random import Random

from ...codegen.ranges.serials import Range, Ranges, count

# The serials of a range that another decoder reads, ascending.
Chosen = Callable[[Range], Sequence[int]]

ALL_UP_TO = 100_000  # symbols: of a package with no more, all are read by default
SAMPLE = 10_000  # if 1 symbol in 1,000 is wrong, it misses all of them once in 22,000 times


def every(serials: Range) -> Sequence[int]:
    """All of them."""
    return range(serials.first, serials.last + 1)


def sampled(serials: Ranges, number: int, entropy: Callable[[int], bytes]) -> Chosen:
    """`number` of `serials`, each as likely as the others."""
    indices = Random(entropy(32)).sample(range(count(serials)), number)  # noqa: S311 - no secret
    indices.sort()
    chosen: list[int] = []
    before = 0
    for piece in serials:
        begin, end = bisect_left(indices, before), bisect_left(indices, before + len(piece))
        chosen += (piece.first + index - before for index in indices[begin:end])
        before += len(piece)
    chosen.sort()
    return lambda among: chosen[bisect_left(chosen, among.first) : bisect_right(chosen, among.last)]

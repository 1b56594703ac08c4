"""Which symbols another decoder reads: all, or a sample chosen at random. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from random import Random

from ...codegen.ranges.serials import Range, Ranges, count

# The serials of a range that are looked at, ascending.
Chosen = Callable[[Range], Sequence[int]]

ALL_UP_TO = 100_000  # symbols of a package that are all read without being asked to
SAMPLE = 10_000  # one that is wrong in 1,000 is in it but for 1 time in 22,000


def every(serials: Range) -> Sequence[int]:
    """All of them."""
    return range(serials.first, serials.last + 1)


def sampled(serials: Ranges, number: int, entropy: Callable[[int], bytes]) -> Chosen:
    """`number` of `serials`, each as likely as the others."""
    places = Random(entropy(32)).sample(range(count(serials)), number)  # noqa: S311 - no secret
    places.sort()
    chosen: list[int] = []
    before = 0
    for piece in serials:
        begin, end = bisect_left(places, before), bisect_left(places, before + len(piece))
        chosen += (piece.first + place - before for place in places[begin:end])
        before += len(piece)
    chosen.sort()
    return lambda among: chosen[bisect_left(chosen, among.first) : bisect_right(chosen, among.last)]

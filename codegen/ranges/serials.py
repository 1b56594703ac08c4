"""Ranges of serials (号段): `first-last`, both inclusive, counted from 1."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter

from ..errors import UsageError

# Twelve digits, as `notation` reads: far above any batch, and far below the limits of a database,
# of `len()` and of printing an integer.
LAST = 999_999_999_999


@dataclass(frozen=True, order=True, slots=True)
class Range:
    """Serials `first`..`last`, both inclusive; `1 <= first <= last`."""

    first: int
    last: int

    def __post_init__(self) -> None:
        if not 1 <= self.first <= self.last:
            raise ValueError(f"not a range of serials: {self.first}-{self.last}")

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    def pair(self) -> list[int]:
        """The JSON form, `[first, last]`."""
        return [self.first, self.last]


Ranges = tuple[Range, ...]


def from_text(text: str) -> Ranges:
    """The inverse of `",".join(map(str, ranges))`, for texts of this program's own.

    What anybody else wrote is read by `notation.parse`. Raises `ValueError`.
    """
    found = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found.append(Range(int(first), int(last or first)))
    return union(found)


def join(pieces: Iterable[Range]) -> Ranges:
    """`pieces` in their order; those that touch or overlap the piece before are added to it."""
    result: list[Range] = []
    for piece in pieces:
        if result and result[-1].first <= piece.first <= result[-1].last + 1:
            result[-1] = Range(result[-1].first, max(result[-1].last, piece.last))
        else:
            result.append(piece)
    return tuple(result)


def union(ranges: Iterable[Range]) -> Ranges:
    """The serials that lie in any of `ranges`: ascending, disjoint, touching ones joined."""
    return join(sorted(ranges))


def of(numbers: Iterable[int]) -> Ranges:
    """The ranges that hold just these serials, each named any number of times."""
    return union(Range(number, number) for number in numbers)


def ordered(ranges: Iterable[Range]) -> Ranges:
    """`ranges` ascending, touching ones joined. Raises `UsageError` if two overlap."""
    ascending = sorted(ranges)
    for before, after in pairwise(ascending):
        if after.first <= before.last:
            raise UsageError(f"the ranges {before} and {after} overlap", "name every serial once")
    return join(ascending)


def intersect(ranges: Sequence[Range], others: Sequence[Range]) -> Ranges:
    """The serials that lie in both; both ascending and disjoint."""
    return subtract(ranges, subtract(ranges, others))


def position(ranges: Sequence[Range], number: int) -> int | None:
    """Which of `ranges`, ascending and disjoint, holds the serial `number`; None: none does."""
    at = bisect_right(ranges, number, key=attrgetter("first")) - 1
    return at if at >= 0 and number <= ranges[at].last else None


def from_pairs(pairs: object, limit: int) -> Ranges:
    """The ranges of a JSON list of at most `limit` pairs, ascending, touching ones joined.

    The inverse of `to_pairs` for such ranges. An empty list gives no ranges; the caller may
    refuse it. Raises `UsageError` for anything that is not a list of `[first, last]` integers
    with `1 <= first <= last <= LAST`, and if ranges overlap.
    """
    if not isinstance(pairs, list) or len(pairs) > limit:
        raise UsageError(f"serials must be a list of at most {limit} pairs [first, last]")
    ranges = []
    for pair in pairs:
        if not (
            isinstance(pair, list)
            and len(pair) == 2
            and all(type(value) is int for value in pair)
            and 1 <= pair[0] <= pair[1] <= LAST
        ):
            raise UsageError(f"serials must be pairs [first, last], 1 <= first <= last <= {LAST}")
        ranges.append(Range(pair[0], pair[1]))
    return ordered(ranges)


def to_pairs(ranges: Iterable[Range]) -> list[list[int]]:
    """The JSON form: a list of `[first, last]`."""
    return [piece.pair() for piece in ranges]


def count(ranges: Iterable[Range]) -> int:
    """How many serials disjoint `ranges` hold."""
    return sum(len(piece) for piece in ranges)


def pieces(ranges: Iterable[Range], size: int) -> Iterator[Range]:
    """`ranges` cut into pieces of at most `size` serials, in order; none spans two ranges.

    `size` is at least 1.
    """
    for piece in ranges:
        for first in range(piece.first, piece.last + 1, size):
            yield Range(first, min(first + size - 1, piece.last))


def subtract(ranges: Sequence[Range], holes: Sequence[Range]) -> Ranges:
    """The serials of `ranges` that lie in none of `holes`; both ascending and disjoint."""
    result: list[Range] = []
    position = 0
    for piece in ranges:
        first = piece.first
        while position < len(holes) and holes[position].last < first:
            position += 1
        index = position
        while index < len(holes) and holes[index].first <= piece.last:
            if holes[index].first > first:
                result.append(Range(first, holes[index].first - 1))
            first = holes[index].last + 1
            index += 1
        if first <= piece.last:
            result.append(Range(first, piece.last))
    return tuple(result)


def describe(ranges: Sequence[Range], most: int = 5) -> str:
    """`1-10, 20, 31-40 and 7 more`, for a line of text: at most `most` ranges are listed."""
    shown = ", ".join(str(piece) for piece in ranges[:most])
    rest = len(ranges) - most
    return f"{shown} and {rest} more" if rest > 0 else shown

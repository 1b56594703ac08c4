"""Nothing lies within itself, at any height.

A circle that an order would close leads through one of its links: some child lies above, or is,
one of its parents. Such children are rare, and only from them the whole way up is followed, as it
would be after the order.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from sqlalchemy import Connection

from ..errors import Refused
from ..ranges import serials
from ..ranges.aggregation import CodeRanges, CodeRef
from . import _links
from .changes import Associated


def check(connection: Connection, change: Associated, parents: CodeRanges) -> None:
    """Raises `Refused` if a parent would lie within itself."""
    dealt = _Dealt(change, parents)
    sound: set[CodeRef] = set()
    for child in _suspects(connection, change, parents):
        way: set[CodeRef] = set()
        ref: CodeRef | None = child
        while ref is not None and ref not in sound:
            if ref in way:
                raise _refused(ref)
            way.add(ref)
            above = _links.parents_of(connection, ref.batch, [ref.serial]).get(ref.serial)
            ref = dealt.parent_of(ref) or above
        sound |= way


def _suspects(connection: Connection, change: Associated, parents: CodeRanges) -> Iterator[CodeRef]:
    """The children that are parents of the order, or that such parents lie in."""
    parts = {part.batch: part.serials for part in change.children}
    for piece in serials.intersect(parts.get(parents.batch, ()), parents.serials):
        yield from (CodeRef(parents.batch, at) for at in range(piece.first, piece.last + 1))
    for ref in _links.above(connection, parents, [*parts]):
        if serials.position(parts[ref.batch], ref.serial) is not None:
            yield ref


class _Dealt:
    """Which child gets which parent, without counting them through."""

    def __init__(self, change: Associated, parents: CodeRanges) -> None:
        self._each = change.each
        self._parents = parents
        self._parts = {part.batch: part.serials for part in change.children}
        self._before = {
            batch: [0, *accumulate(map(len, held))] for batch, held in self._parts.items()
        }
        self._of_parents = [0, *accumulate(map(len, parents.serials))]

    def parent_of(self, ref: CodeRef) -> CodeRef | None:
        """The parent that `ref` gets, or None."""
        held = self._parts.get(ref.batch, ())
        at = serials.position(held, ref.serial)
        if at is None:
            return None
        place = self._before[ref.batch][at] + ref.serial - held[at].first
        number = place // self._each if self._each else 0
        at = bisect_right(self._of_parents, number) - 1
        first = self._parents.serials[at].first
        return CodeRef(self._parents.batch, first + number - self._of_parents[at])


def _refused(ref: CodeRef) -> Refused:
    return Refused(
        f"{ref} would lie within itself",
        "see what lies in what: mintmark locate",
        nesting={"batch": ref.batch, "serial": ref.serial},
    )

"""What lies in what (关联): children of some batches, given to parents of another, in order. Pure.

The ledger and the reference backend share it. The rules:

1. A parent (a carton, a pallet) is one code, and so is a child; both are named by batch and serial.
2. Children come in the order of their serials, and so do parents.
3. With `each`, every parent gets the next `each` children of one batch; the last gets what is
   left, and at least one. Without it there is a single parent, which gets all of them.
4. A child has one parent at a time. Who checks that has the books.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..errors import UsageError
from . import serials
from .serials import Range, Ranges

BATCHES = 20  # of children, in one order
RANGES = 1_000  # of parents and children together, in one order
PARENTS = 1_000_000  # in one order
EACH = 1_000_000  # children that a parent is dealt; a single one may get more


class Packing(StrEnum):
    """What happens to children: they join a parent, or leave it."""

    ASSOCIATE = "associate"
    DISSOCIATE = "dissociate"


@dataclass(frozen=True, order=True, slots=True)
class CodeRef:
    """A code, named by its batch and its serial. `str()`: `BATCH:SERIAL`."""

    batch: str
    serial: int

    def __str__(self) -> str:
        return f"{self.batch}:{self.serial}"


@dataclass(frozen=True, slots=True)
class CodeRanges:
    """Codes of a batch: ascending, disjoint serials."""

    batch: str
    serials: Ranges

    def __len__(self) -> int:
        return serials.count(self.serials)


@dataclass(frozen=True, slots=True)
class Link:
    """Serials of `batch`, without a gap, that lie in `parent`."""

    batch: str
    serials: Range
    parent: CodeRef


def check(parents: CodeRanges | None, children: Sequence[CodeRanges], each: int | None) -> None:
    """Raises `UsageError` unless the children can be dealt out to the parents (rule 3).

    Without parents (children leave whatever they are in) there is no `each`.
    """
    if not children or len(children) > BATCHES:
        raise UsageError(f"children are of 1 to {BATCHES} batches at once", "pack in several calls")
    if len({part.batch for part in children}) < len(children):
        raise UsageError("a batch of children is named twice", "name each batch once")
    parts = (*children, parents) if parents is not None else tuple(children)
    if any(not part.serials for part in parts):
        raise UsageError("neither parents nor children may be none", "name a serial")
    if sum(len(part.serials) for part in parts) > RANGES:
        raise UsageError(f"more than {RANGES:,} ranges at once", "pack in several calls")
    total, there = sum(map(len, children)), len(parents) if parents is not None else 0
    if there > PARENTS:
        raise UsageError(f"more than {PARENTS:,} parents at once", "pack in several calls")
    if each is None:
        if there > 1:
            raise UsageError("several parents need the number of children in each", "--each N")
        return
    _check_each(total, there, len(children), each)


def _check_each(total: int, parents: int, batches: int, each: int) -> None:
    if not 1 <= each <= EACH:
        raise UsageError(
            f"each parent is dealt 1 to {EACH:,} children", "name one parent, which gets all"
        )
    if batches > 1:
        raise UsageError("children of several batches are not dealt out", "one batch at a time")
    wanted = -(-total // each)
    if wanted != parents:
        raise UsageError(
            f"{total:,} children, {each:,} in each, fill {wanted:,} parents, not {parents:,}",
            "count the parents and the children again",
        )


def deal(parents: CodeRanges, children: Sequence[CodeRanges], each: int | None) -> Iterator[Link]:
    """The links that come of it, in the order of the children; `check` has passed them.

    A link ends where its range, its batch or its parent does.
    """
    numbers = (number for piece in parents.serials for number in range(piece.first, piece.last + 1))
    room = 0
    parent = CodeRef(parents.batch, 0)
    for part in children:
        for piece in part.serials:
            first = piece.first
            while first <= piece.last:
                if room == 0:
                    parent = CodeRef(parents.batch, next(numbers))
                    room = each or sum(map(len, children))
                last = min(piece.last, first + room - 1)
                yield Link(part.batch, Range(first, last), parent)
                room -= last - first + 1
                first = last + 1

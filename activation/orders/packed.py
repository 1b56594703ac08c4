"""What lies in what, two accounts of it side by side: said and found, or books and backend. Pure.

Links ascend by their serials, and are all of one batch.
"""

from collections.abc import Iterable, Iterator

from ...codegen.ledger.changes import Associated
from ...codegen.ranges import aggregation
from ...codegen.ranges.aggregation import CodeRanges, CodeRef, Link, Packing
from ...codegen.ranges.serials import Range


def beside(
    ours: Iterable[Link], theirs: Iterable[Link]
) -> Iterator[tuple[Range, CodeRef | None, CodeRef | None]]:
    """(serials, what they lie in here, and there), cut at each other's edges, ascending.

    Serials that lie in nothing on either side are left out. Both are read as it is consumed.
    """
    mine, others = iter(ours), iter(theirs)
    here, there = next(mine, None), next(others, None)
    at = 1
    while here is not None or there is not None:
        links = [link.serials for link in (here, there) if link is not None]
        at = max(at, min(link.first for link in links))
        last = min(link.last if link.first <= at else link.first - 1 for link in links)
        yield Range(at, last), _at(here, at), _at(there, at)
        at = last + 1
        if here is not None and here.serials.last < at:
            here = next(mine, None)
        if there is not None and there.serials.last < at:
            there = next(others, None)


def _at(link: Link | None, serial: int) -> CodeRef | None:
    return link.parent if link is not None and link.serials.first <= serial else None


def astray(change: Associated, part: CodeRanges, found: Iterable[Link]) -> Iterator[Range]:
    """The children of `part` that do not lie as the association leaves them, ascending.

    `found` is what they lie in, cut to the serials of `part`.
    """
    if change.parents is None:
        yield from (link.serials for link in found)
        return
    said = aggregation.deal(change.parents, (part,), change.each)
    joined = change.action is Packing.ASSOCIATE
    for piece, meant, there in beside(said, found):
        if (meant != there) if joined else (meant == there):
            yield piece

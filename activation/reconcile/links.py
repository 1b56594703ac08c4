"""What the codes of a batch lie in, here and at the backend, and what would correct the backend.

Both sides ascend by serial and are merged as they are read; of the differences the first are kept.

- The books are right. A child that lies in something else there leaves it, and joins what it lies
  in here: two aggregations.
- Aggregations name who is left and who is joined, so that each is refused if the backend has
  changed since. Neighbours are dealt out by one aggregation, as a line that packs in order does it.
- A void code that lies in nothing there is no difference: nobody can put it in any more, and
  nothing depends on it. That goes for a void carton as well.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from typing import TypeVar

from ...codegen.ledger.view import View
from ...codegen.ranges import aggregation, serials
from ...codegen.ranges.aggregation import CodeRanges, CodeRef, Link, Packing
from ...codegen.ranges.lifecycle import State
from ...codegen.ranges.serials import Range, Ranges
from ..client.protocol import Client, batch_links
from ..orders.packed import beside

MOST = 1_000  # differences listed, and aggregations proposed at a time; the rest is counted
KEPT = 100_000  # differences kept to propose aggregations for
AT_ONCE = 2_000  # differences whose void codes are looked for at once
T = TypeVar("T")


@dataclass(frozen=True)
class LinkDifference:
    """Serials that lie in something else at the backend; None: in nothing."""

    serials: Range
    ours: CodeRef | None
    theirs: CodeRef | None


@dataclass(frozen=True)
class PackingStep:
    """An aggregation that would bring the backend nearer to the books."""

    action: Packing
    parents: CodeRanges
    children: CodeRanges
    each: int | None


@dataclass(frozen=True)
class LinksCompared:
    """How many children of a batch differ, the first differences, and what would correct them.

    `compared`: False if the backend does not offer what it is asked for. `here`: how many codes
    of the batch lie in something, by the books.
    """

    compared: bool
    here: int
    different: int = 0
    differences: tuple[LinkDifference, ...] = ()
    steps: tuple[PackingStep, ...] = ()


def compare_links(client: Client, view: View, batch: str, *, registered: bool) -> LinksCompared:
    """Both sides of a batch; one that is not `registered` lies in nothing there.

    Raises `Away`, `Declined`.
    """
    found = LinksCompared(compared=False, here=view.associated(batch))
    quantity = view.batch(batch).quantity
    ours = view.parents(batch, (Range(1, quantity),))
    theirs: Iterable[Link] = ()
    if registered:
        page = client.parents_page(batch)
        if page is None:
            return found
        theirs = batch_links(client, batch, page)
    tally = _LinkTally()
    for difference in _differences(view, batch, ours, theirs):
        tally.add(difference)
    listed, steps = tuple(tally.kept[:MOST]), _steps(batch, tally.kept)
    return replace(found, compared=True, different=tally.different, differences=listed, steps=steps)


@dataclass
class _LinkTally:
    """The differences as they come."""

    different: int = 0
    kept: list[LinkDifference] = field(default_factory=list)

    def add(self, found: LinkDifference) -> None:
        """Count a difference, and keep it if there is room."""
        self.different += len(found.serials)
        if len(self.kept) < KEPT:
            self.kept.append(found)


def _differences(
    view: View, batch: str, ours: Iterable[Link], theirs: Iterable[Link]
) -> Iterator[LinkDifference]:
    """Serials that differ, without what only a void code makes differ."""
    found = (
        LinkDifference(piece, here, there)
        for piece, here, there in beside(ours, theirs)
        if here != there
    )
    for some in _some(found, AT_ONCE):
        missing = [item for item in some if item.theirs is None and item.ours]
        gone = _void(view, batch, serials.union(item.serials for item in missing))
        parents = _void_parents(view, {item.ours for item in missing if item.ours})
        for item in some:
            if item.theirs is not None:
                yield item
            elif item.ours not in parents:
                for piece in serials.subtract((item.serials,), gone):
                    yield LinkDifference(piece, item.ours, None)


def _void(view: View, batch: str, ranges: Ranges) -> Ranges:
    tiles = view.select(batch, ranges) if ranges else ()
    return serials.join(tile.serials for tile in tiles if tile.value.state is State.VOID)


def _void_parents(view: View, parents: set[CodeRef]) -> set[CodeRef]:
    found = set()
    for batch, refs in groupby(sorted(parents), lambda ref: ref.batch):
        for piece in _void(view, batch, serials.of(ref.serial for ref in refs)):
            found |= {CodeRef(batch, serial) for serial in range(piece.first, piece.last + 1)}
    return found


def _steps(batch: str, found: list[LinkDifference]) -> tuple[PackingStep, ...]:
    """Who leaves, then who joins; at most `MOST`."""
    leave = (Link(batch, item.serials, item.theirs) for item in found if item.theirs)
    join = (Link(batch, item.serials, item.ours) for item in found if item.ours)
    steps = [
        *(_step(Packing.DISSOCIATE, group) for group in _dealt(_fills(leave))),
        *(_step(Packing.ASSOCIATE, group) for group in _dealt(_fills(join))),
    ]
    return tuple(steps[:MOST])


@dataclass(frozen=True)
class _Fill:
    """Children of a batch, as neighbours go into one parent."""

    parent: CodeRef
    children: CodeRanges

    def __len__(self) -> int:
        return len(self.children)


def _fills(links: Iterable[Link]) -> Iterator[_Fill]:
    """Links of neighbours with the same parent together, a few hundred ranges at most."""
    for parent, group in groupby(links, lambda link: link.parent):
        for some in _some(group, aggregation.RANGES // 2):
            pieces = serials.join(link.serials for link in some)
            yield _Fill(parent, CodeRanges(some[0].batch, pieces))


@dataclass
class _Group:
    """Fills that one aggregation deals out: as many children in each, but for the last."""

    fills: list[_Fill]
    ranges: int = 0

    def takes(self, fill: _Fill) -> bool:
        """Add `fill` as the next parent, if the aggregation stays in its bounds."""
        if self.fills:
            first, last = self.fills[0], self.fills[-1]
            onward = fill.parent.batch == last.parent.batch and fill.parent > last.parent
            if not onward or len(last) != len(first) or len(fill) > len(first):
                return False
        more = len(fill.children.serials)
        if self.fills:
            # What touches is one range: a line that packs in order stays at two of them.
            more -= fill.children.serials[0].first == last.children.serials[-1].last + 1
            more += fill.parent.serial != last.parent.serial + 1
        else:
            more += 1
        full = self.ranges + more > aggregation.RANGES or len(self.fills) == aggregation.PARENTS
        if not full:
            self.fills.append(fill)
            self.ranges += more
        return not full


def _dealt(fills: Iterable[_Fill]) -> Iterator[list[_Fill]]:
    """Ascending fills, in groups for an aggregation each."""
    group = _Group([])
    for fill in fills:
        if not group.takes(fill):
            yield group.fills
            group = _Group([])
            group.takes(fill)
    if group.fills:
        yield group.fills


def _some(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """`items` in lists of at most `most`."""
    rest = iter(items)
    while found := list(islice(rest, most)):
        yield found


def _step(action: Packing, group: list[_Fill]) -> PackingStep:
    parents = CodeRanges(group[0].parent.batch, serials.of(item.parent.serial for item in group))
    pieces = serials.join(piece for item in group for piece in item.children.serials)
    children = CodeRanges(group[0].children.batch, pieces)
    return PackingStep(action, parents, children, len(group[0]) if len(group) > 1 else None)

"""Applying an aggregation (关联): guards, links and answer, inside one transaction.

The guards, in the order of the refusals that docs/activation-api.md promises:
1. Every serial lies in its batch.
2. To associate: no parent and no child is void.
3. No code would lie within itself.
4. No child has a parent yet. To dissociate, instead: each child is in the parent it is to leave.
Only then a link is written. What is named by the request is read in ranges, as it was sent, and
links are dealt out as they are written: an aggregation of any size needs the same memory.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row

from ...codegen.ranges.aggregation import CodeRanges, Packing, deal
from ...codegen.ranges.lifecycle import ApiState, to_api_state
from ...codegen.ranges.serials import Range, Ranges, union
from ...codegen.ranges.tiling import select as cut
from ..client.wire import AggregationAnswer
from . import link_store, tile_store
from .in_the_way import InTheWay
from .limits import BackendLimits
from .link_store import Code, LinkRun
from .nesting import is_circle
from .problems import Problem


@dataclass(frozen=True)
class AggregationRequest:
    """An aggregation, checked (`aggregation.check`). `children`: ascending by batch."""

    aggregation: str
    action: Packing
    children: tuple[CodeRanges, ...]
    parents: CodeRanges | None = None
    each: int | None = None
    reason: str | None = None
    dry_run: bool = False
    audit_head: str | None = None

    def named(self) -> dict[str, Ranges]:
        """Batch → all that is named of it, parents and children; ascending by batch."""
        parts = (*self.children, self.parents) if self.parents else self.children
        batches = sorted({part.batch for part in parts})
        return {
            batch: union(piece for part in parts if part.batch == batch for piece in part.serials)
            for batch in batches
        }


def apply_aggregation(
    connection: Connection,
    batches: Mapping[str, Row[Any]],
    request: AggregationRequest,
    limits: BackendLimits,
) -> AggregationAnswer:
    """Apply `request`, all of whose `batches` (their rows) are locked, or raise `Problem`.

    Raises outside, blocked, nesting, child-taken, child-elsewhere; then nothing was written.
    """
    packer = _Packer(connection, batches, request)
    packer.check_serials()  # 1
    if request.action is Packing.ASSOCIATE:
        packer.check_states(limits.window_tiles)  # 2
        packer.check_nesting()  # 3
        packer.check_free()  # 4
        packer.associate()
    else:
        packer.check_places()  # 4
        packer.dissociate()
    return AggregationAnswer(
        request.aggregation,
        request.action,
        len(request.parents) if request.parents else 0,
        sum(map(len, request.children)),
        request.dry_run,
    )


class _Packer:
    """One aggregation on its way."""

    def __init__(
        self,
        connection: Connection,
        batches: Mapping[str, Row[Any]],
        request: AggregationRequest,
    ) -> None:
        self._connection = connection
        self._batches = batches  # their rows, by name
        self._request = request
        self._numbers = {name: batch.number for name, batch in batches.items()}

    def check_serials(self) -> None:
        """Raises `Problem` outside."""
        for name, ranges in self._request.named().items():
            quantity = self._batches[name].quantity
            if ranges[-1].last > quantity:
                raise Problem("outside", f"batch {name} holds serials 1 to {quantity}")

    def check_states(self, window: int) -> None:
        """Raises `Problem` blocked for void parents and children."""
        found = InTheWay[str]()
        standings = tile_store.Standings(self._connection)
        for name, ranges in self._request.named().items():
            for piece in ranges:
                number = self._numbers[name]
                for tiles, part in tile_store.windows(self._connection, number, piece, window):
                    for tile in cut(tiles, [part]):
                        if to_api_state(standings.get(tile.value).state) is ApiState.VOID:
                            found.add(tile.serials, name)
        if found.total:
            raise Problem(
                "blocked",
                "void codes are packed into nothing, and nothing into them",
                blocked=[
                    {"batch": name, "serials": piece.pair(), "state": ApiState.VOID.value}
                    for piece, name in found.shown
                ],
                blocked_total=found.total,
            )

    def check_nesting(self) -> None:
        """Raises `Problem` nesting if a code would lie within itself."""
        parents, children = self._request.parents, self._request.children
        above = {self._numbers[parents.batch]: parents.serials} if parents else {}
        below = {self._numbers[part.batch]: part.serials for part in children}
        planned = (
            (self._numbers[part.batch], run) for part in children for run in self._planned(part)
        )
        if is_circle(self._connection, above, below, planned):
            raise Problem("nesting", "a parent would lie within itself, perhaps several levels up")

    def _planned(self, part: CodeRanges) -> Iterator[LinkRun]:
        """What the request says of these children, ascending: which parent they belong to."""
        if self._request.parents is not None:
            number = self._numbers[self._request.parents.batch]
            for link in deal(self._request.parents, [part], self._request.each):
                yield LinkRun(link.serials, (number, link.parent.serial))

    def check_free(self) -> None:
        """Raises `Problem` child-taken for children that have a parent, whichever."""
        found = InTheWay[tuple[str, Code | None]]()
        for part in self._request.children:
            number = self._numbers[part.batch]
            for run in link_store.runs(self._connection, number, part.serials):
                found.add(run.serials, (part.batch, run.parent))
        if found.total:
            raise Problem(
                "child-taken",
                "a child has one parent at a time: take it out of there first",
                taken=self._told(found),
                taken_total=found.total,
            )

    def check_places(self) -> None:
        """Raises `Problem` child-elsewhere for children that are not where they are to leave."""
        found = InTheWay[tuple[str, Code | None]]()
        for part in self._request.children:
            planned = self._planned(part) if self._request.parents else None
            wrong = _differing(self._tiled(part), planned)
            for piece, parent in wrong:
                found.add(piece, (part.batch, parent))
        if found.total:
            raise Problem(
                "child-elsewhere",
                "these children are not in the parent that they were to leave",
                elsewhere=self._told(found),
                elsewhere_total=found.total,
            )

    def _tiled(self, part: CodeRanges) -> Iterator[tuple[Range, Code | None]]:
        """All of the children `part`, piece by piece, each with its parent or None."""
        found = link_store.runs(self._connection, self._numbers[part.batch], part.serials)
        run = next(found, None)
        for piece in part.serials:
            first = piece.first
            while first <= piece.last:
                if run is None or run.serials.first > piece.last:
                    yield Range(first, piece.last), None
                    break
                if run.serials.first > first:
                    yield Range(first, run.serials.first - 1), None
                yield run.serials, run.parent
                first = run.serials.last + 1
                run = next(found, None)

    def _told(self, found: InTheWay[tuple[str, Code | None]]) -> list[dict[str, Any]]:
        """As JSON. Raises `Damaged` for a parent that there is not."""
        wanted = {parent for _, (_, parent) in found.shown if parent}
        known = link_store.named(self._connection, wanted)
        return [
            {
                "batch": batch,
                "serials": piece.pair(),
                "parent": asdict(known[parent]) if parent else None,
            }
            for piece, (batch, parent) in found.shown
        ]

    def associate(self) -> None:
        """Write the links: a window of them at a time, joined with those that they touch."""
        for part in self._request.children:
            number, rows = self._numbers[part.batch], list[link_store.Columns]()
            firsts = {piece.first for piece in part.serials}
            lasts = {piece.last for piece in part.serials}
            for run in self._planned(part):
                first, last = run.serials.first, run.serials.last
                # Between its ends a range is free, so only there a link has neighbours.
                if first in firsts:
                    link_store.write(self._connection, rows)
                    rows = []
                    first = link_store.joined_before(self._connection, number, first, run.parent)
                if last in lasts:
                    last = link_store.joined_after(self._connection, number, last, run.parent)
                rows.append((number, first, last, *run.parent))
                if len(rows) == link_store.WINDOW:
                    link_store.write(self._connection, rows)
                    rows = []
            link_store.write(self._connection, rows)

    def dissociate(self) -> None:
        """Take the children out."""
        for part in self._request.children:
            for piece in part.serials:
                link_store.remove(self._connection, self._numbers[part.batch], piece)


def _differing(
    actual: Iterator[tuple[Range, Code | None]], planned: Iterator[LinkRun] | None
) -> Iterator[tuple[Range, Code | None]]:
    """Where the parents differ, with the actual one; both tile the same serials.

    None as `planned`: any parent is right.
    """
    if planned is None:
        yield from ((piece, parent) for piece, parent in actual if parent is None)
        return
    piece, parent = next(actual)
    for run in planned:
        first = run.serials.first
        while first <= run.serials.last:
            if piece.last < first:
                piece, parent = next(actual)
            last = min(piece.last, run.serials.last)
            if parent != run.parent:
                yield Range(first, last), parent
            first = last + 1

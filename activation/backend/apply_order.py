"""Applying an order: guards, tiles, fingerprints and answer, inside one transaction.

1. Window by window: rewrite the tiles. Once a tile is in the way, only look for others that are.
2. Refuse the order if a tile is in the way, or if it would touch another number of codes
   than it names. The caller rolls back what 1 wrote.
3. Window by window again: make the fingerprints of an activation live. Not along with 1, or the
   size of a window would decide which of two refusals is given.
4. An activation recognises unknown scans as scans of the codes it has just made live.
5. It names the codes that were scanned before they were active.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from ...codegen import times
from ...codegen.ranges.attributes import VALIDITY, Value
from ...codegen.ranges.lifecycle import (
    Action,
    ApiState,
    Standing,
    live,
    passed_over,
    step,
    to_api_state,
)
from ...codegen.ranges.serials import Range, Ranges, join
from ...codegen.ranges.tiling import Stuck, Tile, rewrite
from ...codegen.ranges.tiling import select as cut
from ..client.wire import LISTED, OrderAnswer
from . import early_scans, tile_store
from .enliven import enliven
from .in_the_way import InTheWay
from .limits import BackendLimits
from .problems import Problem


@dataclass(frozen=True)
class Request:
    """An order, checked. `attributes` is a patch, validity included."""

    order: str
    batch: str
    action: Action
    serials: Ranges
    skip_void: bool = True
    count: int | None = None
    from_state: ApiState | None = None
    attributes: Mapping[str, Value] = field(default_factory=dict)
    reason: str | None = None
    dry_run: bool = False
    audit_head: str | None = None


def apply_order(
    connection: Connection, batch: int, order: Request, now: int, limits: BackendLimits
) -> OrderAnswer:
    """Apply `order`, whose serials exist, to the batch numbered `batch`, or raise `Problem`.

    The caller's transaction makes it atomic.
    """
    work = _Work(connection, batch, order, limits.window_tiles)
    work.rewrite()  # 1
    work.check()  # 2
    before: tuple[int, ...] = ()
    if order.action is Action.ACTIVATE:
        work.enliven(now - limits.pending_seconds)  # 3
        early_scans.recognise(connection, batch)  # 4
        before = early_scans.scanned_before(connection, batch, order.serials)  # 5
    return OrderAnswer(
        order=order.order,
        batch=order.batch,
        action=order.action,
        dry_run=order.dry_run,
        applied=tuple(work.applied.ranges),
        applied_count=work.applied.count,
        skipped=tuple(work.skipped.ranges),
        skipped_count=work.skipped.count,
        truncated=work.applied.cut or work.skipped.cut,
        scanned_before=before,
    )


def is_never_valid(order: Request) -> bool:
    """Whether the order sets both ends of a validity, and the second does not come after."""
    begins, ends = (order.attributes.get(key) for key in VALIDITY)
    return bool(begins and ends) and times.parse(str(begins)) >= times.parse(str(ends))


@dataclass
class _List:
    """Ranges as they come, joined where they touch; the first `LISTED` kept, all counted."""

    ranges: list[Range] = field(default_factory=list)
    count: int = 0
    cut: bool = False

    def add(self, piece: Range) -> None:
        self.count += len(piece)
        if self.ranges and not self.cut and self.ranges[-1].last + 1 == piece.first:
            self.ranges[-1] = Range(self.ranges[-1].first, piece.last)
        elif len(self.ranges) < LISTED:
            self.ranges.append(piece)
        else:
            self.cut = True


class _Work:
    """One order on its way through the windows."""

    def __init__(self, connection: Connection, batch: int, order: Request, window: int) -> None:
        self._connection = connection
        self._batch = batch
        self._order = order
        self._window = window  # in tiles
        self._standings = tile_store.Standings(connection)
        self._next: dict[int, int | None] = {}  # standing → standing; None: in the way
        self._by_count: set[int] = set()  # standings in the way of which only a count is
        self._in_the_way = InTheWay[ApiState]()
        self._only_count = True  # whether nothing is in the way but that the order names no count
        self.applied, self.skipped = _List(), _List()

    def rewrite(self) -> None:
        """Rewrite the tiles; once one is in the way, only look for others that are."""
        for tiles, part in self._windows():
            self._look_at(cut(tiles, [part]))
            if not self._in_the_way.total:
                new = rewrite(tiles, [part], self._change)
                tile_store.replace(self._connection, self._batch, tiles, new)

    def check(self) -> None:
        """Raise `Problem` if a tile was in the way, then if the count differs."""
        if self._in_the_way.total:
            raise self._blocked()
        wanted = self._order.count
        if wanted is not None and wanted != self.applied.count:
            raise Problem(
                "count-differs",
                f"the order names {wanted} codes and would touch {self.applied.count}",
                count=wanted,
                would_touch=self.applied.count,
            )

    def enliven(self, cutoff: int) -> None:
        """Make the fingerprints of what was applied live; those uploaded before `cutoff` are gone.

        Raises `Problem` for the first serial that has none.
        """
        for tiles, part in self._windows():
            touched = cut(tiles, [part])
            parts = join(tile.serials for tile in touched if not self._skips(tile.value))
            if parts:
                enliven(self._connection, self._batch, parts, cutoff)

    def _windows(self) -> Iterator[tuple[list[Tile[int]], Range]]:
        for serials in self._order.serials:
            yield from tile_store.windows(self._connection, self._batch, serials, self._window)

    def _look_at(self, tiles: Iterator[Tile[int]]) -> None:
        for tile in tiles:
            if self._skips(tile.value):
                self.skipped.add(tile.serials)
                continue
            self.applied.add(tile.serials)
            if self._following(tile.value) is None:
                state = to_api_state(self._standing(tile.value).state)
                self._in_the_way.add(tile.serials, state)
                self._only_count = self._only_count and tile.value in self._by_count

    def _standing(self, number: int) -> Standing:
        return self._standings.get(number)

    def _skips(self, number: int) -> bool:
        order = self._order
        return order.skip_void and passed_over(self._standing(number).state, order.action)

    def _change(self, number: int) -> int:
        following = number if self._skips(number) else self._following(number)
        if following is None:
            raise Stuck
        return following

    def _following(self, number: int) -> int | None:
        if number not in self._next:
            self._next[number] = self._stepped(number)
        return self._next[number]

    def _stepped(self, number: int) -> int | None:
        standing, order = self._standing(number), self._order
        if order.from_state is not None and to_api_state(standing.state) != order.from_state:
            return None
        try:
            after = step(standing, order.action, attributes=order.attributes, reason=order.reason)
        except Stuck:
            return None
        if order.action is Action.VOID and order.count is None and live(standing):
            self._by_count.add(number)
            return None
        return self._standings.number(after)

    def _blocked(self) -> Problem:
        found = self._in_the_way
        shown = [{"serials": piece.pair(), "state": state.value} for piece, state in found.shown]
        name = "blocked"
        detail = f"{self._order.action.value} is not possible where these ranges stand"
        if self._only_count:
            name, detail = "count-required", "say how many codes the order is to touch"
        return Problem(name, detail, blocked=shown, blocked_total=found.total)

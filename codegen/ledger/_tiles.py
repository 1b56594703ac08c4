"""Tiles of a batch in the database: read in pages, rewritten in place, and balanced.

Rules held here. Only tiles that a change touches, and their neighbours, are read or
written: every query is a seek by (batch, first). A page is rewritten by the pure
algebra of `tiling`; this module then checks on its own that the page covers the same
serials without a gap, and that the batch's counters still add up to its quantity.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from sqlalchemy import Connection, bindparam, delete, func, select

from ..errors import IntegrityError
from ..ranges import tiling
from ..ranges.lifecycle import Standing, State, live
from ..ranges.serials import Range, Ranges
from ..ranges.tiling import BLOCKED_SHOWN, Blocked, Stuck, Tile
from . import _balance, _tables
from ._balance import INSIDE, RESERVED
from ._prepared import Prepared, inserting
from ._tile_rows import COLUMNS, from_row, to_row

PAGE = 2_000
# Ranges closer than this are read at once: at most so many tiles lie between them.
NEAR = 64
# Reading what lies between costs less than so many seeks.
MANY = 1_000

Tiles = list[Tile[Standing]]
_t = _tables.tiles.c
_FROM = (
    select(func.max(_t.first))
    .where(_t.batch == bindparam("b"), _t.first <= bindparam("low"))
    .scalar_subquery()
)
READ = Prepared(
    lambda: (
        select(*COLUMNS)
        .where(_t.batch == bindparam("b"), _t.first >= _FROM, _t.first <= bindparam("high"))
        .order_by(_t.first)
        .limit(bindparam("most"))
    ),
    pins={"batch": "b"},
)
_DELETE = Prepared(
    lambda: delete(_tables.tiles).where(_t.batch == bindparam("b"), _t.first == bindparam("f")),
    pins={"batch": "b"},
)


@dataclass
class Effect:
    """What a rewrite found and did, in codes; blocked tiles are counted as tiles."""

    skipped: list[Range] = field(default_factory=list)
    applied: Counter[State] = field(default_factory=Counter)
    live: int = 0
    moved: Counter[str] = field(default_factory=Counter)
    blocked: list[Tile[Standing]] = field(default_factory=list)
    blocked_total: int = 0


@dataclass(frozen=True)
class Book:
    """The tiles of a batch of `quantity` codes."""

    connection: Connection
    batch: str
    quantity: int

    def rewrite(
        self,
        ranges: Ranges,
        change: Callable[[Standing], Standing],
        skip: Callable[[Standing], bool] = lambda _: False,
    ) -> Effect:
        """Apply `change` to the serials of `ranges` that `skip` does not pass over.

        If `change` raises `Stuck` for a tile, the effect lists that tile as blocked, and the
        caller must roll back. Raises `IntegrityError` if stored tiles or counters do not add
        up.
        """
        effect = Effect()
        todo = deque(ranges)
        step = _memoize(lambda standing: standing if skip(standing) else change(standing))
        last = 0
        for group in groups(ranges):
            end = min(group.last, self.quantity)
            if end <= last:
                # One long tile held several groups, and the page it was in is done.
                continue
            for page in self._pages(group):
                last = page[-1].serials.last
                pieces = _take(todo, last)
                self._note(effect, page, pieces, skip)
                self._rewrite_page(effect, page, pieces, step)
            if not end <= last <= self.quantity:
                raise self.damaged()
        if not effect.blocked:
            _balance.move(self.connection, self.batch, self.quantity, effect.moved)
        return effect

    def read(self, ranges: Ranges) -> Iterator[Tile[Standing]]:
        """The tiles of `ranges`, cut to them, ascending."""
        todo = deque(ranges)
        whole = (Range(ranges[0].first, ranges[-1].last),) if len(ranges) > MANY else ranges
        for group in groups(whole):
            done = group.first - 1
            for page in self._pages(group):
                # A page begins with the last tile of the page before.
                fresh = [tile for tile in page if tile.serials.last > done]
                if fresh:
                    done = fresh[-1].serials.last
                    yield from self._parts(fresh, _take(todo, done))

    def damaged(self) -> IntegrityError:
        """The error for tiles or counters that do not add up."""
        return _balance.damaged(self.batch)

    def _pages(self, group: Range) -> Iterator[Tiles]:
        """The tiles that meet `group`, as they stand when asked for.

        Each page but the first begins with the last tile of the page before, as
        rewritten: neighbours join across pages.
        """
        low = group.first
        while True:
            rows = READ.all(self.connection, b=self.batch, low=low, high=group.last, most=PAGE)
            page = list(map(from_row, rows))
            if not page or page[0].serials.last < low:
                raise self.damaged()
            yield page
            low = page[-1].serials.last
            if len(page) < PAGE or low >= min(group.last, self.quantity):
                return

    def _parts(self, page: Tiles, ranges: Ranges) -> Iterator[Tile[Standing]]:
        try:
            yield from tiling.select(page, ranges)
        except ValueError:
            raise self.damaged() from None

    def _note(
        self, effect: Effect, page: Tiles, ranges: Ranges, skip: Callable[[Standing], bool]
    ) -> None:
        for part in self._parts(page, ranges):
            if skip(part.value):
                effect.skipped.append(part.serials)
            else:
                effect.applied[part.value.state] += len(part.serials)
                effect.live += len(part.serials) if live(part.value) else 0

    def _rewrite_page(
        self, effect: Effect, page: Tiles, ranges: Ranges, step: Callable[[Standing], Standing]
    ) -> None:
        try:
            after = tiling.rewrite(page, ranges, step)
        except Blocked as blocked:
            room = BLOCKED_SHOWN - len(effect.blocked)
            effect.blocked += blocked.tiles[:room]  # type: ignore[arg-type]
            effect.blocked_total += blocked.total
            return
        if effect.blocked:
            return
        if not _same_serials(page, after):
            raise self.damaged()
        effect.moved.update(_codes_per_counter(after))
        effect.moved.subtract(_codes_per_counter(page))
        _write(self.connection, self.batch, page, after)


def add(connection: Connection, batch: str, quantity: int) -> None:
    """A new batch: all sealed."""
    _write(connection, batch, [], [Tile(Range(1, quantity), Standing(State.SEALED))])
    rows = [{"batch": batch, "state": name, "codes": 0} for name in (*State, RESERVED, INSIDE)]
    rows[0]["codes"] = quantity
    inserting(_tables.counters, *rows[0]).run_many(connection, rows)


# --- pages ---------------------------------------------------------------------------


def groups(ranges: Ranges) -> Iterator[Range]:
    """`ranges` with a neighbouring serial on each side, near ones joined.

    The last may end one after the batch's last.
    """
    first = last = 0
    for piece in ranges:
        if last and piece.first - last > NEAR:
            yield Range(first, last)
            last = 0
        first = first if last else max(1, piece.first - 1)
        last = piece.last + 1
    if last:
        yield Range(first, last)


def _take(todo: deque[Range], last: int) -> Ranges:
    """The ranges of `todo` up to serial `last`, taken off it; a range that goes on is cut."""
    taken: list[Range] = []
    while todo and todo[0].first <= last:
        piece = todo.popleft()
        if piece.last > last:
            todo.appendleft(Range(last + 1, piece.last))
            piece = Range(piece.first, last)
        taken.append(piece)
    return tuple(taken)


def _write(connection: Connection, batch: str, before: Tiles, after: Tiles) -> None:
    """Make `before` `after`: rows that stay as they are are not touched."""
    old = {tile.serials.first: tile for tile in before}
    new = {tile.serials.first: tile for tile in after}
    gone = [{"b": batch, "f": first} for first, tile in old.items() if new.get(first) != tile]
    come = [to_row(batch, tile) for first, tile in new.items() if old.get(first) != tile]
    if gone:
        _DELETE.run_many(connection, gone)
    if come:
        inserting(_tables.tiles, *come[0]).run_many(connection, come)


# --- the balance ------------------------------------------------------------------------


def _same_serials(before: Tiles, after: Tiles) -> bool:
    ends = (before[0].serials.first, before[-1].serials.last)
    meet = all(a.serials.last + 1 == b.serials.first for a, b in pairwise(after))
    return meet and (after[0].serials.first, after[-1].serials.last) == ends


def _codes_per_counter(tiles: Tiles) -> Counter[str]:
    codes: Counter[str] = Counter()
    for tile in tiles:
        codes[tile.value.state] += len(tile.serials)
        if tile.value.state is State.SEALED and tile.value.package is not None:
            codes[RESERVED] += len(tile.serials)
    return codes


def _memoize(step: Callable[[Standing], Standing]) -> Callable[[Standing], Standing]:
    """`step`, called once per standing: a million tiles have few different standings."""
    known: dict[Standing, Standing | None] = {}

    def remembered(standing: Standing) -> Standing:
        if standing not in known:
            try:
                known[standing] = step(standing)
            except Stuck:
                known[standing] = None
        after = known[standing]
        if after is None:
            raise Stuck
        return after

    return remembered

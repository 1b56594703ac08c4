"""Applying a dealer's scan-in: what it takes in, and the tiles, inside one transaction.

1. Whom the texts name: codes that an activation made live. Others are told by their place.
2. What lies in all of that, level by level, in ranges.
3. Lock the batches, in the order of their ids, for everybody. What lies in what may have changed
   until then, so 2 is done again under the locks: if it leads into further batches, the locks
   are given up, and all of them are taken anew.
4. The sender may do this in each of the batches.
5. Rewrite the tiles: void codes are passed over, and what this dealer has in stays as it is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from ...codegen.ranges.aggregation import CodeRanges
from ...codegen.ranges.attributes import Value, to_json
from ...codegen.ranges.lifecycle import Action, ApiState, Standing, State, step, to_api_state
from ...codegen.ranges.serials import Range, Ranges, count, join, union
from ...codegen.ranges.tiling import Stuck, Tile, rewrite
from ...codegen.ranges.tiling import select as cut
from ..client import wire
from . import dialects, link_store, tables, tile_store
from .in_the_way import InTheWay
from .limits import BackendLimits
from .nesting import merged, without
from .problems import Problem

Codes = Mapping[int, Ranges]  # by the number of their batch
Permit = Callable[[str], None]


@dataclass(frozen=True)
class ScanInRequest:
    """A scan-in, checked. `codes`: the fingerprints that each of its texts may have.

    `prints`: a keyed digest of each text as it was sent, by which the same content is known.
    `ranges`: ascending by batch, each batch once.
    """

    scan_in: str
    dealer: str
    codes: tuple[Sequence[bytes], ...] = ()
    prints: tuple[str, ...] = ()
    ranges: tuple[CodeRanges, ...] = ()
    contents: bool = True


@dataclass(frozen=True)
class TakenIn:
    """What a scan-in changed, ascending by batch, and which of its texts nobody knows."""

    opened: tuple[CodeRanges, ...]
    unknown: tuple[int, ...]

    @property
    def ranges(self) -> int:
        """How many ranges were opened."""
        return sum(len(part.serials) for part in self.opened)

    @property
    def count(self) -> int:
        """How many codes were opened."""
        return sum(count(part.serials) for part in self.opened)


def apply_scan_in(
    connection: Connection, request: ScanInRequest, at: str, permit: Permit, limits: BackendLimits
) -> TakenIn:
    """Apply `request` at the time `at`, or raise `Problem`: the caller rolls back then.

    `permit` is called with each batch: it raises `Problem` for a sender who may not.
    Raises not-found, outside, invalid for more than a scan-in may hold, blocked.
    """
    named, unknown = _named(connection, request)  # 1
    found = _locked(connection, named, contents=request.contents)  # 2, 3
    names = _names(connection, found)
    for name in sorted(names.values()):
        permit(name)  # 4
    patch = {"dealer": request.dealer, "scanned_in": at}
    work = _Opening(connection, patch, limits.window_tiles)
    parts = tuple(
        CodeRanges(names[number], opened)
        for number in sorted(found, key=names.__getitem__)
        if (opened := work.open(names[number], number, found[number]))  # 5
    )
    if work.in_the_way.total:
        raise work.blocked()
    return TakenIn(parts, unknown)


def _named(connection: Connection, request: ScanInRequest) -> tuple[Codes, tuple[int, ...]]:
    """What is named by itself, and the places of texts that nobody knows."""
    live, batches = tables.fingerprints, tables.batches
    wanted = {fingerprint for candidates in request.codes for fingerprint in candidates}
    query = select(live).where(live.c.fingerprint.in_(wanted))
    rows = {bytes(row.fingerprint): row for row in connection.execute(query)} if wanted else {}
    named: dict[int, list[Range]] = {}
    unknown = []
    for place, candidates in enumerate(request.codes):
        row = next((rows[print_] for print_ in candidates if print_ in rows), None)
        if row is None:
            unknown.append(place)
        else:
            named.setdefault(row.batch, []).append(Range(row.serial, row.serial))
    for part in request.ranges:
        batch = connection.execute(select(batches).where(batches.c.batch == part.batch)).first()
        if batch is None:
            raise Problem("not-found", f"register batch {part.batch} first")
        if part.serials[-1].last > batch.quantity:
            raise Problem("outside", f"batch {part.batch} holds serials 1 to {batch.quantity}")
        named.setdefault(batch.number, []).extend(part.serials)
    return {number: union(ranges) for number, ranges in named.items()}, tuple(unknown)


def _locked(connection: Connection, named: Codes, *, contents: bool) -> Codes:
    """All that is taken in, its batches locked: from now on it stays what it is."""
    found = _whole(connection, named, contents=contents)
    while dialects.is_postgresql(connection):  # on SQLite a writer is alone
        savepoint = connection.begin_nested()
        table = tables.batches
        query = select(table.c.number).where(table.c.number.in_(list(found)))
        connection.execute(query.order_by(table.c.batch).with_for_update()).all()
        again = _whole(connection, named, contents=contents)
        if again.keys() <= found.keys():
            savepoint.commit()
            return again
        savepoint.rollback()  # which gives the locks back
        found = again
    return found


def _whole(connection: Connection, named: Codes, *, contents: bool) -> Codes:
    """What is named, and all that lies in it. Raises `Problem` invalid for too much."""
    found, level = dict(named), dict(named) if contents else {}
    while True:
        if sum(map(len, found.values())) > wire.SCAN_IN_RANGES:
            raise _too_much()
        if not level:
            return found
        level = without(link_store.children(connection, level), found)
        found = merged(found, level)


def _names(connection: Connection, codes: Codes) -> dict[int, str]:
    table = tables.batches
    query = select(table.c.number, table.c.batch).where(table.c.number.in_(list(codes)))
    return {row.number: row.batch for row in connection.execute(query)}


def _too_much() -> Problem:
    return Problem(
        "invalid", f"more than {wire.SCAN_IN_RANGES} ranges in one scan-in: send several"
    )


@dataclass
class _Opening:
    """One scan-in on its way through the tiles."""

    connection: Connection
    patch: Mapping[str, Value]
    window: int  # in tiles
    in_the_way: InTheWay[tuple[str, ApiState]] = field(default_factory=InTheWay)
    _ranges: int = 0

    def __post_init__(self) -> None:
        self._standings = tile_store.Standings(self.connection)
        self._next: dict[int, int | None] = {}  # standing → standing; None: in the way

    def open(self, name: str, batch: int, ranges: Ranges) -> Ranges:
        """Rewrite the tiles of these codes; the ranges that changed."""
        changed = list[Range]()
        for serials in ranges:
            for tiles, part in tile_store.windows(self.connection, batch, serials, self.window):
                self._look_at(name, cut(tiles, [part]), changed)
                if not self.in_the_way.total:
                    new = rewrite(tiles, [part], self._change)
                    tile_store.replace(self.connection, batch, tiles, new)
        found = join(changed)
        self._ranges += len(found)
        if self._ranges > wire.SCAN_IN_RANGES:
            raise _too_much()
        return found

    def blocked(self) -> Problem:
        """The refusal for what is in the way."""
        shown = [
            {"batch": name, "serials": piece.pair(), "state": state.value}
            for piece, (name, state) in self.in_the_way.shown
        ]
        detail = "there is no room for two more attributes"
        return Problem("blocked", detail, blocked=shown, blocked_total=self.in_the_way.total)

    def _look_at(self, name: str, tiles: Iterable[Tile[int]], changed: list[Range]) -> None:
        for tile in tiles:
            following = self._following(tile.value)
            if following is None:
                state = to_api_state(self._standings.get(tile.value).state)
                self.in_the_way.add(tile.serials, (name, state))
            elif following != tile.value:
                changed.append(tile.serials)

    def _change(self, number: int) -> int:
        following = self._following(number)
        if following is None:
            raise Stuck
        return following

    def _following(self, number: int) -> int | None:
        if number not in self._next:
            self._next[number] = self._stepped(number)
        return self._next[number]

    def _stepped(self, number: int) -> int | None:
        standing = self._standings.get(number)
        if standing.state is State.VOID or self._is_in(standing):
            return number
        try:
            return self._standings.number(step(standing, Action.ASSIGN, attributes=self.patch))
        except Stuck:
            return None

    def _is_in(self, standing: Standing) -> bool:
        """Whether this dealer took it in before."""
        kept = to_json(standing.attributes)
        return kept.get("dealer") == self.patch["dealer"] and "scanned_in" in kept

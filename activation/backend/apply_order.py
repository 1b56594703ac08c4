"""Applying an order: guards, tiles, fingerprints and answer, inside one transaction.

1. Window by window: rewrite the tiles, and make the fingerprints of an activation live. Once
   a tile is in the way, only look for others that are.
2. Refuse the order if a tile is in the way, or if it would touch another number of codes
   than it names. The caller rolls back what 1 wrote.
3. An activation recognises unknown scans as scans of the codes it has just made live.
4. It names the codes that were scanned before they were active.
"""

import bisect
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from sqlalchemy import Connection, delete, select

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
from ...codegen.ranges.serials import Range, Ranges, to_pairs
from ...codegen.ranges.tiling import BLOCKED_SHOWN, Blocked, Stuck, Tile, rewrite
from ...codegen.ranges.tiling import select as cut
from ..client.wire import LISTED, OrderAnswer
from . import chunks, dialects, tables, tile_store
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
    work = _Work(connection, batch, order, now - limits.pending_seconds)
    for serials in order.serials:  # 1
        for tiles, part in tile_store.windows(connection, batch, serials, limits.window_tiles):
            work.window(tiles, part)
    work.check()  # 2
    before: tuple[int, ...] = ()
    if order.action is Action.ACTIVATE:
        _recognise(connection, batch)  # 3
        before = _scanned_before(connection, batch, order.serials)
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


def identity(order: Request) -> str:
    """A text that is equal for two requests that want the same change.

    Not part of it: `dry_run`, which is never stored, and `audit_head`, which moves on
    between two attempts to deliver an order.
    """
    parts = vars(order) | {"serials": to_pairs(order.serials), "attributes": dict(order.attributes)}
    del parts["dry_run"], parts["audit_head"]
    return json.dumps(parts, ensure_ascii=False, sort_keys=True)


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

    def __init__(self, connection: Connection, batch: int, order: Request, cutoff: int) -> None:
        self._connection = connection
        self._batch = batch
        self._order = order
        self._cutoff = cutoff
        self._standings = tile_store.Standings(connection)
        self._next: dict[int, int | None] = {}  # standing → standing; None: in the way
        self._blocked: list[Tile[int]] = []
        self._blocked_total = 0
        self.applied, self.skipped = _List(), _List()

    def window(self, tiles: list[Tile[int]], part: Range) -> None:
        """Rewrite a window; once a tile is in the way, only look for others that are."""
        applied = []
        for tile in cut(tiles, [part]):
            if self._skips(tile.value):
                self.skipped.add(tile.serials)
            else:
                applied.append(tile.serials)
                self.applied.add(tile.serials)
        try:
            new = rewrite(tiles, [part], self._change)
        except Blocked as blocked:
            self._blocked_total += blocked.total
            room = BLOCKED_SHOWN - len(self._blocked)
            self._blocked += cast("tuple[Tile[int], ...]", blocked.tiles[:room])
        if self._blocked_total:
            return
        tile_store.replace(self._connection, self._batch, tiles, new)
        if self._order.action is Action.ACTIVATE and applied:
            chunks.enliven(self._connection, self._batch, applied, self._cutoff)

    def check(self) -> None:
        """Raise `Problem` if a tile was in the way, then if the count differs."""
        if self._blocked_total:
            raise self._in_the_way()
        wanted = self._order.count
        if wanted is not None and wanted != self.applied.count:
            raise Problem(
                "count-differs",
                f"the order names {wanted} codes and would touch {self.applied.count}",
                count=wanted,
                would_touch=self.applied.count,
            )

    def _standing(self, number: int) -> Standing:
        return self._standings.get(number)

    def _skips(self, number: int) -> bool:
        order = self._order
        return order.skip_void and passed_over(self._standing(number).state, order.action)

    def _needs_count(self, number: int) -> bool:
        return (
            self._order.action is Action.VOID
            and self._order.count is None
            and live(self._standing(number))
        )

    def _change(self, number: int) -> int:
        if number not in self._next:
            self._next[number] = number if self._skips(number) else self._stepped(number)
        following = self._next[number]
        if following is None:
            raise Stuck
        return following

    def _stepped(self, number: int) -> int | None:
        standing, order = self._standing(number), self._order
        elsewhere = (
            order.from_state is not None and to_api_state(standing.state) != order.from_state
        )
        if elsewhere or self._needs_count(number):
            return None
        try:
            after = step(standing, order.action, attributes=order.attributes, reason=order.reason)
        except Stuck:
            return None
        return self._standings.number(after)

    def _in_the_way(self) -> Problem:
        shown = [
            {
                "serials": tile.serials.pair(),
                "state": to_api_state(self._standing(tile.value).state).value,
            }
            for tile in self._blocked
        ]
        name = "blocked"
        detail = f"{self._order.action.value} is not possible where these ranges stand"
        if all(self._needs_count(tile.value) for tile in self._blocked):
            name, detail = "count-required", "say how many codes the order is to touch"
        return Problem(name, detail, blocked=shown, blocked_total=self._blocked_total)


def _recognise(connection: Connection, batch: int) -> None:
    """Note that unknown scans of codes that are live by now were early scans of these codes.

    Counters by serial, then unknown scans by fingerprint: scans lock them in this order.
    """
    live, unknown, scans = tables.fingerprints, tables.unknown_scans, tables.scans
    serial = (
        select(live.c.serial)
        .where(live.c.fingerprint == unknown.c.fingerprint, live.c.batch == batch)
        .scalar_subquery()
    )
    matched = select(unknown.c.id, unknown.c.fingerprint, serial.label("serial")).subquery()
    query = select(matched).where(matched.c.serial.is_not(None)).order_by(matched.c.serial)
    rows = connection.execute(query).all()
    for row in rows:
        early = dialects.upsert(connection, scans).values(
            batch=batch, serial=row.serial, scans=0, early=True
        )
        connection.execute(
            early.on_conflict_do_update(index_elements=["batch", "serial"], set_={"early": True})
        )
    for row in sorted(rows, key=lambda row: bytes(row.fingerprint)):
        connection.execute(delete(unknown).where(unknown.c.id == row.id))


def _scanned_before(connection: Connection, batch: int, ranges: Sequence[Range]) -> tuple[int, ...]:
    """Serials of `ranges`, now active, that were ever scanned while they were not."""
    scans = tables.scans
    query = (
        select(scans.c.serial)
        .where(
            scans.c.batch == batch,
            scans.c.serial.between(ranges[0].first, ranges[-1].last),
            scans.c.early,
            tile_store.is_active(scans.c.batch, scans.c.serial),
        )
        .order_by(scans.c.serial)
        .execution_options(yield_per=1_000)
    )
    found = []
    with connection.execute(query) as result:
        for serial in _within(result.scalars(), ranges):
            found.append(serial)
            if len(found) == LISTED:
                break
    return tuple(found)


def _within(serials: Iterator[int], ranges: Sequence[Range]) -> Iterator[int]:
    firsts = [piece.first for piece in ranges]
    for serial in serials:
        index = bisect.bisect_right(firsts, serial) - 1
        if index >= 0 and serial <= ranges[index].last:
            yield serial

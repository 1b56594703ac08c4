"""Reading a batch back: its ranges, page by page, with what a line compares."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, case, func, select

from ...codegen.ranges.attributes import Attributes, to_json
from ...codegen.ranges.lifecycle import ApiState, Standing, to_api_state
from ...codegen.ranges.serials import Range
from ...codegen.ranges.tiling import Tile, join
from ..client import wire
from . import live_runs, tables, tile_store
from .limits import BackendLimits

_START = datetime(1970, 1, 1)  # noqa: DTZ001 — as of `_seconds`
_INFO = tuple(item.name for item in fields(wire.Batch))


def info(row: Row[Any]) -> wire.Batch:
    """The batch as it was registered."""
    return wire.Batch(**{name: getattr(row, name) for name in _INFO})


@dataclass(frozen=True)
class PageQuery:
    """What is asked of a batch: from where on, whether with digests, and scanned since when."""

    after: int = 0
    digests: bool = False
    since: datetime | None = None


def read(
    connection: Connection, row: Row[Any], query: PageQuery, limits: BackendLimits
) -> wire.BatchPage:
    """The ranges of the batch in `row` that are asked for, as many as a page holds."""
    after, digests = query.after, query.digests
    most = after + wire.PAGE_CODES if digests else row.quantity
    room, found = limits.page_attribute_chars, list[Tile[Shown]]()
    for piece in pieces(connection, row, after, most):
        if room < 0:
            break
        room -= sum(len(key) + len(value) for key, value in piece.value.attributes)
        found.append(piece)
    counts = _Scanned(connection, row.number, [piece.serials for piece in found], query.since)
    ranges = [_range(connection, row.number, piece, counts, digests=digests) for piece in found]
    last = ranges[-1].last if ranges else row.quantity
    return wire.BatchPage(info(row), tuple(ranges), last if last < row.quantity else None)


def pieces(connection: Connection, row: Row[Any], after: int, most: int) -> Iterator[Tile["Shown"]]:
    """The ranges from serial `after + 1` to `most`, cut to these serials; a page's worth.

    Joined by what a reader sees: why a code was voided splits no range.
    """
    standings = tile_store.Standings(connection)
    seen = (
        Tile(tile.serials, _shown(standings.get(tile.value)))
        for tile in _tiles(connection, row, after, most)
    )
    yield from join(seen)


def _tiles(connection: Connection, row: Row[Any], after: int, most: int) -> Iterator[Tile[int]]:
    """The tiles from serial `after + 1` to `most`, cut to these serials; a page's worth."""
    if after >= row.quantity:
        return
    for tile in tile_store.page(connection, row.number, after + 1, wire.PAGE_RANGES):
        if tile.serials.first > most:
            return
        first, last = max(tile.serials.first, after + 1), min(tile.serials.last, most)
        yield Tile(Range(first, last), tile.value)


@dataclass(frozen=True)
class Shown:
    """What a reader sees of a standing."""

    state: ApiState
    attributes: Attributes


def _shown(standing: Standing) -> Shown:
    return Shown(to_api_state(standing.state), standing.attributes)


class _Scanned:
    """How many codes of each of these ranges (ascending) were scanned, and how many since."""

    def __init__(
        self,
        connection: Connection,
        batch: int,
        ranges: Sequence[Range],
        since: datetime | None,
    ) -> None:
        self.scanned: Counter[int] = Counter()
        self.since: Counter[int] | None = None
        if not ranges:
            return
        self._ranges = ranges
        self.scanned = self._count(connection, batch, None)
        if since is not None:
            self.since = self._count(connection, batch, _seconds(since))

    def _count(self, connection: Connection, batch: int, since: int | None) -> "Counter[int]":
        """By the first serial of the range; tile by tile, in one statement."""
        tiles, scans = tables.tiles, tables.scans
        whole = Range(self._ranges[0].first, self._ranges[-1].last)
        # The first tile and the last may reach over the page. Compared with the page besides, each
        # tile would have SQLite read all scans of the page.
        low = case((tiles.c.first < whole.first, whole.first), else_=tiles.c.first)
        high = case((tiles.c.last > whole.last, whole.last), else_=tiles.c.last)
        counted = (
            select(func.count())
            .select_from(scans)
            .where(
                scans.c.batch == tiles.c.batch,
                scans.c.serial.between(low, high),
                scans.c.scans > 0,
            )
        )
        if since is not None:
            counted = counted.where(scans.c.first_scan >= since)
        first = tile_store.start(batch, whole.first)
        query = select(tiles.c.first, counted.scalar_subquery()).where(
            tiles.c.batch == batch, tiles.c.first >= first, tiles.c.first <= whole.last
        )
        firsts, found = [piece.first for piece in self._ranges], Counter[int]()
        for first_of_tile, count in connection.execute(query):
            found[firsts[max(bisect_right(firsts, first_of_tile) - 1, 0)]] += count
        return found


def _seconds(moment: datetime) -> int:
    """The whole seconds since 1970 that are at or after a moment."""
    # In UTC it may lie before the year 1, so the offset is taken off by hand.
    left = _START - moment.replace(tzinfo=None) + (moment.utcoffset() or timedelta())
    return -(left // timedelta(seconds=1))


def _range(
    connection: Connection, batch: int, piece: Tile[Shown], counts: _Scanned, *, digests: bool
) -> wire.RangeState:
    serials = piece.serials
    return wire.RangeState(
        first=serials.first,
        last=serials.last,
        state=piece.value.state,
        attributes=to_json(piece.value.attributes),
        scanned=counts.scanned[serials.first],
        held=live_runs.count(connection, batch, serials) if digests else None,
        digest=live_runs.digest(connection, batch, serials) if digests else None,
        scanned_since=None if counts.since is None else counts.since[serials.first],
    )

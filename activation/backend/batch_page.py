"""Reading a batch back: its ranges, page by page, with what a line compares."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Row, func, select

from ...codegen.ranges.attributes import Attributes, to_json
from ...codegen.ranges.lifecycle import ApiState, Standing, to_api_state
from ...codegen.ranges.serials import Range
from ...codegen.ranges.tiling import Tile, join
from ..client import wire
from . import chunks, tables, tile_store
from .limits import BackendLimits

_INFO = tuple(item.name for item in fields(wire.Batch))


def info(row: Row[Any]) -> wire.Batch:
    """The batch as it was registered."""
    return wire.Batch(**{name: getattr(row, name) for name in _INFO})


def read(
    connection: Connection, row: Row[Any], after: int, limits: BackendLimits, *, digests: bool
) -> wire.BatchPage:
    """The ranges of the batch in `row` after serial `after`, as many as a page holds."""
    most = after + wire.PAGE_CODES if digests else row.quantity
    room, standings = limits.page_attribute_chars, tile_store.Standings(connection)
    ranges: list[wire.RangeState] = []
    # Joined by what a reader sees: why a code was voided splits no range.
    seen = (
        Tile(tile.serials, _shown(standings.get(tile.value)))
        for tile in _tiles(connection, row, after, most)
    )
    for piece in join(seen):
        if room < 0:
            break
        room -= sum(len(key) + len(value) for key, value in piece.value.attributes)
        ranges.append(_range(connection, row.number, piece, digests=digests))
    last = ranges[-1].last if ranges else row.quantity
    return wire.BatchPage(info(row), tuple(ranges), last if last < row.quantity else None)


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
class _Shown:
    """What a reader sees of a standing."""

    state: ApiState
    attributes: Attributes


def _shown(standing: Standing) -> _Shown:
    return _Shown(to_api_state(standing.state), standing.attributes)


def _range(
    connection: Connection, batch: int, piece: Tile[_Shown], *, digests: bool
) -> wire.RangeState:
    scans, serials = tables.scans, piece.serials
    scanned = (
        select(func.count())
        .select_from(scans)
        .where(
            scans.c.batch == batch,
            scans.c.serial.between(serials.first, serials.last),
            scans.c.scans > 0,
        )
    )
    return wire.RangeState(
        first=serials.first,
        last=serials.last,
        state=piece.value.state,
        attributes=to_json(piece.value.attributes),
        scanned=connection.execute(scanned).scalar_one(),
        held=chunks.live_count(connection, batch, serials) if digests else None,
        digest=chunks.digest(connection, batch, serials) if digests else None,
    )

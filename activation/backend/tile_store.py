"""The tiles of a batch in the database: which serials have which standing.

A tile holds the number of a standing, not the standing: equal standings share a number,
so a rewrite compares and copies integers.
"""

import json
from collections.abc import Iterator
from itertools import pairwise

from sqlalchemy import ColumnElement, Connection, ScalarSelect, delete, func, insert, select

from ...codegen.ranges.attributes import from_json, to_json
from ...codegen.ranges.lifecycle import ApiState, Standing, State, to_api_state
from ...codegen.ranges.serials import Range
from ...codegen.ranges.tiling import Tile
from . import dialects, tables
from .damage import Damaged

FRESH = Standing(State.PACKAGED)  # what a backend calls inactive


class Standings:
    """Standings by number, for the length of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[int, Standing] = {}

    def get(self, number: int) -> Standing:
        """The standing with this number."""
        if number not in self._known:
            query = select(tables.standings.c.value).where(tables.standings.c.id == number)
            self._known[number] = _load(self._connection.execute(query).scalar_one())
        return self._known[number]

    def number(self, standing: Standing) -> int:
        """The number of this standing, given now if it has none."""
        text = _dump(standing)
        query = select(tables.standings.c.id).where(tables.standings.c.value == text)
        found = self._connection.execute(query).scalar_one_or_none()
        if found is None:
            row = {"state": to_api_state(standing.state).value, "value": text}
            _intern(self._connection, row)
            found = int(self._connection.execute(query).scalar_one())
        self._known[found] = standing
        return found


def _intern(connection: Connection, row: dict[str, str]) -> None:
    """Give a standing its number; another worker may be doing the same at this moment.

    On PostgreSQL in a transaction of its own: within a long one, two orders that need the
    same new standings in another order would wait for each other.
    """
    statement = dialects.upsert(connection, tables.standings).values(row).on_conflict_do_nothing()
    if not dialects.is_postgresql(connection):
        connection.execute(statement)
        return
    with connection.engine.execution_options(writes=True).begin() as own:
        own.execute(statement)


def known(connection: Connection, numbers: set[int], standings: dict[int, Standing]) -> None:
    """Add the standings with these numbers to those known."""
    # Not a difference of sets: that would walk through all that are known.
    table, missing = tables.standings, {n for n in numbers if n not in standings}
    if missing:
        query = select(table.c.id, table.c.value).where(table.c.id.in_(missing))
        standings.update({row.id: _load(row.value) for row in connection.execute(query)})


def begin(connection: Connection, batch: int, quantity: int) -> None:
    """Tile a new batch: all of it inactive."""
    number = Standings(connection).number(FRESH)
    row = {"batch": batch, "first": 1, "last": quantity, "standing": number}
    connection.execute(insert(tables.tiles).values(row))


def windows(
    connection: Connection, batch: int, serials: Range, size: int
) -> Iterator[tuple[list[Tile[int]], Range]]:
    """`serials` part by part, each with the tiles it touches and a neighbour on either side.

    At most `size` (3 or more) tiles at a time. Tiles that the caller writes back are read
    in the next window, so tiles also join across windows.
    """
    first = serials.first
    while first <= serials.last:
        found = _tiles(connection, batch, max(first - 1, 1), serials.last + 1, size)
        last = serials.last
        if len(found) == size:
            # The last tile is only the neighbour: the tile after it has not been read.
            last = min(last, found[-1].serials.first - 1)
        _require(found, first, last)
        yield found, Range(first, last)
        first = last + 1


def replace(connection: Connection, batch: int, old: list[Tile[int]], new: list[Tile[int]]) -> None:
    """Put `new` in the place of `old`; both tile the same serials."""
    if old == new:
        return
    table, first, last = tables.tiles, old[0].serials.first, old[-1].serials.last
    connection.execute(
        delete(table).where(table.c.batch == batch, table.c.first.between(first, last))
    )
    connection.execute(
        insert(table),
        [
            {
                "batch": batch,
                "first": tile.serials.first,
                "last": tile.serials.last,
                "standing": tile.value,
            }
            for tile in new
        ],
    )


def page(connection: Connection, batch: int, first: int, size: int) -> list[Tile[int]]:
    """At most `size` tiles, from the tile that holds `first`."""
    found = _tiles(connection, batch, first, None, size)
    _require(found, first, first)
    return found


def start(batch: int, serial: int) -> ScalarSelect[int]:
    """In SQL, where the tile begins that holds this serial."""
    table = tables.tiles.alias()
    return (
        select(func.max(table.c.first))
        .where(table.c.batch == batch, table.c.first <= serial)
        .scalar_subquery()
    )


def is_active(batch: ColumnElement[int], serial: ColumnElement[int]) -> ColumnElement[bool]:
    """An SQL condition: the tile that holds this serial is active."""
    inner = tables.tiles.alias()
    start = (
        select(func.max(inner.c.first))
        .where(inner.c.batch == batch, inner.c.first <= serial)
        # By itself SQLAlchemy correlates a query with the next one around it, not with the second.
        .correlate_except(inner)
        .scalar_subquery()
    )
    return (
        select(tables.standings.c.id)
        .join(tables.tiles, tables.tiles.c.standing == tables.standings.c.id)
        .where(
            tables.tiles.c.batch == batch,
            tables.tiles.c.first == start,
            tables.standings.c.state == ApiState.ACTIVE.value,
        )
        .exists()
    )


def _require(found: list[Tile[int]], first: int, last: int) -> None:
    """Raises `Damaged` unless the tiles touch each other and hold `first` to `last`."""
    whole = last >= first and bool(found)
    whole = whole and found[0].serials.first <= first and found[-1].serials.last >= last
    touching = all(a.serials.last + 1 == b.serials.first for a, b in pairwise(found))
    if not whole or not touching:
        raise Damaged


def _tiles(
    connection: Connection, batch: int, first: int, last: int | None, size: int
) -> list[Tile[int]]:
    table = tables.tiles
    query = (
        select(table.c.first, table.c.last, table.c.standing)
        .where(table.c.batch == batch, table.c.first >= start(batch, first))
        .order_by(table.c.first)
        .limit(size)
    )
    if last is not None:
        query = query.where(table.c.first <= last)
    return [Tile(Range(row[0], row[1]), row[2]) for row in connection.execute(query)]


def _dump(standing: Standing) -> str:
    return json.dumps(
        {
            "state": standing.state.value,
            "back": standing.back.value if standing.back else None,
            "reason": standing.reason,
            "attributes": to_json(standing.attributes),
        },
        ensure_ascii=False,
        sort_keys=True,
    )


def _load(text: str) -> Standing:
    value = json.loads(text)
    return Standing(
        state=State(value["state"]),
        back=State(value["back"]) if value["back"] else None,
        attributes=from_json(value["attributes"]),
        reason=value["reason"],
    )

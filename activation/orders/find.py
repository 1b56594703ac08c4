"""`find`: where the codes stand that meet conditions; nothing is changed."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from ...codegen import ids
from ...codegen.errors import NotFound, UsageError
from ...codegen.ledger.view import View
from ...codegen.ranges import tiling, values
from ...codegen.ranges.attributes import to_json
from ...codegen.ranges.lifecycle import Standing, State
from ...codegen.ranges.serials import Ranges
from ...codegen.ranges.tiling import Tile
from ...codegen.ranges.where import conditions
from ...codegen.report import RangeShown
from ...codegen.result import Result
from ...codegen.station.station import Station
from .matching import Tiles, check_no_code, every_state, matched
from .selection import BySerials, resolve
from .spans import reader

_AFTER = re.compile(r"([0-9A-Za-z]{4}-[0-9A-Za-z]{8}):(\d{1,12})", re.ASCII)


@dataclass(frozen=True)
class FindRequest:
    """What is looked for, by conditions as they are typed: in all batches, or of one.

    Serials need their batch. At most `limit` ranges are told, of those after `after`
    (`BATCH:SERIAL`).
    """

    where: tuple[str, ...]
    batch: str | None = None
    serials: str | None = None
    after: str | None = None
    limit: int = 100


@dataclass(frozen=True)
class BatchOfCodes:
    """How many codes of a batch meet the conditions, in which states, in how many ranges."""

    batch: str
    codes: int
    states: Mapping[State, int]
    ranges_count: int


@dataclass(frozen=True)
class RangeOfCodes(RangeShown):
    """Serials of a batch, and their standing."""

    batch: str

    def text(self) -> str:
        """A line of text."""
        return f"  {self.batch}{super().text()}"


@dataclass(frozen=True)
class CodesFound(Result):
    """The codes that meet `where`. `next` is the `--after` of the next page of `ranges`."""

    reads = True

    where: tuple[str, ...]
    codes: int
    states: Mapping[State, int]
    batches: tuple[BatchOfCodes, ...]
    ranges: tuple[RangeOfCodes, ...]
    next: str | None

    def lines(self) -> Iterator[str]:
        """The sums, a line per batch, then the ranges."""
        yield f"{self.codes:,} codes where {'; '.join(self.where)}: {_in_words(self.states)}"
        for batch in self.batches:
            ranges = f"{batch.ranges_count:,} ranges" if batch.ranges_count > 1 else "1 range"
            yield f"{batch.batch}  {batch.codes:>11,}  {ranges}: {_in_words(batch.states)}"
        yield from (piece.text() for piece in self.ranges)
        if self.next is not None:
            yield f"  more: the same with --after {self.next}"


def find(station: Station, request: FindRequest) -> CodesFound:
    """The codes that meet the conditions, batch by batch.

    Raises `NotFound` if there are none, or an id in them is unknown; `UsageError` for texts that
    are compared and have no order, and for malformed conditions and a malformed `after`.
    """
    where = conditions(request.where, reader(station.config.time_zone))
    check_no_code(station, where)
    batch = ids.fold(request.batch or "")
    after = _after(request.after)
    ranges = _ranges(station, batch, request.serials)
    with station.ledger.read() as view:
        batches, told, more = _page(
            view,
            request,
            matched(view, where, batch=batch, ranges=ranges),
            after,
            station.now(),
        )
    states = Counter[State]()
    for each in batches:
        states.update(each.states)
    if not batches:
        raise NotFound(
            "no codes meet these conditions",
            "void ones do only if they are named: state=void",
            "what a batch has: mintmark batch show BATCH",
        )
    last = told[-1] if told and more else None
    return CodesFound(
        where=where.texts(),
        codes=states.total(),
        states=every_state(states),
        batches=tuple(batches),
        ranges=tuple(told),
        next=f"{last.batch}:{last.serials[0].first}" if last else None,
    )


def _page(
    view: View,
    request: FindRequest,
    found: Iterable[tuple[str, Tiles]],
    after: tuple[str, int] | None,
    now: datetime,
) -> tuple[list[BatchOfCodes], list[RangeOfCodes], bool]:
    """The batches; the ranges of the page; whether there are more."""
    batches: list[BatchOfCodes] = []
    told: list[RangeOfCodes] = []
    begun, more = after is None, False
    for name, tiles in found:
        joined = tiling.join(tiles)
        batches.append(_batch(name, joined))
        from_serial = 0
        if not begun and after is not None and after[0] == name:
            begun, from_serial = True, after[1]
        if begun:
            fresh = [tile for tile in joined if tile.serials.first > from_serial]
            room = request.limit - len(told)
            told += (_range(name, tile, now) for tile in fresh[:room])
            more = more or len(fresh) > room
    if not begun and after is not None:
        view.batch(after[0])
    return batches, told, more


def _batch(batch: str, tiles: list[Tile[Standing]]) -> BatchOfCodes:
    states = Counter[State]()
    for tile in tiles:
        states[tile.value.state] += len(tile.serials)
    return BatchOfCodes(batch, states.total(), every_state(states), len(tiles))


def _range(batch: str, tile: Tile[Standing], now: datetime) -> RangeOfCodes:
    standing = tile.value
    return RangeOfCodes(
        serials=(tile.serials,),
        state=standing.state,
        package=standing.package,
        attributes=to_json(standing.attributes),
        reason=standing.reason,
        holding=values.holding(standing.attributes, now),
        batch=batch,
    )


def _ranges(station: Station, batch: str, serials: str | None) -> Ranges | None:
    if serials is None:
        return None
    if not batch:
        raise UsageError("serials of which batch?", "name the batch, too")
    return resolve(station, batch, BySerials(serials))


def _after(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    match = _AFTER.fullmatch(text.strip())
    if match is None:
        raise UsageError("--after is BATCH:SERIAL", "take it from next, or from the line more")
    return ids.fold(match[1]), int(match[2])


def _in_words(states: Mapping[State, int]) -> str:
    return ", ".join(f"{codes:,} {state}" for state, codes in states.items() if codes)

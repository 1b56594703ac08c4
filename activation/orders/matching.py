"""Which codes of the books meet conditions, batch by batch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...codegen.ledger.records import BatchRow, UnitRow
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.lifecycle import Standing, State
from ...codegen.ranges.serials import Range, Ranges
from ...codegen.ranges.tiling import Tile
from ...codegen.ranges.where import CodeFacts, Where
from ...codegen.station import misplaced
from ...codegen.station.station import Station

Tiles = tuple[Tile[Standing], ...]


def check_no_code(station: Station, where: Where) -> None:
    """Raises `UsageError` if a value is or holds a code: conditions are shown, and files kept."""
    misplaced.refuse(station, (("condition", value) for value in where.values()))


def matched(
    view: View, where: Where, *, batch: str = "", ranges: Ranges | None = None, void: bool = False
) -> Iterator[tuple[str, Tiles]]:
    """(batch, the tiles of its codes that match), oldest batch first; read as it is consumed.

    `batch`: of this one only; `ranges`: of these of its serials. `void`: void codes are meant.
    Batches without such codes are left out. Raises `NotFound` for an id in a condition that is
    not in the books, `UsageError` for texts that are compared and have no order.
    """
    search = _Search(view, where, _named(view, where), void)
    for row in [view.batch(batch)] if batch else view.batches():
        facts = CodeFacts(row.batch, row.minted_at, row.product, row.role)
        if where.may_match(facts):
            found = tuple(search.of_batch(row, facts, ranges or (Range(1, row.quantity),)))
            if found:
                yield row.batch, found


def _named(view: View, where: Where) -> tuple[UnitRow, ...]:
    """The units that the conditions name. Raises `NotFound` for what is not in the books."""
    for batch in where.of("batch"):
        view.batch(batch)
    for contact in where.of("contact"):
        view.contact(contact)
    for package in where.of("package"):
        view.package(package)
    return tuple(view.unit(unit) for unit in where.of("unit"))


@dataclass
class _Search:
    """Conditions, asked of one tile after another; of equal ones once."""

    view: View
    where: Where
    units: tuple[UnitRow, ...]
    void: bool
    contacts: dict[str, str] = field(default_factory=dict)

    def of_batch(self, row: BatchRow, facts: CodeFacts, ranges: Ranges) -> Iterator[Tile[Standing]]:
        """The tiles of `ranges` that match."""
        here = [unit for unit in self.units if row.batch in (unit.batch, unit.pair)]
        known: dict[tuple[Standing, frozenset[str]], bool] = {}
        for tile in self.view.select(row.batch, ranges):
            for piece, names in _cut(tile, here):
                key = tile.value, names
                if key not in known:
                    known[key] = self._matches(tile.value, replace(facts, units=names))
                if known[key]:
                    yield Tile(piece, tile.value)

    def _matches(self, standing: Standing, facts: CodeFacts) -> bool:
        if standing.package is not None:
            if standing.package not in self.contacts:
                self.contacts[standing.package] = self.view.package(standing.package).contact
            facts = replace(facts, contact=self.contacts[standing.package])
        return self.where.matches(standing, facts, void=self.void)


def _cut(tile: Tile[Standing], units: Sequence[UnitRow]) -> Iterator[tuple[Range, frozenset[str]]]:
    """The parts of a tile, each with the units of `units` that it lies in."""
    its = [unit for unit in units if unit.package == tile.value.package]
    edges = {edge for unit in its for edge in (unit.first, unit.last + 1)}
    inside = sorted(e for e in edges if tile.serials.first < e <= tile.serials.last)
    starts = [tile.serials.first, *inside]
    for start, after in zip(starts, [*inside, tile.serials.last + 1], strict=True):
        piece = Range(start, after - 1)
        yield piece, frozenset(u.unit for u in its if u.first <= start <= u.last)


def every_state(codes: Mapping[State, int]) -> dict[State, int]:
    """How many codes are in each state, 0 in those that are not in `codes`."""
    return {state: codes.get(state, 0) for state in State}


def ranges_of(tiles: Tiles) -> Ranges:
    """The serials of tiles, touching ones joined."""
    return serials.join(tile.serials for tile in tiles)

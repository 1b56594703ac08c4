"""Which codes an order is for: the ways to name them, and the serials of a batch they lead to.

What a carton leads to lies in several batches: see `named.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from ...codegen import ids
from ...codegen.errors import UsageError
from ...codegen.ledger.records import PackageRow
from ...codegen.ledger.view import View
from ...codegen.ranges import notation, tiling
from ...codegen.ranges.attributes import Value, to_json
from ...codegen.ranges.lifecycle import State
from ...codegen.ranges.selection import RANGES_PER_ORDER
from ...codegen.ranges.serials import Range, Ranges
from ...codegen.ranges.tiling import Tile
from ...codegen.scans.settings import PLAIN, ReaderSettings
from ...codegen.serials_file import read_text
from ...codegen.station.station import Station


@dataclass(frozen=True)
class BySerials:
    """Serials as text: `A-B`, `A-`, `A`, a list of these, `@FILE` or `all`."""

    text: str


@dataclass(frozen=True)
class ByRanges:
    """Serials that a program computed: ascending and disjoint."""

    ranges: Ranges


@dataclass(frozen=True)
class ByUnit:
    """A reel or a box, by its id."""

    unit: str


@dataclass(frozen=True)
class ByPackage:
    """All codes of a package, by its id."""

    package: str


@dataclass(frozen=True)
class ByScannedCodes:
    """The first and the last code scanned off a reel, in either order. Shown nowhere.

    `reader`: how they were read.
    """

    codes: tuple[str, str] = field(repr=False)
    reader: ReaderSettings = PLAIN


@dataclass(frozen=True)
class ByAttributes:
    """The codes of a batch that carry all of these. A value None matches codes without it.

    Void codes never match.
    """

    carried: Mapping[str, Value]


class Children(StrEnum):
    """Whether an order is for what is in a carton only, or for the carton with it."""

    ONLY = "only"
    WITH = "with"


@dataclass(frozen=True)
class ByCarton:
    """What lies in a carton or a pallet, at all levels: codes of any batches.

    `carton` names it: `BATCH:SERIAL`, an SSCC, or a code, which is shown nowhere. `reader`: how
    it was read.
    """

    carton: str = field(repr=False)
    children: Children = Children.WITH
    reader: ReaderSettings = PLAIN


InOneBatch = BySerials | ByRanges | ByUnit | ByPackage | ByScannedCodes | ByAttributes
Selection = InOneBatch | ByCarton


def selection(
    *,
    serials: str | None = None,
    unit: str | None = None,
    package: str | None = None,
    codes: tuple[str, str] | None = None,
    carton: ByCarton | None = None,
) -> Selection:
    """What options or fields select. Pure. Raises `UsageError` unless exactly one is given."""
    given: list[Selection] = []
    if serials:
        given.append(BySerials(serials))
    if unit:
        given.append(ByUnit(unit))
    if package:
        given.append(ByPackage(package))
    if codes:
        given.append(ByScannedCodes(codes))
    if carton:
        given.append(carton)
    if len(given) != 1:
        raise UsageError(
            "an order needs its serials named once",
            "give one of --serials, --unit, --package and --carton; for the whole batch:"
            " --serials all",
        )
    return given[0]


def by_carton(
    carton: str | None, children: str | None, reader: ReaderSettings = PLAIN
) -> ByCarton | None:
    """The carton that options or fields name, if they do. Pure. Raises `UsageError`."""
    if children is not None and children.lower() not in set(Children):
        raise UsageError(
            f"unknown children {ids.shown(children, name=True)}", f"known: {', '.join(Children)}"
        )
    if not carton or not carton.strip():
        if children is not None or carton is not None:
            raise UsageError("no carton is named", "name it: --carton; see docs/scanners.md")
        return None
    return ByCarton(carton, Children((children or Children.WITH).lower()), reader)


def resolve(station: Station, batch: str, selected: Selection) -> Ranges:
    """The serials of `batch` that are `selected`.

    Raises `UsageError` for malformed text, a carton, another batch's unit or package, and more
    ranges than an order takes; `NotFound` for unknown batches, units, packages and codes; `Refused`
    for scanned codes of another batch.
    """
    if isinstance(selected, ByCarton):
        raise UsageError("a carton holds codes of several batches", "name serials of a batch")
    if isinstance(selected, ByScannedCodes):
        from . import by_code  # here: it needs the vault, other selections do not

        return (by_code.between(station, batch, selected.codes, selected.reader),)
    with station.ledger.read() as view:
        ranges = _of_view(view, batch, selected)
    if len(ranges) > RANGES_PER_ORDER:
        raise UsageError(
            f"{len(ranges):,} ranges; one order takes at most {RANGES_PER_ORDER:,}",
            "split the list into several orders",
        )
    return ranges


def _of_view(
    view: View, batch: str, selected: BySerials | ByRanges | ByUnit | ByPackage | ByAttributes
) -> Ranges:
    row = view.batch(batch)
    match selected:
        case BySerials(text):
            return notation.parse(read_text(text), row.quantity)
        case ByRanges(ranges):
            return ranges
        case ByUnit(name):
            unit = view.unit(ids.fold(name))
            _check_owner(view.package(unit.package), row.batch)
            return (Range(unit.first, unit.last),)
        case ByPackage(name):
            package = view.package(ids.fold(name))
            _check_owner(package, row.batch)
            return package.serials
        case ByAttributes(carried):
            return matching(view, row.batch, carried)
    assert_never(selected)


def _check_owner(package: PackageRow, batch: str) -> None:
    if batch not in package.batches:
        owners = " and ".join(package.batches)
        raise UsageError(f"that unit or package belongs to batch {owners}", "name its own batch")


def matching(view: View, batch: str, carried: Mapping[str, Value]) -> Ranges:
    """The serials of `batch` that carry all of `carried`, without void codes."""
    hits: list[Tile[bool]] = []
    for tile in view.select(batch, (Range(1, view.batch(batch).quantity),)):
        attributes = to_json(tile.value.attributes)
        matches = all(attributes.get(key) == value for key, value in carried.items())
        if matches and tile.value.state is not State.VOID:
            hits.append(Tile(tile.serials, value=True))
    return tuple(tile.serials for tile in tiling.join(hits))

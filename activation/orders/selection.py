"""Which codes an order is for: the ways to name them, and the serials of a batch they lead to.

What a carton leads to lies in several batches: see `named.py`.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import assert_never

from ...codegen import ids
from ...codegen.errors import UsageError
from ...codegen.ledger.records import PackageRow
from ...codegen.ledger.view import View
from ...codegen.ranges import notation
from ...codegen.ranges.selection import RANGES_PER_ORDER
from ...codegen.ranges.serials import Range, Ranges
from ...codegen.ranges.where import Where
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
class ByCode:
    """A single code: as it was scanned, which is shown nowhere, or as `BATCH:SERIAL` or SSCC."""

    code: str = field(repr=False)
    reader: ReaderSettings = PLAIN


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


InOneBatch = BySerials | ByRanges | ByUnit | ByPackage | ByScannedCodes | ByCode


@dataclass(frozen=True)
class ByConditions:
    """The codes that meet conditions: of all batches, of one, or of those that `within` names."""

    where: Where
    within: InOneBatch | None = None


Selection = InOneBatch | ByCarton | ByConditions
# These name their batch themselves.
ALONE = (ByCode, ByUnit, ByPackage, ByCarton)


def selection(  # noqa: PLR0913 - the ways to name codes
    *,
    serials: str | None = None,
    unit: str | None = None,
    package: str | None = None,
    codes: tuple[str, str] | None = None,
    code: ByCode | None = None,
    carton: ByCarton | None = None,
    where: Where | None = None,
) -> Selection:
    """What options or fields select. Pure.

    Raises `UsageError` unless exactly one is given; beside `where`, at most one, and no carton.
    """
    given: list[InOneBatch] = []
    if serials:
        given.append(BySerials(serials))
    if unit:
        given.append(ByUnit(unit))
    if package:
        given.append(ByPackage(package))
    if codes:
        given.append(ByScannedCodes(codes))
    if code:
        given.append(code)
    if where and carton:
        raise UsageError(
            "a carton and conditions are named", "leave one out: an order for a carton is for all"
        )
    if len(given) > 1 or (given and carton) or not (given or carton or where):
        raise UsageError(
            "an order needs its serials named once",
            "give one of --serials, --unit, --package, --code, --carton and --where; for the"
            " whole batch: --serials all",
        )
    return ByConditions(where, *given) if where else (carton or given[0])


def read_by(selected: Selection, reader: ReaderSettings) -> Selection:
    """`selected`, its codes read by `reader`. Pure."""
    if isinstance(selected, ByConditions):
        within = None if selected.within is None else _read_by(selected.within, reader)
        return replace(selected, within=within)
    if isinstance(selected, ByCarton):
        return replace(selected, reader=reader)
    return _read_by(selected, reader)


def _read_by(selected: InOneBatch, reader: ReaderSettings) -> InOneBatch:
    if isinstance(selected, ByScannedCodes | ByCode):
        return replace(selected, reader=reader)
    return selected


def needs_batch(selected: Selection) -> bool:
    """Whether a batch has to be named with it. Pure."""
    if isinstance(selected, ByConditions):
        return selected.within is not None and needs_batch(selected.within)
    return not isinstance(selected, ALONE)


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
    if isinstance(selected, ByCarton | ByConditions | ByCode):
        raise UsageError("what is named tells its batches itself", "name serials of a batch")
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


def _of_view(view: View, batch: str, selected: BySerials | ByRanges | ByUnit | ByPackage) -> Ranges:
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
    assert_never(selected)


def _check_owner(package: PackageRow, batch: str) -> None:
    if batch not in package.batches:
        owners = " and ".join(package.batches)
        raise UsageError(f"that unit or package belongs to batch {owners}", "name its own batch")

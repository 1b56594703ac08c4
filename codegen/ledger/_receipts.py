"""Receipts and units: facts about packages, beside the states of their codes.

A receipt never voids by itself: the orders that do stand before it in the same commit,
and it is refused where a code it calls spoiled, or leaves over at the end, is not void.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from ..errors import Refused, UsageError
from ..ranges import serials
from ..ranges.lifecycle import State
from ..ranges.receipts import Account, UnitAccount, cut
from ..ranges.serials import Range, Ranges
from . import _exports, _tables
from . import _sql as rows
from ._sql import Applied, EventRef
from .changes import Receipted, UnitMoved

_p, _u, _s, _t = (
    _tables.packages.c, _tables.units.c, _tables.told.c, _tables.tiles.c,
)  # fmt: skip
PRINTED, SPOILED = "printed", "spoiled"
_PAGE = 10_000

# Where a unit is, and where it may be seen next. What was used up is not seen again.
MOVES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "made": ("received", "mounted", "used", "lost"),
        "received": ("mounted", "used", "lost"),
        "mounted": ("received", "used", "lost"),
        "lost": ("received",),
        "used": (),
    }
)


def receipt(change: Receipted, connection: Connection, place: EventRef) -> Applied:
    """Add the receipt to what its package's earlier ones said."""
    row = open_package(connection, change.package)
    if not change.final and not any(
        told.printed or told.spoiled or told.spoiled_count for told in change.entries
    ):
        raise UsageError("the receipt tells nothing")
    before = account(connection, change.package)
    after = before.add(change.entries)
    printed = serials.subtract(after.printed, before.printed)
    spoiled = serials.subtract(after.spoiled, before.spoiled)
    _check_void(connection, row.batch, spoiled, "spoiled")
    _write_told(connection, after, ((PRINTED, printed), (SPOILED, spoiled)))
    _write_counts(connection, before, after)
    totals = after.totals()
    if change.final:
        closing = after.closing()
        _check_void(connection, row.batch, closing.unused, "left over")
        _write_counted(connection, change.package, closing.counted)
        totals = closing.totals
    rows.update(
        connection, _tables.packages, "package", change.package,
        printed=totals.printed, printed_by_count=totals.printed_by_count,
        spoiled=totals.spoiled, spoiled_count=totals.spoiled_count, unused=totals.unused,
        final_at=place.at if change.final else None,
    )  # fmt: skip
    part = {
        "seq": place.seq, "package": change.package, "printed": serials.count(printed),
        "spoiled": serials.count(spoiled), "final": int(change.final),
        "spoiled_count": after.uncertain - before.uncertain,
        "reason": change.reason, "told_at": place.at,
    }  # fmt: skip
    connection.execute(insert(_tables.receipts), [part])
    return rows.NOTHING


def move(change: UnitMoved, connection: Connection, place: EventRef) -> Applied:
    """Note where a unit was seen."""
    package = rows.find(
        connection, _tables.packages, "package", change.package, "see: mintmark package list"
    )
    if package.status != "packaged":
        raise Refused(
            f"package {change.package} is {package.status}: its units are not for use",
            f"see: mintmark package show {change.package}",
        )
    here = (_u.package == change.package, _u.unit == change.unit)
    status = connection.scalar(select(_u.status).where(*here))
    if status is None:
        rows.find(connection, _tables.units, "unit", change.unit, "see: mintmark package list")
        raise Refused(f"unit {change.unit} is in another package than {change.package}")
    if change.status not in MOVES:
        raise UsageError(f"a unit is one of: {', '.join(MOVES)}")
    if change.status not in MOVES[status]:
        following = ", ".join(MOVES[status]) or "nothing"
        raise Refused(
            f"unit {change.unit} is {status}, and cannot be {change.status}"
            f"{' again' if change.status == status else ''}",
            f"after {status} comes: {following}",
            status=status,
        )
    connection.execute(
        update(_tables.units)
        .where(*here)
        .values(status=change.status, moved_at=place.at, note=change.note)
    )
    return rows.NOTHING


# --- what was told -------------------------------------------------------------------


def open_package(connection: Connection, package: str) -> Any:  # noqa: ANN401 - a row
    """The row of a package that may take a receipt. Raises `NotFound`, `Refused`."""
    row = _exports.usable(connection, package)
    if row.final_at is not None:
        raise Refused(
            f"the final receipt of package {package} is booked already",
            f"see: mintmark package show {package}",
            final=row.final_at,
        )
    return row


def account(connection: Connection, package: str) -> Account:
    """All that was told of a package."""
    row = rows.find(connection, _tables.packages, "package", package, "see: mintmark package list")
    query = select(_u.unit, _u.first, _u.last, _u.spoiled_count)
    units = tuple(
        UnitAccount(unit, Range(first, last), number)
        for unit, first, last, number in connection.execute(
            query.where(_u.package == package).order_by(_u.first)
        )
    )
    return Account(
        package=package,
        units=units,
        printed=told(connection, package, PRINTED),
        spoiled=told(connection, package, SPOILED),
        spoiled_count=row.spoiled_count - sum(unit.spoiled_count for unit in units),
    )


def told(connection: Connection, package: str, what: str, within: Range | None = None) -> Ranges:
    """The serials told as `what`, in whole rows where `within` cuts one."""
    query = select(_s.first, _s.last).where(_s.package == package, _s["as"] == what)
    if within is not None:
        query = query.where(_s.first <= within.last, _s.last >= within.first)
    found = connection.execute(query.order_by(_s.first))
    return serials.join(Range(first, last) for first, last in found)


def by_unit(connection: Connection, package: str) -> dict[tuple[str, str], int]:
    """(unit, printed or spoiled) → codes told."""
    query = (
        select(_s.unit, _s["as"], func.sum(_s.last - _s.first + 1))
        .where(_s.package == package)
        .group_by(_s.unit, _s["as"])
    )
    return {(unit, what): int(codes) for unit, what, codes in connection.execute(query)}


# --- codes without a receipt ---------------------------------------------------------


def without_receipt(connection: Connection, batch: str) -> dict[str, int]:
    """Package → codes it has no receipt for. What is void altogether needs none."""
    standing = connection.execute(
        select(_t.package, func.sum(_t.last - _t.first + 1))
        .where(_t.batch == batch, _t.package.is_not(None), _t.state != State.VOID.value)
        .group_by(_t.package)
    )
    alive = {package: int(codes) for package, codes in standing}
    query = select(_p.package, _p.serials, _p.printed, _p.spoiled, _p.spoiled_count)
    query = query.where(_p.batch == batch, _p.status == "packaged", _p.final_at.is_(None))
    found = {}
    for package, text, *parts in connection.execute(query.order_by(_p.seq)):
        missing = serials.count(rows.from_text(text)) - sum(parts)
        missing = min(missing, alive.get(package, 0))
        if missing > 0:
            found[package] = missing
    return found


def unreceipted(connection: Connection, batch: str, where: Ranges) -> Ranges:
    """The serials of `where` that are not void and that no receipt tells to be printed."""
    missing: list[Range] = []
    for tile in rows.inside(connection, batch, where).read(where):
        if tile.value.state is not State.VOID:
            printed = _printed(connection, tile.value.package, tile.serials)
            missing += serials.subtract((tile.serials,), printed)
    return serials.join(missing)


def _printed(connection: Connection, package: str | None, where: Range) -> Ranges:
    """What of `where` was told as printed, or is so by a final number."""
    if package is None:
        return ()
    counted = connection.execute(
        select(_u.first, _u.last)
        .where(_u.package == package, _u.counted == 1)
        .where(_u.first <= where.last, _u.last >= where.first)
        .order_by(_u.first)
    )
    # Of a counted unit nothing was told as printed: the two never meet.
    units = [Range(first, last) for first, last in counted]
    return serials.ordered((*told(connection, package, PRINTED, where), *units))


# --- writing -------------------------------------------------------------------------


def _check_void(connection: Connection, batch: str, where: Ranges, what: str) -> None:
    if not where:
        return
    tiles = rows.inside(connection, batch, where).read(where)
    alive = serials.join(tile.serials for tile in tiles if tile.value.state is not State.VOID)
    if alive:
        raise Refused(
            f"serials {serials.describe(alive)} are {what} and not void",
            "void them in the same commit",
            alive=serials.to_pairs(alive[:100]),
        )


def _write_told(connection: Connection, after: Account, told: Iterable[tuple[str, Ranges]]) -> None:
    values = (
        {
            "package": after.package,
            "first": piece.first,
            "last": piece.last,
            "unit": unit,
            "as": what,
        }
        for what, ranges in told
        for unit, piece in cut(ranges, after.units)
    )
    for page in _pages(values):
        connection.execute(insert(_tables.told), page)


def _pages(values: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    page: list[dict[str, Any]] = []
    for value in values:
        page.append(value)
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page


def _write_counts(connection: Connection, before: Account, after: Account) -> None:
    for old, new in zip(before.units, after.units, strict=True):
        if old != new:
            connection.execute(
                update(_tables.units)
                .where(_u.package == after.package, _u.unit == new.unit)
                .values(spoiled_count=new.spoiled_count)
            )


def _write_counted(connection: Connection, package: str, units: Iterable[str]) -> None:
    for unit in sorted(units):
        connection.execute(
            update(_tables.units).where(_u.package == package, _u.unit == unit).values(counted=1)
        )

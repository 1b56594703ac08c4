"""Receipts and units: facts about packages, beside the states of their codes.

A receipt never voids by itself: the orders that void stand before it in the same commit.
It is refused if a code that it reports as spoiled, or leaves over at the end, is not void.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from ..errors import Refused, UsageError
from ..ranges import serials
from ..ranges.lifecycle import State
from ..ranges.receipts import Account, Totals, UnitAccount, cut
from ..ranges.serials import Range, Ranges
from . import _exports, _pairs, _sql, _tables, _two_batches
from ._elsewhere import unknown
from ._prepared import inserting
from ._sql import NOTHING, Touched
from ._words import total
from .chain import Event
from .changes import Receipted, UnitMoved

_p, _u, _r, _t = (
    _tables.packages.c, _tables.units.c, _tables.reported.c, _tables.tiles.c,
)  # fmt: skip
PRINTED, SPOILED, REOPENED = "printed", "spoiled", "reopened"
_PAGE = 10_000

# A unit's status, and those that may follow. A unit that was used up is not seen again.
MOVES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "made": ("received", "mounted", "used", "lost"),
        "received": ("mounted", "used", "lost"),
        "mounted": ("received", "used", "lost"),
        "lost": ("received",),
        "used": (),
    }
)


def receipt(change: Receipted, connection: Connection, event: Event) -> Touched:
    """Add the receipt to the earlier receipts of its package."""
    row = open_package(connection, change.package)
    if not change.final and not any(
        entry.printed or entry.spoiled or entry.spoiled_count for entry in change.entries
    ):
        raise UsageError("the receipt reports nothing")
    before = account(connection, change.package)
    after = before.add(change.entries)
    printed = serials.subtract(after.printed, before.printed)
    spoiled = serials.subtract(after.spoiled, before.spoiled)
    check_void(connection, row, spoiled, "spoiled")
    if change.final:
        closing = after.closing()
        check_void(connection, row, closing.unused, "left over")
        # What was open again is left over by now.
        after = replace(after, reopened=(), final=True)
    if before.reopened:
        rewrite_reported(connection, after)
    else:
        _write_reported(connection, after, ((PRINTED, printed), (SPOILED, spoiled)))
    write_sums(connection, before, after)
    if change.final:
        _sql.update(connection, _tables.packages, "package", change.package, final_at=event.at)
    part = {
        "seq": event.seq, "package": change.package, "printed": serials.count(printed),
        "spoiled": serials.count(spoiled), "final": int(change.final),
        "spoiled_count": after.uncertain - before.uncertain,
        "reason": change.reason, "reported_at": event.at,
        "printed_by_count": after.totals().printed_by_count, "corrects": 0,
    }  # fmt: skip
    inserting(_tables.receipts, *part).run(connection, part)
    return NOTHING


def move(change: UnitMoved, connection: Connection, event: Event) -> Touched:
    """Note where a unit was seen."""
    package = _sql.find(
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
        if connection.scalar(select(_u.unit).where(_u.unit == change.unit).limit(1)) is None:
            raise unknown(connection, "unit", change.unit, "see: mintmark package list")
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
        .values(status=change.status, moved_at=event.at, note=change.note)
    )
    return NOTHING


# --- what was reported -------------------------------------------------------------------


def open_package(connection: Connection, package: str) -> Any:  # noqa: ANN401 - a row
    """The row of a package that may take a receipt. Raises `NotFound`, `Refused`."""
    row = _exports.usable(connection, package)
    if row.final_at is not None:
        raise Refused(
            f"the final receipt of package {package} is booked already",
            f"see: mintmark package show {package}",
            f"if a receipt was wrong: mintmark package receipt {package} --correct --reason R",
            final=row.final_at,
        )
    return row


def account(connection: Connection, package: str) -> Account:
    """All that was reported of a package."""
    row = _sql.find(connection, _tables.packages, "package", package, "see: mintmark package list")
    query = select(_u.unit, _u.first, _u.last, _u.spoiled_count)
    units = tuple(
        UnitAccount(unit, _pairs.of_row(first, last, "units"), number)
        for unit, first, last, number in connection.execute(
            query.where(_u.package == package).order_by(_u.first)
        )
    )
    return Account(
        package=package,
        units=units,
        printed=reported(connection, package, PRINTED),
        spoiled=reported(connection, package, SPOILED),
        spoiled_count=row.spoiled_count - sum(unit.spoiled_count for unit in units),
        reopened=reported(connection, package, REOPENED),
        final=row.final_at is not None,
        copies=row.copies,
    )


def reported(
    connection: Connection, package: str, outcome: str, within: Range | None = None
) -> Ranges:
    """The serials reported as `outcome`; rows that only partly lie in `within` are not cut."""
    query = select(_r.first, _r.last).where(_r.package == package, _r.outcome == outcome)
    if within is not None:
        query = query.where(_r.first <= within.last, _r.last >= within.first)
    found = connection.execute(query.order_by(_r.first))
    return serials.join(_pairs.of_row(first, last, "reported_serials") for first, last in found)


def by_unit(connection: Connection, package: str) -> dict[tuple[str, str], int]:
    """(unit, printed, spoiled or reopened) → codes reported."""
    query = (
        select(_r.unit, _r.outcome, total(_r.last - _r.first + 1))
        .where(_r.package == package)
        .group_by(_r.unit, _r.outcome)
    )
    return {(unit, outcome): int(codes) for unit, outcome, codes in connection.execute(query)}


# --- codes without a receipt ---------------------------------------------------------


def without_receipt(connection: Connection, batch: str) -> dict[str, int]:
    """Package → its codes without a receipt. Codes that are all void need no receipt."""
    standing = connection.execute(
        select(_t.package, total(_t.last - _t.first + 1))
        .where(_t.batch == batch, _t.package.is_not(None), _t.state != State.VOID.value)
        .group_by(_t.package)
    )
    alive = {package: int(codes) for package, codes in standing}
    query = select(
        _p.package, _p.serials, _p.copies, _p.printed, _p.printed_by_count, _p.spoiled,
        _p.spoiled_count, _p.unused,
    )  # fmt: skip
    query = query.where(_two_batches.of_batch(batch), _p.status == "packaged")
    found = {}
    for package, text, copies, *parts in connection.execute(query.order_by(_p.seq)):
        totals = Totals.of(serials.count(_pairs.from_text(text)), parts, copies, final=False)
        missing = min(totals.open, alive.get(package, 0))
        if missing > 0:
            found[package] = missing
    return found


def unreceipted(connection: Connection, batch: str, ranges: Ranges) -> Ranges:
    """The serials of `ranges` that are not void and that no receipt reports as printed."""
    missing: list[Range] = []
    for tile in _sql.book_of(connection, batch, ranges).read(ranges):
        if tile.value.state is not State.VOID:
            printed = _printed(connection, tile.value.package, tile.serials)
            missing += serials.subtract((tile.serials,), printed)
    return serials.join(missing)


def _printed(connection: Connection, package: str | None, within: Range) -> Ranges:
    """The serials of `within` that were reported as printed, or are so by a final number."""
    if package is None:
        return ()
    counted = connection.execute(
        select(_u.first, _u.last)
        .where(_u.package == package, _u.counted == 1)
        .where(_u.first <= within.last, _u.last >= within.first)
        .order_by(_u.first)
    )
    # No serial of a counted unit was reported as printed: the two never overlap.
    units = serials.subtract(
        [_pairs.of_row(first, last, "units") for first, last in counted],
        reported(connection, package, REOPENED, within),
    )
    return serials.ordered((*reported(connection, package, PRINTED, within), *units))


# --- writing -------------------------------------------------------------------------


def check_void(connection: Connection, package: Row[Any], ranges: Ranges, what: str) -> None:
    """Raises `Refused` if `ranges`, which are `what`, are not void in all batches of `package`."""
    batches = _two_batches.batches_of(package)
    void = _two_batches.void_everywhere(connection, batches, ranges)
    alive = serials.subtract(ranges, void)
    if alive:
        raise Refused(
            f"serials {serials.describe(alive)} are {what} and not void",
            "void them in the same commit",
            alive=serials.to_pairs(alive[:100]),
        )


def _write_reported(
    connection: Connection, after: Account, reported: Iterable[tuple[str, Ranges]]
) -> None:
    values = (
        {
            "package": after.package,
            "first": piece.first,
            "last": piece.last,
            "unit": unit,
            "outcome": outcome,
        }
        for outcome, ranges in reported
        for unit, piece in cut(ranges, after.units)
    )
    for page in _pages(values):
        inserting(_tables.reported, *page[0]).run_many(connection, page)


def _pages(values: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    page: list[dict[str, Any]] = []
    for value in values:
        page.append(value)
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page


def rewrite_reported(connection: Connection, after: Account) -> None:
    """Write anew what is reported of every serial."""
    connection.execute(delete(_tables.reported).where(_r.package == after.package))
    outcomes = ((PRINTED, after.printed), (SPOILED, after.spoiled), (REOPENED, after.reopened))
    _write_reported(connection, after, outcomes)


def write_sums(connection: Connection, before: Account, after: Account) -> None:
    """Write what changed of the units' numbers, and the package's sums."""
    was = before.closing().counted if before.final else frozenset()
    now = after.closing().counted if after.final else frozenset()
    for old, new in zip(before.units, after.units, strict=True):
        if old != new or (new.unit in was) != (new.unit in now):
            connection.execute(
                update(_tables.units)
                .where(_u.package == after.package, _u.unit == new.unit)
                .values(spoiled_count=new.spoiled_count, counted=int(new.unit in now))
            )
    totals = after.totals()
    _sql.update(
        connection, _tables.packages, "package", after.package,
        printed=totals.printed, printed_by_count=totals.printed_by_count,
        spoiled=totals.spoiled, spoiled_count=totals.spoiled_count, unused=totals.unused,
    )  # fmt: skip

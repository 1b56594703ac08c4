"""Exports: serials are reserved, then packaged, or given back.

A first export takes sealed serials. A reprint takes over the serials of a package as they
stand: until it ends, that package takes no order (`under_reprint`).
"""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, or_, select

from ..errors import IntegrityError, Refused, UsageError
from ..ranges import serials
from ..ranges.lifecycle import Standing, State
from ..ranges.serials import Range, Ranges
from ..ranges.tiling import Stuck
from . import _pairs, _replacements, _sql, _tables, _two_batches
from ._prepared import Prepared, inserting
from ._sql import Touched
from .chain import Event
from .changes import ExportAbandoned, ExportBegun, Packaged, Unit

_p, _t = _tables.packages.c, _tables.tiles.c
_PACKAGES = "see: mintmark package list"
UNDER_REPRINT = Prepared(
    lambda: select(_p.supersedes).where(
        or_(_p.batch == bindparam("b"), _p.pair == bindparam("b")),
        _p.status == "begun",
        _p.supersedes.is_not(None),
    )
)


def begin(change: ExportBegun, connection: Connection, event: Event) -> Touched:
    """Reserve the serials for the package, in both batches if there are two."""
    _two_batches.check_partner(change, connection)
    batches = _two_batches.batches_of(change)
    books = [_sql.book_of(connection, batch, change.serials) for batch in batches]
    _sql.find(connection, _tables.contacts, "contact", change.contact, "see: mintmark contact list")
    _sql.require_unused(connection, _tables.packages, "package", change.package)
    if change.supersedes is not None:
        _take_over(change, connection)
    else:
        _replacements.check(change, connection)

        def reserve(standing: Standing) -> Standing:
            if standing.state is not State.SEALED or standing.package is not None:
                raise Stuck
            return replace(standing, package=change.package)

        for book in books:
            effect = book.rewrite(change.serials, reserve)
            of = "" if change.pair is None else f" of batch {book.batch}"
            _sql.refuse_blocked(
                effect, book.batch, f"only sealed codes{of} that no other export holds are packaged"
            )
            _refuse_issued(connection, book.batch, change.serials)
    row = asdict(replace(change, serials=())) | {
        "serials": _pairs.to_text(change.serials),
        "status": "begun", "begun_at": event.at, "seq": event.seq,
    }  # fmt: skip
    inserting(_tables.packages, *row).run(connection, row)
    return Touched(change.serials)


def _refuse_issued(connection: Connection, batch: str, wanted: Ranges) -> None:
    """Raises `IntegrityError` if a package has some of the serials, whatever the tiles say.

    A tile made sealed by hand would send the same codes to print twice.
    """
    u, first, last = _tables.units.c, wanted[0].first, wanted[-1].last
    query = (
        select(u.first, u.last)
        .join(_tables.packages, _p.package == u.package)
        .where(_two_batches.of_batch(batch), u.first <= last, u.last >= first)
        .order_by(u.first)
    )
    at = 0
    for unit in connection.execute(query):
        while at < len(wanted) and wanted[at].last < unit.first:
            at += 1
        if at < len(wanted) and wanted[at].first <= unit.last:
            raise IntegrityError(
                f"serials of {_pairs.of_row(unit.first, unit.last, 'units')} were packaged before,"
                " and the books say"
                " otherwise by now",
                "see which row was changed: mintmark audit verify",
            )


def finish(change: Packaged, connection: Connection, event: Event) -> Touched:
    """Book the reserved serials as packaged."""
    key = _sql.find(
        connection, _tables.keys, "key_id", change.custodian_key_id, "see: mintmark key list"
    )
    if key.kind != "custodian" or key.revoked_at is not None:
        raise Refused(f"key {change.custodian_key_id} is not that of a custodian of this home")
    row = _begun(connection, change.package)
    if (row.pair is None) is not (change.pair_template is None):
        raise Refused("a package of two batches has two addresses, and no other has")
    reserved = _pairs.from_text(row.serials)
    _end(
        connection,
        row,
        lambda old: replace(old, state=State.PACKAGED, package=change.package),
    )
    _check_units(change.units, reserved)
    values = asdict(change)
    units = values.pop("units")
    del values["package"]
    _sql.update(
        connection, _tables.packages, "package", change.package,
        **values, status="packaged", ended_at=event.at,
    )  # fmt: skip
    if units:
        rows = [{"package": change.package, **unit} for unit in units]
        inserting(_tables.units, *rows[0]).run_many(connection, rows)
    if row.supersedes is not None:
        _sql.update(
            connection, _tables.packages, "package", row.supersedes,
            status="superseded", superseded_by=change.package,
        )  # fmt: skip
    return Touched(reserved)


def abandon(change: ExportAbandoned, connection: Connection, event: Event) -> Touched:
    """Give the reserved serials back."""
    row = _begun(connection, change.package)
    if row.supersedes is None:
        _end(connection, row, lambda old: replace(old, package=None))
    _sql.update(
        connection, _tables.packages, "package", change.package,
        status="abandoned", ended_at=event.at, abandoned_because=change.reason,
    )  # fmt: skip
    return Touched(_pairs.from_text(row.serials))


def _begun(connection: Connection, package: str) -> Any:  # noqa: ANN401 - a row
    row = _sql.find(connection, _tables.packages, "package", package, _PACKAGES)
    if row.status != "begun":
        raise Refused(f"package {package} is {row.status} already")
    return row


def _end(connection: Connection, row: Row[Any], change: Callable[[Standing], Standing]) -> None:
    """Rewrite the serials that the export `row` holds, in both batches if there are two.

    Raises `IntegrityError` if it lost some.
    """
    held = (State.SEALED, row.package)
    if row.supersedes is not None:
        held = (State.PACKAGED, row.supersedes)

    def checked(standing: Standing) -> Standing:
        if (standing.state, standing.package) != held:
            raise Stuck
        return change(standing)

    reserved = _pairs.from_text(row.serials)
    for batch in _two_batches.batches_of(row):
        effect = _sql.book_of(connection, batch, reserved).rewrite(reserved, checked)
        if effect.blocked_total:
            raise IntegrityError(
                f"the serials reserved for package {row.package} are reserved no longer",
                "see which row was changed: mintmark audit verify",
            )


def _check_units(units: tuple[Unit, ...], reserved: Ranges) -> None:
    if sum(unit.rows for unit in units) != serials.count(reserved):
        raise Refused("the units of the package do not hold as many codes as were reserved for it")
    if len({unit.unit for unit in units}) != len(units):
        raise Refused("two units of the package have the same id")
    try:
        held = serials.ordered(Range(unit.first, unit.last) for unit in units)
    except (UsageError, ValueError):
        held = ()
    if held != reserved:
        raise Refused("the units of the package do not hold the serials reserved for it")


# --- reprints ------------------------------------------------------------------------


def under_reprint(connection: Connection, batch: str) -> set[str]:
    """The packages of `batch` that a reprint under way is about to take over."""
    return {row.supersedes for row in UNDER_REPRINT.all(connection, b=batch)}


def reprintable(connection: Connection, package: str) -> tuple[Ranges, Ranges]:
    """The codes that a reprint of `package` holds, and its void codes, which no reprint holds.

    Raises `Refused` if a code is active or frozen, or was reported as printed: printed twice,
    a code would be on two items; and if of a pair one code is void, and the other is not.
    """
    row = usable(connection, package)
    if row.printed or row.final_at:
        raise Refused(
            f"package {package} has a receipt of what was printed: printed again, a code would"
            " be on two items",
            f"void what is not used, then package others: mintmark package replace {package}",
        )
    whole = _pairs.from_text(row.serials)

    def packaged(standing: Standing) -> Standing:
        if (standing.state, standing.package) != (State.PACKAGED, package):
            raise Stuck
        return standing

    found = []
    for batch in _two_batches.batches_of(row):
        book = _sql.book_of(connection, batch, whole)
        effect = book.rewrite(whole, packaged, lambda standing: standing.state is State.VOID)
        _sql.refuse_blocked(effect, batch, "only packaged codes are printed again")
        found.append(serials.join(effect.skipped))
    void = found[0]
    _two_batches.refuse_half_void(row, void, found[-1])
    alive = serials.subtract(whole, void)
    if not alive:
        raise Refused(
            f"every code of package {package} is void",
            f"package others: mintmark package replace {package}",
        )
    return alive, void


def usable(connection: Connection, package: str) -> Any:  # noqa: ANN401 - a row
    """The row of a package that a printer has. Raises `NotFound`, `Refused`."""
    row = _sql.find(connection, _tables.packages, "package", package, _PACKAGES)
    if row.status == "superseded":
        raise Refused(
            f"package {package} was superseded by its reprint {row.superseded_by}",
            f"name the reprint: {row.superseded_by}",
        )
    if row.status != "packaged":
        raise Refused(f"package {package} is {row.status}, not packaged", _PACKAGES)
    if package in under_reprint(connection, row.batch):
        raise Refused(
            f"package {package} is being reprinted", "wait for that export, or: mintmark doctor"
        )
    return row


def _take_over(change: ExportBegun, connection: Connection) -> None:
    assert change.supersedes is not None  # noqa: S101 - the caller looked
    if not change.reason or change.replaces is not None:
        raise UsageError("a reprint needs a reason", "--reason R")
    alive, _ = reprintable(connection, change.supersedes)
    row = _sql.find(connection, _tables.packages, "package", change.supersedes, _PACKAGES)
    if (row.batch, row.pair) != (change.batch, change.pair) or alive != change.serials:
        raise Refused(
            f"a reprint of package {change.supersedes} holds all its codes that are not void",
            f"see them: mintmark package show {change.supersedes}",
        )

"""Exports: sealed serials are reserved, then packaged, or given back."""

from collections.abc import Callable
from dataclasses import asdict, replace

from sqlalchemy import Connection, insert

from .. import serials
from ..errors import IntegrityError, Refused
from ..lifecycle import Standing, State
from ..serials import Ranges
from ..tiling import Stuck
from . import _rows as rows
from . import _tables
from ._rows import Applied, Place
from .changes import ExportAbandoned, ExportBegun, Packaged


def begin(change: ExportBegun, connection: Connection, place: Place) -> Applied:
    """Reserve sealed serials for the package."""
    book = rows.inside(connection, change.batch, change.serials)
    rows.find(connection, _tables.contacts, "contact", change.contact, "see: mintmark contact list")
    rows.refuse_twice(connection, _tables.packages, "package", change.package)

    def reserve(standing: Standing) -> Standing:
        if standing.state is not State.SEALED or standing.package is not None:
            raise Stuck
        return replace(standing, package=change.package)

    effect = book.rewrite(change.serials, reserve)
    rows.refuse_blocked(
        effect, change.batch, "only sealed codes that no other export holds are packaged"
    )
    row = asdict(replace(change, serials=())) | {
        "serials": rows.to_text(change.serials),
        "status": "begun", "begun_at": place.at, "seq": place.seq,
    }  # fmt: skip
    connection.execute(insert(_tables.packages), [row])
    return Applied(change.serials)


def finish(change: Packaged, connection: Connection, place: Place) -> Applied:
    """Book the reserved serials as packaged."""
    key = rows.find(
        connection, _tables.keys, "key_id", change.custodian_key_id, "see: mintmark key list"
    )
    if key.kind != "custodian" or key.revoked_at is not None:
        raise Refused(f"key {change.custodian_key_id} is not that of a custodian of this home")

    def package(standing: Standing) -> Standing:
        return replace(standing, state=State.PACKAGED)

    where = _end_export(connection, change.package, package)
    if sum(unit.rows for unit in change.units) != serials.count(where):
        raise Refused("the units of the package do not hold as many codes as were reserved for it")
    if len({unit.unit for unit in change.units}) != len(change.units):
        raise Refused("two units of the package have the same id")
    values = asdict(change)
    units = values.pop("units")
    del values["package"]
    rows.update(
        connection, _tables.packages, "package", change.package,
        **values, status="packaged", ended_at=place.at,
    )  # fmt: skip
    if units:
        connection.execute(
            insert(_tables.units), [{"package": change.package, **unit} for unit in units]
        )
    return Applied(where)


def abandon(change: ExportAbandoned, connection: Connection, place: Place) -> Applied:
    """Give the reserved serials back."""
    where = _end_export(connection, change.package, lambda old: replace(old, package=None))
    rows.update(
        connection, _tables.packages, "package", change.package,
        status="abandoned", ended_at=place.at, abandoned_because=change.reason,
    )  # fmt: skip
    return Applied(where)


def _end_export(
    connection: Connection, package: str, change: Callable[[Standing], Standing]
) -> Ranges:
    row = rows.find(connection, _tables.packages, "package", package, "see: mintmark package list")
    if row.status != "begun":
        raise Refused(f"package {package} is {row.status} already")

    def checked(standing: Standing) -> Standing:
        if standing.state is not State.SEALED or standing.package != package:
            raise Stuck
        return change(standing)

    where = rows.from_text(row.serials)
    book = rows.inside(connection, row.batch, where)
    effect = book.rewrite(where, checked)
    if effect.blocked_total:
        raise IntegrityError(
            f"the serials reserved for package {package} are reserved no longer",
            "see which row was changed: mintmark audit verify",
        )
    return where

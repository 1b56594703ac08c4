"""Printed labels that were read and were right: facts beside the states of codes."""

import json
from typing import Any

from sqlalchemy import Connection, Row, select

from ..errors import Refused, UsageError
from ..ranges import serials
from . import _columns, _pairs, _sql, _tables
from ._from_row import make
from ._prepared import inserting
from ._sql import NOTHING, Touched
from .chain import Event
from .changes import LabelsVerified
from .records import VerifiedRow


def verified(change: LabelsVerified, connection: Connection, event: Event) -> Touched:
    """Note what was read."""
    hint = "see: mintmark package list"
    package = _sql.find(connection, _tables.packages, "package", change.package, hint)
    if package.status not in ("packaged", "superseded"):
        raise Refused(f"package {change.package} is {package.status}, and has no labels", hint)
    _check(change, package, connection)
    row = {
        "seq": event.seq, "package": change.package, "units": json.dumps(list(change.units)),
        "serials": _pairs.to_text(change.serials), "pictures": change.pictures,
        "codes": change.codes, "verified_at": event.at,
    }  # fmt: skip
    inserting(_tables.verified, *row).run(connection, row)
    return NOTHING


def _check(change: LabelsVerified, package: Any, connection: Connection) -> None:  # noqa: ANN401 - a row
    if not change.serials or change.pictures < 1:
        raise UsageError("what was read is one picture or more, and one serial or more")
    if change.codes < serials.count(change.serials):
        raise UsageError("the codes that were read are at least as many as the serials")
    if serials.subtract(change.serials, _pairs.from_text(package.serials)):
        raise Refused(f"package {change.package} does not hold all serials that were read")
    u = _tables.units.c
    known = set(connection.scalars(select(u.unit).where(u.package == change.package)))
    if len(set(change.units)) != len(change.units) or not known.issuperset(change.units):
        raise Refused(
            f"the units that were read are not units of package {change.package}, each named once",
            f"see them: mintmark package show {change.package}",
        )


def listed(connection: Connection, package: str) -> tuple[VerifiedRow, ...]:
    """What was read of a package, oldest first."""
    v = _tables.verified.c
    query = select(_tables.verified).where(v.package == package).order_by(v.seq)
    return tuple(_make(row) for row in connection.execute(query))


def _make(row: Row[Any]) -> VerifiedRow:
    return make(VerifiedRow, row, units=_units(row.units), serials=_pairs.from_text(row.serials))


def _units(text: str) -> tuple[str, ...]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(unit, str) for unit in found):
        raise _columns.misplaced("verified.units")
    return tuple(found)

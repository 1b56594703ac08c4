"""Replacements: new codes for those of a package that were spoiled or voided."""

from typing import Any

from sqlalchemy import Connection, Row, func, select

from ..errors import Refused
from ..ranges import serials
from ..ranges.lifecycle import Reason, State
from ..ranges.receipts import NOT_REPLACED
from . import _pairs, _sql, _tables
from .changes import ExportBegun

_p, _t, _r = _tables.packages.c, _tables.tiles.c, _tables.reported.c
_PACKAGES = "see: mintmark package list"


def balance(connection: Connection, package: str) -> int:
    """How many codes of `package` were spoiled or voided, less those that replace them.

    Below 0 if codes were replaced that turned out good. Voids that leave no gap
    (`NOT_REPLACED`) do not count, unless a correction says that codes left over as unused
    were spoiled. Raises `NotFound`, `Refused`.
    """
    row = _sql.find(connection, _tables.packages, "package", package, _PACKAGES)
    if row.status not in ("packaged", "superseded"):
        raise Refused(f"package {package} is {row.status}, not packaged", _PACKAGES)
    voided = connection.scalar(
        select(func.coalesce(func.sum(_t.last - _t.first + 1), 0)).where(
            _t.batch == row.batch,
            _t.package == package,
            _t.state == State.VOID.value,
            func.coalesce(_t.reason, "").not_in([reason.value for reason in NOT_REPLACED]),
        )
    )
    others = connection.scalars(
        select(_p.serials).where(_p.replaces == package, _p.status != "abandoned")
    )
    replaced = sum(serials.count(_pairs.from_text(text)) for text in others)
    # Of a code with copies, spoiled labels are printed again: the code itself is good.
    by_number = int(row.spoiled_count) if row.copies == 1 else 0
    spoiled = by_number + _spoiled_not_unused(connection, row)
    return int(voided or 0) + spoiled - replaced


def _spoiled_not_unused(connection: Connection, row: Row[Any]) -> int:
    """Codes that are void as unused, and reported as spoiled."""
    last, first = func.min(_t.last, _r.last), func.max(_t.first, _r.first)
    found = connection.scalar(
        select(func.sum(last - first + 1)).where(
            _t.batch == row.batch,
            _t.package == row.package,
            _t.state == State.VOID.value,
            _t.reason == Reason.UNUSED.value,
            _r.package == row.package,
            _r.outcome == "spoiled",
            _r.first <= _t.last,
            _r.last >= _t.first,
        )
    )
    return int(found or 0)


def check(change: ExportBegun, connection: Connection) -> None:
    """Raises `Refused` for an export that replaces more codes than are missing."""
    if change.replaces is None:
        return
    row = _sql.find(connection, _tables.packages, "package", change.replaces, _PACKAGES)
    if row.batch != change.batch:
        raise Refused(
            f"package {change.replaces} belongs to batch {row.batch}", "name its own batch"
        )
    missing = max(0, balance(connection, change.replaces))
    wanted = serials.count(change.serials)
    if wanted > missing:
        raise Refused(
            f"{missing:,} codes of package {change.replaces} are spoiled or void and not yet"
            f" replaced, not {wanted:,}",
            f"see: mintmark package show {change.replaces}",
            missing=missing,
        )

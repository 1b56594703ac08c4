"""Replacements: new codes for those of a package that were spoiled or voided."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from ..errors import Refused
from ..ranges import serials
from ..ranges.lifecycle import Reason, State
from ..ranges.receipts import NOT_REPLACED
from . import _pairs, _sql, _tables
from ._words import greater, smaller, total
from .changes import ExportBegun

_p, _t, _r = _tables.packages.c, _tables.tiles.c, _tables.reported.c
_PACKAGES = "see: mintmark package list"


def balance(connection: Connection, package: str) -> int:
    """How many labels of `package` were spoiled or voided, less those that replace them.

    A label is a code, or a pair of codes, of which one is enough to need another label.

    Below 0 if codes were replaced that turned out good. Voids that leave no gap
    (`NOT_REPLACED`) do not count, unless a correction says that codes left over as unused
    were spoiled. Raises `NotFound`, `Refused`.
    """
    row = _sql.find(connection, _tables.packages, "package", package, _PACKAGES)
    if row.status not in ("packaged", "superseded"):
        raise Refused(f"package {package} is {row.status}, not packaged", _PACKAGES)
    others = connection.scalars(
        select(_p.serials).where(_p.replaces == package, _p.status != "abandoned")
    )
    replaced = sum(serials.count(_pairs.from_text(text)) for text in others)
    # Of a code with copies, spoiled labels are printed again: the code itself is good.
    by_number = int(row.spoiled_count) if row.copies == 1 else 0
    if row.pair is None:
        gaps = sum(_codes(connection, query) for query in _gaps(row, row.batch))
    else:
        gaps = serials.count(
            serials.union(
                _pairs.of_row(first, last, "tiles")
                for batch in (row.batch, row.pair)
                for query in _gaps(row, batch)
                for first, last in connection.execute(query)
            )
        )
    return gaps + by_number - replaced


def _codes(connection: Connection, spans: Select[Any]) -> int:
    span = spans.subquery()
    codes = total(span.c.last - span.c.first + 1)
    return int(connection.scalar(select(codes)) or 0)


def _gaps(row: Row[Any], batch: str) -> tuple[Select[Any], Select[Any]]:
    """(first, last) of codes that leave a gap: void for such a reason; as unused, but spoiled."""
    here = (_t.batch == batch, _t.package == row.package, _t.state == State.VOID.value)
    kept = [reason.value for reason in NOT_REPLACED]
    for_good = select(_t.first, _t.last).where(*here, func.coalesce(_t.reason, "").not_in(kept))
    last: ColumnElement[Any] = smaller(_t.last, _r.last)
    first: ColumnElement[Any] = greater(_t.first, _r.first)
    unused: Select[Any] = select(first.label("first"), last.label("last")).where(
        *here,
        _t.reason == Reason.UNUSED.value,
        _r.package == row.package,
        _r.outcome == "spoiled",
        _r.first <= _t.last,
        _r.last >= _t.first,
    )
    return for_good, unused


def check(change: ExportBegun, connection: Connection) -> None:
    """Raises `Refused` for an export that replaces more codes than are missing."""
    if change.replaces is None:
        return
    row = _sql.find(connection, _tables.packages, "package", change.replaces, _PACKAGES)
    if (row.batch, row.pair) != (change.batch, change.pair):
        named = row.batch if row.pair is None else f"{row.batch} with {row.pair}"
        raise Refused(f"package {change.replaces} belongs to batch {named}", "name its own batch")
    missing = max(0, balance(connection, change.replaces))
    wanted = serials.count(change.serials)
    if wanted > missing:
        raise Refused(
            f"{missing:,} codes of package {change.replaces} are spoiled or void and not yet"
            f" replaced, not {wanted:,}",
            f"see: mintmark package show {change.replaces}",
            missing=missing,
        )

"""Where many codes stand: a seek per code, hundreds in a query."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Select,
    bindparam,
    column,
    func,
    select,
    text,
    type_coerce,
)

from ..errors import IntegrityError
from ..ranges.lifecycle import Standing
from . import _tables
from ._columns import HeldText, Number
from ._tile_rows import COLUMNS, from_row

AT_ONCE = 250  # serials per query


def read(
    connection: Connection, batch: str, serials: Sequence[int]
) -> Iterator[tuple[int, Standing, str | None]]:
    """(serial, standing, unit) of each of `serials`, in any order; all lie in the batch.

    Raises `IntegrityError` if no tile holds some of them.
    """
    listed = connection.dialect.name == "postgresql"
    for start in range(0, len(serials), AT_ONCE):
        part = serials[start : start + AT_ONCE]
        # Always as many serials, the last repeated: a query of the same shape is compiled once.
        named: dict[str, object] = {f"s{at}": part[min(at, len(part) - 1)] for at in range(AT_ONCE)}
        values = {"b": batch} | ({"serials": list(part)} if listed else named)
        found = connection.execute(_query(listed=listed), values).all()
        if {row[0] for row in found} != set(part):
            raise IntegrityError(
                f"the books of batch {batch} do not balance",
                "see which row was changed: mintmark audit verify",
            )
        for serial, unit, *tile in {row[0]: row for row in found}.values():
            yield serial, from_row(tile).value, unit


@lru_cache(maxsize=2)
def _query(*, listed: bool) -> Select[Any]:
    # As text, which is compiled once; `values()` would be compiled for every call.
    named = " UNION ALL ".join(f"SELECT CAST(:s{at} AS INTEGER) AS serial" for at in range(AT_ONCE))
    if listed:
        named = "SELECT unnest(CAST(:serials AS BIGINT[])) AS serial"
    wanted = text(named).columns(column("serial", Number())).cte("wanted")
    tiles, inner, units = _tables.tiles, _tables.tiles.alias(), _tables.units
    serial = wanted.c.serial
    of_batch: BindParameter[str] = bindparam("b")
    first = (
        select(func.max(inner.c.first))
        .where(inner.c.batch == of_batch, inner.c.first <= serial)
        .scalar_subquery()
    )
    unit = type_coerce(
        select(units.c.unit)
        .where(units.c.package == tiles.c.package, units.c.first <= serial, units.c.last >= serial)
        .order_by(units.c.first.desc())
        .limit(1)
        .scalar_subquery(),
        HeldText(),
    )
    here = (tiles.c.batch == of_batch) & (tiles.c.first == first) & (tiles.c.last >= serial)
    return select(serial, unit, *COLUMNS).select_from(wanted.join(tiles, here))

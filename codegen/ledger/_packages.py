"""Reading packages and their units."""

from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, or_, select

from ..errors import Refused
from ..ranges.lifecycle import State
from . import _pairs, _sql, _tables, _two_batches
from ._elsewhere import unknown
from ._from_row import make
from ._prepared import Prepared
from ._words import total
from .records import PackageRow, UnitRow

_p, _t, _u = _tables.packages.c, _tables.tiles.c, _tables.units.c


def package(connection: Connection, name: str) -> PackageRow:
    """A package. Raises `NotFound`."""
    hint = "see: mintmark package list"
    return _package(_sql.find(connection, _tables.packages, "package", name, hint))


def packages(connection: Connection, batch: str | None) -> tuple[PackageRow, ...]:
    """The packages that hold codes of a batch, or all, oldest first."""
    query = select(_tables.packages).order_by(_p.seq)
    if batch is not None:
        query = query.where(_two_batches.of_batch(batch))
    return tuple(_package(row) for row in connection.execute(query))


def open_exports(connection: Connection) -> tuple[PackageRow, ...]:
    """Exports begun and not ended, oldest first."""
    query = select(_tables.packages).where(_p.status == "begun").order_by(_p.seq)
    return tuple(_package(row) for row in connection.execute(query))


def states(connection: Connection) -> dict[str, dict[State, int]]:
    """Package → how many of its codes are in each state, of both batches of a pair."""
    query = select(_t.package, _t.state, total(_t.last - _t.first + 1))
    query = query.where(_t.package.is_not(None)).group_by(_t.package, _t.state)
    found: dict[str, dict[State, int]] = {}
    for name, state, codes in connection.execute(query):
        found.setdefault(name, {})[State(state)] = int(codes)
    return found


def units(connection: Connection, name: str) -> tuple[UnitRow, ...]:
    """The units of a package, by serial."""
    query = _units().where(_u.package == name).order_by(_u.first)
    return tuple(_unit(row) for row in connection.execute(query))


def unit(connection: Connection, unit_id: str, name: str | None) -> UnitRow:
    """The unit with this id, in the package named. Raises `NotFound`, or `Refused` if several."""
    query = _units().where(_u.unit == unit_id)
    if name is not None:
        query = query.where(_u.package == name)
    found = list(connection.execute(query))
    if not found:
        raise unknown(connection, "unit", unit_id, "see: mintmark package list")
    if len(found) > 1:
        raise Refused(f"{len(found)} packages have a unit {unit_id}", "name the package too")
    return _unit(found[0])


def lost(connection: Connection, batch: str, first: int, last: int) -> tuple[UnitRow, ...]:
    """The units marked lost that hold serials from `first` to `last` of `batch`, by serial.

    Also those of packages that were reprinted since: the lost labels still carry these codes.
    """
    return tuple(map(_unit, LOST.all(connection, b=batch, low=first, high=last)))


def _package(row: Row[Any]) -> PackageRow:
    return make(PackageRow, row, serials=_pairs.from_text(row.serials))


def _unit(row: Row[Any]) -> UnitRow:
    _pairs.of_row(row.first, row.last, "units")
    return make(UnitRow, row, counted=bool(row.counted))


def _units() -> Select[Any]:
    return select(_tables.units, _p.batch, _p.copies, _p.pair).join(_tables.packages)


LOST = Prepared(
    lambda: (
        _units()
        .where(or_(_p.batch == bindparam("b"), _p.pair == bindparam("b")), _u.status == "lost")
        .where(_u.first <= bindparam("high"), _u.last >= bindparam("low"))
        .order_by(_u.first, _u.package)
    )
)

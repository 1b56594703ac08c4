"""What the appliers share: finding, adding and refusing rows."""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Table

from .. import ids
from ..errors import Refused, UsageError
from ..ranges import serials
from ..ranges.lifecycle import Standing, State
from ..ranges.serials import Ranges
from ..ranges.tiling import Tile
from . import _agreed, _tables
from ._elsewhere import SPOKEN, unknown
from ._prepared import inserting, set_row
from ._tiles import Book, Effect
from .changes import Change


@dataclass(frozen=True)
class Touched:
    """Serials that a change touched, and voided serials that it passed over."""

    applied: Ranges = ()
    skipped: Ranges = ()


NOTHING = Touched()


def find(connection: Connection, table: Table, name: str, value: str, hint: str) -> Any:  # noqa: ANN401 - a row
    """The row of `table` whose `name`, unique there, is `value`. Raises `NotFound`."""
    row = _agreed.row(connection, table, name, value)
    if row is None:
        raise unknown(connection, name, value, hint)
    return row


def book_of(connection: Connection, batch: str, ranges: Ranges) -> Book:
    """The book of `batch`.

    Raises `UsageError` unless `ranges` ascend, are joined, and lie in the batch.
    """
    row = batch_row(connection, batch)
    check_within(row, ranges)
    return Book(connection, batch, row.quantity)


def batch_row(connection: Connection, batch: str) -> Any:  # noqa: ANN401 - a row
    """The row of a batch. Raises `NotFound`."""
    return find(connection, _tables.batches, "batch", batch, "see: mintmark batch list")


def check_within(row: Any, ranges: Ranges) -> None:  # noqa: ANN401 - the row of a batch
    """Raises `UsageError` unless `ranges` ascend, are joined, and lie in the batch of `row`."""
    if not ranges or serials.ordered(ranges) != ranges:
        raise UsageError("serials must be named, ascending, and joined")
    if ranges[-1].last > row.quantity:
        raise UsageError(
            f"serial {ranges[-1].last} lies outside batch {row.batch}, which holds"
            f" 1-{row.quantity}",
            f"name serials between 1 and {row.quantity}",
        )


def require_unused(connection: Connection, table: Table, name: str, value: str) -> None:
    """Raises `Refused` if `table` has a row whose column `name` is `value`."""
    if _agreed.row_id(connection, table, name, value) is not None:
        raise Refused(
            f"the {SPOKEN.get(name, name)} {ids.shown(value)} is taken already", "give another"
        )


def insert(connection: Connection, table: Table, change: Change, **more: object) -> None:
    """Add a row made of the fields of `change`, and `more`."""
    row = asdict(change) | more
    inserting(table, *row).run(connection, row)


def update(connection: Connection, table: Table, name: str, value: str, **values: object) -> None:
    """Set `values` in the row whose `name`, unique there, is `value`."""
    number = _agreed.row_id(connection, table, name, value)
    if number is None:
        raise _agreed.damaged(table)
    set_row(connection, table, number, values)


def refuse_blocked(effect: Effect, batch: str, why: str) -> None:
    """Raises `Refused`, naming the ranges in the way, if there are any."""
    if not effect.blocked_total:
        return
    raise Refused(
        f"{_in_words(effect.blocked, effect.blocked_total)}: {why}",
        f"see where every code stands: mintmark batch show {batch}",
        blocked=[
            {"serials": [tile.serials.pair()], "state": tile.value.state.value}
            for tile in effect.blocked
        ],
        blocked_total=effect.blocked_total,
    )


def _in_words(tiles: list[Tile[Standing]], total: int) -> str:
    shown = ", ".join(f"{tile.serials} {_state(tile.value)}" for tile in tiles[:5])
    return f"in the way: {shown}" + (f" and {total - 5} more ranges" if total > 5 else "")


def _state(standing: Standing) -> str:
    reserved = standing.state is State.SEALED and standing.package is not None
    return f"reserved for {standing.package}" if reserved else standing.state.value

"""Packages of two batches: a serial of theirs is a label, and stands for that code of both."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, or_, select

from ..errors import Refused
from ..ranges import serials
from ..ranges.lifecycle import State
from ..ranges.serials import Range, Ranges
from . import _pairs, _sql, _tables
from .changes import ExportBegun

_p, _t = _tables.packages.c, _tables.tiles.c


def of_batch(batch: str) -> ColumnElement[bool]:
    """The condition that a package holds codes of `batch`."""
    return or_(_p.batch == batch, _p.pair == batch)


def batches_of(package: Row[Any] | ExportBegun) -> tuple[str, ...]:
    """The batches whose codes a package holds: one, or two."""
    return (package.batch,) if package.pair is None else (package.batch, package.pair)


def check_partner(change: ExportBegun, connection: Connection) -> None:
    """Raises `Refused` if the second batch is not on the same items as the first."""
    if change.pair is None:
        return
    first, second = (
        _sql.find(connection, _tables.batches, "batch", batch, "see: mintmark batch list")
        for batch in (change.batch, change.pair)
    )
    if not are_partners(first, second):
        raise Refused(
            f"batch {change.pair} is no partner of batch {change.batch}: their codes are not on the"
            " same items",
            f"see its partners: mintmark batch show {change.batch}",
            f"without --with, batch {change.batch} is packaged alone",
        )


def are_partners(first: Any, second: Any) -> bool:  # noqa: ANN401 - rows of batches
    """Whether the codes of two batches lie on the same items, serial by serial."""
    roots = {row.pair_of or row.batch for row in (first, second)}
    return len(roots) == 1 and first.batch != second.batch


def refuse_half_void(package: Row[Any], first: Ranges, second: Ranges) -> None:
    """Raises `Refused` unless the same serials are void in both batches, here `first`, `second`."""
    for void, others, alive in ((first, second, package.pair), (second, first, package.batch)):
        half = serials.subtract(void, others)
        if half:
            named = ";".join(map(str, half[:20]))
            raise Refused(
                f"serials {serials.describe(half)} of package {package.package} are void in one of"
                " its batches only: a label printed again would have a dead code and a good one",
                f'void the other code too: mintmark void {alive} --serials "{named}"',
                half_void=serials.to_pairs(half[:100]),
            )


def void_anywhere(connection: Connection, batches: tuple[str, ...], within: Ranges) -> Ranges:
    """The serials of `within` that are void in some of the batches."""
    return serials.union(
        tile.serials
        for batch in batches
        for tile in _sql.book_of(connection, batch, within).read(within)
        if tile.value.state is State.VOID
    )


def void_everywhere(connection: Connection, batches: tuple[str, ...], within: Ranges) -> Ranges:
    """The serials of `within` that are void in all of the batches."""
    left = within
    for batch in batches:
        if left:
            left = void_anywhere(connection, (batch,), left)
    return left


def free(connection: Connection, batches: tuple[str, ...]) -> Iterator[Range]:
    """The ranges that are sealed and not reserved in all of the batches, ascending."""
    found = _free(connection, batches[0])
    for batch in batches[1:]:
        found = _common(found, _free(connection, batch))
    return found


def first_free(connection: Connection, batches: tuple[str, ...], n: int) -> Ranges:
    """The first `n` serials that are sealed and not reserved in all of the batches.

    Raises `Refused` if there are fewer.
    """
    found: list[Range] = []
    missing = n
    for piece in free(connection, batches):
        found.append(Range(piece.first, min(piece.last, piece.first + missing - 1)))
        missing -= len(found[-1])
        if not missing:
            return serials.join(found)
    raise Refused(
        f"{_have(batches)} {n - missing} sealed codes left, not {n}",
        *(f"see where every code stands: mintmark batch show {batch}" for batch in batches),
    )


def _free(connection: Connection, batch: str) -> Iterator[Range]:
    query = (
        select(_t.first, _t.last)
        .where(_t.batch == batch, _t.state == State.SEALED.value, _t.package.is_(None))
        .order_by(_t.first)
        .execution_options(yield_per=1_000)
    )
    # Closed also for whoever has seen enough: PostgreSQL keeps a cursor of its own for it.
    with connection.execute(query) as rows:
        for first, last in rows:
            yield _pairs.of_row(first, last, "tiles")


def _common(some: Iterator[Range], others: Iterator[Range]) -> Iterator[Range]:
    """What two ascending sequences of disjoint ranges have in common."""
    one, other = next(some, None), next(others, None)
    while one is not None and other is not None:
        if one.first <= other.last and other.first <= one.last:
            yield Range(max(one.first, other.first), min(one.last, other.last))
        if one.last < other.last:
            one = next(some, None)
        else:
            other = next(others, None)


def _have(batches: tuple[str, ...]) -> str:
    return (
        f"batch {batches[0]} has" if len(batches) == 1 else f"batches {' and '.join(batches)} have"
    )

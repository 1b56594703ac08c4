"""Dealers' scan-ins, read back from the backend: what happened there, and no order of this home.

So nothing of it is refused for the state of its codes. Passed over are void codes, codes that an
export is about to write, and codes on which the two attributes find no more room.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select

from .. import times
from ..errors import Refused, UsageError
from ..ranges import attributes, serials
from ..ranges.aggregation import CodeRanges
from ..ranges.attributes import Value
from ..ranges.lifecycle import Action, Standing, step
from ..ranges.tiling import Stuck
from . import _agreed, _events, _sql, _tables
from ._columns import LARGEST
from ._prepared import inserting
from ._sql import NOTHING, Touched
from .chain import Event
from .changes import ScannedIn
from .records import ScanInRow

_s = _tables.scan_ins.c


def scanned_in(change: ScannedIn, connection: Connection, event: Event) -> Touched:
    """Note dealer and time on the codes."""
    _check(change)
    _sql.require_unused(connection, _tables.scan_ins, "scan_in", change.scan_in)
    later = {part.batch: part.serials for part in change.later}
    both, when = _patch(change), {"scanned_in": change.at}
    codes = 0
    for part in change.parts:
        kept = serials.intersect(part.serials, later.pop(part.batch, ()))
        moved = serials.subtract(part.serials, kept)
        codes += sum(
            _note(CodeRanges(part.batch, pieces), patch, connection)
            for pieces, patch in ((moved, both), (kept, when))
            if pieces
        )
    row = {
        "scan_in": change.scan_in, "seq": event.seq, "number": change.number,
        "dealer": change.dealer, "at": change.at, "codes": codes,
    }  # fmt: skip
    inserting(_tables.scan_ins, *row).run(connection, row)
    return NOTHING


def _check(change: ScannedIn) -> None:
    attributes.check_booked(_patch(change))
    if not change.scan_in or not 1 <= change.number < LARGEST:
        raise UsageError("a scan-in has an id, and a number from 1 on")
    for parts in (change.parts, change.later):
        batches = [part.batch for part in parts]
        if batches != sorted(set(batches)) or not all(part.serials for part in parts):
            raise UsageError("the batches of a scan-in must ascend, each named once, with serials")
    held = {part.batch: part.serials for part in change.parts}
    if any(serials.subtract(part.serials, held.get(part.batch, ())) for part in change.later):
        raise UsageError("what an order of later gave another dealer must lie in the scan-in")


def _patch(change: ScannedIn) -> dict[str, Value]:
    return {"dealer": change.dealer, "scanned_in": change.at}


def _note(part: CodeRanges, patch: Mapping[str, Value], connection: Connection) -> int:
    """How many codes of `part` have the attributes now: those that were not passed over."""

    def stepped(standing: Standing) -> Standing:
        return step(standing, Action.ASSIGN, attributes=patch)

    def skip(standing: Standing) -> bool:
        try:
            stepped(standing)
        except Stuck:
            return True
        return False

    try:
        book = _sql.book_of(connection, part.batch, part.serials)
    except UsageError as error:
        raise Refused(error.message, *error.hints) from None
    return book.rewrite(part.serials, stepped, skip).applied.total()


# --- reading -----------------------------------------------------------------------------


def known(connection: Connection, scan_in: str) -> bool:
    """Whether the scan-in was read back."""
    return _agreed.row_id(connection, _tables.scan_ins, "scan_in", scan_in) is not None


def listed(connection: Connection, after: int, limit: int) -> tuple[ScanInRow, ...]:
    """Scan-ins with a number above `after`, by number."""
    return _rows(connection, _all().where(_s.number > after).order_by(_s.number, _s.seq), limit)


def newest(connection: Connection) -> ScanInRow | None:
    """The scan-in that was read back last; a backend that was set up anew begins at 1 again."""
    return next(iter(_rows(connection, _all().order_by(_s.seq.desc()), 1)), None)


def _all() -> Select[Any]:
    e = _tables.events
    columns = (column.label(f"event_{column.name}") for column in e.columns)
    return select(_tables.scan_ins, *columns).join(e, e.c.seq == _s.seq)


def _rows(connection: Connection, query: Select[Any], limit: int) -> tuple[ScanInRow, ...]:
    rows = []
    for row in connection.execute(query.limit(limit)):
        event = _events.make_event(row, "event_")
        change = event.change
        if not isinstance(change, ScannedIn) or change.scan_in != row.scan_in:
            raise _agreed.damaged(_tables.scan_ins)
        rows.append(
            ScanInRow(
                scan_in=row.scan_in,
                seq=row.seq,
                number=row.number,
                dealer=row.dealer,
                at=_time(row.at),
                codes=row.codes,
                parts=change.parts,
                read_at=event.time,
            )
        )
    return tuple(rows)


def _time(text: str) -> datetime:
    try:
        return times.parse(text)
    except ValueError:
        raise _agreed.damaged(_tables.scan_ins) from None

"""What became of single codes: the order that made each active, and what receipts say of it.

For many codes at once. A batch may have as many orders as it has codes, so they are looked
through from the newest, and only until each code has found its own.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select

from ..errors import IntegrityError
from ..ranges import serials
from ..ranges.serials import Range
from . import _events, _pairs, _tables
from ._columns import BRING_BACK, Number
from .records import Activation

_AT_ONCE = 500  # orders per query
_o, _e, _r = _tables.orders.c, _tables.events.c, _tables.reported.c
# Bodies are canonical JSON: their keys ascend, and this one is the first.
_ACTIVATES = '{"action":"activate",'
_REOPENED = "reopened"


def activations(
    connection: Connection, batch: str, numbers: Sequence[int]
) -> dict[int, Activation]:
    """Serial → the last order that activated it, for those of the serials `numbers` that have one.

    An order that the backend refused, or that was cancelled before it was sent, is one too.
    """
    waiting = sorted(set(numbers))
    found: dict[int, Activation] = {}
    for row in _newest_first(connection, batch):
        if not waiting:
            break
        if meant := _taken(row, waiting):
            found.update(dict.fromkeys(meant, _activation(row)))
    return found


def _newest_first(connection: Connection, batch: str) -> Iterator[Row[Any]]:
    before = None
    while True:
        values = {"b": batch, "before": before or 2**53 - 1, "most": _AT_ONCE}
        rows = connection.execute(_query(), values).all()
        yield from rows
        if len(rows) < _AT_ONCE:
            return
        before = rows[-1].seq


@lru_cache(maxsize=1)
def _query() -> Select[Any]:
    # Made once: to put it together costs more than to run it.
    return (
        select(
            _o.order_id, _o.seq, _o.status, _o.skipped,
            *(column.label(f"event_{column.name}") for column in _tables.events.columns),
        )
        .join(_tables.events, _e.seq == _o.seq)
        .where(
            _o.batch == bindparam("b"),
            _o.seq < bindparam("before", type_=Number()),
            _e.body.startswith(_ACTIVATES),
        )
        .order_by(_o.seq.desc())
        .limit(bindparam("most", type_=Number()))
    )  # fmt: skip


def _taken(row: Row[Any], waiting: list[int]) -> list[int]:
    """The serials that the order touched, taken out of the ascending `waiting`."""
    try:
        named = tuple(Range(first, last) for first, last in json.loads(row.event_body)["serials"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise IntegrityError(
            f"event {row.seq} was changed: its body can't be read", BRING_BACK
        ) from None
    taken = []
    for piece in serials.subtract(named, _pairs.from_text(row.skipped)):
        begin, end = _place(waiting, piece.first, piece.last)
        taken += waiting[begin:end]
        del waiting[begin:end]
    return taken


def _place(ascending: Sequence[int], first: int, last: int) -> tuple[int, int]:
    return bisect_left(ascending, first), bisect_right(ascending, last)


def _activation(row: Row[Any]) -> Activation:
    event = _events.make_event(row, "event_")
    line = json.loads(event.body).get("line")
    return Activation(row.order_id, event.time, line, row.status)


def outcomes(connection: Connection, package: str, numbers: Sequence[int]) -> dict[int, str]:
    """Serial → `printed` or `spoiled`, for those of the serials `numbers` that a receipt names."""
    asked = sorted(set(numbers))
    query = select(_r.first, _r.last, _r.outcome).where(
        _r.package == package, _r.first <= asked[-1], _r.last >= asked[0]
    )
    found: dict[int, str] = {}
    for row in connection.execute(query):
        if row.outcome != _REOPENED:
            begin, end = _place(asked, row.first, row.last)
            found.update(dict.fromkeys(asked[begin:end], row.outcome))
    return found

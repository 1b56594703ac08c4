"""Dealers' scan-ins in the books: each applied once, its answer kept; read back by number."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from ...codegen.ranges.aggregation import CodeRanges
from ...codegen.ranges.serials import from_pairs, to_pairs
from ..client import wire
from . import dialects, kept_answers, same_content, tables
from .apply_scan_in import Permit, ScanInRequest, TakenIn, apply_scan_in
from .limits import BackendLimits
from .problems import Problem
from .scan_counters import time_text

_PAGE_RANGES = 10_000  # of a page; a scan-in is never cut


def take(
    connection: Connection,
    request: ScanInRequest,
    now: datetime,
    permit: Permit,
    limits: BackendLimits,
) -> wire.ScanInAnswer | Problem:
    """The answer, kept by now; or the refusal, and then nothing has changed.

    Raises order-differs, and refusals that do not stay.
    """
    table, identity = tables.scan_ins, same_content.scan_in_identity(request)
    # First of all locks: no other transaction that waits for this one holds it.
    dialects.take_turn_of(connection, request.scan_in)
    if (kept := kept_answers.stored(connection, table, request.scan_in)) is not None:
        kept_answers.check_same(kept, identity, same_content.is_same_json)
        return wire.ScanInAnswer.parse(kept_answers.answer_of(kept))
    at = int(now.timestamp())
    new: dict[str, Any] = {"scan_in_id": request.scan_in, "identity": identity, "arrived": at}
    try:
        with connection.begin_nested():
            taken = apply_scan_in(connection, request, time_text(at), permit, limits)
    except Problem as problem:
        kept_answers.keep(connection, table, new, problem, ())
        return problem
    answer = _answer(request, taken, at)
    if taken.opened:
        # As JSON: PostgreSQL has no text with U+0000, and an attribute may hold it.
        new |= {"number": _number(connection, at), "dealer": json.dumps(request.dealer)}
        new |= {"ranges": taken.ranges, "codes": _text(taken.opened)}
    kept_answers.keep(connection, table, new, answer, ())
    return answer


def page(connection: Connection, after: int) -> wire.ScanInsPage:
    """The scan-ins that opened anything, by number, after the cursor `after`."""
    table = tables.scan_ins
    sizes = (
        select(table.c.number, table.c.ranges)
        .where(table.c.number > after)
        .order_by(table.c.number)
        .limit(wire.PAGE_SCAN_INS + 1)
    )
    numbers, room = list[int](), _PAGE_RANGES
    rows = connection.execute(sizes).all()
    for row in rows[: wire.PAGE_SCAN_INS]:
        room -= row.ranges
        if numbers and room < 0:
            break
        numbers.append(row.number)
    if not numbers:
        return wire.ScanInsPage((), None)
    query = select(table).where(table.c.number.between(numbers[0], numbers[-1]))
    told = tuple(map(_told, connection.execute(query.order_by(table.c.number))))
    return wire.ScanInsPage(told, numbers[-1] if len(rows) > len(numbers) else None)


def _answer(request: ScanInRequest, taken: TakenIn, at: int) -> wire.ScanInAnswer:
    shown, room = list[CodeRanges](), wire.LISTED
    for part in taken.opened:
        if room:
            shown.append(CodeRanges(part.batch, part.serials[:room]))
            room -= len(shown[-1].serials)
    return wire.ScanInAnswer(
        scan_in=request.scan_in,
        dealer=request.dealer,
        at=time_text(at),
        opened=tuple(shown),
        opened_count=taken.count,
        unknown=taken.unknown,
        truncated=taken.ranges > wire.LISTED,
    )


def _number(connection: Connection, at: int) -> int:
    """The next number, in the order of the commits: a reader with a cursor misses none.

    At least the time: in books that were brought back from a copy it passes every number that
    was told before.
    """
    dialects.take_turn(connection, dialects.NUMBERING)
    newest = connection.execute(select(func.max(tables.scan_ins.c.number))).scalar_one()
    return max((newest or 0) + 1, at)


def _text(parts: tuple[CodeRanges, ...]) -> str:
    return json.dumps([[part.batch, to_pairs(part.serials)] for part in parts])


def _told(row: Row[Any]) -> wire.ScanInTold:
    codes = tuple(
        CodeRanges(batch, from_pairs(pairs, wire.SCAN_IN_RANGES))
        for batch, pairs in json.loads(row.codes)
    )
    dealer, at = json.loads(row.dealer), time_text(row.arrived)
    return wire.ScanInTold(row.number, row.scan_in_id, dealer, at, codes)

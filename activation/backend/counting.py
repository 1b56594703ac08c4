"""Counting scans, inside one write transaction each: of a hundred at once, one is first."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select

from ...codegen.attributes import public
from ...codegen.lifecycle import seen
from ..wire import ScanAnswer
from . import dialects, shelf, tables
from .limits import Limits
from .scan import Result, verdict


def count(
    connection: Connection,
    candidates: Sequence[bytes],
    scan_id: str | None,
    now: datetime,
    limits: Limits,
) -> ScanAnswer:
    """Answer a scan of a code with one of these fingerprints, and count it if it counts.

    A counted answer is given again to the same `scan_id` for `scan_answer_seconds`.
    """
    at = int(now.timestamp())
    found = _find(connection, candidates)
    if found is None:
        for fingerprint in candidates:
            _note_unknown(connection, fingerprint, at, limits)
        return ScanAnswer(Result.UNKNOWN.value)
    if scan_id is not None:
        earlier = _answered(connection, found.fingerprint, scan_id, at - limits.scan_answer_seconds)
        if earlier is not None:
            return earlier
    answer, counts = _counted(connection, found, now, at)
    if scan_id is not None and counts:
        _keep(connection, (found.fingerprint, scan_id), answer, at, limits)
    return answer


def stamp(seconds: int) -> str:
    """RFC 3339, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def expire(connection: Connection, answers_before: int, unknown_before: int) -> None:
    """Forget what no reader may see any more."""
    answers, unknown = tables.scan_answers, tables.unknown_scans
    connection.execute(delete(answers).where(answers.c.at < answers_before))
    connection.execute(delete(unknown).where(unknown.c.last < unknown_before))


def _find(connection: Connection, candidates: Sequence[bytes]) -> Row[Any] | None:
    live, batches = tables.fingerprints, tables.batches
    query = (
        select(live, batches.c.batch.label("name"))
        .join(batches, batches.c.number == live.c.batch)
        .where(live.c.fingerprint.in_(candidates))
    )
    return connection.execute(query).first()


def _counted(
    connection: Connection, found: Row[Any], now: datetime, at: int
) -> tuple[ScanAnswer, bool]:
    standing = shelf.Standings(connection).get(shelf.at(connection, found.batch, found.serial))
    table = tables.scans
    own = (table.c.batch == found.batch) & (table.c.serial == found.serial)
    if dialects.is_postgresql(connection):
        # A row to lock: of a hundred workers that scan one code, one is first.
        fresh = {"batch": found.batch, "serial": found.serial, "scans": 0, "before": 0}
        made = dialects.upsert(connection, table).values(fresh)
        connection.execute(made.on_conflict_do_nothing())
    row = connection.execute(select(table).where(own).with_for_update()).first()
    scans, first = (row.scans, row.first_scan) if row else (0, None)
    said = verdict(seen(standing.state), standing.attributes, scans, now)
    if said.counts:
        scans, first = scans + 1, at if first is None else first
        _bump(connection, found, scans=1, first_scan=at, last_scan=at)
    elif said.early:
        _bump(connection, found, before=1, before_first=at)
    answer = ScanAnswer(
        result=said.result.value,
        scans=scans,
        first_scan=None if first is None else stamp(first),
        batch=found.name,
        serial=found.serial,
        attributes=public(standing.attributes),
    )
    return answer, said.counts


def _bump(connection: Connection, found: Row[Any], **values: int) -> None:
    """Add to the code's counters; first times stay, last times move."""
    table = tables.scans
    fresh = {"batch": found.batch, "serial": found.serial, "scans": 0, "before": 0}
    changed: dict[str, object] = {}
    for key, value in values.items():
        column = table.c[key]
        if key in ("scans", "before"):
            changed[key] = column + value
        else:
            changed[key] = value if key == "last_scan" else func.coalesce(column, value)
    statement = dialects.upsert(connection, table).values(fresh | values)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["batch", "serial"], set_=changed)
    )


def _answered(
    connection: Connection, fingerprint: bytes, scan_id: str, since: int
) -> ScanAnswer | None:
    table = tables.scan_answers
    query = select(table.c.answer).where(
        table.c.fingerprint == fingerprint, table.c.scan_id == scan_id, table.c.at >= since
    )
    text = connection.execute(query).scalar_one_or_none()
    return None if text is None else ScanAnswer.parse(json.loads(text))


def _keep(
    connection: Connection,
    key: tuple[bytes, str],
    answer: ScanAnswer,
    at: int,
    limits: Limits,
) -> None:
    """Remember the answer; a code's oldest answers make room, so nobody can fill the disk."""
    table, (fingerprint, scan_id) = tables.scan_answers, key
    text = json.dumps(answer.body(), ensure_ascii=False)
    row = {"fingerprint": fingerprint, "scan_id": scan_id, "answer": text, "at": at}
    statement = dialects.upsert(connection, table).values(row)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["fingerprint", "scan_id"], set_={"answer": text, "at": at}
        )
    )
    kept = (
        select(table.c.scan_id)
        .where(table.c.fingerprint == fingerprint)
        .order_by(table.c.at.desc())
        .limit(limits.scan_answers_a_code)
    )
    connection.execute(
        delete(table).where(table.c.fingerprint == fingerprint, table.c.scan_id.not_in(kept))
    )


def _note_unknown(connection: Connection, fingerprint: bytes, at: int, limits: Limits) -> None:
    """Count an unknown fingerprint. Past the cap the longest known of them make room."""
    table = tables.unknown_scans
    seen_before = connection.execute(
        table.update()
        .where(table.c.fingerprint == fingerprint)
        .values(times=table.c.times + 1, last=at)
    )
    if seen_before.rowcount:
        return
    made = connection.execute(
        dialects.upsert(connection, table)
        .values(fingerprint=fingerprint, first=at, last=at, times=1)
        .on_conflict_do_update(
            index_elements=["fingerprint"], set_={"times": table.c.times + 1, "last": at}
        )
        .returning(table.c.id)
    )
    newest = made.scalar_one()
    connection.execute(delete(table).where(table.c.id <= newest - limits.unknown_scans))

"""Counting scans: every scan of a group, in one write transaction.

If a hundred phones scan a code at once, exactly one is the first: within a group the order
of arrival decides, between groups the database's locks. Codes and counters are read and
written for the whole group at once, so a scan's share of a transaction is small.

1. Find the codes that are live, with their standings and the codes on the same items.
2. Read their counters. On PostgreSQL this locks them, by batch and serial for everybody: two
   groups that lock the same counters in another order would wait for each other.
3. Read the answers that were given before under the same scan ids.
4. Decide each scan in the order of arrival; counters move in memory.
5. Write the counters that changed, in the order of 2, and the answers to keep.
6. Note the unknown fingerprints, sorted: they are rows that others lock as well.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from ...codegen.ranges import values
from ...codegen.ranges.attributes import public_of, to_json
from ...codegen.ranges.lifecycle import Standing, to_api_state
from ...codegen.times import format_utc
from ..client.wire import PairedCode, ScanAnswer
from . import dialects, pairs, tables, tile_store
from .limits import BackendLimits
from .scan import ScanResult, verdict

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Key = tuple[int, int]  # number of the batch, serial


@dataclass(frozen=True)
class ScanRequest:
    """A scan: the fingerprints its text may have, and the phone's own id for it."""

    candidates: Sequence[bytes]
    scan_id: str | None = None


@dataclass
class _Code:
    """A code that was found, with its counters, which move as scans are decided."""

    fingerprint: bytes
    key: Key
    name: str
    role: str
    standing: Standing
    scans: int = 0
    first_scan: int | None = None
    early: bool = False
    pairs: tuple[PairedCode, ...] = ()
    changed: bool = False
    answered: dict[str, ScanAnswer] = field(default_factory=dict)
    kept: dict[str, ScanAnswer] = field(default_factory=dict)


def count(
    connection: Connection,
    scans: Sequence[ScanRequest],
    now: datetime,
    limits: BackendLimits,
    standings: dict[int, Standing],
) -> list[ScanAnswer]:
    """Answer scans in the order they came, and count those that count.

    A counted answer is given again to the same `scan_id` for `scan_answer_seconds`.
    `standings`: the standings known by number; they never change, and the caller keeps them.
    """
    at = int(now.timestamp())
    codes = _found(connection, scans, standings)  # 1
    _counters(connection, codes.values())  # 2
    _answers(connection, scans, codes, at - limits.scan_answer_seconds)  # 3
    answers, unknown = [], list[bytes]()
    for scan in scans:  # 4
        code = next((codes[print_] for print_ in scan.candidates if print_ in codes), None)
        if code is None:
            unknown += scan.candidates
            answers.append(ScanAnswer(ScanResult.UNKNOWN.value))
        else:
            answers.append(_answered(code, scan.scan_id, now, at))
    _write(connection, codes.values(), at, limits)  # 5
    for fingerprint in sorted(unknown):  # 6
        _note_unknown(connection, fingerprint, at, limits)
    return answers


def time_text(seconds: int) -> str:
    """Unix time as RFC 3339. Raises `ArithmeticError` for a year that is none."""
    return format_utc(_EPOCH + timedelta(seconds=seconds), "seconds")


def expire(connection: Connection, answers_before: int, unknown_before: int) -> None:
    """Delete the rows that no reader may see any more."""
    answers, unknown = tables.scan_answers, tables.unknown_scans
    connection.execute(delete(answers).where(answers.c.at < answers_before))
    connection.execute(delete(unknown).where(unknown.c.last < unknown_before))


def _answered(code: _Code, scan_id: str | None, now: datetime, at: int) -> ScanAnswer:
    """The answer to a scan; the code's counters move in memory."""
    if scan_id is not None and scan_id in code.answered:
        return code.answered[scan_id]
    standing = code.standing
    found = verdict(to_api_state(standing.state), standing.attributes, code.scans, now)
    if found.counts:
        code.scans, code.changed = code.scans + 1, True
        code.first_scan = at if code.first_scan is None else code.first_scan
    elif found.early and not code.early:
        code.early = code.changed = True
    answer = ScanAnswer(
        result=found.result.value,
        scans=code.scans,
        first_scan=None if code.first_scan is None else time_text(code.first_scan),
        batch=code.name,
        serial=code.key[1],
        role=code.role,
        attributes=public_of(values.at(standing.attributes, now)),
        pairs=code.pairs,
    )
    if scan_id is not None and found.counts:
        code.answered[scan_id] = code.kept[scan_id] = answer
    return answer


def _found(
    connection: Connection, scans: Sequence[ScanRequest], standings: dict[int, Standing]
) -> Mapping[bytes, _Code]:
    """The codes that are live, by fingerprint, with their standings."""
    live, batches, tiles = tables.fingerprints, tables.batches, tables.tiles
    standing = (
        select(tiles.c.standing)
        .where(tiles.c.batch == live.c.batch, tiles.c.first <= live.c.serial)
        .order_by(tiles.c.first.desc())
        .limit(1)
        .scalar_subquery()
    )
    wanted = {fingerprint for scan in scans for fingerprint in scan.candidates}
    query = (
        select(live, batches.c.batch.label("name"), batches.c.role, standing.label("standing"))
        .join(batches, batches.c.number == live.c.batch)
        .where(live.c.fingerprint.in_(wanted))
    )
    rows = connection.execute(query).all()
    tile_store.known(connection, {row.standing for row in rows}, standings)
    by_batch: dict[int, list[bytes]] = {}
    for row in rows:
        by_batch.setdefault(row.batch, []).append(row.fingerprint)
    paired = pairs.read(connection, by_batch, standings) if rows else {}
    found = {bytes(row.fingerprint): _code(row, standings) for row in rows}
    for code in found.values():
        code.pairs = paired.get(code.key, ())
    return found


def _code(row: Row[Any], standings: Mapping[int, Standing]) -> _Code:
    key = (row.batch, row.serial)
    standing = standings[row.standing]
    role = to_json(standing.attributes).get("role", row.role)
    return _Code(bytes(row.fingerprint), key, row.name, str(role), standing)


def _counters(connection: Connection, codes: Iterable[_Code]) -> None:
    """Read the counters. On PostgreSQL, lock them in the order of `_Code.key`."""
    table, by_key = tables.scans, {code.key: code for code in codes}
    if not by_key:
        return
    keys = sorted(by_key)
    if dialects.is_postgresql(connection):
        fresh = [{"batch": b, "serial": s, "scans": 0, "early": False} for b, s in keys]
        dialects.merge(connection, table, fresh, keep=True)
    # Batch by batch: for pairs of both, SQLite would read the whole table.
    for batch, found in groupby(keys, key=itemgetter(0)):
        query = select(table).where(
            table.c.batch == batch, table.c.serial.in_([serial for _, serial in found])
        )
        for row in connection.execute(query.order_by(table.c.serial).with_for_update()):
            code = by_key[row.batch, row.serial]
            code.scans, code.first_scan, code.early = row.scans, row.first_scan, row.early


def _answers(
    connection: Connection, scans: Sequence[ScanRequest], codes: Mapping[bytes, _Code], since: int
) -> None:
    """Read the answers that were given before under these scan ids."""
    table = tables.scan_answers
    pairs = {
        (fingerprint, scan.scan_id)
        for scan in scans
        if scan.scan_id is not None
        for fingerprint in scan.candidates
        if fingerprint in codes
    }
    if not pairs:
        return
    # Each column by itself, so that SQLite uses the index; that finds more rows than needed.
    query = select(table).where(
        table.c.fingerprint.in_({fingerprint for fingerprint, _ in pairs}),
        table.c.scan_id.in_({scan_id for _, scan_id in pairs}),
        table.c.at >= since,
    )
    for row in connection.execute(query):
        answer = ScanAnswer.parse(json.loads(row.answer))
        codes[bytes(row.fingerprint)].answered[row.scan_id] = answer


def _write(connection: Connection, codes: Iterable[_Code], at: int, limits: BackendLimits) -> None:
    """Write counters and answers, in the order the counters were locked."""
    changed = sorted((code for code in codes if code.changed), key=lambda code: code.key)
    if not changed:
        return
    fields = ("scans", "first_scan", "early")
    rows = [
        {"batch": code.key[0], "serial": code.key[1]}
        | {name: getattr(code, name) for name in fields}
        for code in changed
    ]
    dialects.merge(connection, tables.scans, rows)
    _keep(connection, changed, at, limits)


def _keep(connection: Connection, codes: Sequence[_Code], at: int, limits: BackendLimits) -> None:
    """Keep the answers; a code's oldest answers make room, so nobody can fill the disk."""
    table = tables.scan_answers
    rows = [
        {
            "fingerprint": code.fingerprint,
            "scan_id": scan_id,
            "answer": json.dumps(answer.body(), ensure_ascii=False),
            "at": at,
        }
        for code in codes
        for scan_id, answer in code.kept.items()
    ]
    if rows:
        dialects.merge(connection, table, rows)
    for code in codes:
        if code.kept and code.scans > limits.scan_answers_per_code:
            _forget(connection, code.fingerprint, limits.scan_answers_per_code)


def _forget(connection: Connection, fingerprint: bytes, most: int) -> None:
    table = tables.scan_answers
    kept = (
        select(table.c.scan_id)
        .where(table.c.fingerprint == fingerprint)
        .order_by(table.c.at.desc())
        .limit(most)
    )
    connection.execute(
        delete(table).where(table.c.fingerprint == fingerprint, table.c.scan_id.not_in(kept))
    )


def _note_unknown(
    connection: Connection, fingerprint: bytes, at: int, limits: BackendLimits
) -> None:
    """Count an unknown fingerprint. Past the cap, those that were noted first make room."""
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

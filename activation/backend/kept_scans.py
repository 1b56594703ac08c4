"""The answers of scans that counted, kept for a day: a phone that asks again gets the same one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, delete, select

from ..client.wire import Party, ScanAnswer
from . import dialects, tables
from .limits import BackendLimits
from .scanned_code import ScannedCode, ScanRequest


def read(
    connection: Connection,
    scans: Sequence[ScanRequest],
    codes: Mapping[bytes, ScannedCode],
    since: int,
) -> None:
    """Read the answers that were given before under these scan ids."""
    table = tables.scan_answers
    pairs = {
        (fingerprint, scan.kept_as)
        for scan in scans
        if scan.kept_as is not None
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
        if not answer.parties:  # kept by an older version, for which there were consumers alone
            answer = replace(answer, parties={Party.CONSUMER: answer.scans})
        codes[bytes(row.fingerprint)].answered[row.scan_id] = answer


def keep(
    connection: Connection, codes: Sequence[ScannedCode], at: int, limits: BackendLimits
) -> None:
    """Keep the answers; a code's oldest answers make room, so nobody can fill the disk."""
    table, most = tables.scan_answers, limits.scan_answers_per_code
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
        if code.kept and sum(scans for scans, _ in code.counts.values()) > most:
            _forget(connection, code.fingerprint, most)


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

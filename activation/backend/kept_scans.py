"""The answers of scans that counted, kept for a day: a phone that asks again gets the same one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, delete, select

from ..client.wire import Party, ScanAnswer
from . import partitions, scan_rows, tables
from .limits import BackendLimits
from .scan_rows import KeptRow
from .scanned_code import ScannedCode, ScanRequest


def read(
    connection: Connection,
    scans: Sequence[ScanRequest],
    codes: Mapping[bytes, ScannedCode],
    since: int,
) -> None:
    """Read the answers that were given before under these scan ids."""
    pairs = [
        (fingerprint, name)
        for scan in scans
        if (name := scan.kept_as) is not None
        for fingerprint in scan.candidates
        if fingerprint in codes
    ]
    if not pairs:
        return
    for row in scan_rows.kept(connection, pairs, since):
        answer = ScanAnswer.parse(json.loads(row.answer))
        if not answer.parties:  # kept by an older version, for which there were consumers alone
            answer = replace(answer, parties={Party.CONSUMER: answer.scans})
        codes[row.fingerprint].answered[row.scan_id] = answer


def rows(codes: Sequence[ScannedCode], at: int) -> list[KeptRow]:
    """The answers to keep."""
    return [
        KeptRow(code.fingerprint, scan_id, answer.text, at)
        for code in codes
        for scan_id, answer in code.kept.items()
    ]


def make_room(connection: Connection, codes: Sequence[ScannedCode], limits: BackendLimits) -> None:
    """A code's oldest answers make room for those kept now, so nobody can fill the disk."""
    most = limits.scan_answers_per_code
    for code in codes:
        if code.kept and sum(scans for scans, _ in code.counts.values()) > most:
            _forget(connection, code.fingerprint, most)


def _forget(connection: Connection, fingerprint: bytes, most: int) -> None:
    table = partitions.leaf(connection, tables.scan_answers, fingerprint)
    kept = (
        select(table.c.scan_id)
        .where(table.c.fingerprint == fingerprint)
        .order_by(table.c.at.desc())
        .limit(most)
    )
    connection.execute(
        delete(table).where(table.c.fingerprint == fingerprint, table.c.scan_id.not_in(kept))
    )

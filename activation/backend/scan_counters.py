"""Counting scans: every scan of a group, in one write transaction.

If a hundred phones scan a code at once, exactly one is the first: within a group the order
of arrival decides, between groups the database's locks. Codes and counters are read and
written for the whole group at once, so a scan's share of a transaction is small.

1. Find the codes that are live, with their standings and the codes on the same items.
2. With them, read their counters. On PostgreSQL this locks them, by batch and serial for
   everybody: two groups that lock the same counters in another order would wait for each other.
3. Read the answers that were given before under the same scan ids.
4. Decide each scan in the order of arrival; counters move in memory.
5. Write the counters that changed, in the order of 2, and the answers to keep.
6. Note the scans that were refused, and where codes were scanned: rows under the locks of 2.
7. Note the unknown fingerprints, sorted: they are rows that others lock as well.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from ...codegen.ranges import values
from ...codegen.ranges.attributes import public_of
from ...codegen.ranges.lifecycle import Standing, to_api_state
from ...codegen.times import format_utc
from ..client.wire import Party, ScanAnswer
from . import kept_scans, pairs, scan_notes, scan_rows, tile_store
from .damage import Damaged
from .limits import BackendLimits
from .scan import ScanResult, verdict
from .scan_rows import CountersRow, FoundRow
from .scanned_code import ScannedBy, ScannedCode, ScanRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    codes = _found(connection, scans, standings, now)  # 1, 2
    kept_scans.read(connection, scans, codes, at - limits.scan_answer_seconds)  # 3
    answers, unknown = [], list[bytes]()
    for scan in scans:  # 4
        code = next((codes[print_] for print_ in scan.candidates if print_ in codes), None)
        if code is None:
            unknown += scan.candidates
            answers.append(ScanAnswer(ScanResult.UNKNOWN.value, party=scan.by.party))
        else:
            answers.append(_told(_answered(code, scan, now, at), scan.by))
    _write(connection, codes.values(), at, limits)  # 5
    _note(connection, codes.values(), at, limits)  # 6
    scan_notes.unknown(connection, unknown, at, limits)  # 7
    return answers


@lru_cache(maxsize=1_024)
def time_text(seconds: int) -> str:
    """Unix time as RFC 3339. Raises `ArithmeticError` for a year that is none."""
    return format_utc(_EPOCH + timedelta(seconds=seconds), "seconds")


def _answered(code: ScannedCode, scan: ScanRequest, now: datetime, at: int) -> ScanAnswer:
    """The answer to a scan, with all attributes; the code's counters move in memory."""
    name, party = scan.kept_as, scan.by.party
    if name is not None and name in code.answered:
        return code.answered[name]
    found = verdict(code.state, code.worth, code.scans(party), now, party)
    if found.counts:
        code.count(party, at)
    else:
        code.refused[found.result.value] += 1
        if found.early and not code.early:
            code.early = code.changed = True
    if scan.by.region is not None:
        code.regions[scan.by.region] += 1
    count = code.counts.get(party)
    answer = ScanAnswer(
        result=found.result.value,
        scans=count[0] if count else 0,
        first_scan=time_text(count[1]) if count else None,
        batch=code.name,
        serial=code.key[1],
        role=code.role,
        attributes=code.worth,
        pairs=code.pairs,
        party=party,
        parties={party: scans for party, (scans, _) in code.counts.items()},
        gate=values.gate(code.worth),
    )
    if name is not None and found.counts:
        code.answered[name] = code.kept[name] = answer
    return answer


def _told(answer: ScanAnswer, by: ScannedBy) -> ScanAnswer:
    if by.signed:
        return answer
    public = public_of(answer.attributes)
    return answer if public == answer.attributes else replace(answer, attributes=public)


def _found(
    connection: Connection,
    scans: Sequence[ScanRequest],
    standings: dict[int, Standing],
    now: datetime,
) -> Mapping[bytes, ScannedCode]:
    """The codes that are live, by fingerprint, with their standings and counters."""
    wanted = list({fingerprint for scan in scans for fingerprint in scan.candidates})
    rows = scan_rows.find(connection, wanted) if wanted else []
    if not rows:
        return {}
    tile_store.known(connection, {row.standing for row in rows}, standings)
    found = {row.fingerprint: _code(row, standings[row.standing], now) for row in rows}
    by_batch: dict[int, list[bytes]] = {}
    for row in rows:
        code = found[row.fingerprint]
        code.counts, code.last_scan, code.early = _counts(row), row.last_scan, bool(row.early)
        if row.paired:
            by_batch.setdefault(row.batch, []).append(row.fingerprint)
    if by_batch:
        paired = pairs.read(connection, by_batch, standings)
        for code in found.values():
            code.pairs = paired.get(code.key, ())
    return found


def _code(row: FoundRow, standing: Standing, now: datetime) -> ScannedCode:
    key, state = (row.batch, row.serial), to_api_state(standing.state)
    worth = values.at(standing.attributes, now)
    role = str(worth.get("role", row.role))  # no window holds one
    return ScannedCode(row.fingerprint, key, row.name, role, state, worth)


def _counts(row: FoundRow) -> dict[Party, tuple[int, int]]:
    counts = dict[Party, tuple[int, int]]()
    if row.scans:
        if row.first_scan is None:
            raise Damaged
        counts[Party.CONSUMER] = row.scans, row.first_scan
    if row.parties:
        for name, (scans, first) in json.loads(row.parties).items():
            counts[Party(name)] = scans, first
    return counts


def _write(
    connection: Connection, codes: Iterable[ScannedCode], at: int, limits: BackendLimits
) -> None:
    """Write counters and answers, in the order the counters were locked."""
    changed = sorted((code for code in codes if code.changed), key=lambda code: code.key)
    if not changed:
        return
    rows = [CountersRow(**_row(code)) for code in changed]
    scan_rows.write(connection, rows, kept_scans.rows(changed, at))
    kept_scans.make_room(connection, changed, limits)


def _row(code: ScannedCode) -> dict[str, Any]:
    """All columns of the counters, in the form in which they are kept."""
    scans, first = code.counts.get(Party.CONSUMER, (0, None))
    row = {"batch": code.key[0], "serial": code.key[1], "scans": scans, "first_scan": first}
    rest = {"early": code.early, "last_scan": code.last_scan, "parties": _others(code)}
    return row | rest | {"fingerprint": code.fingerprint}


def _others(code: ScannedCode) -> str | None:
    """What the other parties counted, as it is kept; None for most codes: nothing."""
    if code.counts.keys() <= {Party.CONSUMER}:
        return None
    others = {party.value: count for party, count in code.counts.items()}
    others.pop(Party.CONSUMER.value, None)
    return json.dumps(others, sort_keys=True)


def _note(
    connection: Connection, codes: Iterable[ScannedCode], at: int, limits: BackendLimits
) -> None:
    """Note refused scans, and where the codes were scanned."""
    refused, regions = dict[scan_notes.Noted, int](), dict[scan_notes.Noted, int]()
    prints = dict[scan_notes.Code, bytes]()
    for code in codes:
        prints[code.key] = code.fingerprint
        refused |= {(*code.key, result): scans for result, scans in code.refused.items()}
        regions |= {(*code.key, region): scans for region, scans in code.regions.items()}
    scan_notes.refused(connection, refused, prints, at, limits)
    scan_notes.regions(connection, regions, prints, at, limits)

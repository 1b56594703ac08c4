"""The rows of a group of scans: read, locked and written in a statement or two, whatever its size.

Text, in the words of either database, and not Core: this is where a backend spends its days, and
Core takes longer to put a statement together than the database to run it. The values that come
back are checked here for what `tables` checks elsewhere.

A statement is prepared once for each text. PostgreSQL takes arrays. SQLite takes as many marks as
there are values: as many as a power of two, with the last value again where it reads, and in
several statements where it writes. One statement with many rows, because Python's driver lets
go of the interpreter at each step, and has to wait for it each time.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from .damage import Damaged
from .dialects import is_postgresql


class FoundRow(NamedTuple):
    """A live code, its batch and its counters; `scans` None: none were ever counted.

    `paired`: there may be other codes on the same item.
    """

    fingerprint: bytes
    batch: int
    serial: int
    name: str
    role: str
    standing: int
    paired: int
    scans: int | None
    first_scan: int | None
    early: int | None
    last_scan: int | None
    parties: str | None


class KeptRow(NamedTuple):
    """An answer that was kept, as JSON."""

    fingerprint: bytes
    scan_id: str
    answer: str
    at: int


class CountersRow(NamedTuple):
    """A row of `scans`; the fingerprint says in which partition of PostgreSQL's."""

    batch: int
    serial: int
    scans: int
    first_scan: int | None
    early: bool
    last_scan: int | None
    parties: str | None
    fingerprint: bytes


_Column = tuple[type, ...]
_NONE: Final = type(None)
_NUMBER: Final[_Column] = (int, _NONE)
_FLAG: Final[_Column] = (int, bool, _NONE)
_COUNTERS: Final = (_NUMBER, _NUMBER, _FLAG, _NUMBER, (str, _NONE))
_CODE: Final = ((bytes,), (int,), (int,), (str,), (str,), (int,), (int, bool))
# The types that the columns of a row may have, together.
_FOUND: Final = frozenset(product(*_CODE, *_COUNTERS))
_KEPT: Final = frozenset({(bytes, str, str, int)})

# The standing is that of the last tile that begins at or before the serial.
_LOOKED_UP: Final = """
live.fingerprint, live.batch, live.serial, own.batch AS name, own.role, (
    SELECT tiles.standing FROM tiles
    WHERE tiles.batch = live.batch AND tiles.first <= live.serial
    ORDER BY tiles.first DESC LIMIT 1
) AS standing,
own.pair_of IS NOT NULL
    OR EXISTS (SELECT 1 FROM batches AS other WHERE other.pair_of = own.batch) AS paired"""
_BATCH: Final = "JOIN batches AS own ON own.number = live.batch"
_COLUMNS: Final = "batch, serial, scans, first_scan, early, last_scan, parties"
_CHANGED: Final = """DO UPDATE SET scans = excluded.scans,
first_scan = excluded.first_scan, early = excluded.early, last_scan = excluded.last_scan,
parties = excluded.parties"""
_KEEPING: Final = """ON CONFLICT (fingerprint, scan_id) DO UPDATE SET answer = excluded.answer,
at = excluded.at"""

# Code by code, for then PostgreSQL looks into the partition of the code alone, also by a plan that
# was made for any codes; from `= ANY` of an array it cannot tell a partition.
# The counters are made where there are none, and are locked by that, in order. They come back as
# they are once they are locked: another statement would have to look them up.
_PG_FIND: Final = f"""
WITH found AS MATERIALIZED (
    SELECT {_LOOKED_UP} FROM unnest(%s::bytea[]) AS asked (fingerprint) CROSS JOIN LATERAL (
        SELECT * FROM fingerprints WHERE fingerprints.fingerprint = asked.fingerprint LIMIT 1
    ) AS live {_BATCH}
), held AS (
    INSERT INTO scans AS own (fingerprint, batch, serial, scans, early)
    SELECT fingerprint, batch, serial, 0, false FROM found ORDER BY batch, serial
    ON CONFLICT (batch, serial, fingerprint) DO UPDATE SET early = own.early
    RETURNING {_COLUMNS}
)
SELECT found.*, held.scans, held.first_scan, held.early, held.last_scan, held.parties
FROM found JOIN held USING (batch, serial)"""  # noqa: S608 - of our own names alone
_PG_KEPT: Final = """
SELECT kept.fingerprint, kept.scan_id, kept.answer, kept.at
FROM unnest(%s::bytea[], %s::text[]) AS asked (fingerprint, scan_id)
CROSS JOIN LATERAL (
    SELECT * FROM scan_answers
    WHERE scan_answers.fingerprint = asked.fingerprint AND scan_answers.scan_id = asked.scan_id
    LIMIT 1
) AS kept WHERE kept.at >= %s"""
_PG_WRITE: Final = f"""
WITH counted AS (
    INSERT INTO scans ({_COLUMNS}, fingerprint) SELECT * FROM unnest(%s::bigint[], %s::bigint[],
        %s::bigint[], %s::bigint[], %s::boolean[], %s::bigint[], %s::text[], %s::bytea[])
    ON CONFLICT (batch, serial, fingerprint) {_CHANGED}
)
INSERT INTO scan_answers (fingerprint, scan_id, answer, at)
SELECT * FROM unnest(%s::bytea[], %s::text[], %s::text[], %s::bigint[]) {_KEEPING}"""  # noqa: S608 - as above


def find(connection: Connection, fingerprints: Sequence[bytes]) -> list[FoundRow]:
    """The live codes among `fingerprints`, with their counters. Raises `Damaged`.

    On PostgreSQL the counters are locked, by batch and serial.
    """
    if is_postgresql(connection):
        return [FoundRow._make(row) for row in _rows(connection, _PG_FIND, (fingerprints,), _FOUND)]
    text = _sqlite_find(_power(len(fingerprints)))
    rows = _rows(connection, text, tuple(_padded(fingerprints)), _FOUND)
    return [FoundRow._make(row) for row in rows]


def kept(connection: Connection, asked: Sequence[tuple[bytes, str]], since: int) -> list[KeptRow]:
    """The answers kept since then, under these fingerprints and scan ids. Raises `Damaged`."""
    if is_postgresql(connection):
        fingerprints, scan_ids = map(list, zip(*asked, strict=True))
        values: tuple[Any, ...] = (fingerprints, scan_ids, since)
        text = _PG_KEPT
    else:
        values = (*(value for pair in _padded(asked) for value in pair), since)
        text = _sqlite_kept(_power(len(asked)))
    return [KeptRow._make(row) for row in _rows(connection, text, values, _KEPT)]


def write(
    connection: Connection, counters: Sequence[CountersRow], answers: Sequence[KeptRow]
) -> None:
    """Write counters, in this order, and answers; either is written anew if it is there."""
    if is_postgresql(connection):
        columns = [*_columns(counters, CountersRow), *_columns(answers, KeptRow)]
        connection.exec_driver_sql(_PG_WRITE, tuple(columns))
        return
    for part in _in_powers(counters):
        _insert(connection, _sqlite_count(len(part)), [row[:-1] for row in part])
    for part in _in_powers(answers):
        _insert(connection, _sqlite_keep(len(part)), part)


def _rows(
    connection: Connection,
    text: str,
    values: tuple[Any, ...],
    kinds: frozenset[tuple[object, ...]],
) -> Sequence[tuple[Any, ...]]:
    found: Sequence[tuple[Any, ...]] = connection.exec_driver_sql(text, values).cursor.fetchall()
    for row in found:
        if tuple(map(type, row)) not in kinds:
            raise Damaged
    return found


def _insert(connection: Connection, text: str, rows: Sequence[tuple[Any, ...]]) -> None:
    connection.exec_driver_sql(text, tuple(value for row in rows for value in row))


def _columns(rows: Sequence[tuple[Any, ...]], kind: type[Any]) -> list[list[Any]]:
    if not rows:
        return [[] for _ in kind._fields]
    return [list(column) for column in zip(*rows, strict=True)]


def _power(size: int) -> int:
    """The power of two that is at least `size`, which is at least 1."""
    return 1 << (size - 1).bit_length()


def _padded(values: Sequence[Any]) -> list[Any]:
    return [*values, *[values[-1]] * (_power(len(values)) - len(values))]


def _in_powers(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The rows in parts, each as large as a power of two."""
    start = 0
    while start < len(rows):
        size = 1 << ((len(rows) - start).bit_length() - 1)
        yield rows[start : start + size]
        start += size


def _marks(columns: int, rows: int) -> str:
    return ", ".join([f"({', '.join('?' * columns)})"] * rows)


@cache
def _sqlite_find(size: int) -> str:
    counters = "scans.scans, scans.first_scan, scans.early, scans.last_scan, scans.parties"
    return f"""SELECT {_LOOKED_UP}, {counters} FROM fingerprints AS live {_BATCH}
    LEFT JOIN scans ON scans.batch = live.batch AND scans.serial = live.serial
    WHERE live.fingerprint IN {_marks(size, 1)}"""  # noqa: S608 - of our own names alone


@cache
def _sqlite_kept(size: int) -> str:
    # For pairs IN a list of pairs, SQLite would read the whole table; nor may it turn the join.
    return f"""WITH asked (fingerprint, scan_id) AS (VALUES {_marks(2, size)})
    SELECT kept.fingerprint, kept.scan_id, kept.answer, kept.at
    FROM asked CROSS JOIN scan_answers AS kept
    ON kept.fingerprint = asked.fingerprint AND kept.scan_id = asked.scan_id
    WHERE kept.at >= ?"""  # noqa: S608 - of our own names alone


@cache
def _sqlite_count(rows: int) -> str:
    into = f"INSERT INTO scans ({_COLUMNS}) VALUES"
    return f"{into} {_marks(7, rows)} ON CONFLICT (batch, serial) {_CHANGED}"


@cache
def _sqlite_keep(rows: int) -> str:
    columns = "fingerprint, scan_id, answer, at"
    return f"INSERT INTO scan_answers ({columns}) VALUES {_marks(4, rows)} {_KEEPING}"  # noqa: S608 - as above

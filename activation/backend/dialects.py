"""What differs between SQLite and PostgreSQL: upserts, and rows by the hundred thousand."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from sqlalchemy import Connection, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

Upsert = sqlite.Insert | postgresql.Insert
_INSERTS: Mapping[str, Callable[[Table], Upsert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}

PARTS = 4  # of a table of a scan, on PostgreSQL: `partitions`
_AT_ONCE = 1 << 16  # fingerprints of a statement, or of a piece of a COPY
# Any numbers: the keys of the advisory locks of `take_turn`.
PACKING = 0x6C696E6B
NUMBERING = 0x73636E69
SWEEPING = 0x73776565

# The numbers of a batch's serials come as a JSON array, its fingerprints as one blob: a statement
# for each row takes four times as long, and this is where an activation spends its time.
_SQLITE = (
    "INSERT OR IGNORE INTO fingerprints (fingerprint, batch, serial) "
    "SELECT substr(?, key * 16 + 1, 16), ?, value FROM json_each(?)"
)
_STAGED = "CREATE TEMPORARY TABLE IF NOT EXISTS staged (LIKE fingerprints) ON COMMIT DELETE ROWS"
_UNSTAGE = "INSERT INTO fingerprints SELECT * FROM staged ON CONFLICT DO NOTHING"
# COPY's binary format (PostgreSQL manual, "COPY", Binary Format): a signature, flags, the size
# of the header's extension; each row the number of its fields, each field its size and its
# bytes, the most significant first; -1 as the last row's number of fields.
_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TAIL = b"\xff\xff"
_ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("size_of_fingerprint", ">i4"),
        ("fingerprint", "V16"),
        ("size_of_batch", ">i4"),
        ("batch", ">i8"),
        ("size_of_serial", ">i4"),
        ("serial", ">i8"),
    ]
)


def upsert(connection: Connection, table: Table) -> Upsert:
    """An insert that knows `on_conflict_do_…`."""
    return _INSERTS[connection.dialect.name](table)


def merge(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]], *, keep: bool = False
) -> None:
    """Write rows (at least one) by their primary key; existing rows change, or `keep` theirs.

    The statement's text is the same for any number of rows: with as many VALUES as rows it
    would be put together, and planned, anew for every number.
    """
    connection.execute(_merging(connection.dialect.name, table, keep=keep), rows)


@cache
def _merging(dialect: str, table: Table, *, keep: bool) -> Upsert:
    made = _INSERTS[dialect](table)
    if keep:
        return made.on_conflict_do_nothing()
    key = list(table.primary_key)
    new = {column.name: made.excluded[column.name] for column in table.c if column not in key}
    return made.on_conflict_do_update(index_elements=key, set_=new)


def take_turn(connection: Connection, key: int) -> None:
    """Wait until no other transaction holds this turn, and hold it to the end of this one.

    On SQLite a writer is alone anyway.
    """
    if is_postgresql(connection):
        connection.execute(select(func.pg_advisory_xact_lock(key)))


def has_turn(connection: Connection, key: int) -> bool:
    """As `take_turn`, without waiting: whether this transaction holds the turn now."""
    if not is_postgresql(connection):
        return True
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(key))).scalar())


def take_turn_of(connection: Connection, name: str) -> None:
    """As `take_turn`, of a turn for each name; two names may share one."""
    if is_postgresql(connection):
        connection.execute(select(func.pg_advisory_xact_lock(NUMBERING, func.hashtext(name))))


def insert_numbers(connection: Connection, table: Table, rows: Sequence[tuple[int, ...]]) -> None:
    """Write rows of whole numbers, each in the order of the columns of `table`."""
    columns = ", ".join(table.columns.keys())
    if not is_postgresql(connection):
        marks = ", ".join("?" * len(table.columns))
        # Of our own names alone; a Core insert takes thrice as long.
        statement = f"INSERT INTO {table.name} ({columns}) VALUES ({marks})"  # noqa: S608
        connection.exec_driver_sql(statement, list(rows))
        return
    text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    driver: Any = connection.connection.driver_connection
    with (
        driver.cursor() as cursor,
        cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy,
    ):
        copy.write(text)


def is_postgresql(connection: Connection) -> bool:
    """Whether other writers may be at work beside this transaction."""
    return connection.dialect.name == "postgresql"


def insert_fingerprints(
    connection: Connection,
    batch: int,
    fingerprints: "np.ndarray[Any, Any]",
    serials: "np.ndarray[Any, Any]",
) -> int:
    """Make `fingerprints` (V16) those of `serials` (int64); existing rows stay. How many are new.

    They come in the order of the table's key, so that neighbours share its pages.
    """
    if is_postgresql(connection):
        return _copy(connection, batch, fingerprints, serials)
    new = 0
    for part in _parts(len(serials)):
        values = fingerprints[part].tobytes(), batch, json.dumps(serials[part].tolist())
        new += connection.exec_driver_sql(_SQLITE, values).rowcount
    return new


def _parts(rows: int) -> Iterator[slice]:
    return (slice(start, start + _AT_ONCE) for start in range(0, rows, _AT_ONCE))


def _rows(
    batch: int, fingerprints: "np.ndarray[Any, Any]", serials: "np.ndarray[Any, Any]"
) -> bytes:
    rows = np.empty(len(serials), _ROW)
    rows["fields"], rows["batch"] = 3, batch
    rows["size_of_fingerprint"], rows["size_of_batch"], rows["size_of_serial"] = 16, 8, 8
    rows["fingerprint"], rows["serial"] = fingerprints, serials
    return rows.tobytes()


def _copy(
    connection: Connection,
    batch: int,
    fingerprints: "np.ndarray[Any, Any]",
    serials: "np.ndarray[Any, Any]",
) -> int:
    """COPY straight in; if a row exists already, by way of a temporary table."""
    import psycopg

    def copied(table: str, at: slice) -> None:
        driver: Any = connection.connection.driver_connection
        statement = f"COPY {table} (fingerprint, batch, serial) FROM STDIN (FORMAT BINARY)"
        prints, numbers = fingerprints[at], serials[at]
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(_HEAD)
            for part in _parts(len(numbers)):
                copy.write(_rows(batch, prints[part], numbers[part]))
            copy.write(_TAIL)

    # Into each partition by itself: for PostgreSQL to find it row by row took half as long again.
    parts = np.frombuffer(fingerprints, np.uint8)[::16] // (256 // PARTS)
    bounds = np.searchsorted(parts, np.arange(PARTS + 1)).tolist()
    try:
        with connection.begin_nested():
            for number, (first, end) in enumerate(pairwise(bounds)):
                if end > first:
                    copied(f"fingerprints_p{number}", slice(first, end))
    except psycopg.errors.UniqueViolation:
        connection.exec_driver_sql(_STAGED)
        copied("staged", slice(None))
        new = connection.exec_driver_sql(_UNSTAGE).rowcount
        connection.exec_driver_sql("TRUNCATE staged")
        return new
    return len(serials)

"""What differs between SQLite and PostgreSQL: upserts, and rows by the hundred thousand."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import Connection, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

Upsert = sqlite.Insert | postgresql.Insert
_INSERTS: Mapping[str, Callable[[Table], Upsert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}

# Any two numbers: the keys of the advisory locks of `take_turn`.
PACKING = 0x6C696E6B
NUMBERING = 0x73636E69

# Text, not a Core insert: twice as fast, and this is where an activation spends its time.
_SQLITE = (
    "INSERT INTO fingerprints (fingerprint, batch, serial) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
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
    connection: Connection, batch: int, fingerprints: bytes, serials: "np.ndarray[Any, Any]"
) -> None:
    """Make `fingerprints`, 16 bytes each, those of `serials`; existing rows stay.

    `serials`: int64, as many as there are fingerprints.
    """
    found = np.frombuffer(fingerprints, dtype="V16")
    # In the index's order: neighbours share its pages.
    order = np.argsort(np.frombuffer(fingerprints, dtype=">u8")[::2], kind="stable")
    found, serials = found[order], serials[order]
    if is_postgresql(connection):
        _copy(connection, _rows(batch, found, serials))
        return
    rows = zip(
        map(bytes, found.tolist()),
        [batch] * len(serials),
        serials.tolist(),
        strict=True,
    )
    connection.exec_driver_sql(_SQLITE, list(rows))


def _rows(
    batch: int, fingerprints: "np.ndarray[Any, Any]", serials: "np.ndarray[Any, Any]"
) -> bytes:
    rows = np.empty(len(serials), _ROW)
    rows["fields"], rows["batch"] = 3, batch
    rows["size_of_fingerprint"], rows["size_of_batch"], rows["size_of_serial"] = 16, 8, 8
    rows["fingerprint"], rows["serial"] = fingerprints, serials
    return _HEAD + rows.tobytes() + _TAIL


def _copy(connection: Connection, rows: bytes) -> None:
    """COPY straight in; if a row exists already, by way of a temporary table."""
    import psycopg

    try:
        with connection.begin_nested():
            _copied(connection, "fingerprints", rows)
    except psycopg.errors.UniqueViolation:
        connection.exec_driver_sql(_STAGED)
        _copied(connection, "staged", rows)
        connection.exec_driver_sql(_UNSTAGE)
        connection.exec_driver_sql("TRUNCATE staged")


def _copied(connection: Connection, table: str, rows: bytes) -> None:
    driver: Any = connection.connection.driver_connection
    statement = f"COPY {table} (fingerprint, batch, serial) FROM STDIN (FORMAT BINARY)"
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(rows)

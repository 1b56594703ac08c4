"""What a ledger file must look like before a row of it is believed: its header, its tables.

A single bit of the header may turn the write-ahead log off, and with it what was booked last;
one of a table's text may make an id a number, and a booked order new. SQLite reads both without
a word.
"""

import hashlib
from pathlib import Path

from sqlalchemy import Connection

from ..errors import IntegrityError
from . import _tables
from ._columns import BRING_BACK

HEADER = 100
# SHA-256 of `described` for the newest revision; a test makes it anew.
SHAPE = "1a62a0b1262302a7c93179171441b4aa5cdc41127fbbcaecc27dcd1e14e480ab"
# Offset, length, values: the file format that SQLite documents, as this program uses it.
_FIXED: tuple[tuple[int, tuple[bytes, ...]], ...] = (
    # Write-ahead log; or none, in a copy that was made with VACUUM INTO.
    (18, (b"\2\2", b"\1\1")),
    (20, (b"\0\x40\x20\x20",)),
    # 0 for both, as long as everything that was booked waits in the log.
    (44, (b"\0\0\0\4", bytes(4))),
    (52, (b"\0\0\0\0\0\0\0\1", bytes(8))),
    (60, (bytes(32),)),
)
_DESCRIBED = """
SELECT 'column', m.name, c.name, c.type, c."notnull", c.dflt_value, c.pk, ''
FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'
UNION ALL
SELECT 'index', m.name, i.name, x.name, x.seqno, i."unique", i.partial, x."desc" || x.coll
FROM sqlite_master m JOIN pragma_index_list(m.name) i JOIN pragma_index_xinfo(i.name) x
WHERE m.type = 'table' AND x.key
UNION ALL
SELECT 'reference', m.name, f."from", f."table", f."to", f.on_delete, f.on_update, ''
FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'
UNION ALL
SELECT type, name, '', '', '', '', '', '' FROM sqlite_master WHERE type IN ('view', 'trigger')
"""


def check_header(path: Path) -> None:
    """Raises `IntegrityError` for a file that is none of SQLite's as this program makes them."""
    with path.open("rb") as file:
        head = file.read(HEADER)
    # What is no database at all SQLite says itself.
    ours = len(head) == HEADER and head.startswith(b"SQLite format 3\0")
    if ours and any(head[at : at + len(values[0])] not in values for at, values in _FIXED):
        raise IntegrityError("the ledger file is damaged: its header", BRING_BACK)


def described(connection: Connection) -> str:
    """The columns and indexes of the tables, every view and every trigger, as a hash.

    Tables that somebody's tool added for itself do not count.
    """
    rows = [tuple(row) for row in connection.exec_driver_sql(_DESCRIBED)]
    known = {*_tables.metadata.tables, "alembic_version"}
    rows = [row for row in rows if row[1] in known or row[0] in ("view", "trigger")]
    texts = sorted("\t".join(map(str, row)) for row in rows)
    return hashlib.sha256("\n".join(texts).encode("utf-8", "replace")).hexdigest()

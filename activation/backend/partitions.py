"""The tables that a scan touches, as PostgreSQL has them: in partitions by the fingerprint.

A fingerprint is a keyed hash: its first two bits say where it lies, as evenly as another hash.

Whatever is written for a code lies in the partition of its fingerprint, in each of these tables.
So a row holds the fingerprint, also where SQLite needs none, and a statement that names it reads
one partition. A code has one fingerprint, for good: a key that holds it as well is as unique.

What is read by batch, serial or id reads all partitions: pages, orders, and what is swept.
"""

from functools import cache
from typing import Final

from sqlalchemy import Column, Connection, LargeBinary, MetaData, Table, UniqueConstraint

from . import tables
from .dialects import PARTS, is_postgresql

PARTITIONED: Final = (
    *("fingerprints", "scans", "scan_answers", "scan_regions", "refused_scans", "unknown_scans"),
)
metadata: Final = MetaData()  # as the newest migration leaves the tables on PostgreSQL
_WITHOUT: Final = ("scans", "scan_regions", "refused_scans")  # a fingerprint, on SQLite


def part_of(fingerprint: bytes) -> int:
    """The number of the partition of this fingerprint, in each of the tables."""
    return fingerprint[0] * PARTS // 256


@cache
def _leaf(name: str, part: int) -> Table:
    return metadata.tables[name].to_metadata(MetaData(), name=f"{name}_p{part}")


def leaf(connection: Connection, table: Table, fingerprint: bytes) -> Table:
    """The partition of this table of a scan, for a statement of one code; on SQLite the table.

    A statement that names it costs what one without partitions does.
    """
    if not is_postgresql(connection):
        return table
    return _leaf(table.name, part_of(fingerprint))


def of(connection: Connection, table: Table) -> Table:
    """This table of a scan, or any other, as the database of `connection` has it."""
    return metadata.tables[table.name] if is_postgresql(connection) else table


def _make() -> None:
    for table in tables.metadata.sorted_tables:
        copy = table.to_metadata(metadata)
        if table.name not in _WITHOUT:
            continue
        key = Column("fingerprint", LargeBinary, primary_key=True, nullable=False)
        copy.append_column(key)
        if "id" in copy.c:
            copy.c.id.autoincrement = True  # by its sequence, as before
        for constraint in list(copy.constraints):
            if isinstance(constraint, UniqueConstraint):
                copy.constraints.remove(constraint)
                names = (*constraint.columns.keys(), "fingerprint")
                copy.append_constraint(UniqueConstraint(*names))


_make()

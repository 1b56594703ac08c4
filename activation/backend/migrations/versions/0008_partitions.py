"""On PostgreSQL the tables of a scan lie in partitions by the fingerprint. SQLite stays as it is.

A fingerprint is a keyed hash: ranges of it are as even as any hash of it would be.

All of it, or nothing: one transaction moves every row. For a million live codes that were scanned
once each it took four seconds of PostgreSQL's processor time, and seven to sixteen on two busy
cores. Nobody scans meanwhile, and both copies are on the disk.
"""

from itertools import pairwise
from typing import NamedTuple

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_PARTS = 4


class _Moved(NamedTuple):
    """A table: the columns it had, those in which it is found, and further indexes.

    `named`: its rows had a fingerprint before.
    """

    name: str
    columns: str
    unique: tuple[str, ...]
    sought: str = ""
    named: bool = True


# In the order in which a scan locks them: then no scan waits for this, and this for the scan.
_TABLES = (
    _Moved(
        "fingerprints",
        "fingerprint bytea NOT NULL, batch bigint NOT NULL, serial bigint NOT NULL",
        ("PRIMARY KEY (fingerprint)",),
    ),
    _Moved(
        "scans",
        "batch bigint NOT NULL, serial bigint NOT NULL, scans bigint NOT NULL, first_scan bigint,"
        " early boolean NOT NULL DEFAULT false, last_scan bigint, parties varchar",
        ("PRIMARY KEY (batch, serial, fingerprint)",),
        "scans_repeated ON scans (batch, serial) WHERE last_scan IS NOT NULL",
        named=False,
    ),
    _Moved(
        "scan_answers",
        "fingerprint bytea NOT NULL, scan_id varchar NOT NULL, answer varchar NOT NULL,"
        " at bigint NOT NULL",
        ("PRIMARY KEY (fingerprint, scan_id)",),
        "scan_answers_by_time ON scan_answers (at)",
    ),
    _Moved(
        "refused_scans",
        "id integer NOT NULL DEFAULT nextval('refused_scans_id_seq'), batch bigint NOT NULL,"
        " serial bigint NOT NULL, state varchar NOT NULL, first bigint NOT NULL,"
        " last bigint NOT NULL, times bigint NOT NULL",
        ("PRIMARY KEY (id, fingerprint)", "UNIQUE (batch, serial, state, fingerprint)"),
        named=False,
    ),
    _Moved(
        "scan_regions",
        "batch bigint NOT NULL, serial bigint NOT NULL, region varchar NOT NULL,"
        " scans bigint NOT NULL, first bigint NOT NULL, last bigint NOT NULL",
        ("PRIMARY KEY (batch, serial, region, fingerprint)",),
        named=False,
    ),
    _Moved(
        "unknown_scans",
        "id integer NOT NULL DEFAULT nextval('unknown_scans_id_seq'), fingerprint bytea NOT NULL,"
        " first bigint NOT NULL, last bigint NOT NULL, times bigint NOT NULL",
        ("PRIMARY KEY (id, fingerprint)", "UNIQUE (fingerprint)"),
    ),
)
_COUNTED = ("refused_scans", "unknown_scans")  # their ids go on where they were


def upgrade() -> None:
    """Move the rows. Raises `ValueError`, which is damage, for counters of no live code."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(f"LOCK TABLE {', '.join(table.name for table in _TABLES)}")
    # Indexes are built from sorted rows, and codes are found by hashes of all of them.
    op.execute("SET LOCAL maintenance_work_mem = '256MB'")
    op.execute("SET LOCAL work_mem = '256MB'")
    for name in _COUNTED:
        op.execute(f"ALTER SEQUENCE {name}_id_seq OWNED BY NONE")
    for table in _TABLES:
        _make(table)
    for table in _TABLES:
        _fill(table)
    for table in _TABLES:
        op.execute(f"DROP TABLE {table.name}_before")
        for constraint in table.unique:
            op.execute(f"ALTER TABLE {table.name} ADD {constraint}")
        if table.sought:
            op.execute(f"CREATE INDEX {table.sought}")
    for name in _COUNTED:
        op.execute(f"ALTER SEQUENCE {name}_id_seq OWNED BY {name}.id")


def _make(table: _Moved) -> None:
    name = table.name
    columns = table.columns if table.named else f"fingerprint bytea NOT NULL, {table.columns}"
    op.execute(f"ALTER TABLE {name} RENAME TO {name}_before")
    op.execute(f"CREATE TABLE {name} ({columns}) PARTITION BY RANGE (fingerprint)")
    bounds = [f"'\\x{256 // _PARTS * part:02x}'" for part in range(1, _PARTS)]
    for part, (first, end) in enumerate(pairwise(["MINVALUE", *bounds, "MAXVALUE"])):
        op.execute(
            f"CREATE TABLE {name}_p{part} PARTITION OF {name} FOR VALUES FROM ({first}) TO ({end})"
        )


def _fill(table: _Moved) -> None:
    name = table.name
    columns = ", ".join(column.split()[0] for column in table.columns.split(", "))
    if table.named:
        text = f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {name}_before"  # noqa: S608
        op.execute(text)
        return
    text = (
        f"INSERT INTO {name} (fingerprint, {columns}) SELECT live.fingerprint, moved.*"  # noqa: S608
        f" FROM (SELECT {columns} FROM {name}_before) AS moved"
        " JOIN fingerprints_before AS live USING (batch, serial)"
    )
    moved = op.get_bind().exec_driver_sql(text).rowcount
    count = op.get_bind().exec_driver_sql(f"SELECT count(*) FROM {name}_before")  # noqa: S608
    if moved != count.scalar():
        raise ValueError("counters of codes that are not live")

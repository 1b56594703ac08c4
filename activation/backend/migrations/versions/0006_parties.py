"""Scans by party, scans that were refused, scans by region, and dealers' scan-ins."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _text(name: str, *, null: bool = False, key: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.String, nullable=null, primary_key=key)


def _number(name: str, *, null: bool = False, key: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, nullable=null, primary_key=key, autoincrement=False)


def upgrade() -> None:
    """Make the tables.

    When a code was scanned last was not kept until now: the first scan stands in for it.
    """
    op.add_column("scans", _number("last_scan", null=True))
    op.add_column("scans", _text("parties", null=True))
    op.execute("UPDATE scans SET last_scan = first_scan WHERE scans > 1")
    repeated = sa.text("last_scan IS NOT NULL")
    op.create_index(
        "scans_repeated",
        "scans",
        ["batch", "serial"],
        sqlite_where=repeated,
        postgresql_where=repeated,
    )
    op.create_table(
        "refused_scans",
        sa.Column("id", sa.Integer, primary_key=True),
        _number("batch"),
        _number("serial"),
        _text("state"),
        _number("first"),
        _number("last"),
        _number("times"),
        sa.UniqueConstraint("batch", "serial", "state"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "scan_regions",
        _number("batch", key=True),
        _number("serial", key=True),
        _text("region", key=True),
        _number("scans"),
        _number("first"),
        _number("last"),
        sqlite_with_rowid=False,
    )
    _scan_ins()


def _scan_ins() -> None:
    op.create_index("links_by_parent", "links", ["parent_batch", "parent_serial"])
    op.create_table(
        "scan_ins",
        _text("scan_in_id", key=True),
        _text("identity"),
        _text("answer"),
        _number("arrived"),
        _number("number", null=True),
        _text("dealer", null=True),
        _number("ranges", null=True),
        _text("codes", null=True),
        sa.UniqueConstraint("number"),
    )

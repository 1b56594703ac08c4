"""Batches, tiles, fingerprints, orders, scans."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(name: str, *, null: bool = False, key: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.String, nullable=null, primary_key=key)


def _number(name: str, *, null: bool = False, key: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, nullable=null, primary_key=key, autoincrement=False)


def upgrade() -> None:
    """Make the first tables."""
    _state()
    _codes()
    _scans()


def _state() -> None:
    op.create_table(
        "batches",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("batch", sa.String, nullable=False, unique=True),
        _text("home"),
        _text("symbols"),
        _number("length"),
        _text("canonical"),
        _number("quantity"),
        _text("scheme"),
        _text("fingerprint_key_id"),
        _text("role"),
        _text("pair_of", null=True),
        _number("registered"),
    )
    op.create_table(
        "standings",
        sa.Column("id", sa.Integer, primary_key=True),
        _text("state"),
        _text("value"),
        sa.UniqueConstraint("value"),
    )
    op.create_table(
        "tiles",
        _number("batch", key=True),
        _number("first", key=True),
        _number("last"),
        _number("standing"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "orders",
        _text("order_id", key=True),
        _text("identity"),
        _text("answer"),
        _text("audit_head", null=True),
        _number("arrived"),
    )


def _codes() -> None:
    op.create_table(
        "pending",
        _number("batch", key=True),
        _number("first", key=True),
        _number("last"),
        _number("arrived"),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "fingerprints",
        sa.Column("fingerprint", sa.LargeBinary, primary_key=True),
        _number("batch"),
        _number("serial"),
        sqlite_with_rowid=False,
    )
    op.create_index("fingerprints_by_serial", "fingerprints", ["batch", "serial"], unique=True)


def _scans() -> None:
    op.create_table(
        "scans",
        _number("batch", key=True),
        _number("serial", key=True),
        _number("scans"),
        _number("first_scan", null=True),
        _number("last_scan", null=True),
        _number("before"),
        _number("before_first", null=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "scan_answers",
        sa.Column("fingerprint", sa.LargeBinary, primary_key=True),
        _text("scan_id", key=True),
        _text("answer"),
        _number("at"),
    )
    op.create_index("scan_answers_by_time", "scan_answers", ["at"])
    op.create_table(
        "unknown_scans",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False, unique=True),
        _number("first"),
        _number("last"),
        _number("times"),
        sqlite_autoincrement=True,
    )

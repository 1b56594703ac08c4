"""Receipts, units on their way, reprints and replacements."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def _tally(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer, nullable=False, server_default="0")


def upgrade() -> None:
    """Add two tables, and columns of which every older row has the default."""
    for name in ("superseded_by", "supersedes", "replaces", "reason", "layout"):
        op.add_column("packages", sa.Column(name, sa.String, nullable=True))
    for name in ("printed", "printed_by_count", "spoiled", "spoiled_count", "unused"):
        op.add_column("packages", _tally(name))
    op.add_column("packages", sa.Column("final_at", sa.String, nullable=True))
    op.add_column("units", sa.Column("status", sa.String, nullable=False, server_default="made"))
    op.add_column("units", sa.Column("moved_at", sa.String, nullable=True))
    op.add_column("units", sa.Column("note", sa.String, nullable=True))
    op.add_column("units", _tally("spoiled_count"))
    op.add_column("units", _tally("counted"))
    op.create_table(
        "receipts",
        sa.Column(
            "seq", sa.Integer, sa.ForeignKey("events.seq"), primary_key=True, autoincrement=False
        ),
        sa.Column("package", sa.String, sa.ForeignKey("packages.package"), nullable=False),
        sa.Column("printed", sa.Integer, nullable=False),
        sa.Column("spoiled", sa.Integer, nullable=False),
        sa.Column("spoiled_count", sa.Integer, nullable=False),
        sa.Column("final", sa.Integer, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("told_at", sa.String, nullable=False),
    )
    op.create_index("receipts_of_package", "receipts", ["package", "seq"])
    op.create_table(
        "told",
        sa.Column("package", sa.String, sa.ForeignKey("packages.package"), primary_key=True),
        sa.Column("first", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("last", sa.Integer, nullable=False),
        sa.Column("unit", sa.String, nullable=False),
        sa.Column("as", sa.String, nullable=False),
        sqlite_with_rowid=False,
    )

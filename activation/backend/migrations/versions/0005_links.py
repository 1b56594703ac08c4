"""What lies in what, and the aggregations that said so."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _number(name: str, *, key: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, nullable=False, primary_key=key, autoincrement=False)


def upgrade() -> None:
    """Make the tables; partners of a batch are looked up by scans."""
    op.create_table(
        "links",
        _number("batch", key=True),
        _number("first", key=True),
        _number("last"),
        _number("parent_batch"),
        _number("parent_serial"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "aggregations",
        sa.Column("aggregation_id", sa.String, primary_key=True),
        sa.Column("identity", sa.String, nullable=False),
        sa.Column("answer", sa.String, nullable=False),
        sa.Column("audit_head", sa.String),
        _number("arrived"),
    )
    op.create_index("batches_by_pair", "batches", ["pair_of"])

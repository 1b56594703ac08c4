"""What lies in what: links, orders of several batches, the SSCCs of a batch."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add tables and columns. No code lies in another yet, and every order has one batch."""
    for column in (
        sa.Column("sscc_prefix", sa.String, nullable=True),
        sa.Column("sscc_extension", sa.Integer, nullable=True),
        sa.Column("sscc_first", sa.Integer, nullable=True),
        sa.Column("sscc_from", sa.String, nullable=True),
    ):
        op.add_column("batches", column)
    op.create_index("batches_by_sscc", "batches", ["sscc_from"], unique=True)
    op.create_index("batches_by_pair", "batches", ["pair_of"])
    op.execute("INSERT INTO counters SELECT batch, 'inside', 0 FROM batches")
    _order_batches()
    _links()


def _order_batches() -> None:
    op.create_table(
        "order_batches",
        sa.Column("order_id", sa.String, sa.ForeignKey("orders.order_id"), primary_key=True),
        sa.Column("batch", sa.String, sa.ForeignKey("batches.batch"), primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("order_batches_by_status", "order_batches", ["status", "batch", "seq"])
    op.create_index("order_batches_of_batch", "order_batches", ["batch", "seq"])


def _links() -> None:
    op.create_table(
        "links",
        sa.Column("batch", sa.String, sa.ForeignKey("batches.batch"), primary_key=True),
        sa.Column("first", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("last", sa.Integer, nullable=False),
        sa.Column("parent_batch", sa.String, sa.ForeignKey("batches.batch"), nullable=False),
        sa.Column("parent", sa.Integer, nullable=False),
        sa.CheckConstraint('1 <= "first" AND "first" <= "last"', name="link_not_backwards"),
        sqlite_with_rowid=False,
    )
    op.create_index("links_by_parent", "links", ["parent_batch", "parent", "batch", "first"])

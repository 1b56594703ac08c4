"""Orders that are booked later."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the table. Before it, no order was scheduled."""
    op.create_table(
        "scheduled",
        sa.Column("order_id", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, sa.ForeignKey("events.seq"), nullable=False, unique=True),
        sa.Column("batch", sa.String, sa.ForeignKey("batches.batch"), nullable=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("ended_at", sa.String, nullable=True),
        sa.Column("detail", sa.String, nullable=True),
        sa.Column("digest", sa.String, nullable=False),
    )
    op.create_index("scheduled_by_status", "scheduled", ["status", "at", "seq"])
    op.create_index("scheduled_by_order_id_again", "scheduled", ["order_id"], unique=True)

"""Early scans as a flag: how many there were, and when, was counted and never read."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the counters by the flag."""
    op.add_column(
        "scans", sa.Column("early", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.execute("UPDATE scans SET early = (before > 0)")
    for name in ("last_scan", "before", "before_first"):
        op.drop_column("scans", name)

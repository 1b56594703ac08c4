"""Scan-ins of dealers, read back from the backend."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the table. Before it, none was read back."""
    op.create_table(
        "scan_ins",
        sa.Column("scan_in", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, sa.ForeignKey("events.seq"), nullable=False, unique=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("dealer", sa.String, nullable=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("codes", sa.Integer, nullable=False),
    )
    op.create_index("scan_ins_by_number", "scan_ins", ["number"])
    op.create_index("scan_ins_by_scan_in_again", "scan_ins", ["scan_in"], unique=True)

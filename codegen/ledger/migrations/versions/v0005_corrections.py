"""Corrections of receipts; what a final receipt counted as printed stays, whatever follows."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add columns. Before there were corrections, the package's number was its last receipt's."""
    for name in ("printed_by_count", "corrects"):
        op.add_column("receipts", sa.Column(name, sa.Integer, nullable=False, server_default="0"))
    op.execute(
        "UPDATE receipts SET printed_by_count = (SELECT packages.printed_by_count FROM packages"
        " WHERE packages.package = receipts.package) WHERE final = 1"
    )

"""Printed labels that were read and were right."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the table. Before it, what was read was written down nowhere."""
    op.create_table(
        "verified",
        sa.Column(
            "seq", sa.Integer, sa.ForeignKey("events.seq"), primary_key=True, autoincrement=False
        ),
        sa.Column("package", sa.String, sa.ForeignKey("packages.package"), nullable=False),
        sa.Column("units", sa.String, nullable=False),
        sa.Column("serials", sa.String, nullable=False),
        sa.Column("pictures", sa.Integer, nullable=False),
        sa.Column("codes", sa.Integer, nullable=False),
        sa.Column("verified_at", sa.String, nullable=False),
    )
    op.create_index("verified_of_package", "verified", ["package", "seq"])

"""Packages that hold the codes of two batches, a pair on each label."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add columns. Before there were such packages, every package held the codes of one batch."""
    for name in ("pair", "pair_template"):
        op.add_column("packages", sa.Column(name, sa.String, nullable=True))
    op.create_index("packages_of_pair", "packages", ["pair", "seq"])

"""How many labels each code of a package is on."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column. Before it, every code was on one label."""
    op.add_column("packages", sa.Column("copies", sa.Integer, nullable=False, server_default="1"))

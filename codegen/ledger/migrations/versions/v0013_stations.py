"""What stations share: the objects of the vault's store, and what a station may do."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the table and the column. Every station of before may do everything."""
    op.create_table(
        "objects",
        sa.Column("batch", sa.String, sa.ForeignKey("batches.batch"), primary_key=True),
        sa.Column("part", sa.String, primary_key=True),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
    )
    op.create_index("objects_by_key", "objects", ["key"], unique=True)
    op.add_column("keys", sa.Column("may", sa.String))

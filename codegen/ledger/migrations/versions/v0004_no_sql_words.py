"""Columns whose names are words of SQL get other names: `order`, and `as`."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Rename three columns. SQLite renames the foreign key of `deliveries` along."""
    op.alter_column("orders", "order", new_column_name="order_id")
    op.alter_column("deliveries", "order", new_column_name="order_id")
    op.alter_column("told", "as", new_column_name="outcome")

"""Words of SQL name no column any more (`order`, `as`), and `told` is called reported."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Rename columns and a table. SQLite renames the foreign key of `deliveries` along."""
    op.alter_column("orders", "order", new_column_name="order_id")
    op.alter_column("deliveries", "order", new_column_name="order_id")
    op.alter_column("told", "as", new_column_name="outcome")
    op.rename_table("told", "reported_serials")
    op.alter_column("receipts", "told_at", new_column_name="reported_at")

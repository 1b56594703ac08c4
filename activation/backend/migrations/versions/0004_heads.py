"""The newest head of each home, of the orders that are there."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# An order names its batch in its identity, a JSON object.
_FILL = """
INSERT INTO heads (home, head, order_id, arrived)
SELECT home, audit_head, order_id, arrived FROM (
    SELECT b.home, o.audit_head, o.order_id, o.arrived, row_number() OVER
        (PARTITION BY b.home ORDER BY o.arrived DESC, o.order_id) AS place
    FROM orders o JOIN batches b ON b.batch = [batch]
    WHERE o.audit_head IS NOT NULL
) AS newest WHERE place = 1
"""


def upgrade() -> None:
    """Make the table, and fill it."""
    op.create_table(
        "heads",
        sa.Column("home", sa.String, primary_key=True),
        sa.Column("head", sa.String, nullable=False),
        sa.Column("order_id", sa.String, nullable=False),
        sa.Column("arrived", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    batch = "o.identity::jsonb ->> 'batch'"
    if op.get_bind().dialect.name == "sqlite":
        batch = "json_extract(o.identity, '$.batch')"
    op.execute(_FILL.replace("[batch]", batch))

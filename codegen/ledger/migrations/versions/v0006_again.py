"""A second index of everything that may be there once: one damaged page hides nothing."""

from alembic import op

revision = "0006"
down_revision = "0005"
# In the order of the tables' names, as a new ledger makes them.
_ONCE = (
    ("batches", "batch"),
    ("batches", "ref"),
    ("contacts", "contact"),
    ("keys", "key_id"),
    ("packages", "package"),
    ("orders", "order_id"),
    ("deliveries", "order_id"),
)


def upgrade() -> None:
    """Add the indexes. Fails, and changes nothing, if one was damaged and something is double."""
    for table, column in _ONCE:
        op.create_index(f"{table}_by_{column}_again", table, [column], unique=True)

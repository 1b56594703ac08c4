"""Events by time: a day of many years is found without reading the other days."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add an index."""
    op.create_index("events_by_time", "events", ["at"])

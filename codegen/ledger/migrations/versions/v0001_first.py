"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "batches",
        sa.Column("batch", sa.String, primary_key=True),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("alphabet", sa.String, nullable=False),
        sa.Column("length", sa.Integer, nullable=False),
        sa.Column("canonical", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("pair_of", sa.String, nullable=True),
        sa.Column("product", sa.String, nullable=True),
        sa.Column("url", sa.String, nullable=True),
        sa.Column("ref", sa.String, nullable=True, unique=True),
        sa.Column("request_digest", sa.String, nullable=False),
        sa.Column("entropy_bits", sa.Float, nullable=False),
        sa.Column("guess_probability", sa.Float, nullable=False),
        sa.Column("offline_bits", sa.Float, nullable=False),
        sa.Column("mint_record_sha256", sa.String, nullable=False),
        sa.Column("minted_at", sa.String, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
    )
    op.create_table(
        "contacts",
        sa.Column("contact", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("channel", sa.String, nullable=True),
        sa.Column("added_at", sa.String, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("operator", sa.String, nullable=False),
        sa.Column("os_user", sa.String, nullable=False),
        sa.Column("host", sa.String, nullable=False),
        sa.Column("key_id", sa.String, nullable=False),
        sa.Column("body", sa.String, nullable=False),
        sa.Column("previous", sa.String, nullable=False, unique=True),
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("signature", sa.String, nullable=False),
    )
    op.create_table(
        "homes",
        sa.Column("home", sa.String, primary_key=True),
        sa.Column("fingerprint_scheme", sa.String, nullable=False),
        sa.Column("fingerprint_key_id", sa.String, nullable=False),
        sa.Column("made_at", sa.String, nullable=False),
    )
    op.create_table(
        "keys",
        sa.Column("key_id", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("sign_public", sa.String, nullable=False),
        sa.Column("seal_public", sa.String, nullable=True),
        sa.Column("added_at", sa.String, nullable=False),
        sa.Column("revoked_at", sa.String, nullable=True),
        sa.Column("revoked_because", sa.String, nullable=True),
    )
    op.create_table(
        "counters",
        sa.Column("batch", sa.String, sa.ForeignKey("batches.batch"), primary_key=True),
        sa.Column("state", sa.String, primary_key=True),
        sa.Column("codes", sa.Integer, nullable=False),
        sa.CheckConstraint("codes >= 0", name="counter_not_negative"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "orders",
        sa.Column("order", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, sa.ForeignKey("events.seq"), nullable=False, unique=True),
        sa.Column("batch", sa.String, sa.ForeignKey("batches.batch"), nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("applied", sa.Integer, nullable=False),
        sa.Column("skipped", sa.String, nullable=False),
        sa.Column("skipped_count", sa.Integer, nullable=False),
        sa.Column("settled_at", sa.String, nullable=True),
        sa.Column("detail", sa.String, nullable=True),
    )
    op.create_index("orders_by_status", "orders", ["status", "batch", "seq"])
    op.create_index("orders_of_batch", "orders", ["batch", "seq"])
    op.create_table(
        "packages",
        sa.Column("package", sa.String, primary_key=True),
        sa.Column("batch", sa.String, sa.ForeignKey("batches.batch"), nullable=False),
        sa.Column("serials", sa.String, nullable=False),
        sa.Column("contact", sa.String, sa.ForeignKey("contacts.contact"), nullable=False),
        sa.Column("profile", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("begun_at", sa.String, nullable=False),
        sa.Column("ended_at", sa.String, nullable=True),
        sa.Column("template", sa.String, nullable=True),
        sa.Column("archive", sa.String, nullable=True),
        sa.Column("archive_bytes", sa.Integer, nullable=True),
        sa.Column("archive_sha256", sa.String, nullable=True),
        sa.Column("manifest_sha256", sa.String, nullable=True),
        sa.Column("custodian_key_id", sa.String, nullable=True),
        sa.Column("abandoned_because", sa.String, nullable=True),
        sa.Column("seq", sa.Integer, nullable=False),
    )
    op.create_index("packages_of_batch", "packages", ["batch", "seq"])
    op.create_table(
        "tiles",
        sa.Column("batch", sa.String, sa.ForeignKey("batches.batch"), primary_key=True),
        sa.Column("first", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("last", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("back", sa.String, nullable=True),
        sa.Column("package", sa.String, nullable=True),
        sa.Column("attributes", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=True),
        sa.CheckConstraint('1 <= "first" AND "first" <= "last"', name="tile_not_backwards"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "deliveries",
        sa.Column("order", sa.String, sa.ForeignKey("orders.order"), primary_key=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt", sa.String, nullable=True),
        sa.Column("detail", sa.String, nullable=True),
        sa.Column("holder", sa.String, nullable=True),
        sa.Column("held_until", sa.String, nullable=True),
    )
    op.create_table(
        "units",
        sa.Column("package", sa.String, sa.ForeignKey("packages.package"), primary_key=True),
        sa.Column("unit", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("first", sa.Integer, nullable=False),
        sa.Column("last", sa.Integer, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
    )
    op.create_index("units_by_serial", "units", ["package", "first"])

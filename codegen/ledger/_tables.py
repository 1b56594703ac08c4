"""The tables, as the newest migration leaves them. Only this package sees them.

Times are text (`times.format_utc`), so that they sort. `deliveries` alone changes without
an event: it holds the state of the outbox, not the state of a code.
"""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, MetaData, Table

from ._columns import Fraction, HeldText, Hex, Moment, Number, name_all

metadata = MetaData()

# The words of a column, where there are only these.
KINDS = ("station", "line", "custodian", "platform")
EXPORTS = ("begun", "packaged", "abandoned", "superseded")
SETTLED = ("acknowledged", "refused", "cancelled")
ENDED = ("booked", "cancelled", "refused")
UNITS = ("made", "received", "mounted", "used", "lost")
OUTCOMES = ("printed", "spoiled", "reopened")


def _text(name: str, *, null: bool = False) -> Column[str]:
    return Column(name, HeldText(), nullable=null)


def _one_of(name: str, words: tuple[str, ...]) -> Column[str]:
    return Column(name, HeldText(words=words), nullable=False)


def _time(name: str, *, null: bool = False) -> Column[str]:
    return Column(name, Moment(), nullable=null)


def _hex(name: str, *, null: bool = False) -> Column[str]:
    return Column(name, Hex(), nullable=null)


def _number(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, Number(), nullable=null)


def _fraction(name: str) -> Column[float]:
    return Column(name, Fraction(), nullable=False)


def _tally(name: str) -> Column[int]:
    return Column(name, Number(), nullable=False, server_default="0")


def _id(name: str) -> Column[str]:
    return Column(name, HeldText(), primary_key=True)


def _of(name: str, table: str, *, key: bool = False) -> Column[str]:
    return Column(name, HeldText(), ForeignKey(f"{table}.{name}"), primary_key=key, nullable=False)


def _again(table: str, column: str) -> Index:
    """A second index of what may be there once: see `_agreed`. PostgreSQL has no use for it."""
    index: Index = Index(f"{table}_by_{column}_again", column, unique=True)
    return index.ddl_if(dialect="sqlite")


events = Table(
    "events",
    metadata,
    Column("seq", Number(), primary_key=True, autoincrement=False),
    _text("type"),
    _time("at"),
    _text("operator"),
    _text("os_user"),
    _text("host"),
    _text("key_id"),
    _text("body"),
    # Two events that follow the same event would be a fork.
    Column("previous", Hex(), nullable=False, unique=True),
    _hex("hash"),
    _hex("signature"),
    Index("events_by_time", "at"),
)

homes = Table(
    "homes",
    metadata,
    _id("home"),
    _text("fingerprint_scheme"),
    _text("fingerprint_key_id"),
    _time("made_at"),
)

keys = Table(
    "keys",
    metadata,
    _id("key_id"),
    _one_of("kind", KINDS),
    _text("name"),
    _hex("sign_public"),
    _hex("seal_public", null=True),
    _time("added_at"),
    _time("revoked_at", null=True),
    _text("revoked_because", null=True),
    # What a station may do: words with a space between them; null: everything.
    _text("may", null=True),
    _again("keys", "key_id"),
)

contacts = Table(
    "contacts",
    metadata,
    _id("contact"),
    _text("name"),
    _text("channel", null=True),
    _time("added_at"),
    _again("contacts", "contact"),
)

batches = Table(
    "batches",
    metadata,
    _id("batch"),
    _number("quantity"),
    _text("alphabet"),
    _number("length"),
    _text("canonical"),
    _text("role"),
    _text("pair_of", null=True),
    _text("product", null=True),
    _text("url", null=True),
    Column("ref", HeldText(), nullable=True, unique=True),
    _text("request_digest"),
    _fraction("entropy_bits"),
    _fraction("guess_probability"),
    _fraction("offline_bits"),
    _text("mint_record_sha256"),
    _time("minted_at"),
    _number("seq"),
    # Its SSCCs: `sscc_from` are the first 17 digits of that of serial 1, as text, which sorts.
    _text("sscc_prefix", null=True),
    _number("sscc_extension", null=True),
    _number("sscc_first", null=True),
    _text("sscc_from", null=True),
    Index("batches_by_sscc", "sscc_from", unique=True),
    Index("batches_by_pair", "pair_of"),
    _again("batches", "batch"),
    _again("batches", "ref"),
)

# Which objects of the vault's store hold a batch; none where the vault is a folder of the home.
objects = Table(
    "objects",
    metadata,
    _of("batch", "batches", key=True),
    _id("part"),
    _text("key"),
    _number("size"),
    _hex("sha256"),
    Index("objects_by_key", "key", unique=True),
)

# How many codes of a batch are in each state, how many of the sealed are `reserved`, and how
# many lie in another code (`inside`).
counters = Table(
    "counters",
    metadata,
    _of("batch", "batches", key=True),
    _id("state"),
    _number("codes"),
    CheckConstraint("codes >= 0", name="counter_not_negative"),
    sqlite_with_rowid=False,
)

tiles = Table(
    "tiles",
    metadata,
    _of("batch", "batches", key=True),
    Column("first", Number(), primary_key=True, autoincrement=False),
    _number("last"),
    _text("state"),
    _text("back", null=True),
    _text("package", null=True),
    _text("attributes"),
    _text("reason", null=True),
    CheckConstraint('1 <= "first" AND "first" <= "last"', name="tile_not_backwards"),
    sqlite_with_rowid=False,
)

packages = Table(
    "packages",
    metadata,
    _id("package"),
    _of("batch", "batches"),
    _text("serials"),
    _of("contact", "contacts"),
    _text("profile"),
    _one_of("status", EXPORTS),
    _time("begun_at"),
    _time("ended_at", null=True),
    _text("template", null=True),
    _text("archive", null=True),
    _number("archive_bytes", null=True),
    _text("archive_sha256", null=True),
    _text("manifest_sha256", null=True),
    _text("custodian_key_id", null=True),
    _text("abandoned_because", null=True),
    _number("seq"),
    # The reprint that took its codes over; the package that a reprint or replacement is for.
    _text("superseded_by", null=True),
    _text("supersedes", null=True),
    _text("replaces", null=True),
    _text("reason", null=True),
    _text("layout", null=True),
    # What its receipts add up to, in codes; `spoiled_count` is spoilage without serials.
    _tally("printed"),
    _tally("printed_by_count"),
    _tally("spoiled"),
    _tally("spoiled_count"),
    _tally("unused"),
    _time("final_at", null=True),
    # The second batch whose codes are in it, with the same serials, and their address.
    _text("pair", null=True),
    _text("pair_template", null=True),
    Column("copies", Number(), nullable=False, server_default="1"),
    Index("packages_of_batch", "batch", "seq"),
    Index("packages_of_pair", "pair", "seq"),
    _again("packages", "package"),
)

units = Table(
    "units",
    metadata,
    _of("package", "packages", key=True),
    _id("unit"),
    _text("name"),
    _number("first"),
    _number("last"),
    _number("rows"),
    _text("sha256"),
    Column("status", HeldText(words=UNITS), nullable=False, server_default="made"),
    _time("moved_at", null=True),
    _text("note", null=True),
    _tally("spoiled_count"),
    # 1: the final receipt reported how many were spoiled, not which; the others are printed.
    _tally("counted"),
    Index("units_by_serial", "package", "first"),
)

# Receipts, and the serials they report as printed or spoiled, or that were reopened
# (`outcome`): each serial once, cut at the units' edges.
receipts = Table(
    "receipts",
    metadata,
    Column("seq", Number(), ForeignKey("events.seq"), primary_key=True, autoincrement=False),
    _of("package", "packages"),
    _number("printed"),
    _number("spoiled"),
    _number("spoiled_count"),
    _number("final"),
    _text("reason"),
    _time("reported_at"),
    # Of a final receipt: labels that count as printed by number alone.
    _tally("printed_by_count"),
    # 1: a correction; its numbers are what it changed.
    _tally("corrects"),
    Index("receipts_of_package", "package", "seq"),
)

reported = Table(
    "reported_serials",
    metadata,
    _of("package", "packages", key=True),
    Column("first", Number(), primary_key=True, autoincrement=False),
    _number("last"),
    _text("unit"),
    _one_of("outcome", OUTCOMES),
    sqlite_with_rowid=False,
)

orders = Table(
    "orders",
    metadata,
    _id("order_id"),
    Column("seq", Number(), ForeignKey("events.seq"), nullable=False, unique=True),
    _of("batch", "batches"),
    _one_of("status", ("queued", *SETTLED)),
    _number("applied"),
    _text("skipped"),
    _number("skipped_count"),
    _time("settled_at", null=True),
    _text("detail", null=True),
    Index("orders_by_status", "status", "batch", "seq"),
    Index("orders_of_batch", "batch", "seq"),
    _again("orders", "order_id"),
)

# Orders that are booked later: `at` is when, `digest` the SHA-256 of the order's body.
scheduled = Table(
    "scheduled",
    metadata,
    _id("order_id"),
    Column("seq", Number(), ForeignKey("events.seq"), nullable=False, unique=True),
    _of("batch", "batches"),
    _time("at"),
    _one_of("status", ("waiting", *ENDED)),
    _time("ended_at", null=True),
    _text("detail", null=True),
    _hex("digest"),
    Index("scheduled_by_status", "status", "at", "seq"),
    _again("scheduled", "order_id"),
)

# The batches of an order beside `orders.batch`; number and status are the order's.
order_batches = Table(
    "order_batches",
    metadata,
    _of("order_id", "orders", key=True),
    _of("batch", "batches", key=True),
    _number("seq"),
    _one_of("status", ("queued", *SETTLED)),
    Index("order_batches_by_status", "status", "batch", "seq"),
    Index("order_batches_of_batch", "batch", "seq"),
    sqlite_with_rowid=False,
)

# Serials of a batch that lie in one code: `parent` of `parent_batch`. Those that touch, and lie
# in the same, are one row.
links = Table(
    "links",
    metadata,
    _of("batch", "batches", key=True),
    Column("first", Number(), primary_key=True, autoincrement=False),
    _number("last"),
    Column("parent_batch", HeldText(), ForeignKey("batches.batch"), nullable=False),
    _number("parent"),
    CheckConstraint('1 <= "first" AND "first" <= "last"', name="link_not_backwards"),
    Index("links_by_parent", "parent_batch", "parent", "batch", "first"),
    sqlite_with_rowid=False,
)

# Scan-ins read back from the backend; `number` is its own, `at` its time as it told it.
scan_ins = Table(
    "scan_ins",
    metadata,
    _id("scan_in"),
    Column("seq", Number(), ForeignKey("events.seq"), nullable=False, unique=True),
    _number("number"),
    _text("dealer"),
    _text("at"),
    _number("codes"),
    Index("scan_ins_by_number", "number"),
    _again("scan_ins", "scan_in"),
)

# Printed labels that were read and were right.
verified = Table(
    "verified",
    metadata,
    Column("seq", Number(), ForeignKey("events.seq"), primary_key=True, autoincrement=False),
    _of("package", "packages"),
    _text("units"),
    _text("serials"),
    _number("pictures"),
    _number("codes"),
    _time("verified_at"),
    Index("verified_of_package", "package", "seq"),
)

deliveries = Table(
    "deliveries",
    metadata,
    _of("order_id", "orders", key=True),
    _number("attempts"),
    _time("next_attempt", null=True),
    _text("detail", null=True),
    _text("holder", null=True),
    _time("held_until", null=True),
    _again("deliveries", "order_id"),
)

name_all(metadata)

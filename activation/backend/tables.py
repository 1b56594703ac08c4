"""The backend's tables, as the newest migration leaves them.

Fingerprints, serials, states, counters; never a code. Times are whole seconds since 1970,
so that SQLite and PostgreSQL compare them alike. A column of SQLite's may hold a value of
another type, after a single flipped bit: reading one raises `Damaged`.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
)

from .damage import Damaged

metadata = MetaData()


class _Checked:
    """A column's type that reads values of a single type of Python's."""

    read_as: ClassVar[type]

    def result_processor(self, dialect: Any, coltype: object) -> Callable[[Any], Any]:  # noqa: ANN401, ARG002 - SQLAlchemy's form
        """What SQLAlchemy calls for each value read."""
        kind = self.read_as

        def read(value: Any) -> Any:  # noqa: ANN401 - whatever lies in the file
            if value is None or type(value) is kind:
                return value
            raise Damaged(kind.__name__)

        return read


class _Text(_Checked, String):
    read_as = str


class _Number(_Checked, BigInteger):
    read_as = int


class _Bytes(_Checked, LargeBinary):
    read_as = bytes


def _text(name: str, *, null: bool = False, key: bool = False) -> Column[str]:
    return Column(name, _Text, nullable=null, primary_key=key)


def _number(name: str, *, null: bool = False, key: bool = False) -> Column[int]:
    return Column(name, _Number, nullable=null, primary_key=key, autoincrement=False)


batches = Table(
    "batches",
    metadata,
    Column("number", Integer, primary_key=True),  # stands for the batch in the long tables
    Column("batch", _Text, nullable=False, unique=True),
    _text("home"),
    _text("symbols"),
    _number("length"),
    _text("canonical"),
    _number("quantity"),
    _text("scheme"),
    _text("fingerprint_key_id"),
    _text("role"),
    _text("pair_of", null=True),
    _number("registered"),
    Index("batches_by_pair", "pair_of"),
)

# What scanned texts are read by: a million batches share a handful of these.
rules = Table("rules", metadata, _text("canonical", key=True), _number("length", key=True))

# The value of a tile, stored once: a million fragments share a handful of these.
standings = Table(
    "standings",
    metadata,
    Column("id", Integer, primary_key=True),
    _text("state"),
    _text("value"),
    UniqueConstraint("value"),
)

tiles = Table(
    "tiles",
    metadata,
    _number("batch", key=True),
    _number("first", key=True),
    _number("last"),
    _number("standing"),
    sqlite_with_rowid=False,
)

# Uploaded, invisible to scans, expiring. Chunks of a batch do not overlap.
pending = Table(
    "pending",
    metadata,
    _number("batch", key=True),
    _number("first", key=True),
    _number("last"),
    _number("arrived"),
    # Last, so that the other columns are read without walking through it.
    Column("data", _Bytes, nullable=False),
)

# Activated at least once: the only table a scan is looked up in.
fingerprints = Table(
    "fingerprints",
    metadata,
    Column("fingerprint", _Bytes, primary_key=True),
    _number("batch"),
    _number("serial"),
    sqlite_with_rowid=False,
)

# The same fingerprints by serial (`live_runs.py`).
live_runs = Table(
    "live_runs",
    metadata,
    _number("batch", key=True),
    _number("first", key=True),
    _number("last"),
    Column("data", _Bytes, nullable=False),
)

orders = Table(
    "orders",
    metadata,
    _text("order_id", key=True),
    _text("identity"),
    _text("answer"),
    _text("audit_head", null=True),
    _number("arrived"),
)

# Which serials lie in what: a row per run of serials in one parent. Runs of a batch do not overlap.
links = Table(
    "links",
    metadata,
    _number("batch", key=True),
    _number("first", key=True),
    _number("last"),
    _number("parent_batch"),
    _number("parent_serial"),
    Index("links_by_parent", "parent_batch", "parent_serial"),
    sqlite_with_rowid=False,
)

aggregations = Table(
    "aggregations",
    metadata,
    _text("aggregation_id", key=True),
    _text("identity"),
    _text("answer"),
    _text("audit_head", null=True),
    _number("arrived"),
)

# The newest head of each home's audit chain, and the order or aggregation that brought it.
heads = Table(
    "heads",
    metadata,
    _text("home", key=True),
    _text("head"),
    _text("order_id"),
    _number("arrived"),
    sqlite_with_rowid=False,
)

# `scans` counts the consumers' scans that used up a scan of the code. `early`: it was ever scanned
# while it was not active. `last_scan`: of the second scan and later ones, so that the index holds
# repeats alone, and a first scan changes no indexed column. `parties`: what the other parties
# counted, a JSON object of party → [scans, first].
scans = Table(
    "scans",
    metadata,
    _number("batch", key=True),
    _number("serial", key=True),
    _number("scans"),
    _number("first_scan", null=True),
    Column("early", Boolean, nullable=False, server_default=false()),
    _number("last_scan", null=True),
    _text("parties", null=True),
    Index(
        "scans_repeated",
        "batch",
        "serial",
        sqlite_where=text("last_scan IS NOT NULL"),
        postgresql_where=text("last_scan IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

# Where codes were scanned, as whoever scanned told it.
scan_regions = Table(
    "scan_regions",
    metadata,
    _number("batch", key=True),
    _number("serial", key=True),
    _text("region", key=True),
    _number("scans"),
    _number("first"),
    _number("last"),
    sqlite_with_rowid=False,
)

# Scans of known codes that were not genuine and no repeat, by the result that they were answered.
refused_scans = Table(
    "refused_scans",
    metadata,
    Column("id", Integer, primary_key=True),
    _number("batch"),
    _number("serial"),
    _text("state"),
    _number("first"),
    _number("last"),
    _number("times"),
    UniqueConstraint("batch", "serial", "state"),
    sqlite_autoincrement=True,  # as of `unknown_scans`
)

# Dealers' scan-ins. `number`: of those that opened anything, in the order of their commits; then
# `dealer` and `codes`, what they opened, are JSON, and `ranges` is how many ranges these are.
scan_ins = Table(
    "scan_ins",
    metadata,
    _text("scan_in_id", key=True),
    _text("identity"),
    _text("answer"),
    _number("arrived"),
    _number("number", null=True),
    _text("dealer", null=True),
    _number("ranges", null=True),
    _text("codes", null=True),
    UniqueConstraint("number"),
)

# The answers that counted, by the id their phone gave the scan; other parties' ids begin with the
# party and a colon.
scan_answers = Table(
    "scan_answers",
    metadata,
    Column("fingerprint", _Bytes, primary_key=True),
    _text("scan_id", key=True),
    _text("answer"),
    _number("at"),
    Index("scan_answers_by_time", "at"),
)

unknown_scans = Table(
    "unknown_scans",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", _Bytes, nullable=False, unique=True),
    _number("first"),
    _number("last"),
    _number("times"),
    # Ids are cursors of readers: an id is never given twice.
    sqlite_autoincrement=True,
)

# Nonces of signatures that are still good, so that none is taken twice. Their digests, for
# the text comes from strangers.
nonces = Table(
    "nonces",
    metadata,
    _text("key_id", key=True),
    _text("nonce", key=True),
    _number("until"),
    Index("nonces_by_time", "until"),
)

"""Who may do what in the PostgreSQL database of a ledger: a trigger, and the SQL of grants.

A chain tells that an event was changed; the database should not let it happen. `guards` are part
of every shared ledger. `statements` are for the database's owner to run, once for each role; run
again, they leave a role with just this. No role but the owner's makes or alters a table, and so
none upgrades a ledger, moves one here, or takes the trigger away.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

from ..errors import UsageError
from . import _tables

Kind = Literal["station", "report"]
NAME = "events_stay"
BODY = """
BEGIN
    RAISE EXCEPTION 'an event is never changed' USING ERRCODE = 'insufficient_privilege';
END """
_FUNCTION = f"CREATE FUNCTION {NAME}() RETURNS trigger LANGUAGE plpgsql AS $${BODY}$$"
_TRIGGER = (
    f"CREATE TRIGGER {NAME} BEFORE UPDATE OR DELETE OR TRUNCATE ON events"
    f" FOR EACH STATEMENT EXECUTE FUNCTION {NAME}()"
)
_LONGEST = 63  # bytes: PostgreSQL cuts a longer name, and then it is another's
# Table → what a station does there beside reading. Events, receipts and the like are for ever.
_STATION: Mapping[str, str] = {
    "batches": "INSERT",
    "contacts": "INSERT",
    "counters": "INSERT, UPDATE",
    "deliveries": "INSERT, UPDATE",
    "events": "INSERT",
    "keys": "INSERT, UPDATE",
    "links": "INSERT, DELETE",
    "objects": "INSERT, DELETE",
    "order_batches": "INSERT, UPDATE",
    "orders": "INSERT, UPDATE",
    "packages": "INSERT, UPDATE",
    "receipts": "INSERT",
    "reported_serials": "INSERT, DELETE",
    "scan_ins": "INSERT",
    "scheduled": "INSERT, UPDATE",
    "tiles": "INSERT, DELETE",
    "units": "INSERT, UPDATE",
    "verified": "INSERT",
}


def guards() -> Iterator[str]:
    """What makes a database keep its events as they are, whoever asks."""
    yield _FUNCTION
    yield _TRIGGER


def statements(role: str, kind: Kind = "station") -> tuple[str, ...]:
    """The SQL that lets `role` work as a station, or only read: for reports and `audit verify`.

    Raises `UsageError` for a name that no role can have.
    """
    name = _quoted(role)
    tables = sorted({*(table.name for table in _tables.metadata.sorted_tables), "alembic_version"})
    own = _STATION if kind == "station" else {}
    lines = [
        f"REVOKE CREATE ON SCHEMA public FROM {name};",
        f"GRANT USAGE ON SCHEMA public TO {name};",
    ]
    for table in tables:
        more = f", {own[table]}" if table in own else ""
        lines += [
            f"REVOKE ALL ON {table} FROM {name};",
            f"GRANT SELECT{more} ON {table} TO {name};",
        ]
    return tuple(lines)


def _quoted(role: str) -> str:
    if not role or "\0" in role or len(role.encode("utf-8", "replace")) > _LONGEST:
        raise UsageError("a role's name has 1 to 63 bytes", "name a role of the database: --role")
    quoted = role.replace('"', '""')
    return f'"{quoted}"'

"""What the PostgreSQL server under a shared ledger says of itself, for `doctor`."""

from dataclasses import dataclass

from sqlalchemy import Connection

from . import _postgresql_shape

OLDEST = 130_000  # as PostgreSQL writes version 13

_QUERY = """
SELECT current_setting('server_version_num')::int, current_setting('server_encoding'),
    current_setting('synchronous_commit'), current_setting('fsync'), pg_is_in_recovery(),
    coalesce(bool_or(has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE')), false)
FROM pg_class c WHERE c.oid = to_regclass('public.events')
"""


@dataclass(frozen=True)
class DatabaseServer:
    """`version` as PostgreSQL writes it: 150018. `lasting`: a commit waits for the disk.

    `may_change`: this role may update or delete events, but for the trigger. `difference`: what is
    not as this program made it, or None.
    """

    version: int
    encoding: str
    lasting: bool
    standby: bool
    may_change: bool
    difference: str | None


def look(connection: Connection) -> DatabaseServer | None:
    """The server under `connection`; None for a file."""
    if connection.dialect.name != "postgresql":
        return None
    row = connection.exec_driver_sql(_QUERY).one()
    version, encoding, synchronous, fsync, standby, may_change = row
    return DatabaseServer(
        version=version,
        encoding=encoding,
        lasting=synchronous != "off" and fsync == "on",
        standby=standby,
        may_change=may_change,
        difference=_postgresql_shape.difference(connection),
    )

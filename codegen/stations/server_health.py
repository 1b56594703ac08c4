"""What `doctor` looks at in the database of a shared ledger: its server, and this role's rights."""

from collections.abc import Iterator

from ..finding import ERROR, OK, WARNING, Finding
from ..ledger.server import OLDEST, DatabaseServer
from ..ledger.view import View

_CHECK = "database"


def database(view: View) -> Iterator[Finding]:
    """Findings about the database; none about a file."""
    server = view.server()
    if server is not None:
        yield from _sound(server)
        yield from _as_advised(server)


def _sound(server: DatabaseServer) -> Iterator[Finding]:
    if server.difference is not None:
        message = f"the database was changed by hand: {server.difference}"
        yield Finding(ERROR, _CHECK, message, "ask whoever runs the database what was done to it")
    elif server.version < OLDEST or server.encoding != "UTF8":
        message = f"PostgreSQL {server.version // 10_000} with encoding {server.encoding}"
        hint = "version 13 or later, and UTF8: see docs/stations.md"
        yield Finding(ERROR, _CHECK, message, hint)
    else:
        message = f"PostgreSQL {server.version // 10_000}, its tables and its trigger are as made"
        yield Finding(OK, _CHECK, message)


def _as_advised(server: DatabaseServer) -> Iterator[Finding]:
    if not server.lasting:
        message = "a commit does not wait for the disk: a power cut may lose what was booked"
        hint = "turn synchronous_commit and fsync on: see docs/stations.md"
        yield Finding(WARNING, _CHECK, message, hint)
    if server.may_change:
        message = "this station's role may change and delete events, and owns the tables"
        yield Finding(WARNING, _CHECK, message, "a role of its own: mintmark ledger grants")
    if server.standby:
        yield Finding(
            WARNING, _CHECK, "this is a standby: nothing can be booked", "name the primary"
        )

"""Where a ledger lies: a file of this machine, or a PostgreSQL database that stations share."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from ..errors import UsageError

SCHEMES = ("postgresql", "postgres")
_SECRETS = ("password", "sslpassword", "passfile_contents")
_HINT = "write for example postgresql://mintmark@db.example.com/mintmark"


@dataclass(frozen=True)
class LedgerDatabase:
    """A PostgreSQL database by its URL, which holds no password.

    The password comes from where libpq looks for one: PGPASSWORD, a password file, a service.
    """

    url: str


LedgerPlace = Path | LedgerDatabase


def database(text: str) -> LedgerDatabase:
    """The database that `text` names: `postgresql://user@host:port/name?sslmode=verify-full`.

    Raises `UsageError` for another scheme, no name of a database, or a password in it, which
    the error does not repeat.
    """
    try:
        url = urlsplit(text)
        port, password, query = url.port, url.password, dict(parse_qsl(url.query))
    except ValueError:
        raise UsageError("the ledger's address is no URL", _HINT) from None
    if url.scheme not in SCHEMES or not url.path.strip("/"):
        raise UsageError("the ledger's address names no PostgreSQL database", _HINT)
    if password is not None or any(name in query for name in _SECRETS):
        raise UsageError(
            "the ledger's address holds a password, which others would read in the process list",
            "leave it out: put it into PGPASSWORD, or into a file that PGPASSFILE names",
        )
    del port
    return LedgerDatabase(text)

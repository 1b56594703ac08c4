"""Where a ledger lies: a file of this machine, or a PostgreSQL database that stations share."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from ..errors import UsageError

SCHEMES = ("postgresql", "postgres")
_SECRETS = ("password", "sslpassword", "passfile_contents")
# Each of them, with commas between: a name, or an address in brackets, and a port.
_HOST = re.compile(r"(?:\[[^\]]*\]|[^:\[\]]*)(?::\d*)?", re.ASCII)
_HINT = "write for example postgresql://mintmark@db.example.com/mintmark"


@dataclass(frozen=True)
class LedgerDatabase:
    """A PostgreSQL database by its URL, which holds no password.

    The password comes from where libpq looks for one: PGPASSWORD, a password file, a service.
    """

    url: str

    def acting_as(self, role: str | None) -> "LedgerDatabase":
        """The same database for another role; None: for that of the address."""
        if role is None:
            return self
        url = urlsplit(self.url)
        host = url.netloc.rpartition("@")[2]
        return LedgerDatabase(urlunsplit(url._replace(netloc=f"{quote(role, safe='')}@{host}")))


LedgerPlace = Path | LedgerDatabase


def database(text: str) -> LedgerDatabase:
    """The database that `text` names: `postgresql://user@host:port/name?sslmode=verify-full`.

    Raises `UsageError` for another scheme, no name of a database, or a password in it, which
    the error does not repeat.
    """
    try:
        url = urlsplit(text)
        password, query = url.password, dict(parse_qsl(url.query))
    except ValueError:
        raise UsageError("the ledger's address is no URL", _HINT) from None
    if not all(map(_HOST.fullmatch, _hosts(url.netloc))):
        raise UsageError("the ledger's address is no URL", _HINT)
    if url.scheme not in SCHEMES or not url.path.strip("/"):
        raise UsageError("the ledger's address names no PostgreSQL database", _HINT)
    if password is not None or any(name in query for name in _SECRETS):
        raise UsageError(
            "the ledger's address holds a password, which others would read in the process list",
            "leave it out: put it into PGPASSWORD, or into a file that PGPASSFILE names",
        )
    return LedgerDatabase(text)


def parameters(place: LedgerDatabase) -> dict[str, str]:
    """What its URL says beside user and name; `host` as it stands there, several with commas."""
    url = urlsplit(place.url)
    return {"host": ",".join(_hosts(url.netloc))} | dict(parse_qsl(url.query))


def shown(place: LedgerDatabase) -> str:
    """The servers that a URL names, for people; empty for one that names none."""
    host = parameters(place)["host"]
    return "" if host.startswith("/") else host


def _hosts(netloc: str) -> list[str]:
    return netloc.rpartition("@")[2].split(",")

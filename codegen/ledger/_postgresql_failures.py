"""PostgreSQL's errors in our words, told apart by SQLSTATE: nothing that it says is quoted.

What its server says to a login has no SQLSTATE that libpq passes on, and may be in any language.
"""

import re
from typing import Any

from ..away import LedgerAway
from ..errors import EnvironmentFailure, IntegrityError, MintmarkError, UsageError

BACKUP = "bring the ledger's database back from its backup: see docs/stations.md"
_AGAIN = "repeat the command"
_GRANTS = "grant this station's role what it needs: mintmark ledger grants"
_OWNER = "a move or an upgrade takes the role that owns the tables: --as ROLE"
_NAME = "see its name at the end of the address; whoever runs the server makes databases"
_ASK = "see the database's own log"

# SQLSTATE, or the beginning of some → what it is here.
_STATES: tuple[tuple[tuple[str, ...], type[MintmarkError], str, str], ...] = (
    (
        # Lost, shut down, full of clients; a transaction that stood still for too long.
        ("08", "57P01", "57P02", "57P03", "57P05", "25P03", "25P04", "53300"),
        LedgerAway,
        "the ledger's database does not answer",
        "repeat the command when it does",
    ),
    (
        ("55P03", "57014", "40"),
        EnvironmentFailure,
        "the ledger is locked by another station, or its database is too busy",
        f"let it finish, then {_AGAIN}",
    ),
    (
        ("25006",),
        EnvironmentFailure,
        "the ledger's database is read-only: a standby, or one that its operator has closed",
        "name the primary, or promote this standby: see docs/stations.md",
    ),
    (("42501",), EnvironmentFailure, "the database's role may not do this", f"{_GRANTS}; {_OWNER}"),
    (("28",), EnvironmentFailure, "the ledger's database refuses this login", _GRANTS),
    (("3D000",), EnvironmentFailure, "the ledger's database is not there", _NAME),
    (("53", "58", "54"), EnvironmentFailure, "the ledger's database has run out of room", _ASK),
    (("XX001", "XX002", "22P02", "22P05"), IntegrityError, "the ledger is damaged", BACKUP),
    (
        ("22021",),
        UsageError,
        "a text holds a NUL character, which no text has",
        "take it out of what was given",
    ),
    (
        ("23", "42", "22"),
        IntegrityError,
        "the ledger's tables are not as this version made them",
        BACKUP,
    ),
)
# What cannot be helped by waiting. Of a server that speaks another language than English a login
# counts as refused where it asked for a password; other words of its own as away.
_REFUSED = re.compile(
    r"authentication failed|no password supplied|pg_hba|permission denied|not permitted to log in"
    r'|role "[^"]*" does not exist|auth(?:entication)? (?:failed|query)|no such user'
)
_MISSING = re.compile(r'database "[^"]*" does not exist|no such database')
_TRUST = re.compile(
    r"certificate|does not support SSL|SSL error|root\.crt|invalid (?:connection option|sslmode)"
    r"|private key|definition of service|invalid (?:port|integer)"
)
_SERVER = re.compile(r"failed: \S+:  ")  # its severity, in its language, and two spaces


def translated(error: BaseException, *, invalidated: bool = False, where: str = "") -> Exception:
    """`error` of psycopg's as ours; `where` is the server's name, for people."""
    state: str | None = getattr(error, "sqlstate", None)
    for states, kind, message, hint in _STATES:
        if state is not None and state.startswith(states):
            return kind(f"{message}; nothing was changed", hint)
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if state is None and "OperationalError" in kinds:
        return _not_connected(error, where)
    if invalidated or "InterfaceError" in kinds:
        return away(where)
    if state is None and "DataError" in kinds:
        # Said by the driver itself, before anything is sent.
        return UsageError("a text holds a NUL character, which no text has", "take it out")
    return EnvironmentFailure(
        f"the ledger's database refused a statement (SQLSTATE {state or 'none'});"
        " nothing was changed",
        _ASK,
    )


def _not_connected(error: BaseException, where: str) -> Exception:
    said = str(error)
    pgconn: Any = getattr(error, "pgconn", None)
    if _TRUST.search(said):
        return EnvironmentFailure(
            "the connection to the ledger's database is not as its address asks for",
            "check the certificates, and the options at the end of the ledger's address",
        )
    if _MISSING.search(said):
        return EnvironmentFailure("the ledger's database is not there", _NAME)
    asked = getattr(pgconn, "used_password", False) or getattr(pgconn, "needs_password", False)
    if _REFUSED.search(said) or (asked and _SERVER.search(said)):
        return EnvironmentFailure(
            "the ledger's database refuses this login",
            "check the user in its address, and PGPASSWORD or the file that PGPASSFILE names",
        )
    return away(where)


def away(where: str = "") -> LedgerAway:
    """The error for a database that does not answer."""
    at = f" at {where}" if where else ""
    return LedgerAway(
        f"the ledger's database{at} does not answer; nothing was changed",
        "repeat the command when it does",
    )


def standby() -> EnvironmentFailure:
    """The error for a standby: it grants any lock, and does not know the newest events."""
    return EnvironmentFailure(
        "the ledger's database is a standby, which books nothing; nothing was changed",
        "name the primary, or promote this standby: see docs/stations.md",
    )


def is_lost(error: BaseException) -> bool:
    """Whether the connection is gone, or its server going."""
    return isinstance(translated(getattr(error, "orig", None) or error), LedgerAway)

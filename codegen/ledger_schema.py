"""`ledger upgrade` and `ledger grants`: the schema of a shared ledger, and who may touch it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast, get_args

from .errors import Refused, UsageError
from .ids import shown
from .ledger import database
from .ledger import grants as sql
from .ledger.place import LedgerDatabase
from .result import Result
from .station.station import Station


@dataclass(frozen=True)
class LedgerUpgraded(Result):
    """The schema's revision before and now."""

    before: str
    revision: str

    def lines(self) -> Iterator[str]:
        """What was done."""
        if self.before == self.revision:
            yield f"the ledger's schema is up to date: revision {self.revision}"
        else:
            yield f"the ledger's schema went from revision {self.before} to {self.revision}"
            yield "stations with an older version of mintmark wait now: upgrade them"


def upgrade(station: Station, role: str | None = None) -> LedgerUpgraded:
    """Bring the schema of the shared ledger up to date, once, whoever else does; `role` owns it.

    Raises `Refused` for a home of its own, whose ledger is brought up to date as it is opened.
    """
    place = station.ledger_place
    if not isinstance(place, LedgerDatabase):
        raise Refused(
            "this home's ledger is a file: it is brought up to date whenever it is opened",
            "see: mintmark audit verify",
        )
    engine = database.connect(place.acting_as(role))
    try:
        before, now = database.upgrade_shared(engine)
    finally:
        engine.dispose()
    return LedgerUpgraded(before, now)


@dataclass(frozen=True)
class LedgerGrants(Result):
    """SQL for the one who runs the database."""

    reads = True

    role: str
    purpose: str
    sql: str

    def lines(self) -> Iterator[str]:
        """The statements, to be run by the owner of the tables."""
        yield from self.sql.splitlines()


def grants(role: str, purpose: str) -> LedgerGrants:
    """The SQL that gives `role` what a station, or a report, needs, and nothing more.

    Raises `UsageError` for another purpose, or for what is no name of a role.
    """
    if purpose not in get_args(sql.Kind):
        raise UsageError(f"--for is not {shown(purpose, name=True)}", "take station or report")
    if not role.isprintable():
        raise UsageError("a role's name has no control characters", "name a role of the database")
    statements = sql.statements(role, cast("sql.Kind", purpose))
    return LedgerGrants(role, purpose, "\n".join(statements))

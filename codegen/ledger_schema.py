"""`ledger upgrade`: the schema of a shared ledger."""

from collections.abc import Iterator
from dataclasses import dataclass

from .errors import Refused
from .ledger import database
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

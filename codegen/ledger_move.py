"""`ledger move`: the books go from a file of this home into a database, or back.

The steps, and what a crash leaves after each, are in `ledger/moving.py`; the last is here: the
home's settings name where the ledger lies now, in one atomic step.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from .errors import IntegrityError, Refused
from .ledger import moving, place
from .ledger.moving import LOCAL
from .ledger.place import LedgerPlace
from .ledger.view import View
from .progress import Progress
from .result import Result, counted
from .station import config_edit
from .station.older_copy import refuse_older
from .station.station import Station


@dataclass(frozen=True)
class LedgerMoveResult(Result):
    """Where the ledger lies now: `local`, or the address of a database; `moved` just now."""

    ledger: str
    moved: bool
    events: int
    head: str

    def lines(self) -> Iterator[str]:
        """Where it lies, what was proved, and what to do next."""
        if not self.moved:
            yield f"the ledger lies there already: {self.ledger}"
            return
        yield f"the ledger moved to {self.ledger}: {counted(self.events, 'event')}, unbroken"
        yield f"head {self.head}"
        yield "what it left behind is locked: no version of mintmark reads or writes it"
        if self.ledger == LOCAL:
            yield "back it up with the home from now on; other stations stay retired"
        else:
            yield "start the lines of this home anew; back the database up from now on"
            yield "next: mintmark vault move, then another station: mintmark station join"


def move(
    station: Station, to: str, role: str | None = None, progress: Progress = lambda *_: None
) -> LedgerMoveResult:
    """Let the ledger lie at `to`: `local`, or the address of an empty database.

    Lines stand still meanwhile: nothing is booked until it ends. `role` is who owns the tables of
    a database, if the role of its address may not make any. After a crash the same call goes on.
    Raises `UsageError`, `Refused`, `IntegrityError`, `EnvironmentFailure`.
    """
    target: LedgerPlace = station.home / "ledger.db" if to == LOCAL else place.database(to)
    source = station.ledger_place
    if source == target:
        with station.ledger.read() as view:
            seq, head = view.head()
        return LedgerMoveResult(to, moved=False, events=seq, head=head)

    def look(view: View) -> None:
        refuse_older(station)
        if to == LOCAL:
            refuse_others(station, view)

    ends = moving.end(source, role), moving.end(target, role)
    arrival = moving.move(*ends, station.now, look, progress, station.failpoint)
    # The ledger that was opened is nobody's any more.
    station.close()
    config_edit.set_value(station.home, "ledger", {"url": None if to == LOCAL else to})
    station.failpoint("named")
    return LedgerMoveResult(to, moved=True, events=arrival.events, head=arrival.head)


def refuse_others(station: Station, view: View) -> None:
    """Raises `Refused` if another station works on these books: it could not follow."""
    if view.home().home != station.config.home_id:
        raise IntegrityError("the database holds another home than this one's", "see mintmark.toml")
    others = [
        row.name
        for row in view.roster("station")
        if not row.revoked and row.key_id != station.key.key_id
    ]
    if others:
        raise Refused(
            f"{counted(len(others), 'other station')} of this home could not follow:"
            f" {', '.join(sorted(others))}",
            "retire them first: mintmark station list, mintmark station retire NAME --reason R",
        )

"""A ledger moves: from a file of a home into a database that stations share, or back.

The same events byte for byte, the same tables, the progress of deliveries; only claims are let
go. Nothing is booked: the head stays the head. Its steps, and what a crash after each leaves:

| | step | a crash leaves | the same command |
| --- | --- | --- | --- |
| 1 | lock the source: nothing is booked anywhere | nothing | begins anew |
| 2 | let the caller look; prove the source (`verify`) | nothing | begins anew |
| 3 | fill the target, marked as arriving, in one transaction | that, or nothing | fills it anew |
| 4 | prove the target, and compare both heads | what no program opens | fills it anew |
| 5 | mark the source as moved, in the transaction of 1 | no ledger to open | goes on with 6 |
| 6 | let the target be a ledger, if its head is that of 5 | the new ledger | goes on with 7 |
| 7 | the caller names it in the home's settings | all done | says so |

5 before 6, so that at no moment two ledgers can be written. What the marks are, and why an older
program obeys them as well: `_moved`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ..errors import IntegrityError, Refused
from ..progress import Progress
from . import _bulk, _moved, database
from ._ends import DatabaseEnd, End, FileEnd, leisurely
from ._moved import LOCAL, Departed, LedgerMoved
from .ledger import Ledger
from .place import LedgerDatabase, LedgerPlace
from .verify import verify
from .view import View

__all__ = ["LOCAL", "Arrival", "LedgerMoved", "end", "move"]

Failpoint = Callable[[str], None]


@dataclass(frozen=True)
class Arrival:
    """What arrived: how many events, and the head. `resumed`: an earlier move was ended."""

    events: int
    head: str
    resumed: bool


def end(place: LedgerPlace, role: str | None) -> End:
    """What a ledger leaves, or comes to. `role` owns the tables of a database."""
    return DatabaseEnd(place, role) if isinstance(place, LedgerDatabase) else FileEnd(place)


def move(  # noqa: PLR0913, PLR0917 - two ends, and what a procedure gets from outside
    leaving: End,
    arriving: End,
    now: Callable[[], datetime],
    look: Callable[[View], None],
    progress: Progress,
    failpoint: Failpoint,
) -> Arrival:
    """Steps 1 to 6. `look(view)` raises to stop the move; it sees the locked source.

    Raises `Refused` for a target that holds something else, or another target than that of a
    move which has not ended; `IntegrityError` for a source that does not hold.
    """
    gone = leaving.departed()
    if gone is None:
        gone = _copied(leaving, arriving, now, look, progress, failpoint)
        failpoint("departed")
        resumed = False
    elif gone.target == arriving.name:
        resumed = True
    else:
        raise Refused(
            f"the ledger has moved to {gone.target}, and the move has not ended",
            f"end it: mintmark ledger move --to {gone.target}",
        )
    arriving.arrive(gone)
    failpoint("arrived")
    return Arrival(gone.seq, gone.hash, resumed)


def _copied(  # noqa: PLR0913, PLR0917 - as `move`
    leaving: End,
    arriving: End,
    now: Callable[[], datetime],
    look: Callable[[View], None],
    progress: Progress,
    failpoint: Failpoint,
) -> Departed:
    """Steps 1 to 5."""
    Ledger.open(leaving.place, now).close()  # whatever keeps a ledger from being opened
    engine = database.connect(leaving.place)
    try:
        with leisurely(engine) as connection:  # 1
            view = View(connection)
            look(view)  # 2
            seq, head = view.head()
            _prove(Ledger(engine, now), "check", (seq, head), progress)
            failpoint("checked")
            with arriving.filling(view) as empty:  # 3
                _bulk.copy_rows(connection, empty, progress)
                _moved.revise(empty, _moved.ARRIVING)
                failpoint("copied")
            failpoint("filled")
            with arriving.arrived() as ledger:  # 4
                _prove(Ledger(ledger, now), "compare", (seq, head), progress)
            failpoint("compared")
            return _moved.depart(connection, arriving.name)  # 5
    finally:
        engine.dispose()


def _prove(ledger: Ledger, phase: str, head: tuple[int, str], progress: Progress) -> None:
    """Raises `IntegrityError` unless the ledger holds, and ends with this head."""
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        progress(phase, done, head[0])

    found = verify(ledger, count)
    if not found.ok:
        raise IntegrityError(f"the audit chain does not hold: {found.problem}", *found.hints)
    if (found.events, found.head) != head:
        raise IntegrityError(
            "the ledger that arrived is not the one that left", "nothing was switched: try again"
        )

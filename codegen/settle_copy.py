"""`audit settle`: a person decides about signs that this home is an older copy.

It is one commit: the decision, and a line for each batch that only the vault knows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from . import ids
from .errors import Refused, UsageError
from .result import Result
from .station import misplaced
from .station.older_copy import decisions, signs
from .station.station import Station

REASON_CHARS = 200

LOST, NONE = NEWER_HOME = ("lost", "none")


@dataclass(frozen=True)
class CopySettled(Result):
    """What was decided; `retired` batches are not exported from any more."""

    newer_home: str
    reason: str
    heads: tuple[str, ...]
    vault_only: tuple[str, ...]
    retired: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """What was decided, and what follows."""
        yield f"booked: newer home {self.newer_home}: {self.reason}"
        for batch in self.retired:
            yield f"  batch {batch} is retired: nothing is exported from it any more"
        if self.newer_home == LOST:
            yield "packages of the lost home stay unknown here: have their labels destroyed"
            yield "mint anew for what is to be printed: mintmark mint"


def settle(
    station: Station, newer: str, reason: str, ask: Callable[[Station], None]
) -> CopySettled:
    """Decide about every open sign: the `newer` home is lost, or there is none.

    `ask` lets the backend say what it was sent: `doctor` asks as well, and books nothing.
    Raises `UsageError` for another word or no reason of one line, `Refused` if no sign is open.
    """
    if newer not in NEWER_HOME:
        raise UsageError(f"--newer-home is not {ids.shown(newer, name=True)}", "take lost or none")
    reason = reason.strip()
    if not reason or not reason.isprintable() or len(reason) > REASON_CHARS:
        raise UsageError(
            f"the reason is not a line of 1 to {REASON_CHARS} characters", "--reason R"
        )
    misplaced.refuse(station, [("reason", reason)])
    ask(station)
    if station.memory is not None:
        station.memory.look()
    found = signs(station)
    if not found.heads and not found.batches:
        raise Refused(
            "nothing shows that this home is an older copy: there is nothing to settle",
            "ask the backend again: mintmark doctor",
        )
    lost = newer == LOST
    with station.ledger.read() as view:
        retired = tuple(row.batch for row in view.batches()) if lost else ()
    station.ledger.commit(station.author, *decisions(found, lost=lost, reason=reason))
    return CopySettled(newer, reason, found.heads, found.batches, retired)

"""What `doctor` looks at of the orders that wait at this station. It needs no ledger."""

from collections.abc import Iterator

from ...codegen.finding import ERROR, OK, WARNING, Finding
from ...codegen.station.station import Station
from .desk import is_shared
from .keeper import Keeper


def away(station: Station) -> Iterator[Finding]:
    """Orders that wait for a ledger that was away, that were refused then, or are damaged."""
    if not is_shared(station):
        return
    keeper = Keeper(station)
    refused = len(keeper.refused.all())
    if refused:
        yield Finding(
            ERROR,
            "away",
            f"orders that were given while the ledger was away, and refused then: {refused:,}",
            "see them, and settle each: mintmark orders away",
        )
    note = keeper.queue.note()
    damaged = next(keeper.damaged(), None)
    if damaged is not None or note.renewed:
        what = f"order {damaged}" if damaged else "the note"
        yield Finding(
            ERROR,
            "away",
            f"{what} of what waits at this station was changed, moved or taken away",
            "see what waits: mintmark orders away",
        )
    waiting = note.written - note.done
    if waiting > 0:
        yield Finding(
            WARNING,
            "away",
            f"orders that wait at this station until the ledger answers: {waiting:,}",
            "mintmark deliver books and sends them",
        )
    elif not refused and damaged is None:
        yield Finding(OK, "away", "no order waits at this station")

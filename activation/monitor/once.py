"""Incidents that are booked once, whoever looks first: a timer, the day's report, a person."""

from collections.abc import Callable, Iterable, Sequence

from ...codegen.errors import Refused
from ...codegen.ledger.changes import Change, Incident
from ...codegen.ledger.view import View
from ...codegen.station.station import Station

TRIES = 4


class _MovedError(Refused):
    """Another process booked incidents of these kinds meanwhile."""


def book_once(
    station: Station, kinds: Sequence[str], missing: Callable[[View], Iterable[Change]]
) -> int:
    """Book what `missing(view)` says that the audit chain lacks; returns how many that were.

    The incidents are of `kinds`. All are booked, or none; if another process booked some of these
    kinds after `missing` looked, it looks again. Raises `Refused` if that never ends.
    """
    for _ in range(TRIES):
        with station.ledger.read() as view:
            head = view.head()[0]
            new = tuple(missing(view))
        if not new:
            return 0
        try:
            station.ledger.commit(station.author, *new, guard=_unmoved(kinds, head))
        except _MovedError:
            continue
        return len(new)
    raise Refused("another process is booking the same incidents", "try again later")


def booked(view: View, kind: str) -> list[Incident]:
    """The incidents of that kind, in order."""
    changes = (event.change for event in view.incidents(kind))
    return [change for change in changes if isinstance(change, Incident)]


def _unmoved(kinds: Sequence[str], head: int) -> Callable[[View], None]:
    def guard(view: View) -> None:
        if any(view.incidents(kind, head) for kind in kinds):
            raise _MovedError("another process booked incidents meanwhile")

    return guard

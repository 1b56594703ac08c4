"""Exports that a responsible person should hear of: refused ones, and too many of them.

Both are told at the moment of the export, and neither changes what becomes of it: if the incident
cannot be booked, the export ends as it would have.
"""

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta

from .errors import IntegrityError, MintmarkError, Refused
from .ledger.changes import Change, ExportBegun, Incident, IncidentFacts
from .ledger.view import View
from .station.older_copy import NOTICED
from .station.station import Station

REFUSED = "export-refused"  # kinds of incidents
BURST = "export-burst"
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@contextlib.contextmanager
def refusals_told(
    station: Station, batch: str | None, contact: str | None, package: str | None = None
) -> Iterator[None]:
    """Book `export-refused` if the block is stopped by a state, a guard, a policy or a proof.

    Not for what was mistyped or is not there; the same refusal once an hour. A custodian's key that
    is refused has an alarm of its own, and so has an older copy when it is noticed. The error is
    raised on as it was.
    """
    with station.ledger.read() as view:
        begin = view.head()[0]
    try:
        yield
    except (Refused, IntegrityError) as error:
        # The refusal must end as it would have: also in a home that cannot be written.
        with contextlib.suppress(MintmarkError, OSError):
            what = " ".join(filter(None, [batch, package and f"package {package}"]))
            to = f" to {contact}" if contact else ""
            facts = IncidentFacts(batch=batch, package=package, contact=contact)
            incident = Incident(REFUSED, f"export of {what}{to}: {error.message}", facts)
            _book(station, incident, lambda view: _is_told(station, view, incident, begin))
        raise


def tell_burst(station: Station) -> None:
    """Book `export-burst` if more exports than `[alarms] export_burst` were begun in an hour.

    Exports that broke off count: they had opened their codes. Told of once a day.
    """
    limit, now = station.config.alarm_limits.export_burst, station.now()
    with contextlib.suppress(MintmarkError, OSError):
        with station.ledger.read() as view:
            # An event may be a moment younger than this look.
            events = view.between(now - _HOUR, now + _HOUR)
            begun = [event.change for event in events if isinstance(event.change, ExportBegun)]
        if len(begun) <= limit:
            return
        last = begun[-1]
        detail = f"within an hour {len(begun):,} exports, the last of batch {last.batch}"
        facts = IncidentFacts(batch=last.batch, package=last.package, contact=last.contact)
        incident = Incident(BURST, f"{detail} to {last.contact}", facts)
        _book(station, incident, lambda view: _lately(station, view, BURST, _DAY) != [])


class _ToldError(Refused):
    """The incident is in the chain already."""


def _book(station: Station, incident: Incident, told: Callable[[View], bool]) -> None:
    def guard(view: View) -> None:
        if told(view):
            raise _ToldError("the incident is booked already")

    station.ledger.commit(station.author, incident, guard=guard)


def _is_told(station: Station, view: View, incident: Incident, begin: int) -> bool:
    noticed = bool(view.incidents(NOTICED, begin))
    return noticed or incident in _lately(station, view, REFUSED, _HOUR)


def _lately(station: Station, view: View, kind: str, within: timedelta) -> list[Change]:
    now = station.now()
    return [event.change for event in view.incidents(kind) if abs(now - event.time) < within]

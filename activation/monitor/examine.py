"""Doctor, once a day: its errors become incidents, which the targets then get as alarms."""

from datetime import timedelta

from ...codegen.doctor import doctor
from ...codegen.finding import ERROR, Check
from ...codegen.ledger.chain import Event
from ...codegen.ledger.changes import Incident
from ...codegen.station.station import Station
from .cursor import Examined

DAY = timedelta(days=1)


def examine(
    station: Station, last: Examined | None, head: int, checks: tuple[Check, ...]
) -> Examined | None:
    """Book doctor's errors that were not there the `last` time. None: it is not due yet.

    `head`: the number of the chain's last event before.
    """
    now = station.now()
    if last is not None and timedelta(0) <= now - last.at < DAY:
        return None
    with station.ledger.read() as view:
        # A run that was killed may have booked them already, and not kept that.
        since = view.incidents("doctor", last.seq if last else 0)
        booked = {_detail(event) for event in since if now - event.time < DAY}
    found = doctor(station, checks, repair=False).findings
    texts = [f"{item.check}: {item.message}" for item in found if item.level == ERROR]
    errors = tuple(dict.fromkeys(texts))
    known = booked.union(last.errors if last else ())
    new = [Incident("doctor", error) for error in errors if error not in known]
    if new:
        station.ledger.commit(station.author, *new)
    station.failpoint("examined")
    return Examined(now, head, errors)


def _detail(event: Event) -> str:
    return event.change.detail if isinstance(event.change, Incident) else ""

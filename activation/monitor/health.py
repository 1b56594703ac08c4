"""`doctor`'s look at what the monitor keeps in the home."""

from collections.abc import Iterator

from ...codegen.errors import IntegrityError
from ...codegen.finding import ERROR, OK, WARNING, Finding
from ...codegen.station.station import Station
from . import cursor, snapshots


def alarms(station: Station) -> Iterator[Finding]:
    """Whether it can be told which alarms were sent, and what was scanned by which day."""
    try:
        cursor.load(station.home)
    except IntegrityError as error:
        yield Finding(ERROR, "alarms", error.message, "; ".join(error.hints))
    if snapshots.load(station.home) is None:
        yield Finding(
            WARNING,
            "alarms",
            f"{snapshots.NAME} is damaged: how many codes were scanned on which day is not known",
            "the next report begins it anew",
        )
    yield Finding(OK, "alarms", "looked at what is kept of alarms and reports")

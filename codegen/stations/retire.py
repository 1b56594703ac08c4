"""`station retire`: a station works for the home no more; what it signed stays good.

1. `KeyRevoked` is booked: from here on the write door refuses whatever it signs.
2. What was sealed to it is removed from the store.

A crash after 1, or a store that keeps it, leaves an object that only the station's own key opens,
and it had that already; the same command again tries once more. Retiring takes back nothing that
was known: a stolen machine knows the fingerprint key. Its password for the database and its
credentials for the store are revoked there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import NotFound, Refused, UsageError
from ..ledger.changes import KeyRevoked
from ..ledger.records import KeyRow
from ..ledger.view import View
from ..result import Result
from ..station.station import Station
from .admit import forget


@dataclass(frozen=True)
class StationRetired(Result):
    """The station that was retired."""

    key_id: str
    name: str
    reason: str

    def lines(self) -> Iterator[str]:
        """What is left to do."""
        yield f"station {self.name} ({self.key_id}) is retired"
        yield "  now take its login of the database and its key of the store away, too,"
        yield "  and revoke the lines that stood at it: mintmark key list, mintmark key revoke"


def retire(station: Station, named: str, reason: str) -> StationRetired:
    """Retire the station with this key id or name.

    Raises `UsageError` for a malformed reason, `NotFound`; `Refused` for this station itself, for
    the last that may admit others, and for one that was retired before.
    """
    if not reason.strip() or len(reason) > 100 or not reason.isprintable():
        raise UsageError("--reason is 1 to 100 printable characters", "give a short reason")
    with station.ledger.read() as view:
        row = _found(view, named)
    if row.key_id == station.key.key_id:
        raise Refused(
            "a station cannot retire itself",
            "do it at another that may admit: mintmark station list",
        )
    if row.revoked:
        forget(station, row.key_id)
        raise Refused(f"station {row.name} was retired already: {row.revoked_because}")
    station.ledger.commit(station.author, KeyRevoked(row.key_id, reason))  # 1
    station.failpoint("retired")
    forget(station, row.key_id)  # 2
    return StationRetired(row.key_id, row.name, reason)


def _found(view: View, named: str) -> KeyRow:
    """The station; of a name the one that is active, else the one that was retired last."""
    rows = view.roster("station")
    for row in (*(row for row in rows if not row.revoked), *reversed(rows)):
        if named in (row.key_id, row.name):
            return row
    raise NotFound("no station has this key or name", "see: mintmark station list")

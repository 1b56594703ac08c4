"""`station list`: who works for the home, what each may do, and when it was last heard of."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ..ledger.changes import RIGHTS
from ..ledger.records import KeyRow
from ..ledger.view import View
from ..result import Result
from ..station import keys
from ..station.station import Station
from ..times import format_utc


@dataclass(frozen=True)
class StationShown(Result):
    """A station. `last_seen` is when the last event was booked that its own key signed."""

    key_id: str
    name: str
    may: tuple[str, ...]
    since: datetime
    last_seen: datetime | None
    retired: bool
    this: bool

    @classmethod
    def of(cls, row: KeyRow, view: View, own: str) -> "StationShown":
        """From the ledger's row; `own` is the key id of the station that asks."""
        last = view.last_of(row.key_id)
        may = RIGHTS if row.may is None else row.may
        seen = None if last is None else last.time
        return cls(
            *(row.key_id, row.name, may, row.added_at, seen),
            retired=row.revoked,
            this=row.key_id == own,
        )

    def lines(self) -> Iterator[str]:
        """A single line."""
        seen = "-" if self.last_seen is None else format_utc(self.last_seen, "seconds")
        since = format_utc(self.since, "seconds")
        marks = "  retired" * self.retired + "  this station" * self.this
        yield f"{self.key_id}  {self.name:<16} {','.join(self.may):<28} {since}  {seen}{marks}"


@dataclass(frozen=True)
class StationList(Result):
    """All stations that ever were."""

    reads = True

    stations: tuple[StationShown, ...]

    def lines(self) -> Iterator[str]:
        """A line for each, below their headings."""
        yield f"{'key':<16}  {'name':<16} {'may':<28} {'since':<20}  last seen"
        for station in self.stations:
            yield from station.lines()


def listed(station: Station) -> StationList:
    """Every station the home ever had, in the order they were admitted."""
    own = keys.read_signing_key(station.home / "keys" / "station.key").key_id
    with station.ledger.read() as view:
        rows = view.roster("station")
        return StationList(tuple(StationShown.of(row, view, own) for row in rows))

"""The market looked at: what the backend tells is read, judged by the books, and booked once."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from ...codegen import times
from ...codegen.errors import MintmarkError
from ...codegen.ledger.changes import Change
from ...codegen.ledger.view import View
from ...codegen.station.station import Station
from ..client.protocol import Client
from ..delivery import scan_ins
from ..orders.orders import ACKNOWLEDGED
from .judged import Judged, MarketFinding, MarketKind, judge
from .market import MarketQuery, read_market
from .market_incidents import INCIDENTS, market_incidents
from .marks import ReadUpTo
from .once import booked


@dataclass(frozen=True)
class Looked:
    """What was found, what the backend does not offer, and where the next look begins."""

    judged: Judged
    lacking: tuple[str, ...]
    mark: ReadUpTo
    cut: bool

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of incidents that may be booked for it."""
        kinds = {found.finding for found in self.judged.findings}
        return tuple(name for kind, name in INCIDENTS.items() if kind in kinds)

    def missing(self, view: View) -> Iterator[Change]:
        """The incidents that the audit chain lacks."""
        known = {kind: booked(view, kind) for kind in self.kinds}
        return market_incidents(self.judged.findings, known)

    def codes(self, kind: MarketKind) -> int:
        """How many codes of that kind were found."""
        return sum(found.codes for found in self.judged.findings if found.finding is kind)


def look(station: Station, client: Client, mark: ReadUpTo, *, new: bool = False) -> Looked:
    """Look from `mark` on; `new`: as a timer does. Nothing is booked.

    Raises `Away` and `Declined`.
    """
    # A code that was scanned is told with the dealer that has it; also where nothing can be booked.
    with contextlib.suppress(MintmarkError):
        scan_ins.tried(station, client)
    now, beyond = station.now(), station.config.alarm_limits.copied_scans
    with station.ledger.read() as view:
        batches = sorted(
            row.batch for row in view.batches() if view.newest_order(row.batch, ACKNOWLEDGED)
        )
    # A code allows one scan at least.
    reading = read_market(client, MarketQuery(batches, 1 + beyond, new), mark, now)
    with station.ledger.read() as view:
        judged = judge(view, reading, beyond)
    return Looked(judged, reading.lacking, reading.mark, reading.cut)


def within(
    looked: Looked, begin: datetime | None, end: datetime | None = None
) -> tuple[MarketFinding, ...]:
    """The findings with scans from `begin` on and before `end`, as far as first and last tell."""
    return tuple(
        found
        for found in looked.judged.findings
        if (begin is None or found.last >= begin) and (end is None or found.first < end)
    )


def in_zone(found: MarketFinding, zone: tzinfo) -> MarketFinding:
    """The same with its times in `zone`."""
    first, last = (times.in_zone(time, zone) for time in (found.first, found.last))
    return replace(found, first=first, last=last)

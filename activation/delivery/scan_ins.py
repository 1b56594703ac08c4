"""What dealers scanned in at the backend, read back into the books.

A scan-in happens there: it gives codes a dealer, and opens what they are worth. Here each becomes
one event. The books themselves say how far they were read:

1. Ask for the scan-ins from the one on that was booked last, that one included.
2. If it is not the first of the answer, the backend is another one or was set back, and its
   numbers say nothing: ask for all. Those that are booked are known by their ids; one that names
   other codes under such an id is an incident.
3. Book each that is not booked: one event, in one transaction with an incident for each part that
   fits the books badly. Codes of other homes, which the backend may serve too, are left out.

A crash leaves what was booked, and the next reading goes on behind it. Two processes may read at
once: the ledger takes an id once.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, takewhile

from ...codegen import times
from ...codegen.errors import NotFound, Refused
from ...codegen.ledger.changes import Incident, IncidentFacts, ScannedIn
from ...codegen.ledger.records import ScanInRow
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.aggregation import CodeRanges
from ...codegen.station.station import Station
from ..client.protocol import Away, Client, Declined, StrangeAnswer
from ..client.wire import ScanInTold
from .later_dealers import LaterDealers
from .lines_here import LinesHere

KIND = "scan-in"  # of incident
WITHHELD = "-"  # booked instead of a dealer that no book may keep


@dataclass(frozen=True)
class ScanInsRead:
    """How many scan-ins were booked. `anew`: the backend had to be read from the beginning.

    `detail`: why not all of them were read.
    """

    booked: int = 0
    anew: bool = False
    detail: str | None = None


def tried(
    station: Station, client: Client, stop: Callable[[], bool] = lambda: False
) -> ScanInsRead:
    """As `read`, for those who have other work: what the backend refuses is told in `detail`.

    A station of a shared home that may not book them leaves them to those that may.
    """
    here = LinesHere(station)
    if here.why_not(None) is not None or not here.may_order():
        return ScanInsRead()
    try:
        return read(station, client, stop)
    except Away as away:
        return ScanInsRead(detail=away.reason)
    except Declined as declined:
        return ScanInsRead(detail=declined.summary)


def read(station: Station, client: Client, stop: Callable[[], bool] = lambda: False) -> ScanInsRead:
    """Book what is new, until `stop()`; nothing, if the backend knows no scan-ins.

    Raises `Away`, `Declined`.
    """
    with station.ledger.read() as view:
        newest = view.newest_scan_in()
    told = _told(client, newest.number - 1 if newest else 0)  # 1
    first = next(told, None)
    anew = newest is not None and not _is(newest, first)
    if anew:
        told = _told(client, 0)  # 2
    elif first is not None:
        told = chain([first], told)
    reader = _Reader(station, client, anew=anew)
    going = takewhile(lambda _: not stop(), told)
    booked = sum(reader.book(row) for row in going)  # 3
    return ScanInsRead(booked, anew)


def _told(client: Client, after: int) -> Iterator[ScanInTold]:
    """The scan-ins behind number `after`; pages are read as it is consumed."""
    page = client.scan_ins(after)
    while page is not None:
        yield from page.scan_ins
        if page.next is None:
            return
        page = client.scan_ins(page.next)
        if page is None:
            raise StrangeAnswer("it had a page of scan-ins, and offers the next one no longer")


def _is(booked: ScanInRow, told: ScanInTold | None) -> bool:
    """Whether `told` is the scan-in that was booked."""
    if told is None or told.number != booked.number:
        return False
    return booked.scan_in in _names(told) and times.parse(told.at) == booked.at


def _names(told: ScanInTold) -> tuple[str, str]:
    """The ids under which it may be booked: its own, and one for an id that is a code."""
    moment = "".join(filter(str.isdigit, told.at))
    return told.scan_in, f"scan-in-{told.number}-{moment}"


class _Reader:
    """Books scan-ins, and remembers whose batches are. `anew`: see step 2."""

    def __init__(self, station: Station, client: Client, *, anew: bool) -> None:
        self._station, self._client = station, client
        self._strange: dict[str, bool] = {}
        self._later = LaterDealers()
        self._booked = _all_booked(station) if anew else {}

    def book(self, told: ScanInTold) -> bool:
        """Step 3 for one; whether it was new."""
        station = self._station
        with station.ledger.read() as view:
            if _known(view, told):
                if other := self._other(view, told):
                    station.ledger.commit(station.author, other)
                return False
            home = view.home().home
            parts, incidents = [], list[Incident]()
            named = self._named(told)
            for part in sorted(told.codes, key=lambda part: part.batch):
                if trouble := self._trouble(view, home, part):
                    incidents.append(_incident(named, part, trouble))
                elif _quantity(view, part):
                    parts.append(part)
        if named.dealer == WITHHELD != told.dealer:
            incidents = [
                _incident(named, part, "its dealer is a code of this home") for part in parts
            ]
            parts = []
        event = _event(named, parts)
        with station.ledger.read() as view:
            event = replace(event, later=self._later.of(view, event))
        station.failpoint("scan-in read")
        return self._commit(told, event, *incidents)

    def _other(self, view: View, told: ScanInTold) -> Incident | None:
        """An incident, if it is booked with other codes and that is not noted yet."""
        booked = next(filter(None, map(self._booked.get, _names(told))), None)
        if booked is None:
            return None
        ours = {part.batch: part.serials for part in booked.parts if booked.dealer == told.dealer}
        for part in told.codes:
            left = serials.subtract(part.serials, ours.get(part.batch, ()))
            if left and _quantity(view, part):
                rest, why = CodeRanges(part.batch, left), "it is booked with other codes or dealer"
                found = _incident(self._named(told), rest, why)
                noted = (event.change for event in view.incidents(KIND))
                return None if found in noted else found
        return None

    def _commit(self, told: ScanInTold, event: ScannedIn, *incidents: Incident) -> bool:
        station = self._station
        try:
            station.ledger.commit(station.author, event, *incidents)
        except (Refused, NotFound) as error:
            with station.ledger.read() as view:
                if _known(view, told):
                    return False  # another process was faster
            # The books take none of it. It is noted all the same: what comes behind is read too.
            passed = [_incident(event, part, error.message) for part in event.parts]
            station.ledger.commit(station.author, _event(event, []), *incidents, *passed)
        station.failpoint("scan-in booked")
        return True

    def _named(self, told: ScanInTold) -> ScannedIn:
        """The scan-in without its codes, its texts such as the books may keep."""
        own, other = _names(told)
        name = other if self._station.holds_code(own) else own
        dealer = WITHHELD if self._station.holds_code(told.dealer) else told.dealer
        return ScannedIn(name, told.number, dealer, told.at, ())

    def _trouble(self, view: View, home: str, part: CodeRanges) -> str | None:
        """Why a part fits the books badly. A batch of another home does not."""
        quantity = _quantity(view, part)
        if quantity:
            outside = part.serials[-1].last > quantity
            return f"the batch has {quantity:,} codes" if outside else None
        if part.batch not in self._strange:
            self._strange[part.batch] = self._is_of(home, part)
        return "these books do not have the batch" if self._strange[part.batch] else None

    def _is_of(self, home: str, part: CodeRanges) -> bool:
        """Whether the backend knows the batch as one of this home."""
        with contextlib.suppress(Declined):
            return self._client.batch_page(part.batch, part.serials[-1].last).info.home == home
        return False


def _all_booked(station: Station) -> dict[str, ScanInRow]:
    with station.ledger.read() as view:
        found: list[ScanInRow] = []
        while rows := view.scan_ins(found[-1].number if found else 0):
            found += rows
    return {row.scan_in: row for row in found}


def _known(view: View, told: ScanInTold) -> bool:
    return any(map(view.has_scan_in, _names(told)))


def _quantity(view: View, part: CodeRanges) -> int:
    """How many codes the batch of `part` has; 0 if the books do not have it."""
    try:
        return view.batch(part.batch).quantity
    except NotFound:
        return 0


def _event(named: ScannedIn, parts: list[CodeRanges]) -> ScannedIn:
    return ScannedIn(named.scan_in, named.number, named.dealer, named.at, tuple(parts))


def _incident(named: ScannedIn, part: CodeRanges, why: str) -> Incident:
    """The incident of a part that was passed over. Serials come last: alarms are cut."""
    codes = len(part)
    detail = (
        f"scan-in {named.scan_in} of dealer {named.dealer}: {codes:,} codes passed over, {why};"
        f" batch {part.batch}, serials {serials.describe(part.serials)}"
    )
    facts = IncidentFacts(batch=part.batch, codes=codes, dealer=named.dealer)
    return Incident(KIND, detail, facts)

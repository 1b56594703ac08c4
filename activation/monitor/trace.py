"""`trace`: scans of the backend, matched with the codes this home ever made.

A code that somebody scanned and that was never activated has leaked, or went out too
early. One that was stopped, is in many hands, or is sold where it may not be is known to the
backend; but only this side knows which reel and carton it is of, and who got them.

1. Read the unknown scans, from the mark of the last reading on, and look at the market (`look`).
2. Look fingerprints up, and classify each scan.
3. Book what the audit chain does not have yet as incidents.
4. Keep the mark. It moves after the incidents: a run that is killed in between reads the
   same scans again, and finds their incidents booked.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from ...codegen import times
from ...codegen.errors import EnvironmentFailure
from ...codegen.ledger.changes import Change, Incident, IncidentFacts, Ordered
from ...codegen.ledger.view import View
from ...codegen.lookup import of_fingerprints, standing
from ...codegen.ranges import serials
from ...codegen.ranges.aggregation import CodeRef
from ...codegen.ranges.attributes import to_json
from ...codegen.ranges.lifecycle import Action
from ...codegen.ranges.serials import Ranges
from ...codegen.relations import relations
from ...codegen.station.station import Station
from ..client.protocol import Client
from ..orders.orders import QUEUED, REFUSED
from . import marks, unknown
from .findings import LEAK, FindingKind, ScanFinding, classify, incidents, leaks
from .judged import MarketFinding, MarketKind
from .look import Looked, in_zone, look, within
from .marks import DAY
from .once import book_once, booked
from .traced import Behind, Traced

GUESSING = "guessing-burst"  # kind of incident
BURST = 1_000  # different codes within a day that are not of this home
ORDERS = 10_000  # unsettled orders of a batch that are looked at


@dataclass(frozen=True)
class TraceRequest:
    """What is read, reported and booked.

    `new`: only scans since the last time are read, for a timer. `since`: only codes scanned
    from then on are reported; `every`: codes that are not ours are listed as well. More than
    `burst` such codes within a day are an attack.
    """

    since: datetime | None = None
    every: bool = False
    new: bool = False
    burst: int = BURST


DEFAULT = TraceRequest()


def trace(
    station: Station,
    client: Client | None,
    backend: str | None,
    request: TraceRequest = DEFAULT,
) -> Traced:
    """Read the unknown scans, match them, book what is new as incidents.

    Raises `EnvironmentFailure` without a backend, `Away`, `Declined`, and `IntegrityError`
    for a damaged run.
    """
    if client is None or backend is None:
        raise EnvironmentFailure(
            "no backend is configured", "set [backend] url in mintmark.toml, then trace again"
        )
    mark = marks.load(station.home) if request.new else None
    reading = unknown.read(client, backend, mark, station.now())  # 1
    looked = look(station, client, reading.mark, new=request.new)
    codes = of_fingerprints(station, [scan.fingerprint for scan in reading.scans])  # 2
    with station.ledger.read() as view:
        packages = {row.package: row for row in view.packages()}
    told = unknown.without_trials(station.home, reading.scans, codes, station.now())
    findings = [classify(scan, code, packages) for scan, code in told]
    station.failpoint("looked")
    new = _book(station, findings, looked, request.burst)  # 3
    station.failpoint("booked")
    marks.keep(station.home, looked.mark)  # 4
    reported = [found for found in findings if request.since is None or found.last >= request.since]
    found = _result(station, reported, request, looked)
    return replace(found, incidents=new, cut=reading.cut or looked.cut)


def _result(
    station: Station, findings: Sequence[ScanFinding], request: TraceRequest, looked: Looked
) -> Traced:
    counts = Counter(found.finding for found in findings)
    market = within(looked, request.since)
    with station.ledger.read() as view:
        behind = tuple(_behind(view, _active_here(findings), {Action.ACTIVATE}))
        refused = tuple(_behind(view, _refused_there(market), set(Action)))
    shown = [
        found for found in findings if request.every or found.finding is not FindingKind.NOT_OURS
    ]
    order = list(FindingKind)
    shown.sort(key=lambda found: (order.index(found.finding), found.batch or "", found.serial or 0))
    shown = _with_relations(station, shown)
    return Traced(
        scans=len(findings),
        never_exported=counts[FindingKind.NEVER_EXPORTED],
        not_active=counts[FindingKind.NOT_ACTIVE],
        active_here=counts[FindingKind.ACTIVE_HERE],
        not_ours=counts[FindingKind.NOT_OURS],
        incidents=0,
        cut=False,
        findings=tuple(_in_zone(found, station.config.time_zone) for found in shown),
        behind=behind,
        market=tuple(in_zone(found, station.config.time_zone) for found in market),
        behind_refused=refused,
        lacking=looked.lacking,
        unjudged=looked.judged.unjudged,
    )


def _with_relations(station: Station, findings: Sequence[ScanFinding]) -> list[ScanFinding]:
    refs = [CodeRef(found.batch or "", found.serial or 0) for found in findings]
    ours = [ref for ref in refs if ref.serial]
    if not ours:
        return list(findings)
    with station.ledger.read() as view:
        codes = standing(view, ours).items()
        belongs = relations(view, {ref: to_json(code.standing.attributes) for ref, code in codes})
    return [
        replace(found, belongs=belongs.get(ref, found.belongs))
        for found, ref in zip(findings, refs, strict=True)
    ]


def _in_zone(found: ScanFinding, zone: tzinfo) -> ScanFinding:
    first, last = (times.in_zone(time, zone) for time in (found.first, found.last))
    return replace(found, first=first, last=last)


def _active_here(findings: Iterable[ScanFinding]) -> Iterator[tuple[str, int]]:
    for found in findings:
        if found.finding is FindingKind.ACTIVE_HERE:
            yield found.batch or "", found.serial or 1


def _refused_there(findings: Iterable[MarketFinding]) -> Iterator[tuple[str, int]]:
    for found in findings:
        if found.finding is MarketKind.ACTIVE_HERE:
            yield found.batch, found.serials[0].first


def _behind(
    view: View, codes: Iterable[tuple[str, int]], actions: Collection[Action]
) -> Iterator[Behind]:
    """Why the backend does not know codes that are active here, batch by batch."""
    active: defaultdict[str, list[int]] = defaultdict(list)
    for batch, serial in codes:
        active[batch].append(serial)
    for batch, found in sorted(active.items()):
        ranges = serials.of(found)
        waiting = (_orders(view, batch, status, ranges, actions) for status in (QUEUED, REFUSED))
        yield Behind(batch, len(found), *waiting)


def _orders(
    view: View, batch: str, status: str, ranges: Ranges, actions: Collection[Action]
) -> int:
    """How many orders of any serial of `ranges` have that status."""
    orders = (row.change for row in view.orders(batch, status, limit=ORDERS))
    return sum(
        isinstance(order, Ordered)
        and order.action in actions
        and bool(serials.intersect(ranges, order.serials))
        for order in orders
    )


# --- incidents -----------------------------------------------------------------------


def _book(station: Station, findings: Sequence[ScanFinding], looked: Looked, burst: int) -> int:
    """Book what the audit chain does not have yet, and return how many incidents that were."""
    now = station.now()
    guesses = sum(
        found.finding is FindingKind.NOT_OURS and now - found.first <= DAY for found in findings
    )
    if guesses <= burst and not leaks(findings) and not looked.kinds:
        return 0

    def missing(view: View) -> Iterator[Change]:
        yield from incidents(findings, booked(view, LEAK))
        if guesses > burst and not _booked_lately(view, now):
            yield _guessing(guesses)
        yield from looked.missing(view)

    return book_once(station, (LEAK, GUESSING, *looked.kinds), missing)


def _booked_lately(view: View, now: datetime) -> bool:
    """Whether guessing was booked within a day: an attack is one alarm per day."""
    return any(abs(now - event.time) < DAY for event in view.incidents(GUESSING))


def _guessing(codes: int) -> Incident:
    detail = f"within a day {codes:,} different codes were scanned that are none of ours"
    return Incident(GUESSING, detail, IncidentFacts(codes=codes))

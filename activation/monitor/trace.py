"""`trace`: unknown scans of the backend, matched with the codes this home ever made.

A code that somebody scanned and that was never activated has leaked, or went out too
early. Only this side knows which reel it is on, and which contact got that reel.

1. Read the unknown scans, from the mark of the last reading on.
2. Look their fingerprints up, and classify each scan.
3. Book what the audit chain does not have yet as incidents.
4. Keep the mark. It moves after the incidents: a run that is killed in between reads the
   same scans again, and finds their incidents booked.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo

from ...codegen.errors import EnvironmentFailure, Refused
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
from ..delivery import scan_ins
from ..orders.orders import QUEUED, REFUSED
from . import unknown
from .findings import LEAK, FindingKind, ScanFinding, classify, incidents, leaks
from .traced import Behind, Traced

GUESSING = "guessing-burst"  # kind of incident
BURST = 1_000  # different codes within a day that are not of this home
TRIES = 4
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
    scan_ins.tried(station, client)  # a code that was scanned is told with the dealer that has it
    mark = unknown.load(station.home) if request.new else None
    reading = unknown.read(client, backend, mark, station.now())  # 1
    codes = of_fingerprints(station, [scan.fingerprint for scan in reading.scans])  # 2
    with station.ledger.read() as view:
        packages = {row.package: row for row in view.packages()}
    told = unknown.without_trials(station.home, reading.scans, codes, station.now())
    findings = [classify(scan, code, packages) for scan, code in told]
    booked = _book(station, findings, request.burst)  # 3
    station.failpoint("booked")
    unknown.keep(station.home, reading.mark)  # 4
    reported = [found for found in findings if request.since is None or found.last >= request.since]
    return _result(station, reported, every=request.every, incidents=booked, cut=reading.cut)


def _result(
    station: Station, findings: Sequence[ScanFinding], *, every: bool, incidents: int, cut: bool
) -> Traced:
    counts = Counter(found.finding for found in findings)
    with station.ledger.read() as view:
        behind = tuple(_behind(view, findings))
    shown = [found for found in findings if every or found.finding is not FindingKind.NOT_OURS]
    order = list(FindingKind)
    shown.sort(key=lambda found: (order.index(found.finding), found.batch or "", found.serial or 0))
    shown = _with_relations(station, shown)
    return Traced(
        scans=len(findings),
        never_exported=counts[FindingKind.NEVER_EXPORTED],
        not_active=counts[FindingKind.NOT_ACTIVE],
        active_here=counts[FindingKind.ACTIVE_HERE],
        not_ours=counts[FindingKind.NOT_OURS],
        incidents=incidents,
        cut=cut,
        findings=tuple(_in_zone(found, station.config.time_zone) for found in shown),
        behind=behind,
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
    return replace(found, first=_moved(found.first, zone), last=_moved(found.last, zone))


def _moved(time: datetime, zone: tzinfo) -> datetime:
    """`time` in `zone`, or as near to it as years 1 to 9999 allow: a backend may say any."""
    try:
        time = time.astimezone(UTC)
    except OverflowError:
        return time.replace(tzinfo=UTC)
    try:
        return time.astimezone(zone)
    except OverflowError:
        return time


def _behind(view: View, findings: Sequence[ScanFinding]) -> Iterator[Behind]:
    """Why the backend does not know codes that are active here, batch by batch."""
    active: defaultdict[str, list[int]] = defaultdict(list)
    for found in findings:
        if found.finding is FindingKind.ACTIVE_HERE:
            active[found.batch or ""].append(found.serial or 1)
    for batch, codes in sorted(active.items()):
        ranges = serials.of(codes)
        waiting = (_activations(view, batch, status, ranges) for status in (QUEUED, REFUSED))
        yield Behind(batch, len(codes), *waiting)


def _activations(view: View, batch: str, status: str, ranges: Ranges) -> int:
    """How many activations of any serial of `ranges` have that status."""
    orders = (row.change for row in view.orders(batch, status, limit=ORDERS))
    return sum(
        isinstance(order, Ordered)
        and order.action is Action.ACTIVATE
        and bool(serials.intersect(ranges, order.serials))
        for order in orders
    )


# --- incidents -----------------------------------------------------------------------


class _MovedError(Refused):
    """Another process booked incidents of these kinds meanwhile."""


def _book(station: Station, findings: Sequence[ScanFinding], burst: int) -> int:
    """Book what the audit chain does not have yet, and return how many incidents that were."""
    now = station.now()
    guesses = sum(
        found.finding is FindingKind.NOT_OURS and now - found.first <= unknown.DAY
        for found in findings
    )
    if guesses <= burst and not leaks(findings):
        return 0
    for _ in range(TRIES):
        with station.ledger.read() as view:
            head = view.head()[0]
            new: list[Change] = [*incidents(findings, _booked(view))]
            if guesses > burst and not _booked_lately(view, now):
                new.append(_guessing(guesses))
        if not new:
            return 0
        try:
            station.ledger.commit(station.author, *new, guard=_unmoved(head))
        except _MovedError:
            continue
        return len(new)
    raise Refused("another trace is booking what it found", "try again later")


def _booked(view: View) -> list[Incident]:
    changes = (event.change for event in view.incidents(LEAK))
    return [change for change in changes if isinstance(change, Incident)]


def _booked_lately(view: View, now: datetime) -> bool:
    """Whether guessing was booked within a day: an attack is one alarm per day."""
    return any(abs(now - event.time) < unknown.DAY for event in view.incidents(GUESSING))


def _guessing(codes: int) -> Incident:
    detail = f"within a day {codes:,} different codes were scanned that are none of ours"
    return Incident(GUESSING, detail, IncidentFacts(codes=codes))


def _unmoved(head: int) -> Callable[[View], None]:
    def guard(view: View) -> None:
        if view.incidents(LEAK, head) or view.incidents(GUESSING, head):
            raise _MovedError("another trace booked incidents meanwhile")

    return guard

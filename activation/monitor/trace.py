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
from itertools import islice

from ...codegen.errors import EnvironmentFailure, Refused
from ...codegen.ledger.changes import Change, Incident, IncidentFacts, Ordered
from ...codegen.ledger.view import View
from ...codegen.lookup import of_fingerprints
from ...codegen.ranges import serials
from ...codegen.ranges.lifecycle import Action, State
from ...codegen.ranges.serials import Ranges
from ...codegen.result import Result
from ...codegen.station.station import Station
from ..client.protocol import Client
from ..orders.orders import QUEUED, REFUSED
from . import unknown
from .findings import LEAK, FindingKind, ScanFinding, amount, classify, incidents, leaks

GUESSING = "guessing-burst"  # kind of incident
BURST = 1_000  # different codes within a day that are not of this home
TRIES = 4
SHOWN = 20  # lines for people, of each kind
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


@dataclass(frozen=True)
class Behind:
    """Codes of a batch that are active here alone; how many activations wait or were refused."""

    batch: str
    codes: int
    queued: int
    refused: int

    def line(self) -> str:
        """What a person can do about it."""
        what = f"batch {self.batch}  codes: {self.codes:,}; "
        if self.queued:
            return f"{what}an activation is queued, send it: mintmark deliver"
        if self.refused:
            return f"{what}an activation was refused: mintmark orders list --status refused"
        return f"{what}compare both sides: mintmark reconcile {self.batch}"


@dataclass(frozen=True)
class Traced(Result):
    """What the unknown scans are. Counts are of different codes.

    `findings` hold codes that are not ours only if the request wants `every`. `incidents`:
    how many this run booked. `cut`: the backend had more scans than a reading takes.
    """

    scans: int
    never_exported: int
    not_active: int
    active_here: int
    not_ours: int
    incidents: int
    cut: bool
    findings: tuple[ScanFinding, ...]
    behind: tuple[Behind, ...]

    @property
    def reads(self) -> bool:
        """Whether nothing was booked."""
        return not self.incidents

    def lines(self) -> Iterator[str]:
        """By finding, the most serious first; by package and unit within."""
        if not self.scans:
            yield "no unknown scans"
            return
        if self.never_exported:
            yield f"LEAK: scanned before it was exported: {self.never_exported:,}"
            yield from self._groups(FindingKind.NEVER_EXPORTED)
        if self.not_active:
            yield f"scanned, exported, not active: {self.not_active:,}"
            yield from self._groups(FindingKind.NOT_ACTIVE)
        if self.active_here:
            yield f"scanned, active here, unknown to the backend: {self.active_here:,}"
            for batch in self.behind[:SHOWN]:
                yield f"  {batch.line()}"
        if self.not_ours:
            yield f"scanned, no code of ours (guessed, misread, foreign): {self.not_ours:,}"
        if self.cut:
            yield "there are more than a single reading takes"
        if self.incidents:
            yield f"booked as incidents: {self.incidents} new"

    def _groups(self, kind: FindingKind) -> Iterator[str]:
        groups: defaultdict[tuple[str, ...], list[ScanFinding]] = defaultdict(list)
        for found in self.findings:
            if found.finding is kind:
                key = found.package, found.contact, found.batch, found.unit, found.state
                groups[tuple(str(part or "") for part in key)].append(found)
        for group in islice(sorted(groups), SHOWN):
            yield from _group(group, groups[group])
        if len(groups) > SHOWN:
            yield f"  and {len(groups) - SHOWN:,} more groups: see --json"
        if any(found.finding is kind and found.state in _OPEN for found in self.findings):
            yield f"  {_DO[kind]}"


_OPEN = (State.SEALED, State.PACKAGED)  # codes that are frozen or void need nothing more
_DO = {
    FindingKind.NEVER_EXPORTED: "end them: mintmark void BATCH --serials ... --reason stolen",
    FindingKind.NOT_ACTIVE: "unless the printer tested them: mintmark freeze BATCH --serials ...",
}


def _group(key: Sequence[str], findings: Sequence[ScanFinding]) -> Iterator[str]:
    """Two lines: the package or batch of the codes, and how they were scanned."""
    package, contact, batch, unit, state = key
    to = f"package {package}  contact {contact}  " if package else ""
    yield f"  {to}{f'unit {unit}  ' if unit else ''}batch {batch}"
    ranges = serials.of(found.serial or 1 for found in findings)
    first, last = (f"{time:%Y-%m-%d %H:%M}" for time in _between(findings))
    when = first if first == last else f"{first} to {last}"
    yield f"    serials {serials.describe(ranges)} ({state}): {amount(findings)}, {when}"


def _between(findings: Sequence[ScanFinding]) -> tuple[datetime, datetime]:
    return min(found.first for found in findings), max(found.last for found in findings)


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

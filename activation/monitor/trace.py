"""`trace`: unknown scans of the backend, matched with the codes this home ever made.

A code that somebody scanned and that was never activated has leaked, or went out too
early. Which reel, and to whom it was given, only this side can say.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from itertools import islice

from ...codegen.errors import EnvironmentFailure, Refused
from ...codegen.ledger.changes import Change, Incident
from ...codegen.ledger.view import View
from ...codegen.locate import of_fingerprints
from ...codegen.ranges import serials
from ...codegen.ranges.lifecycle import Action, State
from ...codegen.ranges.serials import Range, Ranges
from ...codegen.result import Result
from ...codegen.station.station import Station
from ..client.client import Client
from ..orders.orders import QUEUED, REFUSED
from . import unknown
from .findings import LEAK, Finding, FindingKind, amount, classify, incidents, leaks

GUESSING = "guessing-burst"  # kind of incident
BURST = 1_000  # different codes of nobody's within a day
TRIES = 4
SHOWN = 20  # lines for people, of each kind
ORDERS = 10_000  # unsettled ones of a batch that are looked at


@dataclass(frozen=True)
class Asked:
    """What is read, told and booked.

    `new`: only scans since the last time are read, for a timer. `since`: only what was
    scanned from then on is told; `every`: also what is none of ours, one by one. More than
    `burst` such codes within a day are an attack.
    """

    since: datetime | None = None
    every: bool = False
    new: bool = False
    burst: int = BURST


DEFAULT = Asked()


@dataclass(frozen=True)
class Behind:
    """Codes of a batch that are active here alone; how many activations wait or were refused."""

    batch: str
    codes: int
    queued: int
    refused: int

    def line(self) -> str:
        """What to do about it."""
        what = f"batch {self.batch}  codes: {self.codes:,}; "
        if self.queued:
            return f"{what}an activation is queued, send it: mintmark deliver"
        if self.refused:
            return f"{what}an activation was refused: mintmark orders list --status refused"
        return f"{what}compare both sides: mintmark reconcile {self.batch}"


@dataclass(frozen=True)
class Traced(Result):
    """What the unknown scans are. Counts are of different codes.

    `findings` hold those that are none of ours only if asked for. `incidents`: how many
    were booked by this run. `cut`: the backend had more than one reading takes.
    """

    scans: int
    never_exported: int
    not_active: int
    active_here: int
    not_ours: int
    incidents: int
    cut: bool
    findings: tuple[Finding, ...]
    behind: tuple[Behind, ...]

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
            for one in self.behind[:SHOWN]:
                yield f"  {one.line()}"
        if self.not_ours:
            yield f"scanned, no code of ours (guessed, misread, foreign): {self.not_ours:,}"
        if self.cut:
            yield "there are more than one reading takes"
        if self.incidents:
            yield f"booked as incidents: {self.incidents} new"

    def _groups(self, kind: FindingKind) -> Iterator[str]:
        groups: defaultdict[tuple[str, ...], list[Finding]] = defaultdict(list)
        for one in self.findings:
            if one.finding is kind:
                key = one.package, one.contact, one.batch, one.unit, one.state
                groups[tuple(str(part or "") for part in key)].append(one)
        for named in islice(sorted(groups), SHOWN):
            yield from _group(named, groups[named])
        if len(groups) > SHOWN:
            yield f"  and {len(groups) - SHOWN:,} more groups: see --json"
        if any(one.finding is kind and one.state in _OPEN for one in self.findings):
            yield f"  {_DO[kind]}"


_OPEN = (State.SEALED, State.PACKAGED)  # of what is frozen or void, nothing is left to do
_DO = {
    FindingKind.NEVER_EXPORTED: "end them: mintmark void BATCH --serials ... --reason stolen",
    FindingKind.NOT_ACTIVE: "unless the printer tested them: mintmark freeze BATCH --serials ...",
}


def _group(key: Sequence[str], ones: Sequence[Finding]) -> Iterator[str]:
    """Two lines: whose it is, and what was seen of it."""
    package, contact, batch, unit, state = key
    to = f"package {package}  contact {contact}  " if package else ""
    yield f"  {to}{f'unit {unit}  ' if unit else ''}batch {batch}"
    where = serials.of(one.serial or 1 for one in ones)
    first, last = (f"{time:%Y-%m-%d %H:%M}" for time in _between(ones))
    when = first if first == last else f"{first} to {last}"
    yield f"    serials {serials.describe(where)} ({state}): {amount(ones)}, {when}"


def _between(ones: Sequence[Finding]) -> tuple[datetime, datetime]:
    return min(one.first for one in ones), max(one.last for one in ones)


def trace(
    station: Station,
    client: Client | None,
    backend: str | None,
    asked: Asked = DEFAULT,
) -> Traced:
    """Read the unknown scans, match them, book what is new as incidents.

    Raises `EnvironmentFailure` without a backend, `Away`, `Declined`, and `IntegrityError`
    for a damaged run.
    """
    if client is None or backend is None:
        raise EnvironmentFailure(
            "no backend is configured", "set [backend] url in mintmark.toml, then trace again"
        )
    mark = unknown.load(station.home) if asked.new else None
    reading = unknown.read(client, backend, mark, station.now())
    found = of_fingerprints(station, [scan.fingerprint for scan in reading.scans])
    with station.ledger.read() as view:
        packages = {row.package: row for row in view.packages()}
    findings = [
        classify(scan, one, packages) for scan, one in zip(reading.scans, found, strict=True)
    ]
    booked = _book(station, findings, asked.burst)
    station.failpoint("booked")
    unknown.keep(station.home, reading.mark)
    told = [one for one in findings if asked.since is None or one.last >= asked.since]
    return _result(station, told, every=asked.every, incidents=booked, cut=reading.cut)


def _result(
    station: Station, told: Sequence[Finding], *, every: bool, incidents: int, cut: bool
) -> Traced:
    counts = Counter(one.finding for one in told)
    with station.ledger.read() as view:
        behind = tuple(_behind(view, told))
    shown = [one for one in told if every or one.finding is not FindingKind.NOT_OURS]
    order = list(FindingKind)
    shown.sort(key=lambda one: (order.index(one.finding), one.batch or "", one.serial or 0))
    return Traced(
        scans=len(told),
        never_exported=counts[FindingKind.NEVER_EXPORTED],
        not_active=counts[FindingKind.NOT_ACTIVE],
        active_here=counts[FindingKind.ACTIVE_HERE],
        not_ours=counts[FindingKind.NOT_OURS],
        incidents=incidents,
        cut=cut,
        findings=tuple(_at_home(one, station.config.time_zone) for one in shown),
        behind=behind,
    )


def _at_home(one: Finding, zone: tzinfo) -> Finding:
    return replace(one, first=_moved(one.first, zone), last=_moved(one.last, zone))


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


def _behind(view: View, told: Sequence[Finding]) -> Iterator[Behind]:
    """Why the backend does not know codes that are active here, batch by batch."""
    found: defaultdict[str, list[Range]] = defaultdict(list)
    for one in told:
        if one.finding is FindingKind.ACTIVE_HERE:
            found[one.batch or ""].append(Range(one.serial or 1, one.serial or 1))
    for batch, codes in sorted(found.items()):
        where = serials.union(codes)
        waiting = (_activations(view, batch, status, where) for status in (QUEUED, REFUSED))
        yield Behind(batch, len(codes), *waiting)


def _activations(view: View, batch: str, status: str, where: Ranges) -> int:
    """How many activations of any of `where` have that status."""
    orders = (row.change for row in view.orders(batch, status, limit=ORDERS))
    return sum(
        order.action is Action.ACTIVATE and serials.subtract(where, order.serials) != where
        for order in orders
    )


# --- incidents -----------------------------------------------------------------------


class _MovedError(Refused):
    """Another process booked incidents of these kinds meanwhile."""


def _book(station: Station, findings: Sequence[Finding], burst: int) -> int:
    """Book what the audit chain does not tell of yet; how many incidents that were."""
    now = station.now()
    guesses = [
        one
        for one in findings
        if one.finding is FindingKind.NOT_OURS and now - one.first <= unknown.DAY
    ]
    if len(guesses) <= burst and not leaks(findings):
        return 0
    for _ in range(TRIES):
        with station.ledger.read() as view:
            head = view.head()[0]
            told: list[Change] = [*incidents(findings, _details(view))]
            if len(guesses) > burst and not _told_lately(view, now):
                told.append(_guessing(len(guesses)))
        if not told:
            return 0
        try:
            station.ledger.commit(station.author, *told, guard=_unmoved(head))
        except _MovedError:
            continue
        return len(told)
    raise Refused("another trace is booking what it found", "try again later")


def _details(view: View) -> list[str]:
    changes = (event.change for event in view.incidents(LEAK))
    return [change.detail for change in changes if isinstance(change, Incident)]


def _told_lately(view: View, now: datetime) -> bool:
    """Whether guessing was told of within a day: one attack is one alarm a day."""
    return any(abs(now - event.time) < unknown.DAY for event in view.incidents(GUESSING))


def _guessing(count: int) -> Incident:
    return Incident(
        GUESSING, f"within a day {count:,} different codes were scanned that are none of ours"
    )


def _unmoved(head: int) -> Callable[[View], None]:
    def guard(view: View) -> None:
        if view.incidents(LEAK, head) or view.incidents(GUESSING, head):
            raise _MovedError("another trace booked incidents meanwhile")

    return guard

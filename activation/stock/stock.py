"""`report stock`: codes active, scanned and unscanned, by lot, dealer, region and the like.

What is active, and what it bears, say the books; what consumers have scanned says the backend.
Codes that are active and were never scanned are the stock in the trade; those that were scanned
are what rebates (返点) are paid by.

1. Read back what dealers scanned in, so that codes stand with the dealer that has them.
2. Read the groups of each batch from the books, in one snapshot.
3. Read how many codes of each were scanned, page by page (`counting.py`).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ...codegen.errors import EnvironmentFailure
from ...codegen.files import write_exclusively
from ...codegen.ledger.records import BatchRow
from ...codegen.ledger.view import View
from ...codegen.progress import Progress
from ...codegen.ranges import roles
from ...codegen.ranges.lifecycle import State
from ...codegen.ranges.serials import Range
from ...codegen.result import Result
from ...codegen.station.station import Station
from ..client.protocol import Client, Declined, StrangeAnswer
from ..client.wire import RangeState
from ..delivery import scan_ins
from . import counting, table
from .grouping import Grouping, StockSpan, check
from .groups import StockGroup, Tally

SHOWN = 50  # groups shown to a person
ITEM = roles.ROLES[0]  # of other batches codes are counted only if these are named
READS = 3  # of a batch, at most, while its ranges change at the backend


@dataclass(frozen=True)
class StockRequest:
    """What is counted by what. `batches`: ids, or none for all whose codes are for items.

    `since`: an aware time; codes scanned for the first time from then on are new.
    """

    by: str
    batches: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True)
class Stock(Result):
    """The groups, those with most active codes first.

    `batches` were counted; `left_out`: batches with active codes that are for something else than
    items, and were not named. `windowed`: active codes on which a window holds now that holds the
    attribute. `queued`: orders that the backend does not have yet. `scan_ins`: how many scan-ins of
    dealers were read back; `scan_ins_detail`: why not all.
    """

    by: str
    at: datetime
    since: datetime | None
    batches: tuple[str, ...]
    left_out: tuple[str, ...]
    total: StockGroup
    groups: tuple[StockGroup, ...]
    windowed: int
    queued: int
    scan_ins: int
    scan_ins_detail: str | None
    csv: Path | None = None

    @property
    def reads(self) -> bool:
        """Whether nothing was booked."""
        return not self.scan_ins

    def lines(self) -> Iterator[str]:
        """The table, and what else is to be known of it."""
        shown, since = self.groups[:SHOWN], self.since is not None
        yield from table.lines(self.by, self.total, shown, since=since)
        if len(self.groups) > SHOWN:
            yield f"  and {len(self.groups) - SHOWN:,} more groups: see --csv or --json"
        if since and self.total.new is None:
            yield "  ? : this backend does not tell which codes are new"
        if self.windowed:
            yield f"  a window holds now on {self.windowed:,} of these: {self._windows()}"
        if self.left_out:
            yield f"  not counted, being no items: {', '.join(self.left_out)}; name them to count"
        if self.queued:
            queued = f"{self.queued:,} order{'s' * (self.queued != 1)} queued"
            yield f"  {queued}: send first, with mintmark deliver"
        if self.scan_ins:
            yield f"  scan-ins of dealers read back: {self.scan_ins:,}"
        if self.scan_ins_detail:
            yield f"  scan-ins of dealers not read: {self.scan_ins_detail}"
        if self.csv is not None:
            yield f"  written: {self.csv}"

    def _windows(self) -> str:
        passing = Grouping(self.by, self.at).passing
        return "counted by its value" if passing else "counted by the value outside of it"


def stock(
    station: Station,
    client: Client | None,
    request: StockRequest,
    progress: Progress = lambda *_: None,
) -> Stock:
    """Count. Raises `UsageError`, `NotFound`, `EnvironmentFailure` without a backend, `Away`."""
    check(request.by)
    if client is None:
        raise EnvironmentFailure(
            "no backend is configured: it alone knows which codes were scanned",
            "set [backend] url in mintmark.toml, then report again",
        )
    read_back = scan_ins.tried(station, client)  # 1
    now = station.now()
    grouping = Grouping(request.by, now)
    with station.ledger.read() as view:  # 2
        counted, left_out = _batches(view, request.batches)
        found = [
            grouping.spans(view.select(row.batch, (Range(1, row.quantity),)), row.product)
            for row in counted
        ]
        queued = view.queued()
    tallies: defaultdict[str | None, Tally] = defaultdict(Tally)
    for number, (row, spans) in enumerate(zip(counted, found, strict=True)):
        progress("count", number, len(counted))
        for value, tally in _count(client, row.batch, spans, request.since).items():  # 3
            tallies[value].add(tally)
    total, groups = _groups(tallies, new=request.since is not None)
    return Stock(
        by=request.by,
        at=now,
        since=request.since,
        batches=tuple(row.batch for row in counted),
        left_out=tuple(row.batch for row in left_out),
        total=total,
        groups=groups,
        windowed=grouping.windowed,
        queued=queued,
        scan_ins=read_back.booked,
        scan_ins_detail=read_back.detail,
    )


def _batches(view: View, named: Sequence[str]) -> tuple[list[BatchRow], list[BatchRow]]:
    """The batches to count, and those left out; each has active codes, unless it is named."""
    if named:
        return [view.batch(batch) for batch in dict.fromkeys(named)], []
    rows = [row for row in view.batches() if view.counts(row.batch)[State.ACTIVE]]
    return [row for row in rows if row.role == ITEM], [row for row in rows if row.role != ITEM]


def _count(
    client: Client, batch: str, spans: Sequence[StockSpan], since: datetime | None
) -> dict[str | None, Tally]:
    """The active codes of a batch by group, and the scanned ones of them."""
    for _ in range(READS):
        tallies: defaultdict[str | None, Tally] = defaultdict(Tally)
        for span in spans:
            if span.active:
                tallies[span.value].active += len(span.serials)
        if not tallies:
            return tallies
        try:
            for part in counting.count(spans, _reader(client, batch, since)):
                tallies[part.span.value].add(Tally(0, part.scanned, part.new))
        except counting.MovedError:
            continue
        except Declined as declined:
            # Its orders still wait: nobody can have scanned any of its codes.
            if declined.problem.name != "not-found":
                raise
        return tallies
    raise StrangeAnswer("its ranges changed while they were read; again, once no orders are sent")


def _reader(client: Client, batch: str, since: datetime | None) -> counting.Read:
    def read(after: int) -> Sequence[RangeState]:
        return client.batch_page(batch, after, since=since).ranges

    return read


def _groups(
    tallies: Mapping[str | None, Tally], *, new: bool
) -> tuple[StockGroup, tuple[StockGroup, ...]]:
    """The sum of all groups, and the groups. Without `new` nobody asked which codes are new."""
    total = Tally()
    for tally in tallies.values():
        total.add(tally)
    for tally in (total, *tallies.values()):
        tally.new = tally.new if new else None
    groups = [tally.group(value) for value, tally in tallies.items()]
    groups.sort(key=lambda group: (-group.active, group.value is None, group.value or ""))
    return total.group(None), tuple(groups)


def save(report: Stock, path: Path) -> Stock:
    """The report, written into the new file `path` as well. Raises `Refused` if it exists."""
    write_exclusively(path, table.to_csv(report.by, report.groups), owner_only=False)
    return replace(report, csv=path.absolute())

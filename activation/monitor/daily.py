"""`report daily`: how many codes were changed on a day, and what needs a person now.

The day is a day in the home's time zone. Its numbers are added up from the audit chain's
events of that day; orders that wait or were refused are counted as they are now.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Protocol

from ...codegen.ledger import changes as c
from ...codegen.ledger.chain import Event
from ...codegen.ledger.records import OrderRow, PackageRow, ReceiptRow
from ...codegen.ranges import serials
from ...codegen.ranges.aggregation import Packing
from ...codegen.ranges.lifecycle import Action
from ...codegen.result import Result
from ...codegen.station.station import Station
from ..client.protocol import Away, Client, Declined, batch_ranges
from ..orders import typed_times
from . import snapshots
from .alarm_words import KINDS, OTHER
from .alarms import Message, Style, alarm
from .sending import SentAlarm

# What is added up, in codes, and its name: key → Chinese, English.
SUMS: Mapping[str, tuple[str, str]] = {
    "minted": ("生码", "minted"),
    "packaged": ("打包", "packaged"),
    "reprinted": ("补印", "reprinted"),
    "printed": ("实印", "printed"),
    "spoiled": ("报废", "spoiled"),
    "corrected": ("更正回执", "corrected"),
    "activated": ("激活", "activated"),
    "revoked": ("撤销激活", "revoked"),
    "frozen": ("冻结", "frozen"),
    "voided": ("作废", "voided"),
    "associated": ("装箱", "packed in"),
    "dissociated": ("出箱", "taken out"),
}
_ORDERS = {
    Action.ACTIVATE: "activated",
    Action.REVOKE: "revoked",
    Action.FREEZE: "frozen",
    Action.VOID: "voided",
}
_PACKING = {Packing.ASSOCIATE: "associated", Packing.DISSOCIATE: "dissociated"}


class Books(Protocol):
    """What the events of a day refer to: a `View`, or the tests' own."""

    def order(self, order: str) -> OrderRow:
        """An order."""

    def package(self, package: str) -> PackageRow:
        """A package."""

    def receipts(self, package: str) -> tuple[ReceiptRow, ...]:
        """A package's receipts."""


@dataclass(frozen=True)
class Day:
    """Codes by what was done to them, alarms by kind."""

    codes: Mapping[str, int]
    alarms: Mapping[str, int]


def fold(events: Iterable[Event], books: Books) -> Day:
    """Add up a day's events."""
    codes, alarms = Counter[str](), Counter[str]()
    for event in events:
        change = event.change
        codes.update(dict(_codes(event.seq, change, books)))
        if found := alarm(event.seq, event.time, change, lambda _: ""):
            alarms[found.kind] += 1
    return Day(codes, alarms)


def _codes(seq: int, change: c.Change, books: Books) -> Iterator[tuple[str, int]]:
    if isinstance(change, c.BatchMinted):
        yield "minted", change.quantity
    elif isinstance(change, c.Packaged):
        row = books.package(change.package)
        codes = serials.count(row.serials) * len(row.batches)
        yield ("reprinted" if row.supersedes else "packaged"), codes
    elif isinstance(change, c.Receipted):
        (part,) = (row for row in books.receipts(change.package) if row.seq == seq)
        # A final receipt counts labels as printed whose serials it does not name.
        yield "printed", part.printed + part.printed_by_count
        yield "spoiled", part.spoiled + part.spoiled_count
    elif isinstance(change, c.ReceiptCorrected):
        (part,) = (row for row in books.receipts(change.package) if row.seq == seq)
        yield "corrected", part.printed + part.spoiled
    elif isinstance(change, c.Ordered) and change.action in _ORDERS:
        yield _ORDERS[change.action], books.order(change.order).applied_count
    elif isinstance(change, c.Associated):
        yield _PACKING[change.action], sum(map(len, change.children))


def day_of(text: str | None, now: datetime, zone: tzinfo) -> date:
    """A day as people write it, today or yesterday; today without a text. Raises `UsageError`."""
    today = now.astimezone(zone).date()
    named = {None: today, "today": today, "yesterday": today - timedelta(days=1)}
    if text in named:
        return named[text]
    return typed_times.day(text or "", "--date")


def bounds(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """The first moment of `day` in `zone`, and of the day after."""
    begin, end = (datetime.combine(day + timedelta(days=n), time(), zone) for n in (0, 1))
    return begin, end


# --- the report ------------------------------------------------------------------------


@dataclass(frozen=True)
class Daily(Result):
    """A day. `scanned`, `unacknowledged`, `refused`, `without_receipt`: as of now, in codes.

    `scanned` are codes that were scanned at least once, ever; None if the backend did not
    answer, and `scanned_detail` says why. `scanned_since` are those of them that were scanned
    for the first time between the last report on `scanned_since_day` and the day's own; None
    if that is not known.
    """

    reads = True

    date: str
    time_zone: str
    minted: int
    packaged: int
    reprinted: int
    printed: int
    spoiled: int
    corrected: int
    activated: int
    revoked: int
    frozen: int
    voided: int
    alarms: int
    alarms_by_kind: Mapping[str, int]
    unacknowledged: int
    refused: int
    without_receipt: int
    scanned: int | None
    scanned_detail: str | None
    scanned_since: int | None
    scanned_since_day: str | None
    notified: tuple[SentAlarm, ...] = ()
    associated: int = 0
    dissociated: int = 0

    @property
    def exit_code(self) -> int:
        """6 if a target did not take it."""
        return 0 if all(target.ok for target in self.notified) else 6

    def lines(self) -> Iterator[str]:
        """What needs a person, then the sums."""
        yield f"{self.date} ({self.time_zone})"
        for _, english in self.needs():
            yield f"  ! {english}"
        for key, (_, english) in SUMS.items():
            yield f"  {english:<10} {getattr(self, key):>13,}"
        if self.scanned is None:
            yield f"  scanned    not known: {self.scanned_detail}"
        else:
            damaged = f" ({self.scanned_detail})" if self.scanned_detail else ""
            yield f"  scanned    {self.scanned:>13,} so far, all days{damaged}"
        if self.scanned_since is not None:
            yield f"  scanned    {self.scanned_since:>13,} new since {self.scanned_since_day}"
        yield from (target.line() for target in self.notified)

    def needs(self) -> Iterator[tuple[str, str]]:
        """What needs a person, the worst first, in Chinese and English."""
        ranked = sorted(self.alarms_by_kind, key=[*KINDS, *self.alarms_by_kind].index)
        for kind in ranked:
            count, words = self.alarms_by_kind[kind], KINDS.get(kind, OTHER)
            yield f"{count} 次警报：{words.zh}", f"{count} x {words.en}"
        for count, zh, en in (
            (self.refused, "枚码：后台拒绝了指令 -> mintmark orders list --status refused",
             "codes in refused orders: mintmark orders list --status refused"),
            (self.unacknowledged, "枚码：后台还没确认 -> mintmark deliver",
             "codes wait for the backend: mintmark deliver"),
            (self.without_receipt, "枚码：已出包，没有印刷回执 -> mintmark package list",
             "codes packaged without receipt: mintmark package list"),
        ):  # fmt: skip
            if count:
                yield f"{count:,} {zh}", f"{count:,} {en}"


def daily(station: Station, client: Client | None, day: date) -> Daily:
    """The report of `day`, without `scanned` if the backend is away.

    If the backend answers, its total is kept in the home for later reports.
    """
    zone = station.config.time_zone
    with station.ledger.read() as view:
        found = fold(view.between(*bounds(day, zone)), view)
        batches = [row.batch for row in view.batches()]
        waiting = [view.waiting(batch) for batch in batches]
        without = sum(sum(view.without_receipt(batch).values()) for batch in batches)
        ordered = [batch for batch in batches if view.last_order(batch)]
    scanned, why = _scanned(client, ordered)
    new, damage = _new(station, scanned, day)
    return Daily(
        date=day.isoformat(),
        time_zone=zone.key,
        minted=found.codes.get("minted", 0),
        packaged=found.codes.get("packaged", 0),
        reprinted=found.codes.get("reprinted", 0),
        printed=found.codes.get("printed", 0),
        spoiled=found.codes.get("spoiled", 0),
        corrected=found.codes.get("corrected", 0),
        activated=found.codes.get("activated", 0),
        revoked=found.codes.get("revoked", 0),
        frozen=found.codes.get("frozen", 0),
        voided=found.codes.get("voided", 0),
        alarms=sum(found.alarms.values()),
        alarms_by_kind=dict(sorted(found.alarms.items())),
        unacknowledged=sum(codes for codes, _ in waiting),
        refused=sum(codes for _, codes in waiting),
        without_receipt=without,
        scanned=scanned,
        scanned_detail="; ".join(filter(None, (why, damage))) or None,
        scanned_since=new[0] if new else None,
        scanned_since_day=new[1].isoformat() if new else None,
        associated=found.codes.get("associated", 0),
        dissociated=found.codes.get("dissociated", 0),
    )


def _scanned(client: Client | None, batches: Iterable[str]) -> tuple[int | None, str | None]:
    if client is None:
        return None, "no backend is configured"
    total = 0
    try:
        for batch in batches:
            try:
                total += sum(piece.scanned for piece in batch_ranges(client, batch))
            except Declined as declined:
                # Its orders still wait: nobody can have scanned any of its codes.
                if declined.problem.name != "not-found":
                    raise
    except (Away, Declined) as error:
        return None, error.message
    return total, None


def _new(
    station: Station, scanned: int | None, day: date
) -> tuple[tuple[int, date] | None, str | None]:
    """What `day` added, as `snapshots.since`, and whether the file was damaged."""
    today = station.now().astimezone(station.config.time_zone).date()
    kept = snapshots.load(station.home)
    if scanned is None:
        # Only the backend knows today's total; an earlier day does not change any more.
        damage = f"{snapshots.NAME} is damaged" if kept is None else None
        return snapshots.since(kept or {}, day) if day < today else None, damage
    totals = {**(kept or {}), today: scanned}
    snapshots.keep(station.home, totals)
    damage = f"{snapshots.NAME} was damaged: begun anew" if kept is None else None
    return snapshots.since(totals, day), damage


def message(report: Daily, style: Style) -> Message:
    """The report for a phone: what needs a person first; short enough for any robot."""
    needs = list(report.needs())
    lines = [style.phrase(*need) for need in needs[:6]]
    if len(needs) > 6:
        rest = len(needs) - 6
        lines.append(style.phrase(f"还有 {rest} 项", f"and {rest} more", " / "))
    if not lines:
        lines = [style.phrase("没有要处理的事", "nothing needs you", " / ")]
    lines.append("")
    for key, (zh, en) in SUMS.items():
        if count := getattr(report, key):
            lines.append(f"{style.phrase(zh, en, ' ')} {count:,}")
    if report.scanned is None:
        lines.append(
            style.phrase("扫码数未知：后台没有回答", "scanned: the backend did not say", " / ")
        )
    else:
        lines.append(f"{style.phrase('累计被扫', 'scanned so far', ' ')} {report.scanned:,}")
    if report.scanned_since is not None:
        day = report.scanned_since_day
        new = style.phrase(f"自 {day} 新增被扫", f"newly scanned since {day}", " / ")
        lines.append(f"{new} {report.scanned_since:,}")
    title = style.title(f"日报 {report.date}", "daily report")
    return Message(title, "\n".join(lines), 0, critical=bool(needs))

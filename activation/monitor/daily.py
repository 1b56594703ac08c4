"""`report daily`: how many codes were changed on a day, and what needs a person now.

The day is a day in the home's time zone. Its numbers are added up from the audit chain's
events of that day; orders that wait or were refused are counted as they are now. What is late and
what scans in the market mean is looked for as well, and booked where the chain lacks it: whoever
reads the report in the morning needs no other timer.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from ...codegen.result import Result
from ...codegen.station.station import Station
from ..client.protocol import Away, Client, Declined, batch_ranges
from . import snapshots
from .alarm_words import KINDS, OTHER
from .alarms import MESSAGE_BYTES, Message, Style
from .day import SUMS, bounds, fold
from .judged import MarketKind
from .late import tried_late
from .market_day import MarketCase, market_of
from .sending import SentAlarm

CASES = 4  # of each kind in the market that are shown
LATER = 10_000  # scheduled orders are counted up to that many


@dataclass(frozen=True)
class Daily(Result):
    """A day. `scanned`, `unacknowledged`, `refused`, `without_receipt`: as of now, in codes.

    `stopped`, `copied` and `diverted` are codes that were scanned on the day, as far as first and
    last scans tell; None if the backend does not say, and `market_detail` says why. `market`: whose
    they are, the worst first. `scheduled` are orders of later, `scheduled_due` those whose time has
    come. `incidents`: how many this report booked.

    `scanned` are codes that were scanned at least once, ever; None if the backend did not
    answer, and `scanned_detail` says why. `scanned_since` are those of them that were scanned
    for the first time between the last report on `scanned_since_day` and the day's own; None
    if that is not known.
    """

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
    stopped: int | None = None
    copied: int | None = None
    diverted: int | None = None
    market_detail: str | None = None
    scheduled: int = 0
    scheduled_due: int = 0
    incidents: int = 0
    market: tuple[MarketCase, ...] = ()

    @property
    def reads(self) -> bool:
        """Whether nothing was booked."""
        return not self.incidents

    @property
    def exit_code(self) -> int:
        """6 if a target did not take it."""
        return 0 if all(target.ok for target in self.notified) else 6

    def lines(self) -> Iterator[str]:
        """What needs a person, then the sums."""
        yield f"{self.date} ({self.time_zone})"
        for _, english in self.needs():
            yield f"  ! {english}"
        yield from self._cases()
        for key, (_, english) in SUMS.items():
            yield f"  {english:<10} {getattr(self, key):>13,}"
        if self.scanned is None:
            yield f"  scanned    not known: {self.scanned_detail}"
        else:
            damaged = f" ({self.scanned_detail})" if self.scanned_detail else ""
            yield f"  scanned    {self.scanned:>13,} so far, all days{damaged}"
        if self.scanned_since is not None:
            yield f"  scanned    {self.scanned_since:>13,} new since {self.scanned_since_day}"
        if self.market_detail:
            yield f"  market     not known: {self.market_detail}"
        if self.scheduled:
            yield f"  scheduled  {self.scheduled:>13,} waiting for their time"
        yield from (target.line() for target in self.notified)

    def _cases(self) -> Iterator[str]:
        for kind in dict.fromkeys(case.finding for case in self.market):
            cases = [case for case in self.market if case.finding is kind]
            yield from (f"    {case.text()}" for case in cases[:CASES])
            if (more := len(cases) - CASES) > 0:
                yield f"    and {more:,} more of these: mintmark trace"

    def needs(self) -> Iterator[tuple[str, str]]:
        """What needs a person, the worst first, in Chinese and English."""
        ranked = sorted(self.alarms_by_kind, key=[*KINDS, *self.alarms_by_kind].index)
        for kind in ranked:
            count, words = self.alarms_by_kind[kind], KINDS.get(kind, OTHER)
            yield f"{count} 次警报：{words.zh}", f"{count} x {words.en}"
        for count, zh, en in (
            (self.stopped or 0, "枚码：已停用，仍被扫 -> mintmark trace",
             "stopped code{s} scanned: mintmark trace"),
            (self.copied or 0, "枚码：被扫太多次，可能被仿制 -> mintmark trace",
             "code{s} in many hands, perhaps copied: mintmark trace"),
            (self.diverted or 0, "枚码：窜货，在区域外被扫 -> mintmark trace",
             "code{s} scanned outside their region: mintmark trace"),
            (self.refused, "枚码：后台拒绝了指令 -> mintmark orders list --status refused",
             "code{s} in refused orders: mintmark orders list --status refused"),
            (self.unacknowledged, "枚码：后台还没确认 -> mintmark deliver",
             "code{s} not confirmed by the backend yet: mintmark deliver"),
            (self.without_receipt, "枚码：已出包，没有印刷回执 -> mintmark package list",
             "code{s} packaged without receipt: mintmark package list"),
            (self.scheduled_due, "条定时指令：时间已到，还没下 -> mintmark deliver",
             "scheduled order{s} due, and not booked: mintmark deliver"),
        ):  # fmt: skip
            if count:
                yield f"{count:,} {zh}", f"{count:,} {en.format(s='s' * (count != 1))}"


def daily(station: Station, client: Client | None, day: date) -> Daily:
    """The report of `day`, without `scanned` if the backend is away.

    If the backend answers, its total is kept in the home for later reports.
    """
    zone = station.config.time_zone
    market = market_of(station, client, day)
    booked = market.incidents + tried_late(station)
    with station.ledger.read() as view:
        found = fold(view.between(*bounds(day, zone)), view)
        batches = [row.batch for row in view.batches()]
        waiting = [view.waiting(batch) for batch in batches]
        without = sum(sum(view.without_receipt(batch).values()) for batch in batches)
        ordered = [batch for batch in batches if view.last_order(batch)]
        later = len(view.scheduled("waiting", limit=LATER))
        due = len(view.scheduled_due(station.now(), LATER))
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
        stopped=market.codes[MarketKind.STOPPED],
        copied=market.codes[MarketKind.COPIED],
        diverted=market.codes[MarketKind.DIVERTED],
        market_detail=market.detail,
        scheduled=later,
        scheduled_due=due,
        incidents=booked,
        market=market.cases,
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
    at = len(lines)
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
    if report.scanned is not None and report.market_detail:
        lines.append(style.phrase("市场扫码未查全：后台不支持", "market: not all known", " / "))
    if report.scanned_since is not None:
        day = report.scanned_since_day
        new = style.phrase(f"自 {day} 新增被扫", f"newly scanned since {day}", " / ")
        lines.append(f"{new} {report.scanned_since:,}")
    title = style.title(f"日报 {report.date}", "daily report")
    # The largest case of each kind, the worst on top, as far as there is room.
    for case in {case.finding: case for case in reversed(report.market)}.values():
        words = style.phrase(*case.words())
        if len("\n".join([title, *lines, words]).encode()) <= MESSAGE_BYTES:
            lines.insert(at, words)
    return Message(title, "\n".join(lines), 0, critical=bool(needs))

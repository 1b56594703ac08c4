"""The market on one day, for the daily report: how many codes, and with whom to talk about them."""

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ...codegen.errors import MintmarkError
from ...codegen.ledger.view import View
from ...codegen.ranges import regions, serials
from ...codegen.ranges.serials import Ranges
from ...codegen.station.station import Station
from ..client.protocol import Away, Client, Declined
from .alarms import NAME_CHARS, plain
from .day import bounds
from .findings import coarse, numbers
from .judged import MarketFinding, MarketKind
from .look import look, within
from .market import REFUSED, REGIONS, REPEATS
from .marks import ReadUpTo
from .once import book_once

# What the report counts, the worst first, by what the backend tells it.
_TOLD_BY = {
    MarketKind.STOPPED: REFUSED,
    MarketKind.COPIED: REPEATS,
    MarketKind.DIVERTED: REGIONS,
}
_UNKNOWN: Mapping[MarketKind, int | None] = dict.fromkeys(MarketKind)
_WORDS = {
    MarketKind.STOPPED: ("已停用", "stopped"),
    MarketKind.COPIED: ("疑似仿制", "copied?"),
    MarketKind.DIVERTED: ("窜货", "diverted"),
}


@dataclass(frozen=True)
class MarketCase:
    """Codes of one kind and package that one dealer has had; without one, call who printed them.

    `serials`: at most 50 ranges, which then hold others too; of many diverted codes, examples.
    `region` is where diverted codes belong, `seen_in` where they were scanned.
    """

    finding: MarketKind
    batch: str
    package: str | None
    serials: Ranges
    codes: int
    scans: int
    dealer: str | None
    contact: str | None
    contact_name: str | None
    region: str | None
    seen_in: str | None

    def text(self) -> str:
        """What a person reads in the morning."""
        of = f"package {self.package} " if self.package else ""
        which = f"{of}batch {self.batch} serials {serials.describe(self.serials)}"
        return f"{self.words()[1]} ({which})"

    def words(self) -> tuple[str, str]:
        """The case in Chinese and in English, each in a line: what, where, and whom to call."""
        zh, en = _WORDS[self.finding]
        where_zh = where_en = ""
        if self.seen_in:
            seen, meant = (_name(regions.shown(at)) for at in (self.seen_in, self.region or ""))
            where_zh = f"，在 {seen} 被扫，应在 {meant}"
            where_en = f", seen in {seen}, meant for {meant}"
        whom_zh, whom_en = self._whom()
        what = numbers(self.codes, self.scans)
        return f"{zh} {self.codes:,} 枚{where_zh}{whom_zh}", f"{en}: {what}{where_en}{whom_en}"

    def _whom(self) -> tuple[str, str]:
        if self.dealer:
            return f"；联系经销商 {_name(self.dealer)}", f"; call dealer {_name(self.dealer)}"
        if self.contact:
            who = f"{self.contact} ({_name(self.contact_name or '')})"
            return f"；联系印厂 {who}", f"; no dealer known, call printer {who}"
        return "；没有经销商", "; no dealer known"


def _name(text: str) -> str:
    return plain(text, NAME_CHARS)


@dataclass(frozen=True)
class MarketDay:
    """How many codes of a kind were scanned on the day; None, and why, if that is not known."""

    codes: Mapping[MarketKind, int | None]
    detail: str | None
    incidents: int = 0
    cases: tuple[MarketCase, ...] = ()


def market_of(station: Station, client: Client | None, day: date) -> MarketDay:
    """What the backend's scans of `day` mean; new incidents are booked."""
    if client is None:
        return MarketDay(_UNKNOWN, "no backend is configured")
    try:
        looked = look(station, client, ReadUpTo("", 0, station.now()))
    except (Away, Declined) as error:
        return MarketDay(_UNKNOWN, error.message)
    new = 0
    with contextlib.suppress(MintmarkError):  # also in a home that cannot be written
        new = book_once(station, looked.kinds, looked.missing)
    found = within(looked, *bounds(day, station.config.time_zone))
    codes = {
        kind: None
        if told_by in looked.lacking
        else sum(item.codes for item in found if item.finding is kind)
        for kind, told_by in _TOLD_BY.items()
    }
    lacking = ", ".join(looked.lacking)
    detail = f"the backend does not offer {lacking}" if lacking else None
    with station.ledger.read() as view:
        return MarketDay(codes, detail, new, _cases(view, found))


def _cases(view: View, found: Iterable[MarketFinding]) -> tuple[MarketCase, ...]:
    """The cases, the worst first, and of a kind the largest."""
    names = {row.contact: row.name for row in view.contacts()}
    groups: defaultdict[tuple[MarketKind, tuple[str | None, ...]], list[MarketFinding]]
    groups = defaultdict(list)
    for item in found:
        if item.finding in _TOLD_BY:
            place = (item.region, item.seen_in) if item.seen_in else (None, None)
            whose = item.batch, item.package, item.dealer
            groups[item.finding, (*whose, *place)].append(item)
    cases = [_case(members, names) for members in groups.values()]
    order = list(_TOLD_BY)
    cases.sort(key=lambda case: (order.index(case.finding), -case.codes, case.batch, case.serials))
    return tuple(cases)


def _case(members: Sequence[MarketFinding], names: Mapping[str, str]) -> MarketCase:
    first = members[0]
    return MarketCase(
        finding=first.finding,
        batch=first.batch,
        package=first.package,
        serials=coarse(serials.union(part for item in members for part in item.serials)),
        codes=sum(item.codes for item in members),
        scans=sum(item.scans for item in members),
        dealer=first.dealer,
        contact=first.contact,
        contact_name=names.get(first.contact or ""),
        region=first.region if first.seen_in else None,
        seen_in=first.seen_in,
    )

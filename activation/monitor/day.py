"""What the audit chain's events of a day add up to, in codes; and which day a person means."""

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
from ..orders import typed_times
from .alarms import alarm

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

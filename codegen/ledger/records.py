"""What a `View` returns: a frozen dataclass per kind of row, times aware and in UTC."""

from dataclasses import dataclass, field
from datetime import datetime

from ..ranges.aggregation import CodeRanges
from ..ranges.receipts import Totals
from ..ranges.serials import Ranges, count, subtract
from .changes import (
    Associated,
    BatchMinted,
    ContactAdded,
    HomeMade,
    KeyAdded,
    Ordered,
    Scheduled,
    Unit,
)


@dataclass(frozen=True)
class HomeRow(HomeMade):
    """The home that these books belong to."""

    made_at: datetime


@dataclass(frozen=True)
class KeyRow(KeyAdded):
    """A key of the roster, of today or of the past."""

    added_at: datetime = field(kw_only=True)
    revoked_at: datetime | None = field(kw_only=True)
    revoked_because: str | None = field(kw_only=True)

    @property
    def revoked(self) -> bool:
        """Whether it may sign no more."""
        return self.revoked_at is not None


@dataclass(frozen=True)
class ContactRow(ContactAdded):
    """A print shop's named person."""

    added_at: datetime


@dataclass(frozen=True)
class CodeForm:
    """What the codes of some batches look like: see `codes.spec.CodeSpec`."""

    alphabet: str
    length: int
    canonical: str


@dataclass(frozen=True)
class BatchRow(BatchMinted):
    """A batch, as it was minted."""

    minted_at: datetime = field(kw_only=True)


@dataclass(frozen=True)
class PackageRow:
    """A package. `status`: begun, packaged, abandoned, superseded.

    What happens later in its life is None before. `superseded_by` is its reprint. A reprint
    `supersedes` a package, a replacement `replaces` codes of a package, `reason` says why.
    `layout` is the print profile used, JSON. `pair` is the second batch whose codes are in it,
    `pair_template` their address. Each code is on `copies` labels. The numbers are what its
    receipts add up to (`receipts.Totals`), in labels if there is one of each code.
    """

    package: str
    batch: str
    serials: Ranges
    contact: str
    profile: str
    status: str
    begun_at: datetime
    ended_at: datetime | None
    template: str | None
    archive: str | None
    archive_bytes: int | None
    archive_sha256: str | None
    manifest_sha256: str | None
    custodian_key_id: str | None
    abandoned_because: str | None
    superseded_by: str | None
    supersedes: str | None
    replaces: str | None
    reason: str | None
    layout: str | None
    pair: str | None
    pair_template: str | None
    printed: int
    printed_by_count: int
    spoiled: int
    spoiled_count: int
    unused: int
    final_at: datetime | None
    copies: int

    @property
    def totals(self) -> Totals:
        """What the receipts add up to."""
        parts = self.printed, self.printed_by_count, self.spoiled, self.spoiled_count, self.unused
        return Totals.of(count(self.serials), parts, self.copies, final=self.final_at is not None)

    @property
    def batches(self) -> tuple[str, ...]:
        """The batches whose codes are in it: one, or two."""
        return (self.batch,) if self.pair is None else (self.batch, self.pair)


@dataclass(frozen=True)
class UnitRow(Unit):
    """A unit, and the package and batch it belongs to; `pair` as in `PackageRow`.

    `status`: made, received, mounted, used, lost; `moved_at` and `note` are of the last
    time it was seen. `spoiled_count` are labels reported as spoiled by number alone;
    `counted`: by a final receipt with that number, its other labels are printed. Each of its
    codes is on `copies` labels.
    """

    package: str
    batch: str
    status: str
    moved_at: datetime | None
    note: str | None
    spoiled_count: int
    counted: bool
    pair: str | None = None
    copies: int = 1


@dataclass(frozen=True)
class ReceiptRow:
    """A part of a package's receipt, in codes.

    `printed_by_count`: counted as printed by a final receipt, without their serials.
    `corrects`: a correction; its numbers are those that it changed.
    """

    seq: int
    package: str
    printed: int
    spoiled: int
    spoiled_count: int
    final: bool
    reason: str
    reported_at: datetime
    printed_by_count: int
    corrects: bool


@dataclass(frozen=True)
class Activation:
    """The order that made a code active: when it was booked, and for which line, if for one."""

    order: str
    at: datetime
    line: str | None
    status: str


@dataclass(frozen=True)
class OrderRow:
    """An order. `status`: queued, acknowledged, refused, cancelled.

    `skipped` are the voided serials it passed over; counts are codes, of an association its
    children. `detail` is the
    backend's last word, or while queued the last failure. `attempts` counts deliveries
    begun; `next_attempt` is None for at once; `holder` delivers it until `held_until`.
    """

    order: str
    seq: int
    batch: str
    status: str
    change: Ordered | Associated
    ordered_at: datetime
    skipped: Ranges
    applied_count: int
    skipped_count: int
    settled_at: datetime | None
    detail: str | None
    attempts: int
    next_attempt: datetime | None
    holder: str | None
    held_until: datetime | None

    @property
    def touched(self) -> Ranges:
        """The serials of `batch` that it changed; of an association the children."""
        if isinstance(self.change, Associated):
            return self.change.children[0].serials
        return subtract(self.change.serials, self.skipped)

    @property
    def range_order(self) -> Ordered:
        """The change of an order that is no association. Raises `TypeError` for one."""
        if isinstance(self.change, Associated):
            raise TypeError("an association is no order of ranges")
        return self.change


@dataclass(frozen=True)
class ScheduledRow:
    """An order that is booked at `at`. `status`: waiting, booked, cancelled, refused.

    `detail` is why it ended as it did.
    """

    order: str
    seq: int
    batch: str
    at: datetime
    status: str
    ended_at: datetime | None
    detail: str | None
    change: Scheduled


@dataclass(frozen=True)
class ScanInRow:
    """A dealer's scan-in: the backend's `number` of it, and its time `at`.

    `codes` of `parts` have the dealer since `read_at`; the others were passed over.
    """

    scan_in: str
    seq: int
    number: int
    dealer: str
    at: datetime
    codes: int
    parts: tuple[CodeRanges, ...]
    read_at: datetime


@dataclass(frozen=True)
class VerifiedRow:
    """Labels of a package that were read and were right: see `changes.LabelsVerified`."""

    seq: int
    package: str
    units: tuple[str, ...]
    serials: Ranges
    pictures: int
    codes: int
    verified_at: datetime

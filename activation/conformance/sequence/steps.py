"""The steps of a sequence: pure data, so that any part of a sequence can be played again.

Nothing here is of one backend: batches, orders, scans and heads go by small numbers, codes by
the serial they were drawn for, times by their distance from the beginning. `stage` gives
them names and bytes.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from ....codegen.ranges.attributes import Value
from ....codegen.ranges.serials import Range, Ranges, ordered

Pair = tuple[int, int]
Patch = tuple[tuple[str, Value], ...]


@dataclass(frozen=True)
class RunForm:
    """What a batch of a run is registered with, as far as batches differ."""

    canonical: str
    symbols: str
    length: int
    quantity: int
    role: str


# The second has letters that crockford32 would fold away, and a length of its own.
FORMS = (
    RunForm("crockford32", "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 16, 12, "item"),
    RunForm("upper", "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 21, 9, "guide"),
)


@dataclass(frozen=True, order=True)
class DrawnCode:
    """A code of a run: the one of a serial, or (`variant` > 0) another that was drawn for it."""

    batch: int
    serial: int
    variant: int = 0


@dataclass(frozen=True)
class StepTime:
    """A time: minutes from the beginning, written with an offset of so many minutes."""

    minutes: int
    offset: int = 0

    def text(self, beginning: datetime) -> str:
        """RFC 3339."""
        zone = timezone(timedelta(minutes=self.offset))
        text = (beginning + timedelta(minutes=self.minutes)).astimezone(zone).isoformat()
        return text if self.offset else text.replace("+00:00", "Z")


@dataclass(frozen=True)
class RegisterStep:
    """Register a batch again; `changed`: the key that has another value this time."""

    batch: int
    changed: str | None = None


@dataclass(frozen=True)
class UploadStep:
    """Upload the fingerprints of `codes` for the serials from `first`."""

    batch: int
    first: int
    codes: tuple[DrawnCode, ...]


@dataclass(frozen=True)
class Spelling:
    """How an order is written down; what it says stays the same.

    `full`: with every default. `turned`: keys and ranges the other way round. `split`: the last
    range as two that touch. `offset`: minutes added to the offset of times, which name the same
    instant.
    """

    full: bool = False
    turned: bool = False
    split: bool = False
    offset: int = 0


PLAIN = Spelling()


@dataclass(frozen=True)
class OrderStep:
    """Send an order under the id `number`."""

    number: int
    batch: int
    action: str
    serials: tuple[Pair, ...]
    skip: bool = False
    count: int | None = None
    from_state: str | None = None
    attributes: Patch = ()
    effective_at: StepTime | None = None
    expires_at: StepTime | None = None
    reason: str | None = None
    dry_run: bool = False
    head: int | None = None
    spelling: Spelling = PLAIN

    def ranges(self) -> Ranges:
        """The serials, ascending, touching ranges joined."""
        return ordered(Range(first, last) for first, last in self.serials)

    def times(self, beginning: datetime | None) -> dict[str, str | None]:
        """`effective_at` and `expires_at` as they are sent."""
        shift = self.spelling.offset
        return {
            key: replace(time, offset=time.offset + shift).text(beginning)
            if time and beginning
            else None
            for key, time in (("effective_at", self.effective_at), ("expires_at", self.expires_at))
        }

    def content(self) -> "OrderStep":
        """What counts when two orders under one id are compared."""
        return replace(
            self,
            serials=tuple((piece.first, piece.last) for piece in self.ranges()),
            attributes=tuple(sorted(self.attributes)),
            effective_at=self.effective_at and replace(self.effective_at, offset=0),
            expires_at=self.expires_at and replace(self.expires_at, offset=0),
            dry_run=False,
            head=None,
            spelling=PLAIN,
        )


@dataclass(frozen=True)
class ReadOrderStep:
    """Read back the answer that an order got."""

    number: int


@dataclass(frozen=True)
class ReadHeadStep:
    """Read the home's newest head."""


@dataclass(frozen=True)
class ReadRangesStep:
    """Read the ranges of a batch from serial `after` + 1."""

    batch: int
    after: int
    digests: bool = False


@dataclass(frozen=True)
class ScanStep:
    """Scan a code; `typed`: in which of the spellings of `stage`."""

    code: DrawnCode
    scan_id: int | None = None
    typed: int = 0


@dataclass(frozen=True)
class ReadUnknownStep:
    """Read the scans of unknown codes."""


Single = (
    RegisterStep
    | UploadStep
    | OrderStep
    | ReadOrderStep
    | ReadHeadStep
    | ReadRangesStep
    | ScanStep
    | ReadUnknownStep
)


@dataclass(frozen=True)
class AtOnce:
    """Steps that are sent at the same moment; the answers are those of some order of them."""

    steps: tuple[Single, ...]


AnyStep = Single | AtOnce

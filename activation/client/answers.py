"""What a backend answers: the JSON of the activation API, both ways. Pure.

The client checks every answer against these before it is used; the reference backend
makes its answers from them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ...codegen.ranges.attributes import Value
from ...codegen.ranges.lifecycle import Action, ApiState
from ...codegen.ranges.serials import Ranges, to_pairs
from .aggregations import parse_serials
from .json_object import LISTED, JsonObject, MalformedAnswer, is_serial
from .requests import Batch

PAGE_RANGES = 1_000  # ranges of a page, at most
HEAD_BYTES = 32  # of a hash of the audit chain
PAGE_CODES = 1_048_576  # codes of a page with digests, at most


@dataclass(frozen=True)
class OrderAnswer:
    """What an order did. The lists are cut at `LISTED` entries, the counts are not."""

    order: str
    batch: str
    action: Action
    dry_run: bool
    applied: Ranges
    applied_count: int
    skipped: Ranges
    skipped_count: int
    truncated: bool
    scanned_before: tuple[int, ...] = ()

    def body(self) -> dict[str, object]:
        """The JSON object."""
        return {
            **asdict(self),
            "action": self.action.value,
            "applied": to_pairs(self.applied),
            "skipped": to_pairs(self.skipped),
            "scanned_before": list(self.scanned_before),
        }

    @classmethod
    def parse(cls, data: object) -> "OrderAnswer":
        """The answer in `data`. Raises `MalformedAnswer`."""
        part = JsonObject(data)
        scanned = part.get("scanned_before", list)
        if len(scanned) > LISTED or not all(is_serial(serial) for serial in scanned):
            raise MalformedAnswer("scanned_before is no list of serials")
        return cls(
            order=part.get("order", str),
            batch=part.get("batch", str),
            action=part.word("action", Action),
            dry_run=part.get("dry_run", bool),
            applied=part.ranges("applied"),
            applied_count=part.number("applied_count"),
            skipped=part.ranges("skipped"),
            skipped_count=part.number("skipped_count"),
            truncated=part.get("truncated", bool),
            scanned_before=tuple(scanned),
        )


@dataclass(frozen=True)
class RangeState:
    """How the serials `first`..`last` stand at the backend.

    `held` counts those whose fingerprints an activation has delivered; `digest` is the
    SHA-256 (hex) of these fingerprints in the order of their serials, if requested.
    `scanned` counts the serials that consumers scanned at least once while active;
    `scanned_since`: those whose first such scan came at or after the time that was asked for.
    """

    first: int
    last: int
    state: ApiState
    attributes: Mapping[str, Value]
    scanned: int
    held: int | None = None
    digest: str | None = None
    scanned_since: int | None = None

    def body(self) -> dict[str, object]:
        """The JSON object."""
        return {
            "serials": [self.first, self.last],
            "state": self.state.value,
            "attributes": dict(self.attributes),
            "scanned": self.scanned,
            "held": self.held,
            "digest": self.digest,
            "scanned_since": self.scanned_since,
        }

    @classmethod
    def parse(cls, data: object) -> "RangeState":
        """The range in `data`. Raises `MalformedAnswer`."""
        part = JsonObject(data)
        serials = parse_serials(data)
        scanned = part.number("scanned")
        counted = part.maybe("scanned_since", int) is not None
        since = part.number("scanned_since") if counted else None
        if scanned > len(serials) or (since or 0) > scanned:
            raise MalformedAnswer("more codes were scanned than there are")
        return cls(
            first=serials.first,
            last=serials.last,
            state=part.word("state", ApiState),
            attributes=part.values("attributes"),
            scanned=scanned,
            held=part.number("held") if part.maybe("held", int) is not None else None,
            digest=part.hex("digest", 32) if part.maybe("digest", str) else None,
            scanned_since=since,
        )


@dataclass(frozen=True)
class BatchPage:
    """`GET /v1/batches/{batch}`: a page of its ranges; `next` is the next page's `after`."""

    info: Batch
    ranges: tuple[RangeState, ...]
    next: int | None

    def body(self) -> dict[str, object]:
        """The JSON object."""
        ranges = [piece.body() for piece in self.ranges]
        return {**self.info.body(), "ranges": ranges, "next": self.next}

    @classmethod
    def parse(cls, batch: str, data: object) -> "BatchPage":
        """The page of `batch` in `data`, its ranges ascending. Raises `MalformedAnswer`."""
        part = JsonObject(data)
        ranges = part.get("ranges", list)
        if len(ranges) > PAGE_RANGES:
            raise MalformedAnswer("more ranges than a page holds")
        states = tuple(map(RangeState.parse, ranges))
        page = cls(Batch.parse(batch, data), states, part.maybe("next", int))
        last = 0
        for piece in page.ranges:
            if piece.first <= last:
                raise MalformedAnswer("ranges do not ascend")
            last = piece.last
        # A cursor that stands still would have the client ask for ever.
        if page.next is not None and (not ranges or page.next != last):
            raise MalformedAnswer("next is not the last serial of the page")
        return page


@dataclass(frozen=True)
class HeadAnswer:
    """`GET /v1/homes/{home}/head`: the newest audit head that an order of the home brought.

    `order` brought it, `at` that time; all three are None if no order brought any.
    """

    home: str
    head: str | None = None
    order: str | None = None
    at: str | None = None

    def body(self) -> dict[str, object]:
        """The JSON object."""
        return asdict(self)

    @classmethod
    def parse(cls, data: object) -> "HeadAnswer":
        """The answer in `data`. Raises `MalformedAnswer`."""
        part = JsonObject(data)
        home = part.get("home", str)
        if part.maybe("head", str) is None:
            return cls(home)
        at = part.time("at") if part.maybe("at", str) else None
        return cls(home, part.hex("head", HEAD_BYTES), part.maybe("order", str), at)


@dataclass(frozen=True)
class HealthAnswer:
    """`GET /v1/health`: which fingerprints this backend understands."""

    api: str
    scheme: str
    fingerprint_key_id: str

    def body(self) -> dict[str, object]:
        """The JSON object."""
        return asdict(self)

    @classmethod
    def parse(cls, data: object) -> "HealthAnswer":
        """The answer in `data`. Raises `MalformedAnswer`."""
        part = JsonObject(data)
        return cls(*(part.get(name, str) for name in ("api", "scheme", "fingerprint_key_id")))

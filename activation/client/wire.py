"""The activation API's objects, and their JSON both ways. Pure, and light to import.

The client checks every answer against these before it is used; the reference backend
makes its answers from them. The other direction, what a backend accepts, is checked by
the backend alone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from ...codegen import times
from ...codegen.errors import UsageError
from ...codegen.ranges.attributes import Value
from ...codegen.ranges.lifecycle import Action, ApiState
from ...codegen.ranges.serials import Ranges, from_pairs, to_pairs

FINGERPRINT_BYTES = 16
CHUNK_CODES = 65_536
ORDER_RANGES = 1_000
LISTED = 1_000
PAGE_RANGES = 1_000
PAGE_CODES = 1_048_576
SERIAL_MAX = 999_999_999_999

T = TypeVar("T")
_HEX = re.compile(r"(?:[0-9a-f]{2})+", re.ASCII)


class MalformedAnswer(ValueError):
    """An answer that is not of the agreed form. Says which part, never quotes it."""


@dataclass(frozen=True)
class Batch:
    """`PUT /v1/batches/{batch}`: what a backend is told of a batch."""

    batch: str
    home: str
    symbols: str
    length: int
    canonical: str
    quantity: int
    scheme: str
    fingerprint_key_id: str
    role: str = "item"
    pair_of: str | None = None

    def body(self) -> dict[str, object]:
        """The JSON object; the batch's id stands in the address."""
        body = asdict(self)
        del body["batch"]
        return body

    @classmethod
    def parse(cls, batch: str, data: object) -> "Batch":
        """The batch with this id, in `data`. Raises `MalformedAnswer`."""
        part = _Object(data)
        return cls(
            batch=batch,
            home=part.get("home", str),
            symbols=part.get("symbols", str),
            length=part.number("length"),
            canonical=part.get("canonical", str),
            quantity=part.number("quantity"),
            scheme=part.get("scheme", str),
            fingerprint_key_id=part.get("fingerprint_key_id", str),
            role=part.get("role", str),
            pair_of=part.maybe("pair_of", str),
        )


@dataclass(frozen=True)
class Order:
    """`PUT /v1/orders/{order}`, in JSON's own types.

    `serials`: at most `ORDER_RANGES` pairs. `skip`: `["void"]` or empty. `from_state`
    travels as `from`. `attributes` is a patch without the validity keys, except that null
    removes one; times are RFC 3339 text.
    """

    order: str
    batch: str
    action: str
    serials: Sequence[Sequence[int]]
    skip: Sequence[str] = ("void",)
    count: int | None = None
    from_state: str | None = None
    attributes: Mapping[str, Value] = field(default_factory=dict)
    effective_at: str | None = None
    expires_at: str | None = None
    reason: str | None = None
    dry_run: bool = False
    audit_head: str | None = None

    def body(self) -> dict[str, object]:
        """The JSON object; the order's id stands in the address."""
        body = {key: value for key, value in vars(self).items() if key != "order"}
        body["from"] = body.pop("from_state")
        body["serials"] = [list(pair) for pair in self.serials]
        body["skip"] = list(self.skip)
        body["attributes"] = dict(self.attributes)
        return body


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
        part = _Object(data)
        scanned = part.get("scanned_before", list)
        if len(scanned) > LISTED or not all(_serial(serial) for serial in scanned):
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
    """Where the serials `first`..`last` stand at the backend.

    `held` counts those whose fingerprints an activation has delivered; `digest` is the
    SHA-256 (hex) of these fingerprints in the order of their serials, if asked for.
    `scanned` counts the serials scanned at least once while active.
    """

    first: int
    last: int
    state: ApiState
    attributes: Mapping[str, Value]
    scanned: int
    held: int | None = None
    digest: str | None = None

    def body(self) -> dict[str, object]:
        """The JSON object."""
        return {
            "serials": [self.first, self.last],
            "state": self.state.value,
            "attributes": dict(self.attributes),
            "scanned": self.scanned,
            "held": self.held,
            "digest": self.digest,
        }

    @classmethod
    def parse(cls, data: object) -> "RangeState":
        """The range in `data`. Raises `MalformedAnswer`."""
        part = _Object(data)
        pair = part.get("serials", list)
        if len(pair) != 2 or not all(_serial(value) for value in pair) or pair[0] > pair[1]:
            raise MalformedAnswer("serials is no pair")
        return cls(
            first=pair[0],
            last=pair[1],
            state=part.word("state", ApiState),
            attributes=part.values("attributes"),
            scanned=part.number("scanned"),
            held=part.maybe("held", int),
            digest=part.hex("digest", 32) if part.maybe("digest", str) else None,
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
        part = _Object(data)
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
class UnknownScan:
    """A fingerprint that was scanned and is not known: first and last time, how often."""

    fingerprint: bytes
    first: str
    last: str
    count: int


@dataclass(frozen=True)
class UnknownPage:
    """`GET /v1/unknown-scans`: a page of them; `next` is the next page's `after`."""

    scans: tuple[UnknownScan, ...]
    next: int | None

    def body(self) -> dict[str, object]:
        """The JSON object."""
        scans = [{**asdict(scan), "fingerprint": scan.fingerprint.hex()} for scan in self.scans]
        return {"unknown": scans, "next": self.next}

    @classmethod
    def parse(cls, data: object, after: int = 0) -> "UnknownPage":
        """The page in `data`, asked for with `after`. Raises `MalformedAnswer`."""
        part = _Object(data)
        scans = part.get("unknown", list)
        following = part.maybe("next", int)
        if len(scans) > LISTED or (following is not None and following <= after):
            raise MalformedAnswer("not a page of unknown scans")
        return cls(tuple(map(_unknown, scans)), following)


@dataclass(frozen=True)
class ScanAnswer:
    """`POST /v1/scans`. `attributes` are the public ones; `scans` counts this scan too.

    `role`: what the code is for, of its attributes or else of its batch. With two codes an
    item (一码双奖), it tells the buyer's prize from the shop assistant's.
    """

    result: str
    scans: int = 0
    first_scan: str | None = None
    batch: str | None = None
    serial: int | None = None
    role: str | None = None
    attributes: Mapping[str, Value] = field(default_factory=dict)

    def body(self) -> dict[str, object]:
        """The JSON object."""
        return {**self.__dict__, "attributes": dict(self.attributes)}

    @classmethod
    def parse(cls, data: object) -> "ScanAnswer":
        """The answer in `data`. Raises `MalformedAnswer`."""
        part = _Object(data)
        return cls(
            result=part.get("result", str),
            scans=part.number("scans"),
            first_scan=part.time("first_scan") if part.maybe("first_scan", str) else None,
            batch=part.maybe("batch", str),
            serial=part.maybe("serial", int),
            role=part.maybe("role", str),
            attributes=part.values("attributes"),
        )


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
        part = _Object(data)
        return cls(*(part.get(name, str) for name in ("api", "scheme", "fingerprint_key_id")))


def _unknown(data: object) -> UnknownScan:
    part = _Object(data)
    fingerprint = bytes.fromhex(part.hex("fingerprint", FINGERPRINT_BYTES))
    return UnknownScan(fingerprint, part.time("first"), part.time("last"), part.number("count"))


def _serial(value: object) -> bool:
    return type(value) is int and 1 <= value <= SERIAL_MAX


class _Object:
    """A JSON object that is asked for its keys one by one; raises `MalformedAnswer`.

    Keys it is not asked for are passed over: a later backend may say more.
    """

    def __init__(self, data: object) -> None:
        if not isinstance(data, dict):
            raise MalformedAnswer("not a JSON object")
        self._data: dict[str, Any] = data

    def get(self, key: str, kind: type[T]) -> T:
        value = self._data.get(key)
        if type(value) is not kind:
            raise MalformedAnswer(f"{key} is missing or of the wrong type")
        return value

    def maybe(self, key: str, kind: type[T]) -> T | None:
        return None if self._data.get(key) is None else self.get(key, kind)

    def number(self, key: str) -> int:
        value = self.get(key, int)
        if not 0 <= value <= SERIAL_MAX:
            raise MalformedAnswer(f"{key} is out of bounds")
        return value

    def word(self, key: str, kind: type[T]) -> T:
        try:
            return kind(self.get(key, str))  # type: ignore[call-arg]
        except ValueError:
            raise MalformedAnswer(f"{key} is an unknown word") from None

    def hex(self, key: str, size: int) -> str:
        value = self.get(key, str)
        if len(value) != 2 * size or _HEX.fullmatch(value) is None:
            raise MalformedAnswer(f"{key} is not {size} bytes of hex")
        return value

    def time(self, key: str) -> str:
        value = self.get(key, str)
        try:
            times.parse(value)
        except ValueError:
            raise MalformedAnswer(f"{key} is no time") from None
        return value

    def ranges(self, key: str) -> Ranges:
        try:
            return from_pairs(self._data.get(key), LISTED)
        except UsageError:
            raise MalformedAnswer(f"{key} is no list of ranges") from None

    def values(self, key: str) -> dict[str, Value]:
        values = self.get(key, dict)
        if not all(type(value) in (str, int) for value in values.values()):
            raise MalformedAnswer(f"{key} holds more than text and numbers")
        return values

"""What a backend tells of scans in the market: unknown, refused, repeated, by region. Pure.

The JSON both ways, as in `answers`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...codegen.ranges.aggregation import CodeRef
from .aggregations import parse_code, parse_serials
from .json_object import LISTED, JsonObject, MalformedAnswer, is_serial
from .requests import FINGERPRINT_BYTES

PAGE_REGIONS = 10_000  # rows of a page, at most
EXAMPLES = 100  # serials named of a range and a region, at most
REGION_CHARS = 8


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
        """The page in `data`, requested with `after`. Raises `MalformedAnswer`."""
        rows, following = _numbered(data, "unknown", after)
        return cls(tuple(map(_unknown, rows)), following)


@dataclass(frozen=True)
class RefusedScan:
    """A known code that was scanned while it was not active, or not valid.

    `state` is the result that the scans were answered with: `inactive`, `frozen`, `void`,
    `not_yet`, `expired`. First and last such scan, and how many.
    """

    batch: str
    serial: int
    state: str
    first: str
    last: str
    count: int

    @classmethod
    def parse(cls, data: object) -> "RefusedScan":
        """The row in `data`. Raises `MalformedAnswer`."""
        ref, part = parse_code(data), JsonObject(data)
        first, last = part.time("first"), part.time("last")
        return cls(ref.batch, ref.serial, part.get("state", str), first, last, part.number("count"))


@dataclass(frozen=True)
class RefusedPage:
    """`GET /v1/refused-scans`: a page of them; `next` is the next page's `after`."""

    scans: tuple[RefusedScan, ...]
    next: int | None

    def body(self) -> dict[str, object]:
        """The JSON object."""
        return {"refused": [asdict(scan) for scan in self.scans], "next": self.next}

    @classmethod
    def parse(cls, data: object, after: int = 0) -> "RefusedPage":
        """The page in `data`, requested with `after`. Raises `MalformedAnswer`."""
        rows, following = _numbered(data, "refused", after)
        return cls(tuple(map(RefusedScan.parse, rows)), following)


@dataclass(frozen=True)
class Repeat:
    """A code that consumers have scanned several times: how often, first and last."""

    batch: str
    serial: int
    scans: int
    first_scan: str
    last_scan: str

    @property
    def ref(self) -> CodeRef:
        """The code."""
        return CodeRef(self.batch, self.serial)

    @classmethod
    def parse(cls, data: object) -> "Repeat":
        """The row in `data`. Raises `MalformedAnswer`."""
        ref, part = parse_code(data), JsonObject(data)
        first, last = part.time("first_scan"), part.time("last_scan")
        return cls(ref.batch, ref.serial, part.number("scans"), first, last)


@dataclass(frozen=True)
class RepeatsPage:
    """`GET /v1/repeats`: a page of them, ascending by code; `next` names the page's last code."""

    repeats: tuple[Repeat, ...]
    next: str | None

    def body(self) -> dict[str, object]:
        """The JSON object."""
        return {"repeats": [asdict(repeat) for repeat in self.repeats], "next": self.next}

    @classmethod
    def parse(cls, data: object, over: int = 1, after: str | None = None) -> "RepeatsPage":
        """The page in `data`, requested with `over` and `after`. Raises `MalformedAnswer`."""
        part = JsonObject(data)
        rows = part.get("repeats", list)
        if len(rows) > LISTED:
            raise MalformedAnswer("not a page of repeats")
        page = cls(tuple(map(Repeat.parse, rows)), part.maybe("next", str))
        last = _ref(after)
        for repeat in page.repeats:
            if repeat.scans <= over or (last is not None and repeat.ref <= last):
                raise MalformedAnswer("repeats do not ascend, or are no repeats")
            last = repeat.ref
        # A cursor that stands still would have the client ask for ever.
        if page.next is not None and (not rows or page.next != str(last)):
            raise MalformedAnswer("next is not the last code of the page")
        return page


@dataclass(frozen=True)
class RegionScans:
    """The scans of codes of a range that told a region: how many codes, scans, when, examples.

    `examples`: up to `EXAMPLES` of the serials, ascending.
    """

    first: int
    last: int
    region: str
    codes: int
    scans: int
    first_scan: str
    last_scan: str
    examples: tuple[int, ...]

    def body(self) -> dict[str, object]:
        """The JSON object."""
        return {
            "serials": [self.first, self.last],
            "region": self.region,
            "codes": self.codes,
            "scans": self.scans,
            "first": self.first_scan,
            "last": self.last_scan,
            "examples": list(self.examples),
        }

    @classmethod
    def parse(cls, data: object) -> "RegionScans":
        """The row in `data`. Raises `MalformedAnswer`."""
        part, serials = JsonObject(data), parse_serials(data)
        codes, examples = part.number("codes"), part.get("examples", list)
        region = part.get("region", str)
        if not 1 <= codes <= len(serials) or not 1 <= len(region) <= REGION_CHARS:
            raise MalformedAnswer("not the scans of a region")
        _check_examples(examples, serials.first, serials.last)
        return cls(
            first=serials.first,
            last=serials.last,
            region=region,
            codes=codes,
            scans=part.number("scans"),
            first_scan=part.time("first"),
            last_scan=part.time("last"),
            examples=tuple(examples),
        )


@dataclass(frozen=True)
class RegionsPage:
    """`GET /v1/batches/{batch}/regions`: ascending by serials and region.

    `next` is the last serial of the page, the next page's `after`; a page ends between ranges.
    """

    batch: str
    regions: tuple[RegionScans, ...]
    next: int | None

    def body(self) -> dict[str, object]:
        """The JSON object."""
        rows = [row.body() for row in self.regions]
        return {"batch": self.batch, "regions": rows, "next": self.next}

    @classmethod
    def parse(cls, batch: str, data: object, after: int = 0) -> "RegionsPage":
        """The page of `batch` in `data`, requested with `after`. Raises `MalformedAnswer`."""
        part = JsonObject(data)
        rows = part.get("regions", list)
        if part.get("batch", str) != batch or len(rows) > PAGE_REGIONS:
            raise MalformedAnswer("not a page of regions of this batch")
        page = cls(batch, tuple(map(RegionScans.parse, rows)), part.maybe("next", int))
        last, seen = after, ((after, after), "")
        for row in page.regions:
            place = (row.first, row.last), row.region
            again = place[0] == seen[0] and place[1] > seen[1] and row.first > after
            if not again and row.first <= last:
                raise MalformedAnswer("regions do not ascend")
            last, seen = row.last, place
        # The codes behind the last row may have no region: the page may say that it looked there.
        if page.next is not None and page.next <= max(after, last - 1):
            raise MalformedAnswer("next is not behind the page's serials")
        return page


def _numbered(data: object, key: str, after: int) -> tuple[list[Any], int | None]:
    """The rows of a page whose cursor is a growing number, and its `next`."""
    part = JsonObject(data)
    rows, following = part.get(key, list), part.maybe("next", int)
    # A cursor that stands still would have the client ask for ever.
    if len(rows) > LISTED or (following is not None and following <= after):
        raise MalformedAnswer(f"not a page of {key} scans")
    return rows, following


def _unknown(data: object) -> UnknownScan:
    part = JsonObject(data)
    fingerprint = bytes.fromhex(part.hex("fingerprint", FINGERPRINT_BYTES))
    return UnknownScan(fingerprint, part.time("first"), part.time("last"), part.number("count"))


def _check_examples(examples: Sequence[Any], first: int, last: int) -> None:
    ascend = all(map(is_serial, examples)) and sorted(set(examples)) == examples
    if not ascend or len(examples) > EXAMPLES or any(not first <= n <= last for n in examples):
        raise MalformedAnswer("examples are no serials of the range")


def _ref(text: str | None) -> CodeRef | None:
    """The code that a cursor names. Raises `ValueError` for one that this side made wrongly."""
    if text is None:
        return None
    batch, _, serial = text.rpartition(":")
    return CodeRef(batch, int(serial))

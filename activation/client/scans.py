"""A scan's answer, and dealers' scan-ins: the JSON of the activation API, both ways. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Final

from ...codegen.errors import UsageError
from ...codegen.ranges import serials
from ...codegen.ranges.aggregation import CodeRanges
from ...codegen.ranges.attributes import Value
from ...codegen.ranges.values import Gate
from .aggregations import PairedCode
from .json_object import LISTED, JsonObject, MalformedAnswer

SCAN_IN_RANGES = 100_000  # of one scan-in, at most
PAGE_SCAN_INS = 1_000  # of a page, at most
DEALER_BYTES = 1_024


class Party(StrEnum):
    """Who scans. Each has counts of its own; who is none of the others is a consumer."""

    CONSUMER = "consumer"
    GUIDE = "guide"
    DEALER = "dealer"
    STORE = "store"


# As FastAPI writes it.
_JSON: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


@lru_cache(maxsize=2_048)
def _word(text: str | None) -> str:
    return _JSON.encode(text)


def _value(value: Value) -> str:
    if type(value) is str:
        return _word(value)
    return str(value) if type(value) is int else _JSON.encode(value)


@dataclass(frozen=True)
class ScanAnswer:
    """`POST /v1/scans`. `attributes`: those that hold now; to who signs nothing, the public ones.

    `scans` and `first_scan` are those of `party`, with this scan; `parties`: each party that
    has counted scans of the code, and how many. `gate`: whether the dealer's scan-in has come
    on which the code's worth depends; None: it depends on none.

    `role`: what the code is for, of its attributes or else of its batch. With two codes an
    item (一码双奖), it tells the buyer's prize from the shop assistant's. `pairs`: the other
    codes on the same item, ascending by batch.
    """

    result: str
    scans: int = 0
    first_scan: str | None = None
    batch: str | None = None
    serial: int | None = None
    role: str | None = None
    attributes: Mapping[str, Value] = field(default_factory=dict)
    pairs: tuple[PairedCode, ...] = ()
    party: Party = Party.CONSUMER
    parties: Mapping[Party, int] = field(default_factory=dict)
    gate: Gate | None = None

    def body(self) -> dict[str, object]:
        """The JSON object."""
        return {
            "result": self.result,
            "scans": self.scans,
            "first_scan": self.first_scan,
            "batch": self.batch,
            "serial": self.serial,
            "role": self.role,
            "attributes": dict(self.attributes),
            "pairs": [pair.body() for pair in self.pairs],
            "parties": {
                party.value: self.parties[party] for party in Party if party in self.parties
            },
            "gate": self.gate and self.gate.value,
            "as": self.party.value,
        }

    @cached_property
    def text(self) -> str:
        """The object as JSON, as `body` has it.

        Put together by hand, in half the time: each scan is kept and told, with all attributes
        and with the public ones.
        """
        attributes = (f"{_word(key)}:{_value(value)}" for key, value in self.attributes.items())
        parties = (f'"{one.value}":{self.parties[one]}' for one in Party if one in self.parties)
        pairs = _JSON.encode([pair.body() for pair in self.pairs]) if self.pairs else "[]"
        return (
            f'{{"result":{_word(self.result)},"scans":{self.scans},'
            f'"first_scan":{_word(self.first_scan)},"batch":{_word(self.batch)},'
            f'"serial":{_value(self.serial)},"role":{_word(self.role)},'
            f'"attributes":{{{",".join(attributes)}}},"pairs":{pairs},'
            f'"parties":{{{",".join(parties)}}},'
            f'"gate":{_word(self.gate and self.gate.value)},"as":"{self.party.value}"}}'
        )

    @classmethod
    def parse(cls, data: object) -> "ScanAnswer":
        """The answer in `data`; of an older backend, a consumer's. Raises `MalformedAnswer`."""
        part = JsonObject(data)
        return cls(
            result=part.get("result", str),
            scans=part.number("scans"),
            first_scan=part.time("first_scan") if part.maybe("first_scan", str) else None,
            batch=part.maybe("batch", str),
            serial=part.maybe("serial", int),
            role=part.maybe("role", str),
            attributes=part.values("attributes"),
            pairs=tuple(map(PairedCode.parse, part.maybe("pairs", list) or ())),
            party=part.word("as", Party) if part.maybe("as", str) else Party.CONSUMER,
            parties=_parties(part.maybe("parties", dict) or {}),
            gate=part.word("gate", Gate) if part.maybe("gate", str) else None,
        )


def _parties(data: Mapping[str, object]) -> dict[Party, int]:
    part = JsonObject(data)
    try:
        return {Party(name): part.number(name) for name in data}
    except ValueError:  # a MalformedAnswer is one as well
        raise MalformedAnswer("parties holds no counts of parties") from None


@dataclass(frozen=True)
class ScanIn:
    """`PUT /v1/scan-ins/{id}`: a dealer takes in what `codes` (texts) and `ranges` name.

    `contents`: and all that lies in them. `dealer` None: the one that the key is bound to.
    """

    scan_in: str
    dealer: str | None = None
    codes: tuple[str, ...] = ()
    ranges: tuple[CodeRanges, ...] = ()
    contents: bool = True

    def body(self) -> dict[str, object]:
        """The JSON object; the scan-in's id stands in the address."""
        return {
            "dealer": self.dealer,
            "codes": list(self.codes),
            "ranges": _pairs(self.ranges),
            "contents": self.contents,
        }


@dataclass(frozen=True)
class ScanInAnswer:
    """What a scan-in did. `unknown`: places in its codes, from 0, of those that nobody knows.

    `opened` is cut at `LISTED` ranges (`truncated`), `opened_count` is not.
    """

    scan_in: str
    dealer: str
    at: str
    opened: tuple[CodeRanges, ...]
    opened_count: int
    unknown: tuple[int, ...]
    truncated: bool

    def body(self) -> dict[str, object]:
        """The JSON object."""
        return {**self.__dict__, "opened": _pairs(self.opened), "unknown": list(self.unknown)}

    @classmethod
    def parse(cls, data: object) -> "ScanInAnswer":
        """The answer in `data`. Raises `MalformedAnswer`."""
        part = JsonObject(data)
        unknown = part.get("unknown", list)
        if len(unknown) > LISTED or not all(type(n) is int and 0 <= n < LISTED for n in unknown):
            raise MalformedAnswer("unknown is no list of places")
        return cls(
            scan_in=part.get("scan_in", str),
            dealer=_dealer(part),
            at=part.time("at"),
            opened=_codes(part.get("opened", list), LISTED),
            opened_count=part.number("opened_count"),
            unknown=tuple(unknown),
            truncated=part.get("truncated", bool),
        )


@dataclass(frozen=True)
class ScanInTold:
    """A scan-in as it is read back: its number there, whose it is, when, and all it opened."""

    number: int
    scan_in: str
    dealer: str
    at: str
    codes: tuple[CodeRanges, ...]

    def body(self) -> dict[str, object]:
        """The JSON object."""
        return {**self.__dict__, "codes": _pairs(self.codes)}

    @classmethod
    def parse(cls, data: object) -> "ScanInTold":
        """The scan-in in `data`. Raises `MalformedAnswer`."""
        part = JsonObject(data)
        codes = _codes(part.get("codes", list), SCAN_IN_RANGES)
        number = part.number("number")
        return cls(number, part.get("scan_in", str), _dealer(part), part.time("at"), codes)


@dataclass(frozen=True)
class ScanInsPage:
    """`GET /v1/scan-ins`: a page of them by number; `next` is the next page's `after`."""

    scan_ins: tuple[ScanInTold, ...]
    next: int | None

    def body(self) -> dict[str, object]:
        """The JSON object."""
        return {"scan_ins": [row.body() for row in self.scan_ins], "next": self.next}

    @classmethod
    def parse(cls, data: object, after: int = 0) -> "ScanInsPage":
        """The page in `data`, requested with `after`. Raises `MalformedAnswer`."""
        part = JsonObject(data)
        rows, following = part.get("scan_ins", list), part.maybe("next", int)
        if len(rows) > PAGE_SCAN_INS:
            raise MalformedAnswer("more scan-ins than a page holds")
        page = cls(tuple(map(ScanInTold.parse, rows)), following)
        last = after
        for row in page.scan_ins:
            if row.number <= last:
                raise MalformedAnswer("scan-ins do not ascend")
            last = row.number
        # A cursor that stands still would have the client ask for ever.
        if following is not None and following <= max(after, last - 1):
            raise MalformedAnswer("next is not behind the page's scan-ins")
        return page


def _dealer(part: JsonObject) -> str:
    dealer = part.get("dealer", str)
    try:
        fits = 0 < len(dealer.encode()) <= DEALER_BYTES
    except UnicodeEncodeError:
        fits = False
    if not fits:
        raise MalformedAnswer("dealer is no dealer")
    return dealer


def _codes(data: list[object], most: int) -> tuple[CodeRanges, ...]:
    """Ranges of batches; each batch once, at most `most` ranges together."""
    found: list[CodeRanges] = []
    for item in data:
        part = JsonObject(item)
        try:
            ranges = serials.from_pairs(part.get("serials", list), most)
        except UsageError:
            raise MalformedAnswer("serials is no list of ranges") from None
        if not ranges:
            raise MalformedAnswer("serials is empty")
        found.append(CodeRanges(part.get("batch", str), ranges))
    if len({part.batch for part in found}) < len(found):
        raise MalformedAnswer("a batch is named twice")
    if sum(len(part.serials) for part in found) > most:
        raise MalformedAnswer("more ranges than there may be")
    return tuple(found)


def _pairs(parts: tuple[CodeRanges, ...]) -> list[dict[str, object]]:
    return [{"batch": part.batch, "serials": serials.to_pairs(part.serials)} for part in parts]

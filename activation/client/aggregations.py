"""What a backend answers about what lies in what (关联): the JSON, both ways. Pure."""

from dataclasses import asdict, dataclass

from ...codegen.ranges.aggregation import CodeRef, Link, Packing
from ...codegen.ranges.serials import Range
from .json_object import JsonObject, MalformedAnswer, is_serial

PAGE_LINKS = 10_000  # links of a page, at most


@dataclass(frozen=True)
class AggregationAnswer:
    """What an aggregation did. `parents_count`: those that it names, 0 if it names none."""

    aggregation: str
    action: Packing
    parents_count: int
    children_count: int
    dry_run: bool

    def body(self) -> dict[str, object]:
        """The JSON object."""
        return {**asdict(self), "action": self.action.value}

    @classmethod
    def parse(cls, data: object) -> "AggregationAnswer":
        """The answer in `data`. Raises `MalformedAnswer`."""
        part = JsonObject(data)
        return cls(
            aggregation=part.get("aggregation", str),
            action=part.word("action", Packing),
            parents_count=part.number("parents_count"),
            children_count=part.number("children_count"),
            dry_run=part.get("dry_run", bool),
        )


@dataclass(frozen=True)
class ParentsPage:
    """`GET /v1/batches/{batch}/parents`: which codes of a batch lie in what.

    `next` is the last serial of the page, the next page's `after`; None if no link follows.
    """

    batch: str
    links: tuple[Link, ...]
    next: int | None

    def body(self) -> dict[str, object]:
        """The JSON object."""
        links = [
            {"serials": link.serials.pair(), "parent": code(link.parent)} for link in self.links
        ]
        return {"batch": self.batch, "links": links, "next": self.next}

    @classmethod
    def parse(cls, batch: str, data: object, after: int = 0) -> "ParentsPage":
        """The page of `batch` in `data`, requested with `after`. Raises `MalformedAnswer`."""
        part = JsonObject(data)
        links = part.get("links", list)
        if part.get("batch", str) != batch or len(links) > PAGE_LINKS:
            raise MalformedAnswer("not a page of parents of this batch")
        page = cls(batch, tuple(_link(batch, item) for item in links), part.maybe("next", int))
        last = after
        for link in page.links:
            if link.serials.first <= last:
                raise MalformedAnswer("links do not ascend")
            last = link.serials.last
        # A cursor that stands still would have the client ask for ever.
        if page.next is not None and (not links or page.next != last):
            raise MalformedAnswer("next is not the last serial of the page")
        return page


@dataclass(frozen=True)
class PairedCode:
    """Another code on the same item. `role`: as of a scanned code."""

    batch: str
    serial: int
    role: str

    def body(self) -> dict[str, object]:
        """The JSON object."""
        return asdict(self)

    @classmethod
    def parse(cls, data: object) -> "PairedCode":
        """The code in `data`. Raises `MalformedAnswer`."""
        ref = parse_code(data)
        return cls(ref.batch, ref.serial, JsonObject(data).get("role", str))


def code(ref: CodeRef) -> dict[str, object]:
    """The JSON object of a code that is named by batch and serial."""
    return {"batch": ref.batch, "serial": ref.serial}


def parse_code(data: object) -> CodeRef:
    """The code that `data` names. Raises `MalformedAnswer`."""
    part = JsonObject(data)
    batch, serial = part.get("batch", str), part.get("serial", int)
    if not is_serial(serial):
        raise MalformedAnswer("serial is no serial")
    return CodeRef(batch, serial)


def parse_serials(data: object) -> Range:
    """The range in the key `serials` of `data`. Raises `MalformedAnswer`."""
    pair = JsonObject(data).get("serials", list)
    if len(pair) != 2 or not all(is_serial(value) for value in pair) or pair[0] > pair[1]:
        raise MalformedAnswer("serials is no pair")
    return Range(pair[0], pair[1])


def _link(batch: str, data: object) -> Link:
    parent = JsonObject(data).get("parent", dict)
    return Link(batch, parse_serials(data), parse_code(parent))

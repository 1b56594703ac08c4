"""What a line sends: batches, orders, aggregations, as the JSON of the activation API. Pure.

The reference backend, not this module, checks what a backend accepts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from ...codegen.ranges import serials
from ...codegen.ranges.aggregation import CodeRanges, Packing
from ...codegen.ranges.attributes import Value
from .json_object import JsonObject

FINGERPRINT_BYTES = 16
CHUNK_CODES = 65_536  # fingerprints of an upload, at most
ORDER_RANGES = 1_000  # ranges of an order, at most


@dataclass(frozen=True)
class Batch:
    """`PUT /v1/batches/{batch}`: what a backend knows of a batch."""

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
        part = JsonObject(data)
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
    removes such a key; times are RFC 3339 text.
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
class Aggregation:
    """`PUT /v1/aggregations/{aggregation}`: children join their parents, or leave them.

    Who gets what: `aggregation.deal`. `parents` is None only if children leave whatever they
    are in.
    """

    aggregation: str
    action: Packing
    parents: CodeRanges | None
    children: tuple[CodeRanges, ...]
    each: int | None = None
    reason: str | None = None
    dry_run: bool = False
    audit_head: str | None = None

    def body(self) -> dict[str, object]:
        """The JSON object; the aggregation's id stands in the address."""
        return {
            "action": self.action.value,
            "parents": self.parents and _codes(self.parents),
            "children": [_codes(part) for part in self.children],
            "each": self.each,
            "reason": self.reason,
            "dry_run": self.dry_run,
            "audit_head": self.audit_head,
        }


def _codes(part: CodeRanges) -> dict[str, object]:
    return {"batch": part.batch, "serials": serials.to_pairs(part.serials)}

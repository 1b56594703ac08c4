"""What the backend accepts, strictly: unknown keys, other types, other sizes are refused."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ...codegen import times
from ...codegen.errors import UsageError
from ...codegen.ranges import aggregation
from ...codegen.ranges.aggregation import CodeRanges, Packing
from ...codegen.ranges.attributes import VALIDITY, VALUE_BYTES, Value, check
from ...codegen.ranges.lifecycle import Action, ApiState
from ...codegen.ranges.serials import from_pairs
from ..client import wire
from ..client.wire import Party
from .apply_aggregation import AggregationRequest
from .apply_order import Request
from .limits import DEFAULT_LIMITS
from .problems import Problem

NAME = r"^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$"
SCAN_IN_NAMED = 1_000  # codes and ranges, together
# ISO 3166-2, a country alone, or the digits of GB/T 2260: province, prefecture, county.
REGION = r"^([A-Z]{2}(-[A-Z0-9]{1,3})?|[0-9]{2}|[0-9]{4}|[0-9]{6})$"
CODE = r"^[0-9A-Za-z][0-9A-Za-z._-]{0,63}:[0-9]{1,12}$"
Name = Annotated[str, StringConstraints(pattern=NAME)]
Serial = Annotated[int, Field(ge=1, le=wire.SERIAL_MAX)]
Pair = Annotated[list[Serial], Field(min_length=2, max_length=2)]
Text = Annotated[str, StringConstraints(max_length=500)]
CodeText = Annotated[str, StringConstraints(max_length=DEFAULT_LIMITS.code_chars)]
Head = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Rule = Literal["crockford32", "upper"]
Role = Literal["item", "inner", "outer", "carton", "pallet", "batch", "guide"]
ActionName = Literal["activate", "freeze", "unfreeze", "revoke", "void", "unvoid", "assign"]
PackingName = Literal["associate", "dissociate"]
StateName = Literal["inactive", "active", "frozen", "void"]


def moment(text: object) -> object:
    """The RFC 3339 time in a query. Raises `ValueError`, which quotes nothing."""
    if not isinstance(text, str):
        return text
    try:
        return times.parse(text)
    except ValueError:
        raise ValueError("an RFC 3339 time with an offset is needed; + is %2B in a query") from None


class _Strict(BaseModel):
    # An error must not carry what was sent: it may be a code.
    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


class BatchBody(_Strict):
    """`PUT /v1/batches/{batch}`."""

    home: Name
    symbols: Annotated[str, StringConstraints(pattern=r"^[!-~]{2,94}$")]
    length: Annotated[int, Field(ge=1, le=64)]
    canonical: Rule
    quantity: Serial
    scheme: Name
    fingerprint_key_id: Name
    role: Role = "item"
    pair_of: Name | None = None

    def info(self, batch: str) -> wire.Batch:
        """As the store takes it."""
        return wire.Batch(batch, **self.model_dump())


class OrderBody(_Strict):
    """`PUT /v1/orders/{order}`."""

    batch: Name
    action: ActionName
    serials: Annotated[list[Pair], Field(min_length=1, max_length=wire.ORDER_RANGES)]
    skip: Annotated[list[Literal["void"]], Field(max_length=1)] = []
    count: Annotated[int, Field(ge=0, le=wire.SERIAL_MAX)] | None = None
    from_: Annotated[StateName | None, Field(alias="from")] = None
    # An object is a window: `attributes.check` says what it may hold.
    attributes: dict[str, str | int | dict[str, Any] | None] = {}
    effective_at: Text | None = None
    expires_at: Text | None = None
    reason: Text | None = None
    dry_run: bool = False
    audit_head: Head | None = None

    def request(self, order: str) -> Request:
        """As the store takes it. Raises `Problem` invalid."""
        try:
            serials = from_pairs(self.serials, wire.ORDER_RANGES)
            attributes = check(self._patch())
        except UsageError as error:
            raise Problem("invalid", error.message) from None
        return Request(
            order=order,
            batch=self.batch,
            action=Action(self.action),
            serials=serials,
            skip_void="void" in self.skip,
            count=self.count,
            from_state=ApiState(self.from_) if self.from_ else None,
            attributes=attributes,
            reason=self.reason,
            dry_run=self.dry_run,
            audit_head=self.audit_head,
        )

    def _patch(self) -> dict[str, Value]:
        """Attributes and validity as one patch; the two never say different things."""
        patch: dict[str, Value] = dict(self.attributes)
        for key in VALIDITY:
            value = getattr(self, key)
            if patch.get(key) is not None or (key in patch and value is not None):
                raise UsageError(f"{key} is a field of its own; among the attributes only null")
            if value is None:
                continue
            try:
                times.parse(value)
            except ValueError:
                raise UsageError(f"{key} is not an RFC 3339 time with an offset") from None
            patch[key] = value
        return patch


class CodesBody(_Strict):
    """Codes of a batch, in an aggregation."""

    batch: Name
    serials: Annotated[list[Pair], Field(min_length=1, max_length=aggregation.RANGES)]

    def codes(self) -> CodeRanges:
        """As the store takes it. Raises `UsageError`."""
        return CodeRanges(self.batch, from_pairs(self.serials, aggregation.RANGES))


class AggregationBody(_Strict):
    """`PUT /v1/aggregations/{aggregation}`."""

    action: PackingName
    parents: CodesBody | None = None
    children: Annotated[list[CodesBody], Field(min_length=1, max_length=aggregation.BATCHES)]
    each: Annotated[int, Field(ge=1, le=aggregation.EACH)] | None = None
    reason: Text | None = None
    dry_run: bool = False
    audit_head: Head | None = None

    def request(self, name: str) -> AggregationRequest:
        """As the store takes it. Raises `Problem` invalid."""
        parts = [*self.children, self.parents] if self.parents else self.children
        if sum(len(part.serials) for part in parts) > aggregation.RANGES:
            raise Problem("invalid", f"more than {aggregation.RANGES} ranges at once")
        try:
            parents = self.parents.codes() if self.parents else None
            children = sorted((part.codes() for part in self.children), key=lambda part: part.batch)
            aggregation.check(parents, children, self.each)
        except UsageError as error:
            raise Problem("invalid", error.message) from None
        if parents is None and self.action == Packing.ASSOCIATE.value:
            raise Problem("invalid", "associate needs parents")
        return AggregationRequest(
            aggregation=name,
            action=Packing(self.action),
            children=tuple(children),
            parents=parents,
            each=self.each,
            reason=self.reason,
            dry_run=self.dry_run,
            audit_head=self.audit_head,
        )


class ScanInCodesBody(_Strict):
    """Codes of a batch, in a scan-in."""

    batch: Name
    serials: Annotated[list[Pair], Field(min_length=1, max_length=SCAN_IN_NAMED)]


class ScanInBody(_Strict):
    """`PUT /v1/scan-ins/{scan_in}`."""

    dealer: Annotated[str, StringConstraints(min_length=1, max_length=VALUE_BYTES)] | None = None
    codes: Annotated[list[CodeText], Field(max_length=SCAN_IN_NAMED)] = []
    ranges: Annotated[list[ScanInCodesBody], Field(max_length=SCAN_IN_NAMED)] = []
    contents: bool = True

    def parts(self) -> tuple[CodeRanges, ...]:
        """The ranges, ascending by batch. Raises `Problem` invalid, for the whole body."""
        try:
            check({"dealer": self.dealer})
            pieces = {part.batch: from_pairs(part.serials, SCAN_IN_NAMED) for part in self.ranges}
        except UsageError as error:
            raise Problem("invalid", error.message) from None
        named = len(self.codes) + sum(len(part.serials) for part in self.ranges)
        if not 1 <= named <= SCAN_IN_NAMED:
            raise Problem("invalid", f"1 to {SCAN_IN_NAMED} codes and ranges at once")
        if len(pieces) < len(self.ranges):
            raise Problem("invalid", "a batch is named twice")
        return tuple(CodeRanges(batch, pieces[batch]) for batch in sorted(pieces))


class ScanBody(_Strict):
    """`POST /v1/scans`."""

    code: CodeText
    scan_id: Annotated[str, StringConstraints(pattern=NAME)] | None = None
    as_: Annotated[Literal["guide", "dealer", "store"] | None, Field(alias="as")] = None
    region: Annotated[str, StringConstraints(pattern=REGION)] | None = None

    @property
    def party(self) -> Party:
        """Who scans."""
        return Party(self.as_) if self.as_ else Party.CONSUMER


class ScanForm(_Strict):
    """What the page's form sends besides the code in the address."""

    scan_id: Annotated[str, StringConstraints(pattern=NAME)] | None = None


# Names that may stand in an error: every other name in a body is the sender's own.
FIELDS = frozenset(
    item.alias or name
    for model in (BatchBody, OrderBody, AggregationBody, CodesBody, ScanBody, ScanInBody)
    for name, item in model.model_fields.items()
)

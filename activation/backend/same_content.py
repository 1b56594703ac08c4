"""Whether two orders, or two aggregations, under one id want the same change. Pure.

What is kept is `identity`, a text that was never changed: an order kept by an older version is
still itself. What counts as the same is decided when two of them are compared.
"""

import json
from datetime import datetime, timedelta
from typing import Any, Final

from ...codegen import times
from ...codegen.ranges.aggregation import CodeRanges
from ...codegen.ranges.attributes import VALIDITY
from ...codegen.ranges.serials import to_pairs
from .apply_aggregation import AggregationRequest
from .apply_order import Request
from .apply_scan_in import ScanInRequest

_START: Final = datetime(1970, 1, 1)  # noqa: DTZ001 — the offset is taken off by hand


def identity(order: Request) -> str:
    """The content of `order`, as JSON: ranges ascending and joined, every default written out.

    Not part of it: `dry_run`, which is never stored, and `audit_head`, which moves on
    between two attempts to deliver an order.
    """
    parts = vars(order) | {"serials": to_pairs(order.serials), "attributes": dict(order.attributes)}
    del parts["dry_run"], parts["audit_head"]
    return json.dumps(parts, ensure_ascii=False, sort_keys=True)


def is_same(kept: str, sent: str) -> bool:
    """Whether two identities want the same change: equal, but for how an instant is written.

    Raises one of `damage.NONSENSE` for a kept text that is damaged.
    """
    return kept == sent or _comparable(kept) == _comparable(sent)


def packing_identity(request: AggregationRequest) -> str:
    """The content of an aggregation, as JSON, by the same rules as `identity`."""
    children = [_codes(part) for part in request.children]
    parents = _codes(request.parents) if request.parents else None
    parts = {**vars(request), "children": children, "parents": parents}
    del parts["dry_run"], parts["audit_head"]
    return json.dumps(parts, ensure_ascii=False, sort_keys=True)


def is_same_json(kept: str, sent: str) -> bool:
    """As `is_same`, of two aggregations, or two scan-ins."""
    return kept == sent or bool(json.loads(kept) == json.loads(sent))


def scan_in_identity(request: ScanInRequest) -> str:
    """The content of a scan-in, as JSON: of its codes keyed digests."""
    ranges = [_codes(part) for part in request.ranges]
    parts = {"scan_in": request.scan_in, "dealer": request.dealer, "contents": request.contents}
    return json.dumps({**parts, "codes": request.prints, "ranges": ranges}, sort_keys=True)


def _codes(part: CodeRanges) -> dict[str, object]:
    return {"batch": part.batch, "serials": to_pairs(part.serials)}


def _comparable(text: str) -> Any:  # noqa: ANN401 — JSON
    parts = json.loads(text)
    attributes = parts["attributes"]
    for key in VALIDITY:
        if attributes.get(key) is not None:
            attributes[key] = _microseconds(attributes[key])
    return parts


def _microseconds(text: str) -> int:
    """The instant, in microseconds since 1970: in UTC it may lie before the year 1."""
    time = times.parse(text)
    offset = time.utcoffset() or timedelta()
    return (time.replace(tzinfo=None) - _START - offset) // timedelta(microseconds=1)

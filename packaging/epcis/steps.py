"""What the ledger's events did to items, cartons and pallets, in the terms of EPCIS. Pure.

| in the books | in EPCIS (CBV 2.0) |
| --- | --- |
| a code is first activated, joins a parent, is one, or gets a `dealer` | commissioning |
| joins a parent, leaves it | packing, unpacking (AggregationEvent ADD, DELETE) |
| gets a `dealer` | shipping |
| becomes void after that | decommissioning |

A code that was only printed is no item yet, and one that is voided before is none any more: EPCIS
never hears of it. A code that is brought back and activated is commissioned anew. Freezing,
revoking and the other attributes stay in the books.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ...codegen.ledger.chain import Event
from ...codegen.ledger.changes import Associated, Ordered
from ...codegen.ranges import serials
from ...codegen.ranges.aggregation import CodeRanges, CodeRef, Link, Packing, deal
from ...codegen.ranges.attributes import Value
from ...codegen.ranges.lifecycle import Action, Reason
from ...codegen.ranges.serials import Ranges
from .links import Links
from .serial_set import SerialSet

# Which of the dispositions of CBV 2.0 a reason comes nearest to.
_DISPOSITIONS: Mapping[str, str] = {
    Reason.DAMAGED: "damaged",
    Reason.STOLEN: "stolen",
    Reason.EXPIRED: "expired",
    Reason.RECALLED: "recalled",
}


@dataclass(frozen=True)
class EpcisStep:
    """One thing that happened to `things` (of one batch, or the children of one `parent`).

    `facts` (lot, product) and `dealer` are what the order set; `order` is its id.
    """

    at: datetime
    seq: int
    order: str
    things: tuple[CodeRanges, ...]
    action: str
    biz_step: str
    disposition: str
    parent: CodeRef | None = None
    dealer: str | None = None
    facts: Mapping[str, Value] = field(default_factory=dict)


class Replay:
    """Reads events from the first on. `skipped(order)`: the void codes that it passed over."""

    def __init__(self, links: Links, skipped: Callable[[str], Ranges]) -> None:
        self._links, self._skipped = links, skipped
        self._items: dict[str, SerialSet] = {}

    def steps(self, event: Event) -> Iterator[EpcisStep]:
        """What an event did. All of it must be consumed before the next."""
        change = event.change
        if isinstance(change, Ordered):
            yield from self._ordered(event, change)
        elif isinstance(change, Associated):
            yield from self._associated(event, change)

    def _ordered(self, event: Event, change: Ordered) -> Iterator[EpcisStep]:
        touched = change.serials
        if change.skip_void and change.action is not Action.UNVOID:
            touched = serials.subtract(touched, self._skipped(change.order))
        part = CodeRanges(change.batch, touched)
        dealer = change.attributes.get("dealer")
        is_void = change.action in (Action.VOID, Action.UNVOID)
        if change.action is Action.ACTIVATE or (dealer is not None and not is_void):
            facts = {key: change.attributes.get(key) for key in ("lot", "product")}
            yield from self._commission(event, change.order, part, facts)
        if change.action is Action.VOID:
            gone = self._of(change.batch).discard(touched)
            if gone:
                disposition = _DISPOSITIONS.get(change.reason or "", "inactive")
                yield EpcisStep(
                    event.time, event.seq, change.order, (CodeRanges(change.batch, gone),),
                    "DELETE", "decommissioning", disposition,
                )  # fmt: skip
        if dealer is not None and not is_void:
            yield EpcisStep(
                event.time, event.seq, change.order, (part,),
                "OBSERVE", "shipping", "in_transit", dealer=str(dealer),
            )  # fmt: skip

    def _associated(self, event: Event, change: Associated) -> Iterator[EpcisStep]:
        if change.action is Packing.ASSOCIATE and change.parents is not None:
            for part in (*change.children, change.parents):
                yield from self._commission(event, change.order, part, {})
            self._links.join(deal(change.parents, change.children, change.each))
            found = deal(change.parents, change.children, change.each)
            kind = "ADD", "packing", "in_progress"
        else:
            found = (link for part in change.children for link in self._links.leave(part))
            kind = "DELETE", "unpacking", "in_progress"
        for parent, parts in _by_parent(found):
            yield EpcisStep(event.time, event.seq, change.order, parts, *kind, parent=parent)

    def _commission(
        self, event: Event, order: str, part: CodeRanges, facts: Mapping[str, Value]
    ) -> Iterator[EpcisStep]:
        fresh = self._of(part.batch).add(part.serials)
        if fresh:
            yield EpcisStep(
                event.time, event.seq, order, (CodeRanges(part.batch, fresh),),
                "ADD", "commissioning", "active",
                facts={key: value for key, value in facts.items() if value is not None},
            )  # fmt: skip

    def _of(self, batch: str) -> SerialSet:
        return self._items.setdefault(batch, SerialSet())


def _by_parent(links: Iterator[Link]) -> Iterator[tuple[CodeRef, tuple[CodeRanges, ...]]]:
    """Links that follow each other and have one parent, put together."""
    parent: CodeRef | None = None
    held: dict[str, list[serials.Range]] = {}
    for link in links:
        if link.parent != parent:
            if parent is not None:
                yield parent, _parts(held)
            parent, held = link.parent, {}
        held.setdefault(link.batch, []).append(link.serials)
    if parent is not None:
        yield parent, _parts(held)


def _parts(held: Mapping[str, list[serials.Range]]) -> tuple[CodeRanges, ...]:
    return tuple(CodeRanges(batch, serials.join(pieces)) for batch, pieces in held.items())

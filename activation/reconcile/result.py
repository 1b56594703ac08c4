"""What `reconcile` returns: the differences, and the orders that would correct them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...codegen.ranges import serials, windows
from ...codegen.ranges.aggregation import CodeRanges, Packing
from ...codegen.ranges.attributes import Value
from ...codegen.ranges.lifecycle import Action, ApiState
from ...codegen.ranges.serials import Ranges
from ...codegen.result import Result
from ..orders.doubts import DoubtfulOrder
from .comparison import Difference, DifferenceKind, Step
from .links import LinkDifference, PackingStep

SHOWN = 20  # differences and orders shown to a person; JSON lists more


@dataclass(frozen=True)
class Proposal:
    """An order that would correct the backend; `order` and `delivery` once it was sent."""

    action: Action
    serials: Ranges
    from_state: ApiState
    count: int
    attributes: Mapping[str, Value]
    reason: str | None
    order: str | None = None
    delivery: str | None = None

    @classmethod
    def of(cls, step: Step) -> "Proposal":
        """The proposal to take `step`."""
        attributes = dict(step.attributes)
        return cls(step.action, step.serials, step.from_state, step.count, attributes, step.reason)

    def line(self) -> str:
        """A line for people."""
        sent = f"  {self.order}: {self.delivery}" if self.order else ""
        extra = "".join(
            f" {key}={windows.describe(key, value)}" for key, value in self.attributes.items()
        )
        ranges = serials.describe(self.serials)
        return f"{self.action.value} {ranges} (from {self.from_state.value}){extra}{sent}"


@dataclass(frozen=True)
class PackingProposal:
    """An aggregation that would correct the backend; `order` and `delivery` once it was sent."""

    action: Packing
    parents: CodeRanges
    children: CodeRanges
    each: int | None
    order: str | None = None
    delivery: str | None = None

    @classmethod
    def of(cls, step: PackingStep) -> "PackingProposal":
        """The proposal to take `step`."""
        return cls(step.action, step.parents, step.children, step.each)

    def line(self) -> str:
        """A line for people."""
        sent = f"  {self.order}: {self.delivery}" if self.order else ""
        each = f", {self.each:,} in each" if self.each else ""
        where = "into" if self.action is Packing.ASSOCIATE else "out of"
        ranges = serials.describe(self.children.serials)
        parents = f"{self.parents.batch}:{serials.describe(self.parents.serials)}"
        return f"{self.action.value} {ranges} {where} {parents}{each}{sent}"


@dataclass(frozen=True)
class Reconciled(Result):
    """Ledger and backend, compared.

    `in_doubt`: orders that the backend refused, and may have applied before. `different`: how
    many codes differ. `unverified`: how many fingerprints could not be compared. `queued`: orders
    still to be sent, which may explain every difference. `retired`: a lost home may have ordered
    what differs, so nothing corrects it. `links`: how many codes lie in something;
    `links_compared`: whether the backend tells of such; `links_different`: how many codes lie in
    something else there.
    """

    batch: str
    equal: bool
    registered: bool
    queued: int
    different: int
    unverified: int
    differences: tuple[Difference, ...]
    orders: tuple[Proposal, ...]
    retired: bool = False
    in_doubt: tuple[DoubtfulOrder, ...] = ()
    links: int = 0
    links_compared: bool = False
    links_different: int = 0
    link_differences: tuple[LinkDifference, ...] = ()
    associations: tuple[PackingProposal, ...] = ()

    @property
    def reads(self) -> bool:
        """Whether no order was sent."""
        sent = [proposal.order for proposal in self.orders]
        return not any(sent + [proposal.order for proposal in self.associations])

    @property
    def exit_code(self) -> int:
        """3 if they differ, or an order is in doubt."""
        return 0 if self.equal and not self.in_doubt else 3

    def lines(self) -> Iterator[str]:
        """What differs, and the orders that would correct it."""
        known = "" if self.registered else "; the backend does not know the batch"
        if self.equal:
            yield f"batch {self.batch}: ledger and backend agree{known}"
        else:
            yield f"batch {self.batch}: {' and '.join(self._counted())}{known}"
        yield from self._doubts()
        if self.unverified:
            yield f"  not compared: {self.unverified:,} fingerprints of ranges not all there"
        for found in self.differences[:SHOWN]:
            yield f"  {found.serials}  {found.kind.value}: here {found.ours}; there {found.theirs}"
        if len(self.differences) > SHOWN:
            yield f"  and {len(self.differences) - SHOWN:,} more ranges: see --json"
        yield from self._links()
        if self.queued:
            yield f"  {self.queued} orders are queued: send them first with mintmark deliver"
        if self.retired and not self.equal:
            yield "  the batch is retired: the lost home may have ordered this, and it stays"
        lines = [proposal.line() for proposal in self.associations]
        lines += [proposal.line() for proposal in self.orders]
        if lines:
            sent = "  these orders would correct it (--apply sends them):"
            yield sent if self.reads else "  sent:"
        yield from (f"    {line}" for line in lines[:SHOWN])
        if len(lines) > SHOWN:
            yield f"    and {len(lines) - SHOWN:,} more: see --json"
        if any(found.kind is DifferenceKind.FINGERPRINTS for found in self.differences):
            yield "  no order corrects fingerprints: ask the backend's team, give them this list"

    def _counted(self) -> Iterator[str]:
        if self.different:
            yield f"{self.different:,} codes differ"
        if self.links_different:
            yield f"{self.links_different:,} codes lie in something else"

    def _links(self) -> Iterator[str]:
        if self.links and not self.links_compared:
            yield "  not compared: what its codes lie in, which this backend does not tell"
        for found in self.link_differences[:SHOWN]:
            here, there = (ref or "in nothing" for ref in (found.ours, found.theirs))
            yield f"  {found.serials}  parent: here {here}; there {there}"
        if len(self.link_differences) > SHOWN:
            yield f"  and {len(self.link_differences) - SHOWN:,} more ranges: see --json"

    def _doubts(self) -> Iterator[str]:
        for doubt in self.in_doubt[:SHOWN]:
            ranges = serials.describe(doubt.serials)
            yield f"  order {doubt.order}, {doubt.action.value} {ranges}: {doubt.detail}"
        if len(self.in_doubt) > SHOWN:
            yield f"  and {len(self.in_doubt) - SHOWN:,} more orders in doubt: see --json"
        if self.in_doubt and self.equal and not self.retired:
            yield "  their codes stand there as in the books: --apply books that, and ends doubt"

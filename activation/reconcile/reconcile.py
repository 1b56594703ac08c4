"""`reconcile BATCH`: read both sides, say what differs, and heal it when told to.

Healing orders change the backend alone: here nothing is to be changed. Each is written
to the audit chain before it is sent, under its id, and holds only where the backend still
stands as it was read.
"""

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ...codegen.errors import EnvironmentFailure, Refused
from ...codegen.ledger.changes import Incident
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.lifecycle import Action, ApiState
from ...codegen.ranges.serials import Range, Ranges
from ...codegen.result import Result
from ...codegen.station.station import Station
from ..client import wire
from ..client.client import Away, Client, Declined, batch_ranges
from ..delivery import scanned_before
from ..delivery.deliver import Courier, Progress, batch_of, patch_of, time_of
from ..delivery.delivery_lock import delivery_lock
from ..orders.orders import ACKNOWLEDGED, REFUSED
from . import comparison as core
from .comparison import Difference, DifferenceKind, Step

SHOWN = 1_000  # differences told one by one
STEPS = 1_000  # orders proposed at a time; the next comparison proposes more
PAIRS = 100_000
ROUNDS = 8  # of comparing and healing; two heal anything, if nobody else is at it
LOOKS = 3


@dataclass(frozen=True)
class Proposal:
    """A healing order; `order` and `delivery` once it was sent."""

    action: Action
    serials: Ranges
    from_state: ApiState
    count: int
    attributes: dict[str, object]
    reason: str | None
    order: str | None = None
    delivery: str | None = None

    def line(self) -> str:
        """One line for people."""
        sent = f"  {self.order}: {self.delivery}" if self.order else ""
        extra = "".join(f" {key}={value}" for key, value in self.attributes.items())
        where = serials.describe(self.serials)
        return f"{self.action.value} {where} (from {self.from_state.value}){extra}{sent}"


@dataclass(frozen=True)
class Reconciled(Result):
    """Ledger and backend, compared.

    `different`: how many codes stand otherwise. `unverified`: how many fingerprints could
    not be compared. `queued`: orders still to be sent, which may be all there is to it.
    """

    batch: str
    equal: bool
    registered: bool
    queued: int
    different: int
    unverified: int
    differences: tuple[Difference, ...]
    orders: tuple[Proposal, ...]

    @property
    def exit_code(self) -> int:
        """3 where they differ."""
        return 0 if self.equal else 3

    def lines(self) -> Iterator[str]:
        """What differs, and what would heal it."""
        known = "" if self.registered else "; the backend does not know the batch"
        if self.equal:
            yield f"batch {self.batch}: ledger and backend agree{known}"
        else:
            yield f"batch {self.batch}: {self.different:,} codes differ{known}"
        if self.unverified:
            yield f"  not compared: {self.unverified:,} fingerprints of ranges not all there"
        for one in self.differences[:20]:
            yield f"  {one.serials}  {one.kind.value}: here {one.ours}; there {one.theirs}"
        if len(self.differences) > 20:
            yield f"  and {len(self.differences) - 20:,} more ranges: see --json"
        if self.queued:
            yield f"  {self.queued} orders are queued: send them first with mintmark deliver"
        sent = any(one.order for one in self.orders)
        if self.orders:
            yield "  sent:" if sent else "  these orders would heal it (--apply sends them):"
        for proposal in self.orders[:20]:
            yield f"    {proposal.line()}"
        if any(one.kind is DifferenceKind.FINGERPRINTS for one in self.differences):
            yield "  no order heals fingerprints: ask the backend's team, give them this list"


@dataclass(frozen=True)
class _Comparison:
    registered: bool
    queued: int
    different: int
    unverified: int
    differences: tuple[Difference, ...]
    steps: tuple[Step, ...]

    @property
    def equal(self) -> bool:
        return not self.different


def reconcile(
    station: Station,
    client: Client | None,
    batch: str,
    *,
    apply: bool = False,
    progress: Progress = lambda *_: None,
) -> Reconciled:
    """Compare, and with `apply` heal.

    Raises `NotFound`, `Refused` (orders are queued, or another process sends some), `Away`.
    """
    if client is None:
        raise EnvironmentFailure(
            "no backend is configured", "set [backend] url in mintmark.toml, then compare again"
        )
    if not apply:
        found = _look(station, client, batch, progress)
        return _result(batch, found, tuple(map(_proposal, found.steps)))
    with delivery_lock(station.home / "work", batch) as mine:
        if not mine:
            raise Refused("another process is sending orders of this batch", "try again later")
        return _heal(station, client, batch, progress)


def _heal(station: Station, client: Client, batch: str, progress: Progress) -> Reconciled:
    courier, sent = Courier(station, client, progress), list[Proposal]()
    for _ in range(ROUNDS):
        found = _look(station, client, batch, progress)
        if found.queued:
            raise Refused(
                f"{found.queued} orders of batch {batch} are queued: they come first",
                "send them, then compare again: mintmark deliver",
            )
        if not found.steps:
            break
        courier.register(batch)
        done = [_send(station, client, courier, batch, step) for step in found.steps]
        sent += done
        if not any(one.delivery == ACKNOWLEDGED for one in done):
            found = _look(station, client, batch, progress)
            break
    return _result(batch, found, tuple(sent))


def _send(station: Station, client: Client, courier: Courier, batch: str, step: Step) -> Proposal:
    order = station.new_order_id()
    where = serials.describe(step.serials)
    told = f"healing order {order}: {step.action.value} {where} of batch {batch} at the backend"
    station.ledger.commit(station.author, Incident("reconcile", told))
    with station.ledger.read() as view:
        _, head = view.head()
    proposal = replace(_proposal(step), order=order)
    try:
        if step.action is Action.ACTIVATE:
            courier.upload(batch, step.serials)
        answer = client.order(_wire(order, batch, step, head))
    except Declined as declined:
        return replace(proposal, delivery=f"{REFUSED}: {declined.summary}")
    if found := scanned_before.among(answer.scanned_before, step.serials):
        station.ledger.commit(station.author, scanned_before.incident(batch, order, found))
    return replace(proposal, delivery=ACKNOWLEDGED)


def _wire(order: str, batch: str, step: Step, head: str) -> wire.Order:
    return wire.Order(
        order=order,
        batch=batch,
        action=step.action.value,
        serials=serials.to_pairs(step.serials),
        skip=(),
        count=step.count,
        from_state=step.from_state.value,
        attributes=patch_of(step.attributes),
        effective_at=time_of(step.attributes, "effective_at"),
        expires_at=time_of(step.attributes, "expires_at"),
        reason=step.reason,
        audit_head=head,
    )


# --- comparing ---------------------------------------------------------------------------


def _look(station: Station, client: Client, batch: str, progress: Progress) -> _Comparison:
    """Compare, again if an order of the batch was booked or settled meanwhile."""
    for _ in range(LOOKS):
        with station.ledger.read() as view:
            before = _marks(view, batch)
            found = _compare(station, client, view, batch, progress)
        with station.ledger.read() as view:
            if _marks(view, batch) == before:
                break
    return found


def _marks(view: View, batch: str) -> object:
    """What moves when an order of the batch is booked or settled."""
    last = view.last_order(batch)
    return last, view.queued(batch), view.counts(batch)


def _compare(
    station: Station, client: Client, view: View, batch: str, progress: Progress
) -> _Comparison:
    row = view.batch(batch)
    whole = Range(1, row.quantity)
    theirs, registered = _their_ranges(station, client, batch, whole)
    tally = _Tally(registered)
    whole_digest = functools.partial(_digest, station, batch)

    def watched() -> Iterator[wire.RangeState]:
        for their in theirs:
            tally.fingerprints(their, whole_digest)
            progress("compare", their.last, row.quantity)
            yield their

    try:
        for pair in core.pairs(view.select(batch, (whole,)), watched()):
            tally.standing(pair)
    except ValueError as error:
        raise Away(f"its answer does not hold together: {error}") from None
    return tally.found(view.queued(batch))


def _digest(station: Station, batch: str, where: Range) -> str:
    found = hashlib.sha256()
    for _, data in station.vault.fingerprints(batch, where, station.station_keys):
        found.update(data)
    return found.hexdigest()


@dataclass
class _Tally:
    """The differences as they come."""

    registered: bool
    different: int = 0
    unverified: int = 0
    differences: list[Difference] = field(default_factory=list)
    wanted: list[core.Pair] = field(default_factory=list)

    def fingerprints(self, their: wire.RangeState, digest: core.Digest) -> None:
        """Note a range whose fingerprints are wrong."""
        self.unverified += core.unverified(their)
        self._add(core.fingerprint_differences(their, digest) if self.registered else [])

    def standing(self, pair: core.Pair) -> None:
        """Note serials that stand otherwise there."""
        found = list(core.standing_differences(pair))
        self._add(found[:1], found)
        if found and len(self.wanted) < PAIRS:
            self.wanted.append(pair)

    def _add(self, counted: list[Difference], told: list[Difference] | None = None) -> None:
        self.different += sum(len(one.serials) for one in counted)
        if len(self.differences) < SHOWN:
            self.differences += counted if told is None else told

    def found(self, queued: int) -> _Comparison:
        """All of it."""
        return _Comparison(
            self.registered,
            queued,
            self.different,
            self.unverified,
            tuple(self.differences),
            tuple(core.steps(self.wanted, wire.ORDER_RANGES)[:STEPS]),
        )


def _their_ranges(
    station: Station, client: Client, batch: str, whole: Range
) -> tuple[Iterator[wire.RangeState], bool]:
    """What the backend has, and whether it knows the batch: if not, all of it is inactive."""
    try:
        info = client.batch_page(batch, whole.last).info
    except Declined as declined:
        if declined.problem.name != "not-found":
            raise
        fresh = wire.RangeState(whole.first, whole.last, ApiState.INACTIVE, {}, 0, 0)
        return iter([fresh]), False
    if info != batch_of(station, batch):
        raise Refused(
            f"the backend has another batch under the id {batch}",
            "no order heals that: ask the backend's team how it was registered",
        )
    return batch_ranges(client, batch, digests=True), True


def _proposal(step: Step) -> Proposal:
    return Proposal(
        step.action, step.serials, step.from_state, step.count, dict(step.attributes), step.reason
    )


def _result(batch: str, found: _Comparison, orders: tuple[Proposal, ...]) -> Reconciled:
    return Reconciled(
        batch=batch,
        equal=found.equal,
        registered=found.registered,
        queued=found.queued,
        different=found.different,
        unverified=found.unverified,
        differences=found.differences,
        orders=orders,
    )

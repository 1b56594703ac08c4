"""`reconcile BATCH`: compare ledger and backend, and with `--apply` correct the backend.

0. Read back what dealers scanned in: else the corrections would take it away again.
1. Take the delivery lock of the batch, so that nobody else sends its orders.
2. Compare both sides (`both_sides.py`). Queued orders come first: with any, stop here.
3. Register the batch. If the backend did not know it, write that down: it has lost all of it.
4. For each aggregation, then each order, that brings the backend nearer to the ledger:
   a. write it to the audit chain, under its id;
   b. for an activation, upload its fingerprints;
   c. send it; it holds only if the backend still stands as it was read;
   d. write down which of its codes were scanned before.
5. Begin again at 2, until nothing differs or the backend takes no order any more.
6. If both sides are alike, write down that no order is in doubt any more.

Aggregations come first: a code that is void takes no part in them, and the orders may void it.

The orders change the backend alone: the ledger is right, and nothing is booked in it. A
crash anywhere leaves a backend that is nearer to the ledger or as it was, and perhaps an
order in the audit chain that was never sent; the next comparison proposes what is missing.
"""

from dataclasses import replace

from ...codegen.errors import EnvironmentFailure, Refused
from ...codegen.ledger.changes import Incident, IncidentFacts
from ...codegen.progress import Progress
from ...codegen.ranges import serials
from ...codegen.ranges.aggregation import Packing
from ...codegen.ranges.lifecycle import Action
from ...codegen.station.older_copy import is_retired, refuse_older, refuse_retired
from ...codegen.station.station import Station
from ..client import wire
from ..client.protocol import Away, Client, Declined
from ..delivery import scan_ins, scanned_before
from ..delivery.api_objects import patch_of, time_of
from ..delivery.delivery_lock import delivery_lock
from ..delivery.inquiry import STANDS
from ..delivery.upload import Uploads
from ..orders.doubts import ended
from ..orders.orders import ACKNOWLEDGED, REFUSED
from .both_sides import Comparison, compare
from .comparison import Step
from .pack import pack
from .result import PackingProposal, Proposal, Reconciled
from .sent import KIND

ROUNDS = 8  # two correct anything, if nobody else changes the batch meanwhile


def reconcile(
    station: Station,
    client: Client | None,
    batch: str,
    *,
    apply: bool = False,
    progress: Progress = lambda *_: None,
) -> Reconciled:
    """Compare, and with `apply` correct the backend. The caller has asked which copy is newest.

    Raises `NotFound`, `IntegrityError` (the home is an older copy: what it does not know would be
    taken back), `Refused` (orders are queued, another process sends some, or the batch is
    retired), `Away`.
    """
    if client is None:
        raise EnvironmentFailure(
            "no backend is configured", "set [backend] url in mintmark.toml, then compare again"
        )
    refuse_older(station)
    scan_ins.read(station, client)
    if not apply:
        with station.ledger.read() as view:
            retired = is_retired(view, batch)
        found = compare(station, client, batch, progress)
        steps, packing = ((), ()) if retired else (found.steps, found.links.steps)
        proposed = tuple(map(Proposal.of, steps)), tuple(map(PackingProposal.of, packing))
        return replace(_result(batch, found, *proposed), retired=retired)
    with station.ledger.read() as view:
        refuse_retired(view, batch)
    with delivery_lock(station.home / "work", batch) as locked:  # 1
        if not locked:
            raise Refused("another process is sending orders of this batch", "try again later")
        return _correct(station, client, batch, progress)


def _correct(station: Station, client: Client, batch: str, progress: Progress) -> Reconciled:
    """Steps 2 to 5."""
    uploads, sent = Uploads(station, client, progress), list[Proposal]()
    packed: list[PackingProposal] = []
    for _ in range(ROUNDS):
        found = compare(station, client, batch, progress)  # 2
        if found.queued:
            raise Refused(
                f"{found.queued} orders of batch {batch} are queued: they come first",
                "send them, then compare again: mintmark deliver",
            )
        if not found.steps and not found.links.steps:
            break
        if not found.registered:
            station.ledger.commit(station.author, _anew(batch))
        uploads.register(batch)  # 3
        moved = [pack(station, client, uploads, step) for step in found.links.steps]  # 4
        done = [_send(station, client, uploads, batch, step) for step in found.steps]
        packed += moved
        sent += done
        answers = [proposal.delivery for proposal in moved]
        if ACKNOWLEDGED not in answers + [proposal.delivery for proposal in done]:
            found = compare(station, client, batch, progress)
            break
    if found.equal:
        sent = list(map(_stands, sent))
        found = _ended(station, batch, found)
    return _result(batch, found, tuple(sent), tuple(packed))


def _ended(station: Station, batch: str, found: Comparison) -> Comparison:
    """Step 6. What was not compared stays in doubt."""
    over = [
        doubt
        for doubt in found.in_doubt
        if found.links.compared or not isinstance(doubt.action, Packing)
    ]
    if over:
        station.ledger.commit(station.author, *(ended(batch, doubt) for doubt in over))
    left = (doubt for doubt in found.in_doubt if doubt not in over)
    return replace(found, in_doubt=tuple(left))


def _anew(batch: str) -> Incident:
    detail = f"the backend did not know batch {batch}: all that it has of it is new"
    return Incident(KIND, detail, IncidentFacts(batch=batch))


def _stands(proposal: Proposal) -> Proposal:
    """A proposal whose codes were found to stand as it leaves them."""
    if proposal.delivery == ACKNOWLEDGED:
        return proposal
    return replace(proposal, delivery=f"{STANDS}; {proposal.delivery}")


def _send(station: Station, client: Client, uploads: Uploads, batch: str, step: Step) -> Proposal:
    """Step 4 for one order."""
    order = station.new_order_id()
    ranges = serials.describe(step.serials)
    detail = (
        f"correcting order {order}: {step.action.value} {ranges} of batch {batch} at the backend"
    )
    facts = IncidentFacts(batch=batch, order=order, action=step.action, serials=step.serials)
    station.ledger.commit(station.author, Incident(KIND, detail, facts))  # a
    proposal = replace(Proposal.of(step), order=order)
    try:
        if step.action is Action.ACTIVATE:
            uploads.upload(batch, step.serials)  # b
        answer = _answer(client, _wire(order, batch, step))  # c
    except Declined as declined:
        return replace(proposal, delivery=f"{REFUSED}: {declined.summary}")
    if found := scanned_before.among(answer.scanned_before, step.serials):  # d
        station.ledger.commit(station.author, scanned_before.incident(batch, order, found))
    return replace(proposal, delivery=ACKNOWLEDGED)


def _answer(client: Client, order: wire.Order) -> wire.OrderAnswer:
    try:
        return client.order(order)
    except Away:
        # Perhaps only the answer was lost, and with it which codes had been scanned before.
        kept = client.get_order(order.order)
        if kept is None:
            raise
        return kept


def _wire(order: str, batch: str, step: Step) -> wire.Order:
    # It brings no head: that of an older copy would replace the one that shows it.
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
    )


def _result(
    batch: str,
    found: Comparison,
    orders: tuple[Proposal, ...],
    associations: tuple[PackingProposal, ...],
) -> Reconciled:
    return Reconciled(
        batch=batch,
        equal=found.equal,
        registered=found.registered,
        queued=found.queued,
        different=found.different,
        unverified=found.unverified,
        differences=found.differences,
        orders=orders,
        in_doubt=found.in_doubt,
        links=found.links.here,
        links_compared=found.links.compared,
        links_different=found.links.different,
        link_differences=found.links.differences,
        associations=associations,
    )

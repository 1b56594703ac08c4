"""Step 4 of `reconcile.py` for what lies in what: an aggregation that corrects the backend."""

from dataclasses import replace

from ...codegen.ledger.changes import Incident, IncidentFacts
from ...codegen.ranges import serials
from ...codegen.station.station import Station
from ..client import wire
from ..client.protocol import Away, Client, Declined
from ..delivery.upload import Uploads
from ..orders.orders import ACKNOWLEDGED, REFUSED
from .links import PackingStep
from .result import PackingProposal
from .sent import KIND


def pack(station: Station, client: Client, uploads: Uploads, step: PackingStep) -> PackingProposal:
    """Write it to the audit chain, and send it. Raises `Away`."""
    proposal = replace(PackingProposal.of(step), order=station.new_order_id())
    batch, ranges = step.children.batch, step.children.serials
    detail = f"correcting order {proposal.line()}, of batch {batch} at the backend"
    facts = IncidentFacts(
        batch=batch, order=proposal.order, serials=ranges, codes=serials.count(ranges)
    )
    station.ledger.commit(station.author, Incident(KIND, detail, facts))  # a
    try:
        _register(station, uploads, step.parents.batch)
        _send(client, _wire(proposal))  # c
    except Declined as declined:
        return replace(proposal, delivery=f"{REFUSED}: {declined.summary}")
    return replace(proposal, delivery=ACKNOWLEDGED)


def _register(station: Station, uploads: Uploads, parents: str) -> None:
    """Make the batch of the parents known; one that is not of these books is known there."""
    with station.ledger.read() as view:
        ours = any(row.batch == parents for row in view.batches())
    if ours:
        uploads.register(parents)


def _send(client: Client, sent: wire.Aggregation) -> None:
    try:
        client.aggregate(sent)
    except Away:
        # Perhaps only the answer was lost.
        if client.get_aggregation(sent.aggregation) is None:
            raise


def _wire(proposal: PackingProposal) -> wire.Aggregation:
    # It brings no head: that of an older copy would replace the one that shows it.
    return wire.Aggregation(
        aggregation=proposal.order or "",
        action=proposal.action,
        parents=proposal.parents,
        children=(proposal.children,),
        each=proposal.each,
    )

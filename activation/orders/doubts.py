"""Orders in doubt: refused, while the backend may have applied an earlier attempt at them.

A backend that keeps its answers, as the contract asks, leaves no doubt: it repeats the first. One
that forgets them refuses what it has done itself. What was seen then is an incident in the audit
chain; another ends the doubt, once a comparison has found both sides alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ...codegen.ledger.changes import Associated, Incident, IncidentFacts
from ...codegen.ledger.records import OrderRow
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.aggregation import Packing
from ...codegen.ranges.lifecycle import Action
from ...codegen.ranges.serials import Ranges
from .orders import REFUSED

IN_DOUBT, DOUBT_ENDED = "order-in-doubt", "doubt-ended"  # kinds of incident


@dataclass(frozen=True)
class DoubtfulOrder:
    """An order in doubt, and the serials it was to change. `detail`: what was seen.

    Of an association these are the children of its first batch.
    """

    order: str
    action: Action | Packing
    serials: Ranges
    detail: str


def doubted(row: OrderRow, detail: str) -> Incident:
    """To book beside the settlement of `row`."""
    action = None if isinstance(row.change, Associated) else row.change.action
    facts = IncidentFacts(
        batch=row.batch, order=row.order, action=action, serials=row.touched,
        codes=row.applied_count,
    )  # fmt: skip
    return Incident(IN_DOUBT, f"{_named(row.order, row.batch)}{detail}", facts)


def ended(batch: str, doubt: DoubtfulOrder) -> Incident:
    """To book once both sides of the batch were found alike."""
    detail = f"{_named(doubt.order, batch)}its codes stand at the backend as in the books"
    action = None if isinstance(doubt.action, Packing) else doubt.action
    facts = IncidentFacts(
        batch=batch, order=doubt.order, action=action, serials=doubt.serials,
        codes=serials.count(doubt.serials),
    )  # fmt: skip
    return Incident(DOUBT_ENDED, detail, facts)


def doubts(view: View, batch: str | None = None) -> tuple[DoubtfulOrder, ...]:
    """The orders in doubt, those of `batch` or all, oldest first."""
    over = {facts.order for facts, _ in _facts(view, DOUBT_ENDED)}
    return tuple(
        DoubtfulOrder(facts.order, _action(view, facts), facts.serials, _told(detail, facts))
        for facts, detail in _facts(view, IN_DOUBT)
        if facts.order is not None
        and facts.serials is not None
        and facts.order not in over
        and batch in (None, facts.batch)
    )


def refused_for_good(view: View, batch: str) -> bool:
    """Whether the backend refused an order of `batch` that was never in doubt."""
    doubted = {facts.order for facts, _ in _facts(view, IN_DOUBT)}
    refused = view.orders(batch, REFUSED, limit=len(doubted) + 1)
    return any(row.order not in doubted for row in refused)


def _named(order: str, batch: str | None) -> str:
    return f"order {order} of batch {batch}: "


def _action(view: View, facts: IncidentFacts) -> Action | Packing:
    """What the order was to do: an incident's facts name no association."""
    return facts.action or view.order(facts.order or "").change.action


def _told(detail: str, facts: IncidentFacts) -> str:
    return detail.removeprefix(_named(facts.order or "", facts.batch))


def _facts(view: View, kind: str) -> Iterator[tuple[IncidentFacts, str]]:
    for event in view.incidents(kind):
        if isinstance(event.change, Incident) and event.change.facts is not None:
            yield event.change.facts, event.change.detail

"""What became of an order whose answer was lost, or that the backend refused.

An order is sent again after a lost answer, and a backend that keeps its answers repeats the first
one. One that forgets them, or that has narrowed a key's scope since, refuses an order that it has
applied. So there are two questions:

1. `GET /v1/orders/{order}`, of an association `GET /v1/aggregations/{order}`, before an order is
   sent again, and after a refusal: if it was applied and the backend says so, that is its answer.
2. After a refusal the ranges, or what the children lie in, are read back: do all of its codes stand
   as it leaves them? If only some do, they differ from the books, and a comparison names them.

Somebody else may have brought the codes there. A backend is said to forget only of an order that
was tried before, and only if it does not know what it must have kept; or, with an *or*, if there is
nothing to ask it for, and no earlier refusal explains why the order was not possible.
"""

from dataclasses import dataclass

from ...codegen.ledger.changes import Associated
from ...codegen.ledger.records import OrderRow
from ...codegen.ranges import serials
from ...codegen.ranges.lifecycle import Action
from ..client.protocol import Away, Client, Declined
from ..client.wire import AggregationAnswer, OrderAnswer
from .read_back import may_pass, stand

Answer = OrderAnswer | AggregationAnswer
# The refusals that no repetition follows from, and that the contract has a backend keep. An order
# outside of its batch was not applied before.
_KEPT = frozenset(
    {"blocked", "count-differs", "count-required", "child-taken", "child-elsewhere", "nesting"}
)

KEPT_HERE = "kept here alone: [backend] aggregations = false"  # it was never sent

FORGETS = "perhaps applied before: this backend forgets orders"
OR_OTHERS = ", or somebody else ordered the same"
STANDS = "its codes stand there as it leaves them"
UNREAD = "whether it was applied before could not be read back"
UNHEARD = "which of its codes had been scanned before is not known"


@dataclass(frozen=True)
class Inquiry:
    """What the backend has of a refused order.

    `answer`: it was applied, and this was said of it. `doubt`: why it may have been applied all
    the same. None of both: it was not.
    """

    answer: Answer | None = None
    doubt: str | None = None


def kept_answer(client: Client, row: OrderRow) -> Answer | None:
    """What the backend says that it answered to `row`, which was sent before. Raises `Away`."""
    return _kept(client, row)[1]


@dataclass(frozen=True)
class Past:
    """What the books know: an order that the backend took; whether it `refused` any for good."""

    taken: OrderRow | None
    refused: bool


def after_refusal(client: Client, row: OrderRow, refusal: str, past: Past | None) -> Inquiry:
    """What became of `row`, refused with the problem `refusal`. Raises `Away`.

    `past`: None if this attempt was the first.
    """
    known, answer = _kept(client, row)
    if answer is not None and refusal != "order-differs":
        return Inquiry(answer)
    stands = stand(client, row)
    if stands is None:
        return Inquiry(doubt=UNREAD if past else None)
    if not stands:
        return Inquiry()
    doubt = STANDS
    if past and ((known is False and refusal in _KEPT) or forgets(client, past.taken)):
        doubt = FORGETS
    elif past and past.taken is None and not past.refused and refusal in _KEPT:
        doubt = FORGETS + OR_OTHERS
    if row.change.action is Action.ACTIVATE:
        doubt += f"; {UNHEARD}"
    return Inquiry(doubt=doubt)


def after_no_effect(client: Client, row: OrderRow, answer: Answer) -> str | None:
    """Why `row`, tried again, is in doubt: the backend changed fewer codes than the books.

    An association is taken whole or not at all.
    """
    if isinstance(answer, AggregationAnswer) or answer.applied_count >= row.applied_count:
        return None
    try:
        if forgets(client, row) and stand(client, row):
            return FORGETS
    except Away:  # it was taken: that is settled now
        pass
    return None


def _asked(client: Client, row: OrderRow) -> Answer | None:
    if isinstance(row.change, Associated):
        return client.get_aggregation(row.order)
    return client.get_order(row.order)


def _kept(client: Client, row: OrderRow) -> tuple[bool | None, Answer | None]:
    """Whether the backend knows the order (None: it does not say), and what it answered to it."""
    try:
        answer = _asked(client, row)
    except Declined:
        return True, None  # the refusal that it keeps, or one of the question
    except Away as away:
        if may_pass(away):
            raise
        return None, None
    if answer is None:
        return False, None
    return True, answer if _is_of(answer, row) else None


def _is_of(answer: Answer, row: OrderRow) -> bool:
    """Whether it may be the answer to this order: somebody may have used its id for another."""
    if isinstance(answer, AggregationAnswer):
        told = answer.action, answer.children_count, answer.dry_run
        return told == (row.change.action, row.applied_count, False)
    asked = row.range_order.serials
    named = serials.union((*answer.applied, *answer.skipped))
    outside, missing = serials.subtract(named, asked), serials.subtract(asked, named)
    ours = row.batch, row.change.action, False
    alike = (answer.batch, answer.action, answer.dry_run) == ours
    return alike and not outside and (answer.truncated or not missing)


def forgets(client: Client, row: OrderRow | None) -> bool:
    """Whether the backend does not know the order of `row`, which it took. Raises `Away`."""
    if row is None or KEPT_HERE in (row.detail or ""):
        return False
    try:
        return _asked(client, row) is None
    except Declined:
        return False
    except Away as away:
        if may_pass(away):
            raise
        return False

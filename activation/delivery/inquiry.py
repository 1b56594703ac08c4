"""What became of an order whose answer was lost, or that the backend refused.

An order is sent again after a lost answer, and a backend that keeps its answers repeats the first
one. One that forgets them, or that has narrowed a key's scope since, refuses an order that it has
applied. So there are two questions:

1. `GET /v1/orders/{order}`, before an order is sent again, and after a refusal: if it was applied
   and the backend says so, that is its answer.
2. After a refusal the ranges are read back: do all of its codes stand as it leaves them? If only
   some do, they differ from the books, and a comparison names them.

Somebody else may have brought the codes there. A backend is said to forget only of an order that
was tried before, and only if it does not know what it must have kept; or, with an *or*, if there is
nothing to ask it for, and no earlier refusal explains why the order was not possible.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ...codegen.ledger.records import OrderRow
from ...codegen.ranges import serials
from ...codegen.ranges.lifecycle import Action, ApiState, to_api_state
from ...codegen.ranges.serials import Ranges
from ..client.protocol import NOT_OFFERED, Away, Client, Declined, StrangeAnswer
from ..client.wire import OrderAnswer, RangeState
from ..orders.booked import LEAVES
from .api_objects import is_same

# The refusals that no repetition follows from, and that the contract has a backend keep. An order
# outside of its batch was not applied before.
_KEPT = frozenset({"blocked", "count-differs", "count-required"})

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

    answer: OrderAnswer | None = None
    doubt: str | None = None


def kept_answer(client: Client, row: OrderRow) -> OrderAnswer | None:
    """What the backend says that it answered to `row`, which was sent before. Raises `Away`."""
    return _kept(client, row)[1]


@dataclass(frozen=True)
class Past:
    """What the books know: an order that the backend took; whether it `refused` any for good."""

    taken: str | None
    refused: bool


def after_refusal(client: Client, row: OrderRow, refusal: str, past: Past | None) -> Inquiry:
    """What became of `row`, refused with the problem `refusal`. Raises `Away`.

    `past`: None if this attempt was the first.
    """
    known, answer = _kept(client, row)
    if answer is not None and refusal != "order-differs":
        return Inquiry(answer)
    stands = _stand(client, row)
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


def after_no_effect(client: Client, row: OrderRow) -> str | None:
    """Why `row`, tried again, is in doubt: the backend changed fewer codes than the books."""
    try:
        if forgets(client, row.order) and _stand(client, row):
            return FORGETS
    except Away:  # it was taken: that is settled now
        pass
    return None


def _kept(client: Client, row: OrderRow) -> tuple[bool | None, OrderAnswer | None]:
    """Whether the backend knows the order (None: it does not say), and what it answered to it."""
    try:
        answer = client.get_order(row.order)
    except Declined:
        return True, None  # the refusal that it keeps, or one of the question
    except Away as away:
        if _may_pass(away):
            raise
        return None, None
    if answer is None:
        return False, None
    return True, answer if _is_of(answer, row) else None


def _is_of(answer: OrderAnswer, row: OrderRow) -> bool:
    """Whether it may be the answer to this order: somebody may have used its id for another."""
    named = serials.union((*answer.applied, *answer.skipped))
    change = row.range_order
    outside = serials.subtract(named, change.serials)
    missing = serials.subtract(change.serials, named)
    ours = row.batch, change.action, False
    alike = (answer.batch, answer.action, answer.dry_run) == ours
    return alike and not outside and (answer.truncated or not missing)


def forgets(client: Client, order: str | None) -> bool:
    """Whether the backend does not know `order`, which it took. Raises `Away`."""
    try:
        return order is not None and client.get_order(order) is None
    except Declined:
        return False
    except Away as away:
        if _may_pass(away):
            raise
        return False


def _may_pass(away: Away) -> bool:
    """Whether asking again later may help."""
    return not isinstance(away, StrangeAnswer) and away.status not in NOT_OFFERED


def _stand(client: Client, row: OrderRow) -> bool | None:
    """Whether all of its codes stand as it leaves them; None: they cannot be read back."""
    change = row.range_order
    left = {to_api_state(state) for state in LEAVES[change.action]}
    if change.action is not Action.VOID:
        left.discard(ApiState.VOID)
    try:
        return all(
            there.state in left
            and all(
                is_same(key, value, there.attributes.get(key))
                for key, value in change.attributes.items()
            )
            for there in _read_back(client, row.batch, row.touched)
        )
    except Declined as declined:
        return False if declined.problem.name == "not-found" else None
    except Away as away:
        if _may_pass(away):
            raise
        return None


def _read_back(client: Client, batch: str, wanted: Ranges) -> Iterator[RangeState]:
    """The backend's ranges that hold `wanted` serials; pages are read as it is consumed."""
    ranges: tuple[RangeState, ...] = ()
    for piece in wanted:
        after = piece.first - 1
        while after < piece.last:
            there = next((item for item in ranges if item.first <= after + 1 <= item.last), None)
            if there is None:
                ranges = client.batch_page(batch, after).ranges
                if not ranges or ranges[0].first != after + 1:
                    raise StrangeAnswer(f"its ranges have a gap at serial {after + 1}")
                there = ranges[0]
            yield there
            after = there.last

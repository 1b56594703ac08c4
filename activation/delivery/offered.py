"""Whether a backend lacks the addresses about what lies in what: its contract is an older one.

Then an association is settled as refused: waiting for it would hold up the activations of its
batches for ever. Nothing is lost: the books keep it, and `reconcile --apply` sends what the backend
lacks once it offers the addresses. A gateway that answers 404 for all of a backend that is being
restarted must not be taken for that, so it counts only if the backend answers about the same
batch otherwise.
"""

from ...codegen.ledger.records import OrderRow
from ..client.protocol import NOT_OFFERED, Away, Client, Declined


def is_missing(client: Client, row: OrderRow, status: int | None) -> bool:
    """Whether the backend offers no aggregations, after it answered one with `status`.

    Raises `Away`.
    """
    if status not in NOT_OFFERED:
        return False
    last = row.touched[-1].last
    try:
        if client.parents_page(row.batch, last) is not None:
            return False
        client.batch_page(row.batch, last)
    except Declined:
        return False
    except Away as away:
        if away.status not in NOT_OFFERED:
            raise
        return False
    return True


def told(batch: str) -> str:
    """What is noted of an association that could not be sent for that."""
    return (
        "this backend keeps nothing of what lies in what: have its team add PUT"
        f" /v1/aggregations/{{id}}, then: mintmark reconcile {batch} --apply; or keep it here"
        " alone, with aggregations = false in [backend]"
    )

"""Whether codes stand at the backend as an order leaves them, read back page by page."""

from collections.abc import Iterator

from ...codegen.ledger.changes import Associated
from ...codegen.ledger.records import OrderRow
from ...codegen.ranges import serials
from ...codegen.ranges.aggregation import CodeRanges, Link
from ...codegen.ranges.lifecycle import Action, ApiState, to_api_state
from ...codegen.ranges.serials import LAST, Range, Ranges
from ..client.protocol import NOT_OFFERED, Away, Client, Declined, StrangeAnswer
from ..client.wire import RangeState
from ..orders import packed
from ..orders.booked import LEAVES
from .api_objects import is_same


def may_pass(away: Away) -> bool:
    """Whether asking again later may help."""
    return not isinstance(away, StrangeAnswer) and away.status not in NOT_OFFERED


def stand(client: Client, row: OrderRow) -> bool | None:
    """Whether all of its codes stand as it leaves them; None: they cannot be read back.

    Raises `Away`.
    """
    try:
        if isinstance(row.change, Associated):
            return all(_packed(client, row.change, part) for part in row.change.children)
        return _ordered(client, row)
    except Declined as declined:
        return False if declined.problem.name == "not-found" else None
    except Away as away:
        if may_pass(away):
            raise
        return None


def _ordered(client: Client, row: OrderRow) -> bool:
    change = row.range_order
    left = {to_api_state(state) for state in LEAVES[change.action]}
    if change.action is not Action.VOID:
        left.discard(ApiState.VOID)
    return all(
        there.state in left
        and all(
            is_same(key, value, there.attributes.get(key))
            for key, value in change.attributes.items()
        )
        for there in _ranges(client, row.batch, row.touched)
    )


def _ranges(client: Client, batch: str, wanted: Ranges) -> Iterator[RangeState]:
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


def _packed(client: Client, change: Associated, part: CodeRanges) -> bool:
    """Whether the children of `part` lie in what they joined; or no longer in what they left."""
    found = _links(client, part.batch, part.serials)
    return next(packed.astray(change, part, found), None) is None


def _links(client: Client, batch: str, wanted: Ranges) -> Iterator[Link]:
    """What `wanted` serials lie in, cut to them; pages are read as it is consumed."""
    links: tuple[Link, ...] = ()
    known = 0  # up to this serial the last page says what lies in what
    for piece in wanted:
        after = piece.first - 1
        while after < piece.last:
            if known <= after:
                page = client.parents_page(batch, after)
                if page is None:
                    raise StrangeAnswer("it does not offer what lies in what")
                links, known = page.links, page.next or LAST
            rest = Range(after + 1, min(piece.last, known))
            for link in links:
                for held in serials.intersect((link.serials,), (rest,)):
                    yield Link(batch, held, link.parent)
            after = rest.last

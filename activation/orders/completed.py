"""What an activation gains from the books, beyond what it says: `max_scans` and `product`.

The product of a batch is what its codes are worth from the first (原生值), so the order that first
activates codes sets it. What the order itself or an earlier one has set stays. An order sets one
value for all its codes: where some have a product of their own, and others none, the others get
it by an order of their own, which is booked and cancelled with the first.
"""

from collections.abc import Iterator
from dataclasses import replace

from ...codegen.errors import Refused
from ...codegen.ledger.changes import Ordered
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.attributes import to_json
from ...codegen.ranges.lifecycle import Action, passed_over
from ...codegen.ranges.selection import RANGES_PER_ORDER
from ...codegen.ranges.serials import Range, Ranges
from .copies import MAX_SCANS, with_max_scans
from .parts import MEMBERS, member_id

PRODUCT = "product"
GAINED = frozenset({MAX_SCANS, PRODUCT})


def completed(view: View, change: Ordered) -> Ordered:
    """`change` with what it gains. One that is booked already stays as it was booked.

    Raises `Refused` as `copies.with_max_scans` does.
    """
    if change.action is not Action.ACTIVATE:
        return change
    booked = view.find_order(change.order)
    if booked is None:
        return _with_product(view, with_max_scans(view, change))
    known = booked.change
    said = {
        key: value
        for key, value in known.attributes.items()
        if key not in GAINED or key in change.attributes
    } if isinstance(known, Ordered) else None  # fmt: skip
    if isinstance(known, Ordered) and said == dict(change.attributes):
        return replace(change, attributes=known.attributes)
    return change


def apart(view: View, change: Ordered, order: str, first: int) -> Iterator[Ordered]:
    """The orders that set the product of codes to which `change`, completed, does not bring it.

    They are members of the request `order`, numbered from `first`. None if `change` is booked.
    Raises `Refused` if they would be too many.
    """
    if not _brings(change, view) or view.is_booked(change.order):
        return
    product, (unset, _) = view.batch(change.batch).product, _by_product(view, change)
    for number, begin in enumerate(range(0, len(unset), RANGES_PER_ORDER), first):
        if number > MEMBERS:
            raise Refused(
                "some of these codes have a product of their own, in too many pieces",
                "activate them package by package: --package P",
            )
        yield Ordered(
            order=member_id(order, number),
            batch=change.batch,
            action=Action.ASSIGN,
            serials=unset[begin : begin + RANGES_PER_ORDER],
            attributes={PRODUCT: product},
            line=change.line,
        )


def _brings(change: Ordered, view: View) -> bool:
    """Whether codes of `change` may need a product that it does not say."""
    return (
        change.action is Action.ACTIVATE
        and PRODUCT not in change.attributes
        and view.batch(change.batch).product is not None
    )


def _with_product(view: View, change: Ordered) -> Ordered:
    if not _brings(change, view):
        return change
    product, (unset, others) = view.batch(change.batch).product, _by_product(view, change)
    if not unset or others:
        return change
    return replace(change, attributes={**change.attributes, PRODUCT: product})


def _by_product(view: View, change: Ordered) -> tuple[Ranges, bool]:
    """The codes that have no product, and whether others have one that is not their batch's."""
    unset: list[Range] = []
    of_batch, others = view.batch(change.batch).product, False
    for tile in view.select(change.batch, serials.ordered(change.serials)):
        if change.skip_void and passed_over(tile.value.state, change.action):
            continue
        own = to_json(tile.value.attributes).get(PRODUCT)
        if own is None:
            unset.append(tile.serials)
        others = others or own not in (None, of_batch)
    return serials.join(unset), others

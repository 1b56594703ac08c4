"""A batch's product is what its codes are worth from the first: their first activation sets it."""

import pytest
from line_kit import URL, home_with_batches, opened, packaged

from mintmark.activation.intake.order_and_deliver import outcome
from mintmark.activation.orders.completed import PRODUCT
from mintmark.activation.orders.group import place
from mintmark.activation.orders.group_result import GroupResult
from mintmark.activation.orders.listing import cancel
from mintmark.activation.orders.orders import OrderRequest, OrderResult
from mintmark.activation.orders.selection import BySerials
from mintmark.codegen.errors import Refused
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges.attributes import to_json
from mintmark.codegen.ranges.lifecycle import Action


@pytest.fixture
def made(tmp_path):
    """A station, and a batch of 300 codes of honey, 200 of them packaged."""
    home, _ = home_with_batches(tmp_path)
    batch = packaged(home, 300, 200, url=URL, product="Honey 500 g")
    home.close()
    with opened(home.path) as station:
        yield station, batch


def give(station, batch, serials, action=Action.ACTIVATE, **more):
    return place(station, OrderRequest(action, batch, BySerials(serials), **more))


def products(station, batch, *numbers):
    with station.ledger.read() as view:
        return [to_json(view.at(batch, n).attributes).get(PRODUCT) for n in numbers]


def test_the_first_activation_sets_the_product_of_the_batch(made):
    station, batch = made
    (order,) = give(station, batch, "1-50", attributes={"lot": "L1"}).orders
    assert order.change.attributes == {"lot": "L1", PRODUCT: "Honey 500 g"}
    assert products(station, batch, 1, 50, 51) == ["Honey 500 g", "Honey 500 g", None]


@pytest.mark.parametrize("own", ["Gift", None])
def test_a_product_that_the_order_says_stays(made, own):
    station, batch = made
    give(station, batch, "1-50", attributes={PRODUCT: own})
    assert products(station, batch, 1, 50) == [own, own]


def test_a_product_that_codes_carry_stays_and_the_others_get_theirs(made):
    station, batch = made
    give(station, batch, "1-10", Action.ASSIGN, attributes={PRODUCT: "Gift"})
    order = {"order": "reel-1", "count": 50}
    (placed,) = give(station, batch, "1-50", **order).orders
    assert PRODUCT not in placed.change.attributes
    assert products(station, batch, 1, 10, 11, 50) == ["Gift", "Gift", *["Honey 500 g"] * 2]
    with station.ledger.read() as view:
        assert view.order("reel-1.part-2").change.attributes == {PRODUCT: "Honey 500 g"}
        before = view.head()
    assert give(station, batch, "1-50", **order).orders[0].repeated
    with station.ledger.read() as view:
        assert view.head() == before
    cancel(station, "reel-1")
    with station.ledger.read() as view:
        assert view.order("reel-1.part-2").status == "cancelled"
    assert verify(station.ledger).ok


def test_codes_that_have_it_already_bring_no_order_of_their_own(made):
    station, batch = made
    give(station, batch, "1-10", Action.ASSIGN, attributes={PRODUCT: "Honey 500 g"})
    give(station, batch, "1-20", order="reel-1")
    give(station, batch, "21-30", Action.ASSIGN, attributes={PRODUCT: "Gift"})
    give(station, batch, "21-30", order="reel-2")
    with station.ledger.read() as view:
        assert view.order("reel-1").change.attributes == {PRODUCT: "Honey 500 g"}
        assert view.order("reel-2").change.attributes == {}
        assert not view.has_order("reel-2.part-2")


def test_the_same_order_again_is_the_same_whatever_came_between(made):
    station, batch = made
    order = {"attributes": {"lot": "L1"}, "order": "reel-1"}
    give(station, batch, "1-50", **order)
    give(station, batch, "1-20", Action.ASSIGN, attributes={PRODUCT: "Gift"})
    assert give(station, batch, "1-50", **order).orders[0].repeated
    with pytest.raises(Refused, match="says something else"):
        give(station, batch, "1-50", **{**order, "attributes": {"lot": "L2"}})


def test_no_other_order_brings_a_product(made):
    station, batch = made
    for action in (Action.FREEZE, Action.UNFREEZE, Action.ASSIGN):
        give(station, batch, "1-5", action, attributes={"lot": "L1"})
    assert products(station, batch, 1) == [None]
    with opened(station.home) as again, again.ledger.read() as view:
        other = next(row.batch for row in view.batches() if row.product is None)
    give(station, other, "1-5")
    assert products(station, other, 1) == [None]


def test_a_request_of_two_products_tells_the_product_of_each_batch():
    window = {"window.dec": {"from": None, "until": None, "daily": None, "attributes": {}}}
    orders = tuple(
        OrderResult(
            f"o-{batch}", batch, (), (), (), Action.ACTIVATE, None,
            attributes={"lot": "L1", **window, PRODUCT: product},
        )
        for batch, product in (("A", "Tea"), ("B", "Case"))
    )  # fmt: skip
    result = GroupResult("o-A", Action.ACTIVATE, orders, 1, 1, 0, None, dry_run=True)
    told = [line.split(maxsplit=1)[1] for line in result.lines() if line.startswith("  set ")]
    assert [line.split(" = ")[0] for line in told] == ["lot", "window.dec", PRODUCT, PRODUCT]
    assert told[2:] == ["product = Tea, of batch A", "product = Case, of batch B"]


def test_an_order_for_the_product_that_the_backend_refused_is_told(made):
    station, batch = made
    give(station, batch, "1-10", Action.ASSIGN, attributes={PRODUCT: "Gift"})
    request = OrderRequest(Action.ACTIVATE, batch, BySerials("1-50"), order="reel-1")
    assert outcome(station, request, place(station, request), None).notes == ()
    station.ledger.commit(station.author, c.Settled("reel-1.part-2", "refused", "not this key"))
    (note,) = outcome(station, request, place(station, request), None).notes
    assert note.startswith("40 of these codes have no product at the backend")
    assert note.endswith("reel-1.part-2 was refused: not this key")

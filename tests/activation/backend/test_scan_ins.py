"""Dealers' scan-ins: what they open, once each, and how they are read back."""

from dataclasses import replace

import pytest
from backend_kit import make_batch, make_codes, prints

from mintmark.activation.backend import scan_ins
from mintmark.activation.backend.apply_aggregation import AggregationRequest
from mintmark.activation.backend.apply_order import Request
from mintmark.activation.backend.apply_scan_in import ScanInRequest
from mintmark.activation.backend.problems import Problem
from mintmark.codegen.ranges.aggregation import CodeRanges, Packing
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range, from_pairs

ITEMS = make_batch(40)
BOXES = make_batch(10, "HM00-BOXES0000", role="carton")
PALLETS = make_batch(4, "HM00-PALLETS00", role="pallet")
CODES = {
    batch.batch: make_codes(batch.quantity, prefix)
    for batch, prefix in ((ITEMS, "ABCD"), (BOXES, "BXBX"), (PALLETS, "PXPX"))
}
GATED = {"gate": "scan_in", "campaign": "DEC"}


def codes_of(batch, *pairs):
    return CodeRanges(batch.batch, from_pairs([list(pair) for pair in pairs], 1_000))


@pytest.fixture
def goods(store, clock):
    """Pallet 1 holds boxes 1 to 4, and each of these four items."""
    for batch in (ITEMS, BOXES, PALLETS):
        store.register(batch, clock())
        store.upload(batch.batch, 1, prints(CODES[batch.batch]), clock())
        whole = (Range(1, batch.quantity),)
        order = Request(f"on-{batch.batch}", batch.batch, Action.ACTIVATE, whole, attributes=GATED)
        store.order(order, clock())
    boxes = codes_of(BOXES, (1, 4))
    items, pallet = codes_of(ITEMS, (1, 16)), codes_of(PALLETS, (1, 1))
    store.aggregate(AggregationRequest("i", Packing.ASSOCIATE, (items,), boxes, 4), clock())
    store.aggregate(AggregationRequest("b", Packing.ASSOCIATE, (boxes,), pallet), clock())
    return store


@pytest.fixture
def take(goods, clock):
    def take(name, *codes, dealer="D7", **options):
        found = tuple([prints([code])] for code in codes)
        return goods.scan_in(ScanInRequest(name, dealer, found, codes, **options), clock())

    return take


def scan(store, clock, batch, serial):
    return store.scan([prints([CODES[batch.batch][serial - 1]])], None, clock())


def test_a_pallet_opens_all_that_lies_in_it_at_every_level(take, goods, clock):
    assert scan(goods, clock, ITEMS, 7).gate.value == "closed"
    answer = take("s-1", CODES[PALLETS.batch][0])
    assert answer.opened == (
        codes_of(ITEMS, (1, 16)), codes_of(BOXES, (1, 4)), codes_of(PALLETS, (1, 1)),
    )  # fmt: skip
    assert (answer.opened_count, answer.unknown, answer.truncated) == (21, (), False)
    assert answer.at == "2026-11-22T12:00:00Z"
    told = scan(goods, clock, ITEMS, 8)
    assert (told.gate.value, told.attributes) == ("open", {"campaign": "DEC"})
    assert scan(goods, clock, ITEMS, 17).gate.value == "closed"
    (piece, *_) = goods.page(ITEMS.batch).ranges
    assert (piece.attributes["scanned_in"], piece.attributes["dealer"]) == (answer.at, "D7")


def test_without_contents_a_box_opens_itself_alone(take):
    answer = take("s-1", CODES[BOXES.batch][1], contents=False)
    assert answer.opened == (codes_of(BOXES, (2, 2)),)


def test_a_code_that_nobody_knows_is_named_and_the_rest_is_opened(take):
    answer = take("s-1", "X" * 16, CODES[ITEMS.batch][19], "Y" * 16, CODES[ITEMS.batch][20])
    assert answer.unknown == (0, 2)
    assert answer.opened == (codes_of(ITEMS, (20, 21)),)


def test_what_the_dealer_has_in_stays_and_another_dealer_takes_it_over(take, goods, clock):
    first = take("s-1", CODES[BOXES.batch][0])
    clock.forward(hours=1)
    again = take("s-2", ranges=(codes_of(ITEMS, (1, 6)),))
    assert again.opened == (codes_of(ITEMS, (5, 6)),)
    other = take("s-3", CODES[ITEMS.batch][0], dealer="D8")
    assert other.opened == (codes_of(ITEMS, (1, 1)),)
    found = {
        piece.first: (piece.attributes.get("dealer"), piece.attributes.get("scanned_in"))
        for piece in goods.page(ITEMS.batch).ranges
    }
    assert found == {1: ("D8", other.at), 2: ("D7", first.at), 5: ("D7", again.at), 7: (None, None)}


def test_void_codes_are_passed_over(take, goods, clock):
    gone = Request("v", ITEMS.batch, Action.VOID, (Range(2, 3),), count=2, reason="stolen")
    goods.order(gone, clock())
    assert take("s-1", CODES[BOXES.batch][0]).opened[0] == codes_of(ITEMS, (1, 1), (4, 4))


def test_the_same_scan_in_keeps_its_answer_and_other_content_is_refused(take, clock):
    first = take("s-1", CODES[BOXES.batch][0], "X" * 16)
    clock.forward(days=1)
    assert take("s-1", CODES[BOXES.batch][0], "X" * 16) == first
    for other in ({"dealer": "D8"}, {"contents": False}, {"ranges": (codes_of(ITEMS, (9, 9)),)}):
        with pytest.raises(Problem) as refused:
            take("s-1", CODES[BOXES.batch][0], "X" * 16, **other)
        assert refused.value.name == "order-differs"
    with pytest.raises(Problem):
        take("s-1", "X" * 16, CODES[BOXES.batch][0])


def test_a_refusal_leaves_everything_as_it_was(take, goods):
    ranges = (codes_of(ITEMS, (1, 2)), codes_of(BOXES, (10, 11)))
    for batch, name in ((BOXES.batch, "outside"), ("HM00-NONE00000", "not-found")):
        with pytest.raises(Problem) as refused:
            take(f"s-{name}", ranges=(ranges[0], replace(ranges[1], batch=batch)))
        assert refused.value.name == name
    assert "dealer" not in goods.page(ITEMS.batch).ranges[0].attributes
    assert goods.scan_ins(0).scan_ins == ()


def test_a_range_without_room_for_two_attributes_is_in_the_way(take, goods, clock):
    full = {f"property.k{number}": "x" for number in range(61)}
    order = Request("full", ITEMS.batch, Action.ASSIGN, (Range(5, 5),), attributes=full)
    goods.order(order, clock())
    with pytest.raises(Problem) as refused:
        take("s-1", CODES[PALLETS.batch][0])
    assert refused.value.members["blocked"] == [
        {"batch": ITEMS.batch, "serials": [5, 5], "state": "active"}
    ]
    assert "dealer" not in goods.page(BOXES.batch).ranges[0].attributes


def test_scan_ins_are_read_back_in_order_and_those_that_changed_nothing_are_not(take, goods, clock):
    take("s-b", CODES[BOXES.batch][1])
    take("s-x", "X" * 16)
    clock.forward(seconds=90)
    take("s-a", CODES[BOXES.batch][0], dealer="D8")
    take("s-c", CODES[BOXES.batch][0], dealer="D8")
    page = goods.scan_ins(0)
    assert [(told.scan_in, told.dealer, told.at) for told in page.scan_ins] == [
        ("s-b", "D7", "2026-11-22T12:00:00Z"), ("s-a", "D8", "2026-11-22T12:01:30Z"),
    ]  # fmt: skip
    assert page.scan_ins[1].codes == (codes_of(ITEMS, (1, 4)), codes_of(BOXES, (1, 1)))
    assert goods.scan_ins(page.scan_ins[0].number).scan_ins == page.scan_ins[1:]


def test_a_page_of_scan_ins_is_cut_between_them(take, goods, monkeypatch):
    monkeypatch.setattr(scan_ins, "_PAGE_RANGES", 3)
    for name in "abcde":
        take(name, CODES[BOXES.batch]["abcde".index(name)])
    pages, after = [], 0
    while after is not None:
        page = goods.scan_ins(after)
        pages.append([told.scan_in for told in page.scan_ins])
        after = page.next
    assert pages == [["a"], ["b"], ["c"], ["d", "e"]]


def test_numbers_pass_those_of_books_that_were_lost(take, goods, clock):
    """Books brought back from a copy do not know the numbers that were told after it."""
    take("a", CODES[ITEMS.batch][0])
    (told,) = goods.scan_ins(0).scan_ins
    assert told.number == int(clock().timestamp())
    take("b", CODES[ITEMS.batch][1])
    assert [row.number for row in goods.scan_ins(told.number).scan_ins] == [told.number + 1]


def test_a_dealer_is_any_text_that_an_attribute_may_be(take, goods):
    assert take("odd", CODES[ITEMS.batch][20], dealer="D\x007\n\u9519").opened_count == 1
    assert goods.scan_ins(0).scan_ins[0].dealer == "D\x007\n\u9519"

"""What a scan tells of the other codes on the same item, and what it does not."""

import pytest
from backend_kit import make_batch, make_codes, prints

from mintmark.activation.backend import page
from mintmark.activation.backend.apply_order import Request
from mintmark.activation.client import wire
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

# The root, two partners of it, one that names a partner, and one of nobody's.
ROOT, INNER, GUIDE, THIRD, ALONE = (f"HM00-{name:0<9}" for name in ("M", "C", "a", "B", "D"))
BATCHES = {
    ROOT: {"role": "item"},
    INNER: {"role": "inner", "pair_of": ROOT},
    GUIDE: {"role": "guide", "pair_of": ROOT},
    THIRD: {"role": "outer", "pair_of": INNER},
    ALONE: {"role": "item"},
}
CODES = {name: make_codes(5, f"{number}A2C") for number, name in enumerate(BATCHES, 1)}


@pytest.fixture
def scan(store, clock):
    def scanned(batch, serial, scan_id=None):
        return store.scan([prints([CODES[batch][serial - 1]])], scan_id, clock())

    return scanned


@pytest.fixture
def give(store, clock):
    def order(name, batch, action, **options):
        store.order(Request(name, batch, Action(action), (Range(1, 5),), **options), clock())

    return order


@pytest.fixture
def ready(store, clock, give):
    def register(*names):
        for name in names:
            store.register(make_batch(5, name, **BATCHES[name]), clock())
            store.upload(name, 1, prints(CODES[name]), clock())
            give(f"o-{name}", name, "activate")

    return register


def told(answer):
    return [(pair.batch, pair.serial, pair.role) for pair in answer.pairs]


def test_each_code_tells_the_others_on_its_item(ready, scan):
    ready(*BATCHES)
    root, inner, guide, third = ((ROOT, 3, "item"), (INNER, 3, "inner"), (GUIDE, 3, "guide"),
                                 (THIRD, 3, "outer"))  # fmt: skip
    assert told(scan(ROOT, 3)) == [inner, guide]
    assert told(scan(INNER, 3)) == [third, root, guide]
    assert told(scan(GUIDE, 3)) == [inner, root]
    assert told(scan(THIRD, 3)) == [inner]
    assert told(scan(ALONE, 3)) == []


def test_a_partner_counts_from_the_moment_it_is_registered(ready, scan, store, clock):
    ready(INNER)
    assert told(scan(INNER, 1)) == []
    store.register(make_batch(5, ROOT), clock())
    assert told(scan(INNER, 1)) == [(ROOT, 1, "item")]
    assert told(scan(INNER, 2)) == [(ROOT, 2, "item")]


def test_a_role_of_the_range_comes_before_that_of_the_batch_in_whatever_state(ready, scan, give):
    ready(ROOT, INNER)
    give("assign", INNER, "assign", attributes={"role": "guide"})
    give("freeze", INNER, "freeze")
    assert told(scan(ROOT, 1)) == [(INNER, 1, "guide")]
    assert scan(INNER, 1).result == "frozen"
    assert told(scan(INNER, 1)) == [(ROOT, 1, "item")]


def test_a_partner_with_fewer_codes_has_none_for_the_rest(ready, scan, store, clock):
    ready(ROOT)
    store.register(make_batch(2, INNER, **BATCHES[INNER]), clock())
    assert [told(scan(ROOT, serial)) for serial in (2, 3)] == [[(INNER, 2, "inner")], []]


def test_a_kept_answer_tells_what_it_told(ready, scan):
    ready(ROOT)
    first = scan(ROOT, 1, "phone")
    ready(INNER)
    assert scan(ROOT, 1, "phone") == first
    assert told(scan(ROOT, 1, "other")) == [(INNER, 1, "inner")]


def test_many_at_once_each_tell_their_own(ready, store, clock):
    ready(*BATCHES)
    from mintmark.activation.backend.scanned_code import ScanRequest

    wanted = [(name, serial) for serial in (4, 2) for name in BATCHES]
    group = [ScanRequest([prints([CODES[name][serial - 1]])]) for name, serial in wanted]
    for (name, serial), answer in zip(wanted, store.scans(group, clock()), strict=True):
        assert (answer.batch, answer.serial) == (name, serial)
        assert {pair.serial for pair in answer.pairs} <= {serial}
        assert bool(answer.pairs) == (name != ALONE)


def test_the_page_tells_a_consumer_nothing_of_it(ready, scan):
    ready(ROOT, INNER)
    answer = scan(ROOT, 1)
    text = page.render(answer)
    assert told(answer)
    assert INNER not in text
    assert text == page.render(wire.ScanAnswer(**{**vars(answer), "pairs": ()}))

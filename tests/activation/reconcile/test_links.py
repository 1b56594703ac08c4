"""What codes lie in, compared and corrected: every difference told, and no more ordered."""

from collections.abc import Iterator
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_kit import Backend, client
from packing_desk import Older, desk_in

from mintmark.activation.client import wire
from mintmark.activation.delivery.deliver import deliver
from mintmark.activation.delivery.upload import Uploads
from mintmark.activation.orders.packed import beside
from mintmark.activation.reconcile.links import LinkDifference, _steps
from mintmark.activation.reconcile.reconcile import reconcile
from mintmark.activation.reconcile.sent import sent as sent_prints
from mintmark.codegen.ranges import aggregation
from mintmark.codegen.ranges.aggregation import CodeRanges, CodeRef, Link, Packing
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

B, SIZE = "ITEMS", 40
PARENTS = [CodeRef(batch, serial) for batch in ("C1", "C2") for serial in (1, 2, 3, 9)]
# Runs of serials, each in one parent or in none, as a line leaves them.
RUNS = st.lists(st.tuples(st.integers(1, 6), st.sampled_from([None, *PARENTS])), max_size=12)


def packed(runs):
    """Serial → parent."""
    parents = [parent for size, parent in runs for _ in range(size)]
    return {serial: parent for serial, parent in enumerate(parents[:SIZE], 1) if parent}


def links(books):
    """The links of `books`, touching ones of one parent joined."""
    found = []
    for serial, parent in sorted(books.items()):
        last = found[-1] if found else None
        if last and last.parent == parent and last.serials.last == serial - 1:
            found[-1] = Link(B, Range(last.serials.first, serial), parent)
        else:
            found.append(Link(B, Range(serial, serial), parent))
    return found


def differences(ours, theirs):
    found = beside(links(ours), links(theirs))
    return [LinkDifference(*item) for item in found if item[1] != item[2]]


@given(RUNS, RUNS)
def test_side_by_side_says_of_each_serial_what_both_say(mine, other):
    ours, theirs = packed(mine), packed(other)
    found = {}
    for piece, here, there in beside(links(ours), links(theirs)):
        for serial in range(piece.first, piece.last + 1):
            assert serial not in found
            found[serial] = here, there
    assert found == {serial: (ours.get(serial), theirs.get(serial)) for serial in {*ours, *theirs}}
    assert [*found] == sorted(found)


def apply(step, books):
    """As a backend does it: nobody is taken who lies elsewhere."""
    aggregation.check(step.parents, (step.children,), step.each)
    for link in aggregation.deal(step.parents, (step.children,), step.each):
        for serial in range(link.serials.first, link.serials.last + 1):
            if step.action is Packing.ASSOCIATE:
                assert serial not in books
                books[serial] = link.parent
            else:
                assert books.pop(serial) == link.parent


@given(RUNS, RUNS)
def test_what_is_proposed_brings_the_backend_to_the_books(mine, other):
    ours, theirs = packed(mine), packed(other)
    touched = {s for s in {*ours, *theirs} if ours.get(s) != theirs.get(s)}
    moved = set()
    for step in _steps(B, differences(ours, theirs)):
        moved |= {s for piece in step.children.serials for s in range(piece.first, piece.last + 1)}
        apply(step, theirs)
    assert theirs == ours
    assert moved == touched


def test_a_shift_that_packed_in_order_is_one_aggregation():
    ours = {serial: CodeRef("C1", -(-serial // 24)) for serial in range(1, 24_001)}
    (step,) = _steps(B, differences(ours, {}))
    assert step.each == 24
    assert step.children.serials == (Range(1, 24_000),)
    assert step.parents.serials == (Range(1, 1_000),)


@pytest.mark.parametrize("step", [1, 2])
def test_bounds_of_an_aggregation_are_kept(step):
    """Bottles as they came: every other one, three in a carton, cartons with gaps."""
    ours = {2 * n: CodeRef("C1", step * (n // 3) + 1) for n in range(1, 3_001)}
    theirs = {}
    steps = _steps(B, differences(ours, theirs))
    for found in steps:
        apply(found, theirs)
    assert theirs == ours
    assert len(steps) < 8


def serial_pairs(found: Iterator[tuple[Range, CodeRef | None, CodeRef | None]]):
    return [(str(piece), here, there) for piece, here, there in found]


def test_only_one_link_of_each_side_is_read_ahead():
    read = []

    def stream(name, parent):
        for n in range(1, 1_001):
            read.append((name, n))
            yield Link(B, Range(2 * n, 2 * n), parent)

    found = beside(stream("ours", PARENTS[0]), stream("theirs", PARENTS[1]))
    assert serial_pairs([next(found), next(found)])[1][0] == "4"
    assert max(len([*each]) for _, each in groupby(sorted(read), lambda pair: pair[0])) <= 3


# --- against a backend -------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path):
    with desk_in(tmp_path) as desk:
        yield desk


def compared(desk, *, line=None, batch=None, apply=False):
    return reconcile(desk.station, line or desk.real, batch or desk.items, apply=apply)


def sent(desk, order="a-1", **more):
    desk.associate(order, (desk.items, 1, 48), **({"carton": Range(1, 2), "each": 24} | more))
    assert deliver(desk.station, desk.real).queued == 0


def elsewhere(desk, action, first, last, carton):
    """Somebody else moves bottles at the backend."""
    children = (CodeRanges(desk.items, (Range(first, last),)),)
    parents = CodeRanges(desk.cartons, (Range(carton, carton),))
    desk.real.aggregate(wire.Aggregation(f"x-{first}-{carton}", action, parents, children))


def test_both_sides_alike(desk):
    sent(desk)
    found = compared(desk)
    assert (found.equal, found.links_compared, found.links, found.exit_code) == (True, True, 48, 0)
    assert [*found.lines()] == [f"batch {desk.items}: ledger and backend agree"]


def test_what_somebody_moved_there_is_told_and_moved_back(desk):
    sent(desk)
    elsewhere(desk, Packing.DISSOCIATE, 3, 6, 1)
    elsewhere(desk, Packing.ASSOCIATE, 5, 6, 9)
    elsewhere(desk, Packing.ASSOCIATE, 60, 61, 9)
    found = compared(desk)
    assert (found.equal, found.different, found.links_different, found.exit_code) == (
        False,
        0,
        6,
        3,
    )
    text = "\n".join(found.lines())
    assert f"batch {desk.items}: 6 codes lie in something else" in text
    assert f"  3-4  parent: here {desk.cartons}:1; there in nothing" in text
    assert f"  5-6  parent: here {desk.cartons}:1; there {desk.cartons}:9" in text
    assert f"  60-61  parent: here in nothing; there {desk.cartons}:9" in text
    assert f"associate 3-6 into {desk.cartons}:1" in text
    assert f"dissociate 5-6, 60-61 out of {desk.cartons}:9" in text
    assert not compared(desk).equal  # nothing was sent
    healed = compared(desk, apply=True)
    assert healed.equal
    assert {proposal.delivery for proposal in healed.associations} == {"acknowledged"}
    assert compared(desk).equal
    with desk.station.ledger.read() as view:
        noted = [event.change.detail for event in view.incidents("reconcile")]
    assert any("dissociate 5-6, 60-61 out of" in detail for detail in noted)


def test_a_backend_set_up_anew_gets_all_of_it_and_void_codes_stay_out(desk, tmp_path):
    sent(desk)
    desk.order(desk.items, "1-48")
    desk.order(desk.items, "5", Action.VOID, count=1, reason="damaged")
    assert deliver(desk.station, desk.real).queued == 0
    with Backend(tmp_path / "anew", desk.station.home) as backend, client(backend.url) as line:
        assert not compared(desk, line=line).equal
        healed = compared(desk, line=line, apply=True)
        assert healed.equal
        assert compared(desk, line=line).equal
        found = [str(link.serials) for link in line.parents_page(desk.items).links]
        assert found == ["1-4", "6-24", "25-48"]


def test_a_backend_that_keeps_none_is_told_and_the_rest_is_compared(desk):
    desk.associate("a-1", (desk.items, 1, 24))
    desk.order(desk.items, "1-24")
    line = Older(desk.real)
    assert deliver(desk.station, line).refused == ("a-1",)
    found = compared(desk, line=line)
    assert (found.equal, found.links_compared, found.links) == (True, False, 24)
    assert "not compared: what its codes lie in" in "\n".join(found.lines())
    # One day it offers the address, and has everything at once.
    healed = compared(desk, apply=True)
    assert healed.equal
    assert [proposal.each for proposal in healed.associations] == [None]
    assert compared(desk).links_compared


def test_corrections_of_what_lies_in_what_accuse_nobody_of_lost_fingerprints(desk):
    desk.order(desk.items, "1-24")
    sent(desk)
    elsewhere(desk, Packing.DISSOCIATE, 3, 6, 1)
    assert compared(desk, apply=True).equal
    with desk.station.ledger.read() as view:
        assert sent_prints(view, desk.items).within(Range(1, 300)) == (Range(1, 24),)


def test_an_association_in_doubt_is_compared_and_the_doubt_ends(desk):
    desk.associate("a-1", (desk.items, 1, 24))
    desk.order(desk.items, "1-24")
    for batch in (desk.items, desk.cartons):
        Uploads(desk.station, desk.real).register(batch)
    elsewhere(desk, Packing.ASSOCIATE, 1, 24, 1)
    assert deliver(desk.station, desk.real).refused == ("a-1",)
    assert [doubt.order for doubt in compared(desk).in_doubt] == ["a-1"]
    # Without the address nothing is known, and nothing is booked.
    assert compared(desk, line=Older(desk.real), apply=True).in_doubt
    assert compared(desk, apply=True).in_doubt == ()
    assert compared(desk).exit_code == 0

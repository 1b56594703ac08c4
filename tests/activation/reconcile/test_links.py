"""What codes lie in, compared and corrected: every difference told, and no more ordered."""

from collections.abc import Iterator
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.activation.orders.packed import beside
from mintmark.activation.reconcile.links import LinkDifference, _steps
from mintmark.codegen.ranges import aggregation
from mintmark.codegen.ranges.aggregation import CodeRef, Link, Packing
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

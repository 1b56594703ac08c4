import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model import runs

from mintmark.codegen.errors import UsageError
from mintmark.codegen.ranges.serials import (
    LAST,
    Range,
    count,
    describe,
    from_pairs,
    from_text,
    intersect,
    join,
    of,
    ordered,
    pieces,
    subtract,
    to_pairs,
    union,
)

N = 60
SETS = st.sets(st.integers(1, N))
FILLED = st.sets(st.integers(1, N), min_size=1)


def as_ranges(serials):
    return tuple(Range(first, last) for first, last in runs(serials))


def as_set(ranges):
    serials = [serial for piece in ranges for serial in range(piece.first, piece.last + 1)]
    assert len(serials) == len(set(serials)), "a serial is in two ranges"
    return set(serials)


@st.composite
def split(draw, serials=FILLED):
    """Disjoint ascending ranges, some of them touching, and the serials they hold."""
    held = draw(serials)
    ranges = []
    for first, last in runs(held):
        cuts = draw(st.sets(st.integers(first, last)))
        start = first
        for stop in sorted(cuts | {last}):
            ranges.append(Range(start, stop))
            start = stop + 1
    return ranges, held


@pytest.mark.parametrize("bounds", [(0, 5), (-3, 5), (6, 5), (0, 0)])
def test_a_range_is_never_backwards_nor_below_1(bounds):
    with pytest.raises(ValueError, match="not a range"):
        Range(*bounds)


def test_a_range_shows_and_counts_both_ends():
    assert (str(Range(7, 9)), len(Range(7, 9)), Range(7, 9).pair()) == ("7-9", 3, [7, 9])
    assert (str(Range(7, 7)), len(Range(7, 7)), Range(7, 7).pair()) == ("7", 1, [7, 7])


@given(split())
def test_what_the_program_wrote_itself_is_read_back(written):
    ranges, held = written
    assert from_text(",".join(map(str, ranges))) == as_ranges(held)


@given(split(), st.randoms(use_true_random=False))
def test_ordered_keeps_the_serials_and_joins_what_touches(written, random):
    ranges, held = written
    random.shuffle(ranges)
    assert ordered(iter(ranges)) == as_ranges(held)


@given(split(), st.data())
def test_ordered_refuses_any_overlap(written, data):
    ranges, held = written
    inside = data.draw(st.sampled_from(sorted(held)))
    twice = Range(
        data.draw(st.integers(1, inside)),
        data.draw(st.integers(inside, N)),
    )
    with pytest.raises(UsageError, match="overlap"):
        ordered([*ranges, twice])


def test_ordered_takes_nothing():
    assert ordered([]) == ()


@given(FILLED)
def test_pairs_go_through_json_and_back(held):
    ranges = as_ranges(held)
    assert from_pairs(json.loads(json.dumps(to_pairs(ranges))), len(ranges)) == ranges


@given(split(), st.randoms(use_true_random=False))
def test_pairs_may_come_in_any_order(written, random):
    ranges, held = written
    random.shuffle(ranges)
    assert from_pairs(to_pairs(ranges), 1_000) == as_ranges(held)


@pytest.mark.parametrize(
    "pairs",
    [
        None,
        "1-5",
        {"1": 5},
        5,
        ((1, 5),),
        [1, 5],
        [(1, 5)],
        [[1]],
        [[1, 2, 3]],
        [[]],
        [["1", "5"]],
        [[1.0, 5.0]],
        [[True, 5]],
        [[1, True]],
        [[None, 5]],
        [[0, 5]],
        [[-5, 5]],
        [[5, 1]],
        [[1, LAST + 1]],
        [[1, 10**5000]],
        [[10**5000, 10**5000]],
        [[1, 5], [5, 9]],
        [[1, 5], "6"],
    ],
)
def test_json_that_is_not_pairs_is_refused(pairs):
    with pytest.raises(UsageError) as caught:
        from_pairs(pairs, 10)
    assert len(caught.value.message) < 120


def test_more_pairs_than_the_limit_are_refused():
    pairs = [[serial, serial] for serial in range(1, 24, 2)]
    assert len(from_pairs(pairs, 12)) == 12
    with pytest.raises(UsageError, match="at most 11"):
        from_pairs(pairs, 11)


def test_the_highest_serial_json_can_name_still_counts():
    (highest,) = from_pairs([[1, LAST]], 1)
    assert count([highest]) == LAST == len(highest)


def test_no_pairs_are_no_ranges():
    assert from_pairs([], 0) == ()
    assert to_pairs([]) == []


@given(split())
def test_count_is_the_number_of_serials(written):
    ranges, held = written
    assert count(ranges) == len(held)


@given(split(), st.integers(1, N + 5))
def test_pieces_are_the_same_serials_in_order_and_never_too_long(written, size):
    ranges, held = written
    cut = list(pieces(ranges, size))
    assert cut == sorted(cut)
    assert as_set(cut) == held
    for piece in cut:
        assert len(piece) <= size
        assert any(r.first <= piece.first and piece.last <= r.last for r in ranges)
    # As few as can be: only the last piece of a range is short.
    assert len(cut) == sum(-(-len(piece) // size) for piece in ranges)


def test_pieces_of_a_hundred_million_come_lazily():
    cut = pieces([Range(1, 100_000_000)], 65_536)
    assert [next(cut), next(cut)] == [Range(1, 65_536), Range(65_537, 131_072)]


@given(split(SETS), split(SETS))
def test_subtract_is_the_difference_of_sets(left, right):
    (ranges, held), (holes, missing) = left, right
    rest = subtract(ranges, holes)
    assert list(rest) == sorted(rest)
    assert as_set(rest) == held - missing


@given(split(SETS))
def test_subtract_has_its_zeros(written):
    ranges, _ = written
    assert subtract(ranges, []) == tuple(ranges)
    assert subtract(ranges, ranges) == ()
    assert subtract([], ranges) == ()
    assert subtract(ranges, [Range(1, N)]) == ()


def test_describe_says_how_many_it_left_out():
    ranges = [Range(1, 10), Range(20, 20), Range(31, 40), Range(50, 51)]
    assert describe(ranges) == "1-10, 20, 31-40, 50-51"
    assert describe(ranges, 4) == "1-10, 20, 31-40, 50-51"
    assert describe(ranges, 3) == "1-10, 20, 31-40 and 1 more"
    assert describe(ranges, 1) == "1-10 and 3 more"


ANY = st.lists(st.tuples(st.integers(1, N), st.integers(0, 9)).map(lambda p: Range(p[0], sum(p))))


@given(ANY)
def test_a_union_holds_what_any_of_them_holds(ranges):
    held = {serial for piece in ranges for serial in range(piece.first, piece.last + 1)}
    assert union(ranges) == as_ranges(held)


@given(st.lists(st.integers(1, N)))
def test_serials_named_by_number(numbers):
    assert of(numbers) == as_ranges(set(numbers))


@given(SETS, SETS)
def test_what_lies_in_both(left, right):
    assert intersect(as_ranges(left), as_ranges(right)) == as_ranges(left & right)


def test_joining_keeps_the_order():
    """As lanes have it: a lane's serials follow one another, the lanes do not."""
    lanes = [Range(1, 5), Range(101, 105), Range(6, 9), Range(106, 106)]
    assert join(lanes) == tuple(lanes)
    assert join([Range(1, 5), Range(6, 9), Range(101, 105), Range(106, 106), Range(2, 3)]) == (
        Range(1, 9),
        Range(101, 106),
        Range(2, 3),
    )

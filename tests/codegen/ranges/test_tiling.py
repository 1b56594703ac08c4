import sys
import tracemalloc
from itertools import groupby

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from model import runs

from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.ranges.tiling import (
    BLOCKED_SHOWN,
    Blocked,
    Stuck,
    Tile,
    join,
    rewrite,
    select,
)

MILLION = 1_000_000
MANY = 100_000
N = 40
VALUES = "abc"
# A change maps each value to another; None: it refuses.
CHANGES = st.fixed_dictionaries({value: st.sampled_from([*VALUES, None]) for value in VALUES})
CERTAIN = st.fixed_dictionaries({value: st.sampled_from(VALUES) for value in VALUES})


def as_change(table):
    def change(value):
        if table[value] is None:
            raise Stuck
        return table[value]

    return change


def as_ranges(serials):
    return [Range(first, last) for first, last in runs(serials)]


def as_tiles(codes):
    """The fewest tiles of a dict serial → value without gaps."""
    tiles = []
    for value, group in groupby(sorted(codes), key=codes.__getitem__):
        serials = list(group)
        tiles.append(Tile(Range(serials[0], serials[-1]), value))
    return tiles


def as_codes(tiles):
    codes = {}
    for tile in tiles:
        for serial in range(tile.serials.first, tile.serials.last + 1):
            assert serial not in codes, "a serial is in two tiles"
            codes[serial] = tile.value
    return codes


def cut_more(draw, ranges, bounds):
    """The same serials in more ranges than it takes."""
    cuts = draw(st.sets(bounds))
    result = []
    for piece in ranges:
        first = piece.first
        for stop in sorted(cut for cut in cuts | {piece.last} if piece.first <= cut <= piece.last):
            result.append(Range(first, stop))
            first = stop + 1
    return result


@st.composite
def tilings(draw, *, joined=False):
    """A dict serial → value over some interval, and tiles of it."""
    start = draw(st.integers(1, 5))
    lengths = draw(st.lists(st.tuples(st.sampled_from(VALUES), st.integers(1, 6)), min_size=1))
    values = [value for value, length in lengths for _ in range(length)][:N]
    codes = dict(enumerate(values, start))
    tiles = as_tiles(codes)
    if not joined:
        pieces = cut_more(draw, [tile.serials for tile in tiles], st.sampled_from(sorted(codes)))
        tiles = [Tile(piece, codes[piece.first]) for piece in pieces]
    return codes, tiles


@st.composite
def cases(draw, *, joined=False, least=0):
    """Codes, their tiles, some of their serials, and those as ranges."""
    codes, tiles = draw(tilings(joined=joined))
    serials = st.sampled_from(sorted(codes))
    chosen = draw(st.sets(serials, min_size=least))
    return codes, tiles, chosen, cut_more(draw, as_ranges(chosen), serials)


@given(cases(), CHANGES)
def test_rewriting_is_changing_every_code_or_none(case, table):
    codes, tiles, chosen, ranges = case
    before = list(tiles)
    stuck = {serial for serial in chosen if table[codes[serial]] is None}
    if not stuck:
        expected = {s: table[value] if s in chosen else value for s, value in codes.items()}
        assert rewrite(tiles, ranges, as_change(table)) == as_tiles(expected)
    else:
        with pytest.raises(Blocked) as caught:
            rewrite(tiles, ranges, as_change(table))
        assert as_codes(caught.value.tiles) == {serial: codes[serial] for serial in stuck}
        assert caught.value.total == len(caught.value.tiles)
    assert tiles == before


@given(cases(), CERTAIN)
def test_tiles_may_come_from_an_iterator(case, table):
    _, tiles, _, ranges = case
    assert rewrite(iter(tiles), ranges, as_change(table)) == rewrite(
        tiles, ranges, as_change(table)
    )


@given(cases(joined=True, least=1), CERTAIN)
def test_the_touched_tiles_and_their_neighbours_are_enough(case, table):
    _, tiles, chosen, ranges = case
    touched = [
        index
        for index, tile in enumerate(tiles)
        if any(tile.serials.first <= serial <= tile.serials.last for serial in chosen)
    ]
    first, stop = max(0, touched[0] - 1), touched[-1] + 2
    part = rewrite(tiles[first:stop], ranges, as_change(table))
    assert [*tiles[:first], *part, *tiles[stop:]] == rewrite(tiles, ranges, as_change(table))


@given(cases())
def test_select_is_the_chosen_codes(case):
    codes, tiles, chosen, ranges = case
    assert as_codes(select(tiles, ranges)) == {serial: codes[serial] for serial in chosen}


@given(cases())
def test_select_joined_is_as_few_tiles_as_can_be(case):
    codes, tiles, chosen, ranges = case
    expected = []
    for piece in as_ranges(chosen):
        expected += as_tiles({s: codes[s] for s in range(piece.first, piece.last + 1)})
    assert join(select(tiles, ranges)) == expected


@given(tilings())
def test_join_is_the_fewest_tiles_and_no_more_than_once(tiling):
    codes, tiles = tiling
    assert join(iter(tiles)) == as_tiles(codes)
    assert join(join(tiles)) == join(tiles)


def test_join_keeps_a_gap():
    apart = [Tile(Range(1, 2), "a"), Tile(Range(4, 5), "a")]
    assert join(apart) == apart
    assert join([]) == []


def test_equal_codes_join_across_both_edges():
    tiles = [Tile(Range(1, 3), "a"), Tile(Range(4, 6), "b"), Tile(Range(7, 9), "a")]
    assert rewrite(tiles, [Range(4, 6)], lambda _: "a") == [Tile(Range(1, 9), "a")]


def refuse(_):
    raise Stuck


USES = {
    "rewrite": lambda tiles, ranges: rewrite(tiles, ranges, lambda value: value),
    "blocked": lambda tiles, ranges: rewrite(tiles, ranges, refuse),
    "select": lambda tiles, ranges: list(select(tiles, ranges)),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
class TestBrokenBooks:
    """What is no tiling, or asks for serials that are not there, is never answered in part."""

    @given(tilings(), st.data())
    def test_a_gap_or_an_overlap(self, use, tiling, data):
        codes, tiles = tiling
        assume(len(tiles) > 1)
        index = data.draw(st.integers(1, len(tiles) - 1))
        kind = data.draw(st.sampled_from(["missing", "doubled", "backwards"]))
        if kind == "missing":
            assume(index < len(tiles) - 1)
            broken = [*tiles[:index], *tiles[index + 1 :]]
        elif kind == "doubled":
            broken = [*tiles[:index], *tiles[index - 1 :]]
        else:
            broken = tiles[::-1]
        ranges = as_ranges(codes)
        with pytest.raises(ValueError, match=r"gap or an overlap|do not cover"):
            use(broken, ranges)

    @given(cases(least=1), st.data())
    def test_serials_before_or_behind(self, use, case, data):
        codes, tiles, chosen, _ = case
        low, high = min(codes), max(codes)
        behind = data.draw(st.integers(high + 1, high + 9))
        with pytest.raises(ValueError, match="do not cover"):
            use(tiles, as_ranges({*chosen, behind}))
        assume(low > 1)
        with pytest.raises(ValueError, match="do not cover"):
            use(tiles, as_ranges({*chosen, data.draw(st.integers(1, low - 1))}))

    def test_serials_of_no_tiles(self, use):
        assert use([], []) == []
        with pytest.raises(ValueError, match="do not cover"):
            use([], [Range(1, 1)])

    @pytest.mark.parametrize(
        "ranges",
        [
            [Range(5, 6), Range(1, 2)],
            [Range(1, 5), Range(3, 8)],
            [Range(1, 5), Range(5, 8)],
            [Range(3, 3), Range(3, 3)],
        ],
    )
    def test_serials_out_of_order_or_named_twice(self, use, ranges):
        with pytest.raises(ValueError, match="ascend"):
            use([Tile(Range(1, 10), "a")], ranges)


def test_an_error_of_the_change_itself_is_not_swallowed():
    def broken(value):
        return 1 // value

    with pytest.raises(ZeroDivisionError):
        rewrite([Tile(Range(1, 9), 0)], [Range(2, 3)], broken)


def test_of_many_tiles_in_the_way_a_few_are_shown_and_all_counted():
    tiles = (Tile(Range(serial, serial), serial % 2) for serial in range(1, MANY + 1))
    with pytest.raises(Blocked) as caught:
        rewrite(tiles, [Range(1, MANY)], refuse)
    assert caught.value.total == MANY
    assert len(caught.value.tiles) == BLOCKED_SHOWN
    assert caught.value.tiles[-1] == Tile(Range(BLOCKED_SHOWN, BLOCKED_SHOWN), BLOCKED_SHOWN % 2)


def test_a_million_fragments():
    """Half a million scattered voids in fifty million codes, then taken back."""
    step, voids = 100, MILLION // 2
    quantity = step * voids
    # Serials 100, 200, …: each void leaves the 99 active before it.
    ranges = [Range(serial, serial) for serial in range(step, quantity + 1, step)]
    minted = [Tile(Range(1, quantity), "active")]

    scattered = rewrite(minted, ranges, lambda _: "void")
    assert len(scattered) == MILLION
    assert scattered[:2] == [Tile(Range(1, 99), "active"), Tile(Range(100, 100), "void")]
    assert scattered[-1] == Tile(Range(quantity, quantity), "void")
    # A tile weighs two small objects, without a __dict__.
    tile = scattered[0]
    assert not hasattr(tile, "__dict__")
    assert not hasattr(tile.serials, "__dict__")
    assert sys.getsizeof(tile) + sys.getsizeof(tile.serials) < 200

    cut = rewrite(scattered, [Range(150, 150)], lambda _: "void")
    assert len(cut) == MILLION + 2
    assert cut[2:5] == [
        Tile(Range(101, 149), "active"),
        Tile(Range(150, 150), "void"),
        Tile(Range(151, 199), "active"),
    ]
    assert rewrite(scattered, ranges, lambda _: "active") == minted


def test_tiles_that_come_from_an_iterator_are_not_kept():
    def tiles():
        return (Tile(Range(serial, serial), serial % 2) for serial in range(1, MANY + 1))

    ranges = [Range(1, MANY)]
    tracemalloc.start()
    try:
        joined = rewrite(tiles(), ranges, lambda _: "void")
        odd = sum(tile.value for tile in select(tiles(), ranges))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert joined == [Tile(Range(1, MANY), "void")]
    assert odd == MANY // 2
    assert peak < 64 * 1024


def test_a_hundred_tiles_in_the_way_are_shown():
    tiles = [Tile(Range(serial, serial), serial % 2) for serial in range(1, 102)]
    for last, shown in ((99, 99), (100, 100), (101, 100)):
        with pytest.raises(Blocked, match="tiles in the way") as caught:
            rewrite(tiles, [Range(1, last)], refuse)
        assert (len(caught.value.tiles), caught.value.total) == (shown, last)

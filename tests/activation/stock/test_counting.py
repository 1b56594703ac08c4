"""The pure part of the stock: groups of the books against ranges of a backend, code by code."""

import csv
import io
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.activation.client.protocol import StrangeAnswer
from mintmark.activation.client.wire import RangeState
from mintmark.activation.stock import table
from mintmark.activation.stock.counting import MovedError, count
from mintmark.activation.stock.grouping import Grouping, StockSpan, check
from mintmark.activation.stock.groups import StockGroup
from mintmark.codegen.errors import UsageError
from mintmark.codegen.ranges.attributes import from_json
from mintmark.codegen.ranges.lifecycle import ApiState, Standing, State
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.ranges.tiling import Tile

N = 40
NOW = datetime(2026, 12, 24, 12, tzinfo=UTC)


@st.composite
def cuts(draw):
    found = sorted(draw(st.sets(st.integers(1, N - 1), max_size=8)) | {0, N})
    return [Range(a + 1, b) for a, b in pairwise(found)]


@st.composite
def backends(draw):
    """Any ranges, any codes scanned; some backends do not tell which of them are new."""
    some = st.sets(st.integers(1, N))
    size, tells = draw(st.integers(1, 4)), draw(st.booleans())
    return Backend(draw(cuts()), draw(some), draw(some), size, tells=tells)


@st.composite
def books(draw):
    """Spans as `Grouping.spans` makes them: neighbours differ."""
    found = []
    for serials in draw(cuts()):
        active = draw(st.booleans())
        value = draw(st.sampled_from([None, "a", "b"])) if active else None
        last = found[-1] if found else None
        if last and (last.active, last.value) == (active, value):
            found[-1] = StockSpan(Range(last.serials.first, serials.last), active, value)
        else:
            found.append(StockSpan(serials, active, value))
    return found


class Backend:
    """Its ranges, the codes scanned and those scanned lately; pages of `size` ranges."""

    def __init__(self, ranges, scanned, lately, size, *, tells):
        self.ranges, self.scanned, self.size, self.tells = ranges, scanned, size, tells
        self.lately = lately & scanned
        self.asked = 0

    def read(self, after):
        self.asked += 1
        cut = [Range(max(r.first, after + 1), r.last) for r in self.ranges if r.last > after]
        return [self._state(serials) for serials in cut[: self.size]]

    def _state(self, serials):
        within = set(range(serials.first, serials.last + 1))
        new = len(within & self.lately) if self.tells else None
        scanned = len(within & self.scanned)
        state = ApiState.ACTIVE
        return RangeState(serials.first, serials.last, state, {}, scanned, scanned_since=new)


@given(books(), backends())
def test_each_scanned_code_counts_once_for_its_own_group(spans, backend):
    found, new = Counter(), Counter()
    for part in count(spans, backend.read):
        assert part.span.active
        assert (part.new is None) == (not backend.tells)
        found[part.span.value] += part.scanned
        new[part.span.value] += part.new or 0
    wanted, wanted_new = Counter(), Counter()
    for span in filter(lambda span: span.active, spans):
        within = set(range(span.serials.first, span.serials.last + 1))
        wanted[span.value] += len(within & backend.scanned)
        wanted_new[span.value] += len(within & backend.lately) if backend.tells else 0
    assert +found == +wanted
    assert +new == +wanted_new


def test_ranges_cut_alike_are_read_once():
    ranges = [Range(n, n) for n in range(1, N + 1)]
    spans = [StockSpan(r, True, "ab"[r.first % 2]) for r in ranges]
    backend = Backend(ranges, set(range(1, 20)), set(), 10, tells=True)
    assert sum(part.scanned for part in count(spans, backend.read)) == 19
    assert backend.asked == 4


def test_groups_of_which_all_or_none_were_scanned_are_not_asked_for_again():
    spans = [StockSpan(Range(n, n), True, "ab"[n % 2]) for n in range(1, N + 1)]
    for scanned in (set(), set(range(1, N + 1))):
        backend = Backend([Range(1, N)], scanned, set(), 10, tells=True)
        assert sum(part.scanned for part in count(spans, backend.read)) == len(scanned)
        assert backend.asked == 1


@pytest.mark.parametrize(
    "ranges",
    [[Range(2, N)], [Range(1, 5), Range(7, N)], [Range(1, 5)], [Range(1, N + 1)], []],
)
def test_ranges_with_a_gap_or_beyond_the_batch_are_no_answer(ranges):
    backend = Backend(ranges, set(), set(), 1, tells=False)
    with pytest.raises(StrangeAnswer):
        list(count([StockSpan(Range(1, N), True, "a")], backend.read))


def test_ranges_that_change_under_the_reader_are_noticed():
    spans = [StockSpan(Range(1, 20), True, "a"), StockSpan(Range(21, N), True, "b")]
    backend = Backend([Range(1, N)], {1}, set(), 1, tells=False)
    first = backend.read(0)
    backend.ranges = [Range(1, 30), Range(31, N)]
    with pytest.raises(MovedError):
        list(count(spans, lambda after: backend.read(after) if after else first))


# --- groups ---------------------------------------------------------------------------------

DECEMBER = {
    "from": "2026-12-01T00:00:00Z",
    "until": "2027-01-01T00:00:00Z",
    "daily": None,
    "attributes": {"campaign": "DEC", "region": "CN-33"},
}


def tiles(*standings):
    return [Tile(Range(n * 10 + 1, n * 10 + 10), each) for n, each in enumerate(standings)]


def active(**values):
    return Standing(State.ACTIVE, "P1", attributes=from_json(values))


def values_of(by, *standings, product=None):
    grouping = Grouping(by, NOW)
    spans = grouping.spans(tiles(*standings), product)
    return [(len(span.serials), span.value) for span in spans if span.active], grouping.windowed


def test_codes_are_grouped_by_what_their_range_bears():
    frozen = Standing(State.FROZEN, "P1", State.ACTIVE, from_json({"lot": "L1"}))
    found = values_of("lot", active(lot="L1"), active(lot="L1", dealer="D"), frozen, active())
    assert found == ([(20, "L1"), (10, None)], 0)
    assert values_of("package", active(), Standing(State.ACTIVE, "P2"))[0] == [
        (10, "P1"),
        (10, "P2"),
    ]
    store = active(**{"property.store": "S1"})
    assert values_of("property.store", store) == ([(10, "S1")], 0)


def test_the_product_is_the_ranges_or_else_the_batchs():
    found, _ = values_of("product", active(), active(product="tea"), product="wine")
    assert found == [(10, "wine"), (10, "tea")]
    assert values_of("product", active())[0] == [(10, None)]


def test_a_campaign_counts_as_it_holds_now_and_a_region_as_it_stands():
    windowed = active(**{"campaign": "NOV", "region": "CN-11", "window.dec": DECEMBER})
    over = {**DECEMBER, "until": "2026-12-02T00:00:00Z"}
    past = active(**{"campaign": "NOV", "window.dec": over})
    assert values_of("campaign", windowed, past) == ([(10, "DEC"), (10, "NOV")], 10)
    assert values_of("region", windowed, past) == ([(10, "CN-11"), (10, None)], 10)


def test_behind_a_closed_gate_there_is_no_campaign():
    closed = active(campaign="NOV", gate="scan_in")
    opened = active(campaign="NOV", gate="scan_in", scanned_in="2026-12-01T00:00:00Z")
    assert values_of("campaign", closed, opened)[0] == [(10, None), (10, "NOV")]


@pytest.mark.parametrize("by", ["effective_at", "window.dec", "max_scans", "shop", "", "native."])
def test_other_words_are_nothing_to_count_by(by):
    with pytest.raises(UsageError):
        check(by)


# --- tables ---------------------------------------------------------------------------------

EVIL = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", '"=1', "-", "酒,D7\n2"]


def test_no_cell_of_the_file_is_a_formula():
    groups = [StockGroup(value, 10, 5, 5, None, 50.0) for value in [*EVIL, "7", None]]
    data = table.to_csv("dealer", groups)
    assert data.startswith(b"\xef\xbb\xbfdealer,active,scanned,unscanned,new,percent\r\n")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))[1:]
    names = [row[0] for row in rows]
    assert names[:7] == [f"'{value}" for value in EVIL[:7]]
    # What no spreadsheet takes for a formula stays as it is; no value is told from the value "-".
    assert names[7:] == ['"=1', "'-", "酒,D7\n2", "7", "-"]
    assert {tuple(row[1:]) for row in rows} == {("10", "5", "5", "", "50.0")}


@pytest.mark.parametrize(
    "value",
    [*("007", "1234567890123456", "3E5", "1-2", "2026/12/01", "1.0", "1,000", "12:30", " =1"),
     *("DEC2026", "mar1", "Sept-2")],
)  # fmt: skip
def test_a_value_that_a_spreadsheet_would_show_as_another_is_text(value):
    assert table._cell(value) == f"'{value}"


@pytest.mark.parametrize(
    "value",
    [*("7", "0", "123456789012345", "L20261127-1", "D-7", "DEC", "CN-33", "1号", "3A", "Market 1"),
     *("十二月", "月", "e")],
)  # fmt: skip
def test_any_other_value_stays_as_it_is(value):
    assert table._cell(value) == value


def test_the_table_stands_in_columns_whatever_is_written_in_it():
    groups = [
        StockGroup("华东一区", 1_000_000, 5, 999_995, 3, 0.0),
        StockGroup(None, 1, 1, 0, 0, 100.0),
    ]
    shown = list(table.lines("region", StockGroup(None, 1, 1, 0, 3, 0.0), groups, since=True))
    assert len({table._width(line) for line in shown}) == 1
    assert "新扫 new" in shown[0]
    assert [line.split()[0] for line in shown] == ["region", "华东一区", "-", "合计"]
    without = list(table.lines("region", groups[0], groups, since=False))
    assert "new" not in without[0]
    (line,) = [line for line in table.lines("x", groups[0], groups, since=True) if "-" in line]
    assert line.split() == ["-", "1", "1", "0", "0", "100.0"]


def test_a_value_moves_no_cursor():
    (_, line, _) = table.lines(
        "x", GROUP, [StockGroup("a\x1b[2J\n", 1, 1, 0, None, 1.0)], since=True
    )
    assert line.isprintable()
    assert "?" in line


GROUP = StockGroup(None, 1, 1, 0, None, 1.0)

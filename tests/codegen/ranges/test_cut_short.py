"""A prefix of valid input never means more than the input."""

import pytest

from mintmark.codegen.errors import UsageError
from mintmark.codegen.ranges import cut_short

COLUMNS = ("action", "batch", "serials", "count")


@pytest.mark.parametrize("text", ["1-10\n5-", "5~", "5－", "5 至 ", "1,7—"])
def test_a_list_that_ends_in_an_open_range_without_a_line_end_is_refused(text):
    with pytest.raises(UsageError, match=r"s\.txt ends in an open range"):
        cut_short.check_list(text, "s.txt")


@pytest.mark.parametrize("text", ["", "5-\n", "5-\r", "5-10", "all", "5-\r\n"])
def test_other_lists_are_taken(text):
    cut_short.check_list(text, "s.txt")
    assert not cut_short.is_unfinished("5-\n")


@pytest.mark.parametrize(
    ("last", "fault"),
    [
        ("freeze,B", "fewer cells"),
        ("freeze,B,1-", "fewer cells"),
        ("freeze,B,1-9,", "empty cell"),
        ("freeze,B,1-9,1-", "open range"),
    ],
)
def test_a_last_row_that_may_have_been_cut_is_named(last, fault):
    found = cut_short.fault_of_last_row(f"head\n{last}", last.split(","), COLUMNS)
    assert fault in (found or "")
    assert cut_short.fault_of_last_row(f"head\n{last}\n", last.split(","), COLUMNS) is None


def test_a_note_may_be_empty_and_a_full_row_needs_no_line_end():
    columns = ("serials", "reason")
    assert cut_short.fault_of_last_row("1,", ["1", ""], columns, {"reason"}) is None
    assert cut_short.fault_of_last_row("1-9,x", ["1-9", "x"], columns) is None

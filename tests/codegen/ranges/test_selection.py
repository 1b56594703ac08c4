"""Serials listed in a text of many lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.errors import UsageError
from mintmark.codegen.ranges import serials
from mintmark.codegen.ranges.selection import join_lines
from mintmark.codegen.ranges.serials import Range, Ranges


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("1-10\n20\n", "1-10,20"),
        ("1-10,20\r\n30-\r\n", "1-10,20,30-"),
        ("\n# spoiled on Monday\n 7 # reel 3\n\n9,\n", "7,9"),
        ("all", "all"),
        ("next:500", "next:500"),
    ],
)
def test_lines_become_a_list(text, listed):
    assert join_lines(text, "s.txt") == listed


@given(
    ranges=st.lists(st.integers(1, 500), min_size=1, unique=True).map(
        lambda numbers: serials.ordered(Range(n * 10, n * 10 + 3) for n in numbers)
    ),
    ends=st.sampled_from(["\n", "\r\n", ",\n", " # why\n"]),
)
def test_a_list_of_ranges_comes_back(ranges: Ranges, ends):
    text = "".join(f"{piece}{ends}" for piece in ranges)
    assert serials.parse(join_lines(text, "s.txt"), 10_000) == ranges


@pytest.mark.parametrize("text", ["", "\n \n", "# only a comment\n", ",\n,"])
def test_a_text_without_serials_is_refused(text):
    with pytest.raises(UsageError, match=r"s\.txt lists no serials"):
        join_lines(text, "s.txt")


@pytest.mark.parametrize("line", ["83QH-G1QQ-F81J", "1-10 secret", "next:x", "allsecret", "７"])
def test_a_line_of_anything_else_is_refused_by_its_number_and_not_quoted(line):
    with pytest.raises(UsageError, match=r"s\.txt .* line 3") as caught:
        join_lines(f"# a comment\n1-10\n{line}\n", "s.txt")
    shown = " ".join((caught.value.message, *caught.value.hints))
    assert not [part for part in line.split("-") if part in shown]

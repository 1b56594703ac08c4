"""Serials listed in a text of many lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.errors import UsageError
from mintmark.codegen.ranges import notation, serials
from mintmark.codegen.ranges.selection import join_lines
from mintmark.codegen.ranges.serials import Range, Ranges


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("1-10\n20\n", "1-10;20"),
        ("1-10,20\r\n30-\r\n", "1-10;20;30-"),
        ("\n# spoiled on Monday\n 7 # reel 3\n\n9,\n", "7;9"),
        ("1~5，8\n１０至12,,,\n", "1-5;8;10-12"),
        ("1-10,\n990\n", "1-10;990"),
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
    assert notation.parse(join_lines(text, "s.txt"), 10_000) == ranges


@pytest.mark.parametrize("text", ["", "\n \n", "# only a comment\n", ",\n,"])
def test_a_text_without_serials_is_refused(text):
    with pytest.raises(UsageError, match=r"s\.txt lists no serials"):
        join_lines(text, "s.txt")


@pytest.mark.parametrize(
    "line",
    ["83QH-G1QQ-F81J", "1-10 secret", "next:x", "allsecret", "1234567890123456", "1e5", "1,,2"],
)
def test_a_line_of_anything_else_is_refused_by_its_number_and_not_quoted(line):
    with pytest.raises(UsageError, match=r"s\.txt .* line 3") as caught:
        join_lines(f"# a comment\n1-10\n{line}\n", "s.txt")
    shown = " ".join((caught.value.message, *caught.value.hints))
    assert not [part for part in line.split("-") if part in shown]


@pytest.mark.parametrize("line", ["1,990", "7;1-10,200", "1 990", "1.990", "１，９９０"])
def test_digits_that_may_be_grouped_are_refused_by_the_line(line):
    with pytest.raises(UsageError, match=r"s\.txt .* line 2 whose digits may be grouped") as caught:
        join_lines(f"1-10\n{line}\n", "s.txt")
    assert "write 1;990 or 1990" in caught.value.hints[0]


@pytest.mark.parametrize("text", ["1-10\n5-", "1-10\n５～", "7,5 至", "5- # reel 3"])
def test_a_file_that_was_cut_within_a_range_is_refused(text):
    with pytest.raises(UsageError, match=r"s\.txt ends in an open range"):
        join_lines(text, "s.txt")
    assert join_lines(text + "\n", "s.txt")


@pytest.mark.parametrize("text", ["1-10\n5", "5-\n7 # as 1-", "5-\n#"])
def test_other_files_need_no_last_line_end(text):
    assert join_lines(text, "s.txt")


@given(st.lists(st.integers(1, 500), min_size=1, unique=True), st.data())
def test_what_is_left_of_a_file_never_names_a_serial_to_the_end(numbers, data):
    text = "\n".join(f"{n * 10}-{n * 10 + 3}" for n in sorted(numbers))
    cut = text[: data.draw(st.integers(1, len(text)))]
    try:
        listed = join_lines(cut, "s.txt")
    except UsageError:
        return
    assert "-;" not in f"{listed};" or cut.endswith("\n")

"""Serials as an argument, or in a file named by `@`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.errors import NotFound, UsageError
from mintmark.codegen.ranges import selection, serials
from mintmark.codegen.ranges.selection import read_text
from mintmark.codegen.ranges.serials import Range, Ranges


@pytest.mark.parametrize("text", ["1-10", "all", "next:5", "", "7,9", "1@2"])
def test_what_names_no_file_stays_as_it_is(text):
    assert read_text(text) == text


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("1-10\n20\n", "1-10,20"),
        ("1-10,20\r\n30-\r\n", "1-10,20,30-"),
        ("\n# spoiled on Monday\n 7 # reel 3\n\n9,\n", "7,9"),
        ("\ufeff12", "12"),
        ("all", "all"),
        ("next:500", "next:500"),
    ],
)
def test_a_file_is_read_as_one_list(tmp_path, text, listed):
    path = tmp_path / "serials.txt"
    path.write_bytes(text.encode("utf-8"))
    assert read_text(f"@{path}") == listed


@given(
    ranges=st.lists(st.integers(1, 500), min_size=1, unique=True).map(
        lambda numbers: serials.ordered(Range(n * 10, n * 10 + 3) for n in numbers)
    ),
    ends=st.sampled_from(["\n", "\r\n", ",\n", " # why\n"]),
)
def test_a_list_of_ranges_comes_back(tmp_path_factory, ranges: Ranges, ends):
    path = tmp_path_factory.mktemp("serials") / "s.txt"
    path.write_bytes("".join(f"{piece}{ends}" for piece in ranges).encode())
    assert serials.parse(read_text(f"@{path}"), 10_000) == ranges


@pytest.mark.parametrize("data", [b"", b"\n \n", b"# only a comment\n", b",\n,", b"\xef\xbb\xbf"])
def test_a_file_without_serials_is_told(tmp_path, data):
    path = tmp_path / "s.txt"
    path.write_bytes(data)
    with pytest.raises(UsageError, match="lists no serials"):
        read_text(f"@{path}")


@pytest.mark.parametrize("line", ["83QH-G1QQ-F81J", "1-10 secret", "next:x", "allsecret", "７"])
def test_what_is_no_list_is_told_by_its_line_and_not_quoted(tmp_path, line):
    path = tmp_path / "s.txt"
    path.write_text(f"# a comment\n1-10\n{line}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="line 3") as told:
        read_text(f"@{path}")
    shown = " ".join((told.value.message, *told.value.hints)).replace(str(path), "")
    assert not [part for part in line.split("-") if part in shown]


@pytest.mark.parametrize("data", ["1-10".encode("utf-16"), b"\xff", "作废".encode("gbk")])
def test_a_file_that_is_no_text_is_told(tmp_path, data):
    path = tmp_path / "s.txt"
    path.write_bytes(data)
    with pytest.raises(UsageError, match="UTF-8"):
        read_text(f"@{path}")


def test_a_file_has_a_largest_size(tmp_path, monkeypatch):
    monkeypatch.setattr(selection, "FILE_BYTES", 4)
    path = tmp_path / "s.txt"
    path.write_bytes(b"1-10")
    assert read_text(f"@{path}") == "1-10"
    path.write_bytes(b"1-100")
    with pytest.raises(UsageError, match="larger than 4 bytes"):
        read_text(f"@{path}")


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFound):
        read_text(f"@{tmp_path / 'gone'}")

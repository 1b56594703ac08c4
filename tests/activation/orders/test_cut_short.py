"""A prefix of a file of orders orders whole rows of the file, or nothing."""

import csv
import io
import json
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.activation.orders import sheets
from mintmark.codegen.errors import UsageError
from mintmark.codegen.ranges import notation, serials

ZONE = ZoneInfo("Asia/Shanghai")
QUANTITY = 10**6
HEAD = "action,batch,serials,count,reason\n"


def refused(data):
    with pytest.raises(UsageError) as error:
        sheets.read(data)
    return error.value


# --- the last line of a table ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "last"),
    [
        ("action,batch,serials", "activate,B,1-"),  # cut from 1-100
        ("action,batch,serials", "activate,B,1 – "),
        ("action,batch,serials", "activate,B,５０～"),
        ("action,batch,serials", "activate,B,5;20~"),
        ("action,batch,serials", "activate,B,5-9；"),
        ("action,batch,serials\nactivate,B,1-5", "activate,B,13"),  # cut from 136-140
        ("action,batch,serials\nactivate,B,1～5", "activate,B,6-9;1３"),
        ("action,batch,serials,count", "activate,B,1-100"),
        ("action,batch,serials,count", "activate,B,1-100,"),
        ("action,batch,serials,strict", "activate,B,1-100"),
        ("action,batch,serials,from", "activate,B,1-100,"),
        ("action,batch,serials,expires_at", "activate,B,1-100"),
        ("action,batch,serials,set.lot", "activate,B,1-100,"),
        ("action,batch,serials,reason", "activate,B,1-100"),
        ("action,batch,serials,expires_at", "activate,B,1-100,2027/12/3"),  # of 2027/12/31
        ("action,batch,serials,expires_at", "activate,B,1-100,2027年12月3"),
        ("action,batch,serials,at", "freeze,B,1-100,2027/12/3"),
        ("action,batch,serials,during", "assign,B,1-100,2027-12-01..2027/12/3"),
        ("action,batch,serials,during", "assign,B,1-100,2027-12-01.."),
        ("action,batch,serials,effective_at", "activate,B,1-100,2027-12-31T1"),
        ("action,batch,serials,effective_at", "activate,B,1-100,2027-12-31T08:00+05"),
        ("action,batch,serials", 'activate,B,"1-100,2'),
        ("action,batch,serials", 'activate,B,"1-\n'),
        ("action;batch;serials;count", "activate;B;1-100;"),
    ],
)
def test_a_last_line_that_may_have_said_more_is_refused(head, last):
    error = refused(f"{head}\n{last}".encode())
    row = 2 + head.count("\n")
    assert error.details == {"rows": [row], "unfinished": True}
    assert f"row {row}" in error.message


@pytest.mark.parametrize(
    ("head", "last"),
    [
        ("action,batch,serials", "activate,B,1-100"),
        ("action,batch,serials", "activate,B,all"),
        ("action,batch,serials\nactivate,B,1-5", "freeze,B,13"),
        ("action,batch,serials\nactivate,B,12\nactivate,B,1-5", "activate,B,13"),
        ("action,batch,serials,count", "activate,B,1-,100"),  # an open range that was meant
        ("action,batch,serials,reason", "activate,B,1-100,"),  # only a note may be missing
        ("action,batch,serials,count,,", "activate,B,1-100,,,"),  # the separators are all there
        ("action,batch,serials,expires_at", "activate,B,1-100,2027-12-31"),
        ("action,batch,serials,at", "freeze,B,1-100,2027-12-31"),
        ("action,batch,serials,during", "assign,B,1-100,2027-12-01..2027-12-31"),
        ("action,batch,serials,during", "assign,B,1-100,..2027-12-31"),
        ("action,batch,serials,expires_at", "activate,B,1-100,2027年12月31日"),
        ("action,batch,serials,expires_at", "activate,B,1-100,2027-12-31T00:00:00+00:00"),
        ("serials,action,batch", '"1-",activate,B'),
    ],
)
def test_a_whole_last_line_needs_no_line_end(head, last):
    row = sheets.read(f"{head}\n{last}".encode())[-1]
    assert row.fields["action"] in ("activate", "assign", "freeze")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_with_its_line_end_an_open_range_is_meant(end):
    (row,) = sheets.read(f"action,batch,serials{end}activate,B,1-{end}".encode())
    assert row.fields["serials"] == "1-"


def test_a_short_row_before_the_last_is_whole_unless_its_range_is_open():
    # exceljs 4.4.0 leaves out the empty cells at the end of a row.
    rows = sheets.read((HEAD + "activate,B,733\nactivate,B,1-5,5,\n").encode())
    assert [row.fields["serials"] for row in rows] == ["733", "1-5"]
    assert refused((HEAD + "activate,B,1-\nactivate,B,1-5,5,\n").encode()).details["rows"] == [2]


def test_a_last_time_is_as_long_as_the_others():
    head = "action,batch,serials,expires_at\nactivate,B,1-5,2027-12-31T08:00\n"
    assert refused((head + "activate,B,6-9,2027-12-31").encode()).details["rows"] == [3]
    assert len(sheets.read((head + "activate,B,6-9,2027-12-31\n").encode())) == 2


@pytest.mark.parametrize("text", ["", "\ufeff", HEAD, HEAD[:-1], "action,bat", "\n\n"])
def test_a_file_without_rows_may_still_be_written(text):
    assert refused(text.encode()).details["unfinished"]


def test_a_finished_file_is_not_called_unfinished():
    assert not refused((HEAD + "activate,B,1,2,3,4\n").encode()).details["unfinished"]


# --- every prefix -----------------------------------------------------------------------------

NUMBERS = st.integers(1, 9_999)
RANGES = st.one_of(
    st.builds("{}".format, NUMBERS),
    st.builds(lambda a, b: f"{min(a, b)}-{max(a, b)}", NUMBERS, NUMBERS),
    st.builds("{}-".format, NUMBERS),
    st.just("all"),
)
REGIONS = ["湖南", "新疆, 北", 'a"b', "Köln"]
CELLS = {
    "serials": RANGES,
    "count": st.sampled_from(["", "17", "1000"]),
    "strict": st.sampled_from(["", "true", "yes", "1"]),
    "from": st.sampled_from(["", "active", "packaged"]),
    "expires_at": st.sampled_from(["", "2027-12-31", "2028-01-15"]),
    "set.region": st.sampled_from(["", *REGIONS[:3]]),
    "order": st.sampled_from(["", "reel-1"]),
    "reason": st.sampled_from(["", "a note"]),
}


@st.composite
def tables(draw):
    """Header and rows of a valid file, its columns in any order."""
    others = draw(st.lists(st.sampled_from(sorted(CELLS)), unique=True, max_size=4))
    names = draw(st.permutations(sorted({"action", "batch", "serials", *others})))
    kinds = {"action": st.just("activate"), "batch": st.just("ABCD-1"), **CELLS}
    rows = draw(st.lists(st.tuples(*(kinds[name] for name in names)), min_size=1, max_size=3))
    return names, rows


def written(names, rows, delimiter=",", end="\n"):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    writer.writerows([names, *rows])
    return text.getvalue()


def rows_of_prefix(data):
    """The rows; None if the prefix is refused as one."""
    try:
        return sheets.read(data)
    except UsageError as error:
        if error.details.get("unfinished"):
            return None
        raise


def codes(row):
    return serials.count(notation.parse(row.fields["serials"], QUANTITY))


def no_more(part, whole, last):
    """Whether the order of row `part` is at most that of row `whole`; `last` may be cut."""
    request = part.request(ZONE)
    asked = whole.request(ZONE)
    for guard in ("count", "strict", "from_state", "attributes"):
        if last not in (guard, guard.removesuffix("_state"), "set.region"):
            assert getattr(request, guard) == getattr(asked, guard)
        else:  # what is left of a cell is a cell: no guard is dropped
            assert bool(getattr(request, guard)) == bool(getattr(asked, guard))
    assert codes(part) <= codes(whole)


@given(tables(), st.sampled_from([(",", "\n"), (";", "\r\n"), ("\t", "\n")]), st.sampled_from(
    ["utf-8", "utf-8-sig", "gb18030"]
))  # fmt: skip
def test_no_prefix_of_a_table_orders_more(table, form, encoding):
    names, _ = table
    data = written(*table, *form).encode(encoding)
    whole = sheets.read(data)
    for cut in range(len(data)):
        rows = rows_of_prefix(data[:cut])
        if rows is None:
            continue
        assert rows[:-1] == whole[: len(rows) - 1]
        if rows[-1] != whole[len(rows) - 1]:
            try:
                no_more(rows[-1], whole[len(rows) - 1], names[-1])
            except UsageError:
                continue  # this row is refused alone


@given(st.lists(RANGES, min_size=1, max_size=3), st.sampled_from(REGIONS), st.booleans())
def test_no_prefix_of_json_orders_more(ranges, region, ascii_only):
    data = "".join(
        json.dumps(
            {"action": "activate", "batch": "B", "serials": text, "set": {"region": region}},
            ensure_ascii=ascii_only,
        )
        + "\n"
        for text in ranges
    ).encode()
    whole = sheets.read(data)
    for cut in range(len(data)):
        rows = rows_of_prefix(data[:cut])
        assert rows is None or rows == whole[: len(rows)]


# --- bytes ------------------------------------------------------------------------------------


def test_utf8_cut_within_a_character_is_not_gb18030():
    data = (HEAD + "assign,B,1-100,,湖南").encode()
    for cut in (1, 2):
        assert "within a character" in refused(data[:-cut]).message
    gb = (HEAD + "assign,B,1-100,,湖南").encode("gb18030")
    assert "within a character" in refused(gb[:-1]).message


@pytest.mark.parametrize("text", ["", HEAD, HEAD + "activate,B,1-5,5,\n"])
def test_a_file_whose_content_is_still_to_come_is_unfinished(text):
    error = refused(text.encode() + bytes(300))
    assert "zero bytes" in error.message
    assert error.details["unfinished"]


@pytest.mark.parametrize("region", ["鲁", "豫", "黔", "模"])
def test_bytes_that_say_two_things_are_refused(region):
    # GB18030 for a single character may be UTF-8 for another: 鲁 is U+00B3.
    text = f"action,batch,serials,set.region\nassign,B,1-5,{region}\n"
    assert "or GB18030" in refused(text.encode("gb18030")).message
    for encoding in ("utf-8", "utf-8-sig"):
        assert sheets.read(text.encode(encoding))[0].fields["set.region"] == region


def test_latin_words_are_utf8():
    text = "action,batch,serials,set.region\nassign,B,1-5,Köln\nassign,B,6,Ölmühle\n"
    assert [row.fields["set.region"] for row in sheets.read(text.encode())] == ["Köln", "Ölmühle"]


def test_a_file_put_together_from_two_encodings_is_refused():
    head = "action,batch,serials,set.region\n"
    both = (head + "assign,B,1-5,湖南\n").encode() + "assign,B,6,湖南\n".encode("gb18030")
    assert "in some lines" in refused(both).message


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"PK\x03\x04rest of a workbook, which ends in zeros" + bytes(6), "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old workbook"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"\xef\xbb\xbf<html><table>", "HTML"),
        ((HEAD + "activate,B,1\n").encode("utf-16"), "UTF-16"),
        ((HEAD + "activate,B,1\n").encode("utf-16-le"), "UTF-16"),
    ],
)
def test_what_only_bears_the_name_is_told(data, why):
    error = refused(data)
    assert why in error.message
    assert error.hints
    assert "unfinished" not in error.details


# --- as programs write it ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\r\naction;batch;serials\r\nactivate;B;1,5\r\n",
        "\ufeffsep=;\naction;batch;serials\nactivate;B;1,5\n",
        'sep=,\naction,batch,serials\nactivate,B,"1,5"\n',
        '"sep=;"\naction;batch;serials\nactivate;B;1,5\n',
    ],
)
def test_the_line_that_names_the_separator_is_none_of_the_table(text):
    (row,) = sheets.read(text.encode())
    assert (row.number, row.fields["serials"]) == (3, "1,5")


@pytest.mark.parametrize(
    "text",
    [
        "action,batch,serials,,,\r\nactivate,B,1-5,,,\r\n,,,,,\r\n",  # Excel
        "\r\n\r\naction,batch,serials\r\nactivate,B,1-5",  # blank lines first
        "action,batch,serials\ractivate,B,1-5\r",  # an old Macintosh
        "action\tbatch\tserials\nactivate\tB\t1-5\n\x1a",  # DOS
        '"action","batch","serials"\n"activate","B","1-5"\n',
        '{"action": "activate", "batch": "B", "serials": "1-5"}\r',
    ],
)
def test_what_programs_write_is_read(text):
    (row,) = sheets.read(text.encode())
    assert row.fields == {"action": "activate", "batch": "B", "serials": "1-5"}


def test_an_array_is_told_from_lines():
    error = refused(b'[{"action": "activate", "batch": "B", "serials": "1-"}]\n')
    assert any("without an array" in hint for hint in error.hints)


def test_a_list_of_codes_is_not_quoted():
    for text in ("7K3MQ9PZT4WX8RBD\n", "https://q.example.cn/7K3MQ9PZT4WX8RBD,1\n"):
        assert "7K3M" not in refused(text.encode()).message.upper()

"""Profile files: built-in files, files of users, and the errors for mistakes in them."""

import tomllib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.errors import NotFound, UsageError
from mintmark.packaging.profiles import files
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.profiles.geometry import LabelOrder, Sheet, SymbolLook
from mintmark.packaging.profiles.profile import FileFormat, Profile, parse

BUILTIN = ("csv", "bmp-1bit", "pdf-sheet", "pdf-sheet-pair", "png", "svg", "url-lines", "xlsx")
EXAMPLES = ("bartender", "smartstream")


def write(folder, text, name="mine"):
    path = Path(folder, f"{name}.toml")
    path.write_text(text, encoding="utf-8")
    return path


def test_built_in_and_example_profiles_are_right():
    found = {name: (origin, stored) for name, origin, stored in files.every(None)}
    assert tuple(found) == BUILTIN + EXAMPLES
    for name, (origin, stored) in found.items():
        assert origin == ("example" if name in EXAMPLES else "built-in")
        assert stored.description
        assert stored.profile.name == name
        document = tomllib.loads(stored.text)
        assert parse(name, document) == stored.profile


@pytest.mark.parametrize("name", BUILTIN + EXAMPLES)
def test_a_profile_is_its_document(name):
    profile = files.find(name, None, examples=True).profile
    assert parse(name, profile.document()) == profile
    assert parse(name, profile.document()).document() == profile.document()


def test_a_home_s_own_profiles_stand_beside_and_before(tmp_path):
    (tmp_path / "profiles").mkdir()
    write(tmp_path / "profiles", "[unit]\nsize = 7\n", "csv")
    write(tmp_path / "profiles", "[text]\ncolumns = ['code']\n", "cap")
    write(tmp_path / "profiles", "[text]\ncolumns = ['cod']\n", "wrong")
    assert files.find("csv", tmp_path).profile.unit_size == 7
    assert files.find("csv", None).profile.unit_size == 10_000
    assert files.find("cap", tmp_path).profile.sources == ("code",)
    shown = {(name, origin): found for name, origin, found in files.every(tmp_path)}
    assert shown["cap", "home"].profile.name == "cap"
    assert "wrong.toml, line 2" in shown["wrong", "home"].message
    with pytest.raises(UsageError) as error:
        files.find("nope", tmp_path)
    assert {"cap", "csv", "wrong"} <= set(error.value.hints[0].removeprefix("known: ").split(", "))


SHEET = "format = 'pdf'\n[sheet]\npage = [100, 50]\nlabel = [20, 20]\n"


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("format = 'csv'", 1, "format"),
        ("\nfomat = 'text'", 2, "fomat"),
        ("[unit]\n\nsize = 0", 3, "unit.size"),
        ("[unit]\nsize = 10_000_001", 2, "unit.size"),
        ("[unit]\nsize = '5'", 2, "unit.size"),
        ("[unit]\nsize = true", 2, "unit.size"),
        ("unit.size = 0", 1, "unit.size"),
        ("[unit]\nname = 'reel.csv'", 2, "unit.name"),
        ("[unit]\nname = '卷{index}.csv'", 2, "unit.name"),
        ("[unit]\nname = '../{index}.csv'", 2, "unit.name"),
        ("[unit]\nname = '{serial}.csv'", 2, "unit.name"),
        ("[unit]\nname = '{index}..csv'", 2, "unit.name"),
        ("[unit]\nlanes = 0", 2, "unit.lanes"),
        ("[unit]\nlanes = 65", 2, "unit.lanes"),
        ("[unit]\norder = 'zigzag'", 2, "unit.order"),
        ("[unit]\nlead_in = -1", 2, "unit.lead_in"),
        ("[unit]\nlead_out = 10001", 2, "unit.lead_out"),
        ("format = 'xlsx'\n[unit]\nname = '{index}.csv'", 3, "unit.name"),
        ("format = 'xlsx'\n[unit]\nsize = 1048576", 3, "unit.size"),
        ("format = 'png'\n[unit]\nsize = 10001", 3, "unit.size"),
        ("format = 'png'\n[unit]\nlead_in = 1", 3, "unit.lead_in"),
        ("[text]\ncolumns = []", 2, "text.columns"),
        ("[text]\ncolumns = ['serial', 'cod']", 2, "text.columns"),
        ("[text]\ncolumns = ['serial']", 2, "text.columns"),
        ("[text]\ncolumns = ['code', 'code']", 2, "text.columns"),
        ("[text]\ncolumns = ['code', 'image']", 2, "text.columns"),
        ("[text]\ncolumns = ['code', { text = '=1+1', name = 'x' }]", 2, "text.columns"),
        ("[text]\ncolumns = ['code', { from = 'text', name = 'x' }]", 2, "text.columns"),
        ("[text]\ncolumns = ['code', { from = 'serial', nam = 'x' }]", 2, "text.columns.nam"),
        ("[text]\ncolumns = [{ from = 'code', name = \"a\\nb\" }]", 2, "text.columns"),
        ("[[text.columns]]\nfrom = 'cod'", 1, "text.columns"),
        ("[text]\nheader = 1", 2, "text.header"),
        ("[text]\ndelimiter = ''", 2, "text.delimiter"),
        ("[text]\ndelimiter = 'A'", 2, "text.delimiter"),
        ("[text]\nline_end = 'cr'", 2, "text.line_end"),
        ("[text]\nquoting = 'some'", 2, "text.quoting"),
        ("[text]\nencoding = 'gbk'", 2, "text.encoding"),
        ("[text]\ncolumns = [{ from = 'code', name = '码' }]", 1, "text.encoding"),
        (
            "[text]\nquoting = 'none'\ncolumns = ['code', { text = 'a,b', name = 'x' }]",
            2,
            "text.quoting",
        ),
        ("[symbol]\nlevel = 'X'", 2, "symbol.level"),
        ("[symbol]\nmask = 8", 2, "symbol.mask"),
        ("[symbol]\nmask = 'fast'", 2, "symbol.mask"),
        ("[symbol]\nquiet_zone = 3", 2, "symbol.quiet_zone"),
        ("[symbol]\ndots = 3", 2, "symbol.dots"),
        ("[symbol]\nreduce = 6", 2, "symbol.reduce"),
        ("[symbol]\nreduce = 0.5", 2, "symbol.reduce"),
        ("[symbol]\ndots = 4\ndpi = 600\nreduce = 2", 4, "symbol.reduce"),
        ("[symbol]\ndpi = 5", 2, "symbol.dpi"),
        ("[symbol]\nversion_limit = 41", 2, "symbol.version_limit"),
        ("format = 'pdf'", 1, "sheet"),
        ("[sheet]\npage = [1, 1]\nlabel = [1, 1]", 1, "sheet"),
        ("format = 'pdf'\n[sheet]\npage = [100, 50]", 2, "sheet.label"),
        ("format = 'pdf'\n[sheet]\npage = 100\nlabel = [1, 1]", 3, "sheet.page"),
        ("format = 'pdf'\n[sheet]\npage = [nan, 50]\nlabel = [1, 1]", 3, "sheet.page"),
        (SHEET + "columns = 6", 5, "sheet.columns"),
        (SHEET + "rows = 3", 5, "sheet.rows"),
        (SHEET + "margin = [90, 0]", 2, "sheet.columns"),
        (SHEET + "rows = 2\nbleed = 2\ngutter = [0, 3]", 7, "sheet.gutter"),
        (SHEET + "marks = ['crop', 'crop']", 5, "sheet.marks"),
        (SHEET + "order = 'down'", 5, "sheet.order"),
        (SHEET + "text_size = 1", 5, "sheet.text_size"),
        (SHEET + "[unit]\nlanes = 2", 6, "unit.lanes"),
    ],
)
def test_the_error_for_a_mistake_names_its_line_and_key(tmp_path, text, line, key):
    path = write(tmp_path, text)
    with pytest.raises(UsageError) as error:
        files.load(path)
    assert (error.value.details["line"], error.value.details["key"]) == (line, key)
    assert error.value.message.startswith(f"mine.toml, line {line}: ")


def test_files_that_are_no_profiles(tmp_path):
    with pytest.raises(NotFound):
        files.load(tmp_path / "none.toml")
    for name, data in {
        "broken": b"[unit\n",
        "latin": b"description = '\xe9'\n",
        "large": b"#" * 70_000,
        "a name": b"",
    }.items():
        path = tmp_path / f"{name}.toml"
        path.write_bytes(data)
        with pytest.raises(UsageError):
            files.load(path)


def test_windows_line_ends_and_a_mark_are_no_mistake(tmp_path):
    path = tmp_path / "notepad.toml"
    path.write_bytes(b"\xef\xbb\xbf[unit]\r\nsize = 5\r\n")
    assert files.load(path).profile.unit_size == 5


def test_a_wrong_profile_cannot_be_built():
    for changes in (
        {"kind": FileFormat.PDF},
        {"sheet": Sheet(600, (100.0, 100.0), (10.0, 10.0))},
        {"columns": (("serial", "a"), ("code", "a"))},
        {"kind": FileFormat.PNG, "unit_size": 10_001},
    ):
        with pytest.raises(UsageError):
            Profile("bad", **changes)


def test_a_worksheet_is_split_when_it_is_full():
    assert builtin("xlsx").of_size(2_000_000).unit_size == 1_048_575
    lead = replace(builtin("xlsx"), lead_in=10, lanes=2, unit_size=10)
    assert lead.of_size(2_000_000).unit_size == 1_048_555
    with pytest.raises(UsageError):
        builtin("csv").of_size(10_000_001)


# --- geometry ---


def test_lengths_are_whole_dots():
    look = SymbolLook(dots=5, dpi=300)
    assert look.side_dots(25) == 33 * 5
    assert look.side(25) == pytest.approx(13.97)
    sheet = Sheet(300, (210.0, 297.0), (30.0, 30.0), rows=2, columns=3, gutter=(2.0, 2.0))
    boxes = [sheet.label_box(index) for index in range(sheet.labels_per_sheet)]
    assert {(box.width, box.height) for box in boxes} == {(354, 354)}
    assert [box.x for box in boxes] == [685, 1063, 1441] * 2
    assert boxes[3].y - boxes[0].y == 354 + 24


sheets = st.builds(
    Sheet,
    dpi=st.sampled_from([203, 300, 600]),
    page=st.tuples(st.just(400.0), st.just(400.0)),
    label=st.tuples(st.floats(5, 30), st.floats(5, 30)),
    rows=st.integers(1, 8),
    columns=st.integers(1, 8),
    gutter=st.tuples(st.floats(4, 10), st.floats(4, 10)),
    bleed=st.floats(0, 2),
    order=st.sampled_from(LabelOrder),
)


@given(sheets, st.integers(1, 500))
def test_every_label_has_a_single_place(sheet, count):
    seen, number = [], sheet.sheets(count)
    for page in range(number):
        spots = list(sheet.spots(page, count))
        assert [place for place, _ in spots] == sorted({place for place, _ in spots})
        seen += [(label, page, place) for place, label in spots]
    assert sorted(label for label, _, _ in seen) == list(range(count))
    assert number == -(-count // sheet.labels_per_sheet)
    labels = sorted(seen)
    if sheet.order is LabelOrder.STACK:
        # The piles, each a place of all sheets, are in order.
        assert [item[::-1] for item in labels] == sorted(item[::-1] for item in labels)
    elif sheet.order in {LabelOrder.ROWS, LabelOrder.COLUMNS}:
        assert [page for _, page, _ in labels] == sorted(page for _, page, _ in labels)


@given(sheets)
def test_labels_lie_on_the_page_apart(sheet):
    width, height = sheet.page_dots
    boxes = [sheet.label_box(index) for index in range(sheet.labels_per_sheet)]
    for box in boxes:
        assert box.x >= 0 <= box.y
        assert box.x + box.width <= width
        assert box.y + box.height <= height
    for box, next_box in pairwise(boxes):
        assert box.x + box.width <= next_box.x or box.y + box.height <= next_box.y


def test_a_symbol_that_does_not_fit_is_refused():
    sheet = Sheet(600, (100.0, 100.0), (17.0, 19.5), text_size=6.0)
    look = SymbolLook(dots=12, dpi=600)
    sheet.check(look, 25)
    for bad in (
        (sheet, SymbolLook(dots=13, dpi=600), 25),
        (sheet, look, 29),
        (replace(sheet, label=(17.0, 18.0)), look, 25),
    ):
        with pytest.raises(UsageError, match="does not fit"):
            bad[0].check(bad[1], bad[2])

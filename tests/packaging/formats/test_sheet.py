"""Imposed sheets: rendered by poppler, read by zxing-cpp, each label in its promised place."""

import io
import os
import re
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image
from print_kit import (
    SMALL,
    TEMPLATE,
    Made,
    altered,
    by_segno,
    codes,
    document,
    layout,
    program,
    read,
    render,
)
from print_kit import (
    on_sheet as profile,
)

from mintmark.codegen.errors import IntegrityError, UsageError
from mintmark.codegen.ranges.serials import Range
from mintmark.packaging.formats import imposition
from mintmark.packaging.formats.dummy import dummy_codes
from mintmark.packaging.formats.marks import margins, reach
from mintmark.packaging.formats.registry import format_for
from mintmark.packaging.formats.strokes import path
from mintmark.packaging.profiles.geometry import (
    LabelOrder,
    Paint,
    PrintMark,
    Sheet,
    SymbolLook,
    Text,
)

GOLDEN = Path(__file__).parents[1] / "golden"


def pages(data):
    with pikepdf.open(io.BytesIO(data)) as found:
        return [page.Contents.read_bytes() for page in found.pages]


# --- geometry ----------------------------------------------------------------------------

lengths = st.floats(0.0, 6.0)
sheets = st.builds(
    dict,
    dpi=st.sampled_from([203, 300, 600, 1_200]),
    page=st.tuples(st.floats(40, 450), st.floats(40, 450)),
    label=st.tuples(st.floats(12, 60), st.floats(12, 60)),
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    gutter=st.tuples(lengths, lengths),
    margin=st.none() | st.tuples(st.floats(0, 30), st.floats(0, 30)),
    bleed=st.floats(0, 3),
    text=st.sampled_from(Text),
    order=st.sampled_from(LabelOrder),
)


def made_sheet(values):
    try:
        return Sheet(**values)
    except UsageError:
        assume(False)


@given(sheets, st.integers(21, 57), st.integers(4, 12))
def test_labels_lie_on_the_page_apart_and_hold_their_symbols(values, modules, dots):
    sheet, look = made_sheet(values), SymbolLook(dots=dots, dpi=values["dpi"])
    boxes = [sheet.label_box(index) for index in range(sheet.labels_per_sheet)]
    across, down = sheet.page_dots
    taken = np.zeros((down, across), np.uint8) if across * down < 2**22 else None
    for box in boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= across
        assert box.y + box.height <= down
        if taken is not None:
            taken[box.y : box.y + box.height, box.x : box.x + box.width] += 1
    assert taken is None or taken.max() == 1
    try:
        sheet.check(look, modules)
    except UsageError:
        side = look.side_dots(modules)
        least = [min(getattr(box, name) for box in boxes) for name in ("width", "height")]
        assert side > least[0] - 1 or side + sheet.text_dots > least[1] - 1
        return
    side = look.side_dots(modules)
    for box in boxes:
        x, y = sheet.symbol_at(box, side)
        assert box.x <= x <= x + side <= box.x + box.width
        assert box.y <= y <= y + side + sheet.text_dots <= box.y + box.height


@given(sheets)
def test_edges_are_right_to_half_a_dot_however_many_labels(values):
    sheet = made_sheet(values)
    first, last = sheet.label_box(0), sheet.label_box(sheet.labels_per_sheet - 1)
    for at, number, label, gutter in (
        ("x", sheet.columns, sheet.label[0], sheet.gutter[0]),
        ("y", sheet.rows, sheet.label[1], sheet.gutter[1]),
    ):
        distance = (getattr(last, at) - getattr(first, at)) * 25.4 / sheet.dpi
        assert distance == pytest.approx((number - 1) * (label + gutter), abs=12.71 / sheet.dpi)


@given(sheets, st.integers(1, 400))
def test_every_order_puts_every_label_in_a_single_place(values, count):
    sheet = made_sheet(values)
    spots = [
        (number, place, label)
        for number in range(sheet.sheets(count))
        for place, label in sheet.spots(number, count)
    ]
    assert sorted(label for *_, label in spots) == list(range(count))
    assert len({(number, place) for number, place, _ in spots}) == count
    by_label = sorted(spots, key=lambda spot: spot[2])
    if sheet.order is LabelOrder.STACK:
        # Cut through, the piles laid on each other: all sheets of a place, then the next.
        assert by_label == sorted(spots, key=lambda spot: (spot[1], spot[0]))
    if sheet.order is LabelOrder.LANES:
        # Slit between columns, each roll is a single range from its beginning to its end.
        assert by_label == sorted(
            spots, key=lambda spot: (spot[1] % sheet.columns, spot[0], spot[1])
        )
    if sheet.order is LabelOrder.ROWS:
        assert by_label == sorted(spots)


@given(sheets, st.lists(st.sampled_from(PrintMark), unique=True), st.booleans())
def test_marks_and_heading_lie_on_the_page_and_off_the_labels(values, marks, header):
    sheet = made_sheet({**values, "marks": tuple(marks), "header": header})
    free = margins(sheet)
    try:
        imposition.check_room(sheet)
    except UsageError:
        assert header or min(free) < reach(sheet)
    else:
        assert not marks or min(free) >= reach(sheet) > sheet.bleed


WRONG = [
    ("sheet.columns", {"columns": 5}, {}, "take 108.0 mm of a page of 84 mm"),
    ("sheet.rows", {"rows": 4}, {}, "take 94.0 mm of a page of 72 mm"),
    ("sheet.rows", {"margin": (8.0, 40.0)}, {}, "mm of a page of 72 mm"),
    ("sheet.gutter", {"bleed": 2.0}, {}, "overlap"),
    ("sheet.label", {}, {"dots": 16}, "22.35 mm and its text does not fit 20 x 22 mm"),
    ("symbol.dots", {}, {"dots": 3}, "4 to 100 dots"),
    ("symbol.quiet_zone", {}, {"quiet_zone": 3}, "4 to 40 modules"),
    ("sheet.marks", {"page": (72.0, 72.0)}, {}, "the marks need 5 mm around the labels"),
    ("sheet.header", {"page": (84.0, 57.0)}, {}, "the heading needs 8.7 mm"),
    (
        "sheet.text_size",
        {"text": Text.CODE, "text_size": 9.0, "label": (20.0, 24.0)},
        {},
        "a label",
    ),
]


@pytest.mark.parametrize(
    ("key", "sheet", "look", "message"), WRONG, ids=lambda value: str(value)[:30]
)
def test_what_does_not_fit_is_refused_before_any_code_is_seen(key, sheet, look, message):
    with pytest.raises(UsageError, match=message) as caught:
        format_for(layout(profile(replace(SMALL, **sheet), **look)))
    assert caught.value.exit_code == 2
    assert caught.value.details["key"] == key


def test_what_is_advised_for_a_long_text_fits():
    sheet = replace(SMALL, text=Text.CODE, text_size=9.0, label=(20.0, 24.0), page=(84.0, 80.0))
    with pytest.raises(UsageError) as caught:
        format_for(layout(profile(sheet)))
    size = float(re.search(r"take ([\d.]+) points", caught.value.hints[0])[1])
    assert format_for(layout(profile(replace(sheet, text_size=size))))


# --- what a press sees -------------------------------------------------------------------

VARIANTS = [
    (Paint.PATHS, LabelOrder.ROWS, Text.SERIAL, {}),
    (Paint.PATHS, LabelOrder.STACK, Text.CODE, {"mirror": True, "invert": True}),
    (Paint.MASK, LabelOrder.COLUMNS, Text.SERIAL, {}),
    (Paint.MASK, LabelOrder.LANES, Text.NONE, {"mirror": True}),
    (Paint.MASK, LabelOrder.STACK, Text.SERIAL, {"invert": True}),
]


@pytest.fixture(scope="module", params=VARIANTS, ids=lambda value: f"{value[0]}-{value[1]}")
def sheet_of(request):
    """(what was made, its sheet): two full sheets and a last sheet with four labels."""
    paint, order, text, look = request.param
    sheet = replace(SMALL, paint=paint, order=order, text=text)
    if text is Text.CODE:
        sheet = replace(sheet, text_size=5.0)
    return Made(profile(sheet, dots=10, **look), codes(16), first=95), sheet


@pytest.mark.parametrize("dpi", [300, 600])
def test_every_symbol_is_read_in_the_promised_place(sheet_of, dpi, tmp_path):
    made, sheet = sheet_of
    pictures = render(document(made), dpi, tmp_path)
    assert len(pictures) == 3
    seen = Counter()
    for number, picture in enumerate(pictures):
        assert picture.width == pytest.approx(sheet.page[0] * dpi / 25.4, abs=1.6)
        labels = dict(sheet.spots(number, 16))
        for place in range(sheet.labels_per_sheet):
            found = read(picture.crop(crop(sheet, place, dpi)))
            wanted = [TEMPLATE.format(code=made.texts[labels[place]])] if place in labels else []
            assert found == wanted
            seen.update(found)
    assert len(seen) == 16
    assert set(seen.values()) == {1}


def crop(sheet, index, dpi):
    box, scale = sheet.label_box(index), dpi / sheet.dpi
    edges = (box.x, box.y, box.x + box.width, box.y + box.height)
    return tuple(round(edge * scale) for edge in edges)


def test_modules_are_whole_dots_on_the_page(sheet_of, tmp_path):
    made, sheet = sheet_of
    look = made.format._layout.profile.symbol
    page = np.array(render(document(made), 600, tmp_path)[0]) < 128
    for place, label in sheet.spots(0, 16):
        ink = by_segno(TEMPLATE.format(code=made.texts[label]), look)
        x, y = sheet.symbol_at(sheet.label_box(place), len(ink))
        assert np.array_equal(page[y : y + len(ink), x : x + len(ink)], ink)


def test_the_codes_are_read_back_from_the_document(sheet_of):
    made, _ = sheet_of
    assert made.read() == made.texts


def test_text_stands_under_its_symbol(sheet_of):
    made, sheet = sheet_of
    for number, content in enumerate(pages(document(made))):
        drawn = [re.sub(rb" +", b" ", found) for found in LINE.findall(content)]
        texts = {
            Text.SERIAL: lambda label: f"{95 + label:06d}",
            Text.CODE: lambda label: made.texts[label],
        }.get(sheet.text)
        wanted = [texts(label) for _, label in sheet.spots(number, 16)] if texts else []
        assert drawn == [re.sub(" +", " ", path(text) + " ").encode() for text in wanted]


LINE = re.compile(rb"cm\n([0-9][^qf]+ )S Q\n(?= *q|\Z)")


def test_ink_is_black_of_a_single_plate_and_there_is_nothing_else(sheet_of, tmp_path):
    made, _ = sheet_of
    (tmp_path / "a.pdf").write_bytes(document(made))
    for tool in ("pdffonts", "pdfimages"):
        command = [program(tool), *(["-list"] if tool == "pdfimages" else []), "a.pdf"]
        done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
        kinds = {row.split()[2] for row in done.stdout.splitlines()[2:]}
        assert kinds <= ({"stencil"} if tool == "pdfimages" else set())
    with pikepdf.open(tmp_path / "a.pdf") as found:
        for page in found.pages:
            steps = pikepdf.parse_content_stream(page)
            colours = {
                (str(step.operator), tuple(map(int, step.operands)))
                for step in steps
                if str(step.operator) in COLOURS
            }
            assert colours == {("g", (0,)), ("G", (0,))}
            names = [str(step.operator) for step in steps]
            assert names.count("q") == names.count("Q")


@pytest.mark.parametrize("paint", Paint)
def test_black_is_solid_on_one_bit_and_on_the_k_plate_alone(paint, tmp_path):
    """0 0 0 1 k would be a dark grey to a one-bit device, with a white dot in every fifth place."""
    made = Made(profile(replace(SMALL, paint=paint), dots=10), codes(6))
    (tmp_path / "a.pdf").write_bytes(document(made))
    for device, bands in (("tiffg4", 1), ("tiff32nc", 4)):
        command = [program("gs"), "-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", f"-sDEVICE={device}"]
        command += ["-r600", f"-sOutputFile={device}.tif", "a.pdf"]
        subprocess.run(command, cwd=tmp_path, check=True)
        with Image.open(io.BytesIO((tmp_path / f"{device}.tif").read_bytes())) as found:
            page = np.array(found).reshape(found.height, found.width, bands)
        ink = ~page[..., 0] if bands == 1 else page[..., 3] == 255
        for place, label in SMALL.spots(0, 6):
            due = by_segno(TEMPLATE.format(code=made.texts[label]), SymbolLook(dots=10))
            x, y = SMALL.symbol_at(SMALL.label_box(place), len(due))
            assert np.array_equal(ink[y : y + len(due), x : x + len(due)], due)
        assert bands == 1 or not page[..., :3].any()


COLOURS = {"g", "G", "rg", "RG", "k", "K", "cs", "CS", "sc", "SC", "scn", "SCN", "gs", "sh", "Do"}


def test_the_same_codes_make_the_same_document(sheet_of):
    made, _ = sheet_of
    again = Made(made.format._layout.profile, made.texts, first=95)
    assert document(again) == document(made)


# --- what a reader refuses ---------------------------------------------------------------


def with_extra(data, change):
    with pikepdf.open(io.BytesIO(data)) as found:
        change(found)
        out = io.BytesIO()
        found.save(out)
        return out.getvalue()


def annotate(found):
    found.pages[0].Annots = pikepdf.Array([])


def attach(found):
    found.Root.Extra = found.make_stream(b"more")


def hide(found):
    found.Root.Pages.Extra = found.make_stream(b"more")


def resize(found):
    found.pages[0].MediaBox = pikepdf.Array([0, 0, 100, 100])


CHANGES = {
    "pages swapped": lambda c: [c[1], c[0], c[2]],
    "a page missing": lambda c: c[:2],
    "a page too many": lambda c: [*c, b""],
    "something drawn besides": lambda c: [c[0] + b"0 0 9 9 re f\n", *c[1:]],
    "a symbol missing": lambda c: [c[0].replace(b"f Q", b"n Q", 1), *c[1:]],
    "a symbol moved": lambda c: [c[0].replace(b" cm\n\n", b" cm\n\n1 0 0 1 0 0 cm ", 1), *c[1:]],
    "a symbol destroyed": lambda c: [re.sub(rb"\d\d 1 re", b"01 1 re", c[0]), *c[1:]],
    "another serial": lambda c: [c[0].replace(b" l", b" m", 200), *c[1:]],
}


@pytest.fixture(scope="module")
def plain():
    return Made(profile(dots=10), codes(16))


@pytest.mark.parametrize("change", CHANGES)
def test_pages_that_were_changed_are_refused(plain, change):
    (name,) = plain.files
    assert plain.read({name: altered(document(plain), lambda pages: pages)}) == plain.texts
    with pytest.raises(IntegrityError):
        plain.read({name: altered(document(plain), CHANGES[change])})


def test_pages_in_the_black_of_earlier_packages_are_read(plain):
    (name,) = plain.files
    old = altered(
        document(plain),
        lambda pages: [page.replace(b"0 g 0 G", b"0 0 0 1 k 0 0 0 1 K") for page in pages],
    )
    assert old != document(plain)
    assert plain.read({name: old}) == plain.texts


@pytest.mark.parametrize("change", [annotate, attach, hide, resize])
def test_a_document_with_more_in_it_is_refused(plain, change):
    (name,) = plain.files
    with pytest.raises(IntegrityError, match="not a PDF as the profile says"):
        plain.read({name: with_extra(document(plain), change)})


@pytest.mark.parametrize("data", [b"", b"%PDF-1.4\n", b"\0" * 3_000_000])
def test_what_is_no_such_document_is_refused(plain, data):
    (name,) = plain.files
    with pytest.raises(IntegrityError):
        plain.read({name: data})


def test_symbols_of_another_code_are_refused(plain):
    (name,) = plain.files
    other = Made(profile(dots=10), codes(16), template="HTTPS://R.EXAMPLE.CN/{code}")
    with pytest.raises(IntegrityError, match="payload of this package"):
        plain.read({name: document(other)})


# --- golden ------------------------------------------------------------------------------


@pytest.mark.parametrize("paint", Paint)
def test_the_content_is_the_one_that_was_looked_at(paint):
    sheet = replace(SMALL, page=(60.0, 50.0), rows=1, columns=2, paint=paint)
    made = Made(profile(sheet, mask=2, dots=10), ["0123456789ABCDEF", "TEST000000000042"], first=41)
    (content,) = pages(document(made))
    path_ = GOLDEN / f"sheet-{paint}.txt"
    if os.environ.get("MINTMARK_WRITE_GOLDEN"):
        path_.write_bytes(content)
    assert content == path_.read_bytes(), "if meant: MINTMARK_WRITE_GOLDEN=1 pytest " + __file__


def test_a_test_package_says_so_on_every_sheet():
    data = dummy_codes(Range(1, 12), 16, digits=False).decode()
    texts = [data[at : at + 16] for at in range(0, len(data), 16)]
    banner = path("TEST PACKAGE K7QM").encode()
    assert all(banner in page for page in pages(document(Made(profile(), texts))))
    assert not any(banner in page for page in pages(document(Made(profile(), codes(12)))))


@pytest.mark.parametrize("test", [True, False])
def test_a_page_that_was_changed_is_named(test):
    data = dummy_codes(Range(1, 16), 16, digits=False).decode()
    texts = [data[at : at + 16] for at in range(0, len(data), 16)] if test else codes(16)
    made = Made(profile(dots=10), texts)
    (name,) = made.files
    for at in range(len(pages(document(made)))):
        more = altered(
            document(made), lambda found, at=at: [*found[:at], found[at] + b"\n", *found[at + 1 :]]
        )
        with pytest.raises(IntegrityError, match=f"page {at + 1} is not as"):
            made.read({name: more})


def test_symbols_above_a_hundred_modules_are_drawn_as_well(tmp_path):
    sheet = Sheet(dpi=600, page=(60.0, 60.0), label=(50.0, 50.0), header=False)
    long = "https://example.cn/" + "a" * 150 + "/{code}"
    look = {"level": "H", "version_limit": 40, "invert": True, "quiet_zone": 20}
    made = Made(profile(sheet, dots=8, **look), codes(2), template=long)
    assert made.format.symbols[0].encoder.size + 2 * 20 > 100
    for text, picture in zip(codes(2), render(document(made), 600, tmp_path), strict=True):
        assert read(picture) == [long.format(code=text)]
    assert made.read() == made.texts

"""Symbols with dots taken off their edges: exact to the dot, and right again when ink has grown.

Pillow's rank filters say what erosion and growth are; poppler and librsvg draw vectors.
"""

import io
import re
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter
from print_kit import (
    SMALL,
    TEMPLATE,
    Made,
    altered,
    by_segno,
    codes,
    document,
    dots,
    drawn,
    layout,
    program,
    read,
    render,
)
from print_kit import on_sheet as profile

from mintmark.codegen.errors import IntegrityError, UsageError
from mintmark.packaging.formats.registry import format_for
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.profiles.geometry import Paint, SymbolLook, Text
from mintmark.packaging.profiles.profile import parse

looks = st.builds(
    lambda dots, part, **more: SymbolLook(dots=dots, reduce=1 + part % ((dots - 1) // 2), **more),
    dots=st.integers(4, 13),
    part=st.integers(0, 9),
    quiet_zone=st.integers(4, 6),
    invert=st.booleans(),
    mirror=st.booleans(),
)


def grown(ink, by):
    """Ink that spread by `by` dots on each side; that shrank, if negative."""
    around = abs(by) + 1
    picture = Image.fromarray(np.pad(ink, around).astype(np.uint8) * 255)
    rank = ImageFilter.MaxFilter if by > 0 else ImageFilter.MinFilter
    found = np.asarray(picture.filter(rank(2 * abs(by) + 1))) > 0
    return found if by > 0 else found[around:-around, around:-around]


def whole(text, look):
    return by_segno(TEMPLATE.format(code=text), replace(look, reduce=0))


@pytest.mark.parametrize("kind", ["png", "bmp"])
@settings(max_examples=20)
@given(look=looks, seed=st.integers(0, 10**6))
def test_pictures_lack_the_dots_and_ink_that_grows_gives_them_back(kind, look, seed):
    texts = codes(2, seed=seed)
    for text, data in zip(texts, drawn(kind, look, texts), strict=True):
        found, _ = dots(data)
        due = whole(text, look)
        assert np.array_equal(found, grown(due, -look.reduce))
        around = look.reduce + 1
        assert np.array_equal(grown(found, look.reduce), np.pad(due, around))


VARIANTS = [
    {"dots": 4, "reduce": 1},
    {"dots": 4, "reduce": 1, "invert": True},
    {"dots": 6, "reduce": 2, "mirror": True},
    {"dots": 10, "reduce": 2, "invert": True, "mirror": True},
    {"dots": 12, "reduce": 3},
]


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_svg_is_exact_in_another_renderer(variant, tmp_path):
    look = SymbolLook(**variant)
    (text,) = codes(1)
    (tmp_path / "a.svg").write_bytes(drawn("svg", look, [text])[0])
    command = [program("rsvg-convert"), "-d", str(look.dpi), "-p", str(look.dpi), "a.svg"]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    with Image.open(io.BytesIO(done.stdout)) as found:
        ink = np.array(found.getchannel("A"))
    assert set(np.unique(ink)) == {0, 255}
    due = grown(whole(text, look), -look.reduce)
    # librsvg rounds the size up, some lengths in mm by a whole dot.
    assert np.array_equal(ink[: len(due), : len(due)] == 255, due)
    assert not ink[len(due) :].any()


@pytest.mark.parametrize("paint", Paint)
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_sheets_are_exact_and_read_back(variant, paint, tmp_path):
    sheet = replace(SMALL, paint=paint, text=Text.NONE, marks=(), header=False)
    made = Made(profile(sheet, **variant), codes(6))
    look = made.format._layout.profile.symbol
    page = np.array(render(document(made), 600, tmp_path)[0]) < 128
    for place, label in sheet.spots(0, 6):
        due = grown(whole(made.texts[label], look), -look.reduce)
        x, y = sheet.symbol_at(sheet.label_box(place), len(due))
        assert np.array_equal(page[y : y + len(due), x : x + len(due)], due)
    assert page.sum() == sum(
        grown(whole(text, look), -look.reduce).sum() for text in made.texts
    )  # and nothing else
    assert made.read() == made.texts


@pytest.mark.parametrize("name", ["png", "svg", "bmp-1bit", "pdf-sheet"])
def test_every_format_that_draws_is_read_back(name):
    base = builtin(name)
    for look in ({"dots": 4, "reduce": 1}, {"dots": 8, "reduce": 2, "invert": True}):
        made = Made(replace(base, symbol=replace(base.symbol, **look)), codes(3))
        plain = Made(
            replace(base, symbol=replace(made.format._layout.profile.symbol, reduce=0)), codes(3)
        )
        assert made.read() == made.texts
        for files in (plain.files,):
            with pytest.raises(IntegrityError):
                made.read(files)


@pytest.mark.parametrize(("invert", "mirror"), [(False, False), (True, False), (True, True)])
def test_half_of_a_module_of_four_dots_is_read_all_the_same(invert, mirror):
    texts = codes(33)
    look = SymbolLook(dots=4, reduce=1, invert=invert, mirror=mirror)
    for text, data in zip(texts, drawn("png", look, texts), strict=True):
        with Image.open(io.BytesIO(data)) as found:
            assert read(found.convert("L")) == [TEMPLATE.format(code=text)]


@pytest.mark.parametrize("paint", Paint)
def test_sheets_with_other_dots_are_refused(paint):
    made = Made(profile(replace(SMALL, paint=paint), dots=8, reduce=2), codes(6))
    (name,) = made.files
    changes = {
        "moved": (rb"\n(\d{5}) (\d{5})(  *)(\d{5}) (\d{5}) re", rb"\n\1 \2\3\4 00001 re"),
        "beyond": (rb"\n(\d{5}) (\d{5})(  *)(\d{5})", rb"\n99999 \2\3\4"),
        "below": (rb"\n(\d{5}) (\d{5})(  *)(\d{5})", rb"\n\1     0\3\4"),
    }
    if paint is Paint.MASK:
        changes = {"bits": (rb"\nFF", rb"\nF0"), "fewer": (rb"ID\n..", rb"ID\n")}
    for change in changes.values():
        broken = altered(
            document(made), lambda pages, how=change: [re.sub(*how, pages[0], count=3), *pages[1:]]
        )
        if broken != document(made):
            with pytest.raises(IntegrityError):
                made.read({name: broken})


@pytest.mark.parametrize("value", ["-1", "2", "3", "100", "0.5", '"1"', "true"])
def test_what_leaves_no_module_is_refused(value):
    import tomllib

    text = f'format = "png"\n[symbol]\ndots = 4\nreduce = {value}\n'
    with pytest.raises(UsageError, match=r"symbol\.reduce") as caught:
        parse("caps", tomllib.loads(text))
    assert caught.value.details["key"] == "symbol.reduce"


def test_a_document_says_so_only_where_dots_are_taken_off():
    base = builtin("png")
    assert "reduce" not in base.document()["symbol"]
    less = replace(base, symbol=replace(base.symbol, reduce=1))
    assert less.document()["symbol"]["reduce"] == 1
    assert parse("png", less.document()) == less


def test_masks_of_too_many_dots_for_a_page_are_refused_before_any_code_is_seen():
    sheet = replace(
        builtin("pdf-sheet").sheet, page=(4_800.0, 4_800.0), label=(56.0, 60.0),
        rows=60, columns=60, gutter=(2.0, 2.0), paint=Paint.MASK,
    )  # fmt: skip
    look = {"dots": 37, "reduce": 1}
    with pytest.raises(UsageError, match=r"sheet\.paint.*MB") as caught:
        format_for(layout(profile(sheet, **look)))
    assert "paths" in caught.value.hints[0]
    assert format_for(layout(profile(replace(sheet, paint=Paint.PATHS), **look)))

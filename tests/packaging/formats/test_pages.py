"""Pages of sheets taken many at a time: which labels they hold, and what is read on them."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from print_kit import SMALL, SYMBOLS, Made, altered, codes, document, encoder, on_sheet

from mintmark.codegen.errors import IntegrityError
from mintmark.packaging.formats import sheet as module
from mintmark.packaging.formats.content import MAX_CONTENT, deflated, inflated
from mintmark.packaging.formats.furniture import Heading
from mintmark.packaging.formats.imposition import Sheets
from mintmark.packaging.formats.pages import Pages, serials, spots
from mintmark.packaging.formats.reading import decoded, modules_of, operators_of
from mintmark.packaging.profiles.geometry import LabelOrder, Paint, Sheet, SymbolLook

orders = st.sampled_from(LabelOrder)
looks = st.builds(
    SymbolLook,
    dots=st.integers(5, 9),
    reduce=st.integers(0, 2),
    invert=st.booleans(),
    mirror=st.booleans(),
    quiet_zone=st.integers(4, 7),
)


@given(orders, st.integers(1, 5), st.integers(1, 5), st.integers(1, 130), st.integers(1, 4))
def test_labels_of_many_pages_are_those_of_each(order, rows, columns, count, copies):
    sheet = Sheet(600, (400.0, 400.0), (20.0, 20.0), rows, columns, order=order)
    whole = Pages(9, count, copies, 0, sheet.sheets(count))
    for number in (1, 3, 100):
        for some in whole.cut(number):
            pages = [list(sheet.spots(page, count)) for page in range(some.start, some.stop)]
            found = spots(sheet, some)
            flat = [spot for page in pages for spot in page]
            assert list(zip(found.places.tolist(), found.labels.tolist(), strict=True)) == flat
            assert found.codes.tolist() == [label // copies for _, label in flat]
            assert found.ends == np.cumsum([len(page) for page in pages]).tolist()
            ranges, at = serials(found.codes, some.first)
            named = [serial for piece in ranges for serial in range(piece.first, piece.last + 1)]
            assert named == sorted({9 + code for code in found.codes.tolist()})
            assert [named[index] for index in at.tolist()] == (9 + found.codes).tolist()
    assert list(whole.cut(2))[-1].stop == whole.stop


def painted(content, look, side, paint):
    """The symbols of a page as modules of ink, dot by dot: slow, and nothing of `reading` in it."""
    found = []
    unit = look.dots if look.reduce else 1
    if paint is Paint.PATHS:
        for path in re.findall(rb" cm\n((?:\n[\d ]+re *)+)\nf Q", content):
            dots = np.zeros((side * unit, side * unit), bool)
            for x, up, wide, high in re.findall(rb"(\d+) +(\d+) +(\d+) +(\d+) re", path):
                top = side * unit - int(up) - int(high)
                dots[top : top + int(high), int(x) : int(x) + int(wide)] = True
            found.append(dots[unit // 2 :: unit, unit // 2 :: unit])
        return found
    for wide, digits in re.findall(rb"/W (\d+) .*?ID\n([0-9A-F]+)>", content):
        lines = len(digits) // int(wide) * 4
        bits = f"{int(digits, 16):0{len(digits) * 4}b}"
        dots = [
            [bit == "1" for bit in bits[at : at + int(wide)]] for at in range(0, len(bits), lines)
        ]
        step = int(wide) / side
        at = [int((number + 0.5) * step) for number in range(side)]
        found.append(np.array(dots)[np.ix_(at, at)])
    return found


@given(looks, st.sampled_from(Paint), orders, st.randoms(use_true_random=False))
def test_symbols_are_read_as_they_are_painted(look, paint, order, random):
    sheet = replace(SMALL, paint=paint, order=order, marks=())
    made = encoder("M", look.mask)
    texts = "".join(random.choices(SYMBOLS, k=16 * 8)).encode()
    sheets = Sheets(made, look, sheet, 6)
    side = made.size + (2 * look.quiet_zone if look.invert else 0)
    drawn, ink = [], []
    for page in sheets.pages(Pages(1, 8, 1, 0, 2), texts, Heading("P", "U")):
        drawn += operators_of(page, sheet)
        ink += painted(page, look, side, paint)
    modules, good = modules_of(drawn, made.size, look, paint)
    assert good.all()
    wanted = made.encode(texts).modules()
    assert np.array_equal(modules, wanted)
    around = look.quiet_zone if look.invert else 0
    plain = np.pad(wanted, ((0, 0), (around, around), (around, around)))
    plain = plain[:, :, ::-1] if look.mirror else plain
    assert np.array_equal(np.array(ink), ~plain if look.invert else plain)
    prefix = made.template.prefix.encode()
    assert list(decoded(modules)) == [prefix + texts[at : at + 16] for at in range(0, 128, 16)]


@given(st.sampled_from(Paint), st.integers(0, 2), st.data())
def test_operators_that_were_changed_are_read_or_refused(paint, reduce, data):
    """Whatever a page says, reading it ends with symbols of the right size, and what is good."""
    look, made = SymbolLook(dots=6, reduce=reduce), encoder("M", None)
    sheet = replace(SMALL, paint=paint)
    (page,) = Sheets(made, look, sheet, 6).pages(
        Pages(1, 3, 1, 0, 1), b"0123456789ABCDEF" * 3, Heading("P", "U")
    )
    at = data.draw(st.integers(0, len(page) - 1))
    put = data.draw(st.binary(max_size=9) | st.sampled_from([b"f", b"\nf Q\n", b" cm\n\n", b">"]))
    drawn = operators_of(page[:at] + put + page[at + data.draw(st.integers(0, 40)) :], sheet)
    modules, good = modules_of(drawn, made.size, look, paint)
    assert modules.shape == (len(drawn), made.size, made.size)
    assert good.shape == (len(drawn),)


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("order", LabelOrder)
def test_units_are_the_same_in_parts_of_any_size(order, copies, monkeypatch):
    profile = on_sheet(replace(SMALL, order=order), dots=8)
    whole = Made(profile, codes(25), first=95, copies=copies)
    monkeypatch.setattr(module, "_PART", 6)
    cut = Made(profile, codes(25), first=95, copies=copies)
    parts = list(cut.format.parts(cut.unit))
    assert len(parts) == -(-25 * copies // 6)
    assert sum(part.count for part in parts) == 25, "what people see of it ends at all codes"
    assert document(cut) == document(whole)
    assert cut.read() == whole.texts


@pytest.mark.parametrize("part", [6, 1_000])
def test_copies_that_differ_are_refused(part, monkeypatch):
    monkeypatch.setattr(module, "_PART", part)
    one, other = (Made(on_sheet(dots=8), texts, copies=5) for texts in (codes(3), codes(6)[3:]))
    pages = []
    altered(document(other), lambda found: pages.extend(found) or found)
    forged = altered(document(one), lambda found: [found[0], *pages[1:2], *found[2:]])
    (name,) = one.files
    with pytest.raises(IntegrityError, match="is not as the profile says"):
        one.read({name: forged})


def test_a_page_that_inflates_to_more_than_any_is_refused():
    assert inflated(deflated(b"q Q" * 9)) == b"q Q" * 9
    for packed in (deflated(bytes(MAX_CONTENT + 1)), deflated(b"q Q" * 99)[:-3], b"no stream"):
        with pytest.raises(ValueError, match=r"^$"):
            inflated(packed)

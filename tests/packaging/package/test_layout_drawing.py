"""The drawings of README.txt, against sheets that poppler renders and zxing-cpp reads."""

import re
from dataclasses import replace

import numpy as np
import pytest
from print_kit import codes, read, render

from mintmark.codegen.ranges.serials import Range
from mintmark.packaging.package.paper import RULE
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.profiles.geometry import LabelOrder, Text, to_mm
from mintmark.packaging.profiles.profile import LaneOrder

COUNT, FIRST = 27, 41  # the last sheet, or the last piles, have free places
DPI = 300


def made_sheets(maker, order, **look):
    base = builtin("pdf-sheet")
    sheet = replace(
        base.sheet,
        page=(120.0, 92.0),
        label=(24.0, 28.0),
        rows=2,
        columns=4,
        order=order,
        text=Text.NONE,
    )
    profile = replace(base, sheet=sheet, symbol=replace(base.symbol, **look))
    texts = {FIRST + number: code for number, code in enumerate(codes(COUNT))}
    return maker(
        profile=profile, unit_size=10_000, serials=(Range(FIRST, FIRST + COUNT - 1),), codes=texts
    )


def lying(made, page):
    """The serials on a rendered page as they lie, row by row; None where there is no symbol."""
    sheet = made.job.profile.sheet
    known = {code: serial for serial, code in made.codes.items()}
    found = []
    for row in range(sheet.rows):
        line = []
        for column in range(sheet.columns):
            box = sheet.label_box(row * sheet.columns + column)
            left, top, wide, high = (
                round(to_mm(dots, sheet.dpi) * DPI / 25.4)
                for dots in (box.x, box.y, box.width, box.height)
            )
            here = read(np.asarray(page.crop((left, top, left + wide, top + high))))
            line.append(known[here[0].rpartition("/")[2]] if here else None)
        found.append(line)
    return found


def drawn(text):
    """The drawings of a language: lists of rows of serials."""
    drawings = []
    for line in text.split("\r\n"):
        if line.strip().startswith("|"):
            cells = [cell.strip() for cell in line.split("|")[1:-1]]
            drawings[-1].append([None if cell == "-" else int(cell) for cell in cells])
        elif not line.strip().startswith("+"):
            drawings.append([])
    return [drawing for drawing in drawings if drawing]


@pytest.mark.parametrize("order", LabelOrder)
@pytest.mark.parametrize("look", [{}, {"mirror": True}, {"invert": True}])
def test_sheets_lie_as_they_are_drawn(maker, tmp_path, order, look):
    made = made_sheets(maker, order, **look)
    entries = made.entries()
    pages = [lying(made, page) for page in render(entries["data/0001.pdf"], DPI, tmp_path)]
    for text in entries["README.txt"].decode("utf-8-sig").split(RULE):
        assert drawn(text) == pages[: 2 if order in {LabelOrder.STACK, LabelOrder.LANES} else 1]
        said = re.findall(
            r"(?:第(\d+)[叠列]|(?:pile|roll)(\d+)is)(\d+)-(\d+)", "".join(text.split())
        )
        if order is LabelOrder.STACK:
            piles = [[page[n // 4][n % 4] for page in pages] for n in range(8)]
        else:
            piles = [[row[n] for page in pages for row in page] for n in range(4)]
        for zh, en, first, last in said:
            pile = [serial for serial in piles[int(zh or en) - 1] if serial is not None]
            assert pile == list(range(int(first), int(last) + 1))
        assert len(said) == (3 if order in {LabelOrder.STACK, LabelOrder.LANES} else 0)
        assert ("没有镜像" in text or "arenot" in "".join(text.split())) is bool(look.get("mirror"))


def test_a_wide_web_and_a_large_sheet_are_drawn_in_part(maker):
    lanes = replace(builtin("csv"), lanes=40, lane_order=LaneOrder.INTERLEAVED)
    text = maker(profile=lanes, unit_size=400, serials=(Range(1, 400),)).entries()["README.txt"]
    (first, *_) = re.findall(r"\|.*lane 40 \|", text.decode("utf-8-sig"))
    assert first.count("|") == 8
    assert re.search(r"\| +1 \| +2 \| .*\| +\.\. \| +40 \|", text.decode("utf-8-sig"))
    assert re.search(r"\| +361 \| .*\| +400 \|", text.decode("utf-8-sig"))
    sheet = made_sheets(maker, LabelOrder.ROWS).job.profile.sheet
    many = replace(sheet, page=(700.0, 900.0), rows=20, columns=20)
    profile = replace(builtin("pdf-sheet"), sheet=many)
    text = maker(profile=profile, unit_size=10_000, serials=(Range(1, 400),)).entries()
    drawing = text["README.txt"].decode("utf-8-sig").split(RULE)[0]
    assert re.search(r"\| +381 \| .*\| +\.\. \| +400 \|", drawing)

"""The pictures of docs/printing.md and docs/receipts.md: python tests/print_images.py docs/images

Drawn of dummy codes by the formats themselves, and rendered by poppler and librsvg.
"""

import io
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import openpyxl
from PIL import Image, ImageDraw, ImageFont
from print_kit import Made, program, render

from mintmark.codegen.ledger.records import UnitRow
from mintmark.codegen.ranges.serials import Range
from mintmark.packaging.formats.dummy import dummy_codes
from mintmark.packaging.print_calculator import PlanRequest, plan
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.profiles.geometry import LabelOrder, PrintMark, Text
from mintmark.packaging.receipts import labels

URL = "HTTPS://Q.EXAMPLE.CN/{code}"
TEXTS = ("csv", "url-lines", "xlsx")
WIDE = 10  # dots per letter
PAPER = 238  # the grey around pictures, so that their own white shows


def dummies(count):
    data = dummy_codes(Range(1, count), 16, digits=False).decode("ascii")
    return [data[at : at + 16] for at in range(0, len(data), 16)]


def first(profile, **look):
    """The first picture file of a profile."""
    base = builtin(profile)
    made = Made(replace(base, symbol=replace(base.symbol, **look)), dummies(1), template=URL)
    return list(made.files.values())[1]


def side_by_side(pictures, gap=24):
    """Pictures in a row on grey."""
    height = max(picture.height for picture in pictures)
    width = sum(picture.width + gap for picture in pictures) + gap
    row, at = Image.new("L", (width, height + 2 * gap), PAPER), gap
    for picture in pictures:
        row.paste(picture.convert("L"), (at, gap))
        at += picture.width + gap
    return row


def written(rows, widths):
    """A file of text, or a worksheet's cells, as an editor shows it: a letter per cell."""
    font, high = ImageFont.load_default(15), 24
    page = Image.new("L", (sum(widths) * WIDE + 24, len(rows) * high + 24), 255)
    pen = ImageDraw.Draw(page)
    for down, row in enumerate(rows):
        at, top = 12, 12 + down * high
        for width, text in zip(widths, row, strict=True):
            for across, letter in enumerate(text):
                pen.text((at + (across + 0.5) * WIDE, top + 15), letter, 0, font, anchor="ms")
            at += width * WIDE
    return page


def lined(page, widths, rows):
    """A worksheet's grid over its cells."""
    pen, at = ImageDraw.Draw(page), 6
    for width in (*widths, 0):
        pen.line((at, 12, at, 12 + rows * 24 - 4), 170)
        at += width * WIDE
    for down in range(rows + 1):
        pen.line((6, 10 + down * 24, page.width - 18, 10 + down * 24), 170)
    return page


def texts():
    """The first rows of the text profiles, as they are in the files."""
    made = {name: Made(builtin(name), dummies(5), template=URL).files for name in TEXTS}
    csv, lines, book = (next(iter(files.values())) for files in made.values())
    rows = [[line] for line in csv.decode("ascii").splitlines()]
    urls = [[line] for line in lines.decode("ascii").splitlines()]
    sheet = openpyxl.load_workbook(io.BytesIO(book)).active
    cells = [[str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    widths = [max(len(row[n]) for row in cells) + 2 for n in range(len(cells[0]))]
    return {
        "print-csv": side_by_side([written(rows, [max(len(row[0]) for row in rows)])]),
        "print-url-lines": side_by_side([written(urls, [max(len(row[0]) for row in urls)])]),
        "print-xlsx": side_by_side([lined(written(cells, widths), widths, len(cells))]),
    }


def opened(data):
    return Image.open(io.BytesIO(data))


def by_rsvg(data):
    command = [program("rsvg-convert"), "-d", "400", "-p", "400", "-b", "white"]
    done = subprocess.run(command, input=data, capture_output=True, check=True)
    return opened(done.stdout)


def sheets(folder):
    """An A4 page whole, its corner, and a cut-and-stack sheet of small labels."""
    base = builtin("pdf-sheet")
    (page, *_) = render(document(base, 96), 72, folder)
    (near, *_) = render(document(base, 96), 300, folder)
    sheet = replace(
        base.sheet,
        page=(120.0, 84.0),
        label=(24.0, 28.0),
        rows=2,
        columns=4,
        bleed=1.0,
        marks=(PrintMark.CROP, PrintMark.REGISTRATION),
        order=LabelOrder.STACK,
        text=Text.CODE,
        text_size=6.0,
    )
    (stack, *_) = render(document(replace(base, sheet=sheet), 80), 150, folder)
    return {
        "print-sheet": side_by_side([page]),
        "print-sheet-corner": near.crop((120, 60, 120 + 900, 60 + 620)),
        "print-sheet-stack": side_by_side([stack]),
    }


def document(profile, count):
    (data,) = Made(profile, dummies(count), template=URL).files.values()
    return data


def label():
    """The label of a reel, as `package labels` draws it."""
    row = UnitRow(
        *("K7QM-5N8R2GHT", "data/0001.csv", 1, 10_000, 10_000, "", "K7QM-9X2C4DEF"),
        *("K7QM-3T9A2BCD", "made", None, None, 0, False),
    )
    return opened(labels._label(row, "Green tea 500 ml"))


def main():
    out = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (proof, _) = plan(PlanRequest(url=URL, diameter=20.0, out=folder)).files
        with Image.open(proof) as picture:
            pictures = {
                "print-proof": picture.convert("L").resize((733, 845), Image.Resampling.BOX)
            }
        pictures |= sheets(folder) | texts()
    pictures["unit-label"] = side_by_side([label()])
    pictures["print-png"] = side_by_side([opened(first("png", dots=8))])
    pictures["print-svg"] = side_by_side([by_rsvg(first("svg"))])
    looks = ({}, {"invert": True}, {"invert": True, "mirror": True})
    pictures["print-bmp"] = side_by_side([opened(first("bmp-1bit", dots=8, **k)) for k in looks])
    for name, picture in pictures.items():
        picture.quantize(16).save(out / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()

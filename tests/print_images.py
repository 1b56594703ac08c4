"""The pictures of docs/printing.md: python tests/print_images.py docs/images

Drawn of dummy codes by the formats themselves, and rendered by poppler and librsvg.
"""

import io
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from PIL import Image
from print_kit import Made, program, render

from mintmark.codegen.serials import Range
from mintmark.packaging.dummy import dummy_codes
from mintmark.packaging.geometry import Mark, Order, Text
from mintmark.packaging.plan import PlanRequest, plan
from mintmark.packaging.profile import builtin

URL = "HTTPS://Q.EXAMPLE.CN/{code}"
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


def opened(data):
    return Image.open(io.BytesIO(data))


def by_rsvg(data):
    command = [program("rsvg-convert"), "-d", "400", "-p", "400", "-b", "white"]
    done = subprocess.run(command, input=data, capture_output=True, check=True)
    return opened(done.stdout)


def sheets(folder):
    """An A4 page whole, its corner, and one cut-and-stack sheet of small labels."""
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
        marks=(Mark.CROP, Mark.REGISTRATION),
        order=Order.STACK,
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


def main():
    out = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (proof, _) = plan(PlanRequest(url=URL, diameter=20.0, out=folder)).files
        with Image.open(proof) as picture:
            pictures = {
                "print-proof": picture.convert("L").resize((733, 798), Image.Resampling.BOX)
            }
        pictures |= sheets(folder)
    pictures["print-png"] = side_by_side([opened(first("png", dots=8))])
    pictures["print-svg"] = side_by_side([by_rsvg(first("svg"))])
    looks = ({}, {"invert": True}, {"invert": True, "mirror": True})
    pictures["print-bmp"] = side_by_side([opened(first("bmp-1bit", dots=8, **k)) for k in looks])
    for name, picture in pictures.items():
        picture.quantize(16).save(out / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()

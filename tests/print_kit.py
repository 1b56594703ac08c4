"""What the tests of pictures and sheets share: codes, and independent drawings of symbols."""

import functools
import io
import random
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pikepdf
import pytest
import segno
import zxingcpp
from PIL import Image

from mintmark.codegen.ranges.serials import Range
from mintmark.packaging.formats import pdf, picture
from mintmark.packaging.formats.format import PackageLayout, PackageUnit
from mintmark.packaging.formats.registry import format_for
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.profiles.geometry import PrintMark, Sheet
from mintmark.packaging.symbols.encoder import Encoder

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TEMPLATE = "HTTPS://Q.EXAMPLE.CN/{code}"
_MODEL2 = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCodeModel2])


def codes(count, length=16, symbols=SYMBOLS, seed=5):
    """So many codes, as text."""
    chosen = random.Random(seed)
    return ["".join(chosen.choices(symbols, k=length)) for _ in range(count)]


def by_segno(payload, look):
    """The dots of a payload's symbol, quiet zone included, ink is true."""
    symbol = segno.make_qr(payload, error=look.level, mask=look.mask, boost_error=False)
    modules = np.array([list(row) for row in symbol.matrix_iter(border=look.quiet_zone)], bool)
    modules = modules[:, ::-1] if look.mirror else modules
    return np.kron(modules != look.invert, np.ones((look.dots, look.dots), bool))


def read(picture):
    """What an independent reader finds in a picture: the texts, in no order."""
    return [found.text for found in zxingcpp.read_barcodes(picture, formats=_MODEL2)]


def program(name):
    """A program the tests read with."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"no {name} here")
    return path


def render(pdf, dpi, folder):
    """The pages of a PDF as grey pictures, by poppler."""
    (folder / "sheet.pdf").write_bytes(pdf)
    command = [program("pdftoppm"), "-r", str(dpi), "-gray", "sheet.pdf", f"page{dpi}"]
    subprocess.run(command, cwd=folder, check=True)
    pages = sorted(folder.glob(f"page{dpi}-*.pgm"))
    pictures = []
    for page in pages:
        with Image.open(page) as picture:
            pictures.append(picture.copy())
        page.unlink()
    return pictures


def layout(profile, template=TEMPLATE, length=16, symbols=SYMBOLS, copies=1):
    ids = "K7QM-9X2C4DEF", "K7QM-3T9A2BCD"
    return PackageLayout(*ids, length, symbols, template, profile, copies=copies)


class Made:
    """One unit of a profile, as a format makes it: `files`, name → bytes."""

    def __init__(self, profile, texts, first=1, **more):
        self.texts = texts
        self.format = format_for(layout(profile, length=len(texts[0]), **more))
        self.unit = PackageUnit(0, "K7QM-11112222", Range(first, first + len(texts) - 1))
        made = []
        for part in self.format.parts(self.unit):
            wanted = [
                n - first for piece in part.ranges for n in range(piece.first, piece.last + 1)
            ]
            data = "".join(texts[n] for n in wanted).encode()
            made.append(self.format.make(self.unit, part, data))
        self.files = {}
        for chunk in self.format.join(self.unit, iter(made)):
            self.files[chunk.name] = self.files.get(chunk.name, b"") + chunk.data

    def read(self, files=None):
        """The codes that `read` finds, by serial."""
        entries = ((name, iter([data])) for name, data in (files or self.files).items())
        found, length = {}, len(self.texts[0])
        for ranges, data in self.format.read(self.unit, entries):
            serials = [n for piece in ranges for n in range(piece.first, piece.last + 1)]
            for at, serial in enumerate(serials):
                found[serial] = data[at * length : (at + 1) * length].decode()
        return [found[serial] for serial in sorted(found)]


@functools.cache
def encoder(level, mask):
    prefix, suffix = TEMPLATE.split("{code}")
    return Encoder(prefix, 16, SYMBOLS, suffix, level=level, mask=mask)


def drawn(kind, look, texts):
    symbols = encoder(look.level, look.mask).encode("".join(texts).encode())
    draw = {"png": picture.png, "bmp": picture.bmp, "svg": picture.svg}[kind]
    return list(draw(symbols, look))


def dots(data):
    """Ink, and the stated resolution, as Pillow sees them."""
    with Image.open(io.BytesIO(data)) as found:
        assert found.mode == "1"
        return ~np.array(found), found.info["dpi"]


SMALL = Sheet(
    dpi=600,
    page=(84.0, 72.0),
    label=(20.0, 22.0),
    rows=2,
    columns=3,
    gutter=(2.0, 2.0),
    bleed=1.0,
    marks=(PrintMark.CROP, PrintMark.REGISTRATION),
)


def on_sheet(sheet=SMALL, **look):
    """pdf-sheet with another sheet and another look."""
    base = builtin("pdf-sheet")
    return replace(base, sheet=sheet, symbol=replace(base.symbol, **look))


def document(made):
    (data,) = made.files.values()
    return data


def altered(data, change):
    """The document with its pages' content changed by `change(number, content)`."""
    with pikepdf.open(io.BytesIO(data)) as found:
        size = [float(side) for side in found.pages[0].MediaBox][2:]
        contents = [page.Contents.read_bytes() for page in found.pages]
    return pdf.document(change(contents), tuple(size), "K7QM-9X2C4DEF K7QM-11112222")

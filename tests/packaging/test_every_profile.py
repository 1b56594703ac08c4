"""5,000 codes of every built-in profile, exported by the commands and read by others' programs.

7-Zip opens the archives; then Python's csv, openpyxl, Pillow, poppler, librsvg and zxing-cpp
say what is in them. MINTMARK_PROFILE_CODES is another number of codes.
"""

import csv
import os
import subprocess

import numpy as np
import openpyxl
import pytest
import zxingcpp
from contract_worlds import INIT, command
from PIL import Image
from print_kit import program

from mintmark.codegen.invocation import utc_now
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.secret import Secret
from mintmark.codegen.station.keys import read_custodian_key
from mintmark.codegen.station.station import Station

CODES = int(os.environ.get("MINTMARK_PROFILE_CODES", "5000"))
PROFILES = ("csv", "url-lines", "xlsx", "png", "svg", "bmp-1bit", "pdf-sheet")
URL = "HTTPS://Q.EXAMPLE.CN/"
_QR = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
_MODEL2 = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCodeModel2])
_DPI = 300
_AT_ONCE = 250  # pictures; all pages of a profile would take a gigabyte


@pytest.fixture(scope="module")
def minted(tmp_path_factory):
    """A home with codes for each profile: (its folder, its batch, the codes in order)."""
    folder = tmp_path_factory.mktemp("every")
    passphrase = "correct horse battery staple"
    (folder / "pass.txt").write_text(passphrase, encoding="ascii")
    command(folder, *INIT.split())
    command(folder, "contact", "add", "li", "--name", "李伟")
    quantity = str(CODES * len(PROFILES))
    batch = command(folder, "mint", "--quantity", quantity, "--url", f"{URL}{{code}}")["batch"]
    key = read_custodian_key(folder / "custodian.key", lambda: Secret(passphrase.encode()))
    station = Station(folder / "home", operator="Ms Wang", now=utc_now)
    public = key.public.key_id
    known = station.station_keys, station.wrap_keys
    reader = station.vault.unseal(batch, *known, public, key.sealing)
    flat = b"".join(part for _, part in reader.codes(Range(1, int(quantity)))).decode("ascii")
    station.ledger.close()
    return folder, batch, [flat[at : at + 16] for at in range(0, len(flat), 16)]


@pytest.fixture
def unpacked(minted, tmp_path, seven_zip):
    """Exports a profile: (its unpacked files, the codes that are due, by serial)."""
    folder, batch, codes = minted

    def export(profile):
        first = PROFILES.index(profile) * CODES + 1
        made = command(
            folder,
            *("export", batch, "--to", "li", "--serials", f"{first}-{first + CODES - 1}"),
            *("--profile", profile, "--out", str(tmp_path / "out"), "--passphrase-file"),
            *("pass.txt", "--password-file", str(tmp_path / "password.txt")),
        )
        symbols = profile in {"png", "svg", "bmp-1bit", "pdf-sheet"}
        assert (f"all {CODES:,} symbols read back" in made["preflight"]) is symbols
        subprocess.run(
            [seven_zip, "x", "-bd", "-y", f"-o{tmp_path / 'files'}", made["archive"]],
            input=(tmp_path / "password.txt").read_bytes(),
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            check=True,
        )
        due = {serial: codes[serial - 1] for serial in range(first, first + CODES)}
        return tmp_path / "files", due

    return export


def rows(path):
    with path.open(encoding="ascii", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def text(picture, *, pure=True):
    """What zxing-cpp reads in a picture of one symbol."""
    (found,) = zxingcpp.read_barcodes(
        np.asarray(picture.convert("L")), formats=_QR if pure else _MODEL2, is_pure=pure
    )
    return found.text


def pages(pdf, first, last, folder):
    """Pages of a PDF as poppler draws them, grey."""
    command_ = [program("pdftoppm"), "-r", str(_DPI), "-gray", "-f", str(first), "-l", str(last)]
    subprocess.run([*command_, str(pdf), str(folder / "page")], check=True)
    for path in sorted(folder.glob("page-*.pgm")):
        with Image.open(path) as page:
            yield page.copy()
        path.unlink()


def test_csv(unpacked):
    files, due = unpacked("csv")
    found = rows(files / "data" / "0001.csv")
    assert {int(row["serial"]): row["code"] for row in found} == due
    assert [int(row["serial"]) for row in found] == list(due)
    assert [row["url"] for row in found] == [URL + code for code in due.values()]


def test_url_lines(unpacked):
    files, due = unpacked("url-lines")
    with (files / "data" / "0001.txt").open(encoding="ascii", newline="") as file:
        assert list(file) == [f"{URL}{code}\r\n" for code in due.values()]


def test_xlsx(unpacked):
    files, due = unpacked("xlsx")
    book = openpyxl.load_workbook(files / "data" / "0001.xlsx", read_only=True)
    (sheet,) = book.worksheets
    found = list(sheet.iter_rows(values_only=True))
    book.close()
    assert found[0] == ("serial", "code", "url")
    assert found[1:] == [(str(serial), code, URL + code) for serial, code in due.items()]


@pytest.mark.parametrize("profile", ["png", "bmp-1bit"])
def test_pictures(unpacked, profile):
    files, due = unpacked(profile)
    found = {}
    for row in rows(files / "data" / "0001.csv"):
        with Image.open(files / row["image"]) as picture:
            assert picture.mode == "1"
            found[int(row["serial"])] = (row["code"], text(picture))
    assert found == {serial: (code, URL + code) for serial, code in due.items()}
    # Sorted by name they are in order, and there are no others.
    names = sorted(path.name for path in (files / "qr" / "0001").iterdir())
    assert [int(name.partition(".")[0]) for name in names] == list(due)


def test_svg(unpacked, tmp_path):
    files, due = unpacked("svg")
    listed = rows(files / "data" / "0001.csv")
    assert {int(row["serial"]): row["code"] for row in listed} == due
    for first in range(0, len(listed), _AT_ONCE):
        some = listed[first : first + _AT_ONCE]
        pdf = tmp_path / "drawn.pdf"
        drawings = [str(files / row["image"]) for row in some]
        subprocess.run(
            [program("rsvg-convert"), "-f", "pdf", "-o", str(pdf), *drawings], check=True
        )
        found = [text(page, pure=False) for page in pages(pdf, 1, len(some), tmp_path)]
        assert found == [URL + row["code"] for row in some] == [row["url"] for row in some]


def test_pdf_sheet(unpacked, tmp_path):
    files, due = unpacked("pdf-sheet")
    pdf = files / "data" / "0001.pdf"
    sheets = -(-CODES // 48)
    found = []
    for first in range(1, sheets + 1, 5):
        for page in pages(pdf, first, min(first + 4, sheets), tmp_path):
            read = zxingcpp.read_barcodes(page, formats=_MODEL2)
            # Rows are 34 mm apart.
            read.sort(key=lambda item: (item.position.top_left.y // 200, item.position.top_left.x))
            found += [item.text for item in read]
    assert found == [URL + code for code in due.values()]

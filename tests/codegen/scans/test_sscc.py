"""SSCCs as scanners send them: GS1 General Specifications, figures 5.4.4 and 7.8."""

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen import sscc
from mintmark.codegen.scans import hints
from mintmark.codegen.scans.addresses import Addresses
from mintmark.codegen.scans.reader import ReadingKind, read_all

NUMBER = "106141412345678908"  # of EPC Tag Data Standard 2.0, section 7.3
OURS = Addresses.of(["https://q.example.cn/{code}"], [16])
SENT = [
    "{n}",
    "00{n}",
    "]C100{n}",
    "]C1\x1d00{n}",
    "\x1d00{n}",
    "<GS>00{n}",
    "]d200{n}",
    "]Q300{n}",
    "]e000{n}",
    "C100{n}",
    "(00){n}",
    "]C1(00){n}",
    "(00) {spaced}",
    "（00）{n}",
    "００{n}",
    "{spaced}",
    "(02)00614141777778(37)24(00){n}",
    "]C1020061414177777837{count}\x1d00{n}",
    "]C100{n}0200614141777778372",
    "00{n}0200614141777778372",
    "https://id.gs1.org/00/{n}",
    "HTTPS://ID.GS1.ORG/00/{n}",
    "http://localhost:8080/00/{n}",
    "https://example.com/some/path/00/{n}?02=00614141777778&37=25",
    "https://example.com/00/{n}/",
    "https://example.com/00/{n}#top",
    "example.com/00/{n}",
    "]Q1https://id.gs1.org/00/{n}",
    "httpsidgs1org00{n}",
    "https://q.example.cn/00/{n}",
]


def forms(sent, number):
    spaced = f"{number[0]} {number[1:8]} {number[8:17]} {number[17]}"
    return sent.format(n=number, spaced=spaced, count=24)


def read(text):
    (reading,) = read_all(text, OURS)
    return reading


@pytest.mark.parametrize("sent", SENT)
def test_what_a_reader_sends_of_an_sscc(sent):
    reading = read(forms(sent, NUMBER))
    assert (reading.kind, reading.sscc) == (ReadingKind.SCAN, NUMBER)
    assert NUMBER not in repr(reading)


@pytest.mark.parametrize("kind", ["Code128", "DataMatrix", "QRCode"])
def test_a_gs1_symbol_is_read_however_its_reader_sends_it(kind):
    form = getattr(zxingcpp.BarcodeFormat, kind)
    symbol = zxingcpp.create_barcode(f"(00){NUMBER}", form, gs1=True)
    (seen,) = zxingcpp.read_barcodes(symbol.to_image(scale=4, add_quiet_zones=True))
    data = seen.bytes.decode("ascii")
    for sent in (seen.text, data, f"{seen.symbology_identifier}{data}"):
        assert read(sent).sscc == NUMBER


@pytest.mark.parametrize("sent", SENT)
def test_a_wrong_check_digit_is_told(sent):
    reading = read(forms(sent, f"{NUMBER[:-1]}7"))
    assert hints.explain(reading, OURS) == hints.CHECK_DIGIT


def test_an_sscc_of_others_is_told_as_one():
    assert hints.explain(read(f"(00){NUMBER}"), OURS) == hints.OTHER_SSCC


@pytest.mark.parametrize(
    "sent",
    [
        "(01)00614141777778(21)7",
        "]C1010061414177777821" + "7" * 18,
        f"]C100{NUMBER}00{NUMBER[:-1]}7",
        f"]C1{NUMBER}",
        "https://id.gs1.org/01/00614141777778/21/00",
        f"https://id.gs1.org/00/{NUMBER}/21/5",
        f"https://id.gs1.org/00/{NUMBER[:-1]}",
        "0" * 18,
        f"{NUMBER}1",
        f"00{NUMBER};00{NUMBER}",
        f"]C100{NUMBER};]C100{NUMBER}",
        f"]C100{NUMBER}]C100{NUMBER}",
        f"]C100{NUMBER}https://q.example.cn/7K3M",
        f"(00){NUMBER};(00){NUMBER}",
        f"(00){NUMBER}(00){NUMBER}",
        f"https://id.gs1.org/00/{NUMBER}?;https://id.gs1.org/00/{NUMBER}",
        f"00{NUMBER}7K3MQ9XH2C4TWD85",
        f"{NUMBER}0200614141777778",
        "https://" + "0/" * 2_000,
        "",
    ],
)
def test_what_is_no_sscc(sent):
    assert all(reading.sscc is None for reading in read_all(sent, OURS))


def test_eighteen_digits_that_may_be_a_code_are_not_called_an_sscc():
    numeric = Addresses.of(["{code}"], [18])
    (reading,) = read_all(f"{NUMBER[:-1]}7", numeric)
    assert hints.explain(reading, numeric) == hints.UNKNOWN
    assert reading.codes


@given(st.integers(1, 10**17 - 1), st.sampled_from(["{}", "00{}", "]C100{}", "(00){}"]))
def test_every_sscc_is_read(number, sent):
    text = sscc.of_number(number)
    assert read(sent.format(text)).sscc == text

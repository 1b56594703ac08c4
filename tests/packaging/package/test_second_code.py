"""Packages of two codes a label: what each format makes of both, and what no format takes."""

import csv
import hashlib
import io
import json
import re
import subprocess
from dataclasses import replace
from random import Random

import openpyxl
import pikepdf
import pytest
import rfc8785
import zxingcpp
from PIL import Image

from mintmark.codegen.errors import IntegrityError, UsageError
from mintmark.codegen.ranges.serials import Range
from mintmark.packaging.formats import pdf
from mintmark.packaging.formats.dummy import dummy_codes, dummy_source
from mintmark.packaging.formats.format import PackageLayout, SecondCode
from mintmark.packaging.formats.sheet import SheetFormat
from mintmark.packaging.package.feed import of_pairs
from mintmark.packaging.package.manifest import dump
from mintmark.packaging.package.manifest_reading import parse
from mintmark.packaging.preflight.verify import verify
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.profiles.geometry import Text
from mintmark.packaging.profiles.profile import LaneOrder, Profile

OUT, IN = "https://q.example.cn/{code}", "HTTPS://W.EXAMPLE.CN/7/{code}"
SECOND = SecondCode("K7QM-5N8R2GHT", 12, "0123456789", IN)
SHEET = builtin("pdf-sheet-pair")
LANES = Profile(
    "lanes",
    columns=("serial", "pair_url", "url", "lane"),
    lanes=3,
    lane_order=LaneOrder.BLOCK,
    lead_in=2,
    lead_out=1,
    encoding="utf-8-sig",
)


def pairs(count, seed=1):
    """serial → both codes, as a label has them."""
    random = Random(seed)
    return {
        serial: "".join(random.choices("ABCDEFGH", k=16) + random.choices("0123456789", k=12))
        for serial in range(1, count + 1)
    }


def make(maker, profile, codes=None, **more):
    codes = codes or pairs(25)
    job = {"serials": (Range(1, len(codes)),), "template": OUT, "profile": profile.of_pair()}
    return maker(**job | {"second": SECOND, "codes": codes} | more)


def refused(made, words, path=None):
    with pytest.raises(IntegrityError, match=words):
        verify(path or made.path, made.password, made.trusted)


def proved(made):
    """What `verify` says of a package, and the codes that it read, by serial."""
    read = {}

    def keep(parts):
        for serials, codes in parts:
            numbers = [n for piece in serials for n in range(piece.first, piece.last + 1)]
            for at, serial in enumerate(numbers):
                read[serial] = codes[at * 28 : (at + 1) * 28].decode("ascii")
            yield serials, codes

    return verify(made.path, made.password, made.trusted, code_filter=keep), read


@pytest.mark.parametrize(
    "profile", [builtin("csv"), builtin("xlsx"), LANES, SHEET], ids=lambda profile: profile.name
)
def test_both_codes_of_every_label_are_written_and_read_back(maker, profile):
    made = make(maker, profile)
    found, read = proved(made)
    assert read == made.codes
    assert (found.second, found.rows, found.unique) == (SECOND.batch, 25, True)
    if profile is SHEET:
        assert found.symbols == found.decoded == 50


def test_rows_name_both_codes_of_a_label(maker):
    made = make(maker, builtin("csv"))
    text = b"".join(data for name, data in made.entries().items() if name.startswith("data/"))
    rows = [row for row in csv.reader(io.StringIO(text.decode("ascii"))) if row[0] != "serial"]
    due = [
        [str(n), code[:16], OUT.format(code=code[:16]), code[16:], IN.format(code=code[16:])]
        for n, code in made.codes.items()
    ]
    assert rows == due
    assert text.startswith(b"serial,code,url,pair_code,pair_url\r\n")


def test_workbooks_name_both_codes_as_text(maker):
    made = make(maker, builtin("xlsx"))
    book = openpyxl.load_workbook(io.BytesIO(made.entries()["data/0001.xlsx"]), read_only=True)
    head, first, *_ = book.active.iter_rows(values_only=True)
    assert head == ("serial", "code", "url", "pair_code", "pair_url")
    code = made.codes[1]
    assert first == (
        "1",
        code[:16],
        OUT.format(code=code[:16]),
        code[16:],
        IN.format(code=code[16:]),
    )


def test_set_up_rows_have_dummies_of_both_kinds(maker):
    made = make(maker, LANES, unit_size=25)
    lines = made.entries()["data/0001.csv"].decode("utf-8-sig").splitlines()
    assert lines[1] == f"0,{IN.format(code='TSET00000001')},{OUT.format(code='TEST000000000001')},1"
    assert len(lines) == 1 + 6 + 25 + 3


def test_an_independent_program_reads_what_was_packed(maker, seven_zip, tmp_path):
    made = make(maker, builtin("csv"), codes=pairs(4))
    subprocess.run(
        [seven_zip, "x", f"-p{made.password.reveal().decode()}", f"-o{tmp_path}", str(made.path)],
        check=True, capture_output=True,
    )  # fmt: skip
    text = (tmp_path / "data/0001.csv").read_text(encoding="ascii")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["code"] + row["pair_code"] for row in rows] == list(made.codes.values())
    with Image.open(tmp_path / "qr/sample-1-pair.png") as picture:
        symbols = zxingcpp.read_barcodes(picture)
    assert [item.text for item in symbols] == [IN.format(code=made.codes[1][16:])]


# --- what verify finds ------------------------------------------------------------------------


def test_a_code_that_is_there_twice_is_found_in_either_column(maker):
    codes = pairs(25)
    for which in (slice(0, 16), slice(16, 28)):
        doubled = dict(codes)
        label = list(codes[9])
        label[which] = codes[4][which]
        doubled[9] = "".join(label)
        refused(make(maker, builtin("csv"), codes=doubled), "serials 4 and 9 carry the same code")


def test_symbols_of_the_wrong_batch_are_found(maker):
    codes = pairs(25) | {7: "ABCDEFGH" * 2 + "ABCDEFGHABCD"}
    refused(make(maker, builtin("csv"), codes=codes), "has symbols no code has")


def test_the_sample_of_the_second_code_is_compared(maker, tmp_path):
    made, other = make(maker, builtin("csv")), make(maker, builtin("csv"), codes=pairs(25, seed=2))
    png = other.entries()["qr/sample-1-pair.png"]
    second = made.packed.manifest.second
    shown = replace(second.sample, bytes=len(png), sha256=hashlib.sha256(png).hexdigest())
    manifest = replace(made.packed.manifest, second=replace(second, sample=shown))
    entries = made.entries() | {"qr/sample-1-pair.png": png}
    path = made.forge(tmp_path / "a.zip", entries, manifest)
    refused(made, "does not show the code of serial 1", path)


def test_labels_drawn_with_their_symbols_exchanged_are_found(maker, tmp_path):
    """Each symbol is a right one of its label, at the other's place."""
    made = make(maker, SHEET, codes=pairs(3))
    with pikepdf.open(io.BytesIO(made.entries()["data/0001.pdf"])) as found:
        size = [float(side) for side in found.pages[0].MediaBox][2:]
        content = found.pages[0].Contents.read_bytes()
    head, *paths = re.split(rb"(?<= cm\n)(\n[^f]+\nf Q\n)", content)
    assert len(paths) == 12
    paths[0], paths[2] = paths[2], paths[0]
    forged = pdf.document([b"".join([head, *paths])], tuple(size), "K7QM-9X2C4DEF K7QM-00000001")
    path = made.with_data(tmp_path / "a.zip", "data/0001.pdf", lambda _: forged)
    refused(made, "a symbol on page 1 cannot be read|not hold a payload", path)


def test_a_manifest_of_a_pair_is_read_as_it_was_written(maker):
    manifest = make(maker, builtin("csv")).packed.manifest
    document = json.loads(dump(manifest))
    assert parse(dump(manifest)) == manifest
    assert document["second"] == {
        "batch": SECOND.batch, "code_length": 12, "symbols": "0123456789", "template": IN,
        "sample": document["second"]["sample"],
    }  # fmt: skip
    for wrong in ({"batch": "x y"}, {"code_length": 0}, {"symbols": "00"}, {"template": "nothing"}):
        changed = document | {"second": document["second"] | wrong}
        with pytest.raises(IntegrityError):
            parse(rfc8785.dumps(changed))
    shifted = document["second"]["sample"] | {"serial": 2, "name": "qr/sample-2-pair.png"}
    with pytest.raises(IntegrityError, match="first second code"):
        parse(rfc8785.dumps(document | {"second": document["second"] | {"sample": shifted}}))


# --- profiles -----------------------------------------------------------------------------------


def test_a_profile_gets_columns_of_the_second_code_where_it_has_none():
    assert builtin("csv").of_pair().sources[3:] == ("pair_code", "pair_url")
    assert Profile("own", columns=("pair_url", "code")).of_pair().sources == ("pair_url", "code")
    assert Profile("own", columns=("code", "lane")).of_pair().sources[-1] == "pair_code"
    assert SHEET.of_pair() == SHEET
    with pytest.raises(UsageError, match="one text without a name") as caught:
        builtin("url-lines").of_pair()
    assert "csv or xlsx" in caught.value.hints[0]
    constants = [("text", f"n{number}", "x") for number in range(37)]
    wide = Profile("wide", columns=("serial", "code", "url", *constants))
    with pytest.raises(UsageError, match="more than 40 columns"):
        wide.of_pair()


def test_both_codes_have_one_serial():
    with pytest.raises(UsageError) as caught:
        Profile("own", columns=("pair_serial", "code", "pair_code"))
    assert "the same serial: take serial" in caught.value.hints[0]


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        (builtin("pdf-sheet"), "no place for a second symbol"),
        (builtin("png"), "no place for a second code"),
        (Profile("one", columns=("code",)), "no column for the second code"),
    ],
)
def test_a_profile_without_a_place_is_refused_before_anything_is_opened(maker, profile, words):
    with pytest.raises(UsageError, match=words) as caught:
        maker.job(profile=profile, second=SECOND)
    assert caught.value.details["key"] in {"sheet.pair_at", "format", "text.columns"}


@pytest.mark.parametrize("profile", [SHEET, builtin("csv").of_pair()], ids=["sheet", "rows"])
def test_a_place_for_a_second_code_wants_one(maker, profile):
    with pytest.raises(UsageError) as caught:
        maker.job(profile=profile)
    assert "--with PAIR" in caught.value.hints[-1]


def test_symbols_leave_neither_their_label_nor_each_other_room():
    for change, key, words in (
        ({"pair_at": (20.0, 14.5)}, "sheet.pair_at", "lie on each other"),
        ({"pair_at": (51.0, 14.5)}, "sheet.pair_at", "leave the label"),
        ({"at": (14.5, 8.0)}, "sheet.at", "leave the label"),
        ({"at": (14.5, 22.0)}, "sheet.at", "leave the label"),
        ({"text": Text.CODE, "text_size": 12.0}, "sheet.at", "leave the label"),
    ):
        profile = replace(SHEET, sheet=replace(SHEET.sheet, **change))
        layout = PackageLayout("P", "B", 16, "ABCDEFGH", OUT, profile, second=SECOND)
        with pytest.raises(UsageError, match=words) as caught:
            SheetFormat(layout)
        assert caught.value.details["key"] == key


def test_a_single_symbol_may_have_a_place_of_its_own(maker):
    sheet = replace(builtin("pdf-sheet").sheet, at=(15.0, 13.0), text=Text.NONE)
    made = maker(profile=replace(builtin("pdf-sheet"), sheet=sheet))
    assert verify(made.path, made.password, made.trusted).symbols == 25


# --- sources and dummies --------------------------------------------------------------------------


def test_two_sources_are_one_whatever_pieces_they_come_in(give):
    codes = pairs(30)
    sources = [
        give({n: code[which] for n, code in codes.items()}, chunk)
        for which, chunk in ((slice(0, 16), 7), (slice(16, 28), 11))
    ]
    found = of_pairs(*sources, (16, 12))
    read = b"".join(data for _, data in found(Range(3, 29)))
    assert read.decode() == "".join(codes[n] for n in range(3, 30))


def test_sources_of_other_serials_are_no_pair(give):
    codes = pairs(30)
    first = give({n: code[:16] for n, code in codes.items()})

    def late(piece):
        yield piece.first + 1, b"0" * 12 * len(piece)

    with pytest.raises(IntegrityError):
        list(of_pairs(first, late, (16, 12))(Range(1, 9)))


def test_dummies_of_the_second_code_are_told_from_those_of_the_first(maker):
    one, other = (
        b"".join(data for _, data in dummy_source("0123456789", 6, second=second)(Range(1, 9)))
        for second in (False, True)
    )
    assert (one[:6], other[:6], other[-6:]) == (b"000001", b"900001", b"900009")
    assert dummy_codes(Range(7, 7), 12, digits=False, second=True) == b"TSET00000007"
    codes = {
        n: (
            dummy_codes(Range(n, n), 16, digits=False)
            + dummy_codes(Range(n, n), 12, digits=True, second=True)
        ).decode()
        for n in range(1, 26)
    }
    made = make(maker, builtin("csv"), codes=codes, test=True)
    assert verify(made.path, made.password, made.trusted).test
    exchanged = codes | {9: codes[9][:16] + "000000000009"}
    refused(make(maker, builtin("csv"), codes=exchanged, test=True), "codes that are no dummies")


@pytest.mark.parametrize("profile", [builtin("csv"), SHEET], ids=["rows", "sheet"])
def test_a_pair_may_be_on_several_labels(maker, profile):
    made = make(maker, profile, copies=3)
    found, read = proved(made)
    assert (read, found.rows) == (made.codes, 25)
    assert made.packed.manifest.labels == 75

"""Labels of cartons: read by poppler and zxing, in clear without codes, encrypted with them."""

import hashlib
import re
from dataclasses import replace

import pytest
import pyzipper
import zxingcpp
from print_kit import render
from receipt_kit import call
from station_kit import PASSPHRASE, make_home

from mintmark.codegen import sscc
from mintmark.codegen.errors import IntegrityError, NotFound, Refused, UsageError
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.mint_sscc import SsccRequest
from mintmark.codegen.ranges.aggregation import CodeRanges, Packing
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.recover import recover
from mintmark.packaging.cartons import label as module
from mintmark.packaging.cartons import sheets
from mintmark.packaging.cartons.carton_labels import CartonRequest, carton_labels
from mintmark.packaging.cartons.label import CartonLabel

URL = "HTTPS://T.EXAMPLE.COM/{code}"
PREFIX = "6901234"


class World:
    """Ten cartons with SSCCs, packaged; bottles 1-24 lie in carton 1, of lot L42."""

    def __init__(self, folder):
        self.folder, self.home = folder, make_home(folder)
        (folder / "pass.txt").write_bytes(PASSPHRASE.reveal())
        self.cartons = self.home.mint(
            10, url=URL, role="carton", sscc=SsccRequest(PREFIX), product="Green tea"
        ).batch
        self.bottles = self.home.mint(30, url=URL).batch
        self.station = station = self.home.station()
        station.ledger.commit(station.author, c.ContactAdded("li", "Ms Li", None))
        self.package = self.pack(self.cartons, 10)
        self.pack(self.bottles, 30)
        ranges = [
            CodeRanges(self.cartons, (Range(1, 1),)),
            CodeRanges(self.bottles, (Range(1, 24),)),
        ]
        station.ledger.commit(
            station.author_of(station.line()),
            c.Associated("A1", Packing.ASSOCIATE, ranges[0], (ranges[1],)),
            c.Ordered("O1", self.cartons, Action.ASSIGN, (Range(1, 4),), attributes={"lot": "L42"}),
            c.Ordered("O2", self.cartons, Action.VOID, (Range(10, 10),), reason="damaged"),
        )

    def pack(self, batch, last):
        station, whole, package = self.station, (Range(1, last),), self.station.new_id()
        key = self.home.custodian.public.key_id
        unit = c.Unit(f"{package}-1", "data/0001.csv", 1, last, last, "00" * 32)
        station.ledger.commit(
            station.author,
            c.ExportBegun(package, batch, whole, "li", "csv"),
            c.Packaged(package, URL, "a.zip", 1, "0" * 64, "0" * 64, key, (unit,)),
        )
        return package

    def make(self, name=None, **more):
        more.setdefault("custodian_key", self.home.key_file)
        more.setdefault("passphrase_file", self.folder / "pass.txt")
        request = CartonRequest(name or self.package, self.folder / "labels", **more)
        return carton_labels(call(self.station), request)

    def in_clear(self, **more):
        return self.make(sscc_only=True, custodian_key=None, passphrase_file=None, **more)

    def incidents(self):
        with self.station.ledger.read() as view:
            return [e.change for e in view.events() if isinstance(e.change, c.Incident)]

    def ssccs(self, *named):
        with self.station.ledger.read() as view:
            block = view.batch(self.cartons)
        first = block.sscc_first
        return [f"(00){sscc.build(PREFIX, block.sscc_extension, first + n - 1)}" for n in named]


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    assert verify(made.station.ledger).ok
    made.home.close()


def read(pdf, folder):
    """(Format, text, symbology) of every symbol, as poppler draws it and zxing reads it."""
    return [
        (symbol.format.name, symbol.text, symbol.symbology_identifier)
        for page in render(pdf, 300, folder)
        for symbol in zxingcpp.read_barcodes(page)
    ]


def test_sheets_of_ssccs_need_no_key_and_are_no_event(world, tmp_path):
    with world.station.ledger.read() as view:
        before = view.head()
    made = world.in_clear()
    with world.station.ledger.read() as view:
        assert view.head() == before
    assert (made.labels, made.pages, made.encrypted, made.read_back) == (9, 2, False, 9)
    assert made.file.name == f"{world.package}-cartons.pdf"
    data = made.file.read_bytes()
    assert hashlib.sha256(data).hexdigest() == made.sha256
    found = read(data, tmp_path)
    assert sorted(text for _, text, _ in found) == world.ssccs(*range(1, 10))
    assert {(form, identifier) for form, _, identifier in found} == {("Code128", "]C1")}
    with pytest.raises(Refused, match="not overwritten"):
        world.in_clear()


def test_a_batch_that_was_never_exported_may_have_labels_of_its_ssccs(world):
    batch = world.home.mint(3, role="pallet", sscc=SsccRequest(PREFIX)).batch
    made = world.in_clear(name=batch)
    assert (made.package, made.batch, made.role, made.labels) == (None, batch, "pallet", 3)


def test_labels_with_codes_are_an_encrypted_archive_and_an_incident(world, tmp_path):
    password = tmp_path / "new.txt"
    made = world.make(reason="torn", password_file=password, serials="1-3")
    assert (made.labels, made.encrypted, made.read_back) == (3, True, 6)
    assert hashlib.sha256(made.file.read_bytes()).hexdigest() == made.sha256
    with pyzipper.AESZipFile(made.file) as archive:
        assert archive.namelist() == ["labels.pdf"]
        with pytest.raises(RuntimeError):
            archive.read("labels.pdf")
        archive.setpassword(password.read_bytes().strip())
        pdf = archive.read("labels.pdf")
    codes = world.home.codes(world.cartons)[:3]
    texts = sorted(text for _, text, _ in read(pdf, tmp_path))
    assert texts == sorted([*world.ssccs(1, 2, 3), *(URL.format(code=code) for code in codes)])
    (incident,) = world.incidents()
    assert (incident.kind, incident.facts.serials) == ("carton-labels", (Range(1, 3),))
    assert incident.facts.key_id == world.home.custodian.public.key_id
    assert "torn" in incident.detail
    assert not any(code in incident.detail for code in codes)


def test_what_stands_on_a_label_is_what_the_books_say(world, monkeypatch):
    seen = []

    def document(labels):
        seen.extend(labels)
        return made(labels)

    made = sheets.document
    monkeypatch.setattr(sheets, "document", document)
    world.in_clear(serials="1-5")
    said = [(label.serial, label.lot, label.count, label.product) for label in seen]
    assert said == [
        (1, "L42", 24, "Green tea"),
        (2, "L42", 0, "Green tea"),
        (3, "L42", 0, "Green tea"),
        (4, "L42", 0, "Green tea"),
        (5, "", 0, "Green tea"),
    ]
    assert {label.payload for label in seen} == {None}


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({}, UsageError, "need a reason"),
        ({"reason": " "}, UsageError, "need a reason"),
        ({"reason": "torn"}, UsageError, "no terminal"),
        ({"sscc_only": True, "reason": "torn"}, UsageError, "no reason"),
        ({"sscc_only": True, "serials": "11"}, UsageError, "11"),
        ({"sscc_only": True, "serials": "10"}, Refused, "void"),
        ({"sscc_only": True, "name": "NOPE-AAAA"}, NotFound, "no batch"),
        ({"sscc_only": True, "serials": "one"}, UsageError, "not a serial"),
        ({"sscc_only": True, "serials": ""}, UsageError, "serial"),
    ],
)
def test_what_is_refused_leaves_nothing(world, more, error, words):
    with pytest.raises(error, match=words):
        world.make(**more)
    assert not list(world.folder.glob("labels/*"))
    assert not world.incidents()


def test_items_get_no_labels_of_cartons(world):
    with world.station.ledger.read() as view:
        (bottles,) = view.packages(world.bottles)
    with pytest.raises(Refused, match="no SSCCs"):
        world.in_clear(name=bottles.package)
    with pytest.raises(Refused, match="no cartons or pallets: item"):
        world.make(bottles.package, reason="R", password_file=world.folder / "p.txt")
    with pytest.raises(NotFound):
        world.make(world.cartons, reason="R", password_file=world.folder / "p.txt")


def test_codes_of_a_lost_reel_get_no_second_label(world):
    lost = c.UnitMoved(world.package, f"{world.package}-1", "lost")
    world.station.ledger.commit(world.station.author, lost)
    with pytest.raises(Refused, match="marked lost"):
        world.make(reason="R", password_file=world.folder / "p.txt", serials="3")
    assert not world.incidents()
    assert world.in_clear(serials="3").labels == 1


def test_a_wrong_passphrase_is_an_alarm_and_decrypts_nothing(world, tmp_path):
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("wrong", "utf-8")
    with pytest.raises(IntegrityError):
        world.make(reason="R", password_file=tmp_path / "p.txt", passphrase_file=wrong)
    assert [incident.kind for incident in world.incidents()] == ["custodian-key-refused"]
    assert not (tmp_path / "p.txt").exists()


@pytest.mark.parametrize("line", ["intent", "renamed .zip", "published"])
def test_a_crash_leaves_the_whole_archive_or_nothing(world, tmp_path, line):
    class Crash(BaseException):
        pass

    def failpoint(name):
        if name == line:
            raise Crash

    world.station.failpoint = world.station.intents._failpoint = failpoint
    with pytest.raises(Crash):
        world.make(reason="R", password_file=tmp_path / "p.txt")
    world.station.failpoint = world.station.intents._failpoint = lambda _: None
    recover(world.station)
    left = list(world.folder.glob("labels/*"))
    assert len(left) == (tmp_path / "p.txt").exists()
    assert [path.suffix for path in left] in ([], [".zip"])
    assert [incident.kind for incident in world.incidents()] == ["carton-labels"]


def label(serial, **more):
    made = CartonLabel("K7QM-3T9A2BCD", serial, "carton", "绿茶 500 ml", "L42", 24)
    return replace(made, sscc=sscc.build(PREFIX, 0, serial), **more)


def test_the_proof_sees_a_label_that_says_something_else():
    labels = [label(n, payload=f"HTTPS://T.EXAMPLE.COM/{n:016d}") for n in range(1, 12)]
    pdf = sheets.document(labels)
    assert sheets.check(pdf, labels) == 22
    other = replace(labels[9], payload=labels[8].payload)
    for wrong in (
        [*labels[:9], other, labels[10]],
        [*labels[:9], replace(labels[9], sscc=labels[8].sscc), labels[10]],
        [*labels[:9], replace(labels[9], payload=None), labels[10]],
        labels[:10],
        labels[:8],
        [*labels, *labels],
    ):
        with pytest.raises(IntegrityError):
            sheets.check(pdf, wrong)


def test_long_words_stay_on_their_label(tmp_path):
    words = {"product": "茶" * 200, "lot": "L" * 200}
    (page,) = render(sheets.document([label(1), label(2, **words), label(3)]), 150, tmp_path)
    across, down = page.size
    assert page.crop((across - 20, 0, across, down)).getextrema() == (255, 255)
    found = sorted(symbol.text for symbol in zxingcpp.read_barcodes(page))
    assert found == [f"(00){sscc.build(PREFIX, 0, n)}" for n in (1, 2, 3)]


NAMES = [
    ("绿茶 500 ml", ["绿茶 500 ml"]),
    (
        "绿茶礼盒装特级明前龙井 新包装24瓶每箱送礼佳品",
        ["绿茶礼盒装特级明前龙井", "新包装24瓶每箱送礼佳品"],
    ),
    ("茶" * 41, ["茶" * 20, "茶" * 21]),
    (
        "Green tea from the hills, 24 bottles of 500 ml",
        ["Green tea from the hills,", "24 bottles of 500 ml"],
    ),
]


@pytest.mark.parametrize(("product", "lines"), NAMES)
def test_a_long_name_takes_two_lines_that_can_be_read(product, lines, tmp_path):
    made = label(1, product=product, payload="HTTPS://T.EXAMPLE.COM/" + "8" * 16)
    (page,) = render(sheets.document([made]), 300, tmp_path)
    above_the_bars = (page.width // 8, 372, page.width // 2, 380)  # LABEL[1] - 992 dots, halved
    assert page.crop(above_the_bars).getextrema() == (255, 255)
    assert page.crop((page.width // 8, 380, page.width // 2, 384)).getextrema()[0] < 128
    drawn = " ".join(module.drawn(made, module.place(0)))
    points = [float(size) * 72 / module.DPI for size in re.findall(r"/F1 (\S+) Tf", drawn)]
    written = [bytes.fromhex(text).decode("utf-16-be") for text in re.findall("<(.+?)>", drawn)]
    assert min(points, default=7.0) >= 7.0
    assert written == ([] if product.isascii() else lines)
    assert list(module._words(made, 1500))[1:-3] == lines


def test_no_payload_shows_in_a_label_that_is_printed_by_mistake():
    made = label(1, payload="HTTPS://T.EXAMPLE.COM/SECRET")
    assert "SECRET" not in repr(made)

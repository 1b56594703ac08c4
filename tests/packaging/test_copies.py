"""One code on many items: files, sheets, papers, receipts, reprints, and what proves an archive."""

import csv
import io
import json

import pytest
import pyzipper
import zxingcpp
from print_kit import Made, render
from receipt_kit import call, correct, report
from station_kit import PASSPHRASE, make_home

from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials
from mintmark.codegen.errors import IntegrityError, Refused, UsageError
from mintmark.codegen.ledger import changes
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges.lifecycle import Action, State
from mintmark.codegen.ranges.serials import Range
from mintmark.packaging.export import export
from mintmark.packaging.export_types import (
    Fresh,
    Handoff,
    PrintOptions,
    Replacement,
    Reprint,
)
from mintmark.packaging.export_types import TestPackage as DummyPackage
from mintmark.packaging.preflight.verify import verify as prove
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.report import package_list, package_show

COPIES = 500


class World:
    """A home with 12 codes, of which 1-4 are packaged, each on 500 labels, two codes a reel."""

    def __init__(self, folder):
        self.folder, self.home = folder, make_home(folder)
        (folder / "pass.txt").write_bytes(PASSPHRASE.reveal())
        self.batch = self.home.mint(12, url="HTTPS://T.EXAMPLE.COM/{code}").batch
        self.station = self.home.station()
        self.station.ledger.commit(self.station.author, changes.ContactAdded("li", "Ms Li", None))
        printing = PrintOptions(builtin("csv"), unit_size=2, copies=COPIES)
        self.made = self.export("first", Fresh(self.batch, "li", printing, "1-4"))
        self.package = self.made.package

    def export(self, name, wanted):
        key, passphrase = self.home.key_file, self.folder / "pass.txt"
        handoff = Handoff(self.folder / name, self.folder / f"{name}.txt", key, passphrase)
        return export(call(self.station), wanted, handoff)

    def entries(self, name, package):
        password = (self.folder / f"{name}.txt").read_bytes().strip()
        with pyzipper.AESZipFile(self.folder / name / f"{package}.zip") as archive:
            archive.setpassword(password)
            return {entry: archive.read(entry) for entry in archive.namelist()}

    def rows(self, name, package):
        return [
            row
            for entry, data in self.entries(name, package).items()
            if entry.startswith("data/")
            for row in csv.DictReader(io.StringIO(data.decode("ascii")))
        ]

    def states(self):
        with self.station.ledger.read() as view:
            return [view.at(self.batch, serial).state for serial in range(1, 5)]

    def shown(self, package=None):
        return package_show(self.station, package or self.package)


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    assert verify(made.station.ledger).ok
    made.home.close()


def test_a_code_has_one_row_that_says_how_often_it_is_printed(world):
    codes = world.home.codes(world.batch)[:4]
    rows = world.rows("first", world.package)
    assert [(row["code"], row["copies"]) for row in rows] == [(code, "500") for code in codes]
    entries = world.entries("first", world.package)
    manifest = json.loads(entries["manifest.json"])
    assert [manifest[key] for key in ("quantity", "copies", "labels")] == [4, 500, 2000]
    readme = entries["README.txt"].decode("utf-8-sig")
    assert "每个码印 500 张，共 2,000 张标签" in readme
    assert "500 of each code, 2,000 labels in all" in readme
    letter = world.made.letter.read_text("utf-8-sig")
    assert "四项相加应等于 2,000（张）" in letter
    assert (world.made.copies, world.made.labels) == (500, 2000)
    shown = world.shown()
    assert (shown.copies, shown.labels, {unit.copies for unit in shown.units}) == (500, 2000, {500})
    assert [row.copies for row in package_list(world.station, None).packages] == [500]


def test_spoiled_labels_void_no_code_and_are_counted_in_labels(world):
    done = report(call(world.station), world.package, printed="all", spoiled_count=37)
    assert not done.voided
    totals = done.totals
    assert (totals.printed, totals.spoiled, totals.open) == (4, 0, 0)
    assert (totals.labels, totals.spoiled_count, totals.spoiled_labels) == (2000, 37, 37)
    final = report(call(world.station), world.package, final=True)
    assert not final.voided
    assert world.states() == [State.PACKAGED] * 4
    assert world.shown().missing == 0
    assert any("2,000, 500 of each code; 37 spoiled" in line for line in final.lines())


def test_a_spoiled_serial_is_asked_about_because_it_voids_every_label(world):
    with pytest.raises(Refused, match="on 500 labels") as error:
        report(call(world.station), world.package, spoiled="3")
    assert error.value.details == {"count": 1}
    assert "--spoiled-count" in error.value.hints[0]
    assert world.states() == [State.PACKAGED] * 4
    done = report(call(world.station), world.package, spoiled="3", count=1, spoiled_count=20)
    assert done.totals.spoiled_labels == 520
    assert world.states()[2] is State.VOID
    assert world.shown().missing == 1


def test_a_correction_to_spoiled_is_asked_about_too(world):
    report(call(world.station), world.package, printed="all")
    with pytest.raises(Refused, match="on 500 labels"):
        correct(call(world.station), world.package, spoiled="2")
    correct(call(world.station), world.package, spoiled="2", count=1)
    assert world.states()[1] is State.VOID


@pytest.mark.parametrize("number", [2001, 10**6])
def test_more_spoiled_labels_than_there_are_is_refused(world, number):
    with pytest.raises(Refused, match="2,000 labels") as error:
        report(call(world.station), world.package, spoiled_count=number)
    (over,) = error.value.details["over"]
    assert (over["packaged"], over["told"]) == (2000, number)
    unit = world.shown().units[0].unit
    with pytest.raises(Refused, match="1,000 labels"):
        report(call(world.station), world.package, spoiled_count=1001, unit=unit)
    assert (
        report(call(world.station), world.package, spoiled_count=1000, unit=unit).spoiled_count
        == 1000
    )


def test_a_reprint_and_a_replacement_keep_the_copies(world):
    again = world.export("again", Reprint(world.batch, "li", world.package, "lost"))
    assert {row["copies"] for row in world.rows("again", again.package)} == {"500"}
    report(call(world.station), again.package, spoiled="1", count=1)
    other = world.export("other", Replacement(again.package))
    (row,) = world.rows("other", other.package)
    assert (row["serial"], row["copies"]) == ("5", "500")
    assert (other.copies, other.labels, world.shown(other.package).copies) == (500, 500, 500)


def test_a_reel_has_about_as_many_labels_as_the_profile_says():
    sized = PrintOptions(builtin("csv"), copies=3_000).sized
    assert (sized.unit_size, sized.columns[-1].name) == (3, "copies")
    assert PrintOptions(builtin("csv"), copies=20_000).sized.unit_size == 1
    assert PrintOptions(builtin("csv"), unit_size=70, copies=3_000).sized.unit_size == 70
    assert "copies" not in PrintOptions(builtin("url-lines"), copies=5).sized.sources
    assert PrintOptions(builtin("csv")).sized == builtin("csv")
    for wrong in (0, 1_000_001):
        with pytest.raises(UsageError, match="1,000,000 labels"):
            PrintOptions(builtin("csv"), copies=wrong)


def test_sheets_repeat_the_symbol(tmp_path):
    codes = ["7N3K9PXT2QWE8RAB", "0123456789ABCDEF", "ZYXWVTSRQPNMKJHG"]
    made = Made(builtin("pdf-sheet").of_size(10), codes, copies=30)
    pages = [page for data in made.files.values() for page in render(data, 300, tmp_path)]
    assert len(pages) == 2
    found = [b.text[-16:] for page in pages for b in zxingcpp.read_barcodes(page)]
    assert sorted(found) == sorted(codes * 30)
    assert made.read() == codes
    other = Made(builtin("pdf-sheet").of_size(10), [codes[0], codes[2], codes[1]], copies=30)
    assert other.read(other.files) == [codes[0], codes[2], codes[1]]
    with pytest.raises(IntegrityError):
        Made(builtin("pdf-sheet").of_size(10), codes, copies=29).read(made.files)
    with pytest.raises(UsageError, match="50,000 labels"):
        Made(builtin("pdf-sheet").of_size(10), codes[:1], copies=5_001)


def test_a_code_under_two_serials_is_a_repeated_code_whatever_the_copies(maker):
    made = maker(serials=(Range(1, 4),), copies=500, codes={1: "A" * 16, 2: "B" * 16,
                 3: "A" * 16, 4: "C" * 16})  # fmt: skip
    with pytest.raises(IntegrityError, match="serials 1 and 3 carry the same code"):
        prove(made.path, made.password, made.trusted)


def test_every_copy_on_a_sheet_is_read_back(maker):
    profile = builtin("pdf-sheet")
    made = maker(serials=(Range(1, 3),), copies=20, profile=profile, unit_size=3)
    found = prove(made.path, made.password, made.trusted)
    assert (found.rows, found.copies, found.symbols, found.decoded) == (3, 20, 60, 60)


def test_a_test_package_rehearses_copies(world):
    wanted = DummyPackage(world.batch, "li", PrintOptions(builtin("csv"), copies=7), 3)
    made = world.export("test", wanted)
    assert {row["copies"] for row in world.rows("test", made.package)} == {"7"}
    assert (made.copies, made.labels) == (7, 21)


def test_activation_lets_every_label_be_scanned_once(world):
    def activate(serials, **more):
        request = OrderRequest(Action.ACTIVATE, world.batch, BySerials(serials), **more)
        return dict(book(world.station, request)[0].attributes)

    assert activate("1", dry_run=True) == {"max_scans": 500}
    assert activate("1", attributes={"lot": "L1"}) == {"lot": "L1", "max_scans": 500}
    assert activate("2", attributes={"max_scans": 9}) == {"max_scans": 9}
    single = PrintOptions(builtin("csv"))
    world.export("single", Fresh(world.batch, "li", single, "5-6"))
    assert activate("5") == {}
    with pytest.raises(Refused, match="different numbers of labels") as error:
        activate("3-6")
    told = error.value.details["max_scans"]
    assert told == [
        {"max_scans": 1, "serials": [[5, 5], [6, 6]]},
        {"max_scans": 500, "serials": [[3, 4]]},
    ]
    assert activate("3-4", order="once") == {"max_scans": 500}
    assert activate("3-4", order="once") == {"max_scans": 500}

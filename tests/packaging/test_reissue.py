"""Reprints and replacements: the same codes once more, or others in their place; all or nothing."""

import contextlib
import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import ledger_kit as kit
import pytest
import pyzipper
from receipt_kit import call
from receipt_kit import report as book_receipt
from station_kit import PASSPHRASE, Home, make_home

from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials
from mintmark.codegen.errors import IntegrityError, NotFound, Refused, UsageError
from mintmark.codegen.ledger import changes
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.recover import recover, unsettled
from mintmark.packaging import export_plan
from mintmark.packaging.export import export
from mintmark.packaging.export_types import Fresh, Handoff, PrintOptions, Replacement, Reprint
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.report import package_show

CHILD = Path(__file__).with_name("reissue_child.py")
URL = "HTTPS://T.EXAMPLE.COM/{code}"
BACK = ("intent", "begun", "written", "checked", "password")
FORWARD = ("noted", "renamed .zip", "renamed .txt", "published", "packaged")


class World:
    """A home with a batch of 40 codes, of which 1-20 are packaged in reels of 7."""

    def __init__(self, folder, custodian=None):
        self.folder = folder
        self.facts = folder / "facts.json"
        self.by_hand = False  # whether the test edits the database
        if custodian is None:
            self.home = make_home(folder)
            (folder / "pass.txt").write_bytes(PASSPHRASE.reveal())
            batch = self.home.mint(40, url=URL).batch
            self.station = self.home.station()
            author = self.station.author
            self.station.ledger.commit(author, changes.ContactAdded("li", "Ms Li", None))
            printing = PrintOptions(builtin("csv"), unit_size=7)
            made = self.export("first", Fresh(batch, "li", printing, "1-20"))
            self.facts.write_text(json.dumps([batch, made.package]), "utf-8")
        else:
            self.home = Home(folder / "home", folder / "custodian.key", custodian)
            self.station = self.home.station()
        self.batch, self.package = json.loads(self.facts.read_text("utf-8"))

    def export(self, name, wanted):
        folder = self.folder
        handoff = Handoff(
            folder / name, folder / f"{name}.txt", self.home.key_file, folder / "pass.txt"
        )
        return export(call(self.station), wanted, handoff)

    def reprint(self, name="again", package=None, reason="password lost"):
        return self.export(name, Reprint(self.batch, "li", package or self.package, reason))

    def replace(self, name="other", package=None):
        return self.export(name, Replacement(package or self.package))

    def codes(self, name, package):
        """serial → (code, url), file by file, as an independent program unzips them."""
        password = (self.folder / f"{name}.txt").read_bytes().strip()
        with pyzipper.AESZipFile(self.folder / name / f"{package}.zip") as archive:
            archive.setpassword(password)
            files = [n for n in archive.namelist() if n.startswith("data/")]
            return {
                int(row["serial"]): (row["code"], row["url"])
                for file in files
                for row in csv.DictReader(io.StringIO(archive.read(file).decode("ascii")))
            }

    def order(self, action, serials, **more):
        request = OrderRequest(Action(action), self.batch, BySerials(serials), **more)
        return book(self.station, request)

    def report(self, package=None, **fields):
        return book_receipt(call(self.station), package or self.package, **fields)

    def holds(self):
        """package (or None) → the serials it holds, by the ledger's tiles."""
        found = {}
        with self.station.ledger.read() as view:
            for tile in view.tiles(self.batch):
                found.setdefault(tile.value.package, []).append(str(tile.serials))
        return found

    def rows(self):
        with self.station.ledger.read() as view:
            return {row.package: row for row in view.packages()}

    def incidents(self):
        with self.station.ledger.read() as view:
            found = [event.change for event in view.events()]
        return [(item.kind, item.detail) for item in found if isinstance(item, changes.Incident)]


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("original"))
    world.home.close()
    return world


@pytest.fixture
def worlds(original, tmp_path):
    """`worlds()`: a copy of the original."""
    made = []

    def copy(folder=None):
        folder = folder or shutil.copytree(original.folder, tmp_path / f"{len(made)}")
        made.append(World(folder, original.home.custodian))
        return made[-1]

    yield copy
    for world in made:
        assert verify(world.station.ledger).ok != world.by_hand
        world.home.close()


def test_the_printer_is_told_what_is_printed_again_and_what_is_new(worlds):
    def letter(world, name, package):
        path = world.folder / name / f"{package}-handoff.txt"
        return " ".join(path.read_text("utf-8-sig").split())

    first = worlds()
    again = first.reprint().package
    assert f"重新印刷码包 {first.package}。那个码包作废" in letter(first, "again", again)
    assert f"Reprint: of {first.package}: destroy its data" in letter(first, "again", again)
    second = worlds()
    second.report(spoiled="3-4")
    other = letter(second, "other", second.replace().package)
    assert f"补码包 {second.package} 里报废的码" in other
    assert f"Replaces: spoiled codes of {second.package};" in other
    assert "Reprint:" not in other + letter(first, "first", first.package)


def test_a_reprint_is_the_same_codes_in_another_package(worlds):
    world = worlds()
    world.order("void", "3-4", reason="lost")
    made = world.reprint()
    first, again = world.codes("first", world.package), world.codes("again", made.package)
    assert again == {serial: row for serial, row in first.items() if serial not in (3, 4)}
    assert (made.supersedes, made.profile) == (world.package, "csv")
    assert world.holds() == {
        world.package: ["3-4"], made.package: ["1-2", "5-20"], None: ["21-40"],
    }  # fmt: skip
    old, new = world.rows()[world.package], world.rows()[made.package]
    assert (old.status, old.superseded_by) == ("superseded", made.package)
    assert (new.status, new.supersedes, new.reason) == ("packaged", world.package, "password lost")
    assert (new.template, new.layout) == (URL, old.layout)
    assert world.incidents() == [
        ("reprint", f"{made.package} reprints {world.package}: password lost")
    ]
    assert package_show(world.station, made.package).units[1].rows == 7
    world.order("activate", "5-20")
    with pytest.raises(Refused, match=f"superseded by its reprint {made.package}"):
        world.report(printed="1")
    with pytest.raises(Refused, match=f"superseded by its reprint {made.package}"):
        world.reprint("third")
    unit = package_show(world.station, world.package).units[0].unit
    moved = changes.UnitMoved(world.package, unit, "mounted")
    with pytest.raises(Refused, match="its units are not for use"):
        world.station.ledger.commit(world.station.author, moved)


def test_the_recorded_profile_is_used_even_if_its_name_means_another_now(worlds):
    world = worlds()
    world.by_hand = True
    layout = json.loads(world.rows()[world.package].layout)
    assert layout["unit"]["size"] == 7
    world.home.sql("UPDATE packages SET layout = NULL")
    made = world.reprint()
    assert [unit.rows for unit in package_show(world.station, made.package).units] == [7, 7, 6]
    world.home.sql(
        "UPDATE packages SET layout = (SELECT layout FROM packages WHERE layout IS NOT NULL)"
    )
    world.home.sql("UPDATE packages SET profile = 'gone' WHERE package = ?", made.package)
    third = world.reprint("third", made.package)
    assert third.profile == "gone"
    world.home.sql("UPDATE packages SET layout = '{\"format\": 7}'")
    with pytest.raises(IntegrityError, match="not readable"):
        world.reprint("fourth", third.package)


STUCK = [
    (lambda w: w.order("activate", "5"), "5 active: only packaged codes are printed again"),
    (lambda w: w.order("freeze", "5-6"), "5-6 frozen"),
    (lambda w: w.report(printed="1-3"), "has a receipt of what was printed"),
    (lambda w: w.report(spoiled_count=2, final=True), "has a receipt of what was printed"),
    (lambda w: w.order("void", "1-20", reason="lost"), "every code of package"),
    (lambda w: lose(w, 1), r"unit .* is marked lost: .* \(8-14\) would be on two labels"),
]


def lose(world, reel):
    unit = package_show(world.station, world.package).units[reel].unit
    world.station.ledger.commit(
        world.station.author, changes.UnitMoved(world.package, unit, "lost")
    )


@pytest.mark.parametrize(("before", "words"), STUCK)
def test_no_reprint_of_what_may_be_in_the_world(worlds, before, words):
    world = worlds()
    before(world)
    rows = world.rows()
    with pytest.raises(Refused, match=words):
        world.reprint()
    assert world.rows() == rows
    assert not (world.folder / "again").exists()


def test_spoiled_codes_stay_out_of_a_reprint(worlds):
    world = worlds()
    world.report(spoiled="1-5")
    assert set(world.codes("again", world.reprint().package)) == set(range(6, 21))


def test_void_codes_of_a_lost_reel_stay_out_of_a_reprint(worlds):
    world = worlds()
    lose(world, 1)
    world.order("void", "8-14", reason="lost")
    assert set(world.codes("again", world.reprint().package)) == {*range(1, 8), *range(15, 21)}


def test_a_reel_lost_since_the_reprint_was_planned_stops_it(worlds, monkeypatch):
    world = worlds()
    before = world.rows()
    planned = export_plan.reprint

    def lost_then(view, batch, package):
        found = planned(view, batch, package)
        lose(world, 0)
        return found

    monkeypatch.setattr(export_plan, "reprint", lost_then)
    with pytest.raises(Refused, match=r"\(1-7\) would be on two labels"):
        world.reprint()
    assert world.rows() == before
    assert not (world.folder / "again").exists()


def test_a_package_of_another_batch_is_not_reprinted(worlds):
    world = worlds()
    world.station.ledger.commit(world.station.author, kit.minted("B", 9))
    with pytest.raises(UsageError, match="belongs to batch"):
        world.export("x", Reprint("B", "li", world.package, "r"))


def test_replacements_are_as_many_others_as_were_spoiled(worlds):
    world = worlds()
    with pytest.raises(Refused, match="replaced already"):
        world.replace()
    world.report(spoiled="2,4", spoiled_count=1)
    world.order("void", "9", reason="damaged")
    world.order("void", "10", reason="overprint")
    made = world.replace()
    assert ([piece.pair() for piece in made.serials], made.replaces) == ([[21, 24]], world.package)
    row = world.rows()[made.package]
    assert (row.contact, row.template, row.replaces) == ("li", URL, world.package)
    assert set(world.codes("other", made.package)) == {21, 22, 23, 24}
    with pytest.raises(Refused, match="replaced already"):
        world.replace("third")
    world.report(printed="1,3,5-8,11-15", final=True)  # 16-20 are left over: unused
    with pytest.raises(Refused, match="replaced already"):
        world.replace("third")
    world.report(made.package, spoiled="21")
    assert [p.pair() for p in world.replace("third", made.package).serials] == [[25, 25]]


def test_the_ledger_itself_refuses_more_than_is_missing(worlds):
    world = worlds()
    world.report(spoiled="2")
    begun = changes.ExportBegun(
        "P", world.batch, kit.ranges((21, 22)), "li", "csv", replaces=world.package
    )
    with pytest.raises(Refused, match=r"1 codes of package .*, not 2") as caught:
        world.station.ledger.commit(world.station.author, begun)
    assert caught.value.details == {"missing": 1}


def test_more_than_is_left_cannot_be_replaced(worlds):
    world = worlds()
    world.order("void", "21-39", reason="lost")
    world.report(spoiled="2,4")
    with pytest.raises(Refused, match="1 sealed codes left, not 2"):
        world.replace()


def test_while_it_is_reprinted_the_package_takes_no_order_and_no_receipt(worlds):
    world = worlds()
    begun = kit.reprint("P2", world.package, world.batch, (1, 20))
    world.station.ledger.commit(world.station.author, begun)
    for attempt in (
        lambda: world.order("activate", "5"),
        lambda: world.order("void", "5", reason="lost"),
        lambda: world.report(printed="1"),
        world.reprint,
    ):
        with pytest.raises(Refused, match="being reprinted"):
            attempt()
    world.order("void", "30", reason="lost")
    abandoned = changes.ExportAbandoned("P2", "interrupted")
    world.station.ledger.commit(world.station.author, abandoned)
    world.order("activate", "5")
    assert world.rows()[world.package].status == "packaged"


@pytest.mark.parametrize(
    "change",
    [
        lambda w: kit.reprint("P2", w.package, w.batch, (1, 19)),
        lambda w: kit.reprint("P2", w.package, w.batch, (1, 21)),
        lambda w: kit.reprint("P2", "none", w.batch, (1, 20)),
        lambda w: changes.ExportBegun(
            "P2", w.batch, kit.ranges((1, 20)), "li", "csv", supersedes=w.package
        ),
    ],
)
def test_the_ledger_books_no_other_reprint(worlds, change):
    world = worlds()
    before = world.rows()
    with pytest.raises((Refused, UsageError, NotFound)):
        world.station.ledger.commit(world.station.author, change(world))
    assert world.rows() == before


def test_a_failure_leaves_the_package_as_it_was(worlds):
    world = worlds()
    (world.folder / "pass.txt").write_text("wrong passphrase", "utf-8")
    with pytest.raises(IntegrityError, match="passphrase"):
        world.reprint()
    assert world.rows().keys() == {world.package}
    assert not (world.folder / "again").exists()


# --- crashes -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def graveyard(original, tmp_path_factory):
    """(kind, point) → the folder of a world in which that export died there."""
    folder = tmp_path_factory.mktemp("graveyard")
    with contextlib.closing(World(shutil.copytree(original.folder, folder / "spoiled"),
                                  original.home.custodian).home) as home:  # fmt: skip
        station = home.station()
        book_receipt(call(station), original.package, spoiled="2,4")
    fields = {"package": original.package}
    exports = {
        "reprint": ("Reprint", fields | {"batch": original.batch, "contact": "li", "reason": "x"}),
        "replace": ("Replacement", fields),
    }
    jobs = []
    for kind, wanted in exports.items():
        for point in (*BACK, *FORWARD):
            book = folder / f"{kind} {point}"
            shutil.copytree(folder / "spoiled", book)
            jobs.append([str(book), *wanted, point])
    done = subprocess.run(
        [sys.executable, str(CHILD), json.dumps(jobs)],
        capture_output=True, check=True, encoding="utf-8",
    )  # fmt: skip
    assert json.loads(done.stdout.splitlines()[-1]) == [9] * len(jobs)
    return folder


@pytest.mark.parametrize("point", [*BACK, *FORWARD])
@pytest.mark.parametrize("kind", ["reprint", "replace"])
def test_killed_anywhere_it_is_all_or_nothing(graveyard, worlds, kind, point):
    world = worlds(graveyard / f"{kind} {point}")
    assert len(unsettled(world.station)) == 1
    sentences = list(recover(world.station))
    assert len(sentences) == 1
    assert "sealed again" not in sentences[0]
    published = sorted(path.name for path in (world.folder / "again").glob("*"))
    new = [row for name, row in world.rows().items() if name != world.package]
    old = world.rows()[world.package]
    if point in FORWARD:
        (made,) = new
        assert published == [f"{made.package}-handoff.txt", f"{made.package}.zip"]
        assert made.status == "packaged"
        rows = world.codes("again", made.package)
        held = {1, 3, *range(5, 21)} if kind == "reprint" else {21, 22}
        assert set(rows) == held
        assert old.status == ("superseded" if kind == "reprint" else "packaged")
        assert world.holds()[made.package]
    else:
        assert published == []
        assert [row.status for row in new] == ([] if point == "intent" else ["abandoned"])
        assert old.status == "packaged"
        assert world.holds() == {world.package: ["1", "2", "3", "4", "5-20"], None: ["21-40"]}
        shutil.rmtree(world.folder / "again", ignore_errors=True)
        (world.folder / "again.txt").unlink(missing_ok=True)
        again = world.reprint() if kind == "reprint" else world.replace("again")
        assert world.rows()[again.package].status == "packaged"
    if kind == "reprint":
        expected = [] if point == "intent" else ["reprint"]
        assert [kind for kind, _ in world.incidents()][: len(expected)] == expected

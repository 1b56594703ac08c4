"""`export --with`: both codes of a pair in one package, from the vault to the receipt."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import zxingcpp
from pair_kit import IN, OUT, Pair
from PIL import Image
from print_kit import program
from receipt_kit import call, correct

from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials, ByUnit
from mintmark.codegen.errors import IntegrityError, Refused, UsageError
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.locate import locate
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.recover import recover
from mintmark.packaging import export_codes, export_types
from mintmark.packaging.export_types import PrintOptions, Reprint
from mintmark.packaging.package.feed import of_pairs
from mintmark.packaging.print_check.verify_print import verify_print
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.receipts.units import unit
from mintmark.packaging.report import package_list, package_show

CHILD = Path(__file__).with_name("reissue_child.py")
BACK = ("intent", "begun", "written", "checked", "password")
FORWARD = ("noted", "renamed .zip", "renamed .txt", "published", "packaged")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    pair = Pair(tmp_path_factory.mktemp("pair"))
    pair.home.close()
    return pair


def moved(original, folder):
    """The pair in the copy of its folder."""
    copy = object.__new__(Pair)
    vars(copy).update(vars(original))
    copy.folder = folder
    custodian = original.home.custodian
    copy.home = type(original.home)(folder / "home", folder / "custodian.key", custodian)
    copy.open()
    return copy


def copied(original, folder):
    shutil.copytree(original.folder, folder)
    return moved(original, folder)


@pytest.fixture
def pair(original, tmp_path):
    """A copy of a home with a pair of batches; its books hold at the end."""
    copy = copied(original, tmp_path / "copy")
    yield copy
    assert verify(copy.station.ledger).ok, verify(copy.station.ledger).problem
    copy.home.close()


def order(pair, action, batch, serials):
    more = {"reason": "damaged"} if action == "void" else {}
    return book(pair.station, OrderRequest(Action(action), batch, BySerials(serials), **more))


# --- rows and labels ------------------------------------------------------------------------


def test_both_codes_of_each_serial_stand_in_its_row(pair):
    package = pair.package(serials="1-20")
    assert pair.rows("first", package) == pair.due(*range(1, 21))
    tiles = [("packaged", package, "1-20"), ("sealed", None, "21-30")]
    assert pair.holds() == [tiles, tiles]
    readme = pair.files("first", package)["README.txt"].decode("utf-8-sig")
    assert "pair_url   第二个二维码（内码）的完整内容" in readme
    assert "20 pairs, 40 codes" in readme
    assert "另一家印厂" not in readme


def test_both_symbols_stand_at_their_places_on_each_label(pair, tmp_path):
    done = pair.export("sheet", pair.fresh("1-7", "pdf-sheet-pair"))
    assert done.preflight.startswith("own reader, all 14 symbols read back")
    files = pair.files("sheet", done.package)
    (tmp_path / "page.pdf").write_bytes(files["data/0001.pdf"])
    command = [program("pdftoppm"), "-r", "300", "-gray", "-png", "page.pdf", "page"]
    subprocess.run(command, cwd=tmp_path, check=True)
    (page,) = tmp_path.glob("page*.png")
    with Image.open(page) as picture:
        found = {item.text: item.position for item in zxingcpp.read_barcodes(picture)}
    due = pair.due(*range(1, 8))
    places = [(14.5, OUT, 0), (43.5, IN, 1)]
    assert set(found) == {url.format(code=due[n][at]) for n in due for _, url, at in places}
    left = (210.0 - 3 * 58.0 - 2 * 2.0) / 2
    for serial, codes in due.items():
        for across, url, at in places:
            corners = found[url.format(code=codes[at])]
            centre = (corners.top_left.x + corners.bottom_right.x) / 2 / 300 * 25.4
            assert abs(centre - left - (serial - 1) % 3 * 60.0 - across) < 0.5
    text = files["README.txt"].decode("utf-8-sig")
    assert "外码在右14.5mm、下14.5mm处，内码在右43.5mm、下14.5mm处" in "".join(text.split())


def test_a_test_package_books_nothing_and_tells_both_codes_apart(pair):
    before = pair.holds()
    wanted = export_types.TestPackage(pair.out, "li", PrintOptions(builtin("csv")), 9, pair.inner)
    done = pair.export("trial", wanted)
    assert (done.pair, done.test, pair.holds()) == (pair.inner, True, before)
    rows = pair.rows("trial", done.package)
    assert rows[1] == ("TEST000000000001", "TSET00000001")
    assert rows[9][1] == "TSET00000009"


# --- the proof ------------------------------------------------------------------------------


def _slipped(*sources_and_lengths):
    """The second source gives each serial the code of the next."""
    first, second, lengths = sources_and_lengths

    def later(piece):
        numbers = range(piece.first, piece.last + 1)
        codes = b"".join(data for _, data in second(type(piece)(1, 30)))
        shown = [codes[n % 30 * 12 : n % 30 * 12 + 12] for n in numbers]
        yield piece.first, b"".join(shown)

    return of_pairs(first, later, lengths)


def test_a_second_code_of_another_serial_never_leaves(pair, monkeypatch):
    """Every code is one of the batch's, and in the package once: only its serial is wrong."""
    before = pair.holds()
    monkeypatch.setattr(export_codes, "of_pairs", _slipped)
    with pytest.raises(IntegrityError, match=f"codes of batch {pair.inner} from serial 1 on"):
        pair.package(serials="all")
    assert pair.holds() == before
    assert not (pair.folder / "first").exists()


def test_codes_that_changed_sides_never_leave(pair, monkeypatch):
    pair.inner = pair.home.mint(30, url=IN, pair_of=pair.out).batch  # codes of equal form
    before = pair.holds()
    monkeypatch.setattr(export_codes, "of_pairs", lambda a, b, lengths: of_pairs(b, a, lengths))
    with pytest.raises(IntegrityError, match=f"codes of batch {pair.out} from serial 1 on"):
        pair.package()
    assert pair.holds() == before


# --- crashes ----------------------------------------------------------------------------------

JOBS = [("Replacement", point) for point in BACK + FORWARD]
JOBS += [("Reprint", point) for point in ("begun", "noted")]


@pytest.fixture(scope="module")
def died(original, tmp_path_factory):
    """(type of export, fault point) → the folder of a home whose process died there."""
    base, folders, jobs = tmp_path_factory.mktemp("died"), {}, []
    pair = copied(original, base / "first")
    package = pair.package(serials="1-20")
    pair.export("spare", pair.fresh("21-26"))
    pair.report(package, spoiled="3;9")
    pair.home.close()
    unreported = copied(original, base / "second")
    other = unreported.package(serials="1-20")
    unreported.home.close()
    for number, (kind, point) in enumerate(JOBS):
        replaced = kind == "Replacement"
        fields = {"package": package} if replaced else {
            "batch": pair.out, "contact": "li", "package": other, "reason": "password lost"
        }  # fmt: skip
        folder = folders[kind, point] = base / str(number)
        shutil.copytree(base / ("first" if replaced else "second"), folder)
        jobs.append([str(folder), kind, fields, point])
    done = subprocess.run(
        [sys.executable, str(CHILD), json.dumps(jobs)], capture_output=True, check=True, text=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [9] * len(jobs)
    return folders


@pytest.mark.parametrize(("kind", "point"), JOBS)
def test_a_crash_leaves_both_batches_or_neither(original, died, kind, point):
    pair = moved(original, died[kind, point])
    list(recover(pair.station))
    out, inner = pair.holds()
    assert out == inner
    reserved = [row for row in out if row[0] == "sealed" and row[1] is not None]
    last = [row[0] for row in out if row[2].startswith(("27", "21"))]
    new = "packaged" if point in FORWARD else "sealed"
    assert not reserved
    if kind == "Replacement":
        assert last == ["packaged", new]
    else:
        with pair.station.ledger.read() as view:
            rows = view.packages(pair.inner)
        assert [row.status for row in rows] == (
            ["superseded", "packaged"] if point in FORWARD else ["packaged", "abandoned"]
        )
        assert out[0][1] == rows[point in FORWARD].package
    assert verify(pair.station.ledger).ok, verify(pair.station.ledger).problem
    pair.home.close()


# --- receipts, units, locate --------------------------------------------------------------------


def test_a_spoiled_label_and_a_left_over_one_void_both_codes(pair):
    package = pair.package(serials="1-10")
    first = pair.report(package, printed="1-4", spoiled="5-6")
    assert (first.voided, first.pair) == ((Range(5, 6),), pair.inner)
    assert len(first.orders) == 2
    with pytest.raises(Refused, match="would void 1 codes, not 2"):
        pair.report(package, printed="7;9-10", final=True, count=2)
    last = pair.report(package, printed="7;9-10", final=True, count=1)
    assert (last.totals.printed, last.totals.spoiled, last.totals.unused) == (7, 2, 1)
    states = [[(state, span) for state, _, span in rows] for rows in pair.holds()]
    assert states[0] == states[1]
    assert ("void", "5-6") in states[0]
    assert ("void", "8") in states[0]


def test_codes_that_were_void_already_are_voided_once(pair):
    package = pair.package(serials="1-10")
    order(pair, "void", pair.inner, "5")
    done = pair.report(package, spoiled="5-6")
    assert done.voided == (Range(5, 6),)
    with pair.station.ledger.read() as view:
        serials = {row.batch: row.change.serials for row in map(view.order, done.orders)}
    assert serials == {pair.out: (Range(5, 6),), pair.inner: (Range(6, 6),)}


@pytest.mark.parametrize("side", ["out", "inner"])
def test_a_live_code_of_either_batch_wants_a_count(pair, side):
    package = pair.package(serials="1-10")
    pair.report(package, printed="1-4")
    order(pair, "activate", getattr(pair, side), "1-4")
    with pytest.raises(Refused, match="2 of the codes to be voided are active"):
        correct(call(pair.station), package, spoiled="1-2")
    done = correct(call(pair.station), package, spoiled="1-2", count=2)
    assert (done.totals.printed, done.totals.spoiled) == (2, 2)
    assert [rows[0] for rows in pair.holds()] == [("void", package, "1-2")] * 2


def test_a_label_that_was_good_after_all_names_both_codes_that_are_void(pair):
    package = pair.package(serials="1-10")
    pair.report(package, printed="1-8", spoiled="9-10")
    order(pair, "unvoid", pair.inner, "9")
    done = correct(call(pair.station), package, printed="9")
    assert done.still_void == (Range(9, 9),)
    text = "\n".join(done.lines())
    assert all(f'mintmark unvoid {batch} --serials "9"' in text for batch in (pair.out, pair.inner))
    order(pair, "unvoid", pair.out, "9")
    with pair.station.ledger.read() as view:
        assert view.package(package).totals.printed == 9


def test_a_unit_and_a_package_select_the_codes_of_either_batch(pair):
    package = pair.package(serials="1-10")
    pair.report(package, printed="1-10")
    name = package_show(pair.station, package).units[0].unit
    for batch in (pair.out, pair.inner):
        book(pair.station, OrderRequest(Action.ACTIVATE, batch, ByUnit(name)))
    assert [rows[0] for rows in pair.holds()] == [("active", package, "1-7")] * 2


def test_either_code_leads_to_the_package(pair):
    package = pair.package(serials="1-10")
    (out, inner), = pair.due(4).values()  # fmt: skip
    for text, batch in ((OUT.format(code=out), pair.out), (IN.format(code=inner), pair.inner)):
        (place,) = locate(pair.station, text, None).places
        assert (place.batch, place.serial, place.package) == (batch, 4, package)
        assert place.unit == package_show(pair.station, package).units[0].unit
    shown = package_show(pair.station, package)
    assert (shown.batch, shown.pair) == (pair.out, pair.inner)
    for batch in (pair.out, pair.inner, None):
        (row,) = package_list(pair.station, batch).packages
        assert (row.package, row.pair, row.without_receipt) == (package, pair.inner, 10)


# --- reprints and replacements --------------------------------------------------------------------


def test_a_reprint_has_both_codes_again(pair):
    package = pair.package(serials="1-10")
    for batch in (pair.out, pair.inner):
        order(pair, "void", batch, "4")
    done = pair.reprint(package)
    assert done.pair == pair.inner
    assert pair.rows("again", done.package) == pair.due(1, 2, 3, 5, 6, 7, 8, 9, 10)
    with pytest.raises(UsageError, match=f"belongs to batch {pair.out}, with {pair.inner}"):
        pair.export("no", Reprint(pair.inner, "li", done.package, "lost"))


def test_a_replacement_has_pairs_that_are_free_in_both_batches(pair):
    package = pair.package(serials="1-10")
    pair.export("alone", pair.fresh("11-12", pair=None, batch="inner", contact="wang"))
    pair.report(package, printed="1-7", spoiled="8-10")
    done = pair.replace(package)
    assert done.serials == (Range(13, 15),)
    assert pair.rows("other", done.package) == pair.due(13, 14, 15)
    assert package_show(pair.station, package).missing == 0


def test_the_next_pairs_are_free_in_both_batches(pair):
    pair.export("alone", pair.fresh("3-4", pair=None, contact="wang"))
    done = pair.export("first", pair.fresh("next:4"))
    assert done.serials == (Range(1, 2), Range(5, 6))


# --- refusals, and two packages -------------------------------------------------------------


def test_only_partners_go_together(pair):
    alone = pair.home.mint(30).batch
    before = pair.holds()
    with pytest.raises(Refused, match=f"{alone} is no partner") as caught:
        pair.export("no", pair.fresh(pair=alone))
    assert f"its partners: {pair.inner} (inner)" in caught.value.hints[0]
    with pytest.raises(UsageError, match="no pair with itself"):
        pair.export("no", pair.fresh(pair=pair.out))
    with pytest.raises(UsageError, match="no place for a second symbol"):
        pair.export("no", pair.fresh(profile="pdf-sheet"))
    with pytest.raises(UsageError, match="place for a second symbol, and the package has one"):
        pair.export("no", pair.fresh(profile="pdf-sheet-pair", pair=None))
    assert pair.holds() == before
    assert not (pair.folder / "no").exists()


def test_no_contact_gets_both_codes_unawares(pair):
    pair.export("outer", pair.fresh("1-10", pair=None))
    assert not any("one printer" in note for note in pair.notes)
    pair.export("inner", pair.fresh("1-10", pair=None, batch="inner", contact="wang"))
    assert not any("one printer" in note for note in pair.notes)
    pair.export("more", pair.fresh("11-12", pair=None, batch="inner"))
    (note,) = [note for note in pair.notes if note.startswith("note: contact li has package")]
    assert f"batch {pair.out} (outer)" in note
    assert "of other serials so far" in note
    pair.export("late", pair.fresh("11-13", pair=None))
    (note,) = [note for note in pair.notes if note.startswith("note: contact li has package")]
    assert "one printer then holds both codes of serials 11-12;" in note


def test_a_package_of_both_batches_is_no_second_half(pair):
    pair.package(serials="1-10")
    pair.export("more", pair.fresh("11-12", pair=None))
    assert not any(note.startswith("note: contact") for note in pair.notes)


def test_proofs_of_two_symbols_are_not_read_yet(pair, tmp_path):
    package = pair.export("sheet", pair.fresh("1-7", "pdf-sheet-pair")).package
    page = tmp_path / "page.pdf"
    page.write_bytes(pair.files("sheet", package)["data/0001.pdf"])
    with pytest.raises(Refused, match=f"package {package} has two codes on each label"):
        verify_print(call(pair.station), [page])


def test_a_lost_unit_holds_codes_of_both_batches(pair):
    package = pair.package(serials="1-10")
    name = package_show(pair.station, package).units[0].unit
    shown = unit(call(pair.station), name, "lost", None, None)
    assert shown.pair == pair.inner
    lines = "\n".join(shown.lines())
    assert all(f"mintmark void {batch} --unit {name}" in lines for batch in (pair.out, pair.inner))
    with pytest.raises(Refused, match="is marked lost") as caught:
        pair.reprint(package)
    assert f"mintmark void {pair.inner} --unit" in caught.value.hints[1]

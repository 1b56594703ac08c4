"""Corrections of receipts by example: what holds afterwards, and what is refused."""

import json
import shutil

import ledger_kit as kit
import pytest
from receipt_kit import book, call
from receipt_kit import correct as book_correction
from receipt_kit import report as book_receipt
from station_kit import Home, make_home

from mintmark.activation.monitor.day import fold
from mintmark.activation.orders.orders import OrderRequest
from mintmark.activation.orders.orders import book as book_order
from mintmark.activation.orders.selection import BySerials
from mintmark.codegen.errors import NotFound, Refused, UsageError
from mintmark.codegen.ledger import changes
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.packaging.receipts import receipt
from mintmark.packaging.report import package_list, package_show


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    home = make_home(tmp_path_factory.mktemp("made"))
    book(home)
    home.close()
    return home


@pytest.fixture
def home(made, tmp_path):
    """1-8, 9-16 and 20-24 of batch B are packaged in P, as U1, U2 and U3."""
    shutil.copytree(made.path, tmp_path / "home")
    copy = Home(tmp_path / "home", made.key_file, made.custodian)
    yield copy
    assert verify(copy.station().ledger).ok
    copy.close()


@pytest.fixture
def report(home):
    open_home = call(home.station())
    return lambda **fields: book_receipt(open_home, "P", **fields)


@pytest.fixture
def correct(home):
    open_home = call(home.station())
    return lambda **fields: book_correction(open_home, "P", **fields)


def order(home, action, serials, **more):
    request = OrderRequest(Action(action), "B", BySerials(serials), **more)
    return book_order(home.station(), request)[1]


def states(home):
    with home.station().ledger.read() as view:
        return {state.value: codes for state, codes in view.counts("B").items() if codes}


def totals(home):
    found = package_show(home.station(), "P").totals
    return {
        name: codes
        for name in ("printed", "printed_by_count", "spoiled", "spoiled_count", "unused", "open")
        if (codes := getattr(found, name))
    }


def bodies(home, kind):
    with home.station().ledger.read() as view:
        return [json.loads(e.body) for e in view.events(limit=1_000) if e.type == kind]


def with_policy(home):
    settings = home.path / "mintmark.toml"
    text = settings.read_text("utf-8")
    settings.write_text(
        text.replace("# receipt_before_activation", "receipt_before_activation"), "utf-8"
    )


def pairs(ranges):
    return [piece.pair() for piece in ranges]


def test_spoiled_labels_that_were_printed_are_corrected_and_brought_back_by_an_order(
    home, report, correct
):
    with_policy(home)
    report(printed="1-5", spoiled="6-8")
    done = correct(printed="6;8")
    assert (done.exit_code, done.corrected, done.orders) == (0, True, ())
    assert (pairs(done.printed), pairs(done.still_void)) == ([[6, 6], [8, 8]], [[6, 6], [8, 8]])
    assert any('unvoid B --serials "6;8"' in line for line in done.lines())
    assert totals(home) == {"printed": 7, "spoiled": 1, "open": 13}
    assert states(home)["void"] == 3  # a correction brings no code back
    order(home, "unvoid", "6;8")
    order(home, "activate", "1-6;8")
    assert states(home) == {"sealed": 9, "packaged": 13, "active": 7, "void": 1}
    assert totals(home) == {"printed": 7, "spoiled": 1, "open": 13}


def test_a_proposed_command_that_leaves_ranges_out_says_so(report, correct, monkeypatch):
    monkeypatch.setattr(receipt, "SHOWN", 1)
    report(printed="1-5", spoiled="6-8")
    lines = list(correct(printed="6;8").lines())
    assert any(line.endswith('unvoid B --serials "6"') for line in lines)
    assert any("1 ranges more" in line for line in lines)


def test_the_chain_shows_both(home, report, correct):
    report(printed="1-5", spoiled="6-8")
    correct(printed="6", reason="the sheet was misread")
    (told,), (corrected,) = bodies(home, "Receipted"), bodies(home, "ReceiptCorrected")
    assert (told["entries"][0]["spoiled"], told["reason"]) == ([[6, 8]], "misprint")
    assert corrected["entries"][0]["printed"] == [[6, 6]]
    assert corrected["reason"] == "the sheet was misread"
    shown = package_show(home.station(), "P")
    assert [row.corrects for row in shown.receipts] == [False, True]
    assert any("corrected" in line and "misread" in line for line in shown.lines())


def test_unvoid_reopens_what_was_told_as_spoiled(home, report, correct):
    """With the policy this was a dead end: told as spoiled, never to be told as printed."""
    with_policy(home)
    report(printed="1-5", spoiled="6-8")
    order(home, "unvoid", "6-7")
    assert totals(home) == {"printed": 5, "spoiled": 1, "open": 15}
    (reopened,) = bodies(home, "Reopened")
    assert (reopened["serials"], reopened["package"]) == ([[6, 7]], "P")
    with pytest.raises(Refused, match="6-7 have no receipt"):
        order(home, "activate", "6-7")
    report(printed="6")
    correct(printed="7")  # the other way does as well
    order(home, "activate", "6-7")
    assert totals(home) == {"printed": 7, "spoiled": 1, "open": 13}


def test_a_line_may_bring_back_what_a_receipt_voided(home, report):
    report(spoiled="6")
    station = home.station()
    line = station.line()
    change = changes.Ordered("O1", "B", Action.UNVOID, kit.ranges((6, 6)))
    (done,) = station.ledger.commit(station.author_of(line), change)
    (again,) = station.ledger.commit(station.author_of(line), change)
    assert (done.repeated, again.repeated) == (False, True)
    assert len(bodies(home, "Reopened")) == 1
    with pytest.raises(Refused, match="not sign a ReceiptCorrected"):
        station.ledger.commit(station.author_of(line), kit.correction("P", printed=[(6, 6)]))
    forged = changes.Reopened("P", kit.ranges((1, 2)), "O1")
    with pytest.raises(Refused, match="not reported as spoiled"):
        station.ledger.commit(station.author_of(line), forged)
    report(spoiled="7")
    forged = changes.Reopened("P", kit.ranges((7, 7)), "O1")
    with pytest.raises(Refused, match="are void still"):
        station.ledger.commit(station.author_of(line), forged)


def test_printed_labels_that_were_spoiled_are_voided_by_the_correction(home, report, correct):
    report(printed="1-8")
    done = correct(spoiled="3-4", reason="damaged")
    assert (done.exit_code, pairs(done.voided)) == (75, [[3, 4]])
    assert totals(home) == {"printed": 6, "spoiled": 2, "open": 13}
    with home.station().ledger.read() as view:
        assert view.at("B", 3).reason == "damaged"
        assert view.shortfall("P") == 2


def test_active_codes_are_voided_only_by_number(home, report, correct):
    report(printed="1-8")
    order(home, "activate", "1-8")
    with pytest.raises(Refused, match="2 of the codes to be voided are active") as caught:
        correct(spoiled="3-4")
    assert caught.value.details["count"] == 2
    assert correct(spoiled="3-4", count=2, dry_run=True).orders
    assert states(home)["active"] == 8
    correct(spoiled="3-4", count=2)
    assert states(home) == {"sealed": 9, "packaged": 13, "active": 6, "void": 2}


def test_a_final_receipt_of_misread_digits_is_mended(home, report, correct):
    """What the cell 1~1,990 did: two codes printed, all others void as unused."""
    report(printed="1;9", final=True, count=19)
    assert totals(home) == {"printed": 2, "unused": 19}
    done = correct(printed="1-16")
    assert pairs(done.still_void) == [[2, 8], [10, 16]]
    assert totals(home) == {"printed": 16, "unused": 5}
    order(home, "unvoid", "2-8;10-16")
    assert states(home) == {"sealed": 9, "packaged": 16, "void": 5}
    assert bodies(home, "Reopened") == []
    correct(spoiled="20")  # void already, as unused
    assert totals(home) == {"printed": 16, "spoiled": 1, "unused": 4}
    assert package_show(home.station(), "P").missing == 1


def test_codes_left_over_that_are_brought_back_are_open_again(home, report, correct):
    report(printed="1-16", final=True, count=5)
    order(home, "unvoid", "20-21")
    assert totals(home) == {"printed": 16, "unused": 3, "open": 2}
    (row,) = package_list(home.station(), None).packages
    assert row.without_receipt == 2
    with pytest.raises(Refused, match="final receipt of package P is booked") as caught:
        report(printed="20")
    assert any("--correct" in hint for hint in caught.value.hints)
    correct(printed="20")
    assert correct(spoiled="21").exit_code == 75
    assert totals(home) == {"printed": 17, "spoiled": 1, "unused": 3}


def test_a_number_without_serials_is_replaced(home, report, correct):
    report(unit="U1", spoiled_count=3)
    report(printed="9-16", spoiled_count=2)
    correct(unit="U1", spoiled_count=1)
    assert totals(home) == {"printed": 8, "spoiled_count": 3, "open": 10}
    correct(spoiled_count=0)
    assert totals(home) == {"printed": 8, "spoiled_count": 1, "open": 12}
    report(final=True, count=5)
    assert totals(home) == {"printed": 8, "printed_by_count": 7, "spoiled_count": 1, "unused": 5}
    correct(unit="U1", spoiled_count=4)
    assert totals(home) == {"printed": 8, "printed_by_count": 4, "spoiled_count": 4, "unused": 5}
    assert [row.spoiled_count for row in package_show(home.station(), "P").units] == [4, 0, 0]


def test_serials_in_a_unit_known_by_number_leave_the_others_over(home, report, correct):
    report(unit="U1", spoiled_count=2)
    report(printed="9-16;20-24", final=True)
    assert totals(home) == {"printed": 13, "printed_by_count": 6, "spoiled_count": 2}
    with pytest.raises(Refused, match="5 codes that it does not name") as caught:
        correct(unit="U1", printed="1-3", spoiled_count=0)
    assert caught.value.details["count"] == 5
    correct(unit="U1", printed="1-8", spoiled_count=0)
    assert totals(home) == {"printed": 21}
    with home.station().ledger.read() as view:
        assert not any(unit.counted for unit in view.units("P"))


def test_corrections_may_follow_each_other(home, report, correct):
    report(printed="1-5", spoiled="6")
    correct(printed="6")
    correct(spoiled="6")
    correct(printed="6", spoiled="5")
    assert totals(home) == {"printed": 5, "spoiled": 1, "open": 15}
    report(printed="7-8;9-16;20-24", final=True)
    assert totals(home) == {"printed": 20, "spoiled": 1}


def test_a_replaced_code_that_turns_out_good_is_told(home, report, correct):
    report(printed="1-6", spoiled="7-8")
    station = home.station()
    begun = changes.ExportBegun("R", "B", kit.ranges((17, 18)), "li", "csv", replaces="P")
    station.ledger.commit(station.author, begun)
    done = correct(printed="7-8")
    assert done.excess == 0  # they are void, and missing still
    order(home, "unvoid", "7-8")
    shown = package_show(home.station(), "P")
    assert (shown.missing, shown.excess) == (0, 2)
    assert any("2 replaced, and good after all" in line for line in shown.lines())
    correct(spoiled="8")
    assert package_show(home.station(), "P").excess == 1
    order(home, "void", "20", reason="lost")
    assert package_show(home.station(), "P").excess == 0


def test_the_days_are_told_apart(home, report, correct):
    report(unit="U1", spoiled_count=2)
    report(printed="9-16;20-23", spoiled="24", final=True)
    with home.station().ledger.read() as view:
        before = fold(view.events(limit=1_000), view).codes
    correct(unit="U1", spoiled_count=4)
    correct(printed="24")
    with home.station().ledger.read() as view:
        after = fold(view.events(limit=1_000), view).codes
    assert (before["printed"], before["spoiled"]) == (18, 3)
    assert after == {**before, "corrected": 1}


@pytest.mark.parametrize(
    "refusal",
    [
        ({"printed": "7"}, "7 were never reported", {"untold": [[7, 7]], "untold_count": 1}),
        ({"spoiled": "9-12"}, "9-12 were never", {"untold": [[9, 12]]}),
        ({"printed": "5;17"}, "17 are not in", {"outside": [[17, 17]]}),
        ({"printed": "5", "unit": "U2"}, "5 are not in", {"outside": [[5, 5]]}),
        ({"printed": "5-6", "spoiled": "6"}, "reported twice", {"both": [[6, 6]]}),
        ({"printed": "5"}, "nothing to correct", {}),
        ({"spoiled": "6", "spoiled_count": 1}, "nothing to correct", {}),
        ({"spoiled_count": 16}, "1 too many", {}),
        ({"spoiled": "5", "count": 2}, "1 codes, not 2", {"count": 1}),
    ],
)
def test_what_a_correction_may_not_say(home, report, correct, refusal):
    fields, words, details = refusal
    report(printed="1-5", spoiled="6", spoiled_count=1)
    before = home.sql("SELECT * FROM events")
    with pytest.raises(Refused, match=words) as caught:
        correct(**fields)
    assert details.items() <= caught.value.details.items()
    assert home.sql("SELECT * FROM events") == before


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({}, UsageError, "reports nothing"),
        ({"unit": "U1"}, UsageError, "reports nothing"),
        ({"printed": "1", "reason": " "}, UsageError, "needs its reason"),
        ({"printed": "1", "reason": None}, UsageError, "needs its reason"),
        ({"printed": "1", "reason": "x" * 501}, UsageError, "needs its reason"),
        ({"printed": "1,990"}, UsageError, "are grouped"),
        ({"printed": "1", "unit": "U9"}, NotFound, "no unit"),
    ],
)
def test_a_correction_that_cannot_be_read(report, correct, fields, error, words):
    report(printed="1-5")
    with pytest.raises(error, match=words):
        correct(**fields)


def test_a_table_corrects_units_and_their_numbers(home, report, correct, tmp_path):
    report(unit="U1", printed="1-6", spoiled_count=2)
    report(unit="U2", printed="9-16")
    path = tmp_path / "corrected.csv"
    text = "卷号,实印流水号,报废流水号,报废张数\nU1,,6,0\ndata/0002.csv,,9~10,\n"
    path.write_text(text, "utf-8")
    done = correct(file=path)
    assert (pairs(done.spoiled), pairs(done.voided)) == ([[6, 6], [9, 10]], [[6, 6], [9, 10]])
    assert totals(home) == {"printed": 11, "spoiled": 3, "open": 7}
    path.write_text("unit,spoiled_count,spoiled\nU1,1,\nU1,2,\n", "utf-8")
    with pytest.raises(UsageError, match="twice"):
        correct(file=path)


def test_a_superseded_package_is_not_corrected(home, report, correct):
    report(spoiled="6")
    station = home.station()
    alive = kit.ranges((1, 5), (7, 16), (20, 24))
    begun = changes.ExportBegun("R", "B", alive, "li", "csv", "P", reason="lost")
    station.ledger.commit(station.author, begun)
    with pytest.raises(Refused, match="being reprinted"):
        correct(printed="6")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (kit.correction("P", spoiled=[(1, 2)]), "serials 1-2 are spoiled and not void"),
        (kit.correction("P"), "nothing to correct"),
        (kit.correction("P", printed=[(9, 9)]), "9 were never reported"),
        (kit.correction("X", printed=[(1, 1)]), "no package"),
        (changes.ReceiptCorrected("P", (), ""), "needs a reason"),
    ],
)
def test_the_ledger_itself_books_no_correction_that_does_not_hold(home, report, change, words):
    report(printed="1-5")
    station = home.station()
    with pytest.raises((NotFound, Refused, UsageError), match=words):
        station.ledger.commit(station.author, change)


def test_books_of_an_earlier_version_are_corrected_too(home, report, correct, monkeypatch):
    """There an unvoid reopened nothing: the codes were told as spoiled for ever."""
    report(printed="1-5", spoiled="6-8")
    monkeypatch.setattr("mintmark.codegen.ledger._apply.following", lambda *_: ())
    order(home, "unvoid", "6-7")
    monkeypatch.undo()
    assert totals(home) == {"printed": 5, "spoiled": 3, "open": 13}
    correct(printed="6-7")
    assert totals(home) == {"printed": 7, "spoiled": 1, "open": 13}


def test_what_is_open_again_is_left_over_by_the_final_receipt(home, report, correct):
    report(printed="1-5", spoiled="6-8")
    order(home, "unvoid", "6-7")
    done = report(printed="9-16;20-24", final=True)
    assert pairs(done.voided) == [[6, 7]]
    assert totals(home) == {"printed": 18, "spoiled": 1, "unused": 2}
    with home.station().ledger.read() as view:
        assert view.reported("P").get(("U1", "reopened")) is None
    correct(printed="7")
    assert totals(home) == {"printed": 19, "spoiled": 1, "unused": 1}

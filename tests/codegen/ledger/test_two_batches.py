"""Packages of two batches: every event of theirs moves the codes of both, or of neither."""

import ledger_kit as kit
import pytest
from ledger_kit import CUSTODIAN, STATION, by_hand, clock, minted, ordered, ranges

from mintmark.codegen.errors import IntegrityError, NotFound, Refused
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ledger.ledger import Ledger
from mintmark.codegen.ledger.verify import verify


def paired(batch, pair_of, quantity=20):
    fields = vars(minted(batch, quantity)) | {"pair_of": pair_of}
    return c.BatchMinted(**fields)


def begun(package, *pairs, batch="OUT", pair="IN", **more):
    return c.ExportBegun(package, batch, ranges(*pairs), "li", "csv", pair=pair, **more)


def packaged(package, *pairs):
    fields = vars(kit.packaged(package, *pairs)) | {"pair_template": "https://b.example/{code}"}
    return c.Packaged(**fields)


@pytest.fixture
def place(shelf, empty, tmp_path):
    return shelf.again(empty, tmp_path)


@pytest.fixture
def ledger(place):
    with Ledger.open(place, clock()) as found:
        found.commit(STATION, minted("OUT", 20), paired("IN", "OUT"), minted("ELSE", 20))
        yield found
        assert verify(found).ok, verify(found).problem


def export(ledger, package="P", *pairs):
    ledger.commit(STATION, begun(package, *pairs))
    ledger.commit(CUSTODIAN, packaged(package, *pairs))


def held(ledger, batch):
    """(state, package, serials) of the tiles of a batch."""
    with ledger.read() as view:
        return [(t.value.state.value, t.value.package, str(t.serials)) for t in view.tiles(batch)]


def void(ledger, event, *orders):
    """Void (batch, serials), and book the event that says so, in one commit."""
    made = [
        ordered(f"V-{batch}", batch, "void", *pairs, reason="misprint") for batch, *pairs in orders
    ]
    ledger.commit(STATION, *made, event)


def both(*pairs):
    return ("OUT", *pairs), ("IN", *pairs)


# --- reserved, packaged, given back ---------------------------------------------------------


def test_an_export_reserves_and_packages_both(ledger):
    ledger.commit(STATION, begun("P", (3, 8)))
    for batch in ("OUT", "IN"):
        assert held(ledger, batch)[1] == ("sealed", "P", "3-8")
        with ledger.read() as view:
            assert view.reserved(batch) == 6
    ledger.commit(CUSTODIAN, packaged("P", (3, 8)))
    for batch in ("OUT", "IN"):
        assert held(ledger, batch)[1] == ("packaged", "P", "3-8")
        with ledger.read() as view:
            assert view.reserved(batch) == 0


def test_an_abandoned_export_gives_both_back(ledger):
    before = held(ledger, "OUT"), held(ledger, "IN")
    ledger.commit(STATION, begun("P", (3, 8)))
    ledger.commit(STATION, c.ExportAbandoned("P", "died"))
    assert (held(ledger, "OUT"), held(ledger, "IN")) == before


@pytest.mark.parametrize("taken", ["OUT", "IN"])
def test_codes_that_are_free_in_one_batch_only_reserve_none(ledger, taken):
    kit.with_package(ledger, taken, "Q", (5, 6))
    before = held(ledger, "OUT"), held(ledger, "IN")
    with pytest.raises(Refused, match=f"5-6 packaged: only sealed codes of batch {taken}"):
        ledger.commit(STATION, begun("P", (3, 8)))
    assert (held(ledger, "OUT"), held(ledger, "IN")) == before


@pytest.mark.parametrize("batch", ["OUT", "IN"])
def test_no_other_export_takes_codes_of_a_pair(ledger, batch):
    export(ledger, "P", (3, 8))
    with pytest.raises(Refused, match="in the way"):
        ledger.commit(STATION, kit.begun("Q", batch, (8, 9)))


def test_a_tile_made_sealed_by_hand_sends_no_code_of_a_pair_to_print_twice(place):
    with Ledger.open(place, clock()) as ledger:
        ledger.commit(STATION, minted("OUT", 20), paired("IN", "OUT"))
        export(ledger, "P", (3, 8))
    by_hand(place, "UPDATE tiles SET state = 'sealed', package = NULL WHERE batch = 'IN'")
    by_hand(place, "UPDATE counters SET codes = 0 WHERE batch = 'IN' AND state = 'packaged'")
    by_hand(place, "UPDATE counters SET codes = 20 WHERE batch = 'IN' AND state = 'sealed'")
    with Ledger.open(place, clock()) as ledger, pytest.raises(IntegrityError):
        ledger.commit(STATION, kit.begun("Q", "IN", (4, 4)))


def test_only_partners_are_packaged_together(ledger):
    with pytest.raises(Refused, match="ELSE is no partner of batch OUT"):
        ledger.commit(STATION, begun("P", (1, 2), pair="ELSE"))
    with pytest.raises(Refused, match="no partner"):
        ledger.commit(STATION, begun("P", (1, 2), pair="OUT"))
    with pytest.raises(NotFound):
        ledger.commit(STATION, begun("P", (1, 2), pair="NONE"))
    ledger.commit(STATION, paired("THIRD", "OUT"))
    export(ledger, "P", (1, 2))
    ledger.commit(STATION, begun("Q", (3, 4), batch="THIRD", pair="IN"))  # siblings
    assert held(ledger, "THIRD")[1] == ("sealed", "Q", "3-4")


def test_two_addresses_belong_to_two_batches(ledger):
    ledger.commit(STATION, begun("P", (1, 2)))
    with pytest.raises(Refused, match="two addresses"):
        ledger.commit(CUSTODIAN, kit.packaged("P", (1, 2)))
    ledger.commit(STATION, kit.begun("Q", "ELSE", (1, 2)))
    with pytest.raises(Refused, match="two addresses"):
        ledger.commit(CUSTODIAN, packaged("Q", (1, 2)))


def test_a_package_is_found_from_either_batch(ledger):
    export(ledger, "P", (1, 6))
    ledger.commit(STATION, c.UnitMoved("P", "P-1", "lost"))
    with ledger.read() as view:
        for batch in ("OUT", "IN"):
            assert [row.package for row in view.packages(batch)] == ["P"]
            assert [row.unit for row in view.lost_units(batch, ranges((6, 9)))] == ["P-1"]
            assert view.without_receipt(batch) == {"P": 6}
            assert view.unreceipted(batch, ranges((1, 20))) == ranges((1, 20))
            ((_, standing, unit),) = view.places(batch, [4])
            assert (standing.package, unit) == ("P", "P-1")
        assert view.packages("ELSE") == view.lost_units("ELSE", ranges((6, 9))) == ()
        assert view.package("P").batches == ("OUT", "IN")


# --- receipts -------------------------------------------------------------------------------


def test_a_spoiled_label_is_void_in_both_batches(ledger):
    export(ledger, "P", (1, 10))
    spoiled = kit.receipt("P", printed=[(1, 3)], spoiled=[(4, 5)])
    for lacking in ([("OUT", (4, 5))], [("IN", (4, 5))], [("OUT", (4, 5)), ("IN", (4, 4))], []):
        with pytest.raises(Refused, match="spoiled and not void"):
            void(ledger, spoiled, *lacking)
        assert held(ledger, "OUT")[0] == held(ledger, "IN")[0] == ("packaged", "P", "1-10")
    void(ledger, spoiled, *both((4, 5)))
    with ledger.read() as view:
        for batch in ("OUT", "IN"):
            assert view.without_receipt(batch) == {"P": 5}
            assert view.unreceipted(batch, ranges((1, 10))) == ranges((6, 10))


def test_what_is_left_over_is_void_in_both_batches(ledger):
    export(ledger, "P", (1, 10))
    last = kit.receipt("P", printed=[(1, 8)], final=True)
    with pytest.raises(Refused, match="left over and not void"):
        void(ledger, last, ("OUT", (9, 10)))
    void(ledger, last, *both((9, 10)))
    with ledger.read() as view:
        assert view.package("P").totals.unused == 2


def test_a_correction_voids_both(ledger):
    export(ledger, "P", (1, 10))
    ledger.commit(STATION, kit.receipt("P", printed=[(1, 10)]))
    wrong = kit.correction("P", spoiled=[(7, 7)])
    with pytest.raises(Refused, match="spoiled and not void"):
        void(ledger, wrong, ("IN", (7, 7)))
    void(ledger, wrong, *both((7, 7)))
    with ledger.read() as view:
        assert view.package("P").totals.spoiled == 1


@pytest.mark.parametrize("order", [("OUT", "IN"), ("IN", "OUT")])
def test_a_label_is_open_again_when_one_of_its_codes_comes_back(ledger, order):
    export(ledger, "P", (1, 10))
    void(ledger, kit.receipt("P", printed=[(1, 6)], spoiled=[(7, 8)]), *both((7, 8)))
    for number, batch in enumerate(order):
        ledger.commit(STATION, ordered(f"U{number}", batch, "unvoid", (7, 7)))
        with ledger.read() as view:
            totals = view.package("P").totals
        assert (totals.spoiled, totals.open) == (1, 3)  # once, and the second time nothing
    with ledger.read() as view:
        events = [event.change for event in view.events()]
    assert [e.serials for e in events if isinstance(e, c.Reopened)] == [ranges((7, 7))]


# --- reprints and replacements ----------------------------------------------------------------


def again(package, old, *pairs, pair="IN"):
    return begun(package, *pairs, pair=pair, supersedes=old, reason="password lost")


def test_a_reprint_takes_over_both(ledger):
    export(ledger, "P", (1, 10))
    for batch in ("OUT", "IN"):
        ledger.commit(STATION, ordered(f"V-{batch}", batch, "void", (4, 4)))
    with pytest.raises(Refused, match="holds all its codes"):
        ledger.commit(STATION, again("R", "P", (1, 3), (5, 10), pair=None))
    ledger.commit(STATION, again("R", "P", (1, 3), (5, 10)))
    for batch in ("OUT", "IN"):  # neither takes an order meanwhile
        with pytest.raises(Refused, match="P is being reprinted"):
            ledger.commit(STATION, ordered("A", batch, "activate", (1, 1)))
    ledger.commit(CUSTODIAN, packaged("R", (1, 3), (5, 10)))
    for batch in ("OUT", "IN"):
        assert [name for _, name, _ in held(ledger, batch)] == ["R", "P", "R", None]


@pytest.mark.parametrize(("half", "other"), [("OUT", "IN"), ("IN", "OUT")])
def test_a_label_with_one_dead_code_is_not_printed_again(ledger, half, other):
    export(ledger, "P", (1, 10))
    ledger.commit(STATION, ordered("V", half, "void", (4, 4)))
    with ledger.read() as view, pytest.raises(Refused, match="in one of its batches") as caught:
        view.reprintable("P")
    assert f"mintmark void {other} --serials" in caught.value.hints[0]


def test_a_label_is_missing_if_either_of_its_codes_is(ledger):
    export(ledger, "P", (1, 10))
    void(ledger, kit.receipt("P", printed=[(1, 6)], spoiled=[(7, 8)]), *both((7, 8)))
    ledger.commit(STATION, ordered("V", "IN", "void", (8, 9), reason="damaged"))
    with ledger.read() as view:
        assert view.shortfall("P") == 3
        assert view.first_sealed("OUT", 3, "IN") == ranges((11, 13))
    with pytest.raises(Refused, match="belongs to batch OUT with IN"):
        ledger.commit(STATION, begun("R", (11, 12), batch="IN", pair=None, replaces="P"))
    with pytest.raises(Refused, match="3 codes of package P"):
        ledger.commit(STATION, begun("R", (11, 14), replaces="P"))
    ledger.commit(STATION, begun("R", (11, 13), replaces="P"))
    ledger.commit(CUSTODIAN, packaged("R", (11, 13)))
    with ledger.read() as view:
        assert view.shortfall("P") == 0


def test_serials_that_are_free_in_both(ledger):
    kit.with_package(ledger, "OUT", "Q", (1, 2), (6, 9))
    kit.with_package(ledger, "IN", "S", (4, 4), (8, 12), (20, 20))
    with ledger.read() as view:
        assert view.first_sealed("OUT", 2, "IN") == ranges((3, 3), (5, 5))
        assert view.first_sealed("OUT", 9, "IN") == ranges((3, 3), (5, 5), (13, 19))
        assert view.first_sealed("OUT", 2) == ranges((3, 4))
        with pytest.raises(Refused, match="OUT and IN have 9 sealed codes left, not 10"):
            view.first_sealed("OUT", 10, "IN")

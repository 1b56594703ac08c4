"""What belongs to a code: an item found in the wrong city leads to carton, pallet and dealer."""

import pytest
from contract_shapes import SHAPES, problems
from station_kit import make_home

from mintmark.codegen import sscc
from mintmark.codegen.ledger.changes import (
    Associated,
    ContactAdded,
    ExportBegun,
    Ordered,
    Packaged,
    Unit,
)
from mintmark.codegen.locate import locate
from mintmark.codegen.mint_sscc import SsccRequest
from mintmark.codegen.ranges.aggregation import CodeRanges, CodeRef, Packing
from mintmark.codegen.ranges.lifecycle import Action, State
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.relations import relations
from mintmark.codegen.report import batch_show


class Warehouse:
    """Bottles 1-48 with a partner, in cartons of 24 on pallet 1; cartons 3 and 4 are empty."""

    def __init__(self, folder):
        self.home = home = make_home(folder)
        self.station = home.station()
        self.bottles = home.mint(60, role="outer").batch
        self.inner = home.mint(60, role="inner", pair_of=self.bottles).batch
        self.cartons = home.mint(4, role="carton").batch
        self.pallets = home.mint(2, role="pallet", sscc=SsccRequest("6901234")).batch
        self.commit(ContactAdded("li", "Ms Li", None))
        for batch, last in ((self.bottles, 60), (self.inner, 60), (self.cartons, 4)):
            self.export(batch, last)
        self.pack(CodeRanges(self.cartons, (Range(1, 2),)), self.bottles, Range(1, 48), each=24)
        self.pack(CodeRanges(self.pallets, (Range(1, 1),)), self.cartons, Range(1, 2))
        self.order(Action.ASSIGN, self.pallets, Range(1, 1), dealer="D-17", region="East")
        self.order(Action.ASSIGN, self.cartons, Range(2, 2), region="North")
        self.order(Action.ASSIGN, self.bottles, Range(30, 30), dealer="D-9", region="South")
        self.order(Action.ASSIGN, self.inner, Range(7, 7), role="guide")

    def commit(self, *changes):
        self.station.ledger.commit(self.station.author, *changes)

    def export(self, batch, last):
        package = self.station.new_id()
        unit = Unit(self.station.new_id(), "data/0001.csv", 1, last, last, "00" * 32)
        key = self.home.custodian.public.key_id
        self.commit(
            ExportBegun(package, batch, (Range(1, last),), "li", "csv"),
            Packaged(package, "{code}", "a.zip", 1, "00" * 32, "00" * 32, key, (unit,)),
        )

    def pack(self, parents, batch, serials, each=None):
        children = (CodeRanges(batch, (serials,)),)
        order = self.station.new_order_id()
        self.commit(Associated(order, Packing.ASSOCIATE, parents, children, each))

    def order(self, action, batch, serials, **attributes):
        order = self.station.new_order_id()
        self.commit(Ordered(order, batch, action, (serials,), attributes=attributes))

    def located(self, batch, serial):
        (place,) = locate(self.station, f"{batch}:{serial}", None).places
        return place


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    house = Warehouse(tmp_path_factory.mktemp("relations"))
    yield house
    house.home.close()


def test_a_bottle_leads_to_carton_pallet_and_dealer(house):
    code = house.home.codes(house.bottles)[24]
    (place,) = locate(house.station, code, None).places
    assert (place.batch, place.serial, place.state) == (house.bottles, 25, State.PACKAGED)
    belongs = place.belongs
    assert [(up.batch, up.serial, up.role, up.sscc) for up in belongs.within] == [
        (house.cartons, 2, "carton", None),
        (house.pallets, 1, "pallet", sscc.build("6901234", 0, 1)),
    ]
    # The nearest that says so: the carton's region, the pallet's dealer.
    assert belongs.inherited == {"dealer": "D-17", "region": "North"}
    text = place.text()
    assert f"in carton {house.cartons}:2" in text
    assert f"in pallet {house.pallets}:1 SSCC {sscc.build('6901234', 0, 1)}" in text
    assert "dealer=D-17" in text
    assert code not in text


def test_what_a_bottle_says_itself_is_not_inherited(house):
    place = house.located(house.bottles, 30)
    assert dict(place.attributes) == {"dealer": "D-9", "region": "South"}
    assert place.belongs.inherited == {}
    assert len(place.belongs.within) == 2


def test_a_carton_and_a_pallet_tell_what_lies_in_them(house):
    carton = house.located(house.cartons, 2).belongs
    assert [(held.batch, held.serials, held.count) for held in carton.holds] == [
        (house.bottles, (Range(25, 48),), 24)
    ]
    assert [up.batch for up in carton.within] == [house.pallets]
    pallet = house.located(house.pallets, 1)
    assert [(held.batch, held.count) for held in pallet.belongs.holds] == [(house.cartons, 2)]
    assert pallet.belongs.within == ()
    assert "holds 2 of batch" in pallet.text()
    for batch, serial in ((house.cartons, 3), (house.pallets, 2), (house.bottles, 1)):
        assert house.located(batch, serial).belongs.holds == ()


def test_both_codes_of_a_bottle_name_each_other(house):
    outer, inner = (house.located(batch, 7) for batch in (house.bottles, house.inner))
    (pair,) = outer.belongs.pairs
    assert (pair.batch, pair.serial, pair.state) == (house.inner, 7, State.PACKAGED)
    assert (outer.belongs.role, pair.role) == ("outer", "guide"), (
        "a range's role before its batch's"
    )
    (pair,) = inner.belongs.pairs
    assert (pair.batch, pair.serial, pair.role) == (house.bottles, 7, "outer")
    assert house.located(house.cartons, 1).belongs.pairs == ()


def test_the_code_that_was_not_scanned_at_packing_leads_there_too(house):
    inner, outer = (house.located(batch, 25).belongs for batch in (house.inner, house.bottles))
    assert inner.within == outer.within
    assert inner.inherited == outer.inherited == {"dealer": "D-17", "region": "North"}


def test_what_lies_nowhere_has_no_way_up(house):
    place = house.located(house.bottles, 49)
    assert (place.belongs.within, place.belongs.inherited) == ((), {})
    assert " in " not in place.text()


def test_many_at_once_tell_the_same_as_each_alone(house):
    names = [(house.bottles, n) for n in (1, 24, 25, 48, 49)]
    names += [(house.inner, 3), (house.cartons, 1), (house.cartons, 4), (house.pallets, 1)]
    text = "\n".join(f"{batch}:{serial}" for batch, serial in names) + "\nnonsense"
    found = locate(house.station, "-", text)
    assert [place.belongs for place in found.places[:-1]] == [
        house.located(*name).belongs for name in names
    ]
    for record in found.records():
        assert not problems(record, SHAPES["locate"])


def test_a_batch_tells_how_many_of_it_lie_in_something(house):
    for batch, count in ((house.bottles, 48), (house.cartons, 2), (house.inner, 0)):
        assert batch_show(house.station, batch, 0, 10).associated == count
    shown = batch_show(house.station, house.inner, 0, 10)
    assert [(pair.batch, pair.role) for pair in shown.pairs] == [(house.bottles, "outer")]
    lines = "\n".join(shown.lines())
    assert "role     inner: codes for the inside of items" in lines
    assert f"{house.bottles}, outer" in lines
    lines = "\n".join(batch_show(house.station, house.pallets, 0, 10).lines())
    assert f"{sscc.build('6901234', 0, 1)} to {sscc.build('6901234', 0, 2)}" in lines


def test_books_with_a_circle_do_not_hang(house, monkeypatch):
    with house.station.ledger.read() as view:
        one, two = CodeRef(house.cartons, 1), CodeRef(house.cartons, 2)
        around = {1: two, 2: one}
        monkeypatch.setattr(
            type(view), "parents_of", lambda _, __, numbers: {n: around[n] for n in numbers}
        )
        found = relations(view, {one: {}})
    assert [up.serial for up in found[one].within] == [2, 1]

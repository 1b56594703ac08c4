"""What the books say becomes EPCIS: against a naive model."""

import dataclasses

import ledger_kit as kit
import pytest
from epcis_kit import BOTTLE, BOTTLES, CARTONS, LINK, PALLETS, story, told, with_batches
from hypothesis import given, settings
from hypothesis import strategies as st

from mintmark.codegen.errors import Refused

OUTER, CAPS = "4F2K-0TERAAAA", "4F2K-CAPSAAAA"


@pytest.fixture
def ledger(tmp_path):
    with with_batches(tmp_path / "ledger.db") as made:
        yield made


def summary(event):
    things = event.get("epcList") or event["childEPCs"]
    return event["type"][:3], event["action"], event["bizStep"], len(things)


def test_the_story_of_two_cartons(ledger):
    story(ledger)
    _, found = told(ledger)
    assert [summary(event) for event in found] == [
        ("Obj", "ADD", "commissioning", 48),
        ("Obj", "ADD", "commissioning", 2),
        ("Agg", "ADD", "packing", 24),
        ("Agg", "ADD", "packing", 24),
        ("Obj", "ADD", "commissioning", 1),
        ("Agg", "ADD", "packing", 2),
        ("Obj", "ADD", "commissioning", 1_000),
        ("Obj", "ADD", "commissioning", 1_000),
        ("Obj", "ADD", "commissioning", 452),
        ("Obj", "OBSERVE", "shipping", 1_000),
        ("Obj", "OBSERVE", "shipping", 1_000),
        ("Obj", "OBSERVE", "shipping", 500),
        ("Agg", "DELETE", "unpacking", 1),
        ("Obj", "DELETE", "decommissioning", 1),
        ("Obj", "ADD", "commissioning", 1),
        ("Agg", "ADD", "packing", 1),
    ]
    packed, pallet, fresh, shipped = found[2], found[5], found[6], found[9]
    assert packed["childEPCs"] == [f"{BOTTLE}{n}" for n in range(1, 25)]
    assert packed["parentID"] == found[1]["epcList"][0] == "urn:mintmark:obj:CARTAAAA-s1"
    assert pallet["parentID"] == "https://id.gs1.org/00/069012340000000016"
    assert fresh["ilmd"] == {"cbvmda:lotNumber": "L1", "mintmark:product": "绿茶"}
    assert shipped["destinationList"][0]["destination"] == "urn:mintmark:party:D7"
    assert (found[12]["parentID"], found[12]["childEPCs"]) == (packed["parentID"], [f"{BOTTLE}3"])
    assert found[13]["disposition"] == "damaged"
    assert all(event["eventTime"].endswith("+08:00") for event in found)
    assert len({event["eventID"] for event in found}) == len(found)


def test_what_was_told_before_is_told_the_same_and_what_follows_alone(ledger):
    story(ledger)
    _, whole = told(ledger)
    with ledger.read() as view:
        seq = next(event.seq for event in view.events() if "O1" in event.body)
    assert told(ledger, after=seq)[1] == whole[12:]
    assert told(ledger)[1] == whole
    assert told(ledger, batch=PALLETS)[1] == whole[4:6]


def test_each_code_of_a_pair_is_named_by_its_own_address(ledger):
    caps = dataclasses.replace(kit.minted(CAPS, 20), pair_of=OUTER, url=None)
    ledger.commit(kit.STATION, dataclasses.replace(kit.minted(OUTER, 20), url=None), caps)
    begun = dataclasses.replace(kit.begun("P7", OUTER, (1, 20)), pair=CAPS)
    packed = dataclasses.replace(kit.packaged("P7", (1, 20)), template=LINK, pair_template="{code}")
    ledger.commit(kit.STATION, begun)
    ledger.commit(kit.CUSTODIAN, packed)
    for number, batch in enumerate((OUTER, CAPS)):
        ledger.commit(kit.LINE, kit.ordered(f"O{number}", batch, "activate", (1, 1)))
    names = [event["epcList"][0] for event in told(ledger)[1]]
    assert names == [BOTTLE.replace("B0TTAAAA", "0TERAAAA") + "1", "urn:mintmark:obj:CAPSAAAA-s1"]


def test_who_gets_a_dealer_before_it_is_activated_is_an_item(ledger):
    dealer = {"attributes": {"dealer": "D7"}}
    ledger.commit(kit.LINE, kit.ordered("O1", BOTTLES, "assign", (1, 9), **dealer))
    ledger.commit(kit.LINE, kit.ordered("O2", BOTTLES, "activate", (1, 9)))
    kinds = [summary(event) for event in told(ledger)[1]]
    assert kinds == [("Obj", "ADD", "commissioning", 9), ("Obj", "OBSERVE", "shipping", 9)]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=10), st.data())
@settings(max_examples=15, deadline=None)
def test_the_events_add_up_to_the_books(tmp_path_factory, kinds, data):
    folder = tmp_path_factory.mktemp("books")
    with kit.create(folder / "ledger.db") as ledger:
        cartons = dataclasses.replace(kit.minted(CARTONS, 9), role="carton")
        ledger.commit(kit.STATION, kit.minted(BOTTLES, 30), cartons)
        kit.with_package(ledger, BOTTLES, "P1", (1, 30))
        kit.with_package(ledger, CARTONS, "P2", (1, 9))
        serials = st.tuples(st.integers(1, 15), st.integers(0, 14)).map(lambda p: (p[0], sum(p)))
        for number, kind in enumerate(kinds):
            some, carton = data.draw(serials), data.draw(st.integers(1, 9))
            order = f"O{number}"
            try:
                ledger.commit(
                    kit.LINE,
                    (
                        kit.ordered(order, BOTTLES, "activate", some),
                        kit.ordered(order, BOTTLES, "void", some, reason="other", count=None),
                        kit.ordered(order, BOTTLES, "unvoid", some),
                        kit.packed(order, (CARTONS, (carton, carton)), (BOTTLES, some)),
                        kit.unpacked(order, None, (BOTTLES, some)),
                        kit.ordered(order, BOTTLES, "assign", some, attributes={"dealer": "D"}),
                    )[kind],
                )
            except Refused:
                continue
        added, held = {}, {}
        for event in told(ledger)[1]:
            sign = {"ADD": 1, "DELETE": -1, "OBSERVE": 0}[event["action"]]
            for name in event.get("epcList", ()):
                added[name] = added.get(name, 0) + sign
                assert sign or added[name] == 1  # only an item is shipped
            for name in event.get("childEPCs", ()):
                if sign > 0:
                    assert added[name] == 1
                    assert held.setdefault(name, event["parentID"]) == event["parentID"]
                else:
                    assert held.pop(name) == event["parentID"]
        assert set(added.values()) <= {0, 1}
        with ledger.read() as view:
            own = "urn:mintmark:obj:"
            links = {
                f"{own}B0TTAAAA-s{serial}": f"{own}CARTAAAA-s{link.parent.serial}"
                for link in kit.all_links(view, BOTTLES)
                for serial in range(link.serials.first, link.serials.last + 1)
            }
        assert held == links

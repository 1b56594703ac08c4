"""What the books say becomes EPCIS: against a naive model, and read by two programs of others."""

import dataclasses
import json
import shutil
from itertools import compress
from zoneinfo import ZoneInfo

import ledger_kit as kit
import pytest
from clients_kit import BIN, INSTALLED, MODULES, SOURCES, run
from hypothesis import given, settings
from hypothesis import strategies as st
from node_kit import NODE

from mintmark.codegen.errors import Refused
from mintmark.packaging.epcis.called import CalledBySerial
from mintmark.packaging.epcis.document import NAMES, TellingStyle
from mintmark.packaging.epcis.links import Links
from mintmark.packaging.epcis.names import NameForm, Naming
from mintmark.packaging.epcis.telling import Telling, Wanted

pytestmark = pytest.mark.xdist_group("clients")

BOTTLES, CARTONS, PALLETS = "4F2K-B0TTAAAA", "4F2K-CARTAAAA", "4F2K-PA11AAAA"
HOME = "4F2K-AAAAAAAAAAAA"
GTIN = "06901234567892"
LINK = f"HTTPS://T.EXAMPLE.CN/01/{GTIN}/21/{{code}}"
BOTTLE = f"https://id.gs1.org/01/{GTIN}/21/B0TTAAAA-s"
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def ledger(tmp_path):
    made = kit.create(tmp_path / "ledger.db")
    bottles = dataclasses.replace(kit.minted(BOTTLES, 5_000), url=LINK)
    cartons = dataclasses.replace(kit.minted(CARTONS, 50), role="carton", url=None)
    made.commit(kit.STATION, bottles, cartons, kit.with_ssccs(PALLETS, 3, "pallet", 1))
    for batch, package, last in ((BOTTLES, "P1", 5_000), (CARTONS, "P2", 50)):
        kit.with_package(made, batch, package, (1, last))
    yield made
    made.close()


def told(ledger, naming=Naming(), **more):  # noqa: B008 - frozen
    with ledger.read() as view, Links() as links:
        style = TellingStyle(naming, SHANGHAI)
        telling = Telling(view, CalledBySerial(view, naming), links, style, Wanted(**more))
        text = b"".join(telling.text(HOME, kit.START)).decode("utf-8")
        found = json.loads(text)["epcisBody"]["eventList"]
        names = sum(len(e.get("epcList") or e["childEPCs"]) for e in found)
        assert (telling.events, telling.names) == (len(found), names)
        return text, found


def story(ledger):
    order = kit.ordered
    ledger.commit(kit.LINE, kit.packed("A1", (CARTONS, (1, 2)), (BOTTLES, (1, 48)), each=24))
    ledger.commit(kit.LINE, kit.packed("A2", (PALLETS, (1, 1)), (CARTONS, (1, 2))))
    values = {"lot": "L1", "product": "绿茶", "dealer": "D7"}
    ledger.commit(kit.LINE, order("O1", BOTTLES, "activate", (1, 2_500), attributes=values))
    ledger.commit(kit.LINE, kit.unpacked("A3", None, (BOTTLES, (3, 3))))
    void = order("O2", BOTTLES, "void", (3, 3), (4_000, 4_000), reason="damaged", count=2)
    ledger.commit(kit.LINE, void)
    ledger.commit(kit.LINE, kit.packed("A4", (CARTONS, (1, 1)), (BOTTLES, (2_600, 2_600))))


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
                for link in view.links(BOTTLES)
                for serial in range(link.serials.first, link.serials.last + 1)
            }
        assert held == links


@pytest.mark.parametrize(
    "naming", [Naming(), Naming(NameForm.URN, "6901234", "https://example.cn/epcis")]
)
def test_two_programs_of_others_read_it_alike(ledger, tmp_path, naming):
    story(ledger)
    assert (INSTALLED / ".installed").exists(), "make .clients/.installed"
    text, found = told(ledger, naming)
    (tmp_path / "events.jsonld").write_text(text, "utf-8")
    (tmp_path / "node_modules").symlink_to(MODULES, target_is_directory=True)
    shutil.copy(SOURCES / "epcis.cjs", tmp_path)
    theirs = json.loads(run(NODE, "epcis.cjs", "events.jsonld", folder=tmp_path))
    assert (theirs["success"], theirs["valid"], theirs["errors"]) == (True, True, [])
    words = (BIN / "python", SOURCES / "epcis.py", tmp_path / "events.jsonld")
    hashes = json.loads(run(*words, folder=tmp_path).splitlines()[-1])
    # epcis2.js 2.7.3 makes a Digital Link of 19 digits of an SSCC's URN, and so another hash.
    alike = ["urn:epc:id:sscc" not in json.dumps(event) for event in found]
    assert alike.count(False) == (2 if naming.form is NameForm.URN else 0)
    assert list(compress(theirs["hashes"], alike)) == list(compress(hashes, alike))
    assert len(hashes) == len(set(hashes)) == len(found)
    assert max(len(event.get("epcList", ())) for event in found) == NAMES

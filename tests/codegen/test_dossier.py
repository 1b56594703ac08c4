"""What `locate` tells beside the place: product, printer, receipt, activating order, dealer."""

import pytest
from contract_shapes import SHAPES, problems
from ledger_kit import each_statement
from station_kit import NOW, make_home

from mintmark.codegen.errors import NotFound
from mintmark.codegen.ledger import _code_facts
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.locate import locate
from mintmark.codegen.ranges.aggregation import CodeRanges, Packing
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.receipts import ReceiptEntry
from mintmark.codegen.ranges.serials import Range

REEL = "29JR-FFMXBCP4"
URL = "https://t.example.com/{code}"


class World:
    """Bottles 1-60 with a partner; 1-40 at Li's, 41-50 at Wu's, 51-60 sealed.

    1-24 but 12, which is spoiled, are in a carton.
    """

    def __init__(self, folder):
        self.home = home = make_home(folder)
        self.station = station = home.station()
        self.bottles = home.mint(60, station, role="outer", url=URL, product="Green tea").batch
        self.inner = home.mint(60, station, role="inner", pair_of=self.bottles).batch
        self.cartons = home.mint(4, station, role="carton").batch
        self.commit(c.ContactAdded("li", "Ms Li", None), c.ContactAdded("wu", "Mr Wu", None))
        self.package = self.export(self.bottles, 1, 40, "li")
        self.export(self.bottles, 41, 50, "wu")
        self.export(self.cartons, 1, 4, "wu")
        self.export(self.inner, 1, 60, "wu")
        wrong = (Range(12, 12), Range(14, 14))
        void = c.Ordered("v-1", self.bottles, Action.VOID, wrong, reason="misprint")
        spoiled = ReceiptEntry(REEL, (Range(1, 11),), wrong, 0)
        self.commit(void, c.Receipted(self.package, (spoiled,), final=False, reason="misprint"))
        self.order("u-1", Action.UNVOID, 14, 14)
        self.order("a-1", Action.ACTIVATE, 1, 30, line="line-1")
        self.order("a-2", Action.ACTIVATE, 31, 45, line="line-3")
        self.order("f-1", Action.FREEZE, 20, 21)
        self.order("r-1", Action.REVOKE, 22, 24)
        self.order("a-3", Action.ACTIVATE, 22, 22, line="line-9", lot="L9")
        self.commit(c.Settled("a-2", "acknowledged"), c.Settled("a-1", "refused", "away"))
        self.order("s-1", Action.ASSIGN, 2, 2, dealer="D-2", product="Black tea")
        whole = CodeRanges(self.bottles, (Range(1, 11), Range(13, 24)))
        box = CodeRanges(self.cartons, (Range(1, 1),))
        self.commit(c.Associated("p-1", Packing.ASSOCIATE, box, (whole,)))
        attributes = {"dealer": "D-7", "region": "CN-33"}
        self.commit(
            c.Ordered("s-2", self.cartons, Action.ASSIGN, (Range(1, 1),), attributes=attributes)
        )

    def commit(self, *changes):
        self.station.ledger.commit(self.station.author, *changes)

    def export(self, batch, first, last, contact):
        package, size = self.station.new_id(), last - first + 1
        unit = REEL if batch == self.bottles and first == 1 else self.station.new_id()
        made = c.Unit(unit, "data/0001.csv", first, last, size, "00" * 32)
        key = self.home.custodian.public.key_id
        self.commit(
            c.ExportBegun(package, batch, (Range(first, last),), contact, "csv"),
            c.Packaged(package, URL, "a.zip", 1, "00" * 32, "00" * 32, key, (made,)),
        )
        return package

    def order(self, order, action, first, last, line=None, **attributes):
        named = (Range(first, last),)
        self.commit(c.Ordered(order, self.bottles, action, named, attributes=attributes, line=line))

    def record(self, text):
        result = locate(self.station, text, None)
        (record,) = result.records()
        assert not problems(record, SHAPES["locate"])
        return record

    def of(self, serial, batch=None):
        return self.record(f"{batch or self.bottles}:{serial}")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("dossier"))
    yield world
    world.home.close()


def test_who_got_it_and_what_it_goes_on(world):
    assert {k: world.of(1)[k] for k in ("product", "contact", "contact_name")} == {
        "product": "Green tea", "contact": "li", "contact_name": "Ms Li",
    }  # fmt: skip
    assert (world.of(45)["contact"], world.of(45)["contact_name"]) == ("wu", "Mr Wu")
    assert (world.of(55)["contact"], world.of(55)["contact_name"]) == (None, None)
    assert world.of(2)["product"] == "Black tea"
    assert world.of(1, world.cartons)["product"] is None


@pytest.mark.parametrize(
    ("serial", "order", "line", "status"),
    [
        (1, "a-1", "line-1", "refused"),
        (20, "a-1", "line-1", "refused"),  # frozen since
        (23, "a-1", "line-1", "refused"),  # revoked since: its state says so
        (22, "a-3", "line-9", "queued"),  # revoked, and activated again
        (31, "a-2", "line-3", "acknowledged"),
        (45, "a-2", "line-3", "acknowledged"),  # an order over two packages
    ],
)
def test_the_order_that_activated_it_last_with_its_time_and_line(
    world, serial, order, line, status
):
    assert world.of(serial)["activation"] == {
        "order": order, "at": "2026-11-22T08:00:00Z", "line": line, "status": status,
    }  # fmt: skip
    assert NOW.isoformat() == "2026-11-22T08:00:00+00:00"


def test_many_orders_are_looked_through_page_by_page(world, monkeypatch):
    found = [world.of(n)["activation"] for n in (1, 22, 31, 46)]
    monkeypatch.setattr(_code_facts, "_AT_ONCE", 1)
    assert [world.of(n)["activation"] for n in (1, 22, 31, 46)] == found
    assert [order and order["order"] for order in found] == ["a-1", "a-3", "a-2", None]


@pytest.mark.parametrize("serial", [12, 46, 55])
def test_a_code_that_no_order_activated_has_none(world, serial):
    """Also one that an order named and passed over, since it was void."""
    assert world.of(serial)["activation"] is None


def test_what_receipts_say_of_it(world):
    told = [world.of(serial)["receipt"] for serial in (1, 11, 12, 13, 14, 45, 55)]
    # 14 was spoiled, and brought back.
    assert told == ["printed", "printed", "spoiled", None, None, None, None]


def test_dealer_and_region_are_its_own_or_those_of_what_it_lies_in(world):
    assert [world.of(n)[k] for n in (1, 2, 30) for k in ("dealer", "region")] == [
        "D-7", "CN-33", "D-2", "CN-33", None, None,
    ]  # fmt: skip
    carton = world.of(1, world.cartons)
    assert (carton["dealer"], carton["region"]) == ("D-7", "CN-33")
    # By its partner's carton, if a line packed the bottle by its outer code.
    assert world.of(3, world.inner)["dealer"] == "D-7"
    assert world.of(3, world.inner)["pairs"][0] == {
        "batch": world.bottles, "serial": 3, "role": "outer", "state": "active",
    }  # fmt: skip


def test_a_window_says_who_the_dealer_is_while_it_holds(world):
    def window(name, begins, dealer):
        value = {"from": begins, "until": None, "daily": None, "attributes": {"dealer": dealer}}
        world.order(f"w-{name}", Action.ASSIGN, 40, 40, **{f"window.{name}": value})

    window("now", "2026-11-01T00:00:00Z", "D-now")
    window("then", "2027-01-01T00:00:00Z", "D-then")
    assert world.of(40)["dealer"] == "D-now"


def test_an_address_in_capitals_and_a_batch_with_serial_lead_to_the_same(world):
    code = world.home.codes(world.bottles)[0]
    wanted = world.of(1)
    texts = [URL.replace("{code}", code), URL.replace("{code}", code).upper(), code]
    assert [world.record(text) for text in texts] == [wanted] * 3
    mixed = "\n".join([texts[0], f"{world.bottles}:1", texts[1], f"{world.inner}:1".lower()])
    records = list(locate(world.station, None, mixed).records())
    assert [record | {"line": None} for record in records] == [
        *([wanted] * 3), world.of(1, world.inner),
    ]  # fmt: skip
    assert [record["line"] for record in records] == [1, 2, 3, 4]


def test_people_read_the_same_on_one_line(world):
    (line,) = locate(world.station, f"{world.bottles}:1", None).lines()
    for words in (
        "product Green tea", "given to li (Ms Li)", "  printed  ", f"in carton {world.cartons}:1",
        "dealer=D-7 (of what it lies in)", f"with inner {world.inner}:1",
        "activated 2026-11-22 08:00:00Z on line line-1 (order a-1, refused)",
    ):  # fmt: skip
        assert words in line
    assert world.home.codes(world.bottles)[0] not in line
    (other,) = locate(world.station, f"{world.bottles}:2", None).lines()
    assert other.count("Black tea") == 1  # its own attribute, which stands in the line already


def test_many_codes_ask_as_often_as_one(world, monkeypatch):
    """Each order and package is looked at once, however many codes it holds."""
    asked = []
    station = world.station

    def statements(count):
        asked.clear()
        text = "\n".join(f"{world.bottles}:{n}" for n in range(1, count + 1))
        return list(locate(station, None, text).records())

    with each_statement(station.ledger, asked.append):
        assert len(statements(1)) == 1
        few = len(asked)
        assert len(statements(30)) == 30
    assert len(asked) <= few + 2


@pytest.mark.parametrize(
    "address", ["https://copied.example/{code}", "HTTPS://X.EXAMPLE/a?c={code}&v=1#t"]
)
def test_our_code_at_anothers_address_is_none_of_ours_and_named(world, address):
    """A copied code on a label that leads elsewhere: who finds it learns which it is."""
    code = world.home.codes(world.bottles)[4]
    text = address.replace("{code}", code)
    (record,) = locate(world.station, None, text).records()
    assert (record["batch"], record["contact"]) == (None, None)
    assert f"the code in it is {world.bottles}:5 of this home" in record["note"]
    assert f"mintmark locate {world.bottles}:5" in record["hint"]
    with pytest.raises(NotFound, match=f"{world.bottles}:5") as caught:
        locate(world.station, text, None)
    assert code not in str(caught.value)


def test_two_codes_of_ours_at_anothers_address_name_none(world):
    one, other = world.home.codes(world.bottles)[4:6]
    text = f"https://copied.example/{one}/{other}"
    (record,) = locate(world.station, None, text).records()
    assert record["note"] == "an address that no batch of this home has"

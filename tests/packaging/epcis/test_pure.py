"""Names, sets of serials and links of the EPCIS export, against naive models."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.errors import UsageError
from mintmark.codegen.ranges import serials
from mintmark.codegen.ranges.aggregation import CodeRanges, CodeRef, Link
from mintmark.codegen.ranges.serials import Range
from mintmark.packaging.epcis import names
from mintmark.packaging.epcis.links import Links
from mintmark.packaging.epcis.names import NamedBatch, NameForm, Naming
from mintmark.packaging.epcis.serial_set import SerialSet

EDGE = 65_536
NUMBERS = st.sets(st.one_of(st.integers(1, 80), st.integers(EDGE - 20, EDGE + 20)), min_size=1)
BOTTLES, CARTONS = "7Q2M-0K4T9WXA", "7Q2M-C4RT0N00"
GTIN = "06901234567892"


@given(st.lists(st.tuples(st.booleans(), NUMBERS), max_size=12))
def test_a_set_of_serials_is_a_set(steps):
    held, model = SerialSet(), set()
    for adding, numbers in steps:
        ranges = serials.of(numbers)
        if adding:
            assert held.add(ranges) == serials.of(numbers - model)
            model |= numbers
        else:
            assert held.discard(ranges) == serials.of(numbers & model)
            model -= numbers


def test_a_hundred_million_serials_are_one_range():
    held, everything = SerialSet(), (Range(1, 100_000_000),)
    assert held.add((Range(70_000_000, 70_000_000),)) == (Range(70_000_000, 70_000_000),)
    assert held.add(everything) == (Range(1, 69_999_999), Range(70_000_001, 100_000_000))
    assert held.discard(everything) == everything


@given(st.data())
def test_children_leave_the_parent_they_are_in(data):
    model = {}
    with Links() as links:
        for parent in range(1, 12):
            free = [n for n in range(1, 60) if n not in model]
            joining = data.draw(st.sets(st.sampled_from(free), max_size=9)) if free else set()
            held = CodeRef(CARTONS, parent)
            links.join(Link(BOTTLES, piece, held) for piece in serials.of(joining))
            model |= dict.fromkeys(joining, held)
            leaving = data.draw(st.sets(st.integers(1, 60), max_size=9))
            found = {
                serial: link.parent
                for link in links.leave(CodeRanges(BOTTLES, serials.of(leaving)))
                for serial in range(link.serials.first, link.serials.last + 1)
            }
            assert found == {serial: model.pop(serial) for serial in leaving & model.keys()}


@pytest.mark.parametrize(
    ("naming", "batch", "code", "expected"),
    [
        (Naming(), NamedBatch(BOTTLES, GTIN), None, f"{names.ID}/01/{GTIN}/21/0K4T9WXA-s7"),
        (Naming(), NamedBatch(BOTTLES, GTIN), "ABC7", f"{names.ID}/01/{GTIN}/21/ABC7"),
        (
            Naming(NameForm.URN, "6901234"), NamedBatch(BOTTLES, GTIN), None,
            "urn:epc:id:sgtin:6901234.056789.0K4T9WXA-s7",
        ),
        (Naming(), NamedBatch(BOTTLES), None, "urn:mintmark:obj:0K4T9WXA-s7"),
        (
            Naming(base="https://example.cn/epcis"), NamedBatch(BOTTLES), "A/C",
            "https://example.cn/epcis/obj/A%2FC",
        ),
        (
            Naming(), NamedBatch(CARTONS, None, lambda _: "006901234000000018"), "UNUSED",
            f"{names.ID}/00/006901234000000018",
        ),
        (
            Naming(NameForm.URN, "6901234"),
            NamedBatch(CARTONS, None, lambda _: "306901234000000018"), None,
            f"{names.ID}/00/306901234000000018",
        ),
        (
            Naming(NameForm.URN, "0690123"),
            NamedBatch(CARTONS, None, lambda _: "306901234000000018"), None,
            "urn:epc:id:sscc:0690123.3400000001",
        ),
    ],
)  # fmt: skip
def test_a_thing_has_one_name(naming, batch, code, expected):
    assert naming.name(batch, 7, code) == expected


def test_the_longest_name_of_our_own_fits_a_gs1_serial():
    own = Naming().name(NamedBatch(BOTTLES, GTIN), 100_000_000).rsplit("/", 1)[1]
    assert len(own) <= 20


def test_hosts_are_in_lower_case():
    found = names.naming("digital-link", None, "HTTPS://Example.CN/Epcis/")
    assert found.base == "https://example.cn/Epcis"
    assert names.location("HTTPS://EXAMPLE.CN/Dock") == "https://example.cn/Dock"
    assert names.location("6901234567892") == f"{names.ID}/414/6901234567892"
    # Thirteen digits of which the last is no check digit are a dealer's own number.
    assert found.party("6901234567890") == "https://example.cn/Epcis/party/6901234567890"
    assert found.party("D 7") == "https://example.cn/Epcis/party/D%207"


@pytest.mark.parametrize(
    "given_",
    [
        ("uuid", None, None),
        ("urn", None, None),
        ("urn", "12345", None),
        ("digital-link", "6901234", None),
        ("digital-link", None, "example.cn"),
        ("digital-link", None, "https://user@example.cn"),
        ("digital-link", None, "https://example.cn/?a"),
    ],
)
def test_a_naming_that_means_nothing_is_refused(given_):
    with pytest.raises(UsageError):
        names.naming(*given_)

"""Proofs that are right are booked as verified, once; and each label tells what `locate` tells."""

import json
from dataclasses import replace

import numpy as np
import pytest
import segno
from contract_shapes import SHAPES, problems
from PIL import Image
from receipt_kit import call
from station_kit import make_home

from mintmark.codegen.errors import Refused
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.locate import locate
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range
from mintmark.packaging.formats.dummy import dummy_codes
from mintmark.packaging.print_check.verify_print import verify_print
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.receipts.units import unit
from mintmark.packaging.reissue import record
from mintmark.packaging.report import package_show

URL = "HTTPS://T.EXAMPLE.COM/{code}"
PACKAGES = {"29JR-6SKXHEW6": ("li", 1, 40), "29JR-6SKXHEW7": ("wu", 41, 60)}
REELS = {"29JR-FFMXBCP4": (1, 20), "29JR-FFMXBCP5": (21, 40), "29JR-FFMXBCP6": (41, 60)}


@pytest.fixture
def home(tmp_path):
    """Bottles 1-40 at Li's, on two reels, 41-60 at Wu's; 1-10 and 30-50 are active."""
    made = make_home(tmp_path)
    station = made.station()
    outer = made.mint(60, station, url=URL, role="outer", product="Green tea").batch
    made.inner = made.mint(60, station, role="inner", pair_of=outer).batch
    ledger, author, key = station.ledger, station.author, made.custodian.public.key_id
    ledger.commit(author, c.ContactAdded("li", "Ms Li", None), c.ContactAdded("wu", "Wu", None))
    layout = record(replace(builtin("csv"), unit_size=20))
    for package, (contact, first, last) in PACKAGES.items():
        units = tuple(
            c.Unit(name, "data/0001.csv", low, high, 20, "s")
            for name, (low, high) in REELS.items() if first <= low <= last
        )  # fmt: skip
        whole = (Range(first, last),)
        ledger.commit(
            author,
            c.ExportBegun(package, outer, whole, contact, "csv", layout=layout),
            c.Packaged(package, URL, "a.zip", 9, "s", "s", key, units),
        )
    for order, first, last in (("a-1", 1, 10), ("a-2", 30, 50)):
        named = (Range(first, last),)
        ledger.commit(author, c.Ordered(order, outer, Action.ACTIVATE, named, line="line-1"))
    made.outer, made.given = outer, made.codes(outer)
    yield made
    made.close()


@pytest.fixture
def proof(home, tmp_path):
    """Reads a picture of the labels of serials, and books them if they are right."""

    def check(serials, *, book=True, name="proof.png"):
        cells = []
        for serial in serials:
            text = serial if isinstance(serial, str) else home.given[serial - 1]
            rows = segno.make_qr(URL.replace("{code}", text), error="M", boost_error=False)
            light = ~np.array([list(row) for row in rows.matrix_iter(border=4)], bool)
            cells.append(np.kron(light, np.ones((4, 4), bool)).astype(np.uint8) * 255)
        Image.fromarray(np.concatenate(cells, axis=1)).save(tmp_path / name)
        found = verify_print(call(home.station()), [tmp_path / name], booked=book)
        (document,) = found.records()
        assert not problems(document, SHAPES["package verify-print"])
        shown = json.dumps(document) + "".join(found.lines())
        assert not [code for code in home.given if code in shown]
        return found, document

    return check


def booked(home):
    """The bodies of the events by which labels were verified."""
    with home.station().ledger.read() as view:
        events = view.events(0, 1_000)
    return [json.loads(event.body) for event in events if event.type == "LabelsVerified"]


def test_a_right_proof_is_booked_with_its_reels(home, proof):
    found, document = proof([19, 20, 21, 22])
    assert (found.ok, found.exit_code, found.reads) == (True, 0, False)
    assert document["packages"][0]["booked"] == [[19, 22]]
    assert booked(home) == [
        {
            "package": "29JR-6SKXHEW6", "units": ["29JR-FFMXBCP4", "29JR-FFMXBCP5"],
            "serials": [[19, 22]], "pictures": 1, "codes": 4,
        }
    ]  # fmt: skip
    assert "  verified      19-22, booked now" in list(found.lines())


def test_what_was_booked_is_not_booked_again(home, proof):
    proof([1, 2, 3])
    again, document = proof([1, 2, 3])
    assert len(booked(home)) == 1
    assert (document["packages"][0]["verified"], document["packages"][0]["booked"]) == (
        [[1, 3]], [],
    )  # fmt: skip
    assert (again.exit_code, again.reads) == (0, True)
    assert list(again.lines())[-1].endswith("these labels are booked as verified already")
    further, _ = proof([2, 3, 4, 5], name="other.png")
    assert [body["serials"] for body in booked(home)] == [[[1, 3]], [[4, 5]]]
    assert booked(home)[1]["codes"] == 2
    assert {"  verified      2-3, booked before", "  verified      4-5, booked now"} <= {
        *further.lines()
    }


def test_labels_of_two_packages_are_booked_together(home, proof):
    _, document = proof([39, 40, 41, 42])
    assert [(p["package"], p["booked"]) for p in document["packages"]] == [
        ("29JR-6SKXHEW6", [[39, 40]]), ("29JR-6SKXHEW7", [[41, 42]]),
    ]  # fmt: skip
    assert [body["package"] for body in booked(home)] == list(PACKAGES)


@pytest.mark.parametrize("wrong", ["missing", "foreign", "void"])
def test_a_proof_with_a_fault_books_nothing_of_it(home, proof, wrong):
    if wrong == "void":
        station = home.station()
        order = c.Ordered(
            "v-1", home.outer, Action.VOID, (Range(42, 42),), reason="damaged", count=1
        )
        station.ledger.commit(station.author, order)
    serials = {
        "missing": [1, 2, 4, 5],
        "foreign": [1, 2, 3, "ABCDEFGHJKMNPQRS"],
        "void": [1, 2, 41, 42],
    }
    found, document = proof(serials[wrong])
    assert (found.exit_code, booked(home)) == (5, [])
    assert [package["booked"] for package in document["packages"] if package["booked"]] == []
    assert list(found.lines())[-1] == "nothing was booked as verified"


def test_without_book_nothing_is_booked(home, proof):
    found, _ = proof([1, 2, 3], book=False)
    assert (found.ok, found.reads, booked(home)) == (True, True, [])
    assert list(found.lines())[-1] == "the proof is right"


def test_labels_of_a_test_package_are_not_in_the_books(home, proof):
    dummies = dummy_codes(Range(1, 3), 16, digits=False).decode()
    found, document = proof([dummies[at : at + 16] for at in (0, 16, 32)])
    assert (found.exit_code, document["labels"], booked(home)) == (0, [], [])
    assert "test package" in list(found.lines())[-1]


def test_another_process_that_books_the_same_is_noticed(home, proof, monkeypatch):
    from mintmark.packaging.print_check import verify_print as module

    def meanwhile(station, packages, read):
        label = c.LabelsVerified("29JR-6SKXHEW6", ("29JR-FFMXBCP4",), (Range(2, 2),), 1, 1)
        station.ledger.commit(station.author, label)
        return book(station, packages, read)

    book = module.book
    monkeypatch.setattr(module, "book", meanwhile)
    with pytest.raises(Refused, match="meanwhile"):
        proof([1, 2, 3])
    assert len(booked(home)) == 1


def test_each_label_tells_what_locate_tells(home, proof):
    found, document = proof([10, 11, 40, 41], book=False)
    for label in document["labels"]:
        picture = label.pop("picture")
        (wanted,) = locate(home.station(), f"{home.outer}:{label['serial']}", None).records()
        assert wanted.pop("picture") is None
        assert label == wanted
        assert picture["file"].endswith("proof.png")
    assert [label["serial"] for label in document["labels"]] == [10, 11, 40, 41]
    lines = "\n".join(found.lines())
    assert "serial 41  active  package 29JR-6SKXHEW7" in lines


def test_each_package_tells_whom_it_was_given_to_and_how_it_came_to_life(home, proof):
    found, document = proof([9, 10, 11, 12, 39, 40, 41, 42], book=False)
    li, wu = document["packages"]
    assert (li["contact"], li["contact_name"], li["product"]) == ("li", "Ms Li", "Green tea")
    assert wu["contact"] == "wu"
    order = {"at": "2026-11-22T08:00:00Z", "line": "line-1", "status": "queued"}
    assert li["activations"] == [
        {"order": "a-1", "serials": [[9, 10]], **order},
        {"order": "a-2", "serials": [[39, 40]], **order},
    ]
    assert wu["activations"] == [{"order": "a-2", "serials": [[41, 42]], **order}]
    assert li["partners"] == [{"batch": home.inner, "role": "inner"}]
    lines = list(found.lines())
    assert "  given to      li (Ms Li)" in lines
    assert (
        "  serials 9-10: activated 2026-11-22 08:00:00Z on line line-1 (order a-1, queued)" in lines
    )


def test_package_unit_and_code_tell_that_they_were_verified(home, proof):
    proof([19, 20, 21])
    station = home.station()
    shown = package_show(station, "29JR-6SKXHEW6")
    assert shown.verified == (Range(19, 21),)
    assert [reel.verified for reel in shown.units] == [2, 1]
    assert "  verified             3 read back from printed labels" in list(shown.lines())
    reel = unit(call(station), "29JR-FFMXBCP4", None, None, None)
    assert reel.verified == 2
    assert "2 verified" in next(reel.lines())
    told = [
        next(locate(station, f"{home.outer}:{n}", None).records())["verified"] for n in (19, 22)
    ]
    assert told == [True, False]
    assert "  verified" in next(locate(station, f"{home.outer}:19", None).lines())
    verify(station.ledger)

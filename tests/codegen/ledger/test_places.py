"""Where ten thousand codes stand: the same as a query per code finds, in few queries."""

import random

import pytest
from ledger_kit import LINE, STATION, clock, create, each_statement, minted, ordered, with_history
from ledger_kit import with_package as package

from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.ledger import _places
from mintmark.codegen.ledger.ledger import Ledger


def single_queries(view, batch, serials):
    for serial in serials:
        standing = view.at(batch, serial)
        units = view.units(standing.package) if standing.package else ()
        holding = [unit.unit for unit in units if unit.first <= serial <= unit.last]
        yield serial, standing, holding[0] if holding else None


def test_all_at_once_are_the_same_as_single_queries(tmp_path):
    with with_history(tmp_path / "ledger.db") as ledger, ledger.read() as view:
        for row in view.batches():
            serials = range(1, row.quantity + 1)
            found = sorted(view.places(row.batch, serials), key=lambda place: place[0])
            assert found == list(single_queries(view, row.batch, serials))
            assert list(view.places(row.batch, [])) == []


@pytest.mark.parametrize("count", [1, _places.AT_ONCE - 1, _places.AT_ONCE, _places.AT_ONCE + 1])
def test_any_number_at_once(tmp_path, count):
    with create(tmp_path / "ledger.db") as ledger:
        ledger.commit(STATION, minted("B", 1_000_000))
        package(ledger, "B", "P", *((n, n + 99) for n in range(1, 2_000, 200)))
        ledger.commit(LINE, ordered("O", "B", "activate", (1, 50), (1_001, 1_100)))
        serials = random.Random(count).sample(range(1, 3_000), count)
        with ledger.read() as view:
            found = {serial: rest for serial, *rest in view.places("B", serials)}
            assert sorted(found) == sorted(serials)
            for serial, standing, unit in single_queries(view, "B", serials):
                assert found[serial] == [standing, unit]


def test_a_thousand_take_few_queries(tmp_path):
    with create(tmp_path / "ledger.db") as ledger:
        ledger.commit(STATION, minted("B", 1_000_000))
    with Ledger.open(tmp_path / "ledger.db", clock()) as ledger, ledger.read() as view:
        queries = []
        with each_statement(ledger, queries.append):
            assert len(list(view.places("B", range(1, 1_000_000, 1_000)))) == 1_000
        assert 1 <= len(queries) <= 1_000 // _places.AT_ONCE


def test_a_serial_in_no_tile_is_a_broken_book(tmp_path):
    with create(tmp_path / "ledger.db") as ledger:
        ledger.commit(STATION, minted("B", 10))
        with ledger.read() as view, pytest.raises(IntegrityError, match="do not balance"):
            list(view.places("B", [5, 11]))

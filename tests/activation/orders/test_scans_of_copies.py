"""A code on three items is genuine three times: with the backend, over the wire."""

import pytest
from line_kit import URL, Backend, client, opened
from station_kit import make_home

from mintmark.activation.delivery.deliver import Courier
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ranges.attributes import from_options
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range


@pytest.fixture
def home(tmp_path):
    """A home whose batch has serials 1-4 in a package, each code on three labels."""
    made = make_home(tmp_path)
    batch = made.mint(4, url=URL).batch
    station, whole = made.station(), (Range(1, 4),)
    key = made.custodian.public.key_id
    unit = c.Unit("U1", "data/0001.csv", 1, 4, 4, "00" * 32)
    station.ledger.commit(
        station.author,
        c.ContactAdded("li", "Ms Li", None),
        c.ExportBegun("P", batch, whole, "li", "csv", copies=3),
        c.Packaged("P", URL, "a.zip", 1, "0" * 64, "0" * 64, key, (unit,)),
    )
    made.close()
    yield made, batch
    made.close()


def test_the_last_label_is_genuine_and_one_scan_more_is_a_repeat(home, tmp_path):
    made, batch = home
    with Backend(tmp_path / "backend", made.path) as backend:
        with opened(made.path) as station, client(backend.url, station) as line:
            for serials, options in (("1", []), ("2", ["max_scans=unlimited"]), ("3", ["lot=L1"])):
                attributes = from_options(options)
                request = OrderRequest(
                    Action.ACTIVATE, batch, BySerials(serials), attributes=attributes
                )
                book(station, request)
            Courier(station, line).deliver()
        codes = made.codes(batch)
        with client(backend.url) as phone:
            scans = {n: [phone.scan(codes[n - 1]).result for _ in range(4)] for n in (1, 2, 3)}
    assert scans == {
        1: ["genuine"] * 3 + ["repeat"],
        2: ["genuine"] * 4,
        3: ["genuine"] * 3 + ["repeat"],
    }


@pytest.mark.parametrize("word", ["unlimited", "不限", "UNLIMITED"])
def test_unlimited_is_the_most_that_the_contract_carries(word):
    assert from_options([f"max_scans={word}"]) == {"max_scans": 1_000_000}

"""`report stock` on a real home and beside a real backend."""

import csv
import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from backend_kit import Clock
from line_kit import Backend, client, ended, home_with_batches, opened, packaged, program

from mintmark.activation.client.wire import ScanIn
from mintmark.activation.delivery.deliver import deliver
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials
from mintmark.activation.stock.stock import StockRequest, stock
from mintmark.codegen.errors import EnvironmentFailure, NotFound, UsageError
from mintmark.codegen.ranges.aggregation import CodeRanges
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range


class Trade:
    """A batch of 300 codes, 1-200 in a package, 1-150 on sale, and a backend beside."""

    def __init__(self, tmp_path):
        # A process of its own has no other clock, and a backend notes whole seconds.
        self.clock = Clock(datetime.now(UTC).replace(microsecond=0))
        self.home, (self.batch,) = home_with_batches(tmp_path)
        self.codes = self.home.codes(self.batch)
        self.backend = Backend(tmp_path / "backend", self.home.path, now=self.clock)

    @contextmanager
    def open(self):
        with opened(self.home.path, self.clock) as station, client(self.backend.url) as line:
            yield station, line

    def order(self, action, serials, *, send=True, **values):
        with self.open() as (station, line):
            request = OrderRequest(
                Action(action), self.batch, BySerials(serials), attributes=values
            )
            book(station, request)
            if send:
                assert not deliver(station, line).queued

    def scan(self, *serials):
        with client(self.backend.url) as phone:
            for serial in serials:
                phone.scan(self.codes[serial - 1])

    def stock(self, by, *batches, since=None):
        with self.open() as (station, line):
            return stock(station, line, StockRequest(by, batches, since))


@pytest.fixture
def trade(tmp_path):
    trade = Trade(tmp_path)
    with trade.backend:
        trade.order("activate", "1-100", lot="L1", dealer="D1")
        trade.order("activate", "101-150", lot="L2", dealer="D1")
        yield trade


def told(report):
    return {group.value: (group.active, group.scanned, group.unscanned) for group in report.groups}


def test_stock_is_told_by_lot_and_by_dealer(trade):
    trade.scan(1, 2, 3, 3, 101)
    trade.scan(151, 300)  # not on sale
    assert told(trade.stock("lot")) == {"L1": (100, 3, 97), "L2": (50, 1, 49)}
    report = trade.stock("dealer")
    assert told(report) == {"D1": (150, 4, 146)}
    assert (report.total.active, report.total.share) == (150, 2.67)
    assert told(trade.stock("region")) == {None: (150, 4, 146)}
    with trade.open() as (station, _), station.ledger.read() as view:
        (package,) = view.packages()
    assert told(trade.stock("package")) == {package.package: (150, 4, 146)}


def test_codes_scanned_for_the_first_time_since_then_are_new(trade):
    trade.scan(1, 2, 101)
    trade.clock.forward(days=1)
    since = trade.clock()
    trade.scan(2, 3, 4, 102)
    report = trade.stock("lot", since=since)
    new = {group.value: (group.scanned, group.new) for group in report.groups}
    assert new == {"L1": (4, 2), "L2": (2, 1)}
    assert report.total.new == 3
    assert any("新扫 new" in line for line in report.lines())
    assert trade.stock("lot").total.new is None


def test_stock_stands_with_the_dealer_that_scanned_it_in_today(trade):
    trade.order("assign", "1-100", gate="scan_in", campaign="NOV")
    trade.clock.forward(seconds=1)
    with client(trade.backend.url) as platform:
        goods = (CodeRanges(trade.batch, (Range(1, 40),)),)
        platform.put_scan_in(ScanIn("in-1", "D7", ranges=goods))
    trade.scan(1, 50)
    report = trade.stock("dealer")
    assert told(report) == {"D1": (110, 1, 109), "D7": (40, 1, 39)}
    assert (report.scan_ins, report.reads) == (1, False)
    # What no dealer has scanned in takes part in no campaign.
    assert told(trade.stock("campaign")) == {None: (110, 1, 109), "NOV": (40, 1, 39)}


def test_goods_that_are_off_sale_are_no_stock(trade):
    trade.scan(1, 2, 3)
    trade.order("freeze", "2-3")
    assert told(trade.stock("lot")) == {"L1": (98, 1, 97), "L2": (50, 0, 50)}


def test_ranges_that_only_the_books_know_are_counted_exactly(trade):
    trade.scan(5, 15, 25, 26, 120)
    trade.order("assign", "11-20", send=False, dealer="D2")
    trade.order("assign", "26-110", send=False, dealer="D3")
    report = trade.stock("dealer")
    assert told(report) == {"D1": (55, 3, 52), "D3": (85, 1, 84), "D2": (10, 1, 9)}
    assert report.queued == 2
    assert any("2 orders queued: send first" in line for line in report.lines())


def test_a_batch_that_the_backend_does_not_know_was_scanned_by_nobody(trade, tmp_path):
    fresh = Backend(tmp_path / "fresh", trade.home.path)
    with fresh, opened(trade.home.path) as station, client(fresh.url) as line:
        report = stock(station, line, StockRequest("lot"))
        assert told(report) == {"L1": (100, 0, 100), "L2": (50, 0, 50)}
        assert report.total.new is None
        since = station.now() - timedelta(days=1)
        assert stock(station, line, StockRequest("lot", since=since)).total.new == 0


def test_what_cannot_be_counted_is_refused(trade):
    with trade.open() as (station, line):
        with pytest.raises(EnvironmentFailure):
            stock(station, None, StockRequest("lot"))
        with pytest.raises(UsageError):
            stock(station, line, StockRequest("shop"))
        with pytest.raises(NotFound):
            stock(station, line, StockRequest("lot", ("GH3T-0000000000",)))
    assert told(trade.stock("lot", trade.batch)) == {"L1": (100, 0, 100), "L2": (50, 0, 50)}


def test_cartons_are_counted_only_if_they_are_named(trade):
    cartons = packaged(trade.home, 10, 10, role="carton")
    items, trade.batch = trade.batch, cartons
    trade.order("activate", "1-10", lot="L1")
    report = trade.stock("lot")
    assert told(report) == {"L1": (100, 0, 100), "L2": (50, 0, 50)}
    assert (report.batches, report.left_out) == ((items,), (cartons,))
    assert any(cartons in line for line in report.lines())
    assert told(trade.stock("lot", cartons)) == {"L1": (10, 0, 10)}


def test_the_command_writes_the_table_and_a_file(trade, tmp_path):
    trade.scan(1, 2)
    file = tmp_path / "stock.csv"
    words = ("report", "stock", "--by", "lot", "--since", "2026-11-01", "--csv", str(file))
    options = {"home": trade.home.path, "url": trade.backend.url}
    code, out, err = ended(program(*words, "--json", **options))
    assert code == 0, err
    report = json.loads(out)
    assert report["groups"][0]["value"] == "L1"
    assert report["csv"] == str(file.absolute())
    with file.open(encoding="utf-8-sig", newline="") as written:
        rows = list(csv.DictReader(written))
    assert [(row["lot"], row["active"], row["scanned"]) for row in rows] == [
        ("L1", "100", "2"),
        ("L2", "50", "0"),
    ]
    before = file.read_bytes()
    code, out, err = ended(program(*words, **options))
    assert (code, out) == (3, "")
    assert "exists already" in err
    assert file.read_bytes() == before
